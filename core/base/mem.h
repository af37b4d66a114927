/* SPDX-License-Identifier: MIT */
/*
 * mem.h -- a runtime's memory: the host's allocator, an exact count, a limit.
 *
 * Every byte a runtime holds, Lua's included, comes from here, so that the
 * count is exact and a runtime that was freed has given back all of it.
 *
 * Growth that would pass the limit is refused while `strict`: while scripts run.
 * What the host itself pushes is counted and never refused for the limit, since
 * it would be refused by an error that nobody catches.  Giving memory back never
 * fails.  Blocks carry no header: whoever frees one says how large it was, as
 * lua_Alloc does.  A runtime's memory belongs to the runtime's thread.
 */
#ifndef LULL_MEM_H
#define LULL_MEM_H

#include "base/slab.h"
#include "lull.h"

#include <stdbool.h>
#include <stddef.h>

struct lull_mem {
    lull_alloc_fn alloc;   /* never NULL */
    void *ud;              /* handed to alloc */
    size_t used;           /* bytes in use now */
    size_t peak;           /* the most there ever were */
    size_t limit;          /* SIZE_MAX: none */
    bool strict;           /* the limit holds */
    size_t refused_at;     /* `used` when growth was last refused; 0: it never was */
    struct lull_slab slab; /* the default allocator's */
};

/* alloc NULL means our own, on malloc; limit 0 means none.  It must not move. */
void lull__mem_init(struct lull_mem *mem, lull_alloc_fn alloc, void *ud, size_t limit);

/* Everything has been freed: give back what the default allocator kept. */
void lull__mem_deinit(struct lull_mem *mem);

/*
 * Was growth refused, and has little been given back since?  Then asking again
 * costs a full collection each time: do without where one can.
 */
static inline int lull__mem_is_short(const struct lull_mem *mem)
{
    return mem->refused_at != 0 && mem->used > mem->refused_at / 4 * 3;
}

/* Hold to the limit, or not; returns what it was. */
static inline bool lull__mem_hold(struct lull_mem *mem, bool strict)
{
    bool before = mem->strict;
    mem->strict = strict;
    return before;
}

/* A block of `size` > 0 bytes, not cleared; NULL when refused. */
void *lull__mem_new(struct lull_mem *mem, size_t size);

/* Change a block's size; NULL (the block stays as it was) when growth is refused. */
void *lull__mem_resize(struct lull_mem *mem, void *block, size_t osize, size_t nsize);

/* Give a block back; NULL is allowed. */
void lull__mem_free(struct lull_mem *mem, void *block, size_t size);

/* The same as a lua_Alloc; ud is the struct lull_mem. */
void *lull__mem_lua(void *ud, void *ptr, size_t osize, size_t nsize);

#endif
