/* SPDX-License-Identifier: MIT */
/*
 * wsframe.h -- WebSocket frames (RFC 6455, section 5), by libwslay.
 *
 * Bytes become pieces of frames, payloads become frames; what frames mean is
 * wscodec.h's.  wslay's contexts are large (4 KiB), so a parser has one only
 * while it is inside a frame or holds bytes of the next: an idle connection has
 * none.  They come from the pool, which also has the one that all sending goes
 * through, and random bytes for masks.
 *
 * Ownership: a pool outlives its parsers.  Thread: one.
 */
#ifndef LULLB_WSFRAME_H
#define LULLB_WSFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LULLB_WSHEADER  14u  /* bytes of the longest header */
#define LULLB_WSCONTROL 125u /* bytes of the longest payload of a control frame */

enum lullb_wsopcode {
    LULLB_WSOP_CONTINUATION = 0x0,
    LULLB_WSOP_TEXT = 0x1,
    LULLB_WSOP_BINARY = 0x2,
    LULLB_WSOP_CLOSE = 0x8,
    LULLB_WSOP_PING = 0x9,
    LULLB_WSOP_PONG = 0xA
};

#define LULLB_WSRSV1 4u /* of the three reserved bits: a compressed message (RFC 7692) */

struct lullb_wscontext;

struct lullb_wspool {
    struct lullb_wscontext *spare;  /* for the next parser that needs one */
    struct lullb_wscontext *sender; /* what frames are made with */
    uint8_t random[256];
    size_t unused; /* of the random bytes, at the end */
    bool closed;   /* keep no more contexts */
};

/* All zero is an open pool.  Give everything back; parsers may still be deinited. */
void lullb_wspool_deinit(struct lullb_wspool *pool);

/* ---- receiving ---------------------------------------------------------- */

struct lullb_wsparser {
    struct lullb_wspool *pool;
    struct lullb_wscontext *context; /* NULL: between frames, and nothing held */
    const uint8_t *input;            /* what to go on with; the caller's */
    size_t input_size;
    uint64_t held; /* bytes that wslay has taken and not given out as pieces */
    uint64_t left; /* payload of the frame begun that is still to come */
};

/* A part of a frame, as it came; unmasked. */
struct lullb_wspiece {
    bool first; /* it begins the frame */
    bool last;  /* it ends the frame */
    bool fin;
    bool masked;
    uint8_t rsv;
    uint8_t opcode;
    uint64_t length;      /* of the frame's payload */
    const uint8_t *bytes; /* valid until the next call */
    size_t size;
};

enum lullb_wsgot {
    LULLB_WSGOT_PIECE,
    LULLB_WSGOT_NOTHING, /* the input is used up */
    LULLB_WSGOT_BROKEN,  /* no frame, or a long or fragmented control frame */
    LULLB_WSGOT_NO_MEMORY
};

/* The next piece that is in the input, which is advanced. */
enum lullb_wsgot lullb_wsparser_next(struct lullb_wsparser *parser,
                                     struct lullb_wspiece *piece);

void lullb_wsparser_deinit(struct lullb_wsparser *parser);

/* ---- sending ------------------------------------------------------------ */

struct lullb_wsframe {
    uint8_t header[LULLB_WSHEADER];
    uint8_t header_size;
    bool fin;
    bool masked;
    uint8_t rsv;
    uint8_t opcode;
    const uint8_t *payload;
    size_t size;
    uint8_t *room; /* of a masked frame: where the payload goes, masked */
};

/* Make the header, and mask the payload.  False: no memory, or no random bytes. */
bool lullb_wsframe_make(struct lullb_wspool *pool, struct lullb_wsframe *frame);

#endif
