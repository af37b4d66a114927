/* SPDX-License-Identifier: MIT */
/*
 * complain.h -- errors as the program shows them.
 */
#ifndef LULL_COMPLAIN_H
#define LULL_COMPLAIN_H

/*
 * Print to stderr what went wrong: a message that begins with "lull: ", and perhaps a
 * newline and a traceback.  As it is, but where stderr takes colours (a terminal; then
 * NO_COLOR, FORCE_COLOR and TERM decide, as for lull.term): there the message stands
 * out, the line of the source follows it, and what is not the script's own is dim.
 */
void lull__complain(const char *text);

#endif
