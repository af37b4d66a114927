/* SPDX-License-Identifier: MIT */
/*
 * oslib.h -- the library `os` where not everything is allowed.
 *
 * date, time, clock and difftime are stock's; exit is lull's, and needs "all" in
 * plugins.  execute needs run=sh, for it is the shell that it runs; without arguments it
 * answers whether that is allowed.  remove and rename need write; what is moved to where
 * it can be read must have been readable, and so must what is moved above such a place.
 * tmpname needs the folder for temporary files to be writable;
 * getenv needs env; setlocale, which is for the process, answers only.
 */
#ifndef LULL_OSLIB_H
#define LULL_OSLIB_H

#include "task/task.h"

/* Replace what is in the stock library `os` on top. */
void lull__cut_os(lua_State *L, struct lull_tasks *tasks);

#endif
