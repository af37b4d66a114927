/* SPDX-License-Identifier: MIT */
/*
 * datagram.h -- a socket that sends and receives whole messages: UDP, or Unix.
 *
 * Each call tries first and waits only when there is nothing to do.  There is
 * one event per side; the reading one stays registered once it was needed.
 *
 *   1. Receivers are served in the order in which they came.
 *   2. A sender that has to wait is served by the loop, so that it waits once
 *      and senders keep their order: its bytes are a Lua string that stays on
 *      its stack.
 *   3. A Unix socket that is not connected cannot be told when the receiver
 *      has room (poll only knows of one's own): those sends are tried again
 *      every LULLB_RETRY_S.
 *   4. A datagram that is longer than max_size is lost; who waited for one is
 *      told so (`limit`).
 *
 * Ownership: a userdata; who waits has it on its Lua stack.
 * Thread: the runtime's.
 */
#ifndef LULLB_DATAGRAM_H
#define LULLB_DATAGRAM_H

#include "common/addr.h"
#include "common/bind.h"
#include "common/timedop.h"
#include "net/bound.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <net/if.h>

#define LULLB_RETRY_S     0.001
#define LULLB_MAX_MESSAGE 65536u /* no UDP datagram is longer (RFC 768) */

/* What a task waits with: as with streams, the socket's own, or one on its stack. */
struct lullb_receive {
    struct lull_timed_op timed; /* first */
    struct lullb_datagram *socket;
    bool woken; /* it may try, and has not yet */
};

struct lullb_send {
    struct lull_timed_op timed; /* first */
    struct lullb_datagram *socket;
    struct lullb_addr to; /* size 0: the peer */
    const char *bytes;
    size_t size;
    int error; /* how it ended: 0, or an errno value */
};

/* The numeric host that was last met, so that it is not converted each time. */
struct lullb_known_host {
    struct lullb_addr addr;
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1]; /* "": none */
};

struct lullb_datagram {
    struct lullb_object object;
    struct lullb_fd_waits *waits;
    char *buffer;          /* where every message goes first */
    bool owns_buffer;      /* it is longer than the shared one */
    bool mapped;           /* IPv4 addresses are dressed as IPv6 ones */
    bool connected;        /* it has a peer */
    bool may_receive;      /* from whoever sends: there was permission to listen */
    bool readable_watched; /* the events are registered */
    bool writable_watched;
    sa_family_t family;
    int fd;
    size_t max_size; /* bytes a message may have */
    double timeout;  /* seconds one wait may take */
    unsigned woken;  /* receivers that may try, and have not yet */
    struct lull_line receivers;
    struct lull_line senders;
    struct lull_line retrying; /* senders that no event can wake */
    struct lull_timer retry;   /* runs while there are some */
    struct event readable;
    struct event writable;
    struct lullb_receive receive;
    struct lullb_send send;
    struct lullb_known_host known;
    struct lullb_addr addr; /* its own */
    struct lullb_bound_file file;
};

/* Push a new one, not open yet, with the metatable on top.  May raise. */
struct lullb_datagram *lullb_push_datagram(lua_State *L, struct lull_runtime *rt);

/*
 * Open it on a bound socket, which it takes, also when this raises (memory).
 */
void lullb_datagram_open(lua_State *L, struct lullb_datagram *socket, int fd);

/* The datagram socket at `index`, open or not, or an argument error. */
struct lullb_datagram *lullb_check_datagram(lua_State *L, int index);

/* The same, or raise `closed`. */
struct lullb_datagram *lullb_check_open_datagram(lua_State *L, const char *op);

/* Ask the system for its own address. */
void lullb_datagram_note_addr(struct lullb_datagram *socket);

/*
 * The destination in the arguments `index` and following: a numeric host and a
 * port, or a path.  False when they are something else.
 */
bool lullb_datagram_target(lua_State *L, struct lullb_datagram *socket, int index,
                           struct lullb_addr *to);

/* Callbacks of the events: receive.c and send.c. */
void lullb_on_receivable(evutil_socket_t fd, short what, void *socket);
void lullb_on_sendable(evutil_socket_t fd, short what, void *socket);

/* recv() -> bytes, host, port | bytes, path | bytes, nil */
int lullb_m_recv(lua_State *L);

/* try_recv() -> the same, or nil when there is nothing */
int lullb_m_try_recv(lua_State *L);

/*
 * send(bytes, host, port, look-up?) | send(bytes, path) | send(bytes) -> true; or
 * nil, at once, when an argument is not of that form: the host may be a name; the
 * look-up has found it
 */
int lullb_m_send(lua_State *L);

#endif
