/* SPDX-License-Identifier: MIT */
/*
 * httpread.c -- the body of a request, read when it is asked for.
 *
 * What body() has collected and not returned, because its task was cancelled, is
 * what is returned first by whoever asks next.  A client must keep up: no wait is
 * longer than the server's body_timeout, and all waits together no longer than that
 * and the time the bytes may take at the server's least rate.
 */
#include "http/httpconn.h"

#include <errno.h>

#define OP_NAME  "http.body"
#define MOST     ((size_t)64 * 1024) /* of one read_some() */
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

int lullb_http_raise(lua_State *L, int status, const char *op, const char *message)
{
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_HTTP, "%s", message);
    lull_error_detail(L, op, 0);
    lua_pushinteger(L, status);
    lua_setfield(L, -2, "status");
    return lua_error(L);
}

/* ---- without Lua ------------------------------------------------------------------ */

bool lullb_http_skip_body(struct lullb_http_conn *conn)
{
    for (;;) {
        struct lullb_http_piece piece;
        const char *bytes;
        size_t size = lull_stream_peek(conn->stream, &bytes);
        enum lullb_http_verdict verdict = lullb_http_parse_body(
            &conn->parser, bytes, size, size, &piece, &conn->server->fields);
        lull_stream_consume(conn->stream, piece.used);
        conn->skipped += piece.used;
        if (verdict != LULLB_HTTP_PIECE)
            return verdict == LULLB_HTTP_DONE;
    }
}

/* The client waits to be asked for the body: before the response, or not at all. */
static void ask_for_body(struct lullb_http_conn *conn)
{
    const char *bytes;
    struct iovec part = {.iov_base = (void *)CONTINUE, .iov_len = sizeof CONTINUE - 1};
    if (conn->phase == LULLB_HTTP_BUSY && lull_stream_peek(conn->stream, &bytes) == 0)
        lullb_http_put(conn, &part, 1);
    conn->must_continue = false;
}

static bool is_too_slow(const struct lullb_http_conn *conn)
{
    const struct lullb_http_server *server = conn->server;
    double seconds = (double)conn->waited * server->clock.tick;
    return seconds > conn->body_timeout + (double)conn->came / server->min_rate;
}

/* ---- one read, across its waits ------------------------------------------------------ */

static int read_push(lua_State *L, struct lull_op *op);
static int ready_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type read_type = {
    .name = OP_NAME,
    .cancel = lullb_http_cancel,
    .push = read_push,
    .abandon = lullb_http_abandon,
};

/* Something is there: no wait, but a turn to be taken into account. */
static const struct lull_op_type ready_type = {
    .name = OP_NAME,
    .cancel = lullb_http_cancel,
    .push = ready_push,
    .abandon = lullb_http_abandon,
};

/* Is more announced than body() may return? */
static bool is_too_large(const struct lullb_http_conn *conn, size_t limit)
{
    bool is_announced = conn->parser.stage == LULLB_HTTP_IN_LENGTH ||
                        conn->parser.stage == LULLB_HTTP_IN_CHUNK;
    return is_announced && conn->parser.left + lullb_buffer_size(&conn->body) > limit;
}

static int raise_too_large(lua_State *L)
{
    return lullb_http_raise(L, 413, OP_NAME, "the body is too large");
}

/* The client is behind; index 1 is the request, 2 the connection. */
static int wait_for_more(lua_State *L, struct lullb_http_wait *wait,
                         struct lull_task *task)
{
    struct lullb_http_conn *conn = wait->conn;
    if (conn->expired || is_too_slow(conn)) {
        conn->expired = conn->keep_alive = false;
        return lullb_http_raise(L, 408, OP_NAME, "the body did not come in time");
    }
    conn->since = conn->server->clock.now;
    return lullb_http_await(L, wait, task, &read_type, LULLB_HTTP_BODY_DUE);
}

/* Without memory for them, `before` is how the parser finds them again. */
static void keep_trailers(lua_State *L, const struct lullb_http_wait *wait,
                          const struct lullb_http_piece *piece,
                          const struct lullb_http_parser *before)
{
    struct lullb_http_conn *conn = wait->conn;
    struct lullb_http_parser after = conn->parser;
    if (conn->server->fields.count == 0)
        return;
    conn->parser = *before;
    lullb_http_keep_trailers(L, 1, piece->trailers, &conn->server->fields);
    conn->parser = after;
}

/* All of it was read: push it, or nil for read_some(). */
static int push_end(lua_State *L, struct lullb_http_wait *wait,
                    const struct lullb_http_piece *piece)
{
    struct lullb_http_conn *conn = wait->conn;
    lullb_due_stop(&conn->server->clock, &conn->due);
    lull_stream_consume(conn->stream, piece->used);
    if (wait->most > 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, conn->body.bytes != NULL ? lullb_buffer_bytes(&conn->body) : "",
                    lullb_buffer_size(&conn->body));
    lullb_buffer_clear(conn->server->rt, &conn->body);
    lullb_http_keep_body(L, 1);
    return 1;
}

/* What was collected by a body() that did not come to its end. */
static int push_collected(lua_State *L, struct lullb_http_wait *wait)
{
    struct lullb_buffer *body = &wait->conn->body;
    size_t size = lullb_buffer_size(body);
    if (size > wait->most)
        size = wait->most;
    lua_pushlstring(L, lullb_buffer_bytes(body), size);
    lullb_buffer_consume(wait->conn->server->rt, body, size);
    return 1;
}

