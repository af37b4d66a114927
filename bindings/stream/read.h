/* SPDX-License-Identifier: MIT */
/*
 * read.h -- the reading methods of streams.
 *
 * Each takes a stream at index 1 (lullb_push_stream_class registers them).
 * What was cancelled, timed out or refused has taken nothing: the bytes stay
 * for the next read, those of a read with several formats, too.
 */
#ifndef LULLB_READ_H
#define LULLB_READ_H

#include <lua.h>

/* s:read(...) with "l" "L" "a" n -> as io.read */
int lullb_m_read(lua_State *L);

/* s:lines(...) -> iterator */
int lullb_m_lines(lua_State *L);

/* s:read_some(max?) -> bytes | nil */
int lullb_m_read_some(lua_State *L);

/* s:read_exact(n) -> bytes | nil, raises eof */
int lullb_m_read_exact(lua_State *L);

/* s:read_until(separator, limit?) -> bytes | nil, raises eof, limit */
int lullb_m_read_until(lua_State *L);

#endif
