/* SPDX-License-Identifier: MIT */
/*
 * timedop.h -- an op that waits for a descriptor: it may time out, and may
 * stand in a line.
 *
 * While it is pending it counts as a hold, and its timer runs if there is a
 * timeout.  Timing out completes the op with `timed_out` set: the op type's
 * push raises, where it can say what took too long.  Standing in a line is for
 * the provider's use; an op that ends, in whatever way, has left its line.
 */
#ifndef LULLB_TIMEDOP_H
#define LULLB_TIMEDOP_H

#include "lull_stream.h" /* struct lull_timed_op, which a stream's waits are made of */

/* First come, first served. */
struct lull_line {
    struct lull_timed_op *head;
    struct lull_timed_op *tail;
};

/*
 * Begin, and hold.  An infinite timeout is none.  False when memory for the
 * timer is refused: then nothing has begun.
 */
bool lullb_op_begin(struct lull_timed_op *timed, struct lull_runtime *rt,
                    struct lull_task *task, const struct lull_op_type *type,
                    double timeout);

/* Begin and complete at once: for results that are there. */
static inline void lullb_op_begin_complete(struct lull_timed_op *timed,
                                           struct lull_task *task,
                                           const struct lull_op_type *type)
{
    timed->timed_out = false;
    lull_op_begin(&timed->op, task, type);
    lull_op_complete(&timed->op);
}

/* Leave the line, stop the timer, give up the hold: what cancel and abandon do. */
void lullb_op_release(struct lull_timed_op *timed);

/* End it; no-ops unless it is pending. */
void lullb_op_complete(struct lull_timed_op *timed);
void lullb_op_fail(struct lull_timed_op *timed, enum lull_kind kind, int errnum);

/* Put an op in no line at the end, or at the front. */
void lullb_line_append(struct lull_line *line, struct lull_timed_op *timed);
void lullb_line_prepend(struct lull_line *line, struct lull_timed_op *timed);

/* Fail everybody in the line with `closed`. */
void lullb_line_close(struct lull_line *line);

/* Raise `timeout`, saying what took too long: "nothing was read". */
int lullb_raise_timeout(lua_State *L, const struct lull_timed_op *timed,
                        const char *what);

#endif
