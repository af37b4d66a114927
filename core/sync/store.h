/* SPDX-License-Identifier: MIT */
/*
 * store.h -- items in order: first-in first-out, last-in first-out, or by
 * priority.
 *
 * A store is the C half, embedded in a userdata; the items are in a Lua table
 * in the userdata's user value 1, used as an array of fixed size: a ring, a
 * stack, or a binary heap of (item, number) pairs.  Numbers make equal items
 * come out in the order in which they were put.  User value 2 is the function
 * that compares (nil: `<`).
 *
 * Comparing runs scripts, which may raise, or use the store.  So every
 * comparison an operation needs is made before anything is changed: one that
 * raises leaves the store as it was, and one that changes the store makes the
 * operation raise.  It cannot suspend.
 *
 * `self` is the stack index of the userdata, absolute or an upvalue's.
 */
#ifndef LULL_STORE_H
#define LULL_STORE_H

#include "base/compat.h"

#include <stdint.h>

enum lull_order { LULL_FIFO, LULL_LIFO, LULL_PRIORITY };

struct lull_store {
    lua_Integer max;      /* no more items than this */
    lua_Integer count;    /* items there are */
    lua_Integer first;    /* fifo: slot of the oldest, counted from 0 */
    lua_Integer capacity; /* items there is room for in the table */
    lua_Integer number;   /* priority: of the next item */
    uint32_t changes;     /* counted, to notice those made while comparing */
    uint8_t order;        /* enum lull_order */
};

/* An empty store: no table yet. */
void lull__store_init(struct lull_store *store, enum lull_order order, lua_Integer max);

/* Pop the value on top and put it; there must be fewer than max.  May raise. */
void lull__store_put(lua_State *L, struct lull_store *store, int self);

/*
 * Take the item whose turn it is and push it; there must be one.  May raise
 * when it compares; never without.
 */
void lull__store_take(lua_State *L, struct lull_store *store, int self);

#endif
