/* SPDX-License-Identifier: MIT */
/*
 * httpconn.c -- a connection, and its next request.
 */
#include "http/httpconn.h"

static const char conn_tag = 'c';

struct lullb_http_conn *lullb_check_http_conn(lua_State *L, int index)
{
    struct lullb_http_conn *conn = lua_touserdata(L, index);
    if (conn == NULL || lua_rawlen(L, index) != sizeof *conn || conn->tag != &conn_tag)
        luaL_typeerror(L, index, "http connection");
    return conn;
}

/* ---- waiting for the client: no Lua ------------------------------------------- */

enum lull_cancel lullb_http_cancel(struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    struct lullb_http_conn *conn = wait->conn;
    if (conn->waiting == wait) {
        conn->waiting = NULL;
        lullb_due_stop(&conn->server->clock, &conn->due);
    }
    return lull_stream_cancel(op);
}

void lullb_http_abandon(struct lull_op *op)
{
    lullb_http_cancel(op);
}

enum lull_woken lullb_http_woken(struct lullb_http_wait *wait)
{
    struct lullb_http_conn *conn = wait->conn;
    struct lullb_clock *clock = &conn->server->clock;
    if (conn->waiting == wait)
        conn->waiting = NULL;
    /* Only the time for a head runs on between waits. */
    if (!lullb_due_is_in(clock, &conn->due, LULLB_HTTP_HEAD_DUE))
        lullb_due_stop(clock, &conn->due);
    return lull_stream_woken(&wait->stream);
}

/* ---- waiting: Lua side ------------------------------------------------------------ */

struct lullb_http_wait *lullb_http_pick_wait(lua_State *L, struct lullb_http_conn *conn,
                                             int index)
{
    struct lullb_http_wait *wait = &conn->own;
    /* Its last user was cancelled and has not come to see that yet. */
    if (wait->stream.timed.op.awaited) {
        wait = lua_newuserdatauv(L, sizeof *wait, 0);
        *wait = (struct lullb_http_wait){0};
        lua_insert(L, index);
    }
    wait->conn = conn;
    wait->stream.stream = conn->stream;
    return wait;
}

int lullb_http_await(lua_State *L, struct lullb_http_wait *wait, struct lull_task *task,
                     const struct lull_op_type *type, unsigned line)
{
    struct lullb_http_conn *conn = wait->conn;
    struct lullb_clock *clock = &conn->server->clock;
    if (conn->waiting != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, type->name,
                           "another task is reading from the connection");
    /* The time for a head is that of all of it, however many waits there are. */
    if (line != LULLB_HTTP_HEAD_DUE || !lullb_due_is_in(clock, &conn->due, line))
        lullb_due_start(clock, &conn->due, line);
    conn->waiting = wait;
    return lull_stream_await_readable(L, conn->stream, &wait->stream, task, type,
                                      (double)INFINITY);
}

/* ---- the next request --------------------------------------------------------------- */

static int next_push(lua_State *L, struct lull_op *op);
static int next_ready_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type next_type = {
    .name = "http.next",
    .cancel = lullb_http_cancel,
    .push = next_push,
    .abandon = lullb_http_abandon,
};

/* Something is there: no wait, but a turn to be taken into account. */
static const struct lull_op_type next_ready_type = {
    .name = "http.next",
    .cancel = lullb_http_cancel,
    .push = next_ready_push,
    .abandon = lullb_http_abandon,
};

static int finish(lua_State *L, struct lullb_http_conn *conn)
{
    lullb_due_stop(&conn->server->clock, &conn->due);
    conn->over = true;
    lua_pushnil(L);
    return 1;
}

static int answer_bad(lua_State *L, struct lullb_http_conn *conn, int status,
                      const char *reason)
{
    lullb_http_answer_bad(conn, status, reason);
    conn->was_bad = true;
    return finish(L, conn);
}

/* A head is complete: its request is the result. */
static int begin_request(lua_State *L, struct lullb_http_conn *conn, const char *bytes)
{
    struct lullb_http_server *server = conn->server;
    const struct lullb_http_head *head = &server->head;
    if (head->expect == LULLB_HTTP_EXPECT_OTHER)
        return answer_bad(L, conn, 417, "nothing but 100-continue can be expected");
    lullb_http_push_request(L, conn, 1, bytes + head->skipped);
    lull_stream_consume(conn->stream, (size_t)head->skipped + head->size);
    lullb_due_stop(&server->clock, &conn->due);
    conn->expired = false;
    conn->fresh = false;
    conn->phase = LULLB_HTTP_BUSY;
    conn->status = 0;
    conn->sent = 0;
    conn->must_continue =
        head->expect == LULLB_HTTP_EXPECT_CONTINUE && lullb_http_in_body(&conn->parser);
    conn->max_body = server->max_body;
    conn->body_timeout = server->body_timeout;
    conn->came = conn->waited = 0;
    conn->skipped = 0;
    conn->requests++;
    return 1;
}

