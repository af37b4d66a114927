/* SPDX-License-Identifier: MIT */
/*
 * read.c -- the reading side of a stream.
 *
 * A read goes: what is buffered, then recv into the chunk that all streams
 * share, then waiting, and again.  Results are made straight from the chunk,
 * one copy; only what is left over goes into the stream's own buffer.  After a
 * read that brought less than was asked for, the descriptor is empty: the next
 * one waits without trying.  After many bytes without a wait it waits, too, so
 * that a fast peer does not keep the others from being served.
 */
#include "stream/read.h"

#include "common/format.h"
#include "stream/stream.h"

#include <errno.h>
#include <stdint.h>

#define OP_NAME        "stream.read"
#define UNWAITED_BYTES (4u * LULLB_CHUNK)
#define REFIRES        8u   /* of the event while the woken task has not run yet */
#define SMALL_READ     4096 /* so little may be copied once more... */
#define SMALL_READS    4u   /* ...when so many in a row were no more */

/* Bytes at hand: the buffer, or the chunk when the buffer is empty. */
struct window {
    const char *bytes;
    size_t size;
    bool in_chunk;
};

/* ---- loop side: no Lua ------------------------------------------------------ */

static void unwatch(struct lullb_reader *in)
{
    event_del(&in->event);
    in->watched = false;
}

static int read_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type read_type = {
    .name = OP_NAME,
    .cancel = lull_stream_cancel,
    .push = read_push,
    .abandon = lull_stream_abandon,
};

static bool append(struct lull_stream *stream, const char *bytes, size_t size)
{
    return lullb_buffer_append(stream->shared->rt, &stream->in.buffer, bytes, size);
}

static void look_at_buffer(const struct lullb_reader *in, struct window *window)
{
    *window = (struct window){
        .bytes = lullb_buffer_bytes(&in->buffer),
        .size = lullb_buffer_size(&in->buffer),
    };
}

/* Keep what is in the chunk.  False when memory is refused: then it is lost. */
static bool keep(struct lull_stream *stream, struct window *window)
{
    if (!window->in_chunk)
        return true;
    if (!append(stream, window->bytes, window->size)) {
        stream->in.error = errno;
        return false;
    }
    look_at_buffer(&stream->in, window);
    return true;
}

enum filled { FILLED, EMPTY_NOW, REFUSED };

/* There is no room to read into: the descriptor keeps what it has. */
static enum filled refuse(struct lullb_reader *in, int error)
{
    in->refused = error;
    return REFUSED;
}

static enum filled fill(struct lull_stream *stream, const struct lullb_request *request,
                        struct window *window, bool keeps)
{
    struct lullb_reader *in = &stream->in;
    bool is_file = stream->kind == LULLB_FD_FILE;
    if (in->drained || (in->unwaited >= UNWAITED_BYTES && !is_file))
        return EMPTY_NOW;
    char *target = stream->shared->chunk;
    size_t room;
    size_t missing = lullb_request_missing(request, window->size - in->taken);
    bool direct = window->size > 0 && missing > LULLB_CHUNK;
    if (direct) {
        size_t wanted = missing < window->size ? missing : window->size;
        target = lullb_buffer_reserve(stream->shared->rt, &in->buffer,
                                      wanted > LULLB_CHUNK ? wanted : LULLB_CHUNK, &room);
        if (target == NULL && errno != EDQUOT)
            return refuse(in, errno);
        direct = target != NULL; /* less may still be counted */
        look_at_buffer(in, window);
    }
    if (!direct) {
        target = stream->shared->chunk;
        room = lullb_stream_room(stream, request, keeps || window->size > 0);
        if (room == 0)
            return refuse(in, EDQUOT);
    }
    ssize_t count = lullb_stream_receive(stream, target, room);
    if (count < 0 && errno == EAGAIN) {
        in->drained = true;
        return EMPTY_NOW;
    }
    if (count < 0 && errno == EDQUOT)
        return refuse(in, EDQUOT);
    in->ended = count == 0;
    in->error = count < 0 ? errno : 0;
    if (count <= 0)
        return FILLED;
    in->drained = (size_t)count < room && !is_file && stream->filter == NULL;
    if (count > SMALL_READ)
        in->small_reads = 0;
    else if (in->small_reads < SMALL_READS)
        in->small_reads++;
    in->unwaited += (size_t)count;
    if (direct) {
        lullb_buffer_commit(&in->buffer, (size_t)count);
    } else if (window->size == 0) {
        *window = (struct window){target, (size_t)count, true};
        return FILLED;
    } else if (!append(stream, target, (size_t)count)) {
        in->error = errno; /* these bytes are lost: nothing may follow them */
        return refuse(in, in->error);
    }
    look_at_buffer(in, window);
    return FILLED;
}

/*
 * What is likely to be small is taken in at once: the event would fire again with every
 * poll until the woken task has had its turn, which is long when many are
 * ready.
 */
