/* SPDX-License-Identifier: MIT */
/*
 * linger.c -- a handle that closes itself when its queue is empty.
 */
#include "stream/linger.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_RESTARTS 30u

struct rest {
    struct lull_handle handle; /* first */
    struct event event;
    struct lull_timer timer;
    struct lullb_buffer queue;
    int fd;
    enum lullb_fd_kind kind;
    unsigned restarts; /* of the timer, by progress */
};

/* Send what can be sent; false when there is no more to do. */
static bool send_some(struct rest *rest)
{
    struct iovec part = {
        .iov_base = (void *)lullb_buffer_bytes(&rest->queue),
        .iov_len = lullb_buffer_size(&rest->queue),
    };
    ssize_t sent = lullb_fd_write(rest->fd, rest->kind, &part, 1);
    if (sent < 0)
        return errno == EAGAIN;
    lullb_buffer_consume(rest->handle.rt, &rest->queue, (size_t)sent);
    return lullb_buffer_size(&rest->queue) > 0;
}

static void on_due(struct lull_timer *timer)
{
    struct rest *rest =
        (struct rest *)(void *)((char *)timer - offsetof(struct rest, timer));
    lull_handle_close(&rest->handle);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct rest *rest = arg;
    (void)fd;
    (void)what;
    if (!send_some(rest)) {
        lull_handle_close(&rest->handle);
        return;
    }
    /* The peer takes something: more time, within bounds. */
    if (rest->restarts < MAX_RESTARTS) {
        rest->restarts++;
        lull_timer_stop(&rest->timer);
        lull_timer_start_real(rest->handle.rt, &rest->timer, LULLB_LINGER_S, on_due);
    }
}

static void close_rest(struct lull_handle *handle)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct rest *rest = (struct rest *)(void *)handle;
    struct lull_runtime *rt = handle->rt;
    event_del(&rest->event);
    if (rest->timer.slot != 0)
        lull_timer_stop(&rest->timer);
    if (lullb_buffer_size(&rest->queue) > 0)
        send_some(rest);
    /* What is lost must not look like an end to the peer. */
    if (lullb_buffer_size(&rest->queue) > 0 && rest->kind == LULLB_FD_SOCKET)
        setsockopt(rest->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(rest->fd);
    lullb_buffer_clear(rt, &rest->queue);
    lull_release(rt, rest, sizeof *rest);
}

static const struct lull_handle_type rest_type = {
    .name = "stream.linger",
    .close = close_rest,
    .background = true,
};

/* There is no way to send later: the copy that was made goes. */
static bool give_up(int own, bool owned)
{
    if (own >= 0 && !owned)
        close(own);
    return false;
}

bool lullb_linger(struct lull_runtime *rt, int fd, enum lullb_fd_kind kind, bool owned,
                  struct lullb_buffer *queue)
{
    /* Not ours: its owner may close it, and the number be another's soon. */
    int own = owned ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct rest *rest = own >= 0 ? lull_alloc(rt, sizeof *rest) : NULL;
    if (rest == NULL)
        return give_up(own, owned);
    *rest = (struct rest){.fd = own, .kind = kind};
    fd = own;
    event_assign(&rest->event, lull_base(rt), fd, EV_WRITE | EV_PERSIST, on_writable,
                 rest);
    if (!lull_timer_start_real(rt, &rest->timer, LULLB_LINGER_S, on_due)) {
        lull_release(rt, rest, sizeof *rest);
        return give_up(own, owned);
    }
    if (event_add(&rest->event, NULL) != 0) {
        lull_timer_stop(&rest->timer);
        lull_release(rt, rest, sizeof *rest);
        return give_up(own, owned);
    }
    rest->queue = *queue;
    *queue = (struct lullb_buffer){0};
    lull_handle_open(rt, &rest->handle, &rest_type);
    return true;
}
