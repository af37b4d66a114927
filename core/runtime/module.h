/* SPDX-License-Identifier: MIT */
/*
 * module.h -- what `require` finds inside the library.
 *
 * Natives and scripts are listed by the build (lull__builtins) and loaded on
 * first use, by a searcher that comes right after package.preload.
 */
#ifndef LULL_MODULE_H
#define LULL_MODULE_H

#include "base/compat.h"

struct lull_tasks;

/* One module: one of open, shared, missing and source is set. */
struct lull_builtin {
    const char *name;
    lua_CFunction open;  /* of a native; called with the runtime as upvalue 1 */
    const char *shared;  /* the name of that function, in a shared object (native.h) */
    const char *package; /* where Debian users get that (core/cmake/package/) */
    const char *missing; /* libraries without which the native was not built */
    const char *source;  /* of a script */
    size_t size;
};

/* Made by the build, sorted by name; ends with a zero entry. */
extern const struct lull_builtin lull__builtins[];

/*
 * The stock libraries are in the registry's globals and loaded modules: make them those
 * of the current realm, with the module `lull`.  May raise (memory).
 */
void lull__module_build(lua_State *L, struct lull_tasks *tasks);

/* The same for the runtime's own realm, and what all realms need.  May raise. */
void lull__module_init(lua_State *L, struct lull_tasks *tasks);

#endif
