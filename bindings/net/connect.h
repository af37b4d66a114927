/* SPDX-License-Identifier: MIT */
/*
 * connect.h -- one attempt to connect to one address.
 */
#ifndef LULLB_CONNECT_H
#define LULLB_CONNECT_H

#include "stream/stream.h"

#define LULLB_TCP_CONNECT  "tcp.connect"
#define LULLB_UNIX_CONNECT "unix.connect"

/*
 * Suspend until the address is connected and return a stream, or raise `io` or
 * `timeout`; nil for a Unix socket whose backlog is full.  As a return
 * expression of a Lua function.
 */
int lullb_connect(lua_State *L, struct lull_runtime *rt, const struct lullb_addr *addr,
                  const struct lullb_stream_options *options);

/* A socket that does not block and is closed on exec; -1 and errno. */
int lullb_socket(int family, int type);

#endif
