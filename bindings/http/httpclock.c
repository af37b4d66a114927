/* SPDX-License-Identifier: MIT */
/*
 * httpclock.c -- lines of deadlines, and the tick that looks at them.
 */
#include "http/httpclock.h"

#include <math.h>
#include <stddef.h>

#define LONGEST_TICK  1.0
#define SHORTEST_TICK 0.002

void lullb_clock_init(struct lullb_clock *clock, struct lull_runtime *rt,
                      const double seconds[LULLB_HTTP_LINES],
                      void (*expire)(struct lullb_due *due))
{
    *clock = (struct lullb_clock){.rt = rt, .expire = expire, .tick = LONGEST_TICK};
    for (unsigned i = 0; i < LULLB_HTTP_LINES; i++)
        clock->tick = fmin(clock->tick, fmax(seconds[i] / 8, SHORTEST_TICK));
    for (unsigned i = 0; i < LULLB_HTTP_LINES; i++)
        if (seconds[i] < 1e9) /* a tick more: the next one may be near */
            clock->lines[i].ticks = (uint64_t)ceil(seconds[i] / clock->tick) + 1;
}

static void unlink_due(struct lullb_clock *clock, struct lullb_due_line *line,
                       struct lullb_due *due)
{
    if (due->prev != NULL)
        due->prev->next = due->next;
    else
        line->head = due->next;
    if (due->next != NULL)
        due->next->prev = due->prev;
    else
        line->tail = due->prev;
    due->line = NULL;
    clock->waiting--;
}

static void on_tick(struct lull_timer *timer);

static void keep_ticking(struct lullb_clock *clock)
{
    if (clock->timer.slot == 0 && clock->waiting > 0)
        lull_timer_start_after(clock->rt, &clock->timer, clock->tick, on_tick);
}

static void on_tick(struct lull_timer *timer)
{
    struct lullb_clock *clock = (struct lullb_clock *)(void *)timer;
    clock->now++;
    for (unsigned i = 0; i < LULLB_HTTP_LINES; i++) {
        struct lullb_due_line *line = &clock->lines[i];
        while (line->head != NULL && line->head->tick <= clock->now) {
            struct lullb_due *due = line->head;
            unlink_due(clock, line, due);
            clock->expire(due);
        }
    }
    keep_ticking(clock);
}

void lullb_due_start(struct lullb_clock *clock, struct lullb_due *due, unsigned which)
{
    struct lullb_due_line *line = &clock->lines[which];
    lullb_due_stop(clock, due);
    due->line = line;
    due->tick = line->ticks > 0 ? clock->now + line->ticks : UINT64_MAX;
    due->next = NULL;
    due->prev = line->tail;
    if (line->tail != NULL)
        line->tail->next = due;
    else
        line->head = due;
    line->tail = due;
    clock->waiting++;
    keep_ticking(clock);
}

void lullb_due_stop(struct lullb_clock *clock, struct lullb_due *due)
{
    if (due->line != NULL)
        unlink_due(clock, due->line, due);
}

void lullb_clock_deinit(struct lullb_clock *clock)
{
    for (unsigned i = 0; i < LULLB_HTTP_LINES; i++)
        while (clock->lines[i].head != NULL)
            unlink_due(clock, &clock->lines[i], clock->lines[i].head);
    if (clock->timer.slot != 0)
        lull_timer_stop(&clock->timer);
}
