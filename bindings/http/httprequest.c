/* SPDX-License-Identifier: MIT */
/*
 * httprequest.c -- a request as scripts see it.
 *
 * A userdata with a copy of the head in it.  What a field's value is, is found
 * when it is asked for.  User value 1 is a table, made when needed: what scripts
 * have assigned, which wins, and what was costly to make.  The others are the
 * connection, and the body and the trailers once they have been read.
 */
#include "http/httpconn.h"

#include <string.h>

struct lullb_http_request {
    const void *tag;
    struct lullb_http_conn *conn; /* NULL: it is answered */
    struct lullb_http_head head;
    uint64_t number;
    unsigned fields;
    struct lullb_http_field list[]; /* and then the bytes of the head */
};

enum { OWN_VALUE = 1, CONN_VALUE, BODY_VALUE, TRAILERS_VALUE };

enum field {
    METHOD = 1,
    TARGET,
    PATH,
    HOST,
    VERSION,
    QUERY_STRING,
    HEADERS,
    ID,
    MAX_BODY,
    CLOSED
};

static const char request_tag = 'q';
static const char class_key = 'q';   /* of the metatable, in the registry */
static const char headers_key = 'h'; /* of the metatable of headers */

static struct lullb_http_request *check_request(lua_State *L, int index)
{
    struct lullb_http_request *request = lua_touserdata(L, index);
    if (request == NULL || lua_rawlen(L, index) < sizeof *request ||
        request->tag != &request_tag)
        luaL_typeerror(L, index, "request");
    return request;
}

static const char *bytes_of(const struct lullb_http_request *request)
{
    return (const char *)(request->list + request->fields);
}

/* ---- birth and end ------------------------------------------------------------ */

void lullb_http_push_request(lua_State *L, struct lullb_http_conn *conn, int index,
                             const char *base)
{
    const struct lullb_http_head *head = &conn->server->head;
    const struct lullb_http_fields *fields = &conn->server->fields;
    size_t list = fields->count * sizeof fields->list[0];
    struct lullb_http_request *request =
        lua_newuserdatauv(L, sizeof *request + list + head->size, 4);
    request->tag = &request_tag;
    request->conn = conn;
    request->head = *head;
    request->number = ++conn->server->requests;
    request->fields = fields->count;
    memcpy(request->list, fields->list, list);
    memcpy((char *)request->list + list, base, head->size);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, CONN_VALUE);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, LULLB_HTTP_REQUEST_VALUE);
    conn->request = request;
    conn->keep_alive = head->keep_alive;
    conn->minor = head->minor;
    conn->is_head = head->is_head;
    conn->is_connect = head->is_connect;
}

void lullb_http_detach_request(struct lullb_http_request *request)
{
    request->conn = NULL;
}

struct lullb_http_conn *lullb_http_push_conn(lua_State *L, int index, const char *op)
{
    struct lullb_http_request *request = check_request(L, index);
    if (request->conn == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, op, "the request has been answered");
    lua_getiuservalue(L, index, CONN_VALUE);
    return request->conn;
}

int lullb_l_http_connection_of(lua_State *L)
{
    lullb_http_push_conn(L, 1, luaL_optstring(L, 2, "http.request"));
    return 1;
}

int lullb_l_http_stream_of(lua_State *L)
{
    check_request(L, 1);
    lua_getiuservalue(L, 1, CONN_VALUE);
    lua_getiuservalue(L, -1, LULLB_HTTP_STREAM_VALUE);
    return 1;
}

/* ---- headers ----------------------------------------------------------------------- */

/* Push the bytes in lower case. */
static void push_lower(lua_State *L, const char *bytes, size_t size)
{
    char small[64];
    luaL_Buffer buffer;
    char *room = size <= sizeof small ? small : luaL_buffinitsize(L, &buffer, size);
    for (size_t i = 0; i < size; i++)
        room[i] = (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i]);
    if (room == small)
        lua_pushlstring(L, small, size);
    else
        luaL_pushresultsize(&buffer, size);
}

/* Join the value on top to what the table below has under this name, if it has. */
static void add_header(lua_State *L, int headers)
{
    lua_pushvalue(L, -2);
    if (lua_rawget(L, headers) == LUA_TNIL) {
        lua_pop(L, 1);
    } else { /* name, value, value before */
        size_t size;
        const char *name = lua_tolstring(L, -3, &size);
        lua_pushstring(L, size == 6 && memcmp(name, "cookie", 6) == 0 ? "; " : ", ");
        lua_rotate(L, -3, -1);
        lua_concat(L, 3);
    }
    lua_rawset(L, headers);
}

