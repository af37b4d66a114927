/* SPDX-License-Identifier: MIT */
/*
 * iter.h -- standard functions that call back into Lua, made able to wait.
 *
 * string.gsub, table.sort and load call functions of the script.  In stock Lua
 * such a callback cannot yield.  These stand-ins call it by lua_callk or
 * lua_pcallk and keep all they need on the Lua side, so the whole coroutine
 * may be suspended inside the callback and go on later.
 *
 *   1. When nothing yields, results, side effects and messages are stock's.
 *   2. Nothing here yields; it only lets a callback do so.
 *   3. What must outlive a wait is in a userdata or on the Lua stack, never in
 *      a C local and never in malloc: an error, a wait or a coroutine dropped
 *      half way leaks nothing.
 *
 * Each is to be registered by lua_pushcclosure with LULL__ITER_UPVALUES
 * upvalues of its own: first the runtime, then a nil, where gsub and sort keep
 * their state block between calls.  Without upvalues they work too, only slower.
 */
#ifndef LULL_ITER_H
#define LULL_ITER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define LULL__ITER_UPVALUES 2
#define LULL__ITER_SCRATCH  2 /* index of the upvalue that keeps the state block */

/*
 * string.gsub(s, pattern, repl [, n]) -> string, matches
 *
 * Waits: a function as repl may suspend, and so may a function found as
 * __index when repl is a table (at any place of its __index chain).
 */
int lull__l_gsub(lua_State *L);

/*
 * table.sort(list [, comp])
 *
 * Asks the same questions in the same order as stock's quicksort, so an
 * unstable order comes out alike and an inconsistent comparator raises the same
 * "invalid order function for sorting".  In parts of more than 256 elements that
 * split badly both choose pivots by the clock, and neither repeats itself.
 *
 * Waits: comp may suspend, and so may __lt when there is no comp.  __index,
 * __newindex and __len of the list are called as stock does and cannot.
 */
int lull__l_sort(lua_State *L);

#define LULL__LOAD_GLOBALS 3 /* of load: the upvalue that has a plugin's globals */

/*
 * load(chunk [, chunkname [, mode [, env]]]) -> function | nil, message
 *
 * Waits: a reader function may suspend; it is asked for all pieces first, then
 * they are compiled.  Two differences to stock follow from that.  A chunk that
 * is broken, or binary and complete, is noticed later, so its reader may be called
 * more often (but an endless one does end); the results are the same.  And an
 * xpcall around load does not show its handler the errors of the reader, which
 * load returns.
 */
int lull__l_load(lua_State *L);

/*
 * luaL_loadbufferx for texts of scripts: looks at the time meanwhile.  Raises when
 * the task is to be killed.  The text stays where it is until it returns.
 */
int lull__load_text(lua_State *L, const char *text, size_t length, const char *name,
                    const char *mode);

/* A state block begins with this. */
struct lull__scratch {
    bool busy; /* between take and the end of the call, whose user clears it */
};

/*
 * Puts a state block of `size` bytes into `slot`: the kept one if it is free, or
 * else a new one, which is kept from now on.  The caller sets every field.
 * Returns memory owned by Lua, alive while in the slot; raises for lack of it.
 */
void *lull__scratch_take(lua_State *L, size_t size, int slot);

#endif
