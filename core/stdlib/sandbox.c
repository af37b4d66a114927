/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c -- cutting the standard libraries down.
 *
 * Upvalues of every function here: 1 the runtime, 2 what stock has under this name.
 */
#include "stdlib/sandbox.h"

#include "stdlib/iolib.h"
#include "stdlib/oslib.h"
#include "task/permission.h"
#include "task/view.h"

#include <string.h>

static const char frozen_key = 'f'; /* registry: true once strings are frozen */

/* ---- debug ---------------------------------------------------------------------------- */

/* Call what stock has with all arguments, and return its results. */
static int call_stock(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* getinfo([thread,] f [, what]): without the function itself. */
static int l_getinfo(lua_State *L)
{
    int level = lua_isthread(L, 1) ? 2 : 1;
    if ((level == 1 || lua_tothread(L, 1) == L) && lua_isinteger(L, level) &&
        lua_tointeger(L, level) >= 0 && lua_tointeger(L, level) < LUA_MAXINTEGER) {
        lua_pushinteger(L, lua_tointeger(L, level) + 1); /* past this function */
        lua_replace(L, level);
    }
    call_stock(L);
    if (lua_istable(L, 1)) {
        lua_pushnil(L);
        lua_setfield(L, 1, "func");
    }
    return lua_gettop(L);
}

/* ---- what remains of others --------------------------------------------------------- */

static int l_collectgarbage(lua_State *L)
{
    static const char *const allowed[] = {"collect", "step", "count", "isrunning"};
    const char *what = luaL_optstring(L, 1, "collect");
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (strcmp(what, allowed[i]) == 0)
            return call_stock(L);
    }
    return lull__deny(L, "collectgarbage", LULL_MAY_ALL, NULL);
}

/* setmetatable(t, metatable): a __gc in it does not count. */
static int l_setmetatable(lua_State *L)
{
    if (!lua_istable(L, 2))
        return call_stock(L);
    lua_settop(L, 2);
    lua_pushliteral(L, "__gc");
    lua_rawget(L, 2); /* 3: the finalizer */
    if (lua_isnil(L, 3)) {
        lua_settop(L, 2);
        return call_stock(L);
    }
    lua_pushliteral(L, "__gc");
    lua_pushnil(L);
    lua_rawset(L, 2);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    int status = lua_pcall(L, 2, 1, 0);
    lua_pushliteral(L, "__gc");
    lua_pushvalue(L, 3);
    lua_rawset(L, 2); /* as it was: the key is still there */
    return status == LUA_OK ? 1 : lua_error(L);
}

/* ---- strings ------------------------------------------------------------------------ */

/* Push a copy of the table at `index`, and of nothing in it. */
static void push_copy(lua_State *L, int index)
{
    int count = 0;
    index = lua_absindex(L, index);
    lua_pushnil(L);
    for (; lua_next(L, index) != 0; count++)
        lua_pop(L, 1);
    lua_createtable(L, 0, count); /* growing it would cost as much again */
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

void lull__sandbox_freeze_strings(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &frozen_key) != LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    lua_pushliteral(L, "");
    if (!lua_getmetatable(L, -1)) {
        lua_pop(L, 2);
        return;
    }
    int metatable = lua_gettop(L);
    push_copy(L, metatable); /* scripts may have got hold of the one that it has */
    lua_replace(L, metatable);
    push_copy(L, metatable); /* what getmetatable("") shows */
    if (lua_getfield(L, metatable, "__index") == LUA_TTABLE) {
        push_copy(L, -1);
        lua_pushvalue(L, -1);
        lua_setfield(L, metatable, "__index");
        lua_setfield(L, metatable + 1, "__index");
    }
    lua_settop(L, metatable + 1);
    lull__view_push(L, metatable + 1);
    lua_setfield(L, metatable, "__metatable");
    lua_pushvalue(L, metatable);
    lua_setmetatable(L, metatable - 1);
    lua_pushboolean(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &frozen_key);
    lua_settop(L, metatable - 3);
}

/* ---- setting up --------------------------------------------------------------------- */

/* Wrap t[name], of the table on top: fn has what is there as upvalue 2. */
static void wrap(lua_State *L, struct lull_tasks *tasks, const char *name,
                 lua_CFunction fn)
{
    lua_pushlightuserdata(L, tasks);
    lua_getfield(L, -2, name);
    lua_pushcclosure(L, fn, 2);
    lua_setfield(L, -2, name);
}

static void cut_debug(lua_State *L, struct lull_tasks *tasks,
                      const struct lull_places *at)
{
    lua_createtable(L, 0, 2);
    if (lua_getfield(L, at->loaded, LUA_DBLIBNAME) == LUA_TTABLE) {
        lua_getfield(L, -1, "traceback");
        lua_setfield(L, -3, "traceback");
        lua_getfield(L, -1, "getinfo");
        lua_setfield(L, -3, "getinfo");
    }
    lua_pop(L, 1);
    wrap(L, tasks, "getinfo", l_getinfo);
    lua_pushvalue(L, -1);
    lua_setfield(L, at->loaded, LUA_DBLIBNAME);
    lua_setfield(L, at->globals, LUA_DBLIBNAME);
}

/* Files opened by others share their class: nobody is to reach into it. */
static void lock_files(lua_State *L)
{
    luaL_getmetatable(L, LUA_FILEHANDLE);
    if (lua_istable(L, -1)) {
        lua_pushliteral(L, LUA_FILEHANDLE);
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
}

void lull__sandbox_cut(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at)
{
    lua_getfield(L, at->loaded, LUA_IOLIBNAME);
    lull__cut_io(L, tasks);
    lua_getfield(L, at->loaded, LUA_OSLIBNAME);
    lull__cut_os(L, tasks);
    lua_pop(L, 2);
    lull__cut_package(L, tasks, at);
    lock_files(L);
    lua_pushvalue(L, at->globals);
    if (!tasks->realm->all) {
        cut_debug(L, tasks, at);
        wrap(L, tasks, "collectgarbage", l_collectgarbage);
    }
    if (!tasks->realm->own)
        wrap(L, tasks, "setmetatable", l_setmetatable);
    lua_pop(L, 1);
}
