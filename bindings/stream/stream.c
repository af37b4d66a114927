/* SPDX-License-Identifier: MIT */
/*
 * stream.c -- streams come into being, and end.
 */
#include "stream/stream.h"

#include "common/fdready.h"
#include "stream/linger.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static const char stream_tag = 's';
static const char shared_key = 'n'; /* of struct lullb_shared, in the registry */

static const struct lullb_stream_options default_options = {
    .timeout = (double)INFINITY,
    .max_line = 1024u * 1024u,
    .max_all = 64u * 1024u * 1024u,
    .high_water = 64u * 1024u,
    .low_water = 16u * 1024u,
};

/* ---- options --------------------------------------------------------------- */

void lullb_change_stream_options(lua_State *L, int index,
                                 struct lullb_stream_options *options)
{
    luaL_checktype(L, index, LUA_TTABLE);
    struct lullb_stream_options changed = *options;
    if (lua_getfield(L, index, "timeout") != LUA_TNIL)
        changed.timeout = lullb_check_seconds(L, index, "timeout");
    lua_pop(L, 1);
    changed.max_line = lullb_check_size_field(L, index, "max_line", options->max_line);
    changed.max_all = lullb_check_size_field(L, index, "max_all", options->max_all);
    changed.high_water =
        lullb_check_size_field(L, index, "high_water", options->high_water);
    /* A quarter of the high one, unless it is named. */
    size_t low = changed.high_water == options->high_water ? options->low_water
                                                           : changed.high_water / 4;
    changed.low_water = lullb_check_size_field(L, index, "low_water", low);
    if (changed.low_water > changed.high_water)
        luaL_argerror(L, index, "low_water must not be above high_water");
    *options = changed;
}

void lullb_check_stream_options(lua_State *L, int index,
                                struct lullb_stream_options *options)
{
    *options = default_options;
    if (!lua_isnoneornil(L, index))
        lullb_change_stream_options(L, index, options);
}

/* ---- birth ------------------------------------------------------------------- */

/* What the streams of this runtime share; made when first needed. */
static struct lullb_shared *shared_of(lua_State *L, struct lull_runtime *rt)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key);
    struct lullb_shared *shared = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (shared == NULL) {
        struct lullb_fd_waits *waits = lullb_fd_waits_of(L);
        shared = lua_newuserdatauv(L, sizeof *shared, 0);
        shared->rt = rt;
        shared->waits = waits;
        lua_rawsetp(L, LUA_REGISTRYINDEX, &shared_key);
    }
    return shared;
}

struct lull_stream *lullb_push_stream(lua_State *L, struct lull_runtime *rt,
                                      const struct lullb_stream_options *options)
{
    struct lullb_shared *shared = shared_of(L, rt);
    lullb_push_stream_class(L, rt);
    struct lull_stream *stream = lullb_push_object(L, sizeof *stream, &stream_tag);
    stream->shared = shared;
    stream->options = *options;
    stream->fd = -1;
    return stream;
}

bool lullb_is_stream(lua_State *L, int index)
{
    return lullb_test_object(L, index, &stream_tag) != NULL;
}

struct lull_stream *lull_check_stream(lua_State *L, int index)
{
    return lullb_check_object(L, index, &stream_tag, "stream");
}

void lull_stream_check_open(lua_State *L, const struct lull_stream *stream,
                            const char *op)
{
    if (!lullb_stream_is_open(stream))
        lullb_raise(L, LULL_KIND_CLOSED, op, "the stream is closed");
}

struct lull_stream_wait *lullb_new_wait(lua_State *L, struct lull_stream *stream,
                                        int index)
{
    struct lull_stream_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct lull_stream_wait){.stream = stream};
    lua_insert(L, index);
    return wait;
}

struct lull_stream_wait *lullb_pick_wait(lua_State *L, struct lull_stream *stream,
                                         struct lull_stream_wait *own, int index)
{
    /* Its last user was cancelled and has not come to see that yet. */
    if (own->timed.op.awaited)
        return lullb_new_wait(L, stream, index);
    own->stream = stream;
    return own;
}

/* ---- the end ------------------------------------------------------------------- */

/* Remove the events; fail who waits. */
static void stop_sides(struct lull_stream *stream)
{
    if (stream->in.watched)
        event_del(&stream->in.event);
    if (stream->out.watched)
        event_del(&stream->out.event);
    stream->in.watched = stream->out.watched = false;
    if (stream->in.reader != NULL)
        lullb_op_fail(&stream->in.reader->timed, LULL_KIND_CLOSED, 0);
    if (stream->out.holder != NULL)
        lullb_op_fail(&stream->out.holder->timed, LULL_KIND_CLOSED, 0);
    if (stream->out.poller != NULL)
        lullb_op_fail(&stream->out.poller->timed, LULL_KIND_CLOSED, 0);
    stream->in.reader = stream->out.holder = stream->out.poller = NULL;
    lullb_line_close(&stream->out.line);
    lullb_line_close(&stream->out.flushers);
}

static void close_stream(struct lull_handle *handle)
{
    struct lull_stream *stream = (struct lull_stream *)(void *)handle;
    struct lull_runtime *rt = handle->rt;
    int fd = stream->fd;
    lullb_finish_filters(stream);
    bool unsent = lullb_buffer_size(&stream->out.queue) > 0 && stream->out.error == 0;
    stop_sides(stream);
    lullb_release_filters(stream);
    if (stream->owned)
        lullb_fd_waits_close(stream->shared->waits, fd);
    stream->fd = -1;
    bool lingers =
        unsent && lullb_linger(rt, fd, stream->kind, stream->owned, &stream->out.queue);
    if (!lingers && stream->owned)
        close(fd);
    lullb_buffer_clear(rt, &stream->in.buffer);
    lullb_buffer_clear(rt, &stream->out.queue);
}

static const struct lull_handle_type stream_type = {
    .name = "stream",
    .close = close_stream,
};

void lullb_stream_open(struct lull_stream *stream, int fd, enum lullb_fd_kind kind)
{
    struct lull_runtime *rt = stream->shared->rt;
    struct event_base *base = lull_base(rt);
    stream->fd = fd;
    stream->kind = (uint8_t)kind;
    stream->owned = true;
    event_assign(&stream->in.event, base, fd, EV_READ | EV_PERSIST, lullb_on_readable,
                 stream);
    event_assign(&stream->out.event, base, fd, EV_WRITE | EV_PERSIST, lullb_on_writable,
                 stream);
    lull_handle_open(rt, &stream->object.handle, &stream_type);
}

void lullb_stream_connected(struct lull_stream *stream, const struct lullb_addr *peer)
{
    static const int on = 1;
    stream->family = peer->as.any.sa_family;
    if (stream->family != AF_INET && stream->family != AF_INET6)
        return;
    memcpy(&stream->peer, &peer->as, sizeof stream->peer);
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void lull_stream_abort(struct lull_stream *stream)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (!lullb_stream_is_open(stream))
        return;
    lullb_buffer_clear(stream->object.handle.rt, &stream->out.queue);
    stream->out.shut = true; /* no farewell */
    if (stream->kind == LULLB_FD_SOCKET && stream->owned)
        setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    lull_handle_close(&stream->object.handle);
}
