/* SPDX-License-Identifier: MIT */
/*
 * udplib.c -- Lua module "lull.udp.native": what scripts/net/udp.lua stands on.
 *
 * As in netlib.c addresses are numeric here.  What a method cannot make sense
 * of is answered with nil: it may be a name, and where not, the script knows
 * better than C whose argument was wrong.
 *
 * Binding needs permission to listen, sending and connecting permission to
 * connect.  A socket that is bound to nothing in particular is asked for the
 * permission when it receives, unless it is connected then.
 */
#include "net/connect.h"
#include "net/datagram.h"
#include "net/dnslookup.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define OPEN    "udp.open"
#define CONNECT "udp.connect"
#define UNSET   (-1)
#define MAX_TTL 255

int luaopen_lull_udp_native(lua_State *L);

static void push_class(lua_State *L, struct lull_runtime *rt);

/* ---- options that may change ---------------------------------------------------- */

/* What a script named; UNSET otherwise. */
struct settings {
    int broadcast;
    int ttl;
    int multicast_ttl;
    int multicast_loopback;
    int multicast_interface;
};

static int flag_field(lua_State *L, int index, const char *name)
{
    int value = lua_getfield(L, index, name) == LUA_TNIL ? UNSET : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int ttl_field(lua_State *L, int index, const char *name, int least)
{
    int is_integer = 1;
    lua_Integer value = UNSET;
    if (lua_getfield(L, index, name) != LUA_TNIL) {
        value = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || value < least || value > MAX_TTL)
            luaL_argerror(
                L, index,
                lua_pushfstring(L, "%s must be from %d to %d", name, least, MAX_TTL));
    }
    lua_pop(L, 1);
    return (int)value;
}

static int interface_field(lua_State *L, int index, const char *name)
{
    unsigned number = (unsigned)UNSET;
    if (lua_getfield(L, index, name) != LUA_TNIL) {
        number = lua_isstring(L, -1) ? lullb_interface(lua_tostring(L, -1)) : 0;
        if (number == 0)
            luaL_argerror(L, index, lua_pushfstring(L, "%s is no interface", name));
    }
    lua_pop(L, 1);
    return (int)number;
}

static struct settings check_settings(lua_State *L, int index)
{
    return (struct settings){
        .broadcast = flag_field(L, index, "broadcast"),
        .ttl = ttl_field(L, index, "ttl", 1),
        .multicast_ttl = ttl_field(L, index, "multicast_ttl", 0),
        .multicast_loopback = flag_field(L, index, "multicast_loopback"),
        .multicast_interface = interface_field(L, index, "multicast_interface"),
    };
}

/* Which option of which level: that of IPv4 and that of IPv6. */
struct option {
    int ipv4;
    int ipv6;
};

/* A socket of both families has either's. */
static bool set_both(const struct lullb_datagram *socket, struct option option, int value)
{
    if (value == UNSET)
        return true;
    if (socket->family != AF_INET && socket->family != AF_INET6) {
        errno = EOPNOTSUPP;
        return false;
    }
    return ((socket->family == AF_INET6 && !socket->mapped) ||
            setsockopt(socket->fd, IPPROTO_IP, option.ipv4, &value, sizeof value) == 0) &&
           (socket->family != AF_INET6 ||
            setsockopt(socket->fd, IPPROTO_IPV6, option.ipv6, &value, sizeof value) == 0);
}

static bool set_interface(const struct lullb_datagram *socket, int number)
{
    const struct ip_mreqn request = {.imr_ifindex = number};
    if (number == UNSET)
        return true;
    if ((socket->family == AF_INET || socket->mapped) &&
        setsockopt(socket->fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) < 0)
        return false;
    return socket->family != AF_INET6 ||
           setsockopt(socket->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number,
                      sizeof number) == 0;
}

