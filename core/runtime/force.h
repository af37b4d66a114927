/* SPDX-License-Identifier: MIT */
/*
 * force.h -- ending tasks from outside, whatever their scripts do.
 *
 * Cancelling asks; this does not.  The task's coroutines are closed, innermost
 * first, where no protected call of the script can catch anything.  Pending
 * __close metamethods run where nothing can wait, in limited runtimes for at
 * most the rest of a slice.
 *
 * Teardown forces what is left: such tasks end cancelled.  A killed task has
 * failed, with an error of kind `limit`, and so have the tasks that it owned; of these
 * nobody is told but who waits for them.
 */
#ifndef LULL_FORCE_H
#define LULL_FORCE_H

#include "task/task.h"

/* Close an unfinished task by force, innermost coroutine first: it ends cancelled. */
void lull__task_force(struct lull_task *task);

/*
 * Kill an unfinished task and all that it owns: they end when they would run
 * next; if the task is running, as soon as it can be set aside.
 */
void lull__task_kill(struct lull_task *task, enum lull_kill why);

/*
 * The same for the host, who may ask while a cancellation spreads (and uses the links
 * between strands): what the task owns is marked when its own turn comes.
 */
void lull__task_doom(struct lull_task *task, enum lull_kill why);

/* What becomes of a killed task when its turn comes: tasks->kill_now. */
void lull__task_kill_now(struct lull_task *task);

/* Push the error of a killed task.  May raise (memory). */
void lull__push_killed(lua_State *L, const struct lull_task *task);

#endif
