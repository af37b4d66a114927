/* SPDX-License-Identifier: MIT */
/*
 * curlline.h -- transfers that wait until there is a connection for them.
 *
 * A client has as many places as it may have connections, and each host has
 * some where max_per_host says so.  Who finds none waits in line: first for one
 * of its host's, then for one of the client's.  Curl never has more than it can
 * begin at once; what waits costs no easy handle.
 *
 *   1. First come, first served; hosts do not wait for each other.
 *   2. What may share a connection (HTTP/2) needs no place: how many connections
 *      that takes is known to curl alone, which has the same limits.
 *   3. Who leaves, in whatever way, leaves its line and gives its places back;
 *      lullb_curl_kick() has the next ones begin.
 *
 * Ownership: a host is a userdata without a finalizer, held by its transfers;
 * the client finds it in a weak table.
 */
#ifndef LULLB_CURLLINE_H
#define LULLB_CURLLINE_H

#include "curl/curlclient.h"

/* ---- loop side: no Lua ---- */

/* Stand in line, or have curl begin where no place is needed. */
void lullb_curl_ask_place(struct lullb_curl_transfer *transfer);

/* It is over: no place, and no longer in line. */
void lullb_curl_give_place(struct lullb_curl_transfer *transfer);

/* Begin those for whom there are places. */
void lullb_curl_admit(struct lullb_curl_client *client);

/* ---- Lua side ---- */

/* Push the table of a client's hosts. */
void lullb_curl_push_hosts(lua_State *L);

/* Tell the transfer on top its host: the client is at 1. */
void lullb_curl_find_host(lua_State *L, struct lullb_curl_transfer *transfer);

#endif
