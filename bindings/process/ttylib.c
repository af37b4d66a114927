/* SPDX-License-Identifier: MIT */
/*
 * ttylib.c -- Lua module "lull.tty.native": what the prompt and lull.term ask of a terminal.
 *
 * A terminal is read through a description of its own: O_NONBLOCK on the one
 * we were given would reach every process that shares it.  And to ask whether
 * there is input, then read, is not enough: Ctrl-C drops input at any moment,
 * and the read would block.
 *
 * Raw mode is a handle: whatever ends it, the script, the collector or teardown,
 * puts the terminal back.
 */
#include "common/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define LINE_SIZE 4096 /* a terminal in its usual mode has no longer lines */

int luaopen_lull_tty_native(lua_State *L);

static const char raw_tag = 'r';

/* A terminal in raw mode. */
struct raw {
    struct lullb_object base;
    int fd;
    struct termios before;
};

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

/* Is there something to read, or the end, at this moment? */
static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, 0) > 0;
}

/*
 * read(fd, max?) -> what there is, up to the end of a line; false: nothing yet; nil: the end
 *
 * Byte by byte, also where the terminal is raw and has no lines: what was typed ahead of a
 * line's end is left for whoever that line makes read.
 */
static int l_read(lua_State *L)
{
    char bytes[LINE_SIZE];
    int fd = check_fd(L);
    lua_Integer max = luaL_optinteger(L, 2, LINE_SIZE);
    luaL_argcheck(L, max > 0, 2, "a positive number expected");
    size_t limit = max < LINE_SIZE ? (size_t)max : LINE_SIZE;
    bool may_block = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    size_t count = 0;
    ssize_t got = -1;
    errno = EAGAIN;
    while (count < limit && (!may_block || is_readable(fd))) {
        got = read(fd, &bytes[count], 1);
        if (got <= 0 || bytes[count++] == '\n')
            break;
        errno = EAGAIN;
        got = -1;
    }
    if (count > 0)
        lua_pushlstring(L, bytes, count);
    else if (got < 0 && (errno == EAGAIN || errno == EINTR))
        lua_pushboolean(L, 0);
    else
        lua_pushnil(L);
    return 1;
}

/* is_waiting(fd) -> boolean: has something been typed that is not read? */
static int l_is_waiting(lua_State *L)
{
    lua_pushboolean(L, is_readable(check_fd(L)));
    return 1;
}

/*
 * write(fd, text) -> boolean: was all of it written?  Waits for a terminal that takes
 * nothing, as stdio does, but also where the descriptor does not block.
 */
static int l_write(lua_State *L)
{
    size_t size;
    int fd = check_fd(L);
    const char *text = luaL_checklstring(L, 2, &size);
    while (size > 0) {
        ssize_t count = write(fd, text, size);
        if (count >= 0) {
            text += count;
            size -= (size_t)count;
        } else if (errno == EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLOUT};
            poll(&item, 1, -1);
        } else if (errno != EINTR) {
            break;
        }
    }
    lua_pushboolean(L, size == 0);
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

/* ---- raw mode ----------------------------------------------------------------------- */

/* A job in the background would be stopped by this, and the terminal is another's then. */
static bool is_foreground(int fd)
{
    pid_t front = tcgetpgrp(fd);
    return front < 0 || front == getpgrp();
}

static void close_raw(struct lull_handle *handle)
{
    struct raw *raw = (struct raw *)(void *)handle;
    while (is_foreground(raw->fd) && tcsetattr(raw->fd, TCSANOW, &raw->before) != 0 &&
           errno == EINTR)
        continue;
}

static const struct lull_handle_type raw_type = {
    .name = "tty.raw",
    .close = close_raw,
};

/*
 * Keys come at once and unseen, Ctrl-C and Ctrl-Z as bytes.  Enter stays a newline and
 * output is treated as ever, so that neither what was typed ahead nor what others print
 * depends on the mode.  Ctrl-\ still ends a program that does not react.
 */
static void make_raw(struct termios *mode)
{
    mode->c_iflag &= ~(tcflag_t)(BRKINT | INPCK | ISTRIP | INLCR | IGNCR | IXON);
    mode->c_iflag |= ICRNL;
    mode->c_cflag |= CS8;
    mode->c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
    mode->c_cc[VINTR] = mode->c_cc[VSUSP] = _POSIX_VDISABLE;
    mode->c_cc[VMIN] = 1;
    mode->c_cc[VTIME] = 0;
}

static struct raw *check_raw(lua_State *L)
{
    return lullb_check_object(L, 1, &raw_tag, "raw mode");
}

/* r:close() -> nothing; the terminal is as it was */
static int m_close(lua_State *L)
{
    lull_handle_close(&check_raw(L)->base.handle);
    return 0;
}

/* r:again() -> nothing; for after a stop, when others have changed the mode */
static int m_again(lua_State *L)
{
    struct raw *raw = check_raw(L);
    if (lull_handle_is_open(&raw->base.handle)) {
        struct termios mode = raw->before;
        make_raw(&mode);
        tcsetattr(raw->fd, TCSANOW, &mode);
    }
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"again", m_again},
    {"close", m_close},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

/*
 * raw(fd) -> the raw mode of the terminal, until it is closed or collected, or the runtime
 * ends.  Raises io, limit.
 */
static int l_raw(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    int fd = check_fd(L);
    lull_check_handles(L, "tty.raw");
    lull_push_class(L, rt, "lull.tty.Raw", methods, meta);
    struct raw *raw = lullb_push_object(L, sizeof *raw, &raw_tag);
    raw->fd = fd;
    if (tcgetattr(fd, &raw->before) != 0)
        return lullb_raise_io(L, "tty.raw", errno, NULL);
    struct termios mode = raw->before;
    make_raw(&mode);
    int failed;
    do {
        failed = tcsetattr(fd, TCSANOW, &mode);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0)
        return lullb_raise_io(L, "tty.raw", errno, NULL);
    lull_handle_open(rt, &raw->base.handle, &raw_type);
    return 1;
}

/*
 * stop(everybody) -> nothing, when it goes on: what Ctrl-Z does, to this process or to all
 * of its job.  Where nobody could let it go on the system does not stop it.
 */
static int l_stop(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_ALL, "tty", NULL);
    kill(lua_toboolean(L, 1) ? 0 : getpid(), SIGTSTP);
    return 0;
}

/* peer_uid(fd) -> the user at the other end of a Unix socket, and ours; nothing: not known */
static int l_peer_uid(lua_State *L)
{
    uid_t uid;
#ifdef SO_PEERCRED
    struct ucred peer;
    socklen_t size = sizeof peer;
    int status = getsockopt(check_fd(L), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    uid = peer.uid;
#else
    gid_t gid;
    int status = getpeereid(check_fd(L), &uid, &gid);
#endif
    if (status != 0)
        return 0;
    lua_pushinteger(L, (lua_Integer)uid);
    lua_pushinteger(L, (lua_Integer)geteuid());
    return 2;
}

static const struct luaL_Reg functions[] = {
    {"is_terminal", l_is_terminal},
    {"open_input", l_open_input},
    {"is_waiting", l_is_waiting},
    {"peer_uid", l_peer_uid},
    {"raw", l_raw},
    {"read", l_read},
    {"set_echo", l_set_echo},
    {"size", l_size},
    {"stop", l_stop},
    {"write", l_write},
    {NULL, NULL},
};

int luaopen_lull_tty_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
