/* SPDX-License-Identifier: MIT */
/*
 * permission.c -- asking what the running task may.
 */
#include "task.h"

#include <errno.h>
#include <fcntl.h>

void lull_check_permission(lua_State *L, enum lull_permission permission, const char *op,
                           const char *what)
{
    (void)L, (void)permission, (void)op, (void)what;
}

void lull_check_address(lua_State *L, enum lull_permission permission, const char *op,
                        const char *host, int port)
{
    (void)L, (void)permission, (void)op, (void)host, (void)port;
}

struct lull_policy *lull_policy_of(lua_State *L)
{
    (void)L;
    return NULL;
}

struct lull_policy *lull_policy_ref(struct lull_policy *policy)
{
    return policy;
}

void lull_policy_unref(struct lull_policy *policy)
{
    (void)policy;
}

int lull_policy_open(const struct lull_policy *policy, const char *path, int flags,
                     unsigned mode, int *denied)
{
    (void)policy;
    *denied = -1;
    int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    return fd >= 0 ? fd : -errno;
}

int lull_open_file(lua_State *L, const char *op, const char *path, int flags,
                   unsigned mode)
{
    int denied;
    (void)op;
    int fd = lull_policy_open(lull_policy_of(L), path, flags, mode, &denied);
    if (fd < 0)
        luaL_error(L, "%s: cannot open", path);
    return fd;
}
