/* SPDX-License-Identifier: MIT */
/*
 * httpserver.c -- what the connections of one server share.
 */
#include "http/httpconn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#ifndef CLOCK_REALTIME_COARSE
#define CLOCK_REALTIME_COARSE CLOCK_REALTIME
#endif

static const char server_tag = 'h';

struct lullb_http_server *lullb_check_http_server(lua_State *L, int index)
{
    return lullb_check_object(L, index, &server_tag, "http server");
}

/* ---- deadlines ---------------------------------------------------------------- */

static struct lullb_http_conn *conn_of(struct lullb_due *due)
{
    return (struct lullb_http_conn *)(void *)((char *)due -
                                              offsetof(struct lullb_http_conn, due));
}

/* The client has taken too long: whoever waits for it goes on, and sees that. */
static void on_expired(struct lullb_due *due)
{
    struct lullb_http_conn *conn = conn_of(due);
    conn->expired = true;
    if (conn->waiting != NULL)
        lullb_op_complete(&conn->waiting->stream.timed);
}

/* Connections on which nothing of a request has come are not waited for any more. */
static void expire_idle(struct lullb_http_server *server, unsigned line)
{
    struct lullb_due *next;
    for (struct lullb_due *due = server->clock.lines[line].head; due != NULL;
         due = next) {
        const char *bytes;
        struct lull_stream *stream = conn_of(due)->stream;
        next = due->next;
        if (lull_stream_is_open(stream) && lull_stream_peek(stream, &bytes) > 0)
            continue;
        lullb_due_stop(&server->clock, due);
        on_expired(due);
    }
}

/* ---- the end --------------------------------------------------------------------- */

static void close_server(struct lull_handle *handle)
{
    struct lullb_http_server *server = (struct lullb_http_server *)(void *)handle;
    server->draining = true;
    lullb_clock_deinit(&server->clock);
    lullb_buffer_clear(server->rt, &server->out);
}

static const struct lull_handle_type server_type = {
    .name = "http.server",
    .close = close_server,
};

/* server:close() */
static int m_close(lua_State *L)
{
    lull_handle_close(&lullb_check_http_server(L, 1)->object.handle);
    return 0;
}

/* server:drain(): what waits for a request ends, what answers one does so and ends */
static int m_drain(lua_State *L)
{
    struct lullb_http_server *server = lullb_check_http_server(L, 1);
    server->draining = true;
    expire_idle(server, LULLB_HTTP_IDLE_DUE);
    expire_idle(server, LULLB_HTTP_HEAD_DUE);
    return 0;
}

/* ---- the date ---------------------------------------------------------------------- */

static void write_date(struct lullb_http_server *server, time_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    gmtime_r(&now, &tm); /* strftime would ask the locale for the names */
    snprintf(server->date, sizeof server->date,
             "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
             days + (ptrdiff_t)tm.tm_wday * 3, tm.tm_mday,
             months + (ptrdiff_t)tm.tm_mon * 3, (tm.tm_year + 1900) % 10000, tm.tm_hour,
             tm.tm_min, tm.tm_sec);
    server->date_of = now;
}

const char *lullb_http_date(struct lullb_http_server *server, size_t *size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_of)
        write_date(server, now.tv_sec);
    *size = sizeof "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" - 1;
    return server->date;
}

/* ---- birth ---------------------------------------------------------------------------- */

static void write_prefix(struct lullb_http_server *server)
{
    unsigned char bytes[(sizeof server->prefix - 1) / 2];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) < (ssize_t)sizeof bytes) {
        struct timespec now; /* unique will do: it is no secret */
        clock_gettime(CLOCK_REALTIME, &now);
        memcpy(bytes, &now.tv_nsec, sizeof bytes);
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(server->prefix + 2 * i, 3, "%02x", bytes[i]);
}

static void check_limits(lua_State *L, struct lullb_http_server *server)
{
    struct lullb_http_limits *limits = &server->limits;
    limits->max_line = lullb_check_size_field(L, 1, "max_line", 8192);
    limits->max_head = lullb_check_size_field(L, 1, "max_head", 65536);
    limits->max_fields = (unsigned)lullb_check_size_field(L, 1, "max_fields", 100);
    luaL_argcheck(L, limits->max_fields <= LULLB_HTTP_FIELDS, 1,
                  "max_fields is too large");
    luaL_argcheck(L, limits->max_head <= LULLB_HTTP_MAX_HEAD, 1, "max_head is too large");
    server->max_body = lullb_check_size_field(L, 1, "max_body", (size_t)1024 * 1024);
    server->max_requests = lullb_check_size_field(L, 1, "max_requests", SIZE_MAX);
    server->min_rate = (double)lullb_check_size_field(L, 1, "min_rate", 1024);
}

static double seconds_field(lua_State *L, const char *name, double otherwise)
{
    bool is_nil = lua_getfield(L, 1, name) == LUA_TNIL;
    lua_pop(L, 1);
    return is_nil ? otherwise : lullb_check_seconds(L, 1, name);
}

static void check_name(lua_State *L, struct lullb_http_server *server)
{
    size_t size = 0;
    bool given = lua_getfield(L, 1, "server") != LUA_TNIL;
    const char *name = given ? lua_tolstring(L, -1, &size) : NULL;
    bool fits = name != NULL && size > 0 && size < sizeof server->name - 11 &&
                lullb_http_is_value(name, size);
    luaL_argcheck(L, !given || fits, 1, "server must be a short name");
    if (given)
        snprintf(server->name, sizeof server->name, "Server: %s\r\n", name);
    lua_pop(L, 1);
}

/*
 * server(opts) -> server
 * opts: header_timeout, idle_timeout, body_timeout, write_timeout, min_rate, max_body,
 * max_requests, max_line, max_head, max_fields, server; scripts/http/server.lua says what
 * they mean.
 */
int lullb_l_http_server(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lull_check_handles(L, "http.serve");
    lullb_push_http_server_class(L, rt);
    struct lullb_http_server *server = lullb_push_object(L, sizeof *server, &server_tag);
    const double seconds[LULLB_HTTP_LINES] = {
        [LULLB_HTTP_HEAD_DUE] = seconds_field(L, "header_timeout", 10),
        [LULLB_HTTP_IDLE_DUE] = seconds_field(L, "idle_timeout", 75),
        [LULLB_HTTP_BODY_DUE] = seconds_field(L, "body_timeout", 30),
    };
    server->rt = rt;
    server->out.scratch = true;
    server->body_timeout = seconds[LULLB_HTTP_BODY_DUE];
    server->write_timeout = seconds_field(L, "write_timeout", 30);
    server->date_of = -1;
    check_limits(L, server);
    check_name(L, server);
    write_prefix(server);
    lullb_clock_init(&server->clock, rt, seconds, on_expired);
    lull_handle_open(rt, &server->object.handle, &server_type);
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close},
    {"drain", m_drain},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

void lullb_push_http_server_class(lua_State *L, struct lull_runtime *rt)
{
    lull_push_class(L, rt, "lull.http.native_server", methods, meta);
}
