/* SPDX-License-Identifier: MIT */
/*
 * park.c -- leaving the parking lot.
 */
#include "sched/park.h"

void lull__unpark(struct lull_waiter *waiter)
{
    lull__list_remove(&waiter->link);
    lull_op_complete(&waiter->op);
}

void lull__unpark_failed(struct lull_waiter *waiter, enum lull_kind kind)
{
    lull__list_remove(&waiter->link);
    lull_op_fail(&waiter->op, kind, 0);
}

void lull__unpark_all(struct lull_list *lot)
{
    while (!lull__list_empty(lot))
        lull__unpark(lull__park_first(lot));
}

void lull__unpark_all_failed(struct lull_list *lot, enum lull_kind kind)
{
    while (!lull__list_empty(lot))
        lull__unpark_failed(lull__park_first(lot), kind);
}

enum lull_cancel lull__waiter_cancel(struct lull_op *op)
{
    lull__list_remove(&((struct lull_waiter *)(void *)op)->link);
    return LULL_DETACHED;
}