/* A piece has come: the result of read_some(), or one more of body(). */
static bool take_piece(lua_State *L, struct lullb_http_wait *wait,
                       const struct lullb_http_piece *piece)
{
    struct lullb_http_conn *conn = wait->conn;
    conn->came += piece->size;
    if (wait->most > 0) {
        lua_pushlstring(L, piece->at, piece->size);
        return true;
    }
    if (lullb_buffer_size(&conn->body) + piece->size > wait->limit)
        raise_too_large(L);
    if (!lullb_buffer_append(conn->server->rt, &conn->body, piece->at, piece->size))
        lullb_raise_refused(L, OP_NAME, errno);
    return false;
}

static int read_now(lua_State *L, struct lullb_http_wait *wait, struct lull_task *task)
{
    struct lullb_http_conn *conn = wait->conn;
    if (wait->most > 0 && lullb_buffer_size(&conn->body) > 0)
        return push_collected(L, wait);
    for (;;) {
        struct lullb_http_piece piece;
        const char *bytes;
        size_t size = lull_stream_peek(conn->stream, &bytes);
        struct lullb_http_parser before = conn->parser; /* if there is no memory */
        enum lullb_http_verdict verdict = lullb_http_parse_body(
            &conn->parser, bytes, size, wait->most > 0 ? wait->most : size, &piece,
            &conn->server->fields);
        if (verdict == LULLB_HTTP_DONE) {
            keep_trailers(L, wait, &piece, &before);
            return push_end(L, wait, &piece);
        }
        if (verdict == LULLB_HTTP_BAD)
            return lullb_http_raise(L, conn->parser.status, OP_NAME, conn->parser.reason);
        if (verdict == LULLB_HTTP_PIECE) {
            struct lullb_http_parser after = conn->parser;
            conn->parser = before;
            bool is_result = take_piece(L, wait, &piece);
            conn->parser = after;
            lull_stream_consume(conn->stream, piece.used);
            if (is_result)
                return 1;
            continue;
        }
        lull_stream_consume(conn->stream, piece.used);
        if (wait->most == 0 && is_too_large(conn, wait->limit))
            return raise_too_large(L);
        switch (lull_stream_fill(conn->stream)) {
        case LULL_FILL_MORE:
            break;
        case LULL_FILL_EMPTY:
            return wait_for_more(L, wait, task);
        case LULL_FILL_END:
            return lullb_http_raise(L, 400, OP_NAME, "the body was cut off");
        case LULL_FILL_FAILED:
            conn->broken = true;
            return lull_stream_raise(L, conn->stream, OP_NAME, 0);
        }
    }
}

/* May it go on after a wait?  Raises if not. */
static void check_going_on(lua_State *L, const struct lullb_http_wait *wait)
{
    if (wait->conn->request != wait->request)
        lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the request has been answered");
    if (!lull_stream_is_open(wait->conn->stream))
        lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the connection is closed");
}

static int read_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    struct lullb_http_conn *conn = wait->conn;
    lullb_http_woken(wait);
    check_going_on(L, wait);
    conn->waited += conn->server->clock.now - conn->since;
    return read_now(L, wait, op->task);
}

static int ready_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    check_going_on(L, wait);
    return read_now(L, wait, op->task);
}

/* The stack holds the request alone. */
static int begin(lua_State *L, size_t most, size_t limit)
{
    struct lull_task *task = lull_checkpoint(L);
    struct lullb_http_conn *conn = lullb_http_push_conn(L, 1, OP_NAME);
    if (conn->broken || !lull_stream_is_open(conn->stream))
        return lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the connection is closed");
    if (conn->waiting != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME,
                           "another task is reading the body of the request");
    if (most == 0 && is_too_large(conn, limit))
        return raise_too_large(L);
    if (conn->must_continue)
        ask_for_body(conn);
    struct lullb_http_wait *wait = lullb_http_pick_wait(L, conn, 3);
    wait->request = conn->request;
    wait->most = most;
    wait->limit = limit;
    lullb_op_begin_complete(&wait->stream.timed, task, &ready_type);
    return lull_await(L, &wait->stream.timed.op);
}

/* All of it, if it is there already and short enough: nothing to wait for. */
static bool push_present(lua_State *L, struct lullb_http_conn *conn)
{
    const char *bytes;
    const struct lullb_http_parser *parser = &conn->parser;
    if (!lull_stream_is_open(conn->stream) || parser->stage != LULLB_HTTP_IN_LENGTH)
        return false;
    if (parser->left > lull_stream_peek(conn->stream, &bytes) ||
        parser->left > conn->max_body || lullb_buffer_size(&conn->body) > 0 ||
        conn->waiting != NULL)
        return false;
    lua_pushlstring(L, bytes, (size_t)parser->left);
    lullb_http_skip_body(conn);
    lullb_http_keep_body(L, 1);
    return true;
}

/* request:body() -> all that is left of the body; above the limit 413 is raised */
static int m_body(lua_State *L)
{
    lua_settop(L, 1);
    lull_checkpoint(L);
    if (lullb_http_push_body(L, 1))
        return 1;
    struct lullb_http_conn *conn = lullb_http_push_conn(L, 1, OP_NAME);
    lua_settop(L, 1);
    return push_present(L, conn) ? 1 : begin(L, 0, conn->max_body);
}

/* request:read_some(max?) -> at least one byte of the body | nil */
static int m_read_some(lua_State *L)
{
    lua_Integer most = luaL_optinteger(L, 2, (lua_Integer)MOST);
    luaL_argcheck(L, most > 0, 2, "must be positive");
    lua_settop(L, 1);
    return begin(L, (size_t)most, 0);
}

const struct luaL_Reg lullb_http_body_methods[] = {
    {"body", m_body},
    {"read_some", m_read_some},
    {NULL, NULL},
};
