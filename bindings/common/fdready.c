/* SPDX-License-Identifier: MIT */
/*
 * fdready.c -- one event for one wait, and a line of all waits by descriptor.
 */
#include "common/fdready.h"

#include "common/bind.h"
#include "common/timedop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <math.h>
#include <poll.h>

#define LINES 64u /* descriptors that are alike modulo this share a line */

static const char waits_key = 'w'; /* of struct lullb_fd_waits, in the registry */

struct lullb_fd_waits {
    struct lull_line lines[LINES];
};

struct ready_op {
    struct lull_timed_op wait; /* first */
    struct event event;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    lullb_op_complete(&((struct ready_op *)arg)->wait);
}

void lullb_fd_waits_close(struct lullb_fd_waits *waits, int fd)
{
    struct lull_timed_op *next;
    struct lull_timed_op *each = waits->lines[(unsigned)fd % LINES].head;
    for (; each != NULL; each = next) {
        struct ready_op *ready = (struct ready_op *)(void *)each;
        next = each->next;
        if (event_get_fd(&ready->event) != fd)
            continue;
        event_del(&ready->event);
        lullb_op_fail(each, LULL_KIND_CLOSED, 0);
    }
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

struct lullb_fd_waits *lullb_fd_waits_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &waits_key);
    struct lullb_fd_waits *waits = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (waits == NULL) {
        waits = lua_newuserdatauv(L, sizeof *waits, 0);
        *waits = (struct lullb_fd_waits){0};
        lua_rawsetp(L, LUA_REGISTRYINDEX, &waits_key);
    }
    return waits;
}

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
    lull_check_permission(L, LULL_MAY_NATIVE, type->name, NULL);
    struct lullb_fd_waits *waits = lullb_fd_waits_of(L);
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
    lullb_line_append(&waits->lines[(unsigned)fd % LINES], &ready->wait);
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
