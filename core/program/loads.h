/* SPDX-License-Identifier: MIT */
/*
 * loads.h -- telling a watcher which files the script loads.
 *
 * `lull --watch` and `lull test --watch` run the script in a child process, which finds
 * in LULL_WATCH the path of a pipe (scripts/program/watch.lua reads it).  Nothing is
 * hooked where that is not set.
 */
#ifndef LULL_LOADS_H
#define LULL_LOADS_H

#include <lua.h>

/*
 * Open the pipe, and take LULL_WATCH out of the environment: what the script starts is
 * not watched.  The descriptor, or -1 without a watcher.
 */
int lull__loads_open(void);

/* Tell of a file, which need not be there.  Does nothing for fd -1; waits for room. */
void lull__loads_tell(int fd, const char *path);

/* Tell of what dofile, loadfile and require load from here on.  May raise. */
void lull__loads_hook(lua_State *L, int fd);

#endif
