/* SPDX-License-Identifier: MIT */
/*
 * queue.c -- lull.sync.queue: an exchange with an order, that counts what is done.
 *
 * Every item that came in is unfinished until task_done() is called for it.
 */
#include "sync/exchange.h"

struct queue {
    struct lull_exchange exchange; /* first */
    struct lull_list joiners;      /* nobody while all is done */
    uint64_t done;                 /* calls of task_done */
};

static const struct lull_op_type put_type = {
    .name = "queue.put",
    .cancel = lull__waiter_cancel,
    .push = lull__push_given,
};

static const struct lull_op_type get_type = {
    .name = "queue.get",
    .cancel = lull__waiter_cancel,
    .push = lull__push_handed,
};

static const struct lull_op_type join_type = {
    .name = "queue.join",
    .cancel = lull__waiter_cancel,
};

/* Push what opts.less is: a function, or nil for `<`. */
static void check_less(lua_State *L, int order)
{
    lua_pushnil(L);
    if (lua_isnoneornil(L, 3))
        return;
    luaL_checktype(L, 3, LUA_TTABLE);
    if (lua_getfield(L, 3, "less") == LUA_TNIL)
        return;
    luaL_argcheck(L, order == LULL_PRIORITY, 3, "less is for priority queues");
    if (!lua_isfunction(L, -1) && luaL_getmetafield(L, -1, "__call") == LUA_TNIL)
        luaL_argerror(L, 3, "less must be a function");
    lua_settop(L, 5);
}

/* queue(max?, order?, opts?) */
static int l_queue(lua_State *L)
{
    static const char *const orders[] = {"fifo", "lifo", "priority", NULL};
    lua_Integer max = luaL_optinteger(L, 1, LUA_MAXINTEGER);
    luaL_argcheck(L, max >= 0, 1, "must not be negative");
    int order = luaL_checkoption(L, 2, orders[LULL_FIFO], orders);
    lua_settop(L, 3);
    check_less(L, order);
    struct queue *queue = lua_newuserdatauv(L, sizeof *queue, 2);
    lull__exchange_init(L, &queue->exchange, (enum lull_order)order, max);
    lull__list_init(&queue->joiners);
    queue->done = 0;
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 2);
    lull__class_set(L);
    return 1;
}

/* q:put(item)    Suspends. */
static int m_put(lua_State *L)
{
    return lull__m_give(L, &put_type);
}

/* q:get() -> item    Suspends. */
static int m_get(lua_State *L)
{
    return lull__m_take(L, &get_type);
}

/* next() -> item or nil    Suspends. */
static int l_next(lua_State *L)
{
    return lull__m_next(L, &get_type);
}

/* for item in q:items() do */
static int m_items(lua_State *L)
{
    return lull__m_items(L, l_next);
}

/* q:size() -> items waiting to be taken */
static int m_size(lua_State *L)
{
    struct queue *queue = lull__self(L);
    lua_pushinteger(L, queue->exchange.store.count);
    return 1;
}

/* q:full() -> boolean */
static int m_full(lua_State *L)
{
    struct queue *queue = lull__self(L);
    lua_pushboolean(L, queue->exchange.store.count >= queue->exchange.store.max);
    return 1;
}

/* q:empty() -> boolean */
static int m_empty(lua_State *L)
{
    struct queue *queue = lull__self(L);
    lua_pushboolean(L, queue->exchange.store.count == 0);
    return 1;
}

/* q:task_done()    Raises usage when called more often than items came in. */
static int m_task_done(lua_State *L)
{
    struct queue *queue = lull__self(L);
    if (queue->done == queue->exchange.accepted)
        return lull__refuse(L, LULL_KIND_USAGE, "queue.task_done",
                            "called more often than items were put");
    queue->done++;
    if (queue->done == queue->exchange.accepted)
        lull__unpark_all(&queue->joiners);
    return 0;
}

/* q:join()    Suspends until every item that came in is done. */
static int m_join(lua_State *L)
{
    struct queue *queue = lull__self(L);
    struct lull_task *task = lull_checkpoint(L);
    if (queue->done == queue->exchange.accepted)
        return lull__ready(L, task, &join_type, 0);
    lull__park(&queue->joiners, &task->wait.waiter, task, &join_type);
    return lull_await(L, &task->wait.op);
}

static const luaL_Reg methods[] = {
    {"put", m_put},
    {"get", m_get},
    {"try_put", lull__m_try_give},
    {"try_get", lull__m_try_take},
    {"items", m_items},
    {"size", m_size},
    {"full", m_full},
    {"empty", m_empty},
    {"task_done", m_task_done},
    {"join", m_join},
    {"close", lull__m_close},
    {NULL, NULL},
};

const struct lull_class lull__queue_class = {
    .name = "lull.sync.queue",
    .make = l_queue,
    .methods = methods,
};
