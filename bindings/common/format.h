/* SPDX-License-Identifier: MIT */
/*
 * format.h -- what methods that read are given, as requests: the same for streams and files.
 *
 * All but the first look at the arguments of a method, whose object is at index 1, and
 * raise what is wrong with them.
 */
#ifndef LULLB_FORMAT_H
#define LULLB_FORMAT_H

#include "common/request.h"

#include <lua.h>

/* What the object itself sets. */
struct lullb_read_bounds {
    size_t line; /* bytes of a line, or of read_until without a limit */
    size_t all;  /* bytes that "a" may bring */
};

/* What the format at `index` asks for; false when it is none. */
bool lullb_parse_format(lua_State *L, int index, struct lullb_read_bounds bounds,
                        struct lullb_request *request);

/* Check the formats from index 2 to the top; without any, push "l".  Returns how many. */
int lullb_check_formats(lua_State *L, struct lullb_read_bounds bounds);

/*
 * lines(...): push the iterator, a closure of `next`, which gets its formats by the
 * function below.
 */
int lullb_push_lines(lua_State *L, struct lullb_read_bounds bounds, lua_CFunction next);

/*
 * In the iterator: leave only its formats on the stack; *formats is how many.  Returns the
 * object, *borrowed*: the iterator has it.
 */
void *lullb_push_formats(lua_State *L, int *formats);

/* read_some(max = usual), read_exact(count), read_until(separator, limit?): that borrows it */
struct lullb_request lullb_check_some(lua_State *L, size_t usual);
struct lullb_request lullb_check_exact(lua_State *L);
struct lullb_request lullb_check_until(lua_State *L, struct lullb_read_bounds bounds);

#endif
