/* SPDX-License-Identifier: MIT */
/*
 * scopelib.h -- scopes in Lua: timeout, move_on_after, shield, group, var,
 * finally.  Each opens a frame (frame.h) and runs a function inside it.
 */
#ifndef LULL_SCOPELIB_H
#define LULL_SCOPELIB_H

#include "task/task.h"

/* Functions of the module `lull`; ends with NULL. */
extern const luaL_Reg lull__scope_functions[];

/* Make the classes of groups, variables and finalizers.  May raise (memory). */
void lull__scopelib_init(lua_State *L, struct lull_tasks *tasks);

/* lull.core.loose(fn, ...): calls fn; what it starts is detached at once. */
int lull__l_loose(lua_State *L);

/* A C function: run(fn, ...) as the body of a task that is a run. */
int lull__l_run_body(lua_State *L);

#endif
