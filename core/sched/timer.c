/* SPDX-License-Identifier: MIT */
/*
 * timer.c -- the heap.
 */
#include "sched/timer.h"

#include "base/loop.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define FIRST_CAPACITY 16u
#define ARITY          4u
#define DEAD_BOUND     64u /* below this many, dead entries are not worth a sweep */

void lull__timers_init(struct lull_timers *timers, struct lull_mem *mem)
{
    memset(timers, 0, sizeof *timers);
    timers->mem = mem;
    timers->used_slots = 1;
}

void lull__timers_deinit(struct lull_timers *timers)
{
    lull__mem_free(timers->mem, timers->heap, timers->capacity * sizeof *timers->heap);
    lull__mem_free(timers->mem, timers->slots, timers->capacity * sizeof *timers->slots);
    lull__timers_init(timers, timers->mem);
}

uint64_t lull__timers_now(const struct lull_timers *timers)
{
    return timers->is_virtual ? timers->virtual_now : lull__clock_now();
}

uint64_t lull__timers_after(const struct lull_timers *timers, double seconds)
{
    uint64_t now = lull__timers_now(timers);
    double ns = seconds * 1e9;
    if (!(ns > 0))
        return now;
    /* 2^63 ns are 292 years: later than that is never. */
    if (ns >= 9223372036854775808.0)
        return LULL_NEVER;
    /* At least as long as asked for, in numbers of seconds too: hence one more. */
    return now + (uint64_t)ns + 1;
}

static inline bool before(const struct lull_timer_entry *a,
                          const struct lull_timer_entry *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    return (int32_t)(a->order - b->order) < 0;
}

static void sift_up(struct lull_timer_entry *heap, uint32_t at,
                    struct lull_timer_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (!before(&entry, &heap[parent]))
            break;
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = entry;
}

static void sift_down(struct lull_timer_entry *heap, uint32_t count, uint32_t at,
                      struct lull_timer_entry entry)
{
    for (;;) {
        uint32_t child = at * ARITY + 1;
        if (child >= count)
            break;
        uint32_t last = child + ARITY < count ? child + ARITY : count;
        uint32_t least = child;
        while (++child < last) {
            if (before(&heap[child], &heap[least]))
                least = child;
        }
        if (!before(&heap[least], &entry))
            break;
        heap[at] = heap[least];
        at = least;
    }
    heap[at] = entry;
}

static bool grow(struct lull_timers *timers)
{
    uint32_t old = timers->capacity;
    if (old > UINT32_MAX / 4)
        return false;
    uint32_t capacity = old != 0 ? old * 2 : FIRST_CAPACITY;
    size_t entry = sizeof *timers->heap;
    size_t slot = sizeof *timers->slots;
    void *heap =
        lull__mem_resize(timers->mem, timers->heap, old * entry, capacity * entry);
    if (heap == NULL)
        return false;
    void *slots =
        lull__mem_resize(timers->mem, timers->slots, old * slot, capacity * slot);
    if (slots == NULL) { /* back to the old size: allocators do not fail at that */
        if (old != 0)
            timers->heap =
                lull__mem_resize(timers->mem, heap, capacity * entry, old * entry);
        else
            lull__mem_free(timers->mem, heap, capacity * entry);
        return false;
    }
    timers->heap = heap;
    timers->slots = slots;
    timers->capacity = capacity;
    return true;
}

static void free_slot(struct lull_timers *timers, uint32_t slot)
{
    timers->slots[slot].next_free = timers->free_slot;
    timers->free_slot = slot;
}

static uint32_t take_slot(struct lull_timers *timers)
{
    uint32_t slot = timers->free_slot;
    if (slot == 0)
        return timers->used_slots++;
    timers->free_slot = (uint32_t)timers->slots[slot].next_free;
    return slot;
}

bool lull__timer_start(struct lull_timers *timers, struct lull_timer *timer, uint64_t at,
                       void (*due)(struct lull_timer *timer))
{
    assert(timer->slot == 0);
    /* Entries and slots in use are equally many, and slot 0 is one more. */
    if (timers->count + 1 >= timers->capacity && !grow(timers))
        return false;
    uint32_t slot = take_slot(timers);
    timers->slots[slot].timer = timer;
    timer->due = due;
    timer->timers = timers;
    timer->slot = slot;
    struct lull_timer_entry entry = {at, timers->order++, slot};
    sift_up(timers->heap, timers->count++, entry);
    return true;
}

/* Drop the dead entries; what is left keeps its order. */
static void sweep(struct lull_timers *timers)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < timers->count; i++) {
        struct lull_timer_entry entry = timers->heap[i];
        if (timers->slots[entry.slot].timer == NULL)
            free_slot(timers, entry.slot);
        else
            timers->heap[kept++] = entry;
    }
    timers->count = kept;
    timers->dead = 0;
    for (uint32_t i = kept / ARITY + 1; i-- > 0;) {
        if (i < kept)
            sift_down(timers->heap, kept, i, timers->heap[i]);
    }
}

void lull_timer_stop(struct lull_timer *timer)
{
    struct lull_timers *timers = timer->timers;
    if (timer->slot == 0)
        return;
    timers->slots[timer->slot].timer = NULL;
    timer->slot = 0;
    timers->dead++;
    if (timers->dead > DEAD_BOUND && timers->dead > timers->count / 2)
        sweep(timers);
}

/* Remove the first entry; its timer, or NULL if it was stopped. */
static struct lull_timer *pop(struct lull_timers *timers)
{
    uint32_t slot = timers->heap[0].slot;
    struct lull_timer *timer = timers->slots[slot].timer;
    free_slot(timers, slot);
    timers->count--;
    if (timers->count > 0)
        sift_down(timers->heap, timers->count, 0, timers->heap[timers->count]);
    if (timer == NULL)
        timers->dead--;
    else
        timer->slot = 0;
    return timer;
}

uint64_t lull__timers_next(struct lull_timers *timers)
{
    while (timers->count > 0) {
        if (timers->slots[timers->heap[0].slot].timer != NULL)
            return timers->heap[0].at;
        pop(timers);
    }
    return LULL_NEVER;
}

void lull__timers_fire(struct lull_timers *timers, uint64_t now)
{
    while (timers->count > 0 && timers->heap[0].at <= now) {
        struct lull_timer *timer = pop(timers);
        if (timer != NULL)
            timer->due(timer);
    }
}
