/* SPDX-License-Identifier: MIT */
/*
 * write.c -- the writing methods of streams.
 *
 * Who writes holds the pen; others line up for it.  The holder waits until the
 * queue is short enough to accept its bytes (only somebody who was cancelled
 * leaves it long), sends what the descriptor takes, queues the rest, and waits
 * until the queue is short again.  Then the pen goes to the next in line.
 */
#include "stream/write.h"

#include "stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define OP_NAME        "stream.write"
#define FLUSH          "stream.flush"
#define SHUTDOWN       "stream.shutdown"
#define MAX_PARTS      32
#define FILTERED_BYTES (64u * 1024u) /* encoded at a time */

static struct lull_stream_wait *wait_of(struct lull_op *op)
{
    return (struct lull_stream_wait *)(void *)op;
}

/* ---- the holder of the pen ---------------------------------------------------- */

static int wait_holding(lua_State *L, struct lull_stream_wait *wait,
                        struct lull_task *task, const struct lull_op_type *type,
                        size_t wake_at)
{
    struct lull_stream *stream = wait->stream;
    stream->out.wake_at = wake_at;
    if (!lullb_op_begin(&wait->timed, stream->shared->rt, task, type,
                        stream->options.timeout)) {
        lullb_pass_pen(&stream->out);
        return lullb_raise_memory(L, type->name);
    }
    return lull_await(L, &wait->timed.op);
}

/* A wait is over: raise, giving the pen away first, if there is no going on. */
static void check_wait(lua_State *L, struct lull_stream_wait *wait)
{
    struct lull_stream *stream = wait->stream;
    struct lullb_writer *out = &stream->out;
    const char *op = wait->timed.op.type->name;
    bool holds = out->holder == wait;
    if (out->error == 0 && !wait->timed.timed_out)
        return;
    if (holds)
        lullb_pass_pen(out);
    if (out->error != 0)
        lull_stream_raise(L, stream, op, out->error);
    lullb_raise_timeout(L, &wait->timed,
                        holds || strcmp(op, FLUSH) == 0 ? "the peer took nothing"
                                                        : "others were writing");
}

/* Raise, giving the pen away first, if nothing can be written. */
static void check_writable(lua_State *L, struct lull_stream *stream)
{
    lull_stream_check_open(L, stream, OP_NAME);
    if (stream->out.error == 0 && !stream->out.shut)
        return;
    lullb_pass_pen(&stream->out);
    if (stream->out.error != 0)
        lull_stream_raise(L, stream, OP_NAME, stream->out.error);
    lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the stream was shut down for writing");
}

/* ---- write ----------------------------------------------------------------------- */

/* What is left of the strings from index `next` on, `skip` bytes of the first not. */
struct rest {
    int next;
    int last;
    size_t skip;
};

static int gather(lua_State *L, const struct rest *rest, struct iovec parts[MAX_PARTS])
{
    int count = 0;
    size_t skip = rest->skip;
    for (int i = rest->next; i <= rest->last && count < MAX_PARTS; i++) {
        size_t size;
        const char *bytes = lua_tolstring(L, i, &size);
        parts[count++] = (struct iovec){(void *)(bytes + skip), size - skip};
        skip = 0;
    }
    return count;
}

static void advance(lua_State *L, struct rest *rest, size_t sent)
{
    rest->skip += sent;
    while (rest->next <= rest->last && rest->skip >= lua_rawlen(L, rest->next)) {
        rest->skip -= lua_rawlen(L, rest->next);
        rest->next++;
    }
}

/* Send what the descriptor takes now.  0, or an errno value. */
static int send_now(lua_State *L, struct lull_stream *stream, struct rest *rest)
{
    struct iovec parts[MAX_PARTS];
    advance(L, rest, 0);
    while (rest->next <= rest->last) {
        int count = gather(L, rest, parts);
        size_t size = 0;
        for (int i = 0; i < count; i++)
            size += parts[i].iov_len;
        ssize_t sent = lullb_fd_write(stream->fd, stream->kind, parts, count);
        if (sent < 0)
            return errno == EAGAIN ? 0 : errno;
        stream->out.sent += (uint64_t)sent;
        advance(L, rest, (size_t)sent);
        bool is_full = (size_t)sent < size && (stream->kind == LULLB_FD_SOCKET ||
                                               stream->kind == LULLB_FD_NONBLOCKING);
        if (is_full)
            return 0;
    }
    return 0;
}

