/* SPDX-License-Identifier: MIT */
/*
 * netlib.c -- Lua module "lull.net.native": what scripts/net.lua stands on.
 *
 * Addresses are numeric here, and each call makes one attempt: names, racing
 * and servers are policy, and written in Lua.  Permissions are asked for here,
 * where nothing that a script may change comes after; pipe and pair need none.
 */
#include "common/fdready.h"
#include "net/connect.h"
#include "net/dnslookup.h"
#include "net/listener.h"
#include "stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FROM_FD "net.from_fd"

int luaopen_lull_net_native(lua_State *L);

static void check_addr(lua_State *L, struct lullb_addr *addr)
{
    const char *host = luaL_checkstring(L, 1);
    lua_Integer port = luaL_checkinteger(L, 2);
    luaL_argcheck(L, port >= 0 && port <= 65535, 2, "port out of range");
    luaL_argcheck(L, lullb_addr_parse(addr, host, (unsigned)port), 1,
                  "not a numeric address");
}

static void check_path(lua_State *L, struct lullb_addr *addr)
{
    size_t length;
    const char *path = luaL_checklstring(L, 1, &length);
    int error = lullb_addr_of_path(addr, path, length);
    luaL_argcheck(L, error == 0, 1,
                  error == ENAMETOOLONG ? "path too long for a socket" : "not a path");
}

/* numeric(host) -> the address in its usual form, 4 | 6; or nil when it is a name */
static int l_numeric(lua_State *L)
{
    struct lullb_addr addr;
    if (!lullb_addr_parse(&addr, luaL_checkstring(L, 1), 0)) {
        lua_pushnil(L);
        return 1;
    }
    lullb_push_addr(L, &addr);
    lua_pop(L, 1);
    lua_pushinteger(L, addr.as.any.sa_family == AF_INET ? 4 : 6);
    return 2;
}

/* permit(host, port): raise unless the running task may connect there */
static int l_permit(lua_State *L)
{
    lull_check_address(L, LULL_MAY_CONNECT, LULLB_TCP_CONNECT, luaL_checkstring(L, 1),
                       (int)luaL_checkinteger(L, 2));
    return 0;
}

/* connect(address, port, opts?, look-up?) -> stream; the look-up has found the address */
static int l_connect(lua_State *L)
{
    struct lullb_addr addr;
    struct lullb_stream_options options;
    check_addr(L, &addr);
    lullb_check_stream_options(L, 3, &options);
    lullb_check_host(L, LULL_MAY_CONNECT, LULLB_TCP_CONNECT, &addr, 4);
    return lullb_connect(L, lull_runtime_of(L), &addr, &options);
}

/* connect_unix(path, opts?) -> stream, or nil when the listener's backlog is full */
static int l_connect_unix(lua_State *L)
{
    struct lullb_addr addr;
    struct lullb_stream_options options;
    check_path(L, &addr);
    lullb_check_stream_options(L, 2, &options);
    lullb_check_path(L, LULL_MAY_CONNECT, LULLB_UNIX_CONNECT, &addr);
    return lullb_connect(L, lull_runtime_of(L), &addr, &options);
}

