/* SPDX-License-Identifier: MIT */
/*
 * timedop.c -- the timer, the hold and the line of a waiting op.
 */
#include "common/timedop.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

static void leave_line(struct lull_timed_op *timed)
{
    struct lull_line *line = timed->line;
    if (line == NULL)
        return;
    if (timed->prev != NULL)
        timed->prev->next = timed->next;
    else
        line->head = timed->next;
    if (timed->next != NULL)
        timed->next->prev = timed->prev;
    else
        line->tail = timed->prev;
    timed->line = NULL;
}

static void on_due(struct lull_timer *timer)
{
    struct lull_timed_op *timed =
        (struct lull_timed_op *)(void *)((char *)timer -
                                         offsetof(struct lull_timed_op, timer));
    timed->timed_out = true;
    lullb_op_complete(timed);
}

bool lullb_op_begin(struct lull_timed_op *timed, struct lull_runtime *rt,
                    struct lull_task *task, const struct lull_op_type *type,
                    double timeout)
{
    if (timeout < (double)INFINITY &&
        !lull_timer_start_after(rt, &timed->timer, timeout, on_due))
        return false;
    timed->rt = rt;
    timed->timeout = timeout;
    timed->timed_out = false;
    timed->held = true;
    lull_op_begin(&timed->op, task, type);
    lull_hold(rt);
    return true;
}

void lullb_op_release(struct lull_timed_op *timed)
{
    leave_line(timed);
    if (!timed->held)
        return;
    timed->held = false;
    if (timed->timer.slot != 0)
        lull_timer_stop(&timed->timer);
    lull_unhold(timed->rt);
}

void lullb_op_complete(struct lull_timed_op *timed)
{
    lullb_op_release(timed);
    lull_op_complete(&timed->op);
}

void lullb_op_fail(struct lull_timed_op *timed, enum lull_kind kind, int errnum)
{
    lullb_op_release(timed);
    lull_op_fail(&timed->op, kind, errnum);
}

void lullb_line_append(struct lull_line *line, struct lull_timed_op *timed)
{
    timed->line = line;
    timed->next = NULL;
    timed->prev = line->tail;
    if (line->tail != NULL)
        line->tail->next = timed;
    else
        line->head = timed;
    line->tail = timed;
}

void lullb_line_prepend(struct lull_line *line, struct lull_timed_op *timed)
{
    timed->line = line;
    timed->prev = NULL;
    timed->next = line->head;
    if (line->head != NULL)
        line->head->prev = timed;
    else
        line->tail = timed;
    line->head = timed;
}

void lullb_line_close(struct lull_line *line)
{
    while (line->head != NULL)
        lullb_op_fail(line->head, LULL_KIND_CLOSED, 0);
}

int lullb_raise_timeout(lua_State *L, const struct lull_timed_op *timed, const char *what)
{
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.14g", timed->timeout);
    lull_push_error(L, LULL_KIND_TIMEOUT, "%s for %s s", what, seconds);
    lull_error_detail(L, timed->op.type->name, 0);
    return lua_error(L);
}
