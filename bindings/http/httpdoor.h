/* SPDX-License-Identifier: MIT */
/*
 * httpdoor.h -- the parser, asked from Lua.
 */
#ifndef LULLB_HTTPDOOR_H
#define LULLB_HTTPDOOR_H

#include <lua.h>

/* parse(bytes, opts?) -> verdict, bytes used; see httpdoor.c. */
int lullb_l_http_parse(lua_State *L);

#endif
