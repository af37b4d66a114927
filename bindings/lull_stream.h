/* SPDX-License-Identifier: MIT */
/*
 * lull_stream.h -- streams for native modules that are loaded later: protocols in
 * C above a stream, and filters (TLS) below it.
 *
 * A protocol reads like this, in a function that may suspend:
 *
 *   for (;;) {
 *       size_t size = lull_stream_peek(stream, &bytes);
 *       ...enough there?  Parse where it lies, lull_stream_consume(), return...
 *       switch (lull_stream_fill(stream, &errnum)) {
 *       case LULL_FILL_MORE: continue;
 *       case LULL_FILL_EMPTY:                      then type->push goes on here
 *           return lull_stream_await_readable(L, stream, &own->wait, task, &type, s);
 *       ...
 *   }
 *
 * and writes with lull_stream_put(), which never suspends, followed by
 * lull_stream_await_sent() where lull_stream_is_full() says so.
 *
 * A filter stands between the stream and what is below it: the descriptor, or
 * the filter that was pushed before.  What is read passes feed() and read() of
 * each, what is written passes write(), from the top to the bottom.  Filters
 * know no descriptor and never wait: bytes in, bytes out.
 *
 * Rules:
 *   1. Nothing here but what takes a lua_State touches Lua, or raises.
 *   2. Whatever pointer lull_stream_peek() gave is void after the next call on the stream,
 *      but for lull_stream_put().
 *   3. The stream is a userdata: who keeps it has it on a Lua stack or in a user value.
 *   4. A struct lull_stream_wait outlives the wait: it lies in a userdata on the stack of
 *      the task that waits, not in what closing the stream releases (a filter).
 *
 * Thread: the runtime's.
 */
#ifndef LULL_STREAM_H
#define LULL_STREAM_H

#include "lull_ext.h"

#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lull_stream;
struct lull_line;

/*
 * An op that may time out: what a wait for a stream is made of.  The fields are
 * lull's; a protocol looks at op.awaited, op.since and timed_out, and may begin and
 * complete `op` by itself, with lull_op_begin() and lull_op_complete(), for results
 * that are there at once.  Zero before it is first used.
 */
struct lull_timed_op {
    struct lull_op op;      /* first */
    struct lull_line *line; /* where it stands; NULL: in none */
    bool held;              /* it counts as a hold */
    bool timed_out;
    struct lull_runtime *rt;
    struct lull_timer timer;
    double timeout;             /* seconds it was begun with */
    struct lull_timed_op *next; /* in the line */
    struct lull_timed_op *prev;
};

/*
 * What a task waits with on one side of a stream; embedded in the object of the
 * protocol.  Not to be used again while wait.timed.op.awaited (it was cancelled
 * and its task has not come to see that).
 */
struct lull_stream_wait {
    struct lull_timed_op timed; /* first */
    struct lull_stream *stream;
    uint64_t target; /* of a flush: over when this many bytes are sent */
    int first;       /* of a write: the index of its first string */
};

/* The stream at `index`, open or not, or an argument error. */
LULL_API struct lull_stream *lull_check_stream(lua_State *L, int index);

/* Not closed yet, by whomever. */
LULL_API bool lull_stream_is_open(const struct lull_stream *stream);

/* The descriptor, borrowed; -1: closed.  Of a filtered stream (below): not to be used. */
LULL_API int lull_stream_fd(const struct lull_stream *stream);

/* Is there a filter?  Then what is written to the descriptor itself goes past it. */
LULL_API bool lull_stream_is_filtered(const struct lull_stream *stream);

/* Close it, as s:close() does and as s:abort() does.  Idempotent. */
LULL_API void lull_stream_close(struct lull_stream *stream);
LULL_API void lull_stream_abort(struct lull_stream *stream);

/* Seconds that one wait may take, as the script has set it; infinity: no limit. */
LULL_API double lull_stream_timeout(const struct lull_stream *stream);

/* ---- reading ------------------------------------------------------------- */

enum lull_fill {
    LULL_FILL_MORE,  /* something came: it is in the buffer */
    LULL_FILL_EMPTY, /* nothing now: wait */
    LULL_FILL_END,   /* nothing will come any more */
    LULL_FILL_FAILED /* nor here: raise it with lull_stream_raise(..., 0) */
};

/* What has been read and not consumed: where it lies, and how many bytes. */
LULL_API size_t lull_stream_peek(const struct lull_stream *stream, const char **bytes);
/* Read once and add to that.  Of an open stream. */
LULL_API enum lull_fill lull_stream_fill(struct lull_stream *stream);

/* `size` bytes from the front are done with: no more than peek() said. */
LULL_API void lull_stream_consume(struct lull_stream *stream, size_t size);

/*
 * Suspend until lull_stream_fill() is worth a try, or `timeout` seconds have
 * passed; then type->push goes on, which calls lull_stream_woken() first.
 * Raises `busy` when another task reads.  type->cancel is lull_stream_cancel()
 * or calls it, type->abandon likewise.
 */