/* The client has not sent a head in time, or the server is closing. */
static int give_up(lua_State *L, struct lullb_http_conn *conn)
{
    const char *bytes;
    if (lull_stream_peek(conn->stream, &bytes) > 0 && !lullb_http_in_body(&conn->parser))
        return answer_bad(L, conn, 408, "the request did not come in time");
    return finish(L, conn);
}

/* Look at what is there: the rest of the last request's body, then a head. */
static enum lullb_http_verdict look(struct lullb_http_conn *conn, const char **bytes,
                                    size_t *size)
{
    struct lullb_http_server *server = conn->server;
    if (lullb_http_in_body(&conn->parser) && !lullb_http_skip_body(conn) &&
        (conn->skipped > LULLB_HTTP_SKIP || !lullb_http_in_body(&conn->parser)))
        return LULLB_HTTP_BAD;
    *size = lull_stream_peek(conn->stream, bytes);
    if (*size == 0 || lullb_http_in_body(&conn->parser))
        return LULLB_HTTP_MORE;
    return lullb_http_parse_head(&conn->parser, *bytes, *size, &server->head,
                                 &server->fields);
}

static int next_now(lua_State *L, struct lullb_http_conn *conn, struct lull_task *task)
{
    for (;;) {
        const char *bytes;
        size_t size;
        bool skips = lullb_http_in_body(&conn->parser);
        enum lullb_http_verdict verdict = look(conn, &bytes, &size);
        if (verdict == LULLB_HTTP_DONE)
            return begin_request(L, conn, bytes);
        if (verdict == LULLB_HTTP_BAD && skips)
            return finish(L, conn); /* that one is answered */
        if (verdict == LULLB_HTTP_BAD)
            return answer_bad(L, conn, conn->parser.status, conn->parser.reason);
        enum lull_fill filled = lull_stream_fill(conn->stream);
        if (filled == LULL_FILL_MORE)
            continue;
        if (filled != LULL_FILL_EMPTY) { /* the client is gone */
            conn->broken = true;
            return finish(L, conn);
        }
        bool is_idle = size == 0 && !conn->fresh && !skips;
        if (conn->expired)
            return give_up(L, conn);
        if (is_idle && conn->server->draining)
            return finish(L, conn);
        return lullb_http_await(L, lullb_http_pick_wait(L, conn, 2), task, &next_type,
                                is_idle ? LULLB_HTTP_IDLE_DUE : LULLB_HTTP_HEAD_DUE);
    }
}

static int next_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    struct lullb_http_conn *conn = wait->conn;
    if (lullb_http_woken(wait) == LULL_WOKEN_CLOSED) {
        conn->broken = true;
        return finish(L, conn);
    }
    return next_now(L, conn, op->task);
}

static int next_ready_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_conn *conn = ((struct lullb_http_wait *)(void *)op)->conn;
    if (!lull_stream_is_open(conn->stream)) {
        conn->broken = true;
        return finish(L, conn);
    }
    return next_now(L, conn, op->task);
}

/* connection:next() -> the next request | nil: there is none.   Suspends. */
static int m_next(lua_State *L)
{
    const char *bytes;
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    lua_settop(L, 1);
    if (conn->phase != LULLB_HTTP_READY || conn->over || conn->broken ||
        !lull_stream_is_open(conn->stream))
        return finish(L, conn);
    if (lull_stream_peek(conn->stream, &bytes) == 0)
        return next_now(L, conn, task);
    struct lullb_http_wait *wait = lullb_http_pick_wait(L, conn, 2);
    lullb_op_begin_complete(&wait->stream.timed, task, &next_ready_type);
    return lull_await(L, &wait->stream.timed.op);
}

void lullb_http_cut(struct lullb_http_conn *conn)
{
    conn->broken = conn->over = true;
    lullb_http_end_watch(conn); /* before its descriptor is closed */
    lull_stream_abort(conn->stream);
}

/* ---- what scripts/http/ asks ------------------------------------------------------------ */

