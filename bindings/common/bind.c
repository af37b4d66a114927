/* SPDX-License-Identifier: MIT */
/*
 * bind.c -- objects, errors and options.
 */
#include "common/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

void *lullb_push_object(lua_State *L, size_t size, const void *tag)
{
    struct lullb_object *object = (struct lullb_object *)lua_newuserdatauv(L, size, 0);
    memset(object, 0, size);
    object->tag = tag;
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    return object;
}

int lullb_raise_io(lua_State *L, const char *op, int errnum, const char *what)
{
    luaL_checkstack(L, 8, NULL);
    if (what != NULL)
        lull_push_error(L, LULL_KIND_IO, "%s: %s", what, strerror(errnum));
    else
        lull_push_error(L, LULL_KIND_IO, "%s", strerror(errnum));
    lull_error_detail(L, op, errnum);
    return lua_error(L);
}

int lullb_raise(lua_State *L, enum lull_kind kind, const char *op, const char *message)
{
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, kind, "%s", message);
    lull_error_detail(L, op, 0);
    return lua_error(L);
}

int lullb_raise_memory(lua_State *L, const char *op)
{
    return lullb_raise(L, LULL_KIND_MEMORY, op, "not enough memory");
}

int lullb_raise_refused(lua_State *L, const char *op, int errnum)
{
    if (errnum != EDQUOT)
        return lullb_raise_memory(L, op);
    return lullb_raise(L, LULL_KIND_LIMIT, op,
                       "that would be more bytes than may be buffered");
}

void lullb_check_readable(lua_State *L, const char *op, const char *path)
{
    int denied;
    if (path == NULL)
        return;
    int fd = lull_policy_open(lull_policy_of(L), path, O_RDONLY | O_NONBLOCK, 0, &denied);
    if (fd < 0 && denied >= 0) /* this one raises it, and tells the host */
        fd = lull_open_file(L, op, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd >= 0)
        close(fd);
}

double lullb_check_seconds(lua_State *L, int index, const char *name)
{
    if (name != NULL)
        lua_getfield(L, index, name);
    else
        lua_pushvalue(L, index);
    int is_number = 1;
    double seconds =
        lua_isnil(L, -1) ? (double)INFINITY : lua_tonumberx(L, -1, &is_number);
    lua_pop(L, 1);
    if (!is_number || !(seconds >= 0)) {
        const char *text =
            lua_pushfstring(L, "%s%smust be a number of seconds >= 0",
                            name != NULL ? name : "", name != NULL ? " " : "");
        luaL_argerror(L, index, text);
    }
    return seconds;
}

size_t lullb_check_size_field(lua_State *L, int index, const char *name, size_t otherwise)
{
    int is_integer = 1;
    lua_Integer value = 1;
    bool given = lua_getfield(L, index, name) != LUA_TNIL;
    if (given)
        value = lua_tointegerx(L, -1, &is_integer);
    lua_pop(L, 1);
    if (!is_integer || value < 1)
        luaL_argerror(L, index,
                      lua_pushfstring(L, "%s must be a positive integer", name));
    return given ? (size_t)value : otherwise;
}
