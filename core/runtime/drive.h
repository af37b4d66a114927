/* SPDX-License-Identifier: MIT */
/*
 * drive.h -- running turns from the C stack until something is done: the loop
 * of lull_run(), lull_step(), and lull.run outside tasks.
 *
 * The driver looks for deadlocks: nothing ready, no deadline, no hold.  Under
 * virtual time it jumps to the next deadline instead of blocking.
 */
#ifndef LULL_DRIVE_H
#define LULL_DRIVE_H

#include "base/inbox.h"
#include "task/task.h"

enum lull_drive_end {
    LULL_DRIVE_DONE,    /* done() said so */
    LULL_DRIVE_STOPPED, /* sched->stop, or os.exit */
    LULL_DRIVE_LATE,    /* the time is up */
    LULL_DRIVE_STUCK,   /* deadlock, and main had been told before, or there is none */
    LULL_DRIVE_NESTED   /* the base is already running further up the stack */
};

struct lull_driver {
    bool (*done)(void *arg); /* checked between turns */
    void *arg;
    uint64_t until;                       /* real time to give up at; LULL_NEVER */
    struct lull_task *(*main)(void *arg); /* who gets a deadlock error; NULL: nobody */
    /* Where the base is running further up the stack: serve deadlines and this all
       the same; NULL: do nothing then. */
    struct lull_inbox *inbox;
};

/* Run turns.  L is where tasks are resumed from. */
enum lull_drive_end lull__drive(lua_State *L, struct lull_tasks *tasks,
                                const struct lull_driver *driver);

/* One turn on a base that the host drives: runs, and asks for the next one. */
void lull__drive_turn(struct lull_tasks *tasks);

/*
 * Cancel everything the host started and let it end; then close by force.  `inbox` as
 * in struct lull_driver.
 */
void lull__drive_end(struct lull_tasks *tasks, struct lull_inbox *inbox, double grace);

/* lull.run(fn, ...) */
int lull__l_run(lua_State *L);

/* Virtual time for the running task and what it starts, until left: lull.core. */
int lull__l_enter_world(lua_State *L);
void lull__drive_init(lua_State *L, struct lull_tasks *tasks);

/* Suspends until every other task is blocked: lull.core. */
int lull__l_settle(lua_State *L);

#endif
