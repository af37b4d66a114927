/* SPDX-License-Identifier: MIT */
/*
 * loop.h -- a runtime's place on an event_base, its own or a borrowed one.
 *
 * The loop knows no tasks.  It offers a runtime four things: the clock, one
 * alarm (the only libevent timer a runtime uses), "run my turn soon", and
 * polling or blocking for events.
 *
 * A turn comes from one of two places.  While lull drives (lull.run, the
 * program, lull_run), the driver calls turns itself and polls in between.
 * Otherwise the host drives the base, and a turn is a callback, armed with a
 * zero timeout: an event that re-activates itself would be served in the same
 * pass and starve the descriptors.
 *
 * `holds` counts what may still wake this runtime from outside: descriptors
 * somebody waits for, jobs, tokens.  It is how a driver knows a deadlock.
 *
 * Thread: the runtime's.  Time is in nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef LULL_LOOP_H
#define LULL_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#define LULL_NEVER UINT64_MAX

struct lull_loop {
    struct event_base *base;
    bool owned;          /* we made the base and free it */
    struct event turn;   /* zero timeout: the next turn */
    struct event alarm;  /* the one timer */
    uint64_t alarm_at;   /* when it is armed for; LULL_NEVER: it is not */
    unsigned holds;      /* things outside that can still wake us */
    unsigned busy;       /* of these, the ones that will: jobs, connects */
    unsigned glances;    /* polls asked for while running; see lull__loop_glance */
    unsigned drivers;    /* nested drivers on the C stack; 0: the host drives */
    struct event sigint; /* armed while the module form drives */
    void (*on_sigint)(void *);
    bool polling;            /* inside libevent, further up the C stack */
    bool tired;              /* the last turn took a whole slice: others first */
    unsigned gave_way;       /* turns in a row that were put off for others */
    void (*on_turn)(void *); /* runs one turn; called by `turn` and `alarm` */
    void *arg;               /* handed to on_turn */
};

/* The real monotonic clock; and the CPU time of this thread. */
uint64_t lull__clock_now(void);
uint64_t lull__clock_cpu(void);

/*
 * base NULL: make one.  0, or -1 when libevent fails.  Borrows everything.
 */
int lull__loop_init(struct lull_loop *loop, struct event_base *base,
                    void (*on_turn)(void *), void *arg);
void lull__loop_deinit(struct lull_loop *loop);

/*
 * Have fn(loop->arg) called for SIGINT until given back; the process's earlier
 * handler is then put back.  For the module form only: signals are the host's.
 */
void lull__loop_take_sigint(struct lull_loop *loop, void (*fn)(void *));
void lull__loop_give_sigint_back(struct lull_loop *loop);

/* libevent's version. */
const char *lull__loop_version(void);

/* Have on_turn called from the base soon, unless a driver is there to do it. */
void lull__loop_wake(struct lull_loop *loop);

/* Is the base running further up the C stack?  Then it cannot be polled. */
bool lull__loop_is_running(const struct lull_loop *loop);

/*
 * On a base that others use, too: has this pass over its events taken longer than
 * `limit` ns already?  Then the turn is put off to the next one, so that what has
 * become ready meanwhile waits for one runtime's slice and not for everybody's.
 * Those who were put off most often come first.
 */
bool lull__loop_give_way(struct lull_loop *loop, uint64_t limit);

/* Have on_turn called at `at`, in place of any earlier request; LULL_NEVER: not. */
void lull__loop_set_alarm(struct lull_loop *loop, uint64_t at);

/*
 * Serve what is ready, between two turns.  A poll costs as much as several
 * steps; on a base of our own where nobody watches anything but our mailbox,
 * only every 8th glance polls.  -1 as lull__loop_poll.
 */
int lull__loop_glance(struct lull_loop *loop);

/*
 * Serve the base's events: those ready now, or (block) at least one.  -1 when
 * the base is already running below us on the C stack: libevent cannot nest.
 */
int lull__loop_poll(struct lull_loop *loop, bool block);

#endif
