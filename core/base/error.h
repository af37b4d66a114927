/* SPDX-License-Identifier: MIT */
/*
 * error.h -- error objects: tables with kind, message and more, and a name.
 *
 * Scripts tell errors apart by `kind`; tostring() of one is one line.  The
 * functions for C modules (lull_push_error, lull_raise, lull_error_detail)
 * are in lull_ext.h.
 */
#ifndef LULL_ERROR_H
#define LULL_ERROR_H

#include "base/compat.h"
#include "lull_ext.h"

#include <stdbool.h>

/* Make the metatable.  May raise (memory). */
void lull__error_init(lua_State *L);

/* Is the value at `index` an error object?  Raises nothing. */
bool lull__is_error(lua_State *L, int index);

/* Push "ENOENT" and such, as in the field `code`; of an unknown number "E" and it. */
void lull__push_errno_name(lua_State *L, int errnum);

/*
 * Push one line for any error value, as stock `lua` does: strings and numbers
 * as they are, __tostring if there is one, else "(error object is a X value)".
 * May raise: __tostring is the script's.
 */
void lull__push_error_text(lua_State *L, int index);

/* lull.is_error(e, kind?) and lull.new_error(kind, message, fields?) */
int lull__l_is_error(lua_State *L);
int lull__l_new_error(lua_State *L);

#endif
