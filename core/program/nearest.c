/* SPDX-License-Identifier: MIT */
/*
 * nearest.c -- how far a misspelt word is from the right one.
 */
#include "program/option.h"

#include <string.h>

#define LONGEST 63

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Row i of the table of distances between what a and b begin with. */
static void next_row(const char *a, const char *b, unsigned rows[3][LONGEST + 1],
                     unsigned i)
{
    const unsigned *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];
    unsigned *row = rows[i % 3];
    row[0] = i;
    for (unsigned j = 1; b[j - 1] != '\0' && j <= LONGEST; j++) {
        row[j] = least(last[j], row[j - 1]) + 1;
        row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            row[j] = least(row[j], before[j - 2] + 1);
    }
}

unsigned lull__word_distance(const char *a, const char *b, unsigned most)
{
    unsigned rows[3][LONGEST + 1] = {{0}};
    size_t wide = strnlen(b, LONGEST);
    size_t high = strnlen(a, LONGEST);
    if (wide > high + most || high > wide + most)
        return most + 1;
    for (unsigned j = 0; j <= wide; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= high; i++)
        next_row(a, b, rows, i);
    return rows[high % 3][wide];
}

unsigned lull__tolerance(const char *word)
{
    size_t size = strlen(word);
    return size < 3 ? 0 : size < 6 ? 1 : 2;
}
