/* SPDX-License-Identifier: MIT */
/*
 * exchange.c -- giving and taking.
 */
#include "sync/exchange.h"

/* Note of a giver whose value could not be compared: the error is on its stack. */
#define RAISES 1

void lull__exchange_init(lua_State *L, struct lull_exchange *exchange,
                         enum lull_order order, lua_Integer max)
{
    exchange->tasks = lull__tasks(L);
    lull__list_init(&exchange->givers);
    lull__list_init(&exchange->takers);
    lull__store_init(&exchange->store, order, max);
    exchange->accepted = 0;
    exchange->closed = false;
}

/* ---- those who wait ---------------------------------------------------------------- */

/* Take a waiter out and let it go on, or fail it. */
static void serve(struct lull_waiter *waiter, enum lull_kind failure)
{
    if (waiter->note == LULL_ALTERNATIVE) {
        struct lull_alternative *alternative = (struct lull_alternative *)(void *)waiter;
        alternative->served(alternative, failure);
    } else if (failure != LULL_KIND_NONE) {
        lull__unpark_failed(waiter, failure);
    } else {
        lull__unpark(waiter);
    }
}

static void fail_all(struct lull_list *lot)
{
    while (!lull__list_empty(lot))
        serve(lull__park_first(lot), LULL_KIND_CLOSED);
}

/* Push what a giver brings. */
static void push_brought(lua_State *L, struct lull_waiter *giver)
{
    lua_pushvalue(giver->op.L, giver->value);
    lua_xmove(giver->op.L, L, 1);
}

/* (self, store, value): lull__store_put, to be called protected. */
static int put_protected(lua_State *L)
{
    lull__store_put(L, lua_touserdata(L, 2), 1);
    return 0;
}

/*
 * Put a giver's value among others: comparing it may raise, and that is the
 * giver's error, not the running task's.  Its fate is sealed before scripts run.
 */
static void admit_compared(lua_State *L, struct lull_exchange *exchange, int self,
                           struct lull_waiter *giver)
{
    lua_pushcfunction(L, put_protected);
    lua_pushvalue(L, self);
    lua_pushlightuserdata(L, &exchange->store);
    push_brought(L, giver);
    lull__unpark(giver);
    if (lua_pcall(L, 3, 0, 0) == LUA_OK) {
        exchange->accepted++;
        return;
    }
    if (lull__is_own(L, lull__tasks(L), -1))
        lua_error(L);
    lua_xmove(L, giver->op.L, 1);
    giver->note = RAISES;
}

/* There may be room: the givers who wait put their values, in waiting order. */
static void admit(lua_State *L, struct lull_exchange *exchange, int self)
{
    struct lull_store *store = &exchange->store;
    while (store->count < store->max && !lull__list_empty(&exchange->givers)) {
        struct lull_waiter *giver = lull__park_first(&exchange->givers);
        if (store->order == LULL_PRIORITY) {
            admit_compared(L, exchange, self, giver);
            continue;
        }
        push_brought(L, giver);
        lull__store_put(L, store, self); /* into the slot that became free */
        exchange->accepted++;
        serve(giver, LULL_KIND_NONE);
    }
}

/* ---- give and take ------------------------------------------------------------------- */

bool lull__exchange_give(lua_State *L, struct lull_exchange *exchange, int self,
                         int value)
{
    struct lull_waiter *taker = lull__park_first(&exchange->takers);
    if (taker != NULL) {
        lua_pushvalue(L, value);
        lua_xmove(L, taker->op.L, 1);
        serve(taker, LULL_KIND_NONE);
    } else if (exchange->store.count < exchange->store.max) {
        lua_pushvalue(L, value);
        lull__store_put(L, &exchange->store, self);
    } else {
        return false;
    }
    exchange->accepted++;
    return true;
}

bool lull__exchange_take(lua_State *L, struct lull_exchange *exchange, int self)
{
    if (exchange->store.count > 0) {
        lull__store_take(L, &exchange->store, self);
        admit(L, exchange, self);
        return true;
    }
    struct lull_waiter *giver = lull__park_first(&exchange->givers);
    if (giver == NULL)
        return false;
    push_brought(L, giver);
    exchange->accepted++;
    serve(giver, LULL_KIND_NONE);
    return true;
}

/* ---- methods --------------------------------------------------------------------------- */

static struct lull_exchange *check_give(lua_State *L)
{
    bool nothing = lua_isnoneornil(L, 2); /* looked at before index 2 may be taken */
    struct lull_exchange *exchange = lull__self_push(L);
    if (nothing)
        luaL_argerror(L, 2, "nil cannot be handed over");
    return exchange;
}

int lull__push_given(lua_State *L, struct lull_op *op)
{
    if (((struct lull_waiter *)(void *)op)->note == RAISES)
        return lua_error(L);
    return 0;
}

int lull__m_give(lua_State *L, const struct lull_op_type *type)
{
    struct lull_exchange *exchange = check_give(L);
    struct lull_task *task = lull__checkpoint(L, exchange->tasks);
    if (exchange->closed)
        return lull__refuse(L, LULL_KIND_CLOSED, type->name, "closed");
    if (lull__exchange_give(L, exchange, 1, 2))
        return lull__ready(L, task, type, 0);
    lull__park(&exchange->givers, &task->wait.waiter, task, type);
    task->wait.waiter.value = 2;
    return lull_await(L, &task->wait.op);
}

int lull__m_try_give(lua_State *L)
{
    struct lull_exchange *exchange = check_give(L);
    lua_pushboolean(L, !exchange->closed && lull__exchange_give(L, exchange, 1, 2));
    return 1;
}

int lull__m_take(lua_State *L, const struct lull_op_type *type)
{
    struct lull_exchange *exchange = lull__self_push(L);
    struct lull_task *task = lull__checkpoint(L, exchange->tasks);
    if (lull__exchange_take(L, exchange, 1))
        return lull__ready(L, task, type, 1);
    if (exchange->closed)
        return lull__refuse(L, LULL_KIND_CLOSED, type->name, "closed");
    lull__park(&exchange->takers, &task->wait.waiter, task, type);
    return lull_await(L, &task->wait.op);
}

int lull__m_try_take(lua_State *L)
{
    struct lull_exchange *exchange = lull__self_push(L);
    if (!lull__exchange_take(L, exchange, 1))
        lua_pushnil(L);
    return 1;
}

int lull__m_items(lua_State *L, lua_CFunction next)
{
    lull__self(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next, 2);
    return 1;
}

/* Closed while it waited is the end, not an error. */
static int next_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    (void)context;
    if (task->wait.op.state != LULL_OP_FAILED || task->wait.op.kind != LULL_KIND_CLOSED) {
        lull__wait_over(L);
        return 1;
    }
    lull__await_over(&task->wait.op);
    lua_pushnil(L);
    return 1;
}

int lull__m_next(lua_State *L, const struct lull_op_type *type)
{
    int self = lua_upvalueindex(2);
    struct lull_exchange *exchange = lua_touserdata(L, self);
    struct lull_task *task = lull__checkpoint(L, exchange->tasks);
    if (lull__exchange_take(L, exchange, self))
        return lull__ready(L, task, type, 1);
    if (exchange->closed) {
        lua_pushnil(L);
        return lull__ready(L, task, type, 1);
    }
    lull__park(&exchange->takers, &task->wait.waiter, task, type);
    return lull__await_with(L, &task->wait.op, 0, next_k);
}

int lull__m_close(lua_State *L)
{
    struct lull_exchange *exchange = lull__self(L);
    exchange->closed = true;
    fail_all(&exchange->takers);
    fail_all(&exchange->givers);
    return 0;
}
