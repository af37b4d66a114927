/* SPDX-License-Identifier: MIT */
/*
 * gather.c -- gather, map, race and nested runs in Lua: their arguments.
 */
#include "async/adopt.h"
#include "async/scopelib.h"
#include "task/await.h"
#include "task/check.h"
#include "task/frame.h"
#include "task/promise.h"

/*
 * Take the entries from the list at 3 (map: its items): the futures into the
 * block, their handles and what is to be started into the table at 2.  `base` is the first argument's
 * number when they were arguments, or 0 for a list.
 */
static void take_entries(lua_State *L, struct lull_tasks *tasks,
                         struct lull_combine *combine, int base)
{
    bool map = !lua_isnil(L, 4);
    for (uint32_t i = 0; i < combine->count; i++) {
        lua_geti(L, 3, (lua_Integer)i + 1);
        int arg = base > 0 ? base + (int)i : 1;
        if (lua_isnil(L, -1) && base == 0)
            luaL_argerror(L, arg, lua_pushfstring(L, "entry %d is missing", (int)i + 1));
        struct lull_future *future = map ? NULL : lull__to_future(L, tasks, -1);
        if (future != NULL) {
            lull__check_adoptable(L, future, combine->task);
            combine->entries[i].future = future;
            lua_rawseti(L, 2, (lua_Integer)i + 1);
            continue;
        }
        if (!map && !lua_isfunction(L, -1)) {
            if (luaL_getmetafield(L, -1, "__call") == LUA_TNIL) {
                const char *got = luaL_typename(L, -1);
                luaL_argerror(
                    L, arg,
                    lua_pushfstring(L, "%sfunction, task or future expected, got %s",
                                    base > 0 ? "" : "entry: ", got));
            }
            lua_pop(L, 1);
        }
        lua_rawseti(L, 2, (lua_Integer)i + 1); /* until it is started */
    }
}

/* Stack: handles, list, map's function or nil: put the block under them. */
static void combine(lua_State *L, uint32_t count, int kind, int base)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_combine *combine = lull__combine_new(L, tasks, count);
    lua_insert(L, 1);
    combine->kind = (uint8_t)kind;
    combine->list = base == 0;
    take_entries(L, tasks, combine, base);
}

/* opts = {limit=, settle=} at `arg` */
static void take_options(lua_State *L, int arg, uint32_t *limit, bool *settle)
{
    *limit = UINT32_MAX;
    *settle = false;
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_getfield(L, arg, "limit");
    if (!lua_isnil(L, -1)) {
        int ok;
        lua_Integer value = lua_tointegerx(L, -1, &ok);
        luaL_argcheck(L, ok && value >= 1, arg, "limit must be a positive integer");
        *limit = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    }
    lua_getfield(L, arg, "settle");
    *settle = lua_toboolean(L, -1);
    lua_pop(L, 2);
}

/* ---- gather, map, race -------------------------------------------------------------------- */

static bool is_list(lua_State *L, int arg)
{
    if (!lua_istable(L, arg))
        return false;
    if (luaL_getmetafield(L, arg, "__call") == LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Pack all arguments into a list at 2, under the handles at 1. */
static void pack_arguments(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 0);
    lua_insert(L, 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, 1, i);
    lua_createtable(L, count, 0);
    lua_insert(L, 1);
    lua_pushnil(L);
}

static int l_gather(lua_State *L)
{
    int count = lua_gettop(L);
    uint32_t limit = UINT32_MAX;
    bool settle = false;
    lull_checkpoint(L);
    if (count == 0)
        return 0;
    if (count <= 2 && is_list(L, 1)) {
        uint32_t entries = lull__check_list(L, 1);
        take_options(L, 2, &limit, &settle);
        lua_settop(L, 1);
        lua_createtable(L, (int)entries, 0);
        lua_insert(L, 1);
        lua_pushnil(L);
        combine(L, entries, LULL_ADOPT_ALL, 0);
    } else {
        pack_arguments(L);
        combine(L, (uint32_t)count, LULL_ADOPT_ALL, 1);
    }
    struct lull_combine *block = lua_touserdata(L, 1);
    block->limit = limit;
    block->settle = settle;
    return lull__adopt(L);
}

static int l_map(lua_State *L)
{
    uint32_t limit;
    bool settle;
    uint32_t count = lull__check_list(L, 1);
    lull__check_callable(L, 2);
    take_options(L, 3, &limit, &settle);
    lull_checkpoint(L);
    lua_settop(L, 2);
    lua_createtable(L, (int)count, 0);
    lua_insert(L, 1);
    combine(L, count, LULL_ADOPT_ALL, 0);
    struct lull_combine *block = lua_touserdata(L, 1);
    block->limit = limit;
    block->settle = settle;
    return lull__adopt(L);
}

static int l_race(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checkany(L, 1);
    if (count == 1 && is_list(L, 1)) {
        uint32_t entries = lull__check_list(L, 1);
        luaL_argcheck(L, entries > 0, 1, "nothing to race");
        lull_checkpoint(L);
        lua_createtable(L, (int)entries, 0);
        lua_insert(L, 1);
        lua_pushnil(L);
        combine(L, entries, LULL_ADOPT_FIRST, 0);
    } else {
        lull_checkpoint(L);
        pack_arguments(L);
        combine(L, (uint32_t)count, LULL_ADOPT_FIRST, 1);
    }
    return lull__adopt(L);
}

/* ---- a run inside a task ------------------------------------------------------------------- */

int lull__nested_run(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lull__check_callable(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    luaL_checkstack(L, 6, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, lull__l_run_body, 1);
    lua_insert(L, 1);
    lua_pushvalue(L, 2); /* its name */
    lua_insert(L, 1);
    struct lull_task *child =
        lull__task_new(L, tasks, lull__owner_scope(task), lua_gettop(L) - 2, 0);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 2);
    struct lull_combine *block = lull__combine_new(L, tasks, 1); /* fn, child, block */
    block->kind = LULL_ADOPT_RUN;
    block->entries[0].future = &child->future;
    lua_replace(L, 1);
    lua_createtable(L, 1, 0);
    lua_insert(L, 2);
    lua_rawseti(L, 2, 1); /* block, handles */
    return lull__adopt_one(L);
}

const luaL_Reg lull__combine_functions[] = {
    {"gather", l_gather},
    {"map", l_map},
    {"race", l_race},
    {NULL, NULL},
};
