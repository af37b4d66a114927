/* SPDX-License-Identifier: MIT */
/*
 * taskclass.h -- the class of tasks in Lua, and looking at them: current,
 * tasks, tree.
 */
#ifndef LULL_TASKCLASS_H
#define LULL_TASKCLASS_H

#include "task.h"

/* Functions of the module `lull`; ends with NULL. */
extern const luaL_Reg lull__task_functions[];

/* Make the class; keeps a reference in tasks.  May raise (memory). */
void lull__taskclass_init(lua_State *L, struct lull_tasks *tasks);

/* Push the text of lull.tree().  May raise (memory). */
void lull__push_tree(lua_State *L, struct lull_tasks *tasks);

#endif