LULL_API int lull_stream_await_readable(lua_State *L, struct lull_stream *stream,
                                        struct lull_stream_wait *wait,
                                        struct lull_task *task,
                                        const struct lull_op_type *type, double timeout);

/* ---- writing ------------------------------------------------------------- */

/*
 * Send what the descriptor takes now and queue the rest, however much it is.
 * 0, or an errno value (raise it with lull_stream_raise): then the connection is
 * broken, but for ENOBUFS (memory was refused) when nothing of it was sent, and for
 * EDQUOT (more would be held than the host allows), when nothing ever was.
 */
LULL_API int lull_stream_put(struct lull_stream *stream, const struct iovec *parts,
                             int count);

/* Bytes that are queued; and whether that is more than a writer may leave. */
LULL_API size_t lull_stream_unsent(const struct lull_stream *stream);
LULL_API bool lull_stream_is_full(const struct lull_stream *stream);

/*
 * Suspend until at most `left` bytes are unsent, or writing has failed; then
 * type->push goes on, which calls lull_stream_woken() first and then looks at
 * lull_stream_write_error().
 */
LULL_API int lull_stream_await_sent(lua_State *L, struct lull_stream *stream,
                                    struct lull_stream_wait *wait, struct lull_task *task,
                                    const struct lull_op_type *type, size_t left,
                                    double timeout);

/*
 * Suspend until the descriptor takes bytes again, for who writes to it himself
 * (sendfile): only while nothing is queued.  As await_sent else.
 */
LULL_API int lull_stream_await_writable(lua_State *L, struct lull_stream *stream,
                                        struct lull_stream_wait *wait,
                                        struct lull_task *task,
                                        const struct lull_op_type *type, double timeout);

/* errno value of a failed write; 0: none. */
LULL_API int lull_stream_write_error(const struct lull_stream *stream);

/* ---- the end of a wait ------------------------------------------------------- */

/* type->cancel and type->abandon of ops that wait with a struct lull_stream_wait. */
LULL_API enum lull_cancel lull_stream_cancel(struct lull_op *op);
LULL_API void lull_stream_abandon(struct lull_op *op);

enum lull_woken { LULL_WOKEN_READY, LULL_WOKEN_TIMEOUT, LULL_WOKEN_CLOSED };

/* The wait is over: let go of the stream, and say why.  First thing in type->push. */
LULL_API enum lull_woken lull_stream_woken(struct lull_stream_wait *wait);

/*
 * Raise what has failed: `errnum` is of a put or write_error; 0: of a fill.  `op` names
 * the function as errors do.  Does not return.
 */
LULL_API int lull_stream_raise(lua_State *L, struct lull_stream *stream, const char *op,
                               int errnum);

/* Raise `closed` unless it is open. */
LULL_API void lull_stream_check_open(lua_State *L, const struct lull_stream *stream,
                                     const char *op);

/* ---- filters -------------------------------------------------------------------- */

struct lull_filter;

struct lull_filter_type {
    const char *name; /* "tls" */
    /* Take all these bytes from below; size 0: the end is there.  0 or an errno value. */
    int (*feed)(struct lull_filter *filter, const char *bytes, size_t size);
    /* As read(2): -1 and EAGAIN: feed it first; EPROTO: `raise` knows what is wrong. */
    ssize_t (*read)(struct lull_filter *filter, char *bytes, size_t room);
    /* Encode all of it, and lull_filter_emit() the outcome.  0 or an errno value. */
    int (*write)(struct lull_filter *filter, const struct iovec *parts, int count);
    /* No more will be written: emit the farewell, if there is one. */
    void (*finish)(struct lull_filter *filter);
    /* It is no longer in a stream. */
    void (*release)(struct lull_filter *filter);
    /* Raise what made it answer EPROTO. */
    int (*raise)(lua_State *L, struct lull_filter *filter, const char *op);
};

struct lull_filter {
    const struct lull_filter_type *type;
    struct lull_stream *stream;
    struct lull_filter *below; /* NULL: the descriptor */
};

/*
 * Put a filter on top.  Nobody may be reading or writing (lull_stream_is_quiet).
 * What had been read before it came is fed to it.  0, or an errno value of that: it is on top
 * all the same.
 */
LULL_API int lull_stream_push_filter(struct lull_stream *stream,
                                     struct lull_filter *filter);

/* Nobody reads it and nobody writes to it now. */
LULL_API bool lull_stream_is_quiet(const struct lull_stream *stream);

/* The filter on top, if there is one: its type says whose it is. */
LULL_API struct lull_filter *lull_stream_filter(const struct lull_stream *stream);

/* Send bytes downwards: into the filter below, or what is queued for the descriptor. */
LULL_API int lull_filter_emit(struct lull_filter *filter, const char *bytes, size_t size);

/* Read once from below and feed it: for handshakes, while nobody reads the stream. */
LULL_API enum lull_fill lull_filter_pull(struct lull_filter *filter);

/* Have what was emitted sent, as far as the descriptor takes it now.  0 or errno. */
LULL_API int lull_stream_push_out(struct lull_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
