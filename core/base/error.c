/* SPDX-License-Identifier: MIT */
/*
 * error.c -- making and reading error objects.
 */
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

static const char error_key = 'e'; /* the metatable, in the registry */

static const char *const kind_names[] = {
    [LULL_KIND_NONE] = "",
    [LULL_KIND_CANCELLED] = "cancelled",
    [LULL_KIND_TIMEOUT] = "timeout",
    [LULL_KIND_CLOSED] = "closed",
    [LULL_KIND_EOF] = "eof",
    [LULL_KIND_LIMIT] = "limit",
    [LULL_KIND_BUSY] = "busy",
    [LULL_KIND_USAGE] = "usage",
    [LULL_KIND_IO] = "io",
    [LULL_KIND_DNS] = "dns",
    [LULL_KIND_MEMORY] = "memory",
    [LULL_KIND_DEADLOCK] = "deadlock",
    [LULL_KIND_PERMISSION] = "permission",
    [LULL_KIND_TLS] = "tls",
    [LULL_KIND_HTTP] = "http",
    [LULL_KIND_JSON] = "json",
    [LULL_KIND_SQL] = "sql",
    [LULL_KIND_PROCESS] = "process",
};

const char *lull_kind_name(enum lull_kind kind)
{
    return kind_names[kind];
}

/* Push field `name` of the error object at 1 if it is a string; else nothing. */
static const char *string_field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, 1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    lua_pop(L, 1);
    return NULL;
}

/* __tostring: "kind: op: message (CODE)", on one line. */
static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const char *kind = string_field(L, "kind");
    const char *op = string_field(L, "op");
    const char *message = string_field(L, "message");
    const char *code = string_field(L, "code");
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addstring(&text, kind != NULL ? kind : "error");
    if (op != NULL) {
        luaL_addstring(&text, ": ");
        luaL_addstring(&text, op);
    }
    if (message != NULL) {
        luaL_addstring(&text, ": ");
        for (const char *p = message; *p != '\0'; p++)
            luaL_addchar(&text, *p == '\n' || *p == '\r' ? ' ' : *p);
    }
    if (code != NULL) {
        luaL_addstring(&text, " (");
        luaL_addstring(&text, code);
        luaL_addchar(&text, ')');
    }
    luaL_pushresult(&text);
    return 1;
}

void lull__error_init(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushliteral(L, "lull.error");
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "lull.error");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
}

bool lull__is_error(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* Push {kind, message} from the two strings on top, with the metatable. */
static void push_object(lua_State *L)
{
    lua_createtable(L, 0, 4);
    lua_insert(L, -3);
    lua_setfield(L, -3, "message");
    lua_setfield(L, -2, "kind");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    lua_setmetatable(L, -2);
}

static void push_error_v(lua_State *L, enum lull_kind kind, const char *format,
                         va_list args)
{
    luaL_checkstack(L, 6, "error object");
    lua_pushstring(L, lull_kind_name(kind));
    lua_pushvfstring(L, format, args);
    push_object(L);
}

void lull_push_error(lua_State *L, enum lull_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    push_error_v(L, kind, format, args);
    va_end(args);
}

int lull_raise(lua_State *L, enum lull_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    push_error_v(L, kind, format, args);
    va_end(args);
    return lua_error(L);
}

void lull__push_errno_name(lua_State *L, int errnum)
{
    const char *name = strerrorname_np(errnum);
    if (name != NULL)
        lua_pushstring(L, name);
    else
        lua_pushfstring(L, "E%d", errnum);
}

void lull_error_detail(lua_State *L, const char *op, int errnum)
{
    if (op != NULL) {
        lua_pushstring(L, op);
        lua_setfield(L, -2, "op");
    }
    if (errnum != 0) {
        lull__push_errno_name(L, errnum);
        lua_setfield(L, -2, "code");
    }
}

void lull__push_error_text(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    int type = lua_type(L, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        lua_tostring(L, -1);
    } else if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pop(L, 1);
        luaL_tolstring(L, index, NULL);
    } else {
        lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
    }
}

int lull__l_is_error(lua_State *L)
{
    luaL_checkany(L, 1);
    bool named = !lua_isnoneornil(L, 2);
    if (named)
        luaL_checkstring(L, 2);
    if (!lull__is_error(L, 1)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (named) {
        lua_pushliteral(L, "kind");
        lua_rawget(L, 1);
        lua_pushboolean(L, lua_rawequal(L, -1, 2));
    } else {
        lua_pushboolean(L, 1);
    }
    return 1;
}

int lull__l_new_error(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    if (!lua_isnoneornil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    push_object(L);
    if (lua_istable(L, 3)) {
        lua_pushnil(L);
        while (lua_next(L, 3) != 0) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, 4);
        }
        /* the two that make it what it is are not for overriding */
        lua_pushvalue(L, 1);
        lua_setfield(L, 4, "kind");
        lua_pushvalue(L, 2);
        lua_setfield(L, 4, "message");
    }
    return 1;
}
