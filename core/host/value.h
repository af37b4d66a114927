/* SPDX-License-Identifier: MIT */
/*
 * value.h -- values by a format, and such values packed as plain C bytes.
 *
 * The format is in lull_host.h.  Packed values are a copy of the format and of
 * all that its arguments point at: they travel between threads, and become Lua
 * values where those may be made.
 */
#ifndef LULL_VALUE_H
#define LULL_VALUE_H

#include "lull_host.h"

#include <stdarg.h>

/* A list of arguments that can be handed on by pointer. */
struct lull_args {
    va_list list;
};

/* The size in C of an item of an array. */
static inline size_t lull__value_size(char letter)
{
    switch (letter) {
    case 'i':
        return sizeof(int);
    case 'I':
        return sizeof(long long);
    case 'n':
        return sizeof(double);
    case 'b':
        return sizeof(bool);
    default:
        return sizeof(const char *);
    }
}

/* Is the format of packed values right? */
bool lull__values_check(const char *format);

/*
 * Pack the values of a right format to `bytes`; NULL: only count.  Returns the
 * number of bytes; consumes the arguments.  Any thread.
 */
size_t lull__values_pack(char *bytes, const char *format, struct lull_args *args);

/* Push packed values, return how many.  May raise (memory). */
int lull__values_push(lua_State *L, const char *bytes);

#endif
