/* SPDX-License-Identifier: MIT */
/*
 * slab.c -- free lists and chunks.
 */
#include "base/slab.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define PASS_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PASS_THROUGH 1
#endif
#endif
#ifndef PASS_THROUGH
#define PASS_THROUGH 0
#endif

#define FIRST_CHUNK ((size_t)32 * 1024)
#define LEAST_CHUNK ((size_t)8 * 1024)
#define LAST_CHUNK  ((size_t)1024 * 1024)

struct lull_slab_chunk {
    struct lull_slab_chunk *next;
    size_t pad; /* keeps the blocks aligned to LULL_SLAB_STEP */
};

void lull__slab_init(struct lull_slab *slab)
{
    memset(slab, 0, sizeof *slab);
    slab->chunk_size = FIRST_CHUNK;
}

void lull__slab_deinit(struct lull_slab *slab)
{
    while (slab->chunks != NULL) {
        struct lull_slab_chunk *chunk = slab->chunks;
        slab->chunks = chunk->next;
        free(chunk);
    }
    lull__slab_init(slab);
}

static size_t class_of(size_t size)
{
    return (size + LULL_SLAB_STEP - 1) / LULL_SLAB_STEP;
}

/* Cut the rest of the chunk into free blocks, so that nothing of it is lost. */
static void use_up(struct lull_slab *slab)
{
    size_t rest = (size_t)(slab->end - slab->next);
    while (rest >= LULL_SLAB_STEP) {
        size_t size = rest < LULL_SLAB_MAX ? rest : LULL_SLAB_MAX;
        *(void **)(void *)slab->next = slab->free[size / LULL_SLAB_STEP];
        slab->free[size / LULL_SLAB_STEP] = slab->next;
        slab->next += size;
        rest -= size;
    }
}

static int add_chunk(struct lull_slab *slab)
{
    struct lull_slab_chunk *chunk = malloc(slab->chunk_size);
    while (chunk == NULL && slab->chunk_size > LEAST_CHUNK) { /* memory is short */
        slab->chunk_size /= 2;
        chunk = malloc(slab->chunk_size);
    }
    if (chunk == NULL)
        return 0;
    use_up(slab);
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    slab->next = (char *)(chunk + 1);
    slab->end = (char *)chunk + slab->chunk_size;
    slab->total += slab->chunk_size;
    slab->chunk_size = slab->total / 2 < LAST_CHUNK ? slab->total / 2 : LAST_CHUNK;
    return 1;
}

static void *take(struct lull_slab *slab, size_t size)
{
    size_t class = class_of(size);
    void *block = slab->free[class];
    if (block != NULL) {
        slab->free[class] = *(void **)block;
        return block;
    }
    size = class * LULL_SLAB_STEP;
    if ((size_t)(slab->end - slab->next) < size && !add_chunk(slab))
        return NULL;
    block = slab->next;
    slab->next += size;
    return block;
}

static void give_back(struct lull_slab *slab, void *block, size_t size)
{
    size_t class = class_of(size);
    *(void **)block = slab->free[class];
    slab->free[class] = block;
}

static void release(struct lull_slab *slab, void *ptr, size_t size)
{
    if (ptr == NULL)
        return;
    if (size > LULL_SLAB_MAX || PASS_THROUGH)
        free(ptr);
    else
        give_back(slab, ptr, size);
}

/* Move between sizes where at least one of them is small. */
static void *move(struct lull_slab *slab, void *ptr, size_t osize, size_t nsize)
{
    void *block = nsize > LULL_SLAB_MAX ? malloc(nsize) : take(slab, nsize);
    if (block == NULL) /* Lua relies on shrinking: the block is only larger than needed */
        return nsize < osize ? ptr : NULL;
    memcpy(block, ptr, osize < nsize ? osize : nsize);
    release(slab, ptr, osize);
    return block;
}

void *lull__slab_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct lull_slab *slab = ud;
    if (nsize == 0) {
        release(slab, ptr, osize);
        return NULL;
    }
    if (PASS_THROUGH || (nsize > LULL_SLAB_MAX && (ptr == NULL || osize > LULL_SLAB_MAX)))
        return realloc(ptr, nsize);
    if (ptr == NULL)
        return take(slab, nsize);
    if (osize <= LULL_SLAB_MAX && class_of(osize) == class_of(nsize))
        return ptr;
    return move(slab, ptr, osize, nsize);
}
