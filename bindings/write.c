/* SPDX-License-Identifier: MIT */
/*
 * write.c -- the writing side of a stream.
 *
 * Who writes holds the pen.  Others line up for it, each with an op in a
 * userdata on its own stack; the holder waits, where it must, on the op in the
 * stream.  The holder waits until the queue is short enough to accept its
 * bytes (only somebody who was cancelled leaves it long), sends what the
 * descriptor takes, queues the rest, and waits until the queue is short again.
 * Then the pen goes to the next in line.
 */
#include "write.h"

#include "stream.h"

#include <errno.h>

#define OP_NAME   "stream.write"
#define MAX_PARTS 32

/* Who waits in line for the pen, or for a flush: a userdata of its own. */
struct queued {
    struct lullb_timed_op wait; /* first */
    struct lullb_stream *stream;
    uint64_t target; /* of a flush: over when this many bytes are sent */
};

static struct lullb_stream *holder_stream(struct lull_op *op)
{
    return (struct lullb_stream *)(void *)((char *)op -
                                           offsetof(struct lullb_stream, out.wait.op));
}

static struct lullb_stream *queued_stream(struct lull_op *op)
{
    return ((struct queued *)(void *)op)->stream;
}

/* ---- loop side: no Lua ------------------------------------------------------ */

/* The pen is free: for the next in line, or for whoever comes. */
static void pass_pen(struct lullb_writer *out)
{
    out->held = out->line.head != NULL;
    if (out->held)
        lullb_op_complete(out->line.head);
}

static void unwatch(struct lullb_writer *out)
{
    if (out->watched)
        event_del(&out->event);
    out->watched = false;
}

/* The connection is gone: so is what is queued, and everybody is to know. */
static void break_off(struct lullb_stream *stream, int errnum)
{
    struct lullb_writer *out = &stream->out;
    out->error = errnum;
    unwatch(out);
    lullb_buffer_clear(stream->shared->rt, &out->queue);
    lullb_op_complete(&out->wait);
    while (out->flushers.head != NULL)
        lullb_op_complete(out->flushers.head);
}

/* Tell those who waited for this much to be sent. */
static void tell_progress(struct lullb_writer *out)
{
    if (lullb_buffer_size(&out->queue) <= out->wake_at)
        lullb_op_complete(&out->wait);
    while (out->flushers.head != NULL &&
           ((struct queued *)(void *)out->flushers.head)->target <= out->sent)
        lullb_op_complete(out->flushers.head);
}

void lullb_on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_stream *stream = arg;
    struct lullb_writer *out = &stream->out;
    struct iovec part = {
        .iov_base = (void *)lullb_buffer_data(&out->queue),
        .iov_len = lullb_buffer_size(&out->queue),
    };
    (void)fd;
    (void)what;
    ssize_t count = lullb_fd_write(stream->fd, stream->kind, &part, 1);
    if (count < 0) {
        if (errno != EAGAIN)
            break_off(stream, errno);
        return;
    }
    out->sent += (uint64_t)count;
    lullb_buffer_consume(stream->shared->rt, &out->queue, (size_t)count);
    if (lullb_buffer_size(&out->queue) == 0)
        unwatch(out);
    tell_progress(out);
}

static enum lull_cancel holder_cancel(struct lull_op *op)
{
    struct lullb_writer *out = &holder_stream(op)->out;
    lullb_op_release(&out->wait);
    out->wait.timed_out = false;
    pass_pen(out);
    return LULL_DETACHED;
}

/* By force, whatever its state: the pen must not stay with the dead. */
static void holder_abandon(struct lull_op *op)
{
    holder_cancel(op);
}

static enum lull_cancel queued_cancel(struct lull_op *op)
{
    lullb_op_release(&((struct queued *)(void *)op)->wait);
    return LULL_DETACHED;
}

/* The same for one in line, who may have been given the pen already. */
static void queued_abandon(struct lull_op *op)
{
    struct queued *queued = (struct queued *)(void *)op;
    lullb_op_release(&queued->wait);
    if (op->state == LULL_OP_COMPLETE && !queued->wait.timed_out)
        pass_pen(&queued->stream->out);
}

static void flush_abandon(struct lull_op *op)
{
    queued_cancel(op);
}

/* ---- the holder of the pen ---------------------------------------------------- */

static int wait_holding(lua_State *L, struct lullb_stream *stream, struct lull_task *task,
                        const struct lull_op_type *type, size_t wake_at)
{
    struct lullb_writer *out = &stream->out;
    out->wake_at = wake_at;
    if (!lullb_op_begin(&out->wait, stream->shared->rt, task, type,
                        stream->options.timeout)) {
        pass_pen(out);
        return lullb_raise_memory(L, OP_NAME);
    }
    return lull_await(L, &out->wait.op);
}

