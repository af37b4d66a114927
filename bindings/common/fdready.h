/* SPDX-License-Identifier: MIT */
/*
 * fdready.h -- waiting for a descriptor that somebody else reads and writes.
 *
 * A descriptor that is closed while it is watched is never reported, and its
 * number may come back as another's.  So whoever closes one for lull says so
 * before: who waits for it gets `closed`.  Descriptors that others own must not
 * be closed while they are waited for.
 */
#ifndef LULLB_FDREADY_H
#define LULLB_FDREADY_H

#include "lull_ext.h"

/* All such waits of a runtime; a userdata in the registry. */
struct lullb_fd_waits;

/* Those of this runtime; made when first needed.  May raise (memory). */
struct lullb_fd_waits *lullb_fd_waits_of(lua_State *L);

/* The descriptor will be closed: fail who waits for it. */
void lullb_fd_waits_close(struct lullb_fd_waits *waits, int fd);

/* wait_readable(fd) -> nothing, once a read would not block */
int lullb_l_wait_readable(lua_State *L);

/* wait_writable(fd) -> nothing, once a write would not block */
int lullb_l_wait_writable(lua_State *L);

#endif
