/* SPDX-License-Identifier: MIT */
/*
 * await.h -- the one place that suspends a task, and turns what became of an
 * op into results or a raise.
 *
 * lull_checkpoint() and lull_await() are public, in lull_ext.h.  Here are the
 * forms that scopes and combinators need besides.
 */
#ifndef LULL_AWAIT_H
#define LULL_AWAIT_H

#include "task/task.h"

/* May the running task wait in L?  What lull_check_task() raises for. */
bool lull__can_wait(lua_State *L, const struct lull_tasks *tasks);

/*
 * Suspend until the op has ended, then call k(L, LUA_YIELD, context) instead
 * of pushing results; k starts with lull__await_over().  If the op has ended
 * already, k is called at once.  Use as a return expression.
 */
int lull__await_with(lua_State *L, struct lull_op *op, lua_KContext context,
                     lua_KFunction k);

/* End a begun op at once, but suspend for a turn before its results are pushed. */
int lull__await_turn(lua_State *L, struct lull_op *op);

/* The wait on `op` is over: the task waits for nothing now. */
void lull__await_over(struct lull_op *op);

/* Raise the failure or cancellation of an op that ended in one; else return. */
void lull__await_check(lua_State *L, struct lull_op *op);

/* Push the error object of a cancelled scope: one per scope.  May raise (memory). */
void lull__push_cancelled(lua_State *L, struct lull_tasks *tasks,
                          struct lull_scope *scope);

/* Raise what a checkpoint inside the task's innermost scope has to raise, if anything. */
void lull__check_cancelled(lua_State *L, struct lull_task *task);

/*
 * The open scope of the running task whose own cancellation the value at
 * `index` is; NULL: it is an ordinary error.
 */
struct lull_scope *lull__own_scope(lua_State *L, struct lull_tasks *tasks, int index);

/* Must the error at `index` go on whatever a pcall would do?  Own cancellation or exit. */
bool lull__is_own(lua_State *L, struct lull_tasks *tasks, int index);

/* Raise os.exit's way out.  Does not return. */
int lull__raise_exit(lua_State *L, struct lull_tasks *tasks);

#endif
