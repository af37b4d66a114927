/* SPDX-License-Identifier: MIT */
/*
 * protect.c -- pcall, xpcall.
 */
#include "stdlib/protect.h"

#include "task/await.h"
#include "task/trace.h"

#define HANDLER_SLOT 2 /* of xpcall, and of the scope calls in frame.c */

/* What both do with a status; `skip` slots below the results are theirs. */
static int finish(lua_State *L, int status, lua_KContext skip)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)skip;
    if (lull__is_own(L, tasks, -1)) {
        lull__before_cancel(L, tasks);
        return lua_error(L);
    }
    if (tasks->running != NULL && tasks->running->trace != NULL)
        lull__trace_drop(tasks->running);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

int lull__l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish);
    return finish(L, status, 0);
}

/* Count of the running task's open xpcalls; stays at 255 once it got there. */
static void count_xpcall(struct lull_tasks *tasks, int change)
{
    struct lull_task *task = tasks->running;
    if (task == NULL || task->waker.opens == UINT8_MAX)
        return;
    if (change > 0 || task->waker.opens > 0)
        task->waker.opens = (uint8_t)(task->waker.opens + change);
}

static int finish_xpcall(lua_State *L, int status, lua_KContext skip)
{
    count_xpcall(lull__tasks(L), -1);
    return finish(L, status, skip);
}

int lull__l_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    count_xpcall(lull__tasks(L), 1);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, HANDLER_SLOT, 2, finish_xpcall);
    return finish_xpcall(L, status, 2);
}

static int identity(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

void lull__defuse_handler(lua_State *L)
{
    lua_Debug ar;
    luaL_checkstack(L, 4, NULL);
    /* Level 0 is whoever raises: its own protected call is over. */
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "f", &ar);
        lua_CFunction fn = lua_tocfunction(L, -1);
        lua_pop(L, 1);
        if (fn == lull__l_pcall)
            return;
        if (fn == NULL || lua_getlocal(L, &ar, HANDLER_SLOT) == NULL)
            continue;
        bool scope = lua_tocfunction(L, -1) == lull__l_trace;
        lua_pop(L, 1);
        if (fn == lull__l_xpcall) {
            lua_pushcfunction(L, identity);
            lua_setlocal(L, &ar, HANDLER_SLOT);
            return;
        }
        if (scope)
            return;
    }
}

void lull__before_cancel(lua_State *L, struct lull_tasks *tasks)
{
    if (tasks->running != NULL && tasks->running->waker.opens > 0)
        lull__defuse_handler(L);
}
