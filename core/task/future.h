/* SPDX-License-Identifier: MIT */
/*
 * future.h -- a result that will be there once, and who watches for it.
 *
 * Tasks and script-made futures both begin (at a known place) with this.  The
 * results themselves are Lua values in the first user value of the userdata
 * that carries the future: nothing, the one result, or a table with n of them.
 *
 *   1. A future is settled once.  Its watchers are told in the order in which
 *      they came, from C: they only complete ops.
 *   2. A watch whose `receives` points at true takes the failure: nobody else
 *      needs to.
 *   3. `received` says whether a failure has reached anybody.
 */
#ifndef LULL_FUTURE_H
#define LULL_FUTURE_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

enum lull_future_status {
    LULL_FUTURE_PENDING,
    LULL_FUTURE_DONE,
    LULL_FUTURE_FAILED,
    LULL_FUTURE_CANCELLED
};

struct lull_task;

struct lull_watch {
    struct lull_list link; /* in future->watchers; alone once told */
    void (*fired)(struct lull_watch *watch);
    const bool *receives;     /* does it take a failure now?  NULL: never */
    struct lull_task *waiter; /* the task behind it; NULL: none */
};

/* What `receives` points at for those that always do. */
extern const bool lull__receives;

struct lull_future {
    struct lull_list watchers;
    uint32_t order;  /* the how-manieth to settle in its runtime */
    int16_t results; /* how many; -1: in a table with n */
    uint8_t status;  /* enum lull_future_status */
    bool received : 1;
    bool is_task : 1;
    bool pinned : 1; /* a failed task: its owner is ending with it */
};

static inline void lull__future_init(struct lull_future *future)
{
    lull__list_init(&future->watchers);
    future->order = 0;
    future->results = 0;
    future->status = LULL_FUTURE_PENDING;
    future->received = false;
    future->is_task = false;
    future->pinned = false;
}

/* Watch a pending future. */
static inline void lull__watch(struct lull_future *future, struct lull_watch *watch,
                               void (*fired)(struct lull_watch *watch),
                               const bool *receives, struct lull_task *waiter)
{
    watch->fired = fired;
    watch->receives = receives;
    watch->waiter = waiter;
    lull__list_append(&future->watchers, &watch->link);
}

/* Would anybody watching receive a failure? */
static inline bool lull__future_has_receiver(const struct lull_future *future)
{
    for (struct lull_list *node = future->watchers.next; node != &future->watchers;
         node = node->next) {
        const bool *receives = LULL_CONTAINER(node, struct lull_watch, link)->receives;
        if (receives != NULL && *receives)
            return true;
    }
    return false;
}

/* Tell the watchers; the status is set already. */
static inline void lull__future_tell(struct lull_future *future)
{
    while (!lull__list_empty(&future->watchers)) {
        struct lull_watch *watch =
            LULL_CONTAINER(future->watchers.next, struct lull_watch, link);
        lull__list_remove(&watch->link);
        watch->fired(watch);
    }
}

#endif
