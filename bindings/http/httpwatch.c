/* SPDX-License-Identifier: MIT */
/*
 * httpwatch.c -- noticing that a client goes while its request is handled.
 *
 * The system is asked to tell when the other side ends the connection, beside
 * whatever the stream does; nothing is read for it.  Where it cannot tell (its
 * libevent has no EV_CLOSED there), nobody ever goes.
 */
#include "http/httpconn.h"

#include <event2/event.h>
#include <event2/event_struct.h>

/* On the stack of who waits. */
struct lullb_http_watch {
    struct lull_timed_op timed; /* first */
    struct lullb_http_conn *conn;
    struct event event;
    bool is_watching;
    bool is_gone;
};

static struct lullb_http_watch *watch_of(struct lull_op *op)
{
    return (struct lullb_http_watch *)(void *)op;
}

/* ---- loop side: no Lua ----------------------------------------------------------- */

static void stop(struct lullb_http_watch *watch)
{
    if (watch->is_watching)
        event_del(&watch->event);
    watch->is_watching = false;
    if (watch->conn->watch == watch)
        watch->conn->watch = NULL;
}

static void on_gone(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_http_watch *watch = arg;
    (void)fd;
    (void)what;
    watch->is_gone = true;
    stop(watch);
    lullb_op_complete(&watch->timed);
}

void lullb_http_end_watch(struct lullb_http_conn *conn)
{
    struct lullb_http_watch *watch = conn->watch;
    if (watch == NULL)
        return;
    stop(watch);
    lullb_op_complete(&watch->timed);
}

static enum lull_cancel cancel(struct lull_op *op)
{
    stop(watch_of(op));
    lullb_op_release(&watch_of(op)->timed);
    return LULL_DETACHED;
}

static void abandon(struct lull_op *op)
{
    cancel(op);
}

/* ---- Lua side ---------------------------------------------------------------------- */

static int watch_push(lua_State *L, struct lull_op *op)
{
    lua_pushboolean(L, watch_of(op)->is_gone);
    return 1;
}

static const struct lull_op_type watch_type = {
    .name = "http.watch",
    .cancel = cancel,
    .push = watch_push,
    .abandon = abandon,
};

int lullb_m_http_watch(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lull_task *task = lull_checkpoint(L);
    bool can_tell =
        (event_base_get_features(lull_base(rt)) & EV_FEATURE_EARLY_CLOSE) != 0;
    if (conn->request == NULL || conn->watch != NULL || !can_tell ||
        !lull_stream_is_open(conn->stream)) {
        lua_pushboolean(L, false);
        return 1;
    }
    lua_settop(L, 1);
    struct lullb_http_watch *watch = lua_newuserdatauv(L, sizeof *watch, 0);
    *watch = (struct lullb_http_watch){.conn = conn};
    event_assign(&watch->event, lull_base(rt), lull_stream_fd(conn->stream), EV_CLOSED,
                 on_gone, watch);
    if (event_add(&watch->event, NULL) != 0)
        return lullb_raise_memory(L, "http.watch");
    watch->is_watching = true;
    conn->watch = watch;
    lullb_op_begin(&watch->timed, rt, task, &watch_type, (double)INFINITY);
    return lull_await(L, &watch->timed.op);
}
