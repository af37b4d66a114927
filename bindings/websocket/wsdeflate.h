/* SPDX-License-Identifier: MIT */
/*
 * wsdeflate.h -- permessage-deflate (RFC 7692): messages through zlib.
 *
 * Each direction has a zlib stream that is made when it is first needed: an
 * idle connection, or one whose messages are all short, costs nothing.  With
 * "no context takeover" the stream is given back after every message.
 */
#ifndef LULLB_WSDEFLATE_H
#define LULLB_WSDEFLATE_H

#include "websocket/wsbytes.h"

#include <zlib.h>

/* What was negotiated, and how to compress.  All zero: no compression. */
struct lullb_wsdeflate_options {
    bool enabled;
    bool send_reset;    /* every message for itself, of what is sent... */
    bool receive_reset; /* ...and what is received */
    int send_bits;      /* window: 9 to 15; 0: send nothing compressed */
    int receive_bits;   /* 8 to 15 */
    int level;          /* 1 to 9 */
    int memory_level;   /* 1 to 9 */
    size_t threshold;   /* send what is shorter as it is */
};

struct lullb_wsdeflate {
    struct lullb_wsdeflate_options options;
    struct lullb_wsmemory memory;
    z_stream *sender;   /* NULL: none */
    z_stream *receiver; /* NULL: none */
    unsigned finals;    /* last blocks that the message being received had */
};

enum lullb_wsinflated {
    LULLB_WSINFLATED,
    LULLB_WSINFLATE_INVALID,
    LULLB_WSINFLATE_TOO_LONG, /* more than `limit` bytes */
    LULLB_WSINFLATE_NO_MEMORY
};

/* Inflate a piece of a message, adding to `out`, which may hold `limit` bytes. */
enum lullb_wsinflated lullb_wsinflate(struct lullb_wsdeflate *zip, const uint8_t *bytes,
                                      size_t size, struct lullb_wsbytes *out,
                                      size_t limit);

/* The message has ended: inflate the tail that its sender has left out. */
enum lullb_wsinflated lullb_wsinflate_end(struct lullb_wsdeflate *zip,
                                          struct lullb_wsbytes *out, size_t limit);

/* Is a message of this size to be sent compressed? */
static inline bool lullb_wsdeflate_is_wanted(const struct lullb_wsdeflate *zip,
                                             size_t size)
{
    return zip->options.send_bits != 0 && size > 0 && size >= zip->options.threshold;
}

/* Compress a whole message, at least a byte, into `out`.  False: no memory. */
bool lullb_wsdeflate(struct lullb_wsdeflate *zip, const uint8_t *bytes, size_t size,
                     struct lullb_wsbytes *out);

/* What was compressed last will not be sent: refer to nothing that came before. */
void lullb_wsdeflate_forget(struct lullb_wsdeflate *zip);

void lullb_wsdeflate_deinit(struct lullb_wsdeflate *zip);

#endif
