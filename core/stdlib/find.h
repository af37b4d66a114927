/* SPDX-License-Identifier: MIT */
/*
 * find.h -- string.find, string.match and string.gmatch on our own matcher.
 *
 * Stock's functions in all but one thing: they ask for the time while they work
 * (match.h), so that no pattern and no text, however hostile, holds the thread
 * for longer than lull_options.stall.
 */
#ifndef LULL_FIND_H
#define LULL_FIND_H

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>

/* find, match, gmatch: to be set with the runtime as first upvalue. */
extern const luaL_Reg lull__find_functions[];

/*
 * The first place in `text` where `needle` is, or NULL.  Takes time proportional to
 * the text alone, and looks at the clock meanwhile: may raise.
 */
const char *lull__find_plain(lua_State *L, const char *text, size_t length,
                             const char *needle, size_t needle_length);

#endif
