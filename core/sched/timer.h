/* SPDX-License-Identifier: MIT */
/*
 * timer.h -- deadlines in a heap of our own.
 *
 * A 4-ary heap of 16-byte entries ordered by (deadline, order of starting),
 * so equal deadlines fire first-in first-out.  Entries name their timer by a
 * slot number: stopping a timer clears the slot, and the dead entry goes when
 * it surfaces or when dead ones outnumber the living.  The one libevent timer
 * under it belongs to the loop and is set before blocking, not per timer.
 *
 * A heap is also a clock.  A virtual one stands still until it is told to
 * jump to its next deadline.
 *
 * Starting may fail for want of memory; stopping never fails.  A timer that
 * is due is stopped first and then called; it may be started again from
 * there.  Thread: the runtime's.  Times are nanoseconds.
 */
#ifndef LULL_TIMER_H
#define LULL_TIMER_H

#include "base/mem.h"
#include "lull_ext.h"

#include <stdbool.h>
#include <stdint.h>

struct lull_timer_entry {
    uint64_t at;
    uint32_t order; /* wraps; compared by difference */
    uint32_t slot;
};

/* A slot holds its timer; a free one holds the number of the next free one. */
union lull_timer_slot {
    struct lull_timer *timer; /* NULL: stopped, its entry is dead */
    uintptr_t next_free;
};

struct lull_timers {
    struct lull_mem *mem;
    struct lull_timer_entry *heap;
    union lull_timer_slot *slots; /* slot 0 is never used */
    uint32_t count;               /* entries in the heap, dead ones included */
    uint32_t dead;                /* of these, stopped */
    uint32_t capacity;            /* of heap and slots alike */
    uint32_t used_slots;          /* slots ever used, 0 included */
    uint32_t free_slot;           /* first free one; 0: none */
    uint32_t order;               /* the next entry's */
    bool is_virtual;
    uint64_t virtual_now;
};

void lull__timers_init(struct lull_timers *timers, struct lull_mem *mem);
void lull__timers_deinit(struct lull_timers *timers);

/* What time it is on this heap's clock. */
uint64_t lull__timers_now(const struct lull_timers *timers);

/* A time `seconds` from now; never past LULL_NEVER. */
uint64_t lull__timers_after(const struct lull_timers *timers, double seconds);

/* Start a stopped timer; false when memory is refused. */
bool lull__timer_start(struct lull_timers *timers, struct lull_timer *timer, uint64_t at,
                       void (*due)(struct lull_timer *timer));

/* The nearest deadline; LULL_NEVER: none. */
uint64_t lull__timers_next(struct lull_timers *timers);

/* Call every timer due by `now`. */
void lull__timers_fire(struct lull_timers *timers, uint64_t now);

#endif
