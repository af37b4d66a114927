/* SPDX-License-Identifier: MIT */
/*
 * iter.c -- the state block that gsub and sort keep between calls.
 *
 * Without it every call would make a userdata, which costs as much as a short
 * gsub, and feeds the collector.  The block stays in its upvalue and says itself
 * whether a call is using it.  Whoever comes meanwhile (a callback, another
 * coroutine) makes a new one and leaves that in the upvalue; the old one lives on
 * in the slot of its user.  So does one whose user failed and never cleared it.
 */
#include "stdlib/iter.h"

void *lull__scratch_take(lua_State *L, size_t size, int slot)
{
    int kept = lua_upvalueindex(LULL__ITER_SCRATCH);
    struct lull__scratch *block = lua_touserdata(L, kept);
    if (block != NULL && !block->busy) {
        lua_copy(L, kept, slot);
    } else {
        block = lua_newuserdatauv(L, size, 0);
        lua_replace(L, slot);
        if (!lua_isnone(L, kept))
            lua_copy(L, slot, kept);
    }
    block->busy = true;
    return block;
}
