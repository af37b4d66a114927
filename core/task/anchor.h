/* SPDX-License-Identifier: MIT */
/*
 * anchor.h -- Lua values that C holds on to, by number.
 *
 * One Lua table in the registry, indexed by slots that are handed out from a
 * free list in C: a third of the cost of luaL_ref.  Releasing never fails and
 * never raises.  Slot 0 means "nothing".
 */
#ifndef LULL_ANCHOR_H
#define LULL_ANCHOR_H

#include "base/compat.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct lull_anchors {
    struct lull_mem *mem;
    uint32_t *free;    /* free slots, a stack */
    uint32_t count;    /* how many are in it */
    uint32_t capacity; /* room in it: never less than slots handed out */
    uint32_t next;     /* the first slot never handed out */
    int table;         /* registry reference of the table */
};

/* May raise (memory). */
void lull__anchors_init(lua_State *L, struct lull_anchors *anchors, struct lull_mem *mem);
void lull__anchors_deinit(struct lull_anchors *anchors);

/* Pop a value and keep it; returns its slot, never 0.  May raise (memory). */
uint32_t lull__anchor(lua_State *L, struct lull_anchors *anchors);

/* Push the value of a slot; needs two stack slots. */
static inline void lull__anchor_push(lua_State *L, const struct lull_anchors *anchors,
                                     uint32_t slot)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, anchors->table);
    lua_rawgeti(L, -1, (lua_Integer)slot);
    lua_remove(L, -2);
}

/* Let a value go; 0 is allowed.  Needs two stack slots. */
void lull__anchor_release(lua_State *L, struct lull_anchors *anchors, uint32_t slot);

#endif
