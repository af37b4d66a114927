/* SPDX-License-Identifier: MIT */
/*
 * close.h -- closing a user's coroutine whose <close> values may wait.
 *
 * lua_resetthread calls pending __close metamethods where nothing can
 * suspend.  So: record, then run.  While the thread is reset, every __close
 * that may be due is a recorder in C; afterwards the real ones are called one
 * by one on the caller's stack, where they may wait.  Order and arguments
 * come from Lua itself; a later error replaces the earlier one, as in Lua.
 */
#ifndef LULL_CLOSE_H
#define LULL_CLOSE_H

#include "task/task.h"

/*
 * Close `co` from L (yieldable or not) and call done(L, status, context) with
 * status LUA_OK, or an error status and the error on top.  Stack slots of L
 * below that are as before.  Use as a return expression.
 */
int lull__close_coroutine(lua_State *L, struct lull_tasks *tasks, lua_State *co,
                          lua_KContext context, lua_KFunction done);

#endif
