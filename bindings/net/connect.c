/* SPDX-License-Identifier: MIT */
/*
 * connect.c -- connecting, without blocking.
 *
 * The stream is there before the socket is, so that nothing can be lost; it is
 * opened when it is connected.  Until then the op owns the descriptor.
 */
#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct attempt {
    struct lull_timed_op wait; /* first */
    struct event event;
    struct lullb_addr addr;
    int fd;
    bool expected; /* virtual time waits for it */
};

int lullb_socket(int family, int type)
{
#ifdef __linux__
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    int fd = socket(family, type, 0);
    static const int on = 1;
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return fd;
#endif
}

/* ---- loop side: no Lua ------------------------------------------------------ */

static void on_connected(evutil_socket_t fd, short what, void *attempt)
{
    (void)fd;
    (void)what;
    lullb_op_complete(&((struct attempt *)attempt)->wait);
}

/* It is over, one way or the other. */
static void settle(struct attempt *attempt)
{
    if (attempt->expected)
        lull_unexpect(attempt->wait.rt);
    attempt->expected = false;
}

static void close_attempt(struct attempt *attempt)
{
    if (attempt->fd < 0)
        return;
    event_del(&attempt->event);
    close(attempt->fd);
    attempt->fd = -1;
}

static enum lull_cancel cancel(struct lull_op *op)
{
    struct attempt *attempt = (struct attempt *)(void *)op;
    lullb_op_release(&attempt->wait);
    settle(attempt);
    close_attempt(attempt);
    return LULL_DETACHED;
}

static void abandon(struct lull_op *op)
{
    cancel(op);
}

/* ---- Lua side --------------------------------------------------------------- */

static const char *name_of(const struct lullb_addr *addr)
{
    return addr->as.any.sa_family == AF_UNIX ? LULLB_UNIX_CONNECT : LULLB_TCP_CONNECT;
}

static int raise_failed(lua_State *L, const struct lullb_addr *addr, int errnum)
{
    char text[LULLB_ADDR_TEXT];
    lullb_addr_text(addr, text);
    return lullb_raise_io(L, name_of(addr), errnum, text);
}

/* The stream is at `top - 1`, the attempt at the top. */
static int connect_push(lua_State *L, struct lull_op *op)
{
    struct attempt *attempt = (struct attempt *)(void *)op;
    struct lull_stream *stream = lua_touserdata(L, -2);
    char text[LULLB_ADDR_TEXT];
    int error = 0;
    socklen_t size = sizeof error;
    settle(attempt);
    if (!attempt->wait.timed_out &&
        getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error != 0 || attempt->wait.timed_out) {
        close_attempt(attempt);
        if (error != 0)
            return raise_failed(L, &attempt->addr, error);
        lullb_addr_text(&attempt->addr, text);
        lua_pushfstring(L, "%s: no answer", text);
        return lullb_raise_timeout(L, &attempt->wait, lua_tostring(L, -1));
    }
    event_del(&attempt->event);
    lullb_stream_open(stream, attempt->fd, LULLB_FD_SOCKET);
    lullb_stream_connected(stream, &attempt->addr);
    attempt->fd = -1;
    lua_pop(L, 1);
    return 1;
}

static const struct lull_op_type tcp_type = {
    .name = "tcp.connect",
    .cancel = cancel,
    .push = connect_push,
    .abandon = abandon,
};

static const struct lull_op_type unix_type = {
    .name = "unix.connect",
    .cancel = cancel,
    .push = connect_push,
    .abandon = abandon,
};

/* Wait for the socket that is being connected. */
static int wait_connected(lua_State *L, struct attempt *attempt, struct lull_task *task,
                          const struct lull_stream *stream)
{
    struct lull_runtime *rt = stream->shared->rt;
    const struct lull_op_type *type =
        attempt->addr.as.any.sa_family == AF_UNIX ? &unix_type : &tcp_type;
    event_assign(&attempt->event, lull_base(rt), attempt->fd, EV_WRITE, on_connected,
                 attempt);
    if (event_add(&attempt->event, NULL) != 0 ||
        !lullb_op_begin(&attempt->wait, rt, task, type, stream->options.timeout)) {
        close_attempt(attempt);
        return lullb_raise_memory(L, type->name);
    }
    lull_expect(rt);
    attempt->expected = true;
    return lull_await(L, &attempt->wait.op);
}

int lullb_connect(lua_State *L, struct lull_runtime *rt, const struct lullb_addr *addr,
                  const struct lullb_stream_options *options)
{
    struct lull_task *task = lull_checkpoint(L);
    luaL_checkstack(L, 8, NULL);
    lull_check_handles(L, name_of(addr));
    struct lull_stream *stream = lullb_push_stream(L, rt, options);
    struct attempt *attempt = lua_newuserdatauv(L, sizeof *attempt, 0);
    *attempt = (struct attempt){.addr = *addr};
    attempt->fd = lullb_socket(addr->as.any.sa_family, SOCK_STREAM);
    if (attempt->fd < 0)
        return raise_failed(L, addr, errno);
    int result = connect(attempt->fd, &attempt->addr.as.any, attempt->addr.size);
    if (result < 0 && (errno == EINPROGRESS || errno == EINTR))
        return wait_connected(L, attempt, task, stream);
    if (result < 0) {
        int error = errno;
        close(attempt->fd);
        if (error != EAGAIN || addr->as.any.sa_family != AF_UNIX)
            return raise_failed(L, addr, error);
        lua_pushnil(L);
        return 1;
    }
    lullb_stream_open(stream, attempt->fd, LULLB_FD_SOCKET);
    lullb_stream_connected(stream, addr);
    lua_pop(L, 1);
    return 1;
}
