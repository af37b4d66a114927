/* SPDX-License-Identifier: MIT */
/*
 * class.h -- the core's own classes of userdata, found by the address of a key.
 *
 * A class is a metatable in the registry with __name, a locked __metatable and
 * a table of methods.  Every function that takes an object checks it: scripts
 * can call a metamethod with anything.
 */
#ifndef LULL_CLASS_H
#define LULL_CLASS_H

#include "task/task.h"

/* Make the class; methods and meta end with {NULL, NULL}, or are NULL.  May raise. */
void lull__class_make(lua_State *L, struct lull_tasks *tasks, const char *key,
                      const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* Give the userdata on top this class. */
void lull__class_set(lua_State *L, const char *key);

/* The object of this class at `arg`; raises an argument error naming the class. */
void *lull__class_check(lua_State *L, int arg, const char *key, const char *name);

/* Push a new table whose keys or values are weak: mode "k" or "v".  May raise. */
void lull__push_weak(lua_State *L, const char *mode);

#endif
