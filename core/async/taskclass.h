/* SPDX-License-Identifier: MIT */
/*
 * taskclass.h -- the class of tasks in Lua, and looking at them: current,
 * tasks, tree.
 */
#ifndef LULL_TASKCLASS_H
#define LULL_TASKCLASS_H

#include "task/task.h"

/* Functions of the module `lull`; ends with NULL. */
extern const luaL_Reg lull__task_functions[];

/* Make the class; keeps a reference in tasks.  May raise (memory). */
void lull__taskclass_init(lua_State *L, struct lull_tasks *tasks);

/* Push the text of lull.tree().  May raise (memory). */
void lull__push_tree(lua_State *L, struct lull_tasks *tasks);

/* Fill in a view of a live task, its name pushed on L.  May raise (memory). */
void lull__push_view(lua_State *L, struct lull_task *task, struct lull_task_view *view);

/* Call fn for each unfinished task, owners first, until it returns not 0.  May raise. */
void lull__each_view(lua_State *L, struct lull_tasks *tasks,
                     int (*fn)(const struct lull_task_view *view, void *arg), void *arg);

#endif
