/* SPDX-License-Identifier: MIT */
/*
 * protect.h -- pcall and xpcall: stock, but for the task's own cancellation.
 *
 * Same stack slots, same levels, same messages as Lua's own.  The one
 * difference: an error that is the running task's own cancellation (or
 * os.exit's way out) goes on, and xpcall's handler does not see it.
 */
#ifndef LULL_PROTECT_H
#define LULL_PROTECT_H

#include "task/task.h"

int lull__l_pcall(lua_State *L);
int lull__l_xpcall(lua_State *L);

/*
 * To be called before the running task's own cancellation is raised in L:
 * keeps the handler of the nearest xpcall from being called with it.
 */
void lull__before_cancel(lua_State *L, struct lull_tasks *tasks);

/* An error is about to be raised in L that no handler of the script is to see: take
   the one away that would. */
void lull__defuse_handler(lua_State *L);

#endif
