/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h -- the standard libraries of realms that may not everything.
 *
 * io and os are cut as iolib.h and oslib.h say, what loads files as chunk.h says.
 * Beyond these: `debug` keeps traceback, and getinfo without its functions; of
 * collectgarbage remain "collect", "step", "count" and "isrunning".
 *
 * In plugins, whatever they may: io's default files are their own; setmetatable does
 * not take __gc (a finalizer would run with the rights of whoever is running then).
 */
#ifndef LULL_SANDBOX_H
#define LULL_SANDBOX_H

#include "stdlib/chunk.h"

/*
 * Cut the libraries of the current realm, which is being built: they are stock's, with
 * lull's replacements.  May raise (memory).
 */
void lull__sandbox_cut(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at);

/*
 * From now on no script can change the methods of strings: they are those of the
 * runtime's own `string` now.  May raise (memory).
 */
void lull__sandbox_freeze_strings(lua_State *L);

#endif
