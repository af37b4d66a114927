/* SPDX-License-Identifier: MIT */
/*
 * httpreply.c -- the head of a response.
 *
 * It is made in the server's buffer, checked while it is made, and sent by
 * httpsend.c together with the body.  Nothing of it can be sent that would end
 * a line, or the head, early.
 */
#include "http/httpconn.h"

#include <stdio.h>
#include <string.h>

#define OP_NAME "http.respond"
#define SHOWN   64u /* bytes of a value in a message */

/* ---- phrases ------------------------------------------------------------------- */

const char *lullb_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {207, "Multi-Status"},
        {208, "Already Reported"},
        {226, "IM Used"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {305, "Use Proxy"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {424, "Failed Dependency"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {506, "Variant Also Negotiates"},
        {507, "Insufficient Storage"},
        {508, "Loop Detected"},
        {511, "Network Authentication Required"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* ---- the buffer ------------------------------------------------------------------- */

/* What a head is written with. */
struct writer {
    lua_State *L; /* NULL: nothing may be raised */
    struct lullb_http_server *server;
};

static void add(const struct writer *writer, const char *bytes, size_t size)
{
    if (!lullb_buffer_append(writer->server->rt, &writer->server->out, bytes, size) &&
        writer->L != NULL)
        lullb_raise_memory(writer->L, OP_NAME);
}

static void add_text(const struct writer *writer, const char *text)
{
    add(writer, text, strlen(text));
}

#define ADD(writer, literal) add(writer, literal, sizeof(literal) - 1)

static void add_number(const struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(writer, digits + at, sizeof digits - at);
}

static void add_status(const struct writer *writer, int status)
{
    if (status == 200) {
        ADD(writer, "HTTP/1.1 200 OK\r\n");
        return;
    }
    ADD(writer, "HTTP/1.1 ");
    add_number(writer, (uint64_t)status);
    ADD(writer, " ");
    add_text(writer, lullb_http_reason(status));
    ADD(writer, "\r\n");
}

static void add_date(const struct writer *writer)
{
    size_t size;
    const char *date = lullb_http_date(writer->server, &size);
    add(writer, date, size);
}

/* ---- the headers of a script -------------------------------------------------------- */

/* What has been met among them. */
struct met {
    struct lullb_http_reply *reply;
    bool has_date;
    bool has_type;
    bool has_server;
};

static int raise_header(lua_State *L, const char *name, const char *what)
{
    luaL_checkstack(L, 8, NULL);
    /* The name may be anything: it is shown only where it is a token. */
    lull_push_error(L, LULL_KIND_USAGE, "response header %s: %s", name, what);
    lull_error_detail(L, OP_NAME, 0);
    return lua_error(L);
}

/* Push what can be shown of a string: its beginning, without control characters. */
static void push_quoted(lua_State *L, const char *bytes, size_t size)
{
    char text[SHOWN + 1];
    size_t shown = size < SHOWN ? size : SHOWN;
    for (size_t i = 0; i < shown; i++)
        text[i] =
            (char)((unsigned char)bytes[i] < ' ' || bytes[i] == 127 ? '?' : bytes[i]);
    text[shown] = '\0';
    lua_pushfstring(L, "\"%s\"%s", text, shown < size ? "..." : "");
}

int lullb_http_raise_value(lua_State *L, int index, const char *what)
{
    size_t size;
    luaL_checkstack(L, 8, NULL);
    index = lua_absindex(L, index);
    lua_pushvalue(L, index); /* lua_tolstring() changes numbers */
    const char *text = lua_tolstring(L, -1, &size);
    if (lua_type(L, index) == LUA_TSTRING)
        push_quoted(L, text, size);
    else
        lua_pushstring(L, text != NULL ? text : luaL_typename(L, index));
    lull_push_error(L, LULL_KIND_USAGE, "%s %s", what, lua_tostring(L, -1));
    lull_error_detail(L, OP_NAME, 0);
    return lua_error(L);
}

static bool meet_connection(lua_State *L, const struct met *met, const char *value,
                            size_t size)
{
    (void)L;
    if (met->reply->content == LULLB_HTTP_SWITCH)
        return true;
    if (lullb_http_has_token(value, size, "close"))
        met->reply->close = true;
    return !met->reply->close && !lullb_http_has_token(value, size, "keep-alive");
}

static bool meet_length(lua_State *L, const struct met *met, const char *value,
                        size_t size)
{
    uint64_t length;
    if (!lullb_http_number(value, size, &length))
        raise_header(L, "content-length", "not a length");
    if (met->reply->has_length && met->reply->length != length)
        raise_header(L, "content-length", "there are two");
    met->reply->has_length = true;
    met->reply->length = length;
    return false;
}

/* Look at a header that means something here; false: it is not to be sent as it is. */
static bool meet(lua_State *L, struct met *met, const char *name, size_t name_size,
                 const char *value, size_t size)
{
    switch (name_size) {
    case 4:
        met->has_date = met->has_date || lullb_http_is_name(name, 4, "date");
        return true;
    case 6:
        met->has_server = met->has_server || lullb_http_is_name(name, 6, "server");
        return true;
    case 10:
        if (lullb_http_is_name(name, 10, "connection"))
            return meet_connection(L, met, value, size);
        return !lullb_http_is_name(name, 10, "keep-alive");
    case 12:
        met->has_type = met->has_type || lullb_http_is_name(name, 12, "content-type");
        return true;
    case 14:
        if (lullb_http_is_name(name, 14, "content-length"))
            return meet_length(L, met, value, size);
        return true;
    case 17:
        if (lullb_http_is_name(name, 17, "transfer-encoding"))
            raise_header(L, "transfer-encoding", "it is the server that sets it");
        return true;
    default:
        return true;
    }
}

/* The name is at `name`, one value on top. */
static void add_header(lua_State *L, const struct writer *writer, struct met *met,
                       int name)
{
    size_t name_size;
    size_t size;
    const char *bytes = lua_tolstring(L, name, &name_size);
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        raise_header(L, bytes, "its value must be a string, a number or a list of them");
    const char *value = lua_tolstring(L, -1, &size);
    if (!lullb_http_is_value(value, size))
        raise_header(L, bytes, "there are control characters in its value");
    if (!meet(L, met, bytes, name_size, value, size))
        return;
    add(writer, bytes, name_size);
    ADD(writer, ": ");
    add(writer, value, size);
    ADD(writer, "\r\n");
}

static void add_headers(lua_State *L, const struct writer *writer, struct met *met)
{
    int headers = met->reply->headers;
    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L);
    while (lua_next(L, headers) != 0) {
        int name = lua_gettop(L) - 1;
        size_t size = 0;
        const char *bytes =
            lua_type(L, name) == LUA_TSTRING ? lua_tolstring(L, name, &size) : "";
        if (!lullb_http_is_token(bytes, size))
            lullb_http_raise_value(L, name, "a response header has no proper name:");
        if (lua_type(L, -1) == LUA_TTABLE) {
            lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
            for (lua_Integer i = 1; i <= count; i++) {
                lua_rawgeti(L, name + 1, i);
                add_header(L, writer, met, name);
                lua_pop(L, 1);
            }
        } else {
            add_header(L, writer, met, name);
        }
        lua_settop(L, name);
    }
}

/* ---- what the server adds --------------------------------------------------------------- */

/*
 * Whether another request can follow.  What is unread of this one is in the way; and
 * behind CONNECT may be bytes for a tunnel, which are no requests.
 */
static bool must_close(struct lullb_http_conn *conn)
{
    const char *bytes;
    const struct lullb_http_server *server = conn->server;
    if (!conn->keep_alive || server->draining || conn->requests >= server->max_requests ||
        conn->parser.stage == LULLB_HTTP_REFUSED || conn->is_connect)
        return true;
    if (!lullb_http_in_body(&conn->parser) || lullb_http_skip_body(conn))
        return false;
    if (conn->must_continue && lull_stream_peek(conn->stream, &bytes) == 0)
        return true;
    return conn->parser.stage != LULLB_HTTP_IN_LENGTH ||
           conn->parser.left > LULLB_HTTP_SKIP;
}

/* How long the body is, and how its end is told (RFC 9112, 6). */
static void decide_length(lua_State *L, const struct lullb_http_conn *conn,
                          struct lullb_http_reply *reply)
{
    bool never = reply->status == 204 || reply->status == 304;
    reply->is_bodiless = never || reply->status == 205 || conn->is_head;
    if (reply->status == 204 || reply->content == LULLB_HTTP_SWITCH) {
        reply->has_length = false;
    } else if (reply->status == 205) {
        reply->has_length = true;
        reply->length = 0;
    } else if (reply->content == LULLB_HTTP_WHOLE) {
        bool differs = reply->has_length && reply->length != reply->size;
        if (differs && (!reply->is_bodiless || reply->size > 0))
            raise_header(L, "content-length", "the body has another length");
        if (!reply->has_length && reply->status != 304)
            reply->length = reply->size;
        reply->has_length = reply->has_length || reply->status != 304;
    } else if (!reply->has_length && !never) {
        reply->chunked = conn->minor == 1;
        if (conn->minor == 0)
            reply->close = true; /* the end of the connection is that of the body */
    }
}

void lullb_http_make_head(lua_State *L, struct lullb_http_conn *conn,
                          struct lullb_http_reply *reply)
{
    struct lullb_http_server *server = conn->server;
    struct writer writer = {.L = L, .server = server};
    struct met met = {.reply = reply};
    server->out.from = server->out.to = 0; /* of one that failed */
    add_status(&writer, reply->status);
    if (reply->headers != 0)
        add_headers(L, &writer, &met);
    if (reply->content != LULLB_HTTP_SWITCH && must_close(conn))
        reply->close = true;
    decide_length(L, conn, reply);
    if (!met.has_date)
        add_date(&writer);
    if (server->name[0] != '\0' && !met.has_server)
        add_text(&writer, server->name);
    if (reply->type != NULL && !met.has_type) {
        ADD(&writer, "Content-Type: ");
        add_text(&writer, reply->type);
        ADD(&writer, "\r\n");
    }
    if (reply->has_length) {
        ADD(&writer, "Content-Length: ");
        add_number(&writer, reply->length);
        ADD(&writer, "\r\n");
    } else if (reply->chunked) {
        ADD(&writer, "Transfer-Encoding: chunked\r\n");
    }
    if (reply->close)
        ADD(&writer, "Connection: close\r\n");
    else if (conn->minor == 0 && reply->content != LULLB_HTTP_SWITCH)
        ADD(&writer, "Connection: keep-alive\r\n");
    ADD(&writer, "\r\n");
}

void lullb_http_make_end(lua_State *L, struct lullb_http_conn *conn, int index)
{
    struct writer writer = {.L = L, .server = conn->server};
    struct lullb_http_reply reply = {.headers = index};
    struct met met = {.reply = &reply};
    conn->server->out.from = conn->server->out.to = 0;
    ADD(&writer, "0\r\n");
    if (index != 0)
        add_headers(L, &writer, &met);
    if (reply.has_length || reply.close)
        lullb_raise(L, LULL_KIND_USAGE, OP_NAME,
                    "a trailer comes too late for what it says");
    ADD(&writer, "\r\n");
}

/* ---- without a request --------------------------------------------------------------------- */

void lullb_http_answer_bad(struct lullb_http_conn *conn, int status, const char *reason)
{
    struct lullb_http_server *server = conn->server;
    struct writer writer = {.server = server};
    char body[160];
    int size = snprintf(body, sizeof body, "%d %s: %s\n", status,
                        lullb_http_reason(status), reason);
    server->out.from = server->out.to = 0;
    add_status(&writer, status);
    add_date(&writer);
    if (server->name[0] != '\0')
        add_text(&writer, server->name);
    ADD(&writer, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: ");
    add_number(&writer, (uint64_t)size);
    ADD(&writer, "\r\nConnection: close\r\n\r\n");
    add(&writer, body, (size_t)size);
    struct iovec part = {.iov_base = (void *)lullb_buffer_bytes(&server->out),
                         .iov_len = lullb_buffer_size(&server->out)};
    conn->status = status;
    conn->sent = (uint64_t)size;
    conn->over = true;
    lullb_http_put(conn, &part, 1);
}
