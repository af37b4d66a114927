/* SPDX-License-Identifier: MIT */
/*
 * coder.h -- one stream being compressed or expanded, by whichever library.
 *
 * Plain C.  A coder is opened once, stepped through its input, and closed once;
 * closing one that is not open does nothing.
 */
#ifndef LULLB_CODER_H
#define LULLB_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the bytes given to a step are for. */
enum lullb_coder_aim {
    LULLB_CODER_TAKE,  /* take them in; output may wait inside */
    LULLB_CODER_FLUSH, /* and give out all there is (compressing only) */
    LULLB_CODER_FINISH /* and end the stream (compressing only) */
};

enum lullb_coder_result {
    LULLB_CODER_MORE,  /* step again, with room: input or output is left */
    LULLB_CODER_DONE,  /* the aim is reached: all input is taken */
    LULLB_CODER_ENDED, /* expanding: the stream is over; input may be left */
    LULLB_CODER_BROKEN,
    LULLB_CODER_MEMORY
};

struct lullb_coder_io {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_left;
};

struct lullb_coder {
    const struct lullb_coder_type *type;
    bool expands;
    void *state; /* NULL: not open */
};

struct lullb_coder_type {
    const char *name; /* the content coding */
    int lowest;       /* levels */
    int highest;
    int usual;
    bool (*open)(struct lullb_coder *coder, int level); /* false: no memory */
    enum lullb_coder_result (*step)(struct lullb_coder *coder, struct lullb_coder_io *io,
                                    enum lullb_coder_aim aim);
    void (*close)(struct lullb_coder *coder);
    bool can_compress; /* some libraries come in halves */
    bool can_expand;
};

extern const struct lullb_coder_type lullb_coder_gzip;
extern const struct lullb_coder_type lullb_coder_deflate;
extern const struct lullb_coder_type lullb_coder_brotli;
extern const struct lullb_coder_type lullb_coder_zstd;

#endif
