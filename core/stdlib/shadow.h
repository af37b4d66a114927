/* SPDX-License-Identifier: MIT */
/*
 * shadow.h -- metatables of scripts in a limited runtime.
 *
 * Some metamethods make Lua itself work without end, where no hook fires: __call
 * that leads in a circle, weak keys that refer to one another in a chain (a single
 * collection takes time quadratic in it), __gc.  A script can set them at any time
 * by plain assignment, so in a limited runtime no object has a table of the script
 * as its metatable.  setmetatable gives it a shadow: a private table with copies of
 * the metamethods that Lua and lull know, but
 *
 *   __call   of what is no function becomes a C function that calls it: a circle
 *            ends in Lua's own "C stack overflow";
 *   __mode   "k" alone becomes none: such keys are strong;
 *   __gc     becomes a C function that queues the object (final.h).  As in stock, it
 *            must be there when setmetatable is called.
 *
 * getmetatable gives back the script's own table.  There is one shadow for a table,
 * or two (below), however many objects have it.  A shadow is brought up to date:
 *
 *   1. whenever setmetatable is called with its table;
 *   2. when a metamethod is set by rawset;
 *   3. when one that was not there is assigned to the table.  This is seen by a guard: a metatable with __newindex, which getmetatable does not show.  A
 *      table with a metatable of its own gets the guarded shadow of that, a second
 *      one, unless it has __newindex itself.
 *
 * So the one difference that is left: a metamethod that is replaced or removed by
 * assignment counts from the next setmetatable with its table on.
 *
 * Metatables made in C are seen through read-only views, that of strings as well.  The
 * view of one without __gc may be given to setmetatable: it stands for what it shows.
 *
 * The shadows are found by the address of the script's table, in a table with weak
 * values: a shadow holds its table, so an address that is found is the right one.
 */
#ifndef LULL_SHADOW_H
#define LULL_SHADOW_H

#include "stdlib/chunk.h"

/*
 * Replace setmetatable, getmetatable and rawset of the current realm, which is being built, and
 * those of its debug library.  On top is the function that shadows are to have as __gc,
 * or nil: it is popped.  All realms have their shadows in common.  May raise (memory).
 */
void lull__shadow_init(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at);

/*
 * Push the table that a script gave the value at index `arg` as its metatable: false,
 * and nothing pushed, when it has none from a script.
 */
bool lull__shadow_origin(lua_State *L, int arg);

/* Is the metatable on top only a guard: scripts gave the table none? */
bool lull__shadow_is_guard(lua_State *L);

#endif
