/* SPDX-License-Identifier: MIT */
/*
 * datagram.c -- datagram sockets come into being, and end.
 */
#include "net/datagram.h"

#include "common/fdready.h"

#include <unistd.h>

static const char datagram_tag = 'd';
static const char buffer_key = 'b'; /* of the shared buffer, in the registry */

/* ---- the end ------------------------------------------------------------------------ */

static void close_datagram(struct lull_handle *handle)
{
    struct lullb_datagram *socket = (struct lullb_datagram *)(void *)handle;
    if (socket->readable_watched)
        event_del(&socket->readable);
    if (socket->writable_watched)
        event_del(&socket->writable);
    socket->readable_watched = socket->writable_watched = false;
    if (socket->retry.slot != 0)
        lull_timer_stop(&socket->retry);
    lullb_line_close(&socket->receivers);
    lullb_line_close(&socket->senders);
    lullb_line_close(&socket->retrying);
    lullb_fd_waits_close(socket->waits, socket->fd);
    close(socket->fd);
    socket->fd = -1;
    lullb_bound_remove(&socket->file, &socket->addr);
    if (socket->owns_buffer)
        lull_release(handle->rt, socket->buffer, socket->max_size);
    socket->buffer = NULL;
}

static const struct lull_handle_type datagram_type = {
    .name = "udp",
    .close = close_datagram,
};

/* ---- birth ---------------------------------------------------------------------------- */

/* The buffer that all sockets with usual messages share; made when first needed. */
static char *shared_buffer(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &buffer_key);
    char *buffer = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (buffer == NULL) {
        buffer = lua_newuserdatauv(L, LULLB_MAX_MESSAGE, 0);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &buffer_key);
    }
    return buffer;
}

struct lullb_datagram *lullb_push_datagram(lua_State *L, struct lull_runtime *rt)
{
    struct lullb_fd_waits *waits = lullb_fd_waits_of(L);
    char *buffer = shared_buffer(L);
    struct lullb_datagram *socket = lullb_push_object(L, sizeof *socket, &datagram_tag);
    socket->object.handle.rt = rt;
    socket->waits = waits;
    socket->buffer = buffer;
    socket->max_size = LULLB_MAX_MESSAGE;
    socket->receive.socket = socket;
    socket->fd = -1;
    return socket;
}

void lullb_datagram_note_addr(struct lullb_datagram *socket)
{
    socket->addr.size = sizeof socket->addr.as;
    if (getsockname(socket->fd, &socket->addr.as.any, &socket->addr.size) < 0)
        socket->addr.size = 0;
}

void lullb_datagram_open(lua_State *L, struct lullb_datagram *socket, int fd)
{
    struct lull_runtime *rt = socket->object.handle.rt;
    socket->fd = fd;
    lullb_datagram_note_addr(socket);
    lullb_bound_note(&socket->file, &socket->addr);
    event_assign(&socket->readable, lull_base(rt), fd, EV_READ | EV_PERSIST,
                 lullb_on_receivable, socket);
    event_assign(&socket->writable, lull_base(rt), fd, EV_WRITE | EV_PERSIST,
                 lullb_on_sendable, socket);
    lull_handle_open(rt, &socket->object.handle, &datagram_type);
    if (socket->max_size <= LULLB_MAX_MESSAGE)
        return;
    socket->buffer = lull_alloc(rt, socket->max_size);
    socket->owns_buffer = socket->buffer != NULL;
    if (!socket->owns_buffer) {
        lull_handle_close(&socket->object.handle);
        lullb_raise_memory(L, "udp.open");
    }
}

struct lullb_datagram *lullb_check_datagram(lua_State *L, int index)
{
    return lullb_check_object(L, index, &datagram_tag, "datagram socket");
}

struct lullb_datagram *lullb_check_open_datagram(lua_State *L, const char *op)
{
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    if (!lull_handle_is_open(&socket->object.handle))
        lullb_raise(L, LULL_KIND_CLOSED, op, "the socket is closed");
    return socket;
}
