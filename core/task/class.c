/* SPDX-License-Identifier: MIT */
/*
 * class.c -- making and checking classes.
 */
#include "task/class.h"

/* Push a table with room for these functions, and `more` fields: growing costs as much again. */
static void push_room(lua_State *L, const luaL_Reg *functions, int more)
{
    for (; functions != NULL && functions->name != NULL; functions++)
        more++;
    lua_createtable(L, 0, more);
}

void lull__class_make(lua_State *L, struct lull_tasks *tasks, const char *key,
                      const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
    struct lull_runtime *rt = lull__runtime_of(tasks);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL) {
        lua_pop(L, 1); /* another realm's module has made it */
        return;
    }
    lua_pop(L, 1);
    push_room(L, meta, 3);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    if (methods != NULL) {
        push_room(L, methods, 0);
        lull_set_functions(L, rt, methods);
        lua_setfield(L, -2, "__index");
    }
    if (meta != NULL)
        lull_set_functions(L, rt, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void lull__class_set(lua_State *L, const char *key)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_setmetatable(L, -2);
}

void *lull__class_check(lua_State *L, int arg, const char *key, const char *name)
{
    void *object = lua_touserdata(L, arg);
    if (object == NULL || !lua_getmetatable(L, arg)) {
        luaL_typeerror(L, arg, name);
        return NULL; /* not reached */
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    if (!lua_rawequal(L, -1, -2))
        luaL_typeerror(L, arg, name);
    lua_pop(L, 2);
    return object;
}

void lull__push_weak(lua_State *L, const char *mode)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}
