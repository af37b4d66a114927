/* SPDX-License-Identifier: MIT */
/*
 * lock.h -- a lock owned by a task, and the conditions that go with it.
 *
 *   1. It is handed from owner to owner: while somebody waits it is not free.
 *   2. It watches its owner.  When that task ends holding it, it is broken for
 *      good: everybody who waits for it, or for a notification under it, fails
 *      with closed, and so does who comes later.
 *   3. A lock that is collected while it is held lets go of its owner.
 *
 * Ownership: a lock and a condition are userdata; a condition keeps its lock
 * in user value 1.  Waiters keep what they wait for on their stack.
 */
#ifndef LULL_LOCK_H
#define LULL_LOCK_H

#include "sync/primitive.h"

struct lull_lock {
    struct lull_held held;       /* first */
    struct lull_list waiters;    /* of its turn to own it */
    struct lull_list conditions; /* those of its conditions where tasks wait */
    struct lull_task *owner;     /* NULL: free, or broken */
    struct lull_watch watch;     /* on the owner's end, while there is one */
    bool broken;
};

struct lull_condition {
    struct lull_list waiters; /* of a notification */
    struct lull_list link;    /* in lock->conditions while there are any */
    struct lull_lock *lock;
};

/* Push a new lock; the metatable of locks is at `class`.  May raise (memory). */
struct lull_lock *lull__lock_new(lua_State *L, int class);

/* Make `task` the owner of a free lock. */
void lull__lock_own(struct lull_lock *lock, struct lull_task *task);

/* The owner gives it to the first waiter, or sets it free. */
void lull__lock_release(struct lull_lock *lock);

/* lock:with(), for the lock of the value at index 1.  Use as a return expression. */
int lull__lock_with(lua_State *L, struct lull_lock *lock,
                    const struct lull_op_type *type);

#endif
