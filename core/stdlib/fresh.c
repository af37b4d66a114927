/* SPDX-License-Identifier: MIT */
/*
 * fresh.c -- the registry with other libraries in it, for the time of one call.
 *
 * A script may be running, and memory may be short in the middle of it: so putting back
 * needs none.  And a finalizer that ran meanwhile would load code with the new globals.
 */
#include "stdlib/fresh.h"

#include <lauxlib.h>

static const char *const swapped[] = {LUA_LOADED_TABLE, LUA_PRELOAD_TABLE, "_IO_input",
                                      "_IO_output"};
#define SWAPPED (int)(sizeof swapped / sizeof swapped[0])

/* What is saved, from an index on: the values of `swapped`, then these. */
enum { GLOBALS = SWAPPED, STRING, STRING_CLASS, FILE_CLASS, FILE_METHODS, SAVED };

/* Push what is put back later; SAVED values. */
static void save(lua_State *L)
{
    for (int i = 0; i < SWAPPED; i++)
        lua_getfield(L, LUA_REGISTRYINDEX, swapped[i]);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushliteral(L, "");
    if (!lua_getmetatable(L, -1))
        lua_pushnil(L);
    if (luaL_getmetatable(L, LUA_FILEHANDLE) == LUA_TTABLE) {
        lua_pushliteral(L, "__index");
        lua_rawget(L, -2);
    } else {
        lua_pushnil(L);
    }
}

/* Put it back.  The keys are there, and names on the stack: no memory is needed. */
static void restore(lua_State *L, int at)
{
    for (int i = 0; i < SWAPPED; i++) {
        lua_pushvalue(L, at + SAVED + i);
        lua_pushvalue(L, at + i);
        lua_rawset(L, LUA_REGISTRYINDEX);
    }
    lua_pushvalue(L, at + GLOBALS);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushvalue(L, at + STRING_CLASS);
    lua_setmetatable(L, at + STRING);
    if (lua_istable(L, at + FILE_CLASS)) {
        lua_pushvalue(L, at + SAVED + SWAPPED);
        lua_pushvalue(L, at + FILE_METHODS);
        lua_rawset(L, at + FILE_CLASS);
    }
}

void lull__fresh_call(lua_State *L, struct lull_tasks *tasks, struct lull_realm *realm,
                      lua_CFunction build)
{
    struct lull_realm *outer = tasks->realm;
    int value = lua_gettop(L);
    int at = value + 1;
    luaL_checkstack(L, SAVED + SWAPPED + 12, NULL);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE); /* so that it is there */
    lua_pop(L, 1);
    save(L);
    for (int i = 0; i < SWAPPED; i++)
        lua_pushstring(L, swapped[i]);
    lua_pushliteral(L, "__index");
    int fresh = at + SAVED + SWAPPED + 1;
    for (int i = 0; i < 3; i++)
        lua_newtable(L); /* globals, loaded, preload */
    lua_pushcfunction(L, build);
    lua_pushlightuserdata(L, tasks);
    lua_pushvalue(L, value);
    bool collecting = lua_gc(L, LUA_GCISRUNNING) == 1; /* -1: in a finalizer */
    if (collecting)
        lua_gc(L, LUA_GCSTOP);
    tasks->realm = realm;
    lua_pushvalue(L, fresh + 1);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, fresh + 2);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushvalue(L, fresh);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    int status = lua_pcall(L, 2, 1, 0);
    lua_replace(L, value);
    restore(L, at);
    tasks->realm = outer;
    lua_settop(L, value);
    if (collecting)
        lua_gc(L, LUA_GCRESTART);
    if (status != LUA_OK)
        lua_error(L);
}
