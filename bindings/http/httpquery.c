/* SPDX-License-Identifier: MIT */
/*
 * httpquery.c -- the query of a request, decoded: what lull.http.form does, for what
 * many requests have and most of them short.
 */
#include "http/httpconn.h"

#include <string.h>

#define MAX_FIELDS 1000

static int hex_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A percent sign without two digits is itself (WHATWG URL, 5.1). */
static size_t unescape(const char *bytes, size_t size, char *out)
{
    size_t to = 0;
    for (size_t i = 0; i < size; i++) {
        char byte = bytes[i] == '+' ? ' ' : bytes[i];
        if (byte == '%' && size - i > 2 && hex_of(bytes[i + 1]) >= 0 &&
            hex_of(bytes[i + 2]) >= 0) {
            byte = (char)(hex_of(bytes[i + 1]) * 16 + hex_of(bytes[i + 2]));
            i += 2;
        }
        out[to++] = byte;
    }
    return to;
}

static void push_unescaped(lua_State *L, const char *bytes, size_t size)
{
    if (size == 0 ||
        (memchr(bytes, '%', size) == NULL && memchr(bytes, '+', size) == NULL)) {
        lua_pushlstring(L, bytes, size);
        return;
    }
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, size);
    luaL_pushresultsize(&buffer, unescape(bytes, size, room));
}

/* Add name=value to the table on top, unless the name is there. */
static void add_field(lua_State *L, const char *bytes, size_t size)
{
    const char *equals = memchr(bytes, '=', size);
    size_t name = equals != NULL ? (size_t)(equals - bytes) : size;
    push_unescaped(L, bytes, name);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) {
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    if (equals != NULL)
        push_unescaped(L, equals + 1, size - name - 1);
    else
        lua_pushliteral(L, "");
    lua_rawset(L, -3);
}

/* query(text) -> the first value of each name | nil: there are too many fields */
int lullb_l_http_query(lua_State *L)
{
    size_t size;
    int count = 0;
    const char *bytes = luaL_checklstring(L, 1, &size);
    const char *end = bytes + size;
    lua_newtable(L);
    while (bytes < end) {
        const char *mark = memchr(bytes, '&', (size_t)(end - bytes));
        const char *next = mark != NULL ? mark : end;
        if (next > bytes && ++count > MAX_FIELDS)
            return 0;
        if (next > bytes)
            add_field(L, bytes, (size_t)(next - bytes));
        bytes = next + 1;
    }
    return 1;
}
