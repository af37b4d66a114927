/* SPDX-License-Identifier: MIT */
/*
 * curlurl.h -- URLs taken apart, for scripts/http/url.lua.
 */
#ifndef LULLB_CURLURL_H
#define LULLB_CURLURL_H

#include <lua.h>
#include <stdbool.h>

/* Where a URL leads. */
struct lullb_curl_place {
    char host[256]; /* as curl has it, without brackets */
    unsigned port;
    bool has_path; /* of a proxy: and not just a slash */
};

/* Take the URL of a request, or of a proxy, apart as curl does; false: it is none. */
bool lullb_curl_find_place(const char *text, bool is_proxy,
                           struct lullb_curl_place *place);

/*
 * plain_url(text) -> url without fragment, scheme, host, port; nothing when it
 * is not plain, and has to be looked at by url().
 */
int lullb_curl_l_plain_url(lua_State *L);

/*
 * url(text, relative?) -> url without user and fragment, scheme, host, port (as
 * text), user, password; or false, why it is no URL.  `relative` is resolved
 * against text.
 */
int lullb_curl_l_url(lua_State *L);

#endif
