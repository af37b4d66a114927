/* SPDX-License-Identifier: MIT */
/*
 * linger.c -- a handle that closes itself when its queue is empty.
 */
#include "linger.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <unistd.h>

struct rest {
    struct lull_handle handle; /* first */
    struct event event;
    struct lull_timer timer;
    struct lullb_buffer queue;
    int fd;
    enum lullb_fd_kind kind;
    bool owned;
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

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct rest *rest = arg;
    (void)fd;
    (void)what;
    if (!send_some(rest))
        lull_handle_close(&rest->handle);
}

static void on_due(struct lull_timer *timer)
{
    struct rest *rest =
        (struct rest *)(void *)((char *)timer - offsetof(struct rest, timer));
    lull_handle_close(&rest->handle);
}

static void close_rest(struct lull_handle *handle)
{
    struct rest *rest = (struct rest *)(void *)handle;
    struct lull_runtime *rt = handle->rt;
    event_del(&rest->event);
    if (rest->timer.slot != 0)
        lull_timer_stop(&rest->timer);
    if (lullb_buffer_size(&rest->queue) > 0)
        send_some(rest);
    if (rest->owned)
        close(rest->fd);
    lullb_buffer_clear(rt, &rest->queue);
    lull_release(rt, rest, sizeof *rest);
}

static const struct lull_handle_type rest_type = {
    .name = "stream.linger",
    .close = close_rest,
    .background = true,
};

bool lullb_linger(struct lull_runtime *rt, int fd, enum lullb_fd_kind kind, bool owned,
                  struct lullb_buffer *queue)
{
    struct rest *rest = lull_alloc(rt, sizeof *rest);
    if (rest == NULL)
        return false;
    *rest = (struct rest){.fd = fd, .kind = kind, .owned = owned};
    event_assign(&rest->event, lull_base(rt), fd, EV_WRITE | EV_PERSIST, on_writable,
                 rest);
    if (!lull_timer_start_after(rt, &rest->timer, LULLB_LINGER_S, on_due)) {
        lull_release(rt, rest, sizeof *rest);
        return false;
    }
    if (event_add(&rest->event, NULL) != 0) {
        lull_timer_stop(&rest->timer);
        lull_release(rt, rest, sizeof *rest);
        return false;
    }
    rest->queue = *queue;
    *queue = (struct lullb_buffer){0};
    lull_handle_open(rt, &rest->handle, &rest_type);
    return true;
}
