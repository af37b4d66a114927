/* SPDX-License-Identifier: MIT */
/*
 * sendqueue.c -- what a stream has accepted and not yet sent.
 *
 * The queue is sent by the event of the writing side, which is registered
 * while there is something in it, or while somebody waits to write to the
 * descriptor himself.  Progress wakes who waits for it.
 */
#include "stream/stream.h"

#include <errno.h>

static struct lull_stream_wait *wait_of(struct lull_op *op)
{
    return (struct lull_stream_wait *)(void *)op;
}

/* ---- loop side: no Lua ------------------------------------------------------ */

void lullb_pass_pen(struct lullb_writer *out)
{
    out->holder = (struct lull_stream_wait *)(void *)out->line.head;
    if (out->holder != NULL)
        lullb_op_complete(&out->holder->timed);
}

static void unwatch(struct lullb_writer *out)
{
    if (out->watched)
        event_del(&out->event);
    out->watched = false;
}

void lullb_break_off(struct lull_stream *stream, int errnum)
{
    struct lullb_writer *out = &stream->out;
    out->error = errnum;
    unwatch(out);
    lullb_buffer_clear(stream->shared->rt, &out->queue);
    if (out->holder != NULL)
        lullb_op_complete(&out->holder->timed);
    while (out->flushers.head != NULL)
        lullb_op_complete(out->flushers.head);
    if (out->poller != NULL)
        lullb_op_complete(&out->poller->timed);
}

/* Tell those who waited for this much to be sent. */
static void tell_progress(struct lullb_writer *out)
{
    if (out->holder != NULL && lullb_buffer_size(&out->queue) <= out->wake_at)
        lullb_op_complete(&out->holder->timed);
    while (out->flushers.head != NULL &&
           wait_of(&out->flushers.head->op)->target <= out->sent)
        lullb_op_complete(out->flushers.head);
}

/* Send from the queue what the descriptor takes now.  0, or an errno value. */
static int send_queue(struct lull_stream *stream)
{
    struct lullb_writer *out = &stream->out;
    struct iovec part = {
        .iov_base = (void *)lullb_buffer_bytes(&out->queue),
        .iov_len = lullb_buffer_size(&out->queue),
    };
    ssize_t count = lullb_fd_write(stream->fd, stream->kind, &part, 1);
    if (count < 0)
        return errno == EAGAIN ? 0 : errno;
    out->sent += (uint64_t)count;
    lullb_buffer_consume(stream->shared->rt, &out->queue, (size_t)count);
    return 0;
}

void lullb_on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct lull_stream *stream = arg;
    struct lullb_writer *out = &stream->out;
    (void)fd;
    (void)what;
    if (lullb_buffer_size(&out->queue) > 0) {
        int error = send_queue(stream);
        if (error != 0) {
            lullb_break_off(stream, error);
            return;
        }
    }
    if (lullb_buffer_size(&out->queue) == 0) {
        unwatch(out);
        if (out->poller != NULL)
            lullb_op_complete(&out->poller->timed);
    }
    tell_progress(out);
}

/* What is queued is to be sent when the descriptor takes it.  0, or an errno value. */
static int watch(struct lullb_writer *out)
{
    if (!out->watched && event_add(&out->event, NULL) != 0)
        return ENOBUFS;
    out->watched = true;
    return 0;
}

int lullb_watch_queue(struct lull_stream *stream)
{
    struct lullb_writer *out = &stream->out;
    int error = lullb_buffer_size(&out->queue) > 0 ? watch(out) : 0;
    if (error != 0)
        lullb_break_off(stream, error);
    return error;
}

int lull_stream_push_out(struct lull_stream *stream)
{
    struct lullb_writer *out = &stream->out;
    if (out->error != 0)
        return out->error;
    if (lullb_buffer_size(&out->queue) == 0 || out->watched)
        return 0;
    int error = send_queue(stream);
    if (error == 0)
        return lullb_watch_queue(stream);
    lullb_break_off(stream, error);
    return error;
}

enum lull_cancel lull_stream_cancel(struct lull_op *op)
{
    struct lull_stream_wait *wait = wait_of(op);
    struct lull_stream *stream = wait->stream;
    lullb_op_release(&wait->timed); /* it leaves its line */
    if (stream->in.reader == wait)
        stream->in.reader = NULL;
    if (stream->out.poller == wait)
        stream->out.poller = NULL;
    if (stream->out.holder == wait)
        lullb_pass_pen(&stream->out);
    return LULL_DETACHED;
}

/* By force, whatever its state: the pen must not stay with the dead. */
void lull_stream_abandon(struct lull_op *op)
{
    lull_stream_cancel(op);
}
