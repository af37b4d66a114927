/* SPDX-License-Identifier: MIT */
/*
 * fdready.c -- one event for one wait.  The descriptor stays its owner's: it
 * must not be closed while it is waited for.
 */
#include "fdready.h"

#include "bind.h"
#include "timedop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <math.h>
#include <poll.h>

struct ready_op {
    struct lullb_timed_op wait; /* first */
    struct event event;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    lullb_op_complete(&((struct ready_op *)arg)->wait);
}

static enum lull_cancel cancel(struct lull_op *op)
{
    struct ready_op *ready = (struct ready_op *)(void *)op;
    lullb_op_release(&ready->wait);
    event_del(&ready->event);
    return LULL_DETACHED;
}

static const struct lull_op_type readable_type = {
    .name = "net.wait_readable",
    .cancel = cancel,
};

static const struct lull_op_type writable_type = {
    .name = "net.wait_writable",
    .cancel = cancel,
};

/* Is it ready, or closed, now?  Also keeps from watching what cannot be watched: files. */
static bool is_ready(lua_State *L, int fd, short events, const char *op)
{
    struct pollfd item = {.fd = fd, .events = events};
    int count;
    do {
        count = poll(&item, 1, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        lullb_raise_io(L, op, errno, NULL);
    if ((item.revents & POLLNVAL) != 0)
        lullb_raise_io(L, op, EBADF, NULL);
    return count > 0;
}

static int wait_ready(lua_State *L, short events, short what,
                      const struct lull_op_type *type)
{
    lua_Integer fd = luaL_checkinteger(L, 1);
    luaL_argcheck(L, fd >= 0 && fd <= INT_MAX, 1, "not a descriptor");
    lua_settop(L, 1);
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lull_task *task = lull_checkpoint(L);
    struct ready_op *ready = lua_newuserdatauv(L, sizeof *ready, 0);
    *ready = (struct ready_op){0};
    if (is_ready(L, (int)fd, events, type->name)) {
        lullb_op_begin_complete(&ready->wait, task, type);
        return lull_await(L, &ready->wait.op);
    }
    event_assign(&ready->event, lull_base(rt), (int)fd, what, on_ready, ready);
    if (event_add(&ready->event, NULL) != 0)
        return lullb_raise_memory(L, type->name);
    lullb_op_begin(&ready->wait, rt, task, type,
                   (double)INFINITY); /* no timer: cannot fail */
    return lull_await(L, &ready->wait.op);
}

int lullb_l_wait_readable(lua_State *L)
{
    return wait_ready(L, POLLIN, EV_READ, &readable_type);
}

int lullb_l_wait_writable(lua_State *L)
{
    return wait_ready(L, POLLOUT, EV_WRITE, &writable_type);
}
