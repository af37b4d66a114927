/* SPDX-License-Identifier: MIT */
/*
 * receive.c -- the receiving side of a datagram socket: who waits, in a line.
 */
#include "net/datagram.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECV "udp.recv"

/* ---- loop side: no Lua ------------------------------------------------------ */

static struct lullb_receive *receive_of(struct lull_op *op)
{
    return (struct lullb_receive *)(void *)op;
}

void lullb_on_receivable(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_datagram *socket = arg;
    struct lull_timed_op *head = socket->receivers.head;
    (void)fd;
    (void)what;
    if (head != NULL) {
        receive_of(&head->op)->woken = true;
        socket->woken++;
        lullb_op_complete(head);
    } else {
        event_del(&socket->readable);
        socket->readable_watched = false;
    }
}

static void settle_woken(struct lullb_receive *receive)
{
    if (receive->woken)
        receive->socket->woken--;
    receive->woken = false;
}

static enum lull_cancel receive_cancel(struct lull_op *op)
{
    lullb_op_release(&receive_of(op)->timed);
    settle_woken(receive_of(op));
    return LULL_DETACHED;
}

/* By force: the message that woke the dead is for the next in line. */
static void receive_abandon(struct lull_op *op)
{
    receive_cancel(op);
}

/* ---- Lua side ---------------------------------------------------------------- */

static int receive_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type receive_type = {
    .name = RECV,
    .cancel = receive_cancel,
    .push = receive_push,
    .abandon = receive_abandon,
};

static bool watch_readable(struct lullb_datagram *socket)
{
    if (!socket->readable_watched)
        socket->readable_watched = event_add(&socket->readable, NULL) == 0;
    return socket->readable_watched;
}

static int wait_receivable(lua_State *L, struct lullb_receive *receive,
                           struct lull_task *task, bool first)
{
    struct lullb_datagram *socket = receive->socket;
    if (!watch_readable(socket) ||
        !lullb_op_begin(&receive->timed, socket->object.handle.rt, task, &receive_type,
                        socket->timeout))
        return lullb_raise_memory(L, RECV);
    if (first)
        lullb_line_prepend(&socket->receivers, &receive->timed);
    else
        lullb_line_append(&socket->receivers, &receive->timed);
    return lull_await(L, &receive->timed.op);
}

static bool same_host(const struct lullb_addr *one, const struct lullb_addr *other)
{
    if (one->as.any.sa_family != other->as.any.sa_family)
        return false;
    if (one->as.any.sa_family == AF_INET)
        return one->as.in4.sin_addr.s_addr == other->as.in4.sin_addr.s_addr;
    return one->as.in6.sin6_scope_id == other->as.in6.sin6_scope_id &&
           IN6_ARE_ADDR_EQUAL(&one->as.in6.sin6_addr, &other->as.in6.sin6_addr);
}

/* Push where a message came from; returns how many values. */
static int push_sender(lua_State *L, struct lullb_datagram *socket,
                       const struct lullb_addr *from)
{
    struct lullb_known_host *known = &socket->known;
    if (from->size == 0 || socket->family == AF_UNIX)
        return lullb_push_addr(L, from);
    if (known->text[0] != '\0' && same_host(&known->addr, from)) {
        lua_pushstring(L, known->text);
        lua_pushinteger(L, ntohs(from->as.any.sa_family == AF_INET
                                     ? from->as.in4.sin_port
                                     : from->as.in6.sin6_port));
        return 2;
    }
    int count = lullb_push_addr(L, from);
    if (count == 2) {
        known->addr = *from;
        snprintf(known->text, sizeof known->text, "%s", lua_tostring(L, -2));
    }
    return count;
}

/* Receive into the buffer: bytes, or -1 and errno; ENOBUFS when it was too long. */
static ssize_t receive_one(struct lullb_datagram *socket, struct lullb_addr *from)
{
    struct iovec part = {.iov_base = socket->buffer, .iov_len = socket->max_size};
    struct msghdr header = {
        .msg_name = &from->as,
        .msg_namelen = sizeof from->as,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    ssize_t count;
    memset(&from->as, 0, sizeof from->as);
    do {
        count = recvmsg(socket->fd, &header, MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return -1;
    from->size = header.msg_namelen;
    if ((header.msg_flags & MSG_TRUNC) == 0)
        return count;
    errno = EMSGSIZE;
    return -1;
}

static int raise_too_long(lua_State *L, const struct lullb_datagram *socket)
{
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_LIMIT, "a datagram was longer than %I bytes",
                    (lua_Integer)socket->max_size);
    lull_error_detail(L, RECV, EMSGSIZE);
    return lua_error(L);
}

/* Push what is there; -1: nothing. */
static int push_received(lua_State *L, struct lullb_datagram *socket)
{
    struct lullb_addr from;
    ssize_t count = receive_one(socket, &from);
    if (count >= 0) {
        luaL_checkstack(L, 4, NULL);
        lua_pushlstring(L, socket->buffer, (size_t)count);
        return 1 + push_sender(L, socket, &from);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return -1;
    if (errno == EMSGSIZE)
        return raise_too_long(L, socket);
    return lullb_raise_io(L, RECV, errno, NULL);
}

static int receive_push(lua_State *L, struct lull_op *op)
{
    struct lullb_receive *receive = receive_of(op);
    struct lullb_datagram *socket = receive->socket;
    settle_woken(receive);
    if (!lull_handle_is_open(&socket->object.handle))
        return lullb_raise(L, LULL_KIND_CLOSED, RECV, "the socket is closed");
    if (receive->timed.timed_out)
        return lullb_raise_timeout(L, &receive->timed, "nothing was received");
    int count = push_received(L, socket);
    return count >= 0 ? count : wait_receivable(L, receive, op->task, true);
}

/* Bound to nothing in particular, it was not asked for a permission yet. */
static void check_may_receive(lua_State *L, struct lullb_datagram *socket)
{
    if (socket->may_receive || socket->connected)
        return;
    lull_check_address(L, LULL_MAY_LISTEN, RECV, "*", 0);
    socket->may_receive = true;
}

int lullb_m_recv(lua_State *L)
{
    lua_settop(L, 1);
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_open_datagram(L, RECV);
    check_may_receive(L, socket);
    struct lullb_receive *receive = &socket->receive;
    if (receive->timed.op.awaited) { /* in use, or its last user has not seen its end */
        receive = lua_newuserdatauv(L, sizeof *receive, 0);
        *receive = (struct lullb_receive){.socket = socket};
    }
    if (socket->receivers.head != NULL || socket->woken > 0)
        return wait_receivable(L, receive, task, false);
    lullb_op_begin_complete(&receive->timed, task, &receive_type);
    return lull_await(L, &receive->timed.op);
}

int lullb_m_try_recv(lua_State *L)
{
    lua_settop(L, 1);
    struct lullb_datagram *socket = lullb_check_open_datagram(L, RECV);
    check_may_receive(L, socket);
    int count = -1;
    if (socket->receivers.head == NULL && socket->woken == 0)
        count = push_received(L, socket);
    if (count >= 0)
        return count;
    lua_pushnil(L);
    return 1;
}
