/* SPDX-License-Identifier: MIT */
/*
 * field.h -- one field of a C struct as a Lua value.
 *
 * The descriptions are public, in lull_host.h, with the functions for whole
 * tables; objects (object.c) read and write one field at a time.
 */
#ifndef LULL_FIELD_H
#define LULL_FIELD_H

#include "lull_host.h"

/* Push the value of a field.  May raise (memory; a description that is wrong). */
void lull__field_push(lua_State *L, const struct lull_field *field, const void *source);

/*
 * Set a field to the value at `index`.  NULL, or what is wrong with the value: a
 * message, pushed on L.  May raise (memory; a description that is wrong).
 */
const char *lull__field_set(lua_State *L, int index, const struct lull_field *field,
                            void *target);

#endif
