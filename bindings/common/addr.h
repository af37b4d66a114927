/* SPDX-License-Identifier: MIT */
/*
 * addr.h -- socket addresses: from text, to text, to Lua.  Numeric ones and
 * paths only; names are for resolve.
 *
 * An IPv4 address that a socket of both families shows in IPv6's clothes
 * (::ffff:192.0.2.1, RFC 4291, 2.5.5.2) is an IPv4 address everywhere here.
 */
#ifndef LULLB_ADDR_H
#define LULLB_ADDR_H

#include <lua.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LULLB_ADDR_TEXT 160 /* bytes that lullb_addr_text() needs at most */

struct lullb_addr {
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } as;
    socklen_t size; /* 0: no address */
};

/* A numeric address: "127.0.0.1", "::1", "fe80::1%eth0".  False when it is none. */
bool lullb_addr_parse(struct lullb_addr *addr, const char *host, unsigned port);

/* Dress an IPv4 address for a socket of both families; leaves others alone. */
void lullb_addr_map(struct lullb_addr *addr);

/* The number of an interface given by name or number; 0: there is none. */
unsigned lullb_interface(const char *text);

/*
 * The address of a path.  A leading NUL makes a name outside the file system
 * (Linux).  0, or ENAMETOOLONG, or EINVAL for an empty path or a NUL inside.
 */
int lullb_addr_of_path(struct lullb_addr *addr, const char *path, size_t length);

/* "127.0.0.1:80", "[::1]:80" or a path; always ends with a NUL. */
void lullb_addr_text(const struct lullb_addr *addr, char text[LULLB_ADDR_TEXT]);

/* Push host and port, or the path, or for an unnamed socket nil; returns how many. */
int lullb_push_addr(lua_State *L, const struct lullb_addr *addr);

#endif
