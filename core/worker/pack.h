/* SPDX-License-Identifier: MIT */
/*
 * pack.h -- Lua values as bytes, for another runtime: on another thread.
 *
 * What travels is copied: nil, booleans, integers and floats (kept apart),
 * strings, tables with cycles and shared parts, functions of Lua.  Error
 * objects stay error objects, lull.json's arrays and its null stay what they
 * are.  What a module has (string.format, lull.sleep, the module itself) travels
 * as its name and is what that module has over there.  A function takes along
 * the values of its upvalues, by the same rules; _ENV becomes the globals over
 * there.  Everything else is refused, with the path to it: coroutines, userdata,
 * C functions without a name, tables with other metatables.
 *
 *   1. Tables are read and made raw: no metamethod runs, and no script but the
 *      loader of a module that is needed and was not loaded.
 *   2. Neither way recurses: tables may be nested as deeply as memory allows.
 *   3. Bytes are believed only as far as they go: broken ones raise.  But they
 *      hold bytecode, which nobody can check: only take what lull__pack() made.
 *
 * Thread: the one of the state that is given.
 */
#ifndef LULL_PACK_H
#define LULL_PACK_H

#include "worker/packname.h"

#include <stddef.h>
#include <stdint.h>

#define LULL_PACK_LIMIT ((size_t)1 << 30)  /* bytes of one message */
#define LULL_PACK_JSON  "lull.json.native" /* whose arrays and null travel */

/* What is packed, and how errors call it. */
struct lull_packing {
    int home;          /* stack index of that table */
    int first;         /* stack index of the first value */
    int count;         /* how many there are */
    const char *label; /* "argument" */
    int base;          /* and its number is that of the value here, from 1, and this */
    bool timed; /* look at the time: the running function may call lull_check_time() */
};

/*
 * Push a userdata, with a user value for the caller, that holds the bytes, of *size.  Raises an error of kind usage
 * with a field `path` for what cannot travel; limit; memory.
 */
const void *lull__pack(lua_State *L, const struct lull_packing *what, size_t *size);

/*
 * Push the values, return how many; `home` is absolute.  In a home without `require` what
 * was told by its name becomes that name, and an array a table.  May raise: broken bytes, memory, a module
 * that cannot be loaded.
 */
int lull__unpack(lua_State *L, int home, const void *bytes, size_t size);

/* Push a list of the names of the modules that lull__unpack() will require. */
void lull__unpack_modules(lua_State *L, const void *bytes, size_t size);

/* ---- shared by pack.c and unpack.c: the form of a message --------------------- */

/*
 * A message: 8 bytes, where its list of modules begins; the number of values and
 * the values; then what is in each table and function, in the order in which they
 * came up first; the number of modules and their names.  Numbers are variable
 * (7 bits a byte, lowest first), integers zigzag.
 */
enum lull_pack_tag {
    LULL_PACK_NIL,
    LULL_PACK_FALSE,
    LULL_PACK_TRUE,
    LULL_PACK_INTEGER,  /* zigzag */
    LULL_PACK_FLOAT,    /* 8 bytes */
    LULL_PACK_STRING,   /* length, bytes */
    LULL_PACK_TABLE,    /* one that comes up first */
    LULL_PACK_ERROR,    /* likewise: an error object */
    LULL_PACK_ARRAY,    /* likewise: one that lull.json.array marked */
    LULL_PACK_FUNCTION, /* likewise: whether to keep it, length, bytecode ... */
    LULL_PACK_REF,      /* one that came up before: its number, from 1 */
    LULL_PACK_GLOBALS,
    LULL_PACK_MODULE, /* its number in the list, from 0 */
    LULL_PACK_MEMBER, /* the same, and the name of the field: length, bytes */
    LULL_PACK_JOIN,   /* an upvalue: the same variable as number m of function n */
    LULL_PACK_END     /* of a table's list, of its other fields */
};

#endif
