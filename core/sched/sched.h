/* SPDX-License-Identifier: MIT */
/*
 * sched.h -- what runs next: a first-in first-out queue of runnables.
 *
 * One turn runs rounds until nothing is ready or its budget (64 steps or
 * 1 ms) is spent; then the loop polls.  A round is what was ready when it
 * began: every ready runnable takes one step per round, because one that
 * becomes ready again goes to the end of the queue.
 *
 * The scheduler knows no tasks and no Lua.  A runnable is embedded in its
 * owner and is in the queue at most once; it is unlinked before it runs.
 *
 * With a seed, each round is shuffled reproducibly (for tests).
 * Thread: the runtime's.
 */
#ifndef LULL_SCHED_H
#define LULL_SCHED_H

#include "base/loop.h"
#include "base/mem.h"
#include "sched/timer.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define LULL_TURN_STEPS 64u
#define LULL_TURN_NS    1000000u

struct lull_runnable {
    struct lull_runnable *next; /* the one after; NULL: last, or not queued */
    void (*run)(struct lull_runnable *self);
};

struct lull_queue {
    struct lull_runnable *head;
    struct lull_runnable *tail;
};

struct lull_sched {
    struct lull_queue ready;
    struct lull_loop *loop;
    struct lull_timers *timers; /* whose deadlines a turn fires */
    struct lull_timers *guards; /* real deadlines, whatever `timers` is */
    struct lull_mem *mem;
    uint64_t now;               /* real time when the turn last looked */
    unsigned round;             /* steps left before the next round */
    unsigned queued;            /* runnables in the queue */
    void *owner;                /* struct lull_tasks of the same runtime */
    volatile sig_atomic_t late; /* set by signals: the turn is to end after this step */
    bool in_turn;
    bool stop; /* nothing runs any more: the runtime is being torn down */
    bool shuffled;
    uint64_t random;  /* state of the shuffle */
    uint64_t turns;   /* how many there were */
    uint64_t busy;    /* ns in all of them */
    uint64_t longest; /* ns */
};

void lull__sched_init(struct lull_sched *sched, struct lull_loop *loop,
                      struct lull_timers *timers, struct lull_timers *guards,
                      struct lull_mem *mem);

/* Append to a queue. */
static inline void lull__queue_push(struct lull_queue *queue, struct lull_runnable *item)
{
    item->next = NULL;
    if (queue->head == NULL)
        queue->head = item;
    else
        queue->tail->next = item;
    queue->tail = item;
}

/* The slow half of lull__sched_push(): no turn is running, or none ever will. */
void lull__sched_push_outside(struct lull_sched *sched, struct lull_runnable *item);

/* Queue a runnable that is not queued; asks the loop for a turn. */
static inline void lull__sched_push(struct lull_sched *sched, struct lull_runnable *item)
{
    if (!sched->in_turn) {
        lull__sched_push_outside(sched, item);
        return;
    }
    lull__queue_push(&sched->ready, item);
    sched->queued++;
}

/* Take all that is queued away, into `queue`; or put it back, at the end. */
void lull__sched_take(struct lull_sched *sched, struct lull_queue *queue);
void lull__sched_restore(struct lull_sched *sched, struct lull_queue *queue);

/* Forget what is queued, and whatever will be: its owners are going. */
void lull__sched_stop(struct lull_sched *sched);

/* One turn: fire what is due, run.  True when something is still ready. */
bool lull__sched_turn(struct lull_sched *sched);

/* Shuffle rounds from this seed on, or stop doing so. */
void lull__sched_seed(struct lull_sched *sched, bool shuffled, uint64_t seed);

#endif
