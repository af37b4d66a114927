/* SPDX-License-Identifier: MIT */
/*
 * module.c -- the module `lull`, the replaced standard functions, and the
 * searcher for modules inside the library.
 */
#include "module.h"

#include "combine.h"
#include "corelib.h"
#include "coro.h"
#include "drive.h"
#include "error.h"
#include "iter.h"
#include "native.h"
#include "promise.h"
#include "protect.h"
#include "require.h"
#include "scopelib.h"
#include "sink.h"
#include "start.h"
#include "sync.h"
#include "taskclass.h"

#include <string.h>

/* Natives of the core itself. */
static const struct lull_builtin core_natives[] = {
    {.name = "lull.core", .open = lull__open_core},
    {.name = "lull.sync", .open = lull__open_sync},
    {.name = NULL},
};

static const luaL_Reg module_functions[] = {
    {"run", lull__l_run},
    {"await", lull__l_await},
    {"future", lull__l_future},
    {"is_error", lull__l_is_error},
    {"new_error", lull__l_new_error},
    {"on_error", lull__l_on_error},
    {"select", lull__l_select},
    {NULL, NULL},
};

/* ---- modules inside ------------------------------------------------------------- */

static const struct lull_builtin *find_builtin(const char *name)
{
    for (const struct lull_builtin *b = core_natives; b->name != NULL; b++) {
        if (strcmp(b->name, name) == 0)
            return b;
    }
    for (const struct lull_builtin *b = lull__builtins; b->name != NULL; b++) {
        if (strcmp(b->name, name) == 0)
            return b;
    }
    return NULL;
}

/* searcher(name) -> loader, ":lull:" | message */
static int l_searcher(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct lull_builtin *builtin = find_builtin(name);
    if (builtin == NULL) {
        lua_pushfstring(L, "no module '%s' in lull", name);
        return 1;
    }
    if (builtin->missing != NULL)
        return luaL_error(L, "%s needs %s, which this build of lull was made without",
                          name, builtin->missing);
    if (builtin->shared != NULL) {
        lull__push_shared_native(L, name, builtin->shared);
    } else if (builtin->open != NULL) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushcclosure(L, builtin->open, 1);
    } else {
        lua_pushfstring(L, "=[%s]", name);
        if (luaL_loadbufferx(L, builtin->source, builtin->size, lua_tostring(L, -1),
                             "t") != LUA_OK)
            return lua_error(L);
    }
    lua_pushliteral(L, ":lull:");
    return 2;
}

static int lazy_k(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

/* lull.name for a module lull.name: require it.  Upvalue 2 is require. */
static int lazy_module(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    lua_pushfstring(L, "lull.%s", lua_tostring(L, 2));
    if (find_builtin(lua_tostring(L, -1)) == NULL)
        return 0;
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, -2);
    lua_callk(L, 1, 1, 0, lazy_k);
    return lazy_k(L, LUA_OK, 0);
}

static void add_searcher(lua_State *L, struct lull_tasks *tasks)
{
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushlightuserdata(L, tasks);
    lua_pushcclosure(L, l_searcher, 1);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
}

/* ---- the Lua layer ------------------------------------------------------------------ */

/* Set field `name` of the table on top to `fn` with `upvalues`, the runtime first. */
static void set_function(lua_State *L, struct lull_tasks *tasks, const char *name,
                         lua_CFunction fn, int upvalues)
{
    lua_pushlightuserdata(L, tasks);
    for (int i = 1; i < upvalues; i++)
        lua_pushnil(L);
    lua_pushcclosure(L, fn, upvalues);
    lua_setfield(L, -2, name);
}

/* Into the table of this library, where Lua finds names for messages. */
static bool push_library(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (lua_istable(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

static void replace_standard(lua_State *L, struct lull_tasks *tasks)
{
    if (push_library(L, LUA_GNAME)) {
        set_function(L, tasks, "pcall", lull__l_pcall, 1);
        set_function(L, tasks, "xpcall", lull__l_xpcall, 1);
        set_function(L, tasks, "load", lull__l_load, LULL__ITER_UPVALUES);
        if (push_library(L, LUA_LOADLIBNAME)) {
            lua_pushlightuserdata(L, tasks);
            lua_pushvalue(L, -2);
            lua_pushcclosure(L, lull__l_require, 2);
            lua_setfield(L, -3, "require");
            add_searcher(L, tasks);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    if (push_library(L, LUA_COLIBNAME)) {
        lull_set_functions(L, lull__runtime_of(tasks), lull__coro_functions);
        lua_pop(L, 1);
    }
    if (push_library(L, LUA_STRLIBNAME)) {
        set_function(L, tasks, "gsub", lull__l_gsub, LULL__ITER_UPVALUES);
        lua_pop(L, 1);
    }
    if (push_library(L, LUA_TABLIBNAME)) {
        set_function(L, tasks, "sort", lull__l_sort, LULL__ITER_UPVALUES);
        lua_pop(L, 1);
    }
    if (push_library(L, LUA_OSLIBNAME)) {
        set_function(L, tasks, "exit", lull__l_os_exit, 1);
        lua_pop(L, 1);
    }
}

void lull__module_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg *const parts[] = {
        module_functions,      lull__start_functions,   lull__task_functions,
        lull__scope_functions, lull__combine_functions, lull__wait_functions};
    struct lull_runtime *rt = lull__runtime_of(tasks);
    lull__require_init(L, tasks);
    replace_standard(L, tasks);
    lua_createtable(L, 0, 40);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        lull_set_functions(L, rt, parts[i]);
    lua_pushliteral(L, LULL_VERSION);
    lua_setfield(L, -2, "version");
    lua_createtable(L, 0, 1); /* the metatable that loads submodules */
    lua_pushlightuserdata(L, tasks);
    lua_getglobal(L, "require");
    lua_pushcclosure(L, lazy_module, 2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_insert(L, -2);
    lua_setfield(L, -2, "lull");
    lua_pop(L, 1);
}
