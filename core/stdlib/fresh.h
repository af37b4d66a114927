/* SPDX-License-Identifier: MIT */
/*
 * fresh.h -- building libraries anew, apart from those that scripts have.
 *
 * The stock openers put what they make into the registry's globals, loaded modules and
 * so on.  For plugins, and for lull's own modules where not everything is allowed, these
 * are others for a while: what a script did to its libraries does not count there, and
 * nothing that is made there reaches the script.
 */
#ifndef LULL_FRESH_H
#define LULL_FRESH_H

#include "task/task.h"

/*
 * Call build(tasks, value), which luaL_openlibs() is for, with the value on top, which
 * is popped; push its one result.  While it runs `realm` is the current one, globals,
 * package.loaded and package.preload of the registry are empty tables of their own, and
 * no finalizer of a script is called.  Whether or not it fails all is as before then:
 * strings and files have the methods that they had.  May raise: what build() does.
 */
void lull__fresh_call(lua_State *L, struct lull_tasks *tasks, struct lull_realm *realm,
                      lua_CFunction build);

#endif
