/* SPDX-License-Identifier: MIT */
/*
 * clash.h -- is there one Lua in this process for us, and the right one?
 *
 * A program that has a Lua of its own and exports it (a static liblua that the
 * linker made visible) comes before the liblua that lull was linked with: some
 * of our calls would reach the one, some the other, and the first would already
 * be one too many.  So it is looked at before a state is made.
 */
#ifndef LULL_CLASH_H
#define LULL_CLASH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * False: all is well.  True: `text` says what is not, in one line.  Costs some 100 ns.
 * That number sizes are the same only luaL_checkversion() can tell, of a state.
 */
bool lull__lua_clashes(char *text, size_t size);

#endif