/* False and errno. */
static bool apply(const struct lullb_datagram *socket, const struct settings *settings)
{
    static const struct option ttl = {IP_TTL, IPV6_UNICAST_HOPS};
    static const struct option multicast_ttl = {IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS};
    static const struct option loopback = {IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP};
    return (settings->broadcast == UNSET ||
            setsockopt(socket->fd, SOL_SOCKET, SO_BROADCAST, &settings->broadcast,
                       sizeof settings->broadcast) == 0) &&
           set_both(socket, ttl, settings->ttl) &&
           set_both(socket, multicast_ttl, settings->multicast_ttl) &&
           set_both(socket, loopback, settings->multicast_loopback) &&
           set_interface(socket, settings->multicast_interface);
}

/* ---- opening ---------------------------------------------------------------------- */

static bool bind_socket(int fd, const struct lullb_addr *addr, bool dual_stack,
                        const int reuse[2])
{
    static const int on = 1;
    int only_ipv6 = !dual_stack;
    return (reuse[0] <= 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
           (reuse[1] <= 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
           (addr->as.any.sa_family != AF_INET6 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6) ==
                0) &&
           (addr->size == 0 || lullb_bind(fd, addr, SOCK_DGRAM) == 0);
}

static int raise_unopened(lua_State *L, const struct lullb_addr *addr, int error)
{
    char text[LULLB_ADDR_TEXT];
    lullb_addr_text(addr, text);
    return lullb_raise_io(L, OPEN, error, text[0] != '\0' ? text : NULL);
}

/* The options are at index 3. */
static int open_socket(lua_State *L, const struct lullb_addr *addr, bool may_receive)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    const struct settings settings = check_settings(L, 3);
    const int reuse[2] = {flag_field(L, 3, "reuse_address"),
                          flag_field(L, 3, "reuse_port")};
    lull_check_handles(L, OPEN);
    push_class(L, rt);
    struct lullb_datagram *socket = lullb_push_datagram(L, rt);
    socket->may_receive = may_receive;
    socket->family = addr->as.any.sa_family;
    socket->mapped = socket->family == AF_INET6 && flag_field(L, 3, "dual_stack") == true;
    socket->max_size = lullb_check_size_field(L, 3, "max_size", LULLB_MAX_MESSAGE);
    socket->timeout = lullb_check_seconds(L, 3, "timeout");
    int fd = lullb_socket(socket->family, SOCK_DGRAM);
    if (fd < 0)
        return raise_unopened(L, addr, errno);
    if (!bind_socket(fd, addr, socket->mapped, reuse)) {
        int error = errno;
        close(fd);
        return raise_unopened(L, addr, error);
    }
    lullb_datagram_open(L, socket, fd);
    if (!apply(socket, &settings)) {
        int error = errno;
        lull_handle_close(&socket->object.handle);
        return raise_unopened(L, addr, error);
    }
    return 1;
}

/* Is it every address, and any port: to be bound to nothing in particular? */
static bool is_nothing(const struct lullb_addr *addr, lua_Integer port)
{
    bool is_any = addr->as.any.sa_family == AF_INET
                      ? addr->as.in4.sin_addr.s_addr == htonl(INADDR_ANY)
                      : IN6_IS_ADDR_UNSPECIFIED(&addr->as.in6.sin6_addr);
    return port == 0 && is_any;
}

/* open(address, port, opts, look-up?) -> socket; the look-up has found the address */
static int l_open(lua_State *L)
{
    struct lullb_addr addr;
    const char *host = luaL_checkstring(L, 1);
    lua_Integer port = luaL_checkinteger(L, 2);
    luaL_argcheck(L, port >= 0 && port <= UINT16_MAX, 2, "port out of range");
    luaL_argcheck(L, lullb_addr_parse(&addr, host, (unsigned)port), 1,
                  "not a numeric address");
    luaL_checktype(L, 3, LUA_TTABLE);
    if (is_nothing(&addr, port))
        return open_socket(L, &addr, false);
    if (flag_field(L, 3, "dual_stack") == true)
        lull_check_address(L, LULL_MAY_LISTEN, OPEN, "*", (int)port);
    else
        lullb_check_host(L, LULL_MAY_LISTEN, OPEN, &addr, 4);
    return open_socket(L, &addr, true);
}

