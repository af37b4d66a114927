/* SPDX-License-Identifier: MIT */
/*
 * envfile.h -- variables of the environment from a file.
 */
#ifndef LULL_ENVFILE_H
#define LULL_ENVFILE_H

#include <stdbool.h>

/*
 * Set the variables of a file that the environment has not got; the first one of a name
 * in the file counts.  False: the file cannot be read, has a mistake, or is larger than
 * 1 MiB; why was printed, with the line, and nothing was set.
 *
 *   # a comment, and empty lines
 *   NAME=VALUE         blanks around VALUE do not count, nor does " #" and what follows
 *   export NAME=VALUE
 *   NAME='as it is'    up to the next quote, over several lines
 *   NAME="a\n\"b\""    likewise, with \n \r \t \\ \" \$; other backslashes stay
 *
 * Nothing is put in for a $.
 */
bool lull__load_environment(const char *path);

#endif
