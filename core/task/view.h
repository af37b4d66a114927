/* SPDX-License-Identifier: MIT */
/*
 * view.h -- read-only views of tables, for plugins that share them.
 *
 * A view is a userdata that stands for a table: it can be indexed, counted with #,
 * and walked with pairs and ipairs; tables found in it come as views again.  Nothing
 * can be set in it, not with rawset either, and its metatable is locked.  All other
 * values, functions included, are what they are: a function runs with the rights of
 * whoever calls it, and gets the view as `self`, not the table.
 *
 * There is one view for each table as long as anybody holds one, so that views can be
 * compared and used as keys.
 */
#ifndef LULL_VIEW_H
#define LULL_VIEW_H

#include "task/task.h"

/* Make the class.  May raise (memory). */
void lull__view_init(lua_State *L, struct lull_tasks *tasks);

/* Push the view of the value at `index`: itself, unless it is a table.  May raise. */
void lull__view_push(lua_State *L, int index);

#endif
