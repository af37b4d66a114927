/* SPDX-License-Identifier: MIT */
/*
 * anchor.c -- the table of anchored values.
 */
#include "task/anchor.h"

#include <string.h>

#define FIRST_CAPACITY 64u

void lull__anchors_init(lua_State *L, struct lull_anchors *anchors, struct lull_mem *mem)
{
    memset(anchors, 0, sizeof *anchors);
    anchors->mem = mem;
    anchors->next = 1;
    anchors->table = LUA_NOREF;
    lua_newtable(L);
    anchors->table = luaL_ref(L, LUA_REGISTRYINDEX);
}

void lull__anchors_deinit(struct lull_anchors *anchors)
{
    lull__mem_free(anchors->mem, anchors->free,
                   anchors->capacity * sizeof *anchors->free);
    anchors->free = NULL;
    anchors->capacity = anchors->count = 0;
}

/* Room in the free list for one more slot than was ever handed out. */
static bool reserve(struct lull_anchors *anchors)
{
    if (anchors->next < anchors->capacity)
        return true;
    uint32_t old = anchors->capacity;
    if (old > UINT32_MAX / 2)
        return false;
    uint32_t capacity = old != 0 ? old * 2 : FIRST_CAPACITY;
    uint32_t *slots = lull__mem_resize(anchors->mem, anchors->free, old * sizeof *slots,
                                       capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    anchors->free = slots;
    anchors->capacity = capacity;
    return true;
}

uint32_t lull__anchor(lua_State *L, struct lull_anchors *anchors)
{
    uint32_t slot =
        anchors->count > 0 ? anchors->free[anchors->count - 1] : anchors->next;
    if (anchors->count == 0 && !reserve(anchors))
        luaL_error(L, "not enough memory");
    lua_rawgeti(L, LUA_REGISTRYINDEX, anchors->table);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)slot);
    lua_pop(L, 1);
    if (anchors->count > 0)
        anchors->count--;
    else
        anchors->next++;
    return slot;
}

void lull__anchor_release(lua_State *L, struct lull_anchors *anchors, uint32_t slot)
{
    if (slot == 0)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, anchors->table);
    lua_pushboolean(L, 0); /* not nil: the table never shrinks under us */
    lua_rawseti(L, -2, (lua_Integer)slot);
    lua_pop(L, 1);
    anchors->free[anchors->count++] = slot;
}
