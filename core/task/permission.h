/* SPDX-License-Identifier: MIT */
/*
 * permission.h -- asking what the running code may, inside core.
 *
 * The rest is in lull_ext.h.  All of these need the runtime as upvalue 1.
 */
#ifndef LULL_PERMISSION_H
#define LULL_PERMISSION_H

#include "base/policy.h"
#include "task/task.h"

/* Raise for a use that is denied: count it and tell the host.  Does not return. */
int lull__deny(lua_State *L, const char *op, enum lull_permission permission,
               const char *what);

/* The same with the whole rule, a string on the stack. */
int lull__deny_rule(lua_State *L, const char *op, const char *needed);

/* Raise if the denial is one; else nothing. */
void lull__check_denial(lua_State *L, const char *op, const struct lull_denial *denial);

/* The string argument at `arg`: a path, or a name, without NUL bytes. */
const char *lull__check_c_string(lua_State *L, int arg);

/*
 * lull_policy_open() for the running code: a descriptor, or an errno value negated;
 * raises when it is denied.
 */
int lull__open_path(lua_State *L, const char *op, const char *path, int flags,
                    unsigned mode);

#endif