/* As much of the parts as is worth encoding before it is sent. */
static int cut(struct iovec *parts, int count, size_t *size)
{
    *size = 0;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len >= FILTERED_BYTES - *size) {
            parts[i].iov_len = FILTERED_BYTES - *size;
            *size = FILTERED_BYTES;
            return i + 1;
        }
        *size += parts[i].iov_len;
    }
    return count;
}

/* All of it goes through the filter; what the descriptor does not take is queued. */
static int send_filtered(lua_State *L, struct lull_stream *stream, struct rest *rest)
{
    struct iovec parts[MAX_PARTS];
    advance(L, rest, 0);
    while (rest->next <= rest->last) {
        size_t size;
        int count = cut(parts, gather(L, rest, parts), &size);
        int error = stream->filter->type->write(stream->filter, parts, count);
        if (error == 0)
            error = lull_stream_push_out(stream);
        if (error != 0)
            return error;
        advance(L, rest, size);
    }
    return 0;
}

/* How many bytes the strings have. */
static size_t size_of(lua_State *L, const struct rest *rest)
{
    size_t size = 0;
    for (int i = rest->next; i <= rest->last; i++)
        size += lua_rawlen(L, i);
    return size;
}

/* Queue the rest, all or nothing, and have it sent.  0, or an errno value. */
static int queue_rest(lua_State *L, struct lull_stream *stream, const struct rest *rest)
{
    struct lullb_writer *out = &stream->out;
    struct lull_runtime *rt = stream->shared->rt;
    size_t room;
    if (rest->next > rest->last)
        return 0;
    size_t size = size_of(L, rest) - rest->skip;
    if (lullb_buffer_reserve(rt, &out->queue, size, &room) == NULL)
        return errno;
    for (int i = rest->next; i <= rest->last; i++) {
        size_t skip = i == rest->next ? rest->skip : 0;
        lullb_buffer_append(rt, &out->queue, lua_tostring(L, i) + skip,
                            lua_rawlen(L, i) - skip);
    }
    return lullb_watch_queue(stream);
}

static int write_push(lua_State *L, struct lull_op *op);
static int written_push(lua_State *L, struct lull_op *op);

/* Waiting to be allowed to write: for the pen, or with it for a shorter queue. */
static const struct lull_op_type before_type = {
    .name = OP_NAME,
    .cancel = lull_stream_cancel,
    .push = write_push,
    .abandon = lull_stream_abandon,
};

/* Waiting for what was written to become little. */
static const struct lull_op_type after_type = {
    .name = OP_NAME,
    .cancel = lull_stream_cancel,
    .push = written_push,
    .abandon = lull_stream_abandon,
};

/* The pen is ours: write the strings from index wait->first to the top. */
static int write_now(lua_State *L, struct lull_stream_wait *wait, struct lull_task *task)
{
    struct lull_stream *stream = wait->stream;
    struct lullb_writer *out = &stream->out;
    const struct lullb_stream_options *options = &stream->options;
    struct rest rest = {.next = wait->first, .last = lua_gettop(L)};
    check_writable(L, stream);
    if (lullb_buffer_size(&out->queue) > options->high_water)
        return wait_holding(L, wait, task, &before_type, options->low_water);
    uint64_t sent_before = out->sent;
    int error = 0;
    if (!lullb_stream_may_queue(stream, size_of(L, &rest))) {
        lullb_pass_pen(out);
        return lullb_raise_refused(L, OP_NAME, EDQUOT);
    }
    if (stream->filter != NULL)
        error = send_filtered(L, stream, &rest);
    else if (lullb_buffer_size(&out->queue) == 0)
        error = send_now(L, stream, &rest);
    if (error == 0)
        error = queue_rest(L, stream, &rest);
    if (error == ENOBUFS && out->sent == sent_before && stream->filter == NULL) {
        lullb_pass_pen(out); /* nothing of it has happened */
        return lullb_raise_memory(L, OP_NAME);
    }
    if (error != 0) {
        lullb_break_off(stream, error);
        check_writable(L, stream);
    }
    if (lullb_buffer_size(&out->queue) > options->high_water)
        return wait_holding(L, wait, task, &after_type, options->low_water);
    lullb_op_begin_complete(&wait->timed, task, &after_type);
    return lull_await(L, &wait->timed.op);
}

static int write_push(lua_State *L, struct lull_op *op)
{
    check_wait(L, wait_of(op));
    return write_now(L, wait_of(op), op->task);
}

