/* SPDX-License-Identifier: MIT */
/*
 * sync.h -- lull.sync: events, locks, semaphores, conditions, barriers, queues
 * and channels, all of them parking lots and a little state.
 *
 * What they promise alike: hand-over is first-in first-out and direct, so a
 * newcomer never overtakes a waiter; a waiter that is cancelled is out of line
 * at once; what was handed over stays, whatever happens before it is seen.
 */
#ifndef LULL_SYNC_H
#define LULL_SYNC_H

#include "base/compat.h"

/* Push the module's table; upvalue 1 is the runtime.  A lua_CFunction. */
int lull__open_sync(lua_State *L);

/* lull.select(alternatives) -> index, value; upvalue 1 is the runtime. */
int lull__l_select(lua_State *L);

#endif
