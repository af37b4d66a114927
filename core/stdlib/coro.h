/* SPDX-License-Identifier: MIT */
/*
 * coro.h -- coroutine.*: stock, and a wait inside a user's coroutine suspends
 * the whole task.
 *
 * resume and wrap note the thread they resume as the innermost one.  When it
 * yields with the mark of a wait, they tag it as waiting and suspend their own
 * caller in turn, all the way down to the task; when the task goes on, they
 * resume it again with nothing.  Any other yield is the script's and moves
 * values as ever.  Tagged threads and the threads of tasks are "normal" to
 * everybody else, so nobody can resume or close them.
 */
#ifndef LULL_CORO_H
#define LULL_CORO_H

#include "task/task.h"

/* resume, wrap, yield, close, status, running, isyieldable; ends with NULL. */
extern const luaL_Reg lull__coro_functions[];

/*
 * The thread that L, which is not running itself, has resumed and waits for; NULL: none,
 * or not by these functions.  Raises nothing.
 */
lua_State *lull__coro_resumed(lua_State *L);

#endif