void lullb_http_let_go(lua_State *L, struct lullb_http_conn *conn, int index)
{
    struct lullb_http_wait *wait = conn->waiting;
    if (conn->request == NULL)
        return;
    if (wait != NULL) { /* a task that the handler has left behind */
        lullb_http_woken(wait);
        lullb_op_complete(&wait->stream.timed);
    }
    lullb_http_end_watch(conn);
    lullb_due_stop(&conn->server->clock, &conn->due);
    lullb_http_detach_request(conn->request);
    conn->request = NULL;
    lua_pushnil(L);
    lua_setiuservalue(L, index, LULLB_HTTP_REQUEST_VALUE);
    lullb_buffer_clear(conn->server->rt, &conn->body);
}

/* connection:state() -> may still be answered, the client is gone, input is left */
static int m_state(lua_State *L)
{
    const char *bytes;
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    bool is_open = lull_stream_is_open(conn->stream);
    lua_pushboolean(L, conn->phase == LULLB_HTTP_BUSY);
    lua_pushboolean(L, conn->broken || !is_open);
    lua_pushboolean(L, is_open && (conn->parser.stage != LULLB_HTTP_IN_HEAD ||
                                   lull_stream_peek(conn->stream, &bytes) > 0));
    return 3;
}

/* connection:last() -> status of the last response, bytes of its body */
static int m_last(lua_State *L)
{
    const struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    lua_pushinteger(L, conn->status);
    lua_pushinteger(L, (lua_Integer)conn->sent);
    return 2;
}

/* connection:was_bad() -> was the last that came refused, before it was a request? */
static int m_was_bad(lua_State *L)
{
    lua_pushboolean(L, lullb_check_http_conn(L, 1)->was_bad);
    return 1;
}

/* connection:request() -> the one being answered | nil */
static int m_request(lua_State *L)
{
    lullb_check_http_conn(L, 1);
    lua_getiuservalue(L, 1, LULLB_HTTP_REQUEST_VALUE);
    return 1;
}

/* connection:stream() -> stream */
static int m_stream(lua_State *L)
{
    lullb_check_http_conn(L, 1);
    lua_getiuservalue(L, 1, LULLB_HTTP_STREAM_VALUE);
    return 1;
}

/* connection:belongs_to(server) -> boolean */
static int m_belongs_to(lua_State *L)
{
    const struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    lua_pushboolean(L, conn->server == lullb_check_http_server(L, 2));
    return 1;
}

/* connection:abort(): the client is to see that something was not completed */
static int m_abort(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    conn->over = true;
    if (conn->phase != LULLB_HTTP_TAKEN)
        lullb_http_cut(conn);
    return 0;
}

/* connection:limit(bytes | nil, seconds | nil): what body() may return, how long it may wait */
static int m_limit(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    lua_Integer bytes = luaL_optinteger(L, 2, (lua_Integer)conn->max_body);
    lua_settop(L, 3);
    luaL_argcheck(L, bytes >= 0, 2, "must not be negative");
    conn->max_body = (size_t)bytes;
    if (!lua_isnil(L, 3))
        conn->body_timeout = lullb_check_seconds(L, 3, NULL);
    return 0;
}

/* connection:close(): nobody serves it any more; the stream is its owner's */
static int m_close(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    conn->over = true;
    lullb_http_end_watch(conn);
    lullb_due_stop(&conn->server->clock, &conn->due);
    lullb_buffer_clear(conn->server->rt, &conn->body);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"abort", m_abort},
    {"begin", lullb_m_http_begin},
    {"belongs_to", m_belongs_to},
    {"close", m_close},
    {"finish", lullb_m_http_finish},
    {"last", m_last},
    {"limit", m_limit},
    {"next", m_next},
    {"request", m_request},
    {"respond", lullb_m_http_respond},
    {"send", lullb_m_http_send},
    {"send_file", lullb_m_http_send_file},
    {"state", m_state},
    {"stream", m_stream},
    {"take", lullb_m_http_take},
    {"was_bad", m_was_bad},
    {"watch", lullb_m_http_watch},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

int lullb_l_http_connection(lua_State *L)
{
    struct lullb_http_server *server = lullb_check_http_server(L, 1);
    struct lull_stream *stream = lull_check_stream(L, 2);
    lua_settop(L, 2);
    struct lullb_http_conn *conn = lua_newuserdatauv(L, sizeof *conn, 3);
    *conn = (struct lullb_http_conn){
        .tag = &conn_tag, .server = server, .stream = stream, .fresh = true};
    lullb_http_parser_init(&conn->parser, &server->limits);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, LULLB_HTTP_STREAM_VALUE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, LULLB_HTTP_SERVER_VALUE);
    lull_push_class(L, lull_runtime_of(L), "lull.http.connection", methods, meta);
    lua_setmetatable(L, 3);
    return 1;
}
