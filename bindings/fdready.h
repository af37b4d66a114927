/* SPDX-License-Identifier: MIT */
/*
 * fdready.h -- waiting for a descriptor that somebody else reads and writes.
 */
#ifndef LULLB_FDREADY_H
#define LULLB_FDREADY_H

#include <lua.h>

/* wait_readable(fd) -> nothing, once a read would not block */
int lullb_l_wait_readable(lua_State *L);

/* wait_writable(fd) -> nothing, once a write would not block */
int lullb_l_wait_writable(lua_State *L);

#endif
