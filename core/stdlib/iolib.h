/* SPDX-License-Identifier: MIT */
/*
 * iolib.h -- the library `io` where not everything is allowed, or handles are limited.
 *
 * The functions are those of stock, with its results and messages; but files are
 * opened as the policy allows, and what is denied raises `permission`.  Handles are
 * stock's, with their methods, and count as handles of the runtime.  Where anything is
 * denied no file is waited for: a FIFO is opened at once, and reading from it fails
 * when nothing is there.  popen needs the rule run=sh, for it is the shell that
 * it runs; tmpfile needs the folder for temporary files to be writable; the process's
 * standard input needs `native`, and io.stdin is nil without.
 */
#ifndef LULL_IOLIB_H
#define LULL_IOLIB_H

#include "task/task.h"

#include <lauxlib.h>

/*
 * Open a file as the policy allows and push its handle; mode as for io.open, and
 * valid.  0, or an errno value negated, and nothing pushed.  Raises what is denied.
 */
int lull__push_file(lua_State *L, const char *op, const char *path, const char *mode);

/* Close a file that lull__push_file() has pushed. */
void lull__close_file(luaL_Stream *file);

/* Replace what is in the stock library `io` on top, in the current realm. */
void lull__cut_io(lua_State *L, struct lull_tasks *tasks);

/* Have io.stdout, io.stderr and io.write end at the host's print function: on top, io. */
void lull__redirect_io(lua_State *L, struct lull_tasks *tasks);

#endif
