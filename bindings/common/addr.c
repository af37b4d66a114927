/* SPDX-License-Identifier: MIT */
/*
 * addr.c -- inet_pton, inet_ntop, and what they leave out.
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

unsigned lullb_interface(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && number <= UINT32_MAX)
        return (unsigned)number;
    return if_nametoindex(text);
}

#define MAPPED_AT 12 /* where the IPv4 address is in a mapped one */

static bool is_mapped(const struct lullb_addr *addr)
{
    return addr->as.any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED(&addr->as.in6.sin6_addr);
}

void lullb_addr_map(struct lullb_addr *addr)
{
    if (addr->as.any.sa_family != AF_INET)
        return;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    in6.sin6_port = addr->as.in4.sin_port;
    in6.sin6_addr.s6_addr[MAPPED_AT - 2] = in6.sin6_addr.s6_addr[MAPPED_AT - 1] = 0xff;
    memcpy(&in6.sin6_addr.s6_addr[MAPPED_AT], &addr->as.in4.sin_addr,
           sizeof addr->as.in4.sin_addr);
    addr->as.in6 = in6;
    addr->size = sizeof in6;
}

static void unmap(struct lullb_addr *addr)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    in4.sin_port = addr->as.in6.sin6_port;
    memcpy(&in4.sin_addr, &addr->as.in6.sin6_addr.s6_addr[MAPPED_AT],
           sizeof in4.sin_addr);
    memset(addr, 0, sizeof *addr);
    addr->as.in4 = in4;
    addr->size = sizeof in4;
}

static bool parse_ipv6(struct lullb_addr *addr, const char *host, unsigned port)
{
    char bare[INET6_ADDRSTRLEN];
    const char *percent = strchr(host, '%');
    size_t length = percent != NULL ? (size_t)(percent - host) : strlen(host);
    if (length >= sizeof bare)
        return false;
    memcpy(bare, host, length);
    bare[length] = '\0';
    if (inet_pton(AF_INET6, bare, &addr->as.in6.sin6_addr) != 1)
        return false;
    if (percent != NULL) {
        addr->as.in6.sin6_scope_id = lullb_interface(percent + 1);
        if (addr->as.in6.sin6_scope_id == 0)
            return false;
    }
    addr->as.in6.sin6_family = AF_INET6;
    addr->as.in6.sin6_port = htons((uint16_t)port);
    addr->size = sizeof addr->as.in6;
    if (is_mapped(addr))
        unmap(addr);
    return true;
}

bool lullb_addr_parse(struct lullb_addr *addr, const char *host, unsigned port)
{
    memset(addr, 0, sizeof *addr);
    if (inet_pton(AF_INET, host, &addr->as.in4.sin_addr) != 1)
        return parse_ipv6(addr, host, port);
    addr->as.in4.sin_family = AF_INET;
    addr->as.in4.sin_port = htons((uint16_t)port);
    addr->size = sizeof addr->as.in4;
    return true;
}

int lullb_addr_of_path(struct lullb_addr *addr, const char *path, size_t length)
{
    memset(addr, 0, sizeof *addr);
    if (length == 0 || memchr(path + 1, '\0', length - 1) != NULL)
        return EINVAL;
    if (length >= sizeof addr->as.un.sun_path)
        return ENAMETOOLONG;
    addr->as.un.sun_family = AF_UNIX;
    memcpy(addr->as.un.sun_path, path, length);
    /* A name outside the file system ends where the size says, a path with a NUL. */
    addr->size = (socklen_t)(PATH_OFFSET + length + (path[0] != '\0'));
    return 0;
}

/* The path of a Unix address and its length; 0: it has none. */
static size_t path_of(const struct lullb_addr *addr, const char **path)
{
    const struct sockaddr_un *un = &addr->as.un;
    *path = un->sun_path;
    if (addr->size <= PATH_OFFSET)
        return 0;
    size_t length = addr->size - PATH_OFFSET;
    return un->sun_path[0] == '\0' ? length : strnlen(un->sun_path, length);
}

/* The numeric host, with its interface. */
static const char *host_text(const struct lullb_addr *addr, char *text, size_t size)
{
    if (addr->as.any.sa_family == AF_INET)
        return inet_ntop(AF_INET, &addr->as.in4.sin_addr, text, (socklen_t)size);
    if (is_mapped(addr))
        return inet_ntop(AF_INET, &addr->as.in6.sin6_addr.s6_addr[MAPPED_AT], text,
                         (socklen_t)size);
    if (inet_ntop(AF_INET6, &addr->as.in6.sin6_addr, text, (socklen_t)size) == NULL)
        return NULL;
    if (addr->as.in6.sin6_scope_id != 0) {
        char name[IF_NAMESIZE];
        size_t length = strlen(text);
        if (if_indextoname(addr->as.in6.sin6_scope_id, name) != NULL)
            snprintf(text + length, size - length, "%%%s", name);
        else
            snprintf(text + length, size - length, "%%%u",
                     (unsigned)addr->as.in6.sin6_scope_id);
    }
    return text;
}

static unsigned port_of(const struct lullb_addr *addr)
{
    return ntohs(addr->as.any.sa_family == AF_INET ? addr->as.in4.sin_port
                                                   : addr->as.in6.sin6_port);
}

void lullb_addr_text(const struct lullb_addr *addr, char text[LULLB_ADDR_TEXT])
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    const char *path;
    text[0] = '\0';
    if (addr->size == 0)
        return;
    if (addr->as.any.sa_family == AF_UNIX) {
        size_t length = path_of(addr, &path);
        memcpy(text, path, length);
        text[length] = '\0';
        if (length > 0 && text[0] == '\0')
            text[0] = '@';
        return;
    }
    if (host_text(addr, host, sizeof host) == NULL)
        return;
    bool is_ipv6 = addr->as.any.sa_family == AF_INET6 && !is_mapped(addr);
    snprintf(text, LULLB_ADDR_TEXT, is_ipv6 ? "[%s]:%u" : "%s:%u", host, port_of(addr));
}

int lullb_push_addr(lua_State *L, const struct lullb_addr *addr)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    const char *path;
    int family = addr->size != 0 ? addr->as.any.sa_family : AF_UNSPEC;
    if ((family == AF_INET || family == AF_INET6) &&
        host_text(addr, host, sizeof host) != NULL) {
        lua_pushstring(L, host);
        lua_pushinteger(L, (lua_Integer)port_of(addr));
        return 2;
    }
    size_t length = family == AF_UNIX ? path_of(addr, &path) : 0;
    if (length > 0)
        lua_pushlstring(L, path, length);
    else
        lua_pushnil(L);
    return 1;
}