/* Push a table of fields; names in lower case. */
static void push_table(lua_State *L, const char *bytes,
                       const struct lullb_http_field *list, unsigned count)
{
    lua_createtable(L, 0, (int)count);
    int headers = lua_gettop(L);
    for (unsigned i = 0; i < count; i++) {
        const struct lullb_http_field *field = &list[i];
        push_lower(L, bytes + field->name.at, field->name.size);
        lua_pushlstring(L, bytes + field->value.at, field->value.size);
        add_header(L, headers);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &headers_key);
    lua_setmetatable(L, headers);
}

/* __index of headers: names in any case. */
static int headers_index(lua_State *L)
{
    size_t size;
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    const char *name = lua_tolstring(L, 2, &size);
    push_lower(L, name, size);
    lua_rawget(L, 1);
    return 1;
}

/* ---- what was read of the body ------------------------------------------------------ */

void lullb_http_keep_body(lua_State *L, int index)
{
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, BODY_VALUE);
}

bool lullb_http_push_body(lua_State *L, int index)
{
    check_request(L, index);
    return lua_getiuservalue(L, index, BODY_VALUE) == LUA_TSTRING;
}

void lullb_http_keep_trailers(lua_State *L, int index, const char *base,
                              const struct lullb_http_fields *trailers)
{
    push_table(L, base, trailers->list, trailers->count);
    lua_setiuservalue(L, index, TRAILERS_VALUE);
}

/* request:trailers() -> table as headers; empty until the body has been read */
static int m_trailers(lua_State *L)
{
    check_request(L, 1);
    if (lua_getiuservalue(L, 1, TRAILERS_VALUE) != LUA_TTABLE)
        push_table(L, NULL, NULL, 0);
    return 1;
}

/* ---- single headers ------------------------------------------------------------------- */

static bool has_name(const struct lullb_http_request *request,
                     const struct lullb_http_field *field, const char *lower, size_t size)
{
    return field->name.size == size &&
           lullb_http_is_name(bytes_of(request) + field->name.at, size, lower);
}

static const char *check_name(lua_State *L, int index, size_t *size)
{
    const char *name = luaL_checklstring(L, index, size);
    push_lower(L, name, *size);
    return lua_tostring(L, -1);
}

/* request:header(name) -> value | nil; several are joined */
static int m_header(lua_State *L)
{
    size_t size;
    const struct lullb_http_request *request = check_request(L, 1);
    const char *lower = check_name(L, 2, &size);
    int found = 0;
    for (unsigned i = 0; i < request->fields; i++) {
        const struct lullb_http_field *field = &request->list[i];
        if (!has_name(request, field, lower, size))
            continue;
        if (found++ > 0)
            lua_pushstring(L, strcmp(lower, "cookie") == 0 ? "; " : ", ");
        lua_pushlstring(L, bytes_of(request) + field->value.at, field->value.size);
        if (found > 1)
            lua_concat(L, 3);
    }
    return found > 0 ? 1 : 0;
}

/* request:header_all(name) -> list of values */
static int m_header_all(lua_State *L)
{
    size_t size;
    lua_Integer found = 0;
    const struct lullb_http_request *request = check_request(L, 1);
    const char *lower = check_name(L, 2, &size);
    lua_newtable(L);
    for (unsigned i = 0; i < request->fields; i++) {
        const struct lullb_http_field *field = &request->list[i];
        if (!has_name(request, field, lower, size))
            continue;
        lua_pushlstring(L, bytes_of(request) + field->value.at, field->value.size);
        lua_rawseti(L, -2, ++found);
    }
    return 1;
}

/* ---- fields ---------------------------------------------------------------------------- */

static void push_span(lua_State *L, const struct lullb_http_request *request,
                      struct lullb_http_span span)
{
    lua_pushlstring(L, bytes_of(request) + span.at, span.size);
}

static void push_path(lua_State *L, const struct lullb_http_request *request)
{
    struct lullb_http_span span = request->head.path;
    const char *path = bytes_of(request) + span.at;
    if (lullb_http_path_is_plain(path, span.size)) {
        push_span(L, request, span);
        return;
    }
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, span.size);
    luaL_pushresultsize(&buffer, lullb_http_decode_path(path, span.size, room));
}

static void push_id(lua_State *L, int index, const struct lullb_http_request *request)
{
    lua_getiuservalue(L, index, CONN_VALUE);
    struct lullb_http_conn *conn = lullb_check_http_conn(L, -1);
    lua_pushfstring(L, "%s-%I", conn->server->prefix, (LUAI_UACINT)request->number);
    lua_remove(L, -2);
}

static void push_closed(lua_State *L, const struct lullb_http_request *request)
{
    const struct lullb_http_conn *conn = request->conn;
    lua_pushboolean(L, conn == NULL || conn->broken ||
                           !lull_stream_is_open(conn->stream) ||
                           lull_stream_write_error(conn->stream) != 0);
}

