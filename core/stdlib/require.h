/* SPDX-License-Identifier: MIT */
/*
 * require.h -- require whose loaders may wait.
 *
 * Stock results and messages.  While a task loads a module, others that
 * require it wait; if its loader fails, the next of them tries.  A cycle, in
 * one task or of tasks waiting for each other, raises in the one that closes
 * it.
 */
#ifndef LULL_REQUIRE_H
#define LULL_REQUIRE_H

#include "task/task.h"

/*
 * require(name).  Upvalues: 1 the runtime, 2 the table `package`, 3 package.loaded, 4 a
 * table of modules being loaded.
 */
int lull__l_require(lua_State *L);

/* Make the class of what is being loaded.  May raise (memory). */
void lull__require_init(lua_State *L, struct lull_tasks *tasks);

#endif
