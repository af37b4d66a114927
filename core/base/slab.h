/* SPDX-License-Identifier: MIT */
/*
 * slab.h -- small blocks cut from large chunks.
 *
 * Lua makes and drops small objects all the time, says how large they were,
 * and does so on one thread: free lists by size are then three times as fast
 * as malloc and waste no header.  Chunks go back when the slab does; until
 * then what was freed serves the next block of its size.
 *
 * Only the default allocator uses it; a host's own sees every block.  Under
 * AddressSanitizer it passes everything to malloc, so that errors show.
 */
#ifndef LULL_SLAB_H
#define LULL_SLAB_H

#include <stddef.h>

#define LULL_SLAB_STEP 16u   /* blocks are multiples of this */
#define LULL_SLAB_MAX  1024u /* larger blocks are malloc's */

struct lull_slab_chunk;

struct lull_slab {
    void *free[LULL_SLAB_MAX / LULL_SLAB_STEP + 1]; /* first free block by size */
    char *next;                                     /* uncut rest of the newest chunk */
    char *end;
    size_t total;                   /* of all chunks, in bytes */
    size_t chunk_size;              /* of the next one: half of that, up to a bound */
    struct lull_slab_chunk *chunks; /* all of them */
};

void lull__slab_init(struct lull_slab *slab);

/* Give every chunk back.  Blocks above LULL_SLAB_MAX must have been freed. */
void lull__slab_deinit(struct lull_slab *slab);

/* A lua_Alloc (Lua manual 4.6), but osize is a size; ud is the slab. */
void *lull__slab_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

#endif
