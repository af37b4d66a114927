/* SPDX-License-Identifier: MIT */
/*
 * offer.c -- asking the host for modules and files.
 */
#include "runtime/offer.h"

#include <string.h>

bool lull__offer_find(lua_State *L, const struct lull_tasks *tasks, const char *name,
                      struct lull_found *found)
{
    memset(found, 0, sizeof *found);
    if (tasks->find == NULL)
        return false;
    int has = tasks->find(tasks->find_arg, name, found);
    if (has < 0)
        luaL_error(L, "'%s' is damaged in the program", name);
    return has > 0;
}

/* searcher(name) -> loader, where it is from | message.  Upvalue 2: globals, or nil. */
static int l_searcher(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_found found;
    if (!lull__offer_find(L, tasks, name, &found)) {
        lua_pushfstring(L, "no module '%s' in the program", name);
        return 1;
    }
    const char *chunkname = found.chunkname != NULL ? found.chunkname : name;
    if (luaL_loadbufferx(L, found.bytes, found.size, chunkname,
                         tasks->realm->all ? NULL : "t") != LUA_OK)
        return luaL_error(L, "error loading module '%s':\n\t%s", name,
                          lua_tostring(L, -1));
    if (lua_istable(L, lua_upvalueindex(2))) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_setupvalue(L, -2, 1);
    }
    lua_pushstring(L, chunkname + (*chunkname == '@' || *chunkname == '='));
    return 2;
}

static int l_find(lua_State *L)
{
    struct lull_found found;
    if (lull__offer_find(L, lull__tasks(L), luaL_checkstring(L, 1), &found))
        lua_pushlstring(L, found.bytes, found.size);
    else if (lull__tasks(L)->find != NULL)
        lua_pushnil(L);
    else
        lua_pushboolean(L, 0);
    return 1;
}

int lull__open_offer(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", l_find}, {NULL, NULL}};
    lua_createtable(L, 0, 1);
    lull_set_functions(L, lull__runtime_of(lull__tasks(L)), functions);
    return 1;
}

void lull__offer_init(lua_State *L, struct lull_tasks *tasks,
                      const struct lull_places *at)
{
    if (tasks->find == NULL)
        return;
    lua_getfield(L, at->package, "searchers");
    for (lua_Integer i = luaL_len(L, -1); i >= 3; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushlightuserdata(L, tasks);
    if (tasks->realm->own)
        lua_pushnil(L); /* what loading gives is right */
    else
        lua_pushvalue(L, at->globals);
    lua_pushcclosure(L, l_searcher, 2);
    lua_rawseti(L, -2, 3);
    lua_pop(L, 1);
}
