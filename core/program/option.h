/* SPDX-License-Identifier: MIT */
/*
 * option.h -- the options of the program `lull`, one row each.
 */
#ifndef LULL_OPTION_H
#define LULL_OPTION_H

#include "program/command.h"

#include <stdio.h>

/*
 * Take the option at argv[*i], and its value, which may be the next argument.
 * 0, or what to exit with plus one.
 */
int lull__take_option(struct command *command, int *i);

/* A line or two for each. */
void lull__print_options(FILE *out);

/* Print one row of a list of options or commands; `about` may have several lines. */
void lull__print_row(FILE *out, const char *head, const char *about);

/*
 * How unlike are two words: letters to put in, take out, replace, or swap with the next,
 * or more than `most`.  Words are cut at 63 bytes.
 */
unsigned lull__word_distance(const char *a, const char *b, unsigned most);

/* How unlike a misspelt word may be. */
unsigned lull__tolerance(const char *word);

#endif
