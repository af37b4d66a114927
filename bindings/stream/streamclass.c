/* SPDX-License-Identifier: MIT */
/*
 * streamclass.c -- what a stream is in Lua: its methods, and the plain ones.
 */
#include "stream/read.h"
#include "stream/stream.h"
#include "stream/write.h"

#include <stdio.h>

/* s:close() -> nothing; never waits */
static int m_close(lua_State *L)
{
    lull_handle_close(&lull_check_stream(L, 1)->object.handle);
    return 0;
}

/* s:abort() -> nothing; what is unsent is dropped, a TCP peer gets a reset */
static int m_abort(lua_State *L)
{
    lull_stream_abort(lull_check_stream(L, 1));
    return 0;
}

static void address_of(const struct lull_stream *stream, struct lullb_addr *addr,
                       int (*query)(int fd, struct sockaddr *any, socklen_t *size))
{
    addr->size = sizeof addr->as;
    if (stream->fd < 0 || stream->kind != LULLB_FD_SOCKET ||
        query(stream->fd, &addr->as.any, &addr->size) < 0)
        addr->size = 0;
}

/* The peer, as it was when the stream was connected. */
static void peer_of(const struct lull_stream *stream, struct lullb_addr *addr)
{
    if (stream->family == AF_INET) {
        addr->as.in4 = stream->peer.in4;
        addr->size = sizeof addr->as.in4;
    } else if (stream->family == AF_INET6) {
        addr->as.in6 = stream->peer.in6;
        addr->size = sizeof addr->as.in6;
    } else {
        address_of(stream, addr, getpeername);
    }
}

/* s:peer() -> host, port | path | nil */
static int m_peer(lua_State *L)
{
    struct lullb_addr addr;
    peer_of(lull_check_stream(L, 1), &addr);
    return lullb_push_addr(L, &addr);
}

/* s:sockname() -> host, port | path | nil */
static int m_sockname(lua_State *L)
{
    struct lullb_addr addr;
    address_of(lull_check_stream(L, 1), &addr, getsockname);
    return lullb_push_addr(L, &addr);
}

/* s:fd() -> the descriptor | nil when closed */
static int m_fd(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    if (stream->fd >= 0)
        lua_pushinteger(L, stream->fd);
    else
        lua_pushnil(L);
    return 1;
}

/* s:set_timeout(seconds | nil) -> s; for waits that begin after it */
static int m_set_timeout(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    lua_settop(L, 2);
    stream->options.timeout = lullb_check_seconds(L, 2, NULL);
    lua_settop(L, 1);
    return 1;
}

/* s:set_options(opts) -> s */
static int m_set_options(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    lullb_change_stream_options(L, 2, &stream->options);
    lua_settop(L, 1);
    return 1;
}

static int m_tostring(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    struct lullb_addr addr;
    char text[LULLB_ADDR_TEXT];
    if (!lullb_stream_is_open(stream)) {
        lua_pushliteral(L, "stream (closed)");
        return 1;
    }
    peer_of(stream, &addr);
    lullb_addr_text(&addr, text);
    if (text[0] != '\0')
        lua_pushfstring(L, "stream (%s)", text);
    else
        lua_pushfstring(L, "stream (fd %d)", stream->fd);
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"abort", m_abort},
    {"close", m_close},
    {"fd", m_fd},
    {"flush", lullb_m_flush},
    {"lines", lullb_m_lines},
    {"peer", m_peer},
    {"read", lullb_m_read},
    {"read_exact", lullb_m_read_exact},
    {"read_some", lullb_m_read_some},
    {"read_until", lullb_m_read_until},
    {"set_options", m_set_options},
    {"set_timeout", m_set_timeout},
    {"shutdown", lullb_m_shutdown},
    {"sockname", m_sockname},
    {"write", lullb_m_write},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {"__tostring", m_tostring},
    {NULL, NULL},
};

void lullb_push_stream_class(lua_State *L, struct lull_runtime *rt)
{
    lull_push_class(L, rt, "lull.stream", methods, meta);
}
