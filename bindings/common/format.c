/* SPDX-License-Identifier: MIT */
/*
 * format.c -- formats and numbers as requests.
 */
#include "common/format.h"

#include "lull_ext.h"

#include <lauxlib.h>

#define MAX_FORMATS 250 /* as in Lua: they are upvalues of the iterator */

bool lullb_parse_format(lua_State *L, int index, struct lullb_read_bounds bounds,
                        struct lullb_request *request)
{
    *request = (struct lullb_request){.limit = bounds.line};
    if (lua_type(L, index) == LUA_TNUMBER) {
        int is_integer;
        lua_Integer count = lua_tointegerx(L, index, &is_integer);
        request->want = LULLB_WANT_COUNT;
        request->count = (size_t)count;
        return is_integer && count >= 0;
    }
    const char *format = lua_tostring(L, index);
    if (format != NULL && *format == '*')
        format++; /* as Lua: for compatibility */
    switch (format != NULL ? *format : '\0') {
    case 'l':
        request->want = LULLB_WANT_LINE;
        return true;
    case 'L':
        request->want = LULLB_WANT_LINE_KEEP;
        return true;
    case 'a':
        request->want = LULLB_WANT_ALL;
        request->limit = bounds.all;
        return true;
    default:
        return false;
    }
}

int lullb_check_formats(lua_State *L, struct lullb_read_bounds bounds)
{
    struct lullb_request request;
    if (lua_gettop(L) == 1)
        lua_pushliteral(L, "l");
    int top = lua_gettop(L);
    luaL_argcheck(L, top - 1 <= MAX_FORMATS, MAX_FORMATS + 2, "too many formats");
    for (int i = 2; i <= top; i++) {
        if (!lullb_parse_format(L, i, bounds, &request))
            luaL_argerror(L, i,
                          "invalid format: not \"l\", \"L\", \"a\" or a number of bytes");
    }
    luaL_checkstack(L, top + 8, "too many formats");
    return top - 1;
}

/* Upvalues of the iterator: 1 the runtime, 2 the object, 3 how many formats, then these. */
int lullb_push_lines(lua_State *L, struct lullb_read_bounds bounds, lua_CFunction next)
{
    int formats = lullb_check_formats(L, bounds);
    lua_pushlightuserdata(L, lull_runtime_of(L));
    lua_insert(L, 1);
    lua_pushinteger(L, formats);
    lua_insert(L, 3);
    lua_pushcclosure(L, next, formats + 3);
    return 1;
}

void *lullb_push_formats(lua_State *L, int *formats)
{
    *formats = (int)lua_tointeger(L, lua_upvalueindex(3));
    lua_settop(L, 0);
    luaL_checkstack(L, 2 * *formats + 8, "too many formats");
    for (int i = 0; i < *formats; i++)
        lua_pushvalue(L, lua_upvalueindex(4 + i));
    return lua_touserdata(L, lua_upvalueindex(2));
}

struct lullb_request lullb_check_some(lua_State *L, size_t usual)
{
    lua_Integer max = luaL_optinteger(L, 2, (lua_Integer)usual);
    luaL_argcheck(L, max > 0, 2, "must be positive");
    return (struct lullb_request){.want = LULLB_WANT_SOME, .count = (size_t)max};
}

struct lullb_request lullb_check_exact(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_argcheck(L, count >= 0, 2, "must not be negative");
    return (struct lullb_request){.want = LULLB_WANT_EXACT, .count = (size_t)count};
}

struct lullb_request lullb_check_until(lua_State *L, struct lullb_read_bounds bounds)
{
    struct lullb_request request = {.want = LULLB_WANT_UNTIL};
    request.separator = luaL_checklstring(L, 2, &request.separator_size);
    luaL_argcheck(L, request.separator_size > 0, 2, "must not be empty");
    lua_Integer limit = luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, lua_isnoneornil(L, 3) || limit > 0, 3, "must be positive");
    request.limit = limit > 0 ? (size_t)limit : bounds.line;
    return request;
}
