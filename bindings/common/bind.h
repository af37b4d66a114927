/* SPDX-License-Identifier: MIT */
/*
 * bind.h -- what every class of the bindings does the same way.
 *
 * An object is a userdata that begins with struct lullb_object.  Its tag, the
 * address of something in the file of its class, says what it is: checking an
 * argument costs two comparisons and no look-up.
 */
#ifndef LULLB_BIND_H
#define LULLB_BIND_H

#include "lull_ext.h"

#include <lauxlib.h>

struct lullb_object {
    struct lull_handle handle; /* first */
    const void *tag;           /* never NULL */
};

/* The object at `index`, open or not; NULL: something else is there.  Raises nothing. */
static inline void *lullb_test_object(lua_State *L, int index, const void *tag)
{
    struct lullb_object *object = (struct lullb_object *)lua_touserdata(L, index);
    bool is_one = object != NULL && lua_rawlen(L, index) >= sizeof *object;
    return is_one && object->tag == tag ? object : NULL;
}

/* The object at `index`, or an argument error that names the class. */
static inline void *lullb_check_object(lua_State *L, int index, const void *tag,
                                       const char *name)
{
    void *object = lullb_test_object(L, index, tag);
    if (object == NULL)
        luaL_typeerror(L, index, name);
    return object;
}

/*
 * Push a new object of `size` bytes, all zero but its tag, with the metatable
 * of the class on top of the stack, which is popped.  Born closed.
 */
void *lullb_push_object(lua_State *L, size_t size, const void *tag);

/* Raise kind `io` with the errno value and what it was about: "what: strerror". */
int lullb_raise_io(lua_State *L, const char *op, int errnum, const char *what);

/* Raise another kind, with the field `op`. */
int lullb_raise(lua_State *L, enum lull_kind kind, const char *op, const char *message);

/* Raise `memory`: lull's own memory was refused. */
int lullb_raise_memory(lua_State *L, const char *op);

/* Raise `memory` for ENOBUFS, `limit` for EDQUOT: more than may be held for scripts. */
int lullb_raise_refused(lua_State *L, const char *op, int errnum);

/*
 * May the running task read what is at this path, that a library will open?  Raises
 * `permission`, also when a link leads out of what may be read.  NULL: nothing is asked.
 */
void lullb_check_readable(lua_State *L, const char *op, const char *path);

/*
 * A number of seconds: the field `name` of the table at `index`, or without a
 * name the argument itself.  Infinity when it is nil; NaN, a negative number
 * or another type is an argument error.
 */
double lullb_check_seconds(lua_State *L, int index, const char *name);

/* A positive integer field of the table at `index`, or `otherwise` when it is nil. */
size_t lullb_check_size_field(lua_State *L, int index, const char *name,
                              size_t otherwise);

#endif
