/* SPDX-License-Identifier: MIT */
/*
 * listener.h -- a socket that accepts connections.
 *
 * Several tasks may wait for a connection; they get them in order.  When the
 * process or the system runs out of descriptors or memory, or the runtime has as
 * many handles as it may, accepting pauses for
 * LULLB_ACCEPT_PAUSE_S and goes on; a connection that was gone before it was
 * accepted is passed over.  Neither is anybody's error.
 */
#ifndef LULLB_LISTENER_H
#define LULLB_LISTENER_H

#include "stream/stream.h"

#define LULLB_ACCEPT_PAUSE_S 0.1
#define LULLB_LISTEN         "listen"

struct lullb_listen_options {
    int backlog;
    bool reuse_port; /* share the port with other sockets that say so, too */
    bool dual_stack; /* of "::": IPv4, too */
    struct lullb_stream_options stream; /* of accepted streams */
};

/* Push a listener on the address, or raise `io`. */
int lullb_listen(lua_State *L, struct lull_runtime *rt, const struct lullb_addr *addr,
                 const struct lullb_listen_options *options);

#endif
