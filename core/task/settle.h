/* SPDX-License-Identifier: MIT */
/*
 * settle.h -- how a scope ends, once everything it owned has ended.
 *
 * One error wins: a child's failure that ended the body; else the body's own;
 * else a cancellation from further out; else the earliest failure that nobody
 * received.  Every other goes to the sink.
 */
#ifndef LULL_SETTLE_H
#define LULL_SETTLE_H

#include "task/task.h"

/*
 * The body's error is on top, unless it returned.  Leave the error that the
 * scope ends with on top and return true; or none, and false.  Memory may run
 * out meanwhile: then that is the error.  Raises nothing.
 */
bool lull__scope_decide(lua_State *L, struct lull_scope *scope);

/* What is left of failures that nobody received goes to the sink. */
void lull__scope_sink_rest(struct lull_scope *scope);

/*
 * Push the error of the ended task whose userdata is at `index`, with its trace
 * adopted by the running task, to be raised.  Marks it received.
 */
void lull__push_failure(lua_State *L, struct lull_tasks *tasks, int index);

#endif
