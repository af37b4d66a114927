/* SPDX-License-Identifier: MIT */
/*
 * cover.h -- which lines of which files ran, for `lull test --coverage`.
 *
 * A hook of lines and calls, in C, in every thread of Lua: they inherit it from
 * whoever makes them, so that it is on in all that are made after it is put, and time
 * slices leave it on (slice.h).  A script that sets a hook of its own in a thread takes
 * that thread out.  Workers have Lua states of their own, and are not counted.
 *
 * Counts are kept by file and line, in the runtime's memory; where that is refused,
 * what would need more is not counted.  Code that is neither of a
 * file nor of lull's own modules is skipped.
 */
#ifndef LULL_COVER_H
#define LULL_COVER_H

#include "base/compat.h"

/* cover(): count from here on, as long as the runtime lives.  Idempotent.  May raise (memory). */
int lull__l_cover(lua_State *L);

/*
 * covered() -> { [file] = { lines = { [line] = times }, calls = { [line] = times } } }: what
 * ran since, file as its chunk was named, or "[lull.x]"; calls by the lines where functions
 * begin.
 */
int lull__l_covered(lua_State *L);

#endif
