/* SPDX-License-Identifier: MIT */
/*
 * httpdoor.c -- the parser, asked from Lua: for tests and for the curious.
 *
 *   native.parse(bytes, opts?) -> verdict, bytes used
 *
 * `verdict` is a list of requests, each a table of what its head says, with
 * `body` and `trailers`; and how it went on behind them: verdict.state is
 * "done" (nothing is left), "more" (the next one is not complete) or "bad", with
 * verdict.status and verdict.reason.  opts are the limits, and `step`: how
 * many bytes arrive at a time (all).
 */
#include "http/httpdoor.h"

#include "common/bind.h"
#include "http/httpparse.h"

#include <string.h>

struct door {
    struct lullb_http_limits limits;
    struct lullb_http_parser parser;
    struct lullb_http_head head;
    struct lullb_http_fields fields;
    const char *bytes;
    size_t size; /* that have arrived */
    size_t used;
};

static void set_span(lua_State *L, const char *base, struct lullb_http_span span,
                     const char *name)
{
    lua_pushlstring(L, base + span.at, span.size);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, bool value, const char *name)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

/* A list of {name, value}. */
static void set_fields(lua_State *L, const char *base,
                       const struct lullb_http_fields *fields, const char *name)
{
    lua_createtable(L, (int)fields->count, 0);
    for (unsigned i = 0; i < fields->count; i++) {
        const struct lullb_http_field *field = &fields->list[i];
        lua_createtable(L, 2, 0);
        lua_pushlstring(L, base + field->name.at, field->name.size);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, base + field->value.at, field->value.size);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static void push_path(lua_State *L, const char *base, struct lullb_http_span path)
{
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, path.size + 1);
    luaL_pushresultsize(&buffer, lullb_http_decode_path(base + path.at, path.size, room));
}

static void push_head(lua_State *L, const struct door *door)
{
    const struct lullb_http_head *head = &door->head;
    const char *base = door->bytes + door->used + head->skipped;
    lua_createtable(L, 0, 16);
    set_span(L, base, head->method, "method");
    set_span(L, base, head->target, "target");
    set_span(L, base, head->host, "host");
    set_span(L, base, head->query, "query");
    push_path(L, base, head->path);
    lua_setfield(L, -2, "path");
    lua_pushfstring(L, "1.%d", head->minor);
    lua_setfield(L, -2, "version");
    if (head->has_length) {
        lua_pushinteger(L, (lua_Integer)head->length);
        lua_setfield(L, -2, "length");
    }
    set_flag(L, head->chunked, "chunked");
    set_flag(L, head->keep_alive, "keep_alive");
    set_flag(L, head->upgrade, "upgrade");
    set_flag(L, head->expect == LULLB_HTTP_EXPECT_CONTINUE, "expects_continue");
    set_fields(L, base, &door->fields, "headers");
}

/* Read a head; the request is pushed when it is there. */
static enum lullb_http_verdict read_head(lua_State *L, struct door *door)
{
    enum lullb_http_verdict verdict =
        lullb_http_parse_head(&door->parser, door->bytes + door->used,
                              door->size - door->used, &door->head, &door->fields);
    if (verdict == LULLB_HTTP_DONE) {
        push_head(L, door);
        lua_newtable(L); /* pieces of its body */
        door->used += door->head.skipped + door->head.size;
    }
    return verdict;
}

/* Read what there is of the body of the request on top. */
static enum lullb_http_verdict read_body(lua_State *L, struct door *door)
{
    for (;;) {
        struct lullb_http_piece piece;
        enum lullb_http_verdict verdict = lullb_http_parse_body(
            &door->parser, door->bytes + door->used, door->size - door->used, SIZE_MAX,
            &piece, &door->fields);
        door->used += piece.used;
        if (verdict == LULLB_HTTP_DONE) {
            lua_pushvalue(L, -2);
            set_fields(L, piece.trailers, &door->fields, "trailers");
            lua_pop(L, 1);
        }
        if (verdict != LULLB_HTTP_PIECE)
            return verdict;
        lua_pushlstring(L, piece.at, piece.size);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

/* The body is complete: join its pieces, and add the request to the list. */
static void finish_request(lua_State *L)
{
    luaL_Buffer buffer;
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    int pieces = lua_gettop(L);
    luaL_buffinit(L, &buffer);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, pieces, i);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    lua_setfield(L, -3, "body");
    lua_pop(L, 1);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* As far as it goes with what has arrived; `top`: of the stack between requests. */
static enum lullb_http_verdict read_on(lua_State *L, struct door *door, int top)
{
    for (;;) {
        enum lullb_http_verdict verdict =
            lua_gettop(L) == top ? read_head(L, door) : LULLB_HTTP_DONE;
        if (verdict == LULLB_HTTP_DONE)
            verdict = read_body(L, door);
        if (verdict != LULLB_HTTP_DONE)
            return verdict;
        finish_request(L);
    }
}

static void check_limits(lua_State *L, int index, struct lullb_http_limits *limits,
                         size_t *step)
{
    *limits = (struct lullb_http_limits){8192, 65536, 100};
    if (lua_isnoneornil(L, index))
        return;
    limits->max_line = lullb_check_size_field(L, index, "max_line", limits->max_line);
    limits->max_head = lullb_check_size_field(L, index, "max_head", limits->max_head);
    size_t fields = lullb_check_size_field(L, index, "max_fields", limits->max_fields);
    luaL_argcheck(L, fields <= LULLB_HTTP_FIELDS, index, "max_fields is too large");
    luaL_argcheck(L, limits->max_head <= LULLB_HTTP_MAX_HEAD, index,
                  "max_head is too large");
    limits->max_fields = (unsigned)fields;
    *step = lullb_check_size_field(L, index, "step", *step);
}

int lullb_l_http_parse(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    size_t step = size;
    struct lullb_http_limits limits;
    check_limits(L, 2, &limits, &step);
    lua_settop(L, 2);
    struct door *door = lua_newuserdatauv(L, sizeof *door, 0);
    *door = (struct door){.limits = limits, .bytes = bytes};
    lullb_http_parser_init(&door->parser, &door->limits);
    lua_newtable(L);
    int top = lua_gettop(L);
    enum lullb_http_verdict verdict = LULLB_HTTP_MORE;
    while (verdict == LULLB_HTTP_MORE && door->size < size) {
        door->size = size - door->size > step ? door->size + step : size;
        verdict = read_on(L, door, top);
    }
    bool is_cut = lua_gettop(L) > top || door->used < size;
    lua_settop(L, top);
    lua_pushstring(L, verdict == LULLB_HTTP_BAD ? "bad" : is_cut ? "more" : "done");
    lua_setfield(L, -2, "state");
    if (verdict == LULLB_HTTP_BAD) {
        lua_pushinteger(L, door->parser.status);
        lua_setfield(L, -2, "status");
        lua_pushstring(L, door->parser.reason);
        lua_setfield(L, -2, "reason");
    }
    lua_pushinteger(L, (lua_Integer)door->used);
    return 2;
}
