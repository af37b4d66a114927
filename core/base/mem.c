/* SPDX-License-Identifier: MIT */
/*
 * mem.c -- counting, limiting, and passing on to the host's allocator.
 */
#include "base/mem.h"

#include <stdint.h>

void lull__mem_init(struct lull_mem *mem, lull_alloc_fn alloc, void *ud, size_t limit)
{
    lull__slab_init(&mem->slab);
    mem->alloc = alloc != NULL ? alloc : lull__slab_alloc;
    mem->ud = alloc != NULL ? ud : &mem->slab;
    mem->used = 0;
    mem->peak = 0;
    mem->refused_at = 0;
    mem->strict = true;
    mem->limit = limit != 0 ? limit : SIZE_MAX;
}

void lull__mem_deinit(struct lull_mem *mem)
{
    lull__slab_deinit(&mem->slab);
}

void *lull__mem_resize(struct lull_mem *mem, void *block, size_t osize, size_t nsize)
{
    if (nsize > osize && mem->strict &&
        (mem->used > mem->limit || nsize - osize > mem->limit - mem->used)) {
        mem->refused_at = mem->used;
        return NULL;
    }
    void *result = mem->alloc(mem->ud, block, osize, nsize);
    if (result == NULL && nsize != 0) {
        mem->refused_at = mem->used;
        return NULL;
    }
    mem->used += nsize - osize;
    if (mem->used > mem->peak)
        mem->peak = mem->used;
    return result;
}

void *lull__mem_new(struct lull_mem *mem, size_t size)
{
    return lull__mem_resize(mem, NULL, 0, size);
}

void lull__mem_free(struct lull_mem *mem, void *block, size_t size)
{
    if (block != NULL)
        lull__mem_resize(mem, block, size, 0);
}

void *lull__mem_lua(void *ud, void *ptr, size_t osize, size_t nsize)
{
    if (ptr == NULL) {
        osize = 0; /* Lua passes the kind of object here */
        if (nsize == 0)
            return NULL;
    }
    return lull__mem_resize(ud, ptr, osize, nsize);
}
