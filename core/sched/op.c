/* SPDX-License-Identifier: MIT */
/*
 * op.c -- begin, complete, fail, interrupt.
 */
#include "sched/op.h"

void lull_op_begin(struct lull_op *op, struct lull_task *task,
                   const struct lull_op_type *type)
{
    op->type = type;
    op->task = task;
    op->L = NULL;
    op->since = lull__waker_of(task)->sched->now;
    op->code = 0;
    op->kind = LULL_KIND_NONE;
    op->state = LULL_OP_PENDING;
    op->awaited = false;
}

static void finish(struct lull_op *op, enum lull_op_state state)
{
    op->state = (uint8_t)state;
    if (op->awaited)
        lull__waker_wake(lull__waker_of(op->task));
}

void lull_op_complete(struct lull_op *op)
{
    if (op->state == LULL_OP_PENDING)
        finish(op, LULL_OP_COMPLETE);
}

void lull_op_fail(struct lull_op *op, enum lull_kind kind, int errnum)
{
    if (op->state != LULL_OP_PENDING)
        return;
    op->kind = (uint8_t)kind;
    op->code = errnum;
    finish(op, LULL_OP_FAILED);
}

void lull__op_interrupt(struct lull_op *op)
{
    if (op->state != LULL_OP_PENDING || op->type->cancel == NULL)
        return;
    if (op->type->cancel(op) == LULL_DETACHED)
        finish(op, LULL_OP_DETACHED);
}
