/* SPDX-License-Identifier: MIT */
/*
 * wsbytes.h -- bytes that grow, for the WebSocket codec, which knows no Lua.
 *
 * Whose memory it is, is the caller's to say: the runtime's account in lull,
 * the C library's in a fuzzer.  All zero is empty.
 */
#ifndef LULLB_WSBYTES_H
#define LULLB_WSBYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lullb_wsmemory {
    /* As realloc, with the old size: `block` NULL allocates, `nsize` 0 frees. */
    void *(*resize)(void *owner, void *block, size_t osize, size_t nsize);
    void *owner;
};

struct lullb_wsbytes {
    uint8_t *bytes; /* NULL: no block */
    size_t size;
    size_t capacity;
};

/* Make room for `room` more bytes; false when memory is refused: nothing changed. */
bool lullb_wsbytes_reserve(const struct lullb_wsmemory *memory,
                           struct lullb_wsbytes *bytes, size_t room);

bool lullb_wsbytes_append(const struct lullb_wsmemory *memory,
                          struct lullb_wsbytes *bytes, const void *from, size_t size);

/* Empty it.  A small block is kept, so that short messages cost no allocation. */
void lullb_wsbytes_clear(const struct lullb_wsmemory *memory,
                         struct lullb_wsbytes *bytes);

/* Give the block back: empty again. */
void lullb_wsbytes_free(const struct lullb_wsmemory *memory, struct lullb_wsbytes *bytes);

#endif
