/* SPDX-License-Identifier: MIT */
/*
 * curlurl.h -- URLs taken apart, for scripts/http/url.lua.
 */
#ifndef LULLB_CURLURL_H
#define LULLB_CURLURL_H

#include <lua.h>

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
