/* SPDX-License-Identifier: MIT */
/*
 * final.h -- __gc of scripts in a limited runtime.
 *
 * Lua runs finalizers with hooks off, in the middle of whatever allocates: nothing
 * could stop one.  So Lua sees a C function in their place (shadow.h), which puts the
 * object into a queue; the turn starts a task named "__gc" for each, in the order in
 * which Lua would have called them, no more than 64 at a time.  They belong to the
 * runtime, may wait, have time slices, and what they raise goes where errors go that
 * nobody receives.  Those started together have the CPU time of one task; while the
 * runtime has had only one call, and that has a limit, they have what is left of its time.
 * When nothing is left one of them is killed, for whoever listens, and objects go without.
 *
 * __gc must be there when setmetatable is called, and is looked up again when the
 * object is collected, as in stock Lua.  Unlike there, nothing of a script runs when
 * the runtime ends: objects that are still alive then are not finalized.
 *
 * When memory is refused an object waits for the next collection, and a task that
 * cannot be started for a hundredth of a second.
 */
#ifndef LULL_FINAL_H
#define LULL_FINAL_H

#include "task/task.h"

/* Push the function that is to be __gc: one in a runtime's life.  May raise (memory). */
void lull__final_push(lua_State *L, struct lull_tasks *tasks);

/* The runtime is going: no finalizer is started from here on. */
void lull__final_stop(struct lull_tasks *tasks);

#endif
