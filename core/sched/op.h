/* SPDX-License-Identifier: MIT */
/*
 * op.h -- one pending operation: the thing a task waits for.
 *
 * A provider (the loop, a job, another task) holds an op from begin until it
 * ends.  It ends exactly once: completed, failed or detached by cancel.
 *
 *   1. Providers report plain C facts.  Lua values are made later by
 *      type->push(), on the waiting task's stack, where raising is safe.
 *   2. When type->cancel() has answered LULL_DETACHED, no provider holds the op.
 *   3. An op lives and ends on its runtime's thread.  Others use the inbox.
 *
 * Ownership: the op is embedded in the provider's own object; the core only
 * links it.  The structs are public, in lull_ext.h.  What an op knows of its
 * task is the waker, with which every task begins.
 */
#ifndef LULL_OP_H
#define LULL_OP_H

#include "lull_ext.h"
#include "sched/sched.h"

/* How to make something runnable once: the head of every task. */
struct lull_waker {
    struct lull_runnable runnable;
    struct lull_sched *sched;
    bool queued;   /* in the ready queue, or frozen */
    uint8_t world; /* depth of virtual time it belongs to */
    uint8_t flags; /* the task's */
    uint8_t opens; /* the task's */
    uint32_t id;   /* the task's number */
};

/* Queue the waker's owner, unless it is queued already. */
static inline void lull__waker_wake(struct lull_waker *waker)
{
    if (!waker->queued) {
        waker->queued = true;
        lull__sched_push(waker->sched, &waker->runnable);
    }
}

/* The wake of a task seen from below it: its waker is its first member. */
static inline struct lull_waker *lull__waker_of(struct lull_task *task)
{
    return (struct lull_waker *)(void *)task;
}

/*
 * Cancel a pending op.  If its provider lets go, the op is detached and its
 * task woken to raise; if not, the task keeps waiting.  No-op otherwise.
 */
void lull__op_interrupt(struct lull_op *op);

#endif