static bool flag(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static void check_listen_options(lua_State *L, int index,
                                 struct lullb_listen_options *options)
{
    lullb_check_stream_options(L, index, &options->stream);
    *options =
        (struct lullb_listen_options){.stream = options->stream, .backlog = SOMAXCONN};
    if (lua_isnoneornil(L, index))
        return;
    size_t backlog = lullb_check_size_field(L, index, "backlog", SOMAXCONN);
    options->backlog = backlog < INT_MAX ? (int)backlog : INT_MAX;
    options->reuse_port = flag(L, index, "reuse_port");
    options->dual_stack = flag(L, index, "dual_stack");
}

/* listen(address, port, opts?, look-up?) -> listener */
static int l_listen(lua_State *L)
{
    struct lullb_addr addr;
    struct lullb_listen_options options;
    check_addr(L, &addr);
    check_listen_options(L, 3, &options);
    if (options.dual_stack) /* every address, of both families */
        lull_check_address(L, LULL_MAY_LISTEN, LULLB_LISTEN, "*",
                           (int)lua_tointeger(L, 2));
    else
        lullb_check_host(L, LULL_MAY_LISTEN, LULLB_LISTEN, &addr, 4);
    return lullb_listen(L, lull_runtime_of(L), &addr, &options);
}

/* listen_unix(path, opts?) -> listener */
static int l_listen_unix(lua_State *L)
{
    struct lullb_addr addr;
    struct lullb_listen_options options;
    check_path(L, &addr);
    check_listen_options(L, 2, &options);
    lullb_check_path(L, LULL_MAY_LISTEN, LULLB_LISTEN, &addr);
    return lullb_listen(L, lull_runtime_of(L), &addr, &options);
}

static int make_pipe(int fds[2])
{
#ifdef __linux__
    return pipe2(fds, O_NONBLOCK | O_CLOEXEC);
#else
    if (pipe(fds) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    return 0;
#endif
}

static int make_pair(int fds[2])
{
#ifdef __linux__
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
#else
    static const int on = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        setsockopt(fds[i], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    }
    return 0;
#endif
}

/* Push the streams of the two descriptors that `make` makes. */
static int push_two(lua_State *L, int (*make)(int fds[2]), enum lullb_fd_kind kind,
                    const char *op)
{
    struct lullb_stream_options options;
    struct lull_stream *streams[2];
    int fds[2];
    lullb_check_stream_options(L, 1, &options);
    lull_check_handles(L, op);
    for (int i = 0; i < 2; i++)
        streams[i] = lullb_push_stream(L, lull_runtime_of(L), &options);
    if (make(fds) < 0)
        return lullb_raise_io(L, op, errno, NULL);
    lullb_stream_open(streams[0], fds[0], kind);
    if (!lull_may_open_handle(lull_runtime_of(L))) { /* one, but not both */
        lull_stream_close(streams[0]);
        close(fds[1]);
        return lullb_raise(L, LULL_KIND_LIMIT, op, "too many open handles");
    }
    lullb_stream_open(streams[1], fds[1], kind);
    return 2;
}

/* pipe(opts?) -> read end, write end */
static int l_pipe(lua_State *L)
{
    return push_two(L, make_pipe, LULLB_FD_NONBLOCKING, "net.pipe");
}

/* pair(opts?) -> stream, stream */
static int l_pair(lua_State *L)
{
    return push_two(L, make_pair, LULLB_FD_SOCKET, "net.pair");
}

/* from_fd(fd, opts?) -> stream that owns the descriptor, unless opts.close is false */
static int l_from_fd(lua_State *L)
{
    struct lullb_stream_options options;
    lua_Integer fd = luaL_checkinteger(L, 1);
    luaL_argcheck(L, fd >= 0 && fd <= INT_MAX, 1, "not a descriptor");
    lua_settop(L, 2);
    lullb_check_stream_options(L, 2, &options);
    lull_check_permission(L, LULL_MAY_NATIVE, FROM_FD, NULL);
    lull_check_handles(L, FROM_FD);
    bool owned = fd > STDERR_FILENO;
    if (!lua_isnil(L, 2) && lua_getfield(L, 2, "close") != LUA_TNIL)
        owned = lua_toboolean(L, -1);
    struct lull_stream *stream = lullb_push_stream(L, lull_runtime_of(L), &options);
    int kind = lullb_fd_kind_of((int)fd);
    if (kind < 0)
        return lullb_raise_io(L, FROM_FD, errno, NULL);
    lullb_stream_open(stream, (int)fd, (enum lullb_fd_kind)kind);
    stream->owned = owned;
    return 1;
}

/* stream_methods() -> the table of methods of streams, for those that are written in Lua */
static int l_stream_methods(lua_State *L)
{
    lullb_push_stream_class(L, lull_runtime_of(L));
    lua_getfield(L, -1, "__index");
    return 1;
}

/* max_descriptors() -> how many this process may have open */
static int l_max_descriptors(lua_State *L)
{
    struct rlimit limit;
    bool is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= INT_MAX;
    lua_pushinteger(L, is_known ? (lua_Integer)limit.rlim_cur : INT_MAX);
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"connect", l_connect},
    {"connect_unix", l_connect_unix},
    {"from_fd", l_from_fd},
    {"listen", l_listen},
    {"listen_unix", l_listen_unix},
    {"max_descriptors", l_max_descriptors},
    {"numeric", l_numeric},
    {"pair", l_pair},
    {"permit", l_permit},
    {"pipe", l_pipe},
    {"stream_methods", l_stream_methods},
    {"wait_readable", lullb_l_wait_readable},
    {"wait_writable", lullb_l_wait_writable},
    {NULL, NULL},
};

int luaopen_lull_net_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
