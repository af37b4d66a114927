/* SPDX-License-Identifier: MIT */
/*
 * send.c -- the sending side of a datagram socket.
 */
#include "net/datagram.h"
#include "net/dnslookup.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* there SO_NOSIGPIPE is set when a socket is made */
#endif

#define SEND "udp.send"

/* ---- loop side: no Lua ------------------------------------------------------ */

static struct lullb_send *send_of(struct lull_op *op)
{
    return (struct lullb_send *)(void *)op;
}

/* Send, and note the error; false: not now. */
static bool try_send(struct lullb_send *sending)
{
    const struct lullb_addr *to = &sending->to;
    ssize_t count;
    do {
        count = sendto(sending->socket->fd, sending->bytes, sending->size,
                       MSG_DONTWAIT | MSG_NOSIGNAL, to->size != 0 ? &to->as.any : NULL,
                       to->size);
    } while (count < 0 && errno == EINTR);
    sending->error = count < 0 ? errno : 0;
    return sending->error != EAGAIN && sending->error != EWOULDBLOCK;
}

void lullb_on_sendable(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_datagram *socket = arg;
    struct lull_line *line = &socket->senders;
    (void)fd;
    (void)what;
    while (line->head != NULL) {
        if (!try_send(send_of(&line->head->op)))
            return;
        lullb_op_complete(line->head);
    }
    event_del(&socket->writable);
    socket->writable_watched = false;
}

static bool start_retrying(struct lullb_datagram *socket);

static void on_retry(struct lull_timer *timer)
{
    struct lullb_datagram *socket =
        (struct lullb_datagram *)(void *)((char *)timer -
                                          offsetof(struct lullb_datagram, retry));
    struct lull_timed_op *next;
    for (struct lull_timed_op *each = socket->retrying.head; each != NULL; each = next) {
        next = each->next;
        if (try_send(send_of(&each->op)))
            lullb_op_complete(each);
    }
    if (socket->retrying.head != NULL && !start_retrying(socket)) {
        while (socket->retrying.head != NULL)
            lullb_op_complete(socket->retrying.head); /* they have EAGAIN */
    }
}

static bool start_retrying(struct lullb_datagram *socket)
{
    return socket->retry.slot != 0 ||
           lull_timer_start_real(socket->object.handle.rt, &socket->retry, LULLB_RETRY_S,
                                 on_retry);
}

static enum lull_cancel send_cancel(struct lull_op *op)
{
    lullb_op_release(&send_of(op)->timed);
    return LULL_DETACHED;
}

static void send_abandon(struct lull_op *op)
{
    send_cancel(op);
}

/* ---- Lua side ---------------------------------------------------------------- */

static int send_push(lua_State *L, struct lull_op *op)
{
    struct lullb_send *sending = send_of(op);
    char text[LULLB_ADDR_TEXT];
    if (sending->timed.timed_out)
        return lullb_raise_timeout(L, &sending->timed, "nothing was sent");
    if (sending->error == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    sending->socket->known.text[0] = '\0'; /* an interface may have gone */
    lullb_addr_text(&sending->to, text);
    return lullb_raise_io(L, SEND, sending->error, text[0] != '\0' ? text : NULL);
}

static const struct lull_op_type send_type = {
    .name = SEND,
    .cancel = send_cancel,
    .push = send_push,
    .abandon = send_abandon,
};

/* Is somebody waiting to send to the same Unix socket? */
static bool is_awaited(const struct lull_line *line, const struct lullb_addr *to)
{
    for (struct lull_timed_op *each = line->head; each != NULL; each = each->next) {
        const struct lullb_addr *other = &send_of(&each->op)->to;
        if (other->size == to->size && memcmp(&other->as, &to->as, to->size) == 0)
            return true;
    }
    return false;
}

/* Wait in a line, for the event or for the timer. */
static int wait_sendable(lua_State *L, struct lullb_send *sending, struct lull_task *task,
                         struct lull_line *line)
{
    struct lullb_datagram *socket = sending->socket;
    bool watched;
    if (line == &socket->retrying) {
        watched = start_retrying(socket);
    } else {
        if (!socket->writable_watched)
            socket->writable_watched = event_add(&socket->writable, NULL) == 0;
        watched = socket->writable_watched;
    }
    if (!watched || !lullb_op_begin(&sending->timed, socket->object.handle.rt, task,
                                    &send_type, socket->timeout))
        return lullb_raise_memory(L, SEND);
    lullb_line_append(line, &sending->timed);
    return lull_await(L, &sending->timed.op);
}

bool lullb_datagram_target(lua_State *L, struct lullb_datagram *socket, int index,
                           struct lullb_addr *to)
{
    struct lullb_known_host *known = &socket->known;
    int is_integer;
    size_t length;
    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    const char *text = lua_tolstring(L, index, &length);
    if (socket->family == AF_UNIX)
        return lullb_addr_of_path(to, text, length) == 0;
    lua_Integer port = lua_tointegerx(L, index + 1, &is_integer);
    if (!is_integer || port < 0 || port > UINT16_MAX)
        return false;
    if (strlen(text) != length)
        return false;
    if (known->text[0] == '\0' || strcmp(text, known->text) != 0) {
        if (length >= sizeof known->text || !lullb_addr_parse(to, text, 0))
            return false;
        if (socket->mapped)
            lullb_addr_map(to);
        known->addr = *to;
        memcpy(known->text, text, length + 1);
    }
    *to = known->addr;
    if (to->as.any.sa_family == AF_INET)
        to->as.in4.sin_port = htons((uint16_t)port);
    else
        to->as.in6.sin6_port = htons((uint16_t)port);
    return true;
}

/* May it be sent there?  The arguments are those of send. */
static void check_target(lua_State *L, const struct lullb_datagram *socket,
                         const struct lullb_addr *to)
{
    if (socket->family == AF_UNIX)
        lullb_check_path(L, LULL_MAY_CONNECT, SEND, to);
    else if (lua_isnil(L, 5))
        lull_check_address(L, LULL_MAY_CONNECT, SEND, lua_tostring(L, 3),
                           (int)lua_tointeger(L, 4));
    else
        lullb_check_host(L, LULL_MAY_CONNECT, SEND, to, 5);
}

int lullb_m_send(lua_State *L)
{
    struct lullb_addr to = {.size = 0};
    lua_settop(L, 5);
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    if (!lua_isstring(L, 2) ||
        (!lua_isnil(L, 3) && !lullb_datagram_target(L, socket, 3, &to)))
        return 0;
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_open_datagram(L, SEND);
    if (to.size != 0)
        check_target(L, socket, &to);
    if (to.size == 0 && !socket->connected)
        return lullb_raise(L, LULL_KIND_USAGE, SEND,
                           "no destination, and the socket is not connected");
    struct lullb_send *sending = &socket->send;
    if (sending->timed.op.awaited)
        sending = lua_newuserdatauv(L, sizeof *sending, 0);
    *sending = (struct lullb_send){.socket = socket, .to = to};
    sending->bytes = lua_tolstring(L, 2, &sending->size);
    struct lull_line *line =
        socket->family == AF_UNIX && to.size != 0 ? &socket->retrying : &socket->senders;
    bool in_line = line == &socket->senders ? line->head != NULL : is_awaited(line, &to);
    if (in_line || !try_send(sending))
        return wait_sendable(L, sending, task, line);
    lullb_op_begin_complete(&sending->timed, task, &send_type);
    return lull_await(L, &sending->timed.op);
}
