/* SPDX-License-Identifier: MIT */
/*
 * packname.h -- what has a name in a module, and is found there on other threads:
 * functions and userdata that are fields of a loaded module, and modules.
 *
 * Of several names the one in the module with the shortest name counts.  Of the
 * globals only C functions count: a script's own would not be found.
 */
#ifndef LULL_PACKNAME_H
#define LULL_PACKNAME_H

#include "base/compat.h"

#include <stdbool.h>

/*
 * Whose values they are: a table of what scripts there have as package.loaded, _G and
 * require, and what lull's own scripts have as package.loaded and require.  pack.c and
 * unpack.c keep things in it, too.
 */
enum {
    LULL_HOME_LOADED = 1,
    LULL_HOME_GLOBALS,
    LULL_HOME_REQUIRE,
    LULL_HOME_OWN_LOADED,
    LULL_HOME_OWN_REQUIRE
};

struct lull_names {
    int home;      /* stack index of the table that says whose they are */
    int table;     /* stack index of a slot for the table of names */
    bool searched; /* false at first */
};

/*
 * Push the pair {module, field}, or {module}, of the value at `index`; or nothing.
 * May raise (memory).
 */
bool lull__push_name(lua_State *L, struct lull_names *names, int index);

/* Replace the key and its table or function, on top, by how that is written in a path. */
void lull__push_step(lua_State *L);

#endif