/* Push the value of a field that is made here; true: it is to be kept. */
static bool push_field(lua_State *L, const struct lullb_http_request *request,
                       enum field field)
{
    switch (field) {
    case METHOD:
        push_span(L, request, request->head.method);
        return false;
    case TARGET:
        push_span(L, request, request->head.target);
        return false;
    case PATH:
        push_path(L, request);
        return false;
    case HOST:
        if (request->head.host.size > 0)
            push_span(L, request, request->head.host);
        else
            lua_pushnil(L);
        return false;
    case VERSION:
        lua_pushstring(L, request->head.minor == 1 ? "1.1" : "1.0");
        return false;
    case QUERY_STRING:
        push_span(L, request, request->head.query);
        return false;
    case HEADERS:
        push_table(L, bytes_of(request), request->list, request->fields);
        return true;
    case ID:
        push_id(L, 1, request);
        return true;
    case MAX_BODY:
        lua_pushinteger(L,
                        request->conn != NULL ? (lua_Integer)request->conn->max_body : 0);
        return false;
    case CLOSED:
        push_closed(L, request);
        return false;
    }
    lua_pushnil(L);
    return false;
}

/* Keep the value on top under the key at index 2. */
static void keep_value(lua_State *L)
{
    if (lua_getiuservalue(L, 1, OWN_VALUE) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, OWN_VALUE);
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* __index; upvalue 2: methods and numbers of fields, 3: what makes fields */
static int m_index(lua_State *L)
{
    const struct lullb_http_request *request = check_request(L, 1);
    lua_settop(L, 2);
    if (lua_getiuservalue(L, 1, OWN_VALUE) == LUA_TTABLE) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, -2) != LUA_TNIL)
            return 1;
    }
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    int type = lua_rawget(L, lua_upvalueindex(2));
    if (type == LUA_TNUMBER) {
        enum field field = (enum field)lua_tointeger(L, -1);
        if (push_field(L, request, field))
            keep_value(L);
        return 1;
    }
    if (type != LUA_TNIL)
        return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(3)) != LUA_TTABLE)
        return 1;
    lua_rawgeti(L, -1, 1);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    keep_value(L);
    return 1;
}

/* __newindex: for middleware, and for what a router finds */
static int m_newindex(lua_State *L)
{
    check_request(L, 1);
    lua_settop(L, 3);
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "a field needs a name");
    keep_value(L);
    return 0;
}

static int m_tostring(lua_State *L)
{
    const struct lullb_http_request *request = check_request(L, 1);
    push_span(L, request, request->head.method);
    push_span(L, request, request->head.target);
    lua_pushfstring(L, "request (%s %s)", lua_tostring(L, -2), lua_tostring(L, -1));
    return 1;
}

/* ---- the class ---------------------------------------------------------------------------- */

static const struct luaL_Reg methods[] = {
    {"header", m_header},
    {"header_all", m_header_all},
    {"trailers", m_trailers},
    {NULL, NULL},
};

static const struct {
    const char *name;
    enum field field;
} fields[] = {
    {"closed", CLOSED},   {"headers", HEADERS},           {"host", HOST},
    {"id", ID},           {"max_body", MAX_BODY},         {"method", METHOD},
    {"path", PATH},       {"query_string", QUERY_STRING}, {"target", TARGET},
    {"version", VERSION},
};

static void push_closure(lua_State *L, struct lull_runtime *rt, lua_CFunction function,
                         int first)
{
    lua_pushlightuserdata(L, rt);
    lua_pushvalue(L, first);
    lua_pushvalue(L, first + 1);
    lua_pushcclosure(L, function, 3);
}

int lullb_push_http_request_class(lua_State *L, struct lull_runtime *rt)
{
    lua_newtable(L);
    int first = lua_gettop(L);
    lull_set_functions(L, rt, methods);
    lull_set_functions(L, rt, lullb_http_body_methods);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        lua_pushinteger(L, fields[i].field);
        lua_setfield(L, first, fields[i].name);
    }
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "lull.http.server.Request");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "lull.http.server.Request");
    lua_setfield(L, -2, "__metatable");
    push_closure(L, rt, m_index, first);
    lua_setfield(L, -2, "__index");
    push_closure(L, rt, m_newindex, first);
    lua_setfield(L, -2, "__newindex");
    push_closure(L, rt, m_tostring, first);
    lua_setfield(L, -2, "__tostring");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, rt);
    lua_pushcclosure(L, headers_index, 1);
    lua_setfield(L, -2, "__index");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &headers_key);
    return 2;
}
