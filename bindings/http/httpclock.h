/* SPDX-License-Identifier: MIT */
/*
 * httpclock.h -- many deadlines of few durations, for the price of none.
 *
 * A deadline stands in the line of its duration: what was started last is due
 * last, so starting and stopping is linking and unlinking.  One timer ticks while
 * anybody stands anywhere, and looks at the fronts of the lines.  Deadlines are
 * late by up to a tick, which is a second, or an eighth of the shortest duration.
 *
 * Thread: the runtime's.  No Lua in it.
 */
#ifndef LULLB_HTTPCLOCK_H
#define LULLB_HTTPCLOCK_H

#include "lull_ext.h"

#define LULLB_HTTP_LINES 3u

struct lullb_due {
    struct lullb_due *next;
    struct lullb_due *prev;
    struct lullb_due_line *line; /* NULL: stopped */
    uint64_t tick;               /* when it is due */
};

struct lullb_due_line {
    struct lullb_due *head;
    struct lullb_due *tail;
    uint64_t ticks; /* the duration; 0: never */
};

struct lullb_clock {
    struct lull_timer timer; /* first */
    struct lull_runtime *rt;
    void (*expire)(struct lullb_due *due); /* it is stopped already */
    struct lullb_due_line lines[LULLB_HTTP_LINES];
    uint64_t now;     /* ticks so far */
    double tick;      /* seconds */
    unsigned waiting; /* deadlines in lines */
};

/* Durations in seconds; infinity: never. */
void lullb_clock_init(struct lullb_clock *clock, struct lull_runtime *rt,
                      const double seconds[LULLB_HTTP_LINES],
                      void (*expire)(struct lullb_due *due));
/* Stop every deadline and the timer. */
void lullb_clock_deinit(struct lullb_clock *clock);

/* Start it anew in a line.  Without memory for the timer it may be very late. */
void lullb_due_start(struct lullb_clock *clock, struct lullb_due *due, unsigned line);
/* Idempotent. */
void lullb_due_stop(struct lullb_clock *clock, struct lullb_due *due);

/* Is it in this line? */
static inline bool lullb_due_is_in(const struct lullb_clock *clock,
                                   const struct lullb_due *due, unsigned line)
{
    return due->line == &clock->lines[line];
}

#endif
