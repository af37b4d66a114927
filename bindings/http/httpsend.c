/* SPDX-License-Identifier: MIT */
/*
 * httpsend.c -- sending responses: at once, or in pieces.
 *
 * A response that is a string, or a plain table whose body is one, is sent here, head
 * and body in one system call.  Others are sent by scripts/http/server/respond.lua: begin(),
 * send() for every piece, finish().  Where the client takes less than is sent,
 * these wait.
 */
#include "http/httpconn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

#define OP_NAME "http.respond"
#define TEXT    "text/plain; charset=utf-8"

void lullb_http_put(struct lullb_http_conn *conn, const struct iovec *parts, int count)
{
    if (conn->broken)
        return;
    int error = lull_stream_put(conn->stream, parts, count);
    if (error != 0)
        conn->broken = conn->over = true;
    conn->refused = error == EDQUOT;
}

/* ---- waiting for the client to take what was sent ------------------------------- */

static int sent_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type send_type = {
    .name = "http.send",
    .cancel = lullb_http_cancel,
    .push = sent_push,
    .abandon = lullb_http_abandon,
};

static int push_alive(lua_State *L, const struct lullb_http_conn *conn)
{
    lua_pushboolean(L, !conn->broken);
    return 1;
}

/* Bytes for the client that are queued here, or in the system where that can tell. */
static uint64_t count_untaken(const struct lullb_http_conn *conn)
{
    int queued = 0;
#ifdef SIOCOUTQ
    if (ioctl(lull_stream_fd(conn->stream), SIOCOUTQ, &queued) != 0 || queued < 0)
        queued = 0;
#endif
    return lull_stream_unsent(conn->stream) + (uint64_t)queued;
}

void lullb_http_before_sent(struct lullb_http_wait *wait)
{
    wait->untaken = count_untaken(wait->conn);
}

void lullb_http_sent(struct lullb_http_wait *wait)
{
    struct lullb_http_conn *conn = wait->conn;
    enum lull_woken woken = lull_stream_woken(&wait->stream);
    if (woken == LULL_WOKEN_TIMEOUT && count_untaken(conn) < wait->untaken)
        woken = LULL_WOKEN_READY; /* slow, but it takes something */
    if (woken == LULL_WOKEN_READY && lull_stream_write_error(conn->stream) == 0)
        return;
    if (woken == LULL_WOKEN_TIMEOUT)
        lullb_http_cut(conn);
    conn->broken = conn->over = true;
}

static int await_sent(lua_State *L, struct lullb_http_wait *wait, struct lull_task *task)
{
    struct lullb_http_conn *conn = wait->conn;
    lullb_http_before_sent(wait);
    return lull_stream_await_sent(L, conn->stream, &wait->stream, task, &send_type,
                                  LULLB_HTTP_LOW_WATER, conn->server->write_timeout);
}

static int sent_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    struct lullb_http_conn *conn = wait->conn;
    lullb_http_sent(wait);
    if (!conn->broken && lull_stream_unsent(conn->stream) > LULLB_HTTP_LOW_WATER)
        return await_sent(L, wait, op->task);
    return push_alive(L, conn);
}

/* Return whether the client is still there, after waiting if need be; or raise `limit`. */
static int push_sent(lua_State *L, struct lullb_http_conn *conn)
{
    if (conn->refused)
        return lullb_raise_refused(L, send_type.name, EDQUOT);
    if (conn->broken || !lull_stream_is_full(conn->stream))
        return push_alive(L, conn);
    struct lull_task *task = lull_checkpoint(L);
    return await_sent(L, lullb_http_pick_wait(L, conn, 2), task);
}

/* ---- respond -------------------------------------------------------------------------- */

static int check_status(lua_State *L, int index)
{
    int is_integer;
    lua_Integer status = lua_tointegerx(L, index, &is_integer);
    if (!is_integer || status < 200 || status > 599)
        lullb_http_raise_value(L, index, "a response's status must be 200 to 599, not");
    return (int)status;
}

/* The response is complete. */
static void end_response(lua_State *L, struct lullb_http_conn *conn, int index)
{
    conn->phase = LULLB_HTTP_READY;
    lullb_http_let_go(L, conn, index);
}

static void note_head(struct lullb_http_conn *conn, const struct lullb_http_reply *reply)
{
    conn->status = reply->status;
    conn->sent = 0;
    if (reply->close)
        conn->over = true;
}

