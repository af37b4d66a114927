/* SPDX-License-Identifier: MIT */
/*
 * ttylib.c -- Lua module "lull.tty.native": what the prompt asks of a terminal.
 *
 * A terminal is read through a description of its own: O_NONBLOCK on the one
 * we were given would reach every process that shares it.  And to ask whether
 * there is input, then read, is not enough: Ctrl-C drops input at any moment,
 * and the read would block.
 */
#include "lull_ext.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define LINE_SIZE 4096 /* a terminal in its usual mode has no longer lines */

int luaopen_lull_tty_native(lua_State *L);

/* A descriptor; the terminal is the user's, and only those may who may everything. */
static int check_fd(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_ALL, "tty", NULL);
    lua_Integer fd = luaL_checkinteger(L, 1);
    luaL_argcheck(L, fd >= 0 && fd <= INT_MAX, 1, "not a descriptor");
    return (int)fd;
}

/* is_terminal(fd) -> boolean */
static int l_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(check_fd(L)));
    return 1;
}

/*
 * open_input(fd) -> a descriptor for reading the terminal `fd`, for as long as
 * the process lives; `fd` itself where the terminal may not be opened again
 * (under su, it belongs to somebody else)
 */
static int l_open_input(lua_State *L)
{
    char path[PATH_MAX];
    int fd = check_fd(L);
    int own = -1;
    if (ttyname_r(fd, path, sizeof path) == 0)
        own = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    lua_pushinteger(L, own >= 0 ? own : fd);
    return 1;
}

/* read(fd) -> what there is, at most a line; false: nothing yet; nil: the end */
static int l_read(lua_State *L)
{
    char bytes[LINE_SIZE];
    struct pollfd item = {.fd = check_fd(L), .events = POLLIN};
    ssize_t count = -1;
    errno = EAGAIN;
    if (poll(&item, 1, 0) != 0)
        count = read(item.fd, bytes, sizeof bytes);
    if (count > 0)
        lua_pushlstring(L, bytes, (size_t)count);
    else if (count < 0 && (errno == EAGAIN || errno == EINTR))
        lua_pushboolean(L, 0);
    else
        lua_pushnil(L);
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"is_terminal", l_is_terminal},
    {"open_input", l_open_input},
    {"read", l_read},
    {NULL, NULL},
};

int luaopen_lull_tty_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