/* open_unix(path | nil, nil, opts) -> socket; "": with a name that the system finds */
static int l_open_unix(lua_State *L)
{
    struct lullb_addr addr = {.as.any.sa_family = AF_UNIX};
    size_t length;
    const char *path = luaL_optlstring(L, 1, NULL, &length);
    luaL_checktype(L, 3, LUA_TTABLE);
    if (path != NULL && length == 0)
        addr.size = sizeof addr.as.any.sa_family; /* Linux: autobind, unix(7) */
    else if (path != NULL && lullb_addr_of_path(&addr, path, length) != 0)
        return luaL_argerror(L, 1, "not a path for a socket");
    if (path != NULL)
        lullb_check_path(L, LULL_MAY_LISTEN, OPEN, &addr);
    return open_socket(L, &addr, true); /* without a name only its peer finds it */
}

/* ---- methods ---------------------------------------------------------------------- */

static int m_close(lua_State *L)
{
    lull_handle_close(&lullb_check_datagram(L, 1)->object.handle);
    return 0;
}

/* socket:connect(host, port, look-up?) | socket:connect(path) -> true, or nil */
static int m_connect(lua_State *L)
{
    char text[LULLB_ADDR_TEXT];
    struct lullb_addr to;
    lua_settop(L, 4);
    struct lullb_datagram *socket = lullb_check_open_datagram(L, CONNECT);
    if (!lullb_datagram_target(L, socket, 2, &to))
        return 0;
    if (socket->family == AF_UNIX)
        lullb_check_path(L, LULL_MAY_CONNECT, CONNECT, &to);
    else
        lullb_check_host(L, LULL_MAY_CONNECT, CONNECT, &to, 4);
    if (connect(socket->fd, &to.as.any, to.size) < 0) {
        int error = errno;
        lullb_addr_text(&to, text);
        return lullb_raise_io(L, CONNECT, error, text);
    }
    socket->connected = true;
    lullb_datagram_note_addr(socket);
    lua_pushboolean(L, 1);
    return 1;
}

/* The port it is bound to. */
static int port_of(const struct lullb_datagram *socket)
{
    const struct lullb_addr *addr = &socket->addr;
    if (socket->family == AF_UNIX)
        return 0;
    return ntohs(addr->as.any.sa_family == AF_INET ? addr->as.in4.sin_port
                                                   : addr->as.in6.sin6_port);
}

/* Join or leave; true, or nil and what is wrong with the arguments. */
static int change_group(lua_State *L, const char *op, int option)
{
    struct lullb_datagram *socket = lullb_check_open_datagram(L, op);
    struct group_req request = {0};
    struct lullb_addr group;
    const char *why = NULL;
    if (!lua_isstring(L, 2) || !lullb_addr_parse(&group, lua_tostring(L, 2), 0) ||
        (group.as.any.sa_family == AF_INET
             ? !IN_MULTICAST(ntohl(group.as.in4.sin_addr.s_addr))
             : !IN6_IS_ADDR_MULTICAST(&group.as.in6.sin6_addr)))
        why = "not a multicast address";
    if (!lua_isnoneornil(L, 3)) {
        const char *name = lua_tostring(L, 3);
        request.gr_interface = name != NULL ? lullb_interface(name) : 0;
        if (request.gr_interface == 0)
            why = "no such interface";
    }
    if (why != NULL) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    if (option == MCAST_JOIN_GROUP)
        lull_check_address(L, LULL_MAY_LISTEN, op, lua_tostring(L, 2), port_of(socket));
    memcpy(&request.gr_group, &group.as, group.size);
    int level = group.as.any.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    if (setsockopt(socket->fd, level, option, &request, sizeof request) < 0)
        return lullb_raise_io(L, op, errno, lua_tostring(L, 2));
    lua_pushboolean(L, 1);
    return 1;
}