static void read_ahead(struct lull_stream *stream)
{
    if (lullb_buffer_size(&stream->in.buffer) == 0)
        lull_stream_fill(stream);
}

enum lull_fill lull_stream_fill(struct lull_stream *stream)
{
    static const struct lullb_request any = {.want = LULLB_WANT_SOME,
                                             .count = LULLB_CHUNK};
    struct lullb_reader *in = &stream->in;
    struct window window;
    if (in->error != 0)
        return LULL_FILL_FAILED;
    if (in->ended)
        return LULL_FILL_END;
    if (in->reader == NULL)
        in->taken = 0; /* of a read that was cancelled */
    look_at_buffer(in, &window);
    size_t before = window.size;
    enum filled filled = fill(stream, &any, &window, true);
    if (filled == FILLED && window.in_chunk && !keep(stream, &window))
        return LULL_FILL_FAILED;
    if (filled == EMPTY_NOW)
        return LULL_FILL_EMPTY;
    if (filled == REFUSED || in->error != 0)
        return LULL_FILL_FAILED;
    return window.size > before ? LULL_FILL_MORE : LULL_FILL_END;
}

void lullb_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct lull_stream *stream = arg;
    struct lullb_reader *in = &stream->in;
    (void)fd;
    (void)what;
    if (in->reader != NULL && in->reader->timed.op.state == LULL_OP_PENDING) {
        in->refires = 0;
        if (in->small_reads == SMALL_READS)
            read_ahead(stream);
        lullb_op_complete(&in->reader->timed);
    } else if (in->reader == NULL || ++in->refires > REFIRES) {
        unwatch(in); /* nobody reads; or who does, cannot run for now */
    }
}

/* ---- Lua side: one read, across its waits ----------------------------------- */

int lull_stream_await_readable(lua_State *L, struct lull_stream *stream,
                               struct lull_stream_wait *wait, struct lull_task *task,
                               const struct lull_op_type *type, double timeout)
{
    struct lullb_reader *in = &stream->in;
    if (in->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, type->name,
                           "another task is reading from the stream");
    if (!in->watched && event_add(&in->event, NULL) != 0)
        return lullb_raise_memory(L, type->name);
    in->watched = true;
    if (!lullb_op_begin(&wait->timed, stream->shared->rt, task, type, timeout))
        return lullb_raise_memory(L, type->name);
    /* It waits so that others have a turn: what filters hold, no descriptor tells of. */
    if (stream->filter != NULL && in->unwaited >= UNWAITED_BYTES)
        event_active(&in->event, EV_READ, 0);
    wait->stream = stream;
    in->drained = in->fd_drained = false;
    in->unwaited = 0;
    in->reader = wait;
    return lull_await(L, &wait->timed.op);
}

/* Wait until there is something to read, then go on in read_push. */
static int wait_readable(lua_State *L, struct lull_stream_wait *wait,
                         struct lull_task *task)
{
    struct lull_stream *stream = wait->stream;
    return lull_stream_await_readable(L, stream, wait, task, &read_type,
                                      stream->options.timeout);
}

/* Push a result; the stream may have been closed by a finalizer meanwhile. */
static void push_bytes(lua_State *L, struct lull_stream *stream,
                       const struct window *window, size_t length)
{
    struct lullb_reader *in = &stream->in;
    /* If Lua has no memory, what is in the chunk is lost: nothing may follow it. */
    int error = in->error;
    if (window->in_chunk)
        in->error = ENOBUFS;
    lua_pushlstring(L, window->bytes + in->taken, length);
    in->error = error;
    lull_stream_check_open(L, stream, OP_NAME);
}

/* The read is over: let go of what it took, keep the rest. */
static int finish(lua_State *L, struct lull_stream *stream, struct window *window)
{
    struct lullb_reader *in = &stream->in;
    size_t taken = in->taken;
    in->taken = 0;
    if (!window->in_chunk) {
        lullb_buffer_consume(stream->shared->rt, &in->buffer, taken);
    } else if (!append(stream, window->bytes + taken, window->size - taken)) {
        in->error = errno;
        lull_stream_raise(L, stream, OP_NAME, 0);
    }
    return in->results;
}

static int raise_cut_off(lua_State *L, struct lull_stream *stream, struct window *window,
                         size_t length)
{
    luaL_checkstack(L, 8, NULL);
    push_bytes(L, stream, window, length);
    stream->in.taken += length;
    finish(L, stream, window);
    lull_push_error(L, LULL_KIND_EOF, "the stream ended after %d of the bytes asked for",
                    (int)(length < INT_MAX ? length : INT_MAX));
    lull_error_detail(L, OP_NAME, 0);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "partial");
    return lua_error(L);
}