/* Send head and body; the connection is at index 1. */
static int send_whole(lua_State *L, struct lullb_http_conn *conn,
                      struct lullb_http_reply *reply)
{
    struct lullb_buffer *out = &conn->server->out;
    lullb_http_make_head(L, conn, reply);
    struct iovec parts[2] = {
        {.iov_base = (void *)lullb_buffer_bytes(out), .iov_len = lullb_buffer_size(out)},
        {.iov_base = (void *)reply->body, .iov_len = reply->size},
    };
    bool has_body = !reply->is_bodiless && reply->size > 0;
    note_head(conn, reply);
    if (has_body)
        conn->sent = reply->size;
    lullb_http_put(conn, parts, has_body ? 2 : 1);
    end_response(L, conn, 1);
    return push_sent(L, conn);
}

/* The table at 2 has no body, so what else is in it was meant as one, or is mistyped:
   to send nothing, and be silent, would hide that. */
static void check_fields(lua_State *L)
{
    static const char *const known[] = {"status", "headers", "trailers", NULL};
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        unsigned i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL) {
            const char *unknown = luaL_tolstring(L, -1, NULL);
            lua_pushfstring(L,
                            "a response has status, headers, body (json, file), not '%s'",
                            unknown);
            lullb_raise(L, LULL_KIND_USAGE, OP_NAME, lua_tostring(L, -1));
        }
    }
}

/* The body of the table at 2, unless there is one at 3; false: it is not so simple. */
static bool read_body(lua_State *L, struct lullb_http_reply *reply)
{
    if (lua_type(L, 3) == LUA_TSTRING) {
        reply->body = lua_tolstring(L, 3, &reply->size);
        reply->type = lua_tostring(L, 4);
        return true;
    }
    lua_pushliteral(L, "json");
    bool is_special = lua_rawget(L, 2) != LUA_TNIL;
    lua_pushliteral(L, "file");
    is_special = lua_rawget(L, 2) != LUA_TNIL || is_special;
    lua_pushliteral(L, "body");
    int type = lua_rawget(L, 2);
    if (is_special || (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TNUMBER))
        return false;
    if (type == LUA_TNIL) {
        check_fields(L);
    } else {
        reply->body = lua_tolstring(L, -1, &reply->size);
        reply->type = TEXT;
    }
    return true;
}

/* Fill in the reply from the table at 2; false: it is not so simple. */
static bool read_table(lua_State *L, struct lullb_http_reply *reply)
{
    if (lua_getmetatable(L, 2))
        return false;
    lua_pushliteral(L, "status");
    if (lua_rawget(L, 2) != LUA_TNIL)
        reply->status = check_status(L, -1);
    lua_pop(L, 1);
    lua_pushliteral(L, "headers");
    int type = lua_rawget(L, 2);
    if (type != LUA_TNIL && type != LUA_TTABLE)
        lullb_raise(L, LULL_KIND_USAGE, OP_NAME, "a response's headers must be a table");
    reply->headers = type == LUA_TTABLE ? lua_gettop(L) : 0;
    return read_body(L, reply);
}

/*
 * connection:respond(result, body?, type?) -> is the client still there?
 * Sends what is a string, nothing (204) or a plain table; returns nil for what is
 * not so simple.  body: a string in place of the table's; type: its Content-Type, unless
 * the headers have one.  May suspend.
 */
int lullb_m_http_respond(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    struct lullb_http_reply reply = {.status = 200};
    lua_settop(L, 4);
    if (conn->phase == LULLB_HTTP_TAKEN)
        return push_alive(L, conn);
    if (conn->phase != LULLB_HTTP_BUSY)
        return lullb_raise(L, LULL_KIND_USAGE, OP_NAME, "there is nothing to respond to");
    switch (lua_type(L, 2)) {
    case LUA_TSTRING:
        reply.body = lua_tolstring(L, 2, &reply.size);
        reply.type = TEXT;
        return send_whole(L, conn, &reply);
    case LUA_TNIL:
        reply.status = 204;
        return send_whole(L, conn, &reply);
    case LUA_TTABLE:
        if (read_table(L, &reply))
            return send_whole(L, conn, &reply);
        return 0;
    default:
        return 0;
    }
}

/* ---- in pieces ---------------------------------------------------------------------------- */

/*
 * connection:begin(status, headers, type?) -> is a body wanted?
 * Sends the head of a response whose body follows, of the length that headers say, or
 * of any.  type: Content-Type, unless headers have one.
 */
