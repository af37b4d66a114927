/* SPDX-License-Identifier: MIT */
/*
 * bounded.h -- what a limited runtime has in place of standard functions that could
 * hold the thread for long.
 *
 * A time slice ends between two instructions of Lua, never inside a C function.  So
 * in a limited runtime every C function that a script can call either takes time in
 * proportion to the memory it may use, at the speed of memory, or asks now and then
 * whether it may go on (lull_check_time): none holds the thread for longer than
 * lull_options.stall.
 *
 * Stock functions that stay as they are satisfy the first.  Those of boundtable.c and
 * boundtext.c satisfy the second; they differ from stock in three limits: formats of
 * os.date have up to 16 KB, string.format takes up to 9,999 arguments after the format,
 * string.pack up to four numerals of more than 1,000 digits.  Patterns, sorting and compiling
 * (find.c, gsub.c, sort.c, load.c) ask in all runtimes.
 *
 * Metatables and finalizers: shadow.h, final.h.
 */
#ifndef LULL_BOUNDED_H
#define LULL_BOUNDED_H

#include "stdlib/chunk.h"

/* concat, insert, move, remove, unpack: to be set with the runtime as upvalue. */
extern const luaL_Reg lull__bounded_table[];

/* One that calls the stock function, its second upvalue, when it is safe to. */
struct lull__bounded {
    const char *library; /* as in package.loaded */
    const char *name;
    lua_CFunction fn;
};
extern const struct lull__bounded lull__bounded_texts[]; /* ends with a zero entry */

/*
 * Replace what must be in the libraries of the current realm, which is being built;
 * nothing unless the runtime is limited.  May raise (memory).
 */
void lull__bounded_init(lua_State *L, struct lull_tasks *tasks,
                        const struct lull_places *at);

#endif
