/* SPDX-License-Identifier: MIT */
/*
 * ext.c -- the functions of lull_ext.h that need the whole runtime.
 */
#include "runtime/runtime.h"

static const char runtime_key = 'R'; /* registry: the runtime */

void lull__ext_init(lua_State *L, struct lull_runtime *rt)
{
    lua_pushlightuserdata(L, rt);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &runtime_key);
}

struct lull_runtime *lull_runtime_find(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &runtime_key);
    struct lull_runtime *rt = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return rt;
}

void lull_set_functions(lua_State *L, struct lull_runtime *rt, const luaL_Reg *functions)
{
    lua_pushlightuserdata(L, rt);
    luaL_setfuncs(L, functions, 1);
}

void *lull_alloc(struct lull_runtime *rt, size_t size)
{
    return lull__mem_new(&rt->mem, size);
}

void *lull_realloc(struct lull_runtime *rt, void *block, size_t osize, size_t nsize)
{
    return lull__mem_resize(&rt->mem, block, osize, nsize);
}

void lull_release(struct lull_runtime *rt, void *block, size_t size)
{
    lull__mem_free(&rt->mem, block, size);
}

static bool start_timer(struct lull_runtime *rt, struct lull_timers *timers,
                        struct lull_timer *timer, double seconds,
                        void (*due)(struct lull_timer *timer))
{
    uint64_t at = lull__timers_after(timers, seconds);
    if (at == LULL_NEVER) {
        timer->slot = 0;
        timer->timers = timers;
        return true;
    }
    if (!lull__timer_start(timers, timer, at, due))
        return false;
    /* Outside a turn nobody looks at the heap before blocking: have one. */
    if (!rt->sched.in_turn)
        lull__loop_wake(&rt->loop);
    return true;
}

bool lull_timer_start_after(struct lull_runtime *rt, struct lull_timer *timer,
                            double seconds, void (*due)(struct lull_timer *timer))
{
    return start_timer(rt, rt->tasks.timers, timer, seconds, due);
}

bool lull_timer_start_real(struct lull_runtime *rt, struct lull_timer *timer,
                           double seconds, void (*due)(struct lull_timer *timer))
{
    return start_timer(rt, &rt->guards, timer, seconds, due);
}

void lull_hold(struct lull_runtime *rt)
{
    rt->loop.holds++;
}

void lull_unhold(struct lull_runtime *rt)
{
    rt->loop.holds--;
}

void lull_push_class(lua_State *L, struct lull_runtime *rt, const char *name,
                     const luaL_Reg *methods, const luaL_Reg *meta)
{
    if (!luaL_newmetatable(L, name))
        return;
    lua_newtable(L);
    lull_set_functions(L, rt, methods);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    if (meta != NULL)
        lull_set_functions(L, rt, meta);
}
