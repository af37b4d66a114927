/* SPDX-License-Identifier: MIT */
/*
 * house.h -- a base that runtimes share with a well-behaved neighbour and with a
 * timer of the host's, which measure how long they are held up.
 */
#ifndef LULL_TESTS_HOUSE_H
#define LULL_TESTS_HOUSE_H

#include "check.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <time.h>

#define SLICE_MS    5
#define MOST_DELAYS 10000

/* The base, and who shares it with the scripts. */
struct house {
    struct event_base *base;
    struct event *timer;
    struct lull_runtime *neighbour;
    struct told neighbour_told;
    unsigned long beats;
    double last_beat; /* in CPU time of the thread */
    double worst_gap; /* between beats, likewise */
    double due;       /* of the host's timer */
    double armed;     /* likewise, in CPU time */
    double worst;     /* how late it was */
    double *delays;   /* every delay, when they are kept */
    size_t kept;
};

static inline double clock_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline double now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

/* What others take of the processor is no fault of a script's. */
static inline double cpu_now(void)
{
    return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static inline void arm_timer(struct house *house)
{
    const struct timeval period = {0, SLICE_MS * 1000};
    evtimer_add(house->timer, &period);
    house->due = now() + SLICE_MS * 1e-3;
    house->armed = cpu_now();
}

static inline void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct house *house = arg;
    (void)fd;
    (void)what;
    double late = now() - house->due, used = cpu_now() - house->armed;
    if (used < late)
        late = used;
    if (late > house->worst)
        house->worst = late;
    if (house->delays != NULL && house->kept < MOST_DELAYS)
        house->delays[house->kept++] = late;
    arm_timer(house);
}

static inline int l_beat(lua_State *L)
{
    struct house *house = lua_touserdata(L, lua_upvalueindex(1));
    double at = cpu_now();
    house->beats++;
    if (at - house->last_beat > house->worst_gap)
        house->worst_gap = at - house->last_beat;
    house->last_beat = at;
    return 0;
}

static inline void set_beat(struct lull_runtime *rt, struct house *house)
{
    lua_State *L = lull_state(rt);
    lua_pushlightuserdata(L, house);
    lua_pushcclosure(L, l_beat, 1);
    lua_setglobal(L, "beat");
}

static inline void begin_measure(struct house *house)
{
    arm_timer(house);
    house->last_beat = cpu_now();
    house->worst = house->worst_gap = 0;
    house->beats = 0;
}

static inline void open_house(struct house *house)
{
    static const char steady[] =
        "local lull = require 'lull' while true do lull.sleep(0.01) beat() end";
    memset(house, 0, sizeof *house);
    house->base = event_base_new();
    house->timer = evtimer_new(house->base, on_timer, house);
    const struct lull_options options = {.size = sizeof options,
                                         .base = house->base,
                                         .slice_signal = SIGRTMIN + 1,
                                         .report = ignore_report};
    house->neighbour = lull_new(&options);
    CHECK(house->neighbour != NULL);
    set_beat(house->neighbour, house);
    CHECK(start(house->neighbour, steady, &house->neighbour_told));
    begin_measure(house);
}

static inline void close_house(struct house *house)
{
    CHECK(house->neighbour_told.times == 0);
    lull_free(house->neighbour, 0);
    event_free(house->timer);
    event_base_free(house->base);
}

/* Wait for beats of the neighbour, in vain for at most 20 seconds. */
static inline int await_beats(struct house *house, unsigned long count)
{
    unsigned long until = house->beats + count;
    for (double since = now(); house->beats < until && now() - since < 20;)
        event_base_loop(house->base, EVLOOP_ONCE);
    return house->beats >= until;
}

#endif
