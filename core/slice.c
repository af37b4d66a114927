/* SPDX-License-Identifier: MIT */
/*
 * slice.c -- arming and firing the hook.
 */
#include "slice.h"

#include <string.h>

static const char slice_key = 's';

void lull__slice_init(struct lull_slice *slice, void (*on_fire)(lua_State *L, void *arg),
                      void *arg)
{
    memset(slice, 0, sizeof *slice);
    slice->on_fire = on_fire;
    slice->arg = arg;
}

void lull__slice_register(lua_State *L, struct lull_slice *slice)
{
    lua_pushlightuserdata(L, slice);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &slice_key);
}

static void fire(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &slice_key);
    struct lull_slice *slice = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (slice == NULL) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    /* Threads made meanwhile inherit the hook; they only drop it. */
    if (L != slice->armed_thread) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lull__slice_disarm(slice);
    slice->on_fire(L, slice->arg);
}

void lull__slice_arm(struct lull_slice *slice)
{
    lua_State *L = slice->running;
    if (L == NULL || slice->armed)
        return;
    slice->saved_hook = lua_gethook(L);
    slice->saved_mask = lua_gethookmask(L);
    slice->saved_count = lua_gethookcount(L);
    slice->armed_thread = L;
    slice->armed = 1;
    lua_sethook(L, fire, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void lull__slice_run(struct lull_slice *slice, lua_State *L)
{
    slice->running =
        L; /* first: a signal that comes now arms this one, or finds it armed */
    if (slice->armed && slice->armed_thread != L) {
        lull__slice_disarm(slice);
        lull__slice_arm(slice);
    }
}

void lull__slice_disarm(struct lull_slice *slice)
{
    if (!slice->armed)
        return;
    lua_sethook(slice->armed_thread, slice->saved_hook, slice->saved_mask,
                slice->saved_count);
    slice->armed = 0;
    slice->armed_thread = NULL;
}