static int written_push(lua_State *L, struct lull_op *op)
{
    check_wait(L, wait_of(op));
    lullb_pass_pen(&wait_of(op)->stream->out);
    lua_settop(L, 1);
    return 1;
}

/* Take the pen: what to wait with while holding it.  NULL: one must line up for it. */
static struct lull_stream_wait *begin(lua_State *L, struct lull_stream *stream,
                                      const char *op)
{
    lull_stream_check_open(L, stream, op);
    if (stream->out.holder != NULL)
        return NULL;
    struct lull_stream_wait *wait = lullb_pick_wait(L, stream, &stream->out.own, 2);
    wait->first = wait == &stream->out.own ? 2 : 3;
    stream->out.holder = wait;
    return wait;
}

/* Wait in a line, with a userdata at index 2. */
static int line_up(lua_State *L, struct lull_stream *stream, struct lull_task *task,
                   const struct lull_op_type *type, struct lull_line *line)
{
    struct lull_stream_wait *wait = lullb_new_wait(L, stream, 2);
    wait->first = 3;
    wait->target = stream->out.sent + lullb_buffer_size(&stream->out.queue);
    if (!lullb_op_begin(&wait->timed, stream->shared->rt, task, type,
                        stream->options.timeout))
        return lullb_raise_memory(L, type->name);
    lullb_line_append(line, &wait->timed);
    return lull_await(L, &wait->timed.op);
}

int lullb_m_write(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    int top = lua_gettop(L);
    for (int i = 2; i <= top; i++)
        luaL_checkstring(L, i); /* makes strings of numbers, too */
    luaL_checkstack(L, 8, NULL);
    struct lull_task *task = lull_checkpoint(L);
    struct lull_stream_wait *wait = begin(L, stream, OP_NAME);
    if (wait == NULL)
        return line_up(L, stream, task, &before_type, &stream->out.line);
    return write_now(L, wait, task);
}

/* ---- shutdown --------------------------------------------------------------------------- */

static int shutdown_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type shutdown_type = {
    .name = SHUTDOWN,
    .cancel = lull_stream_cancel,
    .push = shutdown_push,
    .abandon = lull_stream_abandon,
};

static bool is_write_only(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY;
}

/* The pen is ours: once the queue is empty, end the writing side. */
static int shutdown_now(lua_State *L, struct lull_stream_wait *wait,
                        struct lull_task *task)
{
    struct lull_stream *stream = wait->stream;
    struct lullb_writer *out = &stream->out;
    bool was_shut = out->shut;
    if (!was_shut) {
        check_writable(L, stream);
        lullb_finish_filters(stream);
        if (lullb_buffer_size(&out->queue) > 0)
            return wait_holding(L, wait, task, &shutdown_type, 0);
    }
    out->shut = true;
    lullb_pass_pen(out);
    lua_settop(L, 1);
    if (was_shut)
        return 1;
    if (stream->kind != LULLB_FD_SOCKET) {
        if (is_write_only(stream->fd)) /* it has no other side */
            lull_handle_close(&stream->object.handle);
    } else if (shutdown(stream->fd, SHUT_WR) < 0 && errno != ENOTCONN) {
        return lullb_raise_io(L, SHUTDOWN, errno, NULL);
    }
    return 1;
}

static int shutdown_push(lua_State *L, struct lull_op *op)
{
    check_wait(L, wait_of(op));
    return shutdown_now(L, wait_of(op), op->task);
}

int lullb_m_shutdown(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    struct lull_stream_wait *wait = begin(L, stream, SHUTDOWN);
    if (wait == NULL)
        return line_up(L, stream, task, &shutdown_type, &stream->out.line);
    return shutdown_now(L, wait, task);
}

/* ---- flush --------------------------------------------------------------------------------- */

static int flush_push(lua_State *L, struct lull_op *op)
{
    check_wait(L, wait_of(op));
    lua_settop(L, 1);
    return 1;
}

static const struct lull_op_type flush_type = {
    .name = FLUSH,
    .cancel = lull_stream_cancel,
    .push = flush_push,
    .abandon = lull_stream_abandon,
};

int lullb_m_flush(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    lull_stream_check_open(L, stream, FLUSH);
    if (stream->out.error != 0)
        return lull_stream_raise(L, stream, FLUSH, stream->out.error);
    if (lullb_buffer_size(&stream->out.queue) == 0)
        return 1;
    return line_up(L, stream, task, &flush_type, &stream->out.flushers);
}