static int raise_broken(lua_State *L, const struct lullb_stream *stream, const char *op)
{
    if (stream->out.error == ENOBUFS)
        return lullb_raise_memory(L, op);
    return lullb_raise_io(L, op, stream->out.error, NULL);
}

/* Raise, giving the pen away first, if the holder cannot write any more. */
static void check_holder(lua_State *L, struct lullb_stream *stream)
{
    struct lullb_writer *out = &stream->out;
    bool timed_out = out->wait.timed_out;
    out->wait.timed_out = false;
    lullb_check_open(L, stream, OP_NAME);
    if (out->error == 0 && !out->shut && !timed_out)
        return;
    pass_pen(out);
    if (out->error != 0)
        raise_broken(L, stream, OP_NAME);
    if (timed_out)
        lullb_raise_timeout(L, &out->wait, "the peer took nothing");
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
static int send_now(lua_State *L, struct lullb_stream *stream, struct rest *rest)
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

/* Queue the rest, all or nothing, and have it sent.  0, or an errno value. */
static int queue_rest(lua_State *L, struct lullb_stream *stream, const struct rest *rest)
{
    struct lullb_writer *out = &stream->out;
    struct lull_runtime *rt = stream->shared->rt;
    size_t size = 0;
    size_t room;
    if (rest->next > rest->last)
        return 0;
    for (int i = rest->next; i <= rest->last; i++)
        size += lua_rawlen(L, i);
    size -= rest->skip;
    if (lullb_buffer_reserve(rt, &out->queue, size, &room) == NULL)
        return ENOBUFS;
    if (!out->watched && event_add(&out->event, NULL) != 0)
        return ENOBUFS;
    out->watched = true;
    for (int i = rest->next; i <= rest->last; i++) {
        size_t skip = i == rest->next ? rest->skip : 0;
        lullb_buffer_append(rt, &out->queue, lua_tostring(L, i) + skip,
                            lua_rawlen(L, i) - skip);
    }
    return 0;
}

static int write_push(lua_State *L, struct lull_op *op);
static int written_push(lua_State *L, struct lull_op *op);

/* Waiting to be allowed to write. */
static const struct lull_op_type before_type = {
    .name = OP_NAME,
    .cancel = holder_cancel,
    .push = write_push,
    .abandon = holder_abandon,
};

/* Waiting for what was written to become little. */
static const struct lull_op_type after_type = {
    .name = OP_NAME,
    .cancel = holder_cancel,
    .push = written_push,
    .abandon = holder_abandon,
};

/* The pen is ours: write the strings from index 2 to the top. */
static int write_now(lua_State *L, struct lullb_stream *stream, struct lull_task *task)
{
    struct lullb_writer *out = &stream->out;
    const struct lullb_stream_options *options = &stream->options;
    struct rest rest = {.next = 2, .last = lua_gettop(L)};
    check_holder(L, stream);
    if (lullb_buffer_size(&out->queue) > options->high_water)
        return wait_holding(L, stream, task, &before_type, options->low_water);
    uint64_t sent_before = out->sent;
    int error = lullb_buffer_size(&out->queue) == 0 ? send_now(L, stream, &rest) : 0;
    if (error == 0)
        error = queue_rest(L, stream, &rest);
    if (error == ENOBUFS && out->sent == sent_before) {
        pass_pen(out); /* nothing of it has happened */
        return lullb_raise_memory(L, OP_NAME);
    }
    if (error != 0) {
        break_off(stream, error);
        check_holder(L, stream);
    }
    if (lullb_buffer_size(&out->queue) > options->high_water)
        return wait_holding(L, stream, task, &after_type, options->low_water);
    lullb_op_begin_complete(&out->wait, task, &after_type);
    return lull_await(L, &out->wait.op);
}

static int write_push(lua_State *L, struct lull_op *op)
{
    return write_now(L, holder_stream(op), op->task);
}

static int written_push(lua_State *L, struct lull_op *op)
{
    struct lullb_stream *stream = holder_stream(op);
    if (stream->out.error != 0 || stream->out.wait.timed_out)
        check_holder(L, stream);
    pass_pen(&stream->out);
    lua_settop(L, 1);
    return 1;
}

/* ---- the line ----------------------------------------------------------------------- */

/* Who was in line has the pen, unless its time is over. */
static void check_turn(lua_State *L, struct lull_op *op)
{
    struct queued *queued = (struct queued *)(void *)op;
    if (queued->wait.timed_out)
        lullb_raise_timeout(L, &queued->wait, "others were writing");
    lua_remove(L, 2); /* the userdata: `queued` may go */
}

static int queued_write_push(lua_State *L, struct lull_op *op)
{
    struct lullb_stream *stream = queued_stream(op);
    struct lull_task *task = op->task;
    check_turn(L, op);
    return write_now(L, stream, task);
}

static const struct lull_op_type queued_write_type = {
    .name = OP_NAME,
    .cancel = queued_cancel,
    .push = queued_write_push,
    .abandon = queued_abandon,
};

/* Wait in a line; the userdata of the op goes to index 2. */
static int line_up(lua_State *L, struct lullb_stream *stream, struct lull_task *task,
                   const struct lull_op_type *type, struct lullb_line *line)
{
    struct queued *queued = lua_newuserdatauv(L, sizeof *queued, 0);
    lua_insert(L, 2);
    *queued = (struct queued){
        .stream = stream,
        .target = stream->out.sent + lullb_buffer_size(&stream->out.queue),
    };
    if (!lullb_op_begin(&queued->wait, stream->shared->rt, task, type,
                        stream->options.timeout))
        return lullb_raise_memory(L, type->name);
    lullb_line_append(line, &queued->wait);
    return lull_await(L, &queued->wait.op);
}

int lullb_m_write(lua_State *L)
{
    struct lullb_stream *stream = lullb_check_stream(L, 1);
    int top = lua_gettop(L);
    for (int i = 2; i <= top; i++)
        luaL_checkstring(L, i); /* makes strings of numbers, too */
    luaL_checkstack(L, 8, NULL);
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_open(L, stream, OP_NAME);
    if (stream->out.held)
        return line_up(L, stream, task, &queued_write_type, &stream->out.line);
    stream->out.held = true;
    stream->out.wait.timed_out = false;
    return write_now(L, stream, task);
}

/* ---- shutdown --------------------------------------------------------------------------- */

static int shutdown_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type shutdown_type = {
    .name = "stream.shutdown",
    .cancel = holder_cancel,
    .push = shutdown_push,
    .abandon = holder_abandon,
};

/* The pen is ours: once the queue is empty, end the writing side. */
static int shutdown_now(lua_State *L, struct lullb_stream *stream, struct lull_task *task)
{
    struct lullb_writer *out = &stream->out;
    if (out->shut) {
        pass_pen(out);
        lua_settop(L, 1);
        return 1;
    }
    check_holder(L, stream);
    if (lullb_buffer_size(&out->queue) > 0)
        return wait_holding(L, stream, task, &shutdown_type, 0);
    out->shut = true;
    pass_pen(out);
    lua_settop(L, 1);
    if (stream->kind != LULLB_FD_SOCKET) {
        lull_handle_close(&stream->object.handle); /* it has no other side */
        return 1;
    }
    if (shutdown(stream->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        return lullb_raise_io(L, "stream.shutdown", errno, NULL);
    return 1;
}

static int shutdown_push(lua_State *L, struct lull_op *op)
{
    return shutdown_now(L, holder_stream(op), op->task);
}

static int queued_shutdown_push(lua_State *L, struct lull_op *op)
{
    struct lullb_stream *stream = queued_stream(op);
    struct lull_task *task = op->task;
    check_turn(L, op);
    return shutdown_now(L, stream, task);
}

static const struct lull_op_type queued_shutdown_type = {
    .name = "stream.shutdown",
    .cancel = queued_cancel,
    .push = queued_shutdown_push,
    .abandon = queued_abandon,
};

int lullb_m_shutdown(lua_State *L)
{
    struct lullb_stream *stream = lullb_check_stream(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_open(L, stream, "stream.shutdown");
    if (stream->out.held)
        return line_up(L, stream, task, &queued_shutdown_type, &stream->out.line);
    stream->out.held = true;
    stream->out.wait.timed_out = false;
    return shutdown_now(L, stream, task);
}

/* ---- flush --------------------------------------------------------------------------------- */

static int flush_push(lua_State *L, struct lull_op *op)
{
    struct queued *queued = (struct queued *)(void *)op;
    struct lullb_stream *stream = queued->stream;
    if (queued->wait.timed_out)
        return lullb_raise_timeout(L, &queued->wait, "the peer took nothing");
    if (stream->out.error != 0)
        return raise_broken(L, stream, "stream.flush");
    lua_settop(L, 1);
    return 1;
}

static const struct lull_op_type flush_type = {
    .name = "stream.flush",
    .cancel = queued_cancel,
    .push = flush_push,
    .abandon = flush_abandon,
};

int lullb_m_flush(lua_State *L)
{
    struct lullb_stream *stream = lullb_check_stream(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_open(L, stream, "stream.flush");
    if (stream->out.error != 0)
        return raise_broken(L, stream, "stream.flush");
    if (lullb_buffer_size(&stream->out.queue) == 0)
        return 1;
    return line_up(L, stream, task, &flush_type, &stream->out.flushers);
}
