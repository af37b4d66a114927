/* SPDX-License-Identifier: MIT */
/*
 * trace.h -- where an error was raised, across tasks.
 *
 * All of lull's own protected calls share one message handler.  It never
 * changes the error; it notes at most 22 frames (the top and bottom 11) in a
 * block of the task, once per error value, and nothing for the task's own
 * cancellation.  Text is made when somebody asks: a note costs a tenth of it.
 *
 * When a task ends with the error, the note moves into a userdata in the
 * task's user value 2.  A task that raises another's failure adopts that
 * task's trace as the cause of its own, so a traceback tells where it failed,
 * and who started what failed.
 *
 * Nothing here raises unless it says so; without memory there is no trace.
 */
#ifndef LULL_TRACE_H
#define LULL_TRACE_H

#include "task/task.h"

/* The message handler, a Lua C function with the tasks as upvalue 1. */
int lull__l_trace(lua_State *L);

/*
 * Note the frames of a user's coroutine that failed, before it is closed: the
 * error is on top of L.  What is noted further out joins them.
 */
void lull__trace_coroutine(lua_State *L, struct lull_tasks *tasks, lua_State *co);

/* Note where a task that is not running is; the error on top of L will be its own. */
void lull__trace_suspended(lua_State *L, struct lull_task *task);

/* Drop the note a task holds. */
void lull__trace_drop(struct lull_task *task);

/* The running task is about to raise the value on top of L, the failure of
   the ended task whose userdata is at `index`: its trace becomes the cause. */
void lull__trace_adopt(lua_State *L, struct lull_tasks *tasks, int index);

/* The running task is about to raise the value at `error`, which another thread
   raised first: the text on top, its traceback there, becomes the cause.  Pops it. */
void lull__trace_foreign(lua_State *L, struct lull_tasks *tasks, int error);

/* Move the note, if it is of the error on top, into the task's user value 2; the
   task's userdata is at `index`.  May raise (memory). */
void lull__trace_keep(lua_State *L, struct lull_task *task, int index);

/* Push the text for an ended task at `index`, or nil.  May raise (memory). */
void lull__push_trace(lua_State *L, int index);

/* Push the text of the note a live task holds of the error at `error`; or nil. */
void lull__push_note(lua_State *L, struct lull_task *task, int error);

/* Push the name of the task at `index`: the one set, or the default.  May raise. */
void lull__push_task_name(lua_State *L, int index);

/* The same without the number that makes a default unique.  True: it was set. */
bool lull__push_task_title(lua_State *L, int index);

/* Set the name of the task at `index` to the string on top; pops it.  May raise. */
void lull__set_task_name(lua_State *L, int index);

/* Push where the task at `index` is now: a traceback of its coroutines. */
void lull__push_where(lua_State *L, struct lull_task *task);

#endif
