/* SPDX-License-Identifier: MIT */
/*
 * view.c -- userdata that stand for tables nobody may change.
 *
 * A view's user value is its table.  The views there are lie in a table with weak
 * keys, by their tables.
 */
#include "task/view.h"

#include "base/error.h"
#include "task/class.h"

static const char view_key = 'v';  /* registry: the class */
static const char cache_key = 'V'; /* registry: table -> view */

void lull__view_push(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, NULL);
    if (!lua_istable(L, index)) {
        lua_pushvalue(L, index);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newuserdatauv(L, 0, 1);
        lua_pushvalue(L, index);
        lua_setiuservalue(L, -2, 1);
        lull__class_set(L, &view_key);
        lua_pushvalue(L, index);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
}

/* Replace the view at 1 by its table, and a view at 2, as a key, by its own. */
static void unwrap(lua_State *L)
{
    lull__class_check(L, 1, &view_key, "lull.view");
    lua_getiuservalue(L, 1, 1);
    lua_replace(L, 1);
    if (lua_isuserdata(L, 2) && lua_getmetatable(L, 2)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
        if (lua_rawequal(L, -1, -2)) {
            lua_getiuservalue(L, 2, 1);
            lua_replace(L, 2);
        }
        lua_pop(L, 2);
    }
}

static int view_index(lua_State *L)
{
    lua_settop(L, 2);
    unwrap(L);
    lua_gettable(L, 1);
    lull__view_push(L, -1);
    return 1;
}

static int view_newindex(lua_State *L)
{
    return lull_raise(L, LULL_KIND_USAGE,
                      "this table is shared: nothing can be set in it");
}

static int view_len(lua_State *L)
{
    lua_settop(L, 1);
    unwrap(L);
    lua_len(L, 1);
    return 1;
}

/* next(view, key) -> key, value */
static int view_next(lua_State *L)
{
    lua_settop(L, 2);
    unwrap(L);
    if (!lua_next(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lull__view_push(L, -2);
    lull__view_push(L, -2);
    return 2;
}

static int view_pairs(lua_State *L)
{
    lull__class_check(L, 1, &view_key, "lull.view");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, view_next, 1);
    lua_pushvalue(L, 1);
    return 2;
}

void lull__view_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg meta[] = {
        {"__index", view_index},
        {"__newindex", view_newindex},
        {"__len", view_len},
        {"__pairs", view_pairs},
        {NULL, NULL},
    };
    lull__class_make(L, tasks, &view_key, "lull.view", NULL, meta);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key) == LUA_TNIL) {
        lull__push_weak(L, "k");
        lua_rawsetp(L, LUA_REGISTRYINDEX, &cache_key);
    }
    lua_pop(L, 1);
}
