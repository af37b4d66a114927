/* SPDX-License-Identifier: MIT */
/*
 * profile.h -- where scripts spend CPU time: counts of the stacks that a timer finds.
 *
 * A sample is taken in the debug hook, at the first instruction, call or return after
 * the timer's tick: so a C function is found when it returns.  A stack is a text,
 * "task;outermost;...;innermost", and one entry of a table whatever often it is found.
 * Coroutines of scripts are part of the stack of whoever resumed them.  Where a script
 * has a hook of its own that counts instructions no sample is taken: each would make it
 * count from 0 again.
 *
 * Bounds: 128 functions of a stack, 16 MiB of texts; what would be more is counted as
 * "(more stacks)".  The memory is the runtime's.
 */
#ifndef LULL_PROFILE_H
#define LULL_PROFILE_H

#include "task/task.h"

struct lull_profile;

/* NULL: no memory. */
struct lull_profile *lull__profile_new(struct lull_mem *mem);
void lull__profile_free(struct lull_profile *profile, struct lull_mem *mem);

/* Count where L is, the running thread, in its hook.  Raises nothing. */
void lull__profile_take(lua_State *L, struct lull_profile *profile,
                        struct lull_tasks *tasks);

/* Tell each stack, and what no sample stands for. */
void lull__profile_tell(const struct lull_profile *profile,
                        const struct lull_slice *slice, lull_profile_fn fn, void *arg);

#endif
