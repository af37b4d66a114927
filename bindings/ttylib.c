/* SPDX-License-Identifier: MIT */
/*
 * ttylib.c -- Lua module "lull.tty.native": what the prompt and lull.term ask of a terminal.
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
#include <sys/ioctl.h>
#include <termios.h>
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

/* size(fd) -> columns, rows; nothing when it is no terminal, or does not say */
static int l_size(lua_State *L)
{
    struct winsize size;
    if (ioctl(check_fd(L), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 0;
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
}

/*
 * set_echo(fd, on) -> was it on; nothing when it is no terminal.  The setting belongs to the
 * terminal and outlives the process: whoever turns it off turns it on again.
 */
static int l_set_echo(lua_State *L)
{
    struct termios mode;
    int fd = check_fd(L);
    if (tcgetattr(fd, &mode) != 0)
        return 0;
    lua_pushboolean(L, (mode.c_lflag & ECHO) != 0);
    if (lua_toboolean(L, 2))
        mode.c_lflag |= ECHO;
    else
        mode.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(fd, TCSANOW, &mode) == 0 ? 1 : 0;
}

static const struct luaL_Reg functions[] = {
    {"is_terminal", l_is_terminal},
    {"open_input", l_open_input},
    {"read", l_read},
    {"set_echo", l_set_echo},
    {"size", l_size},
    {NULL, NULL},
};

int luaopen_lull_tty_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
