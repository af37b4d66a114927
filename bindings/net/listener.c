/* SPDX-License-Identifier: MIT */
/*
 * listener.c -- listening, accepting, and what can go wrong with either.
 */
#include "net/listener.h"

#include "net/bound.h"
#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT "listener.accept"

static const char listener_tag = 'l';

struct listener {
    struct lullb_object object;
    struct event event;
    struct lull_timer pause; /* runs while accepting pauses */
    struct lull_line line;   /* who waits for a connection */
    struct lullb_stream_options options;
    struct lullb_addr addr; /* where it listens */
    struct lullb_bound_file file;
    int fd;
    bool watched;
};

/* One accept: a userdata on the stack of the task, above the stream to be. */
struct accept_op {
    struct lull_timed_op wait; /* first */
    struct listener *listener;
};

/* ---- loop side: no Lua ------------------------------------------------------ */

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd;
    (void)what;
    if (listener->line.head != NULL) {
        lullb_op_complete(listener->line.head);
    } else {
        event_del(&listener->event);
        listener->watched = false;
    }
}

static bool watch(struct listener *listener)
{
    if (!listener->watched && listener->pause.slot == 0)
        listener->watched = event_add(&listener->event, NULL) == 0;
    return listener->watched || listener->pause.slot != 0;
}

static void on_pause_over(struct lull_timer *timer)
{
    struct listener *listener =
        (struct listener *)(void *)((char *)timer - offsetof(struct listener, pause));
    if (listener->line.head != NULL && !watch(listener))
        lullb_op_complete(listener->line.head); /* it will find out */
}

/* Do not look at the socket for a while. */
static void pause_accepting(struct listener *listener)
{
    if (listener->pause.slot != 0) /* another accept met the same limit */
        return;
    if (!lull_timer_start_real(listener->object.handle.rt, &listener->pause,
                               LULLB_ACCEPT_PAUSE_S, on_pause_over))
        return; /* then it is tried again at once */
    if (listener->watched)
        event_del(&listener->event);
    listener->watched = false;
}

static void close_listener(struct lull_handle *handle)
{
    struct listener *listener = (struct listener *)(void *)handle;
    if (listener->watched)
        event_del(&listener->event);
    listener->watched = false;
    if (listener->pause.slot != 0)
        lull_timer_stop(&listener->pause);
    lullb_line_close(&listener->line);
    close(listener->fd);
    listener->fd = -1;
    lullb_bound_remove(&listener->file, &listener->addr);
}

static const struct lull_handle_type listener_type = {
    .name = "listener",
    .close = close_listener,
};

static enum lull_cancel cancel(struct lull_op *op)
{
    lullb_op_release(&((struct accept_op *)(void *)op)->wait);
    return LULL_DETACHED;
}

/* By force: a connection that woke the dead is for the next in line. */
static void abandon(struct lull_op *op)
{
    cancel(op);
}

/* ---- accepting ---------------------------------------------------------------- */

static int accept_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type accept_type = {
    .name = ACCEPT,
    .cancel = cancel,
    .push = accept_push,
    .abandon = abandon,
};

static int wait_acceptable(lua_State *L, struct accept_op *accept_op,
                           struct lull_task *task, bool first)
{
    struct listener *listener = accept_op->listener;
    if (!watch(listener) || !lullb_op_begin(&accept_op->wait, listener->object.handle.rt,
                                            task, &accept_type, (double)INFINITY))
        return lullb_raise_memory(L, ACCEPT);
    if (first)
        lullb_line_prepend(&listener->line, &accept_op->wait);
    else
        lullb_line_append(&listener->line, &accept_op->wait);
    return lull_await(L, &accept_op->wait.op);
}

