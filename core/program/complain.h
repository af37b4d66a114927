/* SPDX-License-Identifier: MIT */
/*
 * complain.h -- errors as the program shows them.
 */
#ifndef LULL_COMPLAIN_H
#define LULL_COMPLAIN_H

#include <stdbool.h>

/*
 * Print to stderr what went wrong: a message that begins with "lull: ", and perhaps a
 * newline and a traceback.  As it is, but where stderr takes colours (a terminal; then
 * NO_COLOR, FORCE_COLOR and TERM decide, as for lull.term): there the message stands
 * out, the line of the source follows it, and what is not the script's own is dim.
 * Without the line unless `with_source`: which file it is of is for the message to say,
 * and so for a script that may not read it.
 */
void lull__complain(const char *text, bool with_source);

#endif
