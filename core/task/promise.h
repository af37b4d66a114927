/* SPDX-License-Identifier: MIT */
/*
 * promise.h -- lull.future: a future that a script settles; and awaiting.
 *
 * Tasks and script-made futures are awaited alike: lull__to_future() tells
 * whether a value is either, and the functions here wait for it and push what
 * became of it.  A failed future that nobody received goes to the sink when it
 * is collected or the run ends; only a failed one gets a finalizer.
 */
#ifndef LULL_PROMISE_H
#define LULL_PROMISE_H

#include "task/task.h"

/* What the value at `index` carries, if it is a task or a future; else NULL. */
struct lull_future *lull__to_future(lua_State *L, struct lull_tasks *tasks, int index);

/*
 * Push what became of the settled future of the userdata at `index`: returns
 * how many results, or raises its failure or cancellation and marks it received.
 */
int lull__push_outcome(lua_State *L, struct lull_tasks *tasks, int index);

/* Push the error of a failed or cancelled future at `index`, and mark it received. */
void lull__push_future_error(lua_State *L, struct lull_tasks *tasks, int index);

/* Somebody has received the failure of the future. */
void lull__future_receive(struct lull_future *future);

/* Push the results of the settled userdata at `index`; returns how many. */
int lull__push_results(lua_State *L, const struct lull_future *future, int index);

/* Wait for the task or future at index 1 of L; lull.await, t:await, f:await. */
int lull__l_await(lua_State *L);

/* lull.future() */
int lull__l_future(lua_State *L);

/* Settle the pending future whose userdata is at `index` with the one value on
   top, popped.  No-op when it is settled.  May raise (memory). */
void lull__promise_set(lua_State *L, struct lull_tasks *tasks, int index);

/* Make the classes; keeps references in tasks.  May raise (memory). */
void lull__promise_init(lua_State *L, struct lull_tasks *tasks);

/* The run ends: failures of futures that nobody received go to the sink. */
void lull__promises_flush(lua_State *L, struct lull_tasks *tasks);

#endif
