/* SPDX-License-Identifier: MIT */
/*
 * park.h -- the parking lot: tasks waiting in order for something to happen.
 *
 * Locks, queues, channels and the like are a state and one or two lots.  A
 * waiter is an op and a place in a lot.  Whoever makes the condition true
 * takes the first waiter out and hands over directly, so nobody overtakes;
 * cancelling a waiter unlinks it, so it never consumes a turn.
 *
 * A value is handed over on the waiter's own Lua stack (waiter->op.L), where
 * it lies safely until the waiter runs.  A sender waits with its value at the
 * stack index `value` of that thread.
 */
#ifndef LULL_PARK_H
#define LULL_PARK_H

#include "base/list.h"
#include "sched/op.h"

struct lull_waiter {
    struct lull_op op;     /* first: see lull__waiter_cancel */
    struct lull_list link; /* in a lot; alone once taken out or cancelled */
    int value;             /* stack index of what it brings; 0: nothing */
    int note;              /* the lot's owner's own remark */
};

/* Begin to wait at the end of `lot`; continue with lull_await(L, &waiter->op). */
static inline void lull__park(struct lull_list *lot, struct lull_waiter *waiter,
                              struct lull_task *task, const struct lull_op_type *type)
{
    waiter->value = 0;
    waiter->note = 0;
    lull_op_begin(&waiter->op, task, type);
    lull__list_append(lot, &waiter->link);
}

/* The first waiter of a lot, or NULL. */
static inline struct lull_waiter *lull__park_first(const struct lull_list *lot)
{
    if (lull__list_empty(lot))
        return NULL;
    return LULL_CONTAINER(lot->next, struct lull_waiter, link);
}

/* Take a waiter out and let it go on, or fail it. */
void lull__unpark(struct lull_waiter *waiter);
void lull__unpark_failed(struct lull_waiter *waiter, enum lull_kind kind);

/* Let everybody in the lot go on, or fail them all. */
void lull__unpark_all(struct lull_list *lot);
void lull__unpark_all_failed(struct lull_list *lot, enum lull_kind kind);

/* For op types of waiters: leaves the lot, detached. */
enum lull_cancel lull__waiter_cancel(struct lull_op *op);

#endif
