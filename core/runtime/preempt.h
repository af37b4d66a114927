/* SPDX-License-Identifier: MIT */
/*
 * preempt.h -- what becomes of a script whose slice is over.
 *
 * It is set aside, wherever it is, and goes to the end of the queue; or, if it
 * has used up its time, it is killed (force.h).  Where it cannot be set aside
 * (in a metamethod called from C, a message handler, a call that does not
 * return) it may stay for the stall limit, in CPU time of the thread; then an
 * error is raised there, again and again, until it is out.
 *
 * lull's own modules expect that nobody else runs between two waits of theirs:
 * they are not set aside in the middle, only what they call is.
 *
 * A runtime may have patience instead (lull test): nobody is set aside, but whoever
 * computes for longer than that without waiting is cancelled where it is, and killed
 * if it goes on all the same.  What it did then is kept as a text.
 *
 * Code that runs outside tasks (handlers of errors, on_done, __tostring of what
 * is reported) is guarded (slice.h): it can only be stopped by an error.
 */
#ifndef LULL_PREEMPT_H
#define LULL_PREEMPT_H

#include "task/task.h"

/* What slice.h asks when a slice is over, or somebody is to be killed. */
enum lull_fire lull__preempt(lua_State *L, struct lull_tasks *tasks, lua_Debug *ar,
                             bool may_yield);

/*
 * patience(seconds | nil) -> text | nil: how long, in CPU time from now on, scripts may
 * compute without waiting; nil: for ever.  Returns where the first one was that took
 * longer, since this was asked last.  Raises where the program has no slices to lend.
 */
int lull__l_patience(lua_State *L);

/* Raise if the running script has been too long where it is: for C functions. */
void lull__check_time(lua_State *L, struct lull_tasks *tasks);

#endif