static int accept_one(struct listener *listener, struct lullb_addr *peer)
{
    peer->size = sizeof peer->as;
#ifdef __linux__
    return accept4(listener->fd, &peer->as.any, &peer->size,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listener->fd, &peer->as.any, &peer->size);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

/* Errors of the one connection, not of the listener (accept(2)). */
static bool is_passing(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM: /* a firewall's word */
        return true;
    default:
        return false;
    }
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static int accept_push(lua_State *L, struct lull_op *op)
{
    struct accept_op *accept_op = (struct accept_op *)(void *)op;
    struct listener *listener = accept_op->listener;
    struct lull_stream *stream = lua_touserdata(L, 2);
    struct lullb_addr peer;
    int fd;
    if (!lull_handle_is_open(&listener->object.handle))
        return lullb_raise(L, LULL_KIND_CLOSED, ACCEPT, "the listener is closed");
    if (!lull_may_open_handle(listener->object.handle.rt)) {
        pause_accepting(listener);
        return wait_acceptable(L, accept_op, op->task, true);
    }
    do {
        fd = accept_one(listener, &peer);
    } while (fd < 0 && is_passing(errno));
    if (fd < 0) {
        if (is_shortage(errno))
            pause_accepting(listener);
        else if (errno != EAGAIN && errno != EWOULDBLOCK)
            return lullb_raise_io(L, ACCEPT, errno, NULL);
        return wait_acceptable(L, accept_op, op->task, true);
    }
    lullb_stream_open(stream, fd, LULLB_FD_SOCKET);
    lullb_stream_connected(stream, &peer);
    lua_settop(L, 2);
    return 1;
}

static struct listener *check_listener(lua_State *L, int index)
{
    return lullb_check_object(L, index, &listener_tag, "listener");
}

/* listener:accept() -> stream */
static int m_accept(lua_State *L)
{
    struct listener *listener = check_listener(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (!lull_handle_is_open(&listener->object.handle))
        return lullb_raise(L, LULL_KIND_CLOSED, ACCEPT, "the listener is closed");
    lullb_push_stream(L, listener->object.handle.rt, &listener->options);
    struct accept_op *accept_op = lua_newuserdatauv(L, sizeof *accept_op, 0);
    *accept_op = (struct accept_op){.listener = listener};
    if (listener->line.head != NULL || listener->pause.slot != 0)
        return wait_acceptable(L, accept_op, task, false);
    lullb_op_begin_complete(&accept_op->wait, task, &accept_type);
    return lull_await(L, &accept_op->wait.op);
}

/* ---- listening ------------------------------------------------------------------ */

static int set_options(int fd, const struct lullb_addr *addr,
                       const struct lullb_listen_options *options)
{
    static const int on = 1;
    int only_ipv6 = !options->dual_stack;
    int family = addr->as.any.sa_family;
    if (family == AF_UNIX)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -1;
    if (options->reuse_port &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return -1;
    if (family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6) < 0)
        return -1;
    return 0;
}

/* A socket that listens; -1 and errno. */
static int open_socket(const struct lullb_addr *addr,
                       const struct lullb_listen_options *options)
{
    int fd = lullb_socket(addr->as.any.sa_family, SOCK_STREAM);
    if (fd < 0)
        return -1;
    if (set_options(fd, addr, options) < 0 || lullb_bind(fd, addr, SOCK_STREAM) < 0)
        goto failed;
    if (listen(fd, options->backlog) == 0)
        return fd;
    if (addr->as.any.sa_family == AF_UNIX && addr->as.un.sun_path[0] != '\0')
        unlink(addr->as.un.sun_path);
failed:;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void push_class(lua_State *L, struct lull_runtime *rt);

int lullb_listen(lua_State *L, struct lull_runtime *rt, const struct lullb_addr *addr,
                 const struct lullb_listen_options *options)
{
    char text[LULLB_ADDR_TEXT];
    lull_check_handles(L, LULLB_LISTEN);
    push_class(L, rt);
    struct listener *listener = lullb_push_object(L, sizeof *listener, &listener_tag);
    listener->options = options->stream;
    listener->addr = *addr;
    listener->fd = open_socket(addr, options);
    if (listener->fd < 0) {
        int error = errno;
        lullb_addr_text(addr, text);
        return lullb_raise_io(L, LULLB_LISTEN, error, text);
    }
    lullb_bound_note(&listener->file, &listener->addr);
    if (addr->as.any.sa_family != AF_UNIX) {
        listener->addr.size = sizeof listener->addr.as;
        getsockname(listener->fd, &listener->addr.as.any, &listener->addr.size);
    }
    event_assign(&listener->event, lull_base(rt), listener->fd, EV_READ | EV_PERSIST,
                 on_acceptable, listener);
    lull_handle_open(rt, &listener->object.handle, &listener_type);
    return 1;
}

/* ---- the class ---------------------------------------------------------------------- */

static int m_close(lua_State *L)
{
    lull_handle_close(&check_listener(L, 1)->object.handle);
    return 0;
}

/* listener:sockname() -> host, port | path; as it was, once closed */
static int m_sockname(lua_State *L)
{
    return lullb_push_addr(L, &check_listener(L, 1)->addr);
}

static int m_tostring(lua_State *L)
{
    char text[LULLB_ADDR_TEXT];
    struct listener *listener = check_listener(L, 1);
    lullb_addr_text(&listener->addr, text);
    lua_pushfstring(L, "listener (%s)",
                    lull_handle_is_open(&listener->object.handle) ? text : "closed");
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"accept", m_accept},
    {"close", m_close},
    {"sockname", m_sockname},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {"__tostring", m_tostring},
    {NULL, NULL},
};

static void push_class(lua_State *L, struct lull_runtime *rt)
{
    lull_push_class(L, rt, "lull.listener", methods, meta);
}
