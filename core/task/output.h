/* SPDX-License-Identifier: MIT */
/*
 * output.h -- what scripts print, and lines for whoever runs the host.
 *
 * When the host has a print function, everything that a script would have written to
 * the standard streams of the process goes there: print, io.write, io.stdout and
 * io.stderr, which then are streams of their own with the methods of every file.
 */
#ifndef LULL_OUTPUT_H
#define LULL_OUTPUT_H

#include "task/task.h"

/*
 * Hand text to the host's print function; there is one.  False when that would be
 * more than may be printed in a second.  Raises nothing.
 */
bool lull__output(struct lull_tasks *tasks, const char *text, size_t size);

/* Hand a line to the host's log function, if there is one.  Raises nothing. */
void lull__log(struct lull_tasks *tasks, enum lull_level level, const char *text);

/* print(...) for a host with a print function. */
int lull__l_print(lua_State *L);

/*
 * Push a new stream, a file like io.stdout, that writes to the host's print function.
 * Unbuffered.  May raise (memory).
 */
void lull__push_print_stream(lua_State *L, struct lull_tasks *tasks);

/* warn() to the host's log function, if there is one. */
void lull__take_warnings(lua_State *L, struct lull_tasks *tasks);

#endif
