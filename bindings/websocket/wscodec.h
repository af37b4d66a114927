/* SPDX-License-Identifier: MIT */
/*
 * wscodec.h -- one side of a WebSocket connection (RFC 6455, 7692), as bytes.
 *
 * Bytes that came go in and events come out: messages, pings, pongs, the
 * peer's Close, or what it did wrong and with which code that is answered.
 * Messages go in and frames come out.  It knows no Lua, no socket and no time.
 *
 *   1. Strict: what the peer may not send ends the connection as soon as it can
 *      be known, in the middle of a frame or of a character.
 *   2. Bounded: a message is never longer than max_message, compressed or not,
 *      and grows only with what has come.
 *   3. After CLOSE or FAILED nothing more comes out, whatever goes in.
 */
#ifndef LULLB_WSCODEC_H
#define LULLB_WSCODEC_H

#include "websocket/wsbytes.h"
#include "websocket/wsdeflate.h"
#include "websocket/wsframe.h"
#include "websocket/wsutf8.h"

/* Codes that say how it ended (RFC 6455, section 7.4). */
enum lullb_wscode {
    LULLB_WSCODE_PROTOCOL = 1002,
    LULLB_WSCODE_NONE = 1005, /* never sent: the Close had no code */
    LULLB_WSCODE_INVALID = 1007,
    LULLB_WSCODE_TOO_BIG = 1009,
    LULLB_WSCODE_INTERNAL = 1011
};

enum lullb_wsevent {
    LULLB_WSEVENT_NONE, /* the input is used up */
    LULLB_WSEVENT_TEXT,
    LULLB_WSEVENT_BINARY,
    LULLB_WSEVENT_PING,
    LULLB_WSEVENT_PONG,
    LULLB_WSEVENT_CLOSE, /* with a code, and the reason as bytes */
    LULLB_WSEVENT_FAILED /* with a code, and the reason as text */
};

/* What came; the bytes are valid until the next call. */
struct lullb_wsmessage {
    const uint8_t *bytes;
    size_t size;
    unsigned code;
    const char *text;
};

struct lullb_wscodec_options {
    bool server;        /* else a client: who masks */
    size_t max_message; /* bytes, inflated */
    size_t max_frame;   /* bytes, as they come */
    struct lullb_wsdeflate_options deflate;
};

struct lullb_wscodec {
    struct lullb_wsmemory memory;
    struct lullb_wsparser parser;
    struct lullb_wsdeflate zip;
    size_t max_message;
    size_t max_frame;
    struct lullb_wsbytes message; /* what came of the one in progress */
    struct lullb_wsutf8 utf8;     /* where it ended, if it is text */
    uint8_t opcode;               /* TEXT or BINARY; 0: none is in progress */
    uint8_t frame;                /* opcode of the frame in progress */
    bool server;
    bool compressed; /* the message in progress is */
    bool over;       /* nothing more comes out */
    uint8_t control_size;
    uint8_t control[LULLB_WSCONTROL]; /* what came of a control frame */
};

/* Of a codec that is not to move in memory. */
void lullb_wscodec_init(struct lullb_wscodec *codec,
                        const struct lullb_wscodec_options *options,
                        struct lullb_wspool *pool, const struct lullb_wsmemory *memory);
/* Idempotent; of all zero, too. */
void lullb_wscodec_deinit(struct lullb_wscodec *codec);

/* Bytes that came: borrowed until lullb_wscodec_left() is 0. */
static inline void lullb_wscodec_feed(struct lullb_wscodec *codec, const void *bytes,
                                      size_t size)
{
    codec->parser.input = bytes;
    codec->parser.input_size = size;
}

/* How many of them have not been looked at. */
static inline size_t lullb_wscodec_left(const struct lullb_wscodec *codec)
{
    return codec->parser.input_size;
}

/* Go on with the input until something happens. */
enum lullb_wsevent lullb_wscodec_next(struct lullb_wscodec *codec,
                                      struct lullb_wsmessage *message);

/* A frame to be sent: header and payload, one behind the other. */
struct lullb_wssend {
    struct lullb_wsframe frame;
    struct lullb_wsbytes block; /* what the payload may lie in */
    const uint8_t *payload;
    size_t size;
};

/*
 * Make a frame of a message or of a control frame's payload, which is borrowed.
 * False: no memory; else free it with lullb_wssend_deinit().
 */
bool lullb_wscodec_send(struct lullb_wscodec *codec, enum lullb_wsopcode opcode,
                        const void *bytes, size_t size, struct lullb_wssend *send);
void lullb_wssend_deinit(struct lullb_wscodec *codec, struct lullb_wssend *send);

/* May an endpoint send this code in a Close? */
bool lullb_wscode_is_valid(unsigned code);

#endif
