/* SPDX-License-Identifier: MIT */
/*
 * write.h -- the writing methods of streams.
 *
 * Each takes a stream at index 1 (lullb_push_stream_class registers them).
 * What was accepted is sent, in order, whatever becomes of the task that wrote
 * it.  A write that was cancelled or timed out while others were before it, or
 * while the queue was too long to accept it, did not happen.  One that had been
 * accepted, and only waited for the queue to become short, did.
 */
#ifndef LULLB_WRITE_H
#define LULLB_WRITE_H

#include <lua.h>

/* s:write(...) -> s */
int lullb_m_write(lua_State *L);

/* s:flush() -> s, when all that was written before is with the kernel */
int lullb_m_flush(lua_State *L);

/* s:shutdown() -> s, when that is so and the peer is told the end */
int lullb_m_shutdown(lua_State *L);

#endif
