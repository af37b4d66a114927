/* SPDX-License-Identifier: MIT */
/*
 * spawnspec.h -- what a script says of a process to start, as struct lullb_spawn.
 */
#ifndef LULLB_SPAWNSPEC_H
#define LULLB_SPAWNSPEC_H

#include "process/spawn.h"

#include "common/bind.h"

/*
 * Read argv, a list of strings at `argv`, and the table at `spec`:
 *
 *   cwd      a folder
 *   env      name -> value, or false: not that one; inherit: besides ours
 *   stdin    "inherit", "null", "pipe", { file = path } or a stream
 *   stdout   likewise; append = true beside file
 *   stderr   likewise, or "stdout"
 *   rows, columns   a terminal of that size in the place of all three
 *   group    a process group of its own
 *
 * Pushes what the outcome borrows: it is good while that is on the stack.  Raises
 * argument errors.
 */
void lullb_check_spawn(lua_State *L, int argv, int spec, struct lullb_spawn *spawn);

/*
 * Take the descriptors of the streams that are handed over: the last thing before the
 * process is started, for a stream can be closed by whatever code runs (metamethods of
 * the options, finalizers), and its number become another's.  They are made to block in
 * the child, and shared from then on.  Raises argument errors.
 */
void lullb_share_streams(lua_State *L, int spec, struct lullb_spawn *spawn);

#endif
