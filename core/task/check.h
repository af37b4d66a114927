/* SPDX-License-Identifier: MIT */
/*
 * check.h -- argument checks shared by the functions of the `lull` module.
 *
 * All raise plain Lua argument errors, naming function and argument.
 */
#ifndef LULL_CHECK_H
#define LULL_CHECK_H

#include "task/task.h"

#include <math.h>

/* Anything callable that is not a task, future or group. */
static inline void lull__check_callable(lua_State *L, int arg)
{
    if (lua_isfunction(L, arg))
        return;
    if (luaL_getmetafield(L, arg, "__call") == LUA_TNIL)
        luaL_typeerror(L, arg, "function");
    lua_pop(L, 1);
}

/* A time in seconds: any number but NaN. */
static inline double lull__check_seconds(lua_State *L, int arg)
{
    double seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, !isnan(seconds), arg, "a time that is not a number (NaN)");
    return seconds;
}

/* The task whose handle is at `arg`. */
static inline struct lull_task *lull__check_task_handle(lua_State *L, int arg)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_touserdata(L, arg);
    if (task == NULL || !lua_getmetatable(L, arg))
        luaL_typeerror(L, arg, "lull.task");
    if (lua_topointer(L, -1) != tasks->task_class)
        luaL_typeerror(L, arg, "lull.task");
    lua_pop(L, 1);
    return task;
}

/* The running task, though it need not be able to wait here; raises `usage`. */
static inline struct lull_task *lull__check_running(lua_State *L)
{
    struct lull_task *task = lull__tasks(L)->running;
    if (task == NULL)
        lull_raise(L, LULL_KIND_USAGE, "cannot start a task outside a task");
    return task;
}

#endif
