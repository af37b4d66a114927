/* SPDX-License-Identifier: MIT */
/*
 * folded.h -- lull --profile: a file of folded stacks, and the hottest functions.
 *
 * A line of the file is "task;function;...;function count", as flamegraph.pl, inferno
 * and speedscope read it.  A count is one interval of CPU time.
 */
#ifndef LULL_FOLDED_H
#define LULL_FOLDED_H

#include "lull.h"

struct folded;

/*
 * Create the file and begin.  `interval` as in lull_profile_start().  A process of
 * --workers adds its number to the name.  NULL: it cannot be, and why was printed.
 */
struct folded *lull__folded_start(struct lull_runtime *rt, const char *path,
                                  double interval);

/* Write the file, and to stderr a summary; NULL is allowed.  Frees `folded`. */
void lull__folded_end(struct folded *folded, struct lull_runtime *rt);

#endif