/* socket:join(group, interface?) -> true, or nil and why not */
static int m_join(lua_State *L)
{
    return change_group(L, "udp.join", MCAST_JOIN_GROUP);
}

/* socket:leave(group, interface?) -> true, or nil and why not */
static int m_leave(lua_State *L)
{
    return change_group(L, "udp.leave", MCAST_LEAVE_GROUP);
}

/* socket:set_options(opts) */
static int m_set_options(lua_State *L)
{
    struct lullb_datagram *socket = lullb_check_open_datagram(L, "udp.set_options");
    luaL_checktype(L, 2, LUA_TTABLE);
    const struct settings settings = check_settings(L, 2);
    if (lua_getfield(L, 2, "timeout") != LUA_TNIL)
        socket->timeout = lullb_check_seconds(L, 2, "timeout");
    if (!apply(socket, &settings))
        return lullb_raise_io(L, "udp.set_options", errno, NULL);
    return 0;
}

/* socket:set_timeout(seconds | nil); for waits that begin after it */
static int m_set_timeout(lua_State *L)
{
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    lua_settop(L, 2);
    socket->timeout = lullb_check_seconds(L, 2, NULL);
    return 0;
}

/* socket:sockname() -> host, port | path | nil; as it was, once closed */
static int m_sockname(lua_State *L)
{
    return lullb_push_addr(L, &lullb_check_datagram(L, 1)->addr);
}

/* socket:peer() -> host, port | path | nil when it is not connected */
static int m_peer(lua_State *L)
{
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    struct lullb_addr peer = {.size = sizeof peer.as};
    if (!socket->connected || socket->fd < 0 ||
        getpeername(socket->fd, &peer.as.any, &peer.size) < 0)
        peer.size = 0;
    return lullb_push_addr(L, &peer);
}

/* socket:fd() -> the descriptor | nil when closed */
static int m_fd(lua_State *L)
{
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    if (socket->fd >= 0)
        lua_pushinteger(L, socket->fd);
    else
        lua_pushnil(L);
    return 1;
}

/* socket:family() -> 4 | 6, nil when it is of both | "unix" */
static int m_family(lua_State *L)
{
    const struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    if (socket->family == AF_UNIX)
        lua_pushliteral(L, "unix");
    else if (socket->mapped)
        lua_pushnil(L);
    else
        lua_pushinteger(L, socket->family == AF_INET ? 4 : 6);
    return 1;
}

static int m_tostring(lua_State *L)
{
    char text[LULLB_ADDR_TEXT];
    struct lullb_datagram *socket = lullb_check_datagram(L, 1);
    lullb_addr_text(&socket->addr, text);
    if (!lull_handle_is_open(&socket->object.handle))
        lua_pushliteral(L, "udp (closed)");
    else
        lua_pushfstring(L, "udp (%s)", text[0] != '\0' ? text : "unnamed");
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close},
    {"connect", m_connect},
    {"family", m_family},
    {"fd", m_fd},
    {"join", m_join},
    {"leave", m_leave},
    {"peer", m_peer},
    {"recv", lullb_m_recv},
    {"send", lullb_m_send},
    {"set_options", m_set_options},
    {"set_timeout", m_set_timeout},
    {"sockname", m_sockname},
    {"try_recv", lullb_m_try_recv},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {"__tostring", m_tostring},
    {NULL, NULL},
};

static void push_class(lua_State *L, struct lull_runtime *rt)
{
    lull_push_class(L, rt, "lull.udp", methods, meta);
}

static const struct luaL_Reg functions[] = {
    {"open", l_open},
    {"open_unix", l_open_unix},
    {NULL, NULL},
};

int luaopen_lull_udp_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