int lullb_m_http_begin(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    lua_settop(L, 4);
    struct lullb_http_reply reply = {
        .status = check_status(L, 2),
        .headers = lua_istable(L, 3) ? 3 : 0,
        .type = lua_tostring(L, 4),
        .content = LULLB_HTTP_PIECES,
    };
    if (conn->phase != LULLB_HTTP_BUSY)
        return lullb_raise(L, LULL_KIND_USAGE, OP_NAME, "there is nothing to respond to");
    if (reply.type != NULL && !lullb_http_is_value(reply.type, lua_rawlen(L, 4)))
        return lullb_raise(L, LULL_KIND_USAGE, OP_NAME, "not a content type");
    lullb_http_make_head(L, conn, &reply);
    const struct lullb_buffer *out = &conn->server->out;
    struct iovec part = {.iov_base = (void *)lullb_buffer_bytes(out),
                         .iov_len = lullb_buffer_size(out)};
    note_head(conn, &reply);
    conn->chunked = reply.chunked;
    conn->has_length = reply.has_length;
    conn->send_left = reply.length;
    lullb_http_put(conn, &part, 1);
    conn->phase = LULLB_HTTP_SENDING;
    if (reply.is_bodiless)
        end_response(L, conn, 1);
    lua_pushboolean(L, !reply.is_bodiless && !conn->broken);
    return 1;
}

void lullb_http_check_sending(lua_State *L, const struct lullb_http_conn *conn)
{
    if (conn->phase != LULLB_HTTP_SENDING)
        lullb_raise(L, LULL_KIND_USAGE, OP_NAME, "no response is being sent");
}

/* So many more bytes of the body; raises if there are too many. */
static void count_sent(lua_State *L, struct lullb_http_conn *conn, size_t size)
{
    if (conn->has_length && size > conn->send_left)
        lullb_raise(L, LULL_KIND_USAGE, OP_NAME,
                    "the body is longer than Content-Length says");
    conn->send_left -= conn->has_length ? size : 0;
    conn->sent += size;
}

/* connection:send(bytes) -> is the client still there?   Suspends while it is behind. */
int lullb_m_http_send(lua_State *L)
{
    size_t size;
    char line[24];
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &size);
    lullb_http_check_sending(L, conn);
    lua_settop(L, 2);
    if (size == 0 || conn->broken)
        return push_alive(L, conn);
    count_sent(L, conn, size);
    if (conn->chunked) {
        int length = snprintf(line, sizeof line, "%zx\r\n", size);
        struct iovec parts[3] = {
            {.iov_base = line, .iov_len = (size_t)length},
            {.iov_base = (void *)bytes, .iov_len = size},
            {.iov_base = (void *)"\r\n", .iov_len = 2},
        };
        lullb_http_put(conn, parts, 3);
    } else {
        struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
        lullb_http_put(conn, &part, 1);
    }
    return push_sent(L, conn);
}

/* connection:finish(trailers?): the body is complete.  trailers: a table, sent in chunks */
int lullb_m_http_finish(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    const struct lullb_buffer *out = &conn->server->out;
    lullb_http_check_sending(L, conn);
    lua_settop(L, 2);
    if (conn->has_length && conn->send_left > 0 && !conn->broken)
        return lullb_raise(L, LULL_KIND_USAGE, OP_NAME,
                           "the body is shorter than Content-Length says");
    if (conn->chunked) {
        lullb_http_make_end(L, conn, lua_istable(L, 2) ? 2 : 0);
        struct iovec part = {.iov_base = (void *)lullb_buffer_bytes(out),
                             .iov_len = lullb_buffer_size(out)};
        lullb_http_put(conn, &part, 1);
    }
    end_response(L, conn, 1);
    return push_sent(L, conn);
}

/* ---- another protocol ---------------------------------------------------------------- */

/* Send a head with nothing behind it. */
static void send_switch(lua_State *L, struct lullb_http_conn *conn, int status,
                        int headers)
{
    struct lullb_http_reply reply = {
        .status = status, .headers = headers, .content = LULLB_HTTP_SWITCH};
    lullb_http_make_head(L, conn, &reply);
    const struct lullb_buffer *out = &conn->server->out;
    struct iovec part = {.iov_base = (void *)lullb_buffer_bytes(out),
                         .iov_len = lullb_buffer_size(out)};
    note_head(conn, &reply);
    lullb_http_put(conn, &part, 1);
}

/*
 * connection:take(status?, headers?) -> stream
 * Hand the connection over, after the head of a response, if there is to be one.
 * What has come behind the request is in the stream.
 */
int lullb_m_http_take(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    lua_settop(L, 3);
    if (conn->phase != LULLB_HTTP_BUSY)
        return lullb_raise(L, LULL_KIND_USAGE, "http.upgrade", "it is too late for that");
    if (lullb_http_in_body(&conn->parser) && !lullb_http_skip_body(conn))
        return lullb_http_raise(L, 400, "http.upgrade", "there is a body in front of it");
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        send_switch(L, conn, (int)luaL_checkinteger(L, 2), 3);
    }
    lullb_http_let_go(L, conn, 1);
    conn->phase = LULLB_HTTP_TAKEN;
    conn->over = true;
    lua_getiuservalue(L, 1, LULLB_HTTP_STREAM_VALUE);
    return 1;
}
