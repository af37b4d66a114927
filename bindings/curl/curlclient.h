/* SPDX-License-Identifier: MIT */
/*
 * curlclient.h -- one curl multi handle on the runtime's loop.
 *
 * A client is a pool of connections with their limits, a cookie jar and the
 * TLS sessions.  Curl says which sockets it waits for and when it wants to be
 * called; we say when they are ready, and collect the transfers that ended.
 *
 *   1. Transfers are run only from here and from curltransfer.c, and never from
 *      within one of curl's callbacks, which do no more than ask it for facts.
 *   2. After each call into curl comes lullb_curl_kick(): what curl wants to do
 *      at once is done at once, not a turn later.
 *   3. What cannot be watched for lack of memory fails every transfer of the
 *      client, rather than letting one hang.
 *
 * Ownership: a client is a userdata.  It is no open handle: its transfers are,
 * while they run; without any, nothing of it is on the runtime's lists.
 * Thread: the runtime's.
 */
#ifndef LULLB_CURLCLIENT_H
#define LULLB_CURLCLIENT_H

#include "common/bind.h"

#include <curl/curl.h>

/* What limits a request; in seconds, infinite: no limit. */
struct lullb_curl_bounds {
    double connect;
    double first_byte;
    double idle;
    double total;
    size_t max_body;
    bool follow; /* redirections are followed */
};

#define LULLB_CURL_SPARES 100u
#define LULLB_CURL_POOLED 32u /* ...and transfers */
#define LULLB_CURL_POOL   1 /* user value of a client: transfers for the next requests */
#define LULLB_CURL_HOSTS  2 /* user value: weak table of hosts by their part of a URL */

struct lullb_curl_transfer;
struct lullb_curl_socket;
struct lullb_curl_opened;

/* Transfers that wait for a place, first come first served. */
struct lullb_curl_line {
    struct lullb_curl_transfer *first;
    struct lullb_curl_transfer *last;
};

struct lullb_curl_client {
    struct lullb_object object; /* first; never opened */
    struct lull_runtime *rt;
    CURLM *multi;  /* NULL: closed */
    CURLSH *share; /* TLS sessions and cookies */
    struct lull_timer timer;
    uint64_t wanted_at; /* ns of the monotonic clock: curl wants to be called then... */
    uint64_t armed_at;  /* ...and the timer is due then, or earlier */
    bool wanted_now;
    bool driving;                    /* a call into curl is under way, down the C stack */
    bool starved;                    /* memory to watch something was refused */
    bool cookies;                    /* it has a jar */
    struct lullb_curl_bounds bounds; /* of requests that are plain */
    struct curl_slist *headers;      /* of requests that bring none */
    unsigned spare_count;
    CURL *spares[LULLB_CURL_SPARES]; /* with the options that all requests have */
    unsigned pooled; /* transfers in the array that is user value LULLB_CURL_POOL */
    struct lullb_curl_transfer *transfers; /* those that run, or wait for a place */
    size_t max_connections;
    size_t max_per_host;               /* 0: no limit but the former */
    size_t inside;                     /* transfers that have a place */
    struct lullb_curl_line line;       /* those that wait for one */
    struct lullb_curl_socket *sockets; /* those that are watched */
    struct lullb_curl_opened *opened;  /* those that there are (curlsocket.c) */
};

/* What a client is opened with. */
struct lullb_curl_limits {
    size_t max_connections; /* in all */
    size_t max_per_host;    /* 0: no limit but the former */
    size_t max_idle;        /* connections kept for later */
    bool cookies;
};

/* Make the multi handle; false when memory is refused.  No Lua. */
bool lullb_curl_client_open(struct lullb_curl_client *client,
                            const struct lullb_curl_limits *limits);

/* End every transfer with `closed`, then everything else.  Idempotent. */
void lullb_curl_client_close(struct lullb_curl_client *client);

/*
 * An easy handle with the options that are the same for every request; NULL: no
 * memory.  Give it back: `changed` says that others were set than the URL and
 * those that curltransfer.c and curlsetup.c set each time.
 */
CURL *lullb_curl_take_easy(struct lullb_curl_client *client);
void lullb_curl_give_easy(struct lullb_curl_client *client, CURL *easy, bool changed);

/* ---- curlsocket.c ---- */

/* Set the options about opening and closing sockets. */
void lullb_curl_set_sockets(struct lullb_curl_client *client, CURL *easy);

/* Free the list, when curl has closed them all. */
void lullb_curl_forget_sockets(struct lullb_curl_client *client);

/*
 * The connection between these ports is used again: make it fail if the server has
 * sent an answer to nothing.
 */
void lullb_curl_refuse_unasked(struct lullb_curl_client *client, int own_port,
                               int peer_port);

/* ---- curlclient.c ---- */

/*
 * Add the strings of the array at `index` (nil: none) to a list; false when
 * memory is refused.  Raises nothing, if two stack slots are free.
 */
bool lullb_curl_add_lines(lua_State *L, int index, struct curl_slist **list);

/* Let curl do what it wants to do now, and end what has ended. */
void lullb_curl_kick(struct lullb_curl_client *client);

/* Ns of the monotonic clock. */
uint64_t lullb_curl_now(void);

#endif
