/* SPDX-License-Identifier: MIT */
/*
 * permission.c -- asking what the running code may.
 *
 * The current realm answers (realm.h).  A denied use is counted, told to the host's
 * audit function, and raised.
 */
#include "task/permission.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int lull__deny_rule(lua_State *L, const char *op, const char *needed)
{
    struct lull_tasks *tasks = lull__tasks(L);
    tasks->outlets.denied++;
    if (tasks->outlets.audit != NULL)
        tasks->outlets.audit(tasks->outlets.audit_arg, op, needed);
    luaL_checkstack(L, 10, NULL);
    lull_push_error(L, LULL_KIND_PERMISSION, "%s needs %s", op, needed);
    lull_error_detail(L, op, 0);
    lua_pushstring(L, needed);
    lua_setfield(L, -2, "needed");
    return lua_error(L);
}

int lull__deny(lua_State *L, const char *op, enum lull_permission permission,
               const char *what)
{
    const char *name = lull__permission_name(permission);
    luaL_checkstack(L, 1, NULL);
    return lull__deny_rule(L, op,
                           what != NULL ? lua_pushfstring(L, "%s=%s", name, what) : name);
}

void lull__check_denial(lua_State *L, const char *op, const struct lull_denial *denial)
{
    if (denial->permission >= 0)
        lull__deny(L, op, (enum lull_permission)denial->permission,
                   denial->permission == LULL_MAY_NATIVE ? NULL : denial->path);
}

const char *lull__check_c_string(lua_State *L, int arg)
{
    size_t size;
    const char *text = luaL_checklstring(L, arg, &size);
    luaL_argcheck(L, strlen(text) == size, arg, "it contains a zero byte");
    return text;
}

void lull_check_permission(lua_State *L, enum lull_permission permission, const char *op,
                           const char *what)
{
    const struct lull_realm *realm = lull__tasks(L)->realm;
    if (!realm->all && !lull__policy_allows(realm->policy, permission, what))
        lull__deny(L, op, permission, what);
}

void lull_check_address(lua_State *L, enum lull_permission permission, const char *op,
                        const char *host, int port)
{
    const struct lull_realm *realm = lull__tasks(L)->realm;
    if (realm->all || lull__policy_allows_address(realm->policy, permission, host, port))
        return;
    const char *format = strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d";
    lull__deny(L, op, permission,
               port < 0 ? host : lua_pushfstring(L, format, host, port));
}

struct lull_policy *lull_policy_of(lua_State *L)
{
    return lull__tasks(L)->realm->policy;
}

int lull__open_path(lua_State *L, const char *op, const char *path, int flags,
                    unsigned mode)
{
    struct lull_denial denial;
    int fd = lull__policy_open(lull_policy_of(L), path, flags, mode, &denial);
    if (fd < 0)
        lull__check_denial(L, op, &denial);
    return fd;
}

int lull_raise_denied(lua_State *L, const char *op, enum lull_permission permission,
                      const char *path)
{
    return lull__deny(L, op, permission, permission == LULL_MAY_NATIVE ? NULL : path);
}

int lull_open_file(lua_State *L, const char *op, const char *path, int flags,
                   unsigned mode)
{
    int fd = lull__open_path(L, op, path, flags, mode);
    if (fd >= 0)
        return fd;
    lull_push_error(L, LULL_KIND_IO, "%s: %s", path, strerror(-fd));
    lull_error_detail(L, op, -fd);
    return lua_error(L);
}
