/* SPDX-License-Identifier: MIT */
/*
 * buffer.h -- bytes that come in at the end and go out at the front.
 *
 * One block on the runtime's account, grown by doubling.  What is small is
 * kept when the buffer runs empty, so that short messages cost no allocation;
 * what is large is given back at once, so that idle streams hold little.
 * All zero is an empty buffer.
 *
 * While there is something in it, its block counts as held for scripts, unless it
 * is `scratch`.  Where a function fails, errno is ENOBUFS when memory is refused, or
 * EDQUOT when more would be held than the host allows.
 */
#ifndef LULLB_BUFFER_H
#define LULLB_BUFFER_H

#include "lull_ext.h"

#include <stddef.h>

struct lullb_buffer {
    char *bytes; /* NULL: no block */
    size_t capacity;
    size_t from;    /* the first byte that is in it */
    size_t to;      /* behind the last */
    size_t charged; /* bytes of the block that are counted */
    bool scratch;   /* none are: nothing stays in it between two calls */
};

static inline size_t lullb_buffer_size(const struct lullb_buffer *buffer)
{
    return buffer->to - buffer->from;
}

static inline const char *lullb_buffer_bytes(const struct lullb_buffer *buffer)
{
    return buffer->bytes != NULL ? buffer->bytes + buffer->from : "";
}

/*
 * Make room for at least `size` more bytes and return where they go; *room
 * says how much there is.  NULL, and errno, when that is refused: nothing has changed.
 */
char *lullb_buffer_reserve(struct lull_runtime *rt, struct lullb_buffer *buffer,
                           size_t size, size_t *room);

/* `size` bytes were written where lullb_buffer_reserve() said. */
void lullb_buffer_commit(struct lullb_buffer *buffer, size_t size);

/* Add bytes; false, and errno, when that is refused: nothing has changed. */
bool lullb_buffer_append(struct lull_runtime *rt, struct lullb_buffer *buffer,
                         const char *bytes, size_t size);

/* How many bytes, at most `wanted`, could be added now; memory for them is another matter. */
size_t lullb_buffer_room(struct lull_runtime *rt, const struct lullb_buffer *buffer,
                         size_t wanted);

/* Remove bytes from the front. */
void lullb_buffer_consume(struct lull_runtime *rt, struct lullb_buffer *buffer,
                          size_t size);

/* Remove all bytes, but keep the block, however large it is. */
void lullb_buffer_empty(struct lull_runtime *rt, struct lullb_buffer *buffer);

/* Give the block back: empty again. */
void lullb_buffer_clear(struct lull_runtime *rt, struct lullb_buffer *buffer);

#endif