/* Nothing is taken, so that it can be read in another way. */
static int raise_too_long(lua_State *L, struct lull_stream *stream, struct window *window)
{
    const struct lullb_request *request = &stream->in.request;
    const char *what = request->want == LULLB_WANT_ALL     ? "the rest of the stream"
                       : request->want == LULLB_WANT_UNTIL ? "what precedes the separator"
                                                           : "the line";
    if (!keep(stream, window))
        return lull_stream_raise(L, stream, OP_NAME, 0);
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_LIMIT, "%s is longer than %I bytes", what,
                    (LUAI_UACINT)request->limit);
    lull_error_detail(L, OP_NAME, 0);
    return lua_error(L);
}

static struct lullb_read_bounds bounds_of(const struct lull_stream *stream)
{
    return (struct lullb_read_bounds){stream->options.max_line, stream->options.max_all};
}

/* The next format, if there is one: they end where the results begin. */
static bool next_format(lua_State *L, struct lull_stream *stream)
{
    struct lullb_reader *in = &stream->in;
    if (in->formats == 0)
        return false;
    int first_result = lua_gettop(L) - in->results + 1;
    lullb_parse_format(L, first_result - in->formats, bounds_of(stream), &in->request);
    in->formats--;
    return true;
}

/* Read on from what is at hand, until all results are there or it must wait. */
static int read_on(lua_State *L, struct lull_stream_wait *wait, struct lull_task *task)
{
    struct lull_stream *stream = wait->stream;
    struct lullb_reader *in = &stream->in;
    struct window window;
    look_at_buffer(in, &window);
    for (;;) {
        struct lullb_answer answer;
        switch (lullb_request_judge(&in->request, window.bytes + in->taken,
                                    window.size - in->taken, in->ended, &answer)) {
        case LULLB_ANSWERED:
            push_bytes(L, stream, &window, answer.length);
            in->taken += answer.used;
            in->results++;
            if (next_format(L, stream))
                continue;
            return finish(L, stream, &window);
        case LULLB_AT_END:
            lua_pushnil(L);
            in->results++;
            return finish(L, stream, &window);
        case LULLB_CUT_OFF:
            return raise_cut_off(L, stream, &window, answer.length);
        case LULLB_TOO_LONG:
            return raise_too_long(L, stream, &window);
        case LULLB_NEED_MORE:
            break;
        }
        if (in->error != 0)
            return lull_stream_raise(L, stream, OP_NAME, in->error);
        if (!keep(stream, &window))
            return lull_stream_raise(L, stream, OP_NAME, 0);
        switch (fill(stream, &in->request, &window, false)) {
        case FILLED:
            break;
        case EMPTY_NOW:
            return wait_readable(L, wait, task);
        case REFUSED:
            return lull_stream_raise(L, stream, OP_NAME, 0);
        }
    }
}

static int read_push(lua_State *L, struct lull_op *op)
{
    struct lull_stream_wait *wait = (struct lull_stream_wait *)(void *)op;
    wait->stream->in.reader = NULL;
    lull_stream_check_open(L, wait->stream, OP_NAME);
    if (wait->timed.timed_out)
        return lullb_raise_timeout(L, &wait->timed, "nothing came");
    return read_on(L, wait, op->task);
}

/* A checkpoint, then the read that `request` describes, or the formats on top. */
static int begin(lua_State *L, struct lull_stream *stream,
                 const struct lullb_request *request, int formats)
{
    struct lullb_reader *in = &stream->in;
    struct lull_task *task = lull_checkpoint(L);
    lull_stream_check_open(L, stream, OP_NAME);
    if (in->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME,
                           "another task is reading from the stream");
    struct lull_stream_wait *wait = lullb_pick_wait(L, stream, &in->own, 1);
    in->taken = 0;
    in->results = 0;
    in->formats = formats;
    if (request != NULL)
        in->request = *request;
    else
        next_format(L, stream);
    if (in->drained && lullb_buffer_size(&in->buffer) == 0 && in->error == 0)
        return wait_readable(L, wait, task);
    in->reader = wait;
    lullb_op_begin_complete(&wait->timed, task, &read_type);
    return lull_await(L, &wait->timed.op);
}

/* ---- methods ---------------------------------------------------------------------- */

int lullb_m_read(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    return begin(L, stream, NULL, lullb_check_formats(L, bounds_of(stream)));
}

static int l_next_line(lua_State *L)
{
    int formats;
    struct lull_stream *stream = lullb_push_formats(L, &formats);
    return begin(L, stream, NULL, formats);
}

int lullb_m_lines(lua_State *L)
{
    return lullb_push_lines(L, bounds_of(lull_check_stream(L, 1)), l_next_line);
}

int lullb_m_read_some(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    struct lullb_request request = lullb_check_some(L, LULLB_CHUNK);
    return begin(L, stream, &request, 0);
}

int lullb_m_read_exact(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    struct lullb_request request = lullb_check_exact(L);
    return begin(L, stream, &request, 0);
}

int lullb_m_read_until(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    struct lullb_request request = lullb_check_until(L, bounds_of(stream));
    return begin(L, stream, &request, 0);
}
