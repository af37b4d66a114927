/* SPDX-License-Identifier: MIT */
/*
 * curlops.h -- requests, as methods of a client.
 */
#ifndef LULLB_CURLOPS_H
#define LULLB_CURLOPS_H

#include "curl/curlclient.h"

/*
 * client:request(spec) -> status, head, version, body.  Suspends until the
 * response is there; with spec.stream the last is the transfer that brings the
 * body, and only the head is waited for.
 */
int lullb_curl_m_request(lua_State *L, struct lullb_curl_client *client);

/* client:begin(spec) -> transfer, to be awaited while its upload is sent */
int lullb_curl_m_begin(lua_State *L, struct lullb_curl_client *client);

#endif
