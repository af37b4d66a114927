/* SPDX-License-Identifier: MIT */
/*
 * protocol.c -- a stream as protocols in C see it (lull_stream.h).
 */
#include "stream/stream.h"

#include <errno.h>

bool lull_stream_is_open(const struct lull_stream *stream)
{
    return lullb_stream_is_open(stream);
}

int lull_stream_fd(const struct lull_stream *stream)
{
    return stream->fd;
}

bool lull_stream_is_filtered(const struct lull_stream *stream)
{
    return stream->filter != NULL;
}

void lull_stream_close(struct lull_stream *stream)
{
    lull_handle_close(&stream->object.handle);
}

double lull_stream_timeout(const struct lull_stream *stream)
{
    return stream->options.timeout;
}

/* ---- reading ------------------------------------------------------------------ */

size_t lull_stream_peek(const struct lull_stream *stream, const char **bytes)
{
    *bytes = lullb_buffer_bytes(&stream->in.buffer);
    return lullb_buffer_size(&stream->in.buffer);
}

void lull_stream_consume(struct lull_stream *stream, size_t size)
{
    lullb_buffer_consume(stream->shared->rt, &stream->in.buffer, size);
}

/* ---- writing ------------------------------------------------------------------- */

size_t lull_stream_unsent(const struct lull_stream *stream)
{
    return lullb_buffer_size(&stream->out.queue);
}

bool lull_stream_is_full(const struct lull_stream *stream)
{
    return lullb_buffer_size(&stream->out.queue) > stream->options.high_water;
}

int lull_stream_write_error(const struct lull_stream *stream)
{
    return stream->out.error;
}

/* Queue what is behind the first `skip` bytes.  0, or ENOBUFS, EDQUOT: nothing is queued. */
static int queue_parts(struct lull_stream *stream, const struct iovec *parts, int count,
                       size_t skip)
{
    struct lull_runtime *rt = stream->shared->rt;
    size_t size = 0;
    size_t room;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (size == skip)
        return 0;
    if (lullb_buffer_reserve(rt, &stream->out.queue, size - skip, &room) == NULL)
        return errno;
    for (int i = 0; i < count; i++) {
        size_t part_skip = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        lullb_buffer_append(rt, &stream->out.queue,
                            (const char *)parts[i].iov_base + part_skip,
                            parts[i].iov_len - part_skip);
        skip -= part_skip;
    }
    return 0;
}

static int put_plain(struct lull_stream *stream, const struct iovec *parts, int count)
{
    ssize_t sent = 0;
    if (lullb_buffer_size(&stream->out.queue) == 0) {
        sent = lullb_fd_write(stream->fd, stream->kind, parts, count);
        if (sent < 0 && errno != EAGAIN)
            return errno;
        if (sent < 0)
            sent = 0;
        stream->out.sent += (uint64_t)sent;
    }
    int error = queue_parts(stream, parts, count, (size_t)sent);
    if (error == 0)
        return lullb_watch_queue(stream);
    if (sent > 0)
        lullb_break_off(stream, error);
    return error;
}

bool lullb_stream_may_queue(struct lull_stream *stream, size_t size)
{
    /* TLS adds to each record, of at most 16 KiB, and to each part less than that. */
    size_t wanted = stream->filter != NULL ? size + size / 128 + 512 : size;
    return lullb_buffer_room(stream->shared->rt, &stream->out.queue, wanted) >= wanted;
}

int lull_stream_put(struct lull_stream *stream, const struct iovec *parts, int count)
{
    int error = 0;
    if (!lullb_stream_is_open(stream))
        return EBADF;
    if (stream->out.error != 0)
        return stream->out.error;
    if (stream->out.shut)
        return EPIPE;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (!lullb_stream_may_queue(stream, size))
        return EDQUOT;
    if (stream->filter == NULL)
        error = put_plain(stream, parts, count);
    else if ((error = stream->filter->type->write(stream->filter, parts, count)) == 0)
        return lull_stream_push_out(stream);
    if (error != 0 && (error != ENOBUFS || stream->filter != NULL))
        lullb_break_off(stream, error);
    return error;
}

int lull_stream_await_sent(lua_State *L, struct lull_stream *stream,
                           struct lull_stream_wait *wait, struct lull_task *task,
                           const struct lull_op_type *type, size_t left, double timeout)
{
    size_t unsent = lull_stream_unsent(stream);
    wait->stream = stream;
    if (unsent <= left) {
        lullb_op_begin_complete(&wait->timed, task, type);
        return lull_await(L, &wait->timed.op);
    }
    wait->target = stream->out.sent + unsent - left;
    if (!lullb_op_begin(&wait->timed, stream->shared->rt, task, type, timeout))
        return lullb_raise_memory(L, type->name);
    lullb_line_append(&stream->out.flushers, &wait->timed);
    return lull_await(L, &wait->timed.op);
}

int lull_stream_await_writable(lua_State *L, struct lull_stream *stream,
                               struct lull_stream_wait *wait, struct lull_task *task,
                               const struct lull_op_type *type, double timeout)
{
    if (stream->out.poller != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, type->name,
                           "another task is writing to the descriptor");
    if (!stream->out.watched && event_add(&stream->out.event, NULL) != 0)
        return lullb_raise_memory(L, type->name);
    stream->out.watched = true;
    wait->stream = stream;
    if (!lullb_op_begin(&wait->timed, stream->shared->rt, task, type, timeout))
        return lullb_raise_memory(L, type->name);
    stream->out.poller = wait;
    return lull_await(L, &wait->timed.op);
}

/* ---- the end of a wait ------------------------------------------------------------ */

enum lull_woken lull_stream_woken(struct lull_stream_wait *wait)
{
    struct lull_stream *stream = wait->stream;
    if (stream->in.reader == wait)
        stream->in.reader = NULL;
    if (stream->out.poller == wait)
        stream->out.poller = NULL;
    if (!lullb_stream_is_open(stream))
        return LULL_WOKEN_CLOSED;
    return wait->timed.timed_out ? LULL_WOKEN_TIMEOUT : LULL_WOKEN_READY;
}

int lull_stream_raise(lua_State *L, struct lull_stream *stream, const char *op,
                      int errnum)
{
    if (errnum == 0)
        errnum = stream->in.error != 0 ? stream->in.error : stream->in.refused;
    if (errnum == ENOBUFS || errnum == EDQUOT)
        return lullb_raise_refused(L, op, errnum);
    if (errnum == EPROTO && stream->failed != NULL)
        return stream->failed->type->raise(L, stream->failed, op);
    return lullb_raise_io(L, op, errnum, NULL);
}
