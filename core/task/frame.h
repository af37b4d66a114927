/* SPDX-License-Identifier: MIT */
/*
 * frame.h -- running a function inside a cancel scope, and leaving it again.
 *
 * Task bodies, groups, timeouts, shields and runs are one mechanism: the
 * function runs under lua_pcallk; when it has ended, what the scope owns is
 * joined or handed over, and then the scope's rules decide between results,
 * an error and a cancellation: the first error in time wins.
 */
#ifndef LULL_FRAME_H
#define LULL_FRAME_H

#include "task/task.h"

/*
 * Open a scope of this kind in the running task; raises where it cannot wait.
 * seconds < 0: no deadline.  The scope is entered by lull__frame_call().
 */
struct lull_frame *lull__frame_open(lua_State *L, enum lull_scope_kind kind);

/* Give it a deadline `seconds` from now.  May raise (memory), giving the frame back. */
void lull__frame_limit(lua_State *L, struct lull_frame *frame, double seconds);

/*
 * Call the function at index 2 with the arguments above it, inside the scope;
 * index 1 is the caller's (and stays).  Closes the scope and frees the frame,
 * on every way out.  Use as a return expression; values at index 3 and up are
 * the results.
 */
int lull__frame_call(lua_State *L, struct lull_frame *frame);

/* Leave the innermost scopes that were opened in this thread: it is to be closed.
   What they own is cancelled and goes to the scope around them. */
void lull__frames_abandon(struct lull_task *task, lua_State *thread);

/* Free the frames of a task whose coroutine was closed by force. */
void lull__frames_drop(struct lull_task *task);

/* Give the free list back to the allocator. */
void lull__frames_deinit(struct lull_tasks *tasks);

/* The base function of every task's coroutine. */
int lull__task_main(lua_State *L);

/* The scope that owns what the running task starts now. */
struct lull_scope *lull__owner_scope(struct lull_task *task);

#endif
