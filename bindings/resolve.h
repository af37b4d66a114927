/* SPDX-License-Identifier: MIT */
/*
 * resolve.h -- names to addresses, on the runtime's pool for names.
 */
#ifndef LULLB_RESOLVE_H
#define LULLB_RESOLVE_H

#include <lua.h>

/* resolve(name) -> array of numeric addresses, best first; raises `dns` */
int lullb_l_resolve(lua_State *L);

#endif
