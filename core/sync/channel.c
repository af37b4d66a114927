/* SPDX-License-Identifier: MIT */
/*
 * channel.c -- lull.sync.channel: an exchange that select knows.
 */
#include "sync/exchange.h"

static const struct lull_op_type send_type = {
    .name = "channel.send",
    .cancel = lull__waiter_cancel,
    .push = lull__push_given,
};

static const struct lull_op_type recv_type = {
    .name = "channel.recv",
    .cancel = lull__waiter_cancel,
    .push = lull__push_handed,
};

/* channel(capacity = 0) */
static int l_channel(lua_State *L)
{
    lua_Integer capacity = luaL_optinteger(L, 1, 0);
    luaL_argcheck(L, capacity >= 0, 1, "must not be negative");
    struct lull_exchange *channel = lua_newuserdatauv(L, sizeof *channel, 2);
    lull__exchange_init(L, channel, LULL_FIFO, capacity);
    lull__class_set(L);
    return 1;
}

/* ch:send(value)    Suspends. */
static int m_send(lua_State *L)
{
    return lull__m_give(L, &send_type);
}

/* ch:recv() -> value    Suspends. */
static int m_recv(lua_State *L)
{
    return lull__m_take(L, &recv_type);
}

/* next() -> value or nil    Suspends. */
static int l_next(lua_State *L)
{
    return lull__m_next(L, &recv_type);
}

/* for value in ch:items() do */
static int m_items(lua_State *L)
{
    return lull__m_items(L, l_next);
}

static const luaL_Reg methods[] = {
    {"send", m_send},
    {"recv", m_recv},
    {"try_send", lull__m_try_give},
    {"try_recv", lull__m_try_take},
    {"items", m_items},
    {"close", lull__m_close},
    {NULL, NULL},
};

const struct lull_class lull__channel_class = {
    .name = "lull.sync.channel",
    .make = l_channel,
    .methods = methods,
};
