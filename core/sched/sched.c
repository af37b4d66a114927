/* SPDX-License-Identifier: MIT */
/*
 * sched.c -- turns and rounds.
 */
#include "sched/sched.h"

#include <string.h>

void lull__sched_init(struct lull_sched *sched, struct lull_loop *loop,
                      struct lull_timers *timers, struct lull_timers *guards,
                      struct lull_mem *mem)
{
    memset(sched, 0, sizeof *sched);
    sched->loop = loop;
    sched->timers = timers;
    sched->guards = guards;
    sched->mem = mem;
    sched->now = lull__clock_now();
}

void lull__sched_push_outside(struct lull_sched *sched, struct lull_runnable *item)
{
    if (sched->stop)
        return;
    lull__queue_push(&sched->ready, item);
    sched->queued++;
    lull__loop_wake(sched->loop);
}

void lull__sched_take(struct lull_sched *sched, struct lull_queue *queue)
{
    *queue = sched->ready;
    sched->ready.head = sched->ready.tail = NULL;
    sched->queued = 0;
    sched->round = 0;
}

void lull__sched_stop(struct lull_sched *sched)
{
    struct lull_queue dropped;
    sched->stop = true;
    sched->in_turn = false; /* so that pushing looks at `stop` */
    lull__sched_take(sched, &dropped);
}

void lull__sched_restore(struct lull_sched *sched, struct lull_queue *queue)
{
    struct lull_runnable *item = queue->head;
    while (item != NULL) {
        struct lull_runnable *next = item->next;
        lull__sched_push(sched, item);
        item = next;
    }
    queue->head = queue->tail = NULL;
}

void lull__sched_seed(struct lull_sched *sched, bool shuffled, uint64_t seed)
{
    sched->shuffled = shuffled;
    sched->random = seed;
}

/* splitmix64 (Steele, Lea, Flood 2014): every seed, zero too, is a good one. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Shuffle the queue; without memory for it the round stays as it is. */
static void shuffle(struct lull_sched *sched)
{
    unsigned count = sched->queued;
    struct lull_runnable **items = lull__mem_new(sched->mem, count * sizeof(void *));
    if (items == NULL)
        return;
    struct lull_runnable *item = sched->ready.head;
    for (unsigned i = 0; i < count; i++, item = item->next)
        items[i] = item;
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)(next_random(&sched->random) % i);
        item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
    sched->ready.head = NULL;
    for (unsigned i = 0; i < count; i++)
        lull__queue_push(&sched->ready, items[i]);
    lull__mem_free(sched->mem, items, count * sizeof(void *));
}

static inline void begin_round(struct lull_sched *sched)
{
    sched->round = sched->queued;
    if (sched->shuffled && sched->queued > 1)
        shuffle(sched);
}

/*
 * Reading the clock costs as much as half a switch, so it is read after the
 * 1st, 2nd, 4th, 8th step and then after every 16th: a turn of long steps
 * still ends soon after its millisecond.
 */
static inline bool looks_at_clock(unsigned steps)
{
    return (steps & (steps - 1)) == 0 || (steps & 15u) == 0;
}

bool lull__sched_turn(struct lull_sched *sched)
{
    uint64_t start = sched->now = lull__clock_now();
    bool held = lull__mem_hold(sched->mem, true);
    sched->in_turn = true;
    sched->late = 0;
    sched->turns++;
    if (sched->timers->count > 0)
        lull__timers_fire(sched->timers,
                          sched->timers->is_virtual ? sched->timers->virtual_now : start);
    if (sched->guards->count > 0)
        lull__timers_fire(sched->guards, start);
    for (unsigned steps = 1; steps <= LULL_TURN_STEPS; steps++) {
        struct lull_runnable *item = sched->ready.head;
        if (item == NULL)
            break;
        if (sched->round == 0) {
            begin_round(sched);
            item = sched->ready.head;
        }
        sched->round--;
        sched->queued--;
        sched->ready.head = item->next;
        item->run(item);
        if (sched->late)
            break;
        if (looks_at_clock(steps)) {
            sched->now = lull__clock_now();
            if (sched->now - start >= LULL_TURN_NS)
                break;
        }
    }
    sched->in_turn = false;
    lull__mem_hold(sched->mem, held);
    uint64_t took = lull__clock_now() - start;
    sched->busy += took;
    if (took > sched->longest)
        sched->longest = took;
    return sched->ready.head != NULL;
}
