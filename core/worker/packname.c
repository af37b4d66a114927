/* SPDX-License-Identifier: MIT */
/*
 * packname.c -- names of what modules have, for pack.c.
 *
 * Looking through all modules takes some 100 us, so it is done when modules were
 * added since, and when something has no name that must have one.
 */
#include "worker/packname.h"

#include <ctype.h>
#include <string.h>

static const char names_key = 'N'; /* of the home table: what has a name in a module */

/*
 * The table of names, weak: object -> {module, field} or {module}; and how many
 * modules there were when it was made.  Who finds something in it looks whether it
 * is still so.
 */
static void make_names(lua_State *L, int home, lua_Integer count)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushinteger(L, count);
    lua_rawsetp(L, -2, &names_key);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, home, &names_key);
}

/* names[the value on top] = {module, field}; pops it.  `field` 0: {module}. */
static void note_name(lua_State *L, int names, int module, int field)
{
    int value = lua_gettop(L);
    lua_pushvalue(L, value);
    if (lua_rawget(L, names) == LUA_TTABLE) { /* the shorter name is the better one */
        lua_rawgeti(L, -1, 1);
        if (lua_rawlen(L, -1) <= lua_rawlen(L, module)) {
            lua_settop(L, value - 1);
            return;
        }
    }
    lua_settop(L, value);
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, module);
    lua_rawseti(L, -2, 1);
    if (field != 0) {
        lua_pushvalue(L, field);
        lua_rawseti(L, -2, 2);
    }
    lua_rawset(L, names);
}

/* Note what the module on top, whose name is below it, has. */
static void note_module(lua_State *L, int names)
{
    int module = lua_gettop(L);
    bool globals = strcmp(lua_tostring(L, module - 1), LUA_GNAME) == 0;
    lua_pushvalue(L, module);
    note_name(L, names, module - 1, 0);
    lua_pushnil(L);
    while (lua_next(L, module) != 0) {
        int type = lua_type(L, -1);
        bool wanted = type == LUA_TUSERDATA ||
                      (type == LUA_TFUNCTION && (!globals || lua_iscfunction(L, -1)));
        if (wanted && lua_type(L, -2) == LUA_TSTRING)
            note_name(L, names, module - 1, module + 1);
        else
            lua_pop(L, 1);
    }
}

/* Bring the names up to date. */
static void find_names(lua_State *L, struct lull_names *which, bool anew)
{
    lua_Integer count = 0;
    luaL_checkstack(L, 12, NULL);
    lua_rawgeti(L, which->home, LULL_HOME_LOADED);
    int loaded = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, loaded) != 0; lua_pop(L, 1))
        count++;
    bool there = lua_rawgetp(L, which->home, &names_key) == LUA_TTABLE;
    if (there)
        lua_rawgetp(L, -1, &names_key);
    if (!there || anew || lua_tointeger(L, -1) != count) {
        make_names(L, which->home, count);
        int names = lua_gettop(L);
        lua_pushnil(L);
        while (lua_next(L, loaded) != 0) {
            if (lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1))
                note_module(L, names);
            lua_settop(L, names + 1);
        }
    } else {
        lua_pop(L, 1);
    }
    lua_replace(L, which->table);
    lua_settop(L, loaded - 1);
    which->searched = true;
}

/* Is it still true that names[object] is this module's?  The pair is on top. */
static bool still_named(lua_State *L, int home, int object)
{
    int pair = lua_gettop(L);
    lua_rawgeti(L, home, LULL_HOME_LOADED);
    lua_rawgeti(L, pair, 1);
    lua_rawget(L, -2);
    if (lua_rawgeti(L, pair, 2) != LUA_TNIL && lua_istable(L, -2))
        lua_rawget(L, -2);
    else
        lua_pop(L, 1);
    bool same = lua_rawequal(L, -1, object);
    lua_settop(L, pair);
    return same;
}

bool lull__push_name(lua_State *L, struct lull_names *names, int index)
{
    bool needed = !lua_istable(L, index) &&
                  (!lua_isfunction(L, index) || lua_iscfunction(L, index));
    if (!names->searched)
        find_names(L, names, false);
    for (int tries = 0; tries < 2; tries++) {
        lua_pushvalue(L, index);
        if (lua_rawget(L, names->table) == LUA_TTABLE &&
            still_named(L, names->home, index))
            return true;
        lua_pop(L, 1);
        if (!needed || tries > 0)
            break;
        find_names(L, names, true); /* it may have got its name since */
    }
    return false;
}

/* ---- paths ----------------------------------------------------------------------- */

static bool is_name(const char *text)
{
    bool name = isalpha((unsigned char)*text) || *text == '_';
    for (; name && *text != '\0'; text++)
        name = isalnum((unsigned char)*text) || *text == '_';
    return name;
}

void lull__push_step(lua_State *L)
{
    int key = lua_gettop(L) - 1;
    const char *text = lua_type(L, key) == LUA_TSTRING ? lua_tostring(L, key) : NULL;
    if (lua_isfunction(L, -1))
        lua_pushfstring(L, ", upvalue '%s'", text);
    else if (text != NULL && is_name(text))
        lua_pushfstring(L, ".%s", text);
    else if (text != NULL)
        lua_pushfstring(L, "[\"%s\"]", text);
    else if (lua_isnumber(L, key) || lua_isboolean(L, key))
        lua_pushfstring(L, "[%s]", luaL_tolstring(L, key, NULL));
    else
        lua_pushfstring(L, "[a %s]", luaL_typename(L, key));
    lua_replace(L, key);
    lua_settop(L, key);
}
