/* SPDX-License-Identifier: MIT */
/*
 * exchange.h -- givers and takers: what a queue and a channel have in common.
 *
 * Between them is a store.  A giver with whom a taker waits hands its value
 * over directly, onto the taker's stack; one that finds no room waits with
 * its value.  So there are takers waiting only while there are no items, and
 * givers only while there is no room.
 *
 * Closing refuses givers, fails all who wait, and leaves the items.
 *
 * An exchange is the beginning of its userdata; user values as in store.h.
 */
#ifndef LULL_EXCHANGE_H
#define LULL_EXCHANGE_H

#include "sync/primitive.h"
#include "sync/store.h"

struct lull_exchange {
    struct lull_tasks *tasks; /* whose scripts use it */
    struct lull_list givers;
    struct lull_list takers;
    struct lull_store store;
    uint64_t accepted; /* values that came in */
    bool closed;
};

/*
 * One alternative of a select: stands in a lot like a waiter, with this note.
 * Whoever serves it tells the select, which takes the others out of line.
 */
#define LULL_ALTERNATIVE 2
struct lull_alternative {
    struct lull_waiter waiter; /* first */
    void (*served)(struct lull_alternative *alternative, enum lull_kind failure);
    struct lull_select *select;
};

/* In a constructor. */
void lull__exchange_init(lua_State *L, struct lull_exchange *exchange,
                         enum lull_order order, lua_Integer max);

/*
 * Give the value at index `value`, if that can be done now; the exchange is
 * open, its userdata at `self`.  May raise: then nothing was given.
 */
bool lull__exchange_give(lua_State *L, struct lull_exchange *exchange, int self,
                         int value);

/* Push the next value, if there is one.  May raise: then nothing was taken. */
bool lull__exchange_take(lua_State *L, struct lull_exchange *exchange, int self);

/* ---- methods of any exchange; an op type is what waiting in them is called ------ */

/* x:give(value)    Suspends.  The type's push is lull__push_given. */
int lull__m_give(lua_State *L, const struct lull_op_type *type);

/* Type->push of giving. */
int lull__push_given(lua_State *L, struct lull_op *op);

/* x:try_give(value) -> boolean */
int lull__m_try_give(lua_State *L);

/* x:take() -> value    Suspends.  The type's push is lull__push_handed. */
int lull__m_take(lua_State *L, const struct lull_op_type *type);

/* x:try_take() -> value or nil */
int lull__m_try_take(lua_State *L);

/* x:items() -> next: a closure on the runtime and the exchange */
int lull__m_items(lua_State *L, lua_CFunction next);

/* next() -> value, or nil at the end    Suspends. */
int lull__m_next(lua_State *L, const struct lull_op_type *type);

/* x:close() */
int lull__m_close(lua_State *L);

#endif
