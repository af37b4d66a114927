/* SPDX-License-Identifier: MIT */
/*
 * oslib.c -- os.remove and its like within a policy.
 *
 * Upvalues of every function: 1 the runtime, 2 what stock has under this name.
 */
#include "stdlib/oslib.h"

#include "task/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int call_stock(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int l_execute(lua_State *L)
{
    if (lua_isnoneornil(L, 1) &&
        !lull__policy_allows(lull_policy_of(L), LULL_MAY_RUN, "sh")) {
        lua_pushboolean(L, 0);
        return 1;
    }
    lull_check_permission(L, LULL_MAY_RUN, "os.execute", "sh");
    return call_stock(L);
}

static int l_getenv(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_ENV, "os.getenv", lull__check_c_string(L, 1));
    return call_stock(L);
}

/* In plugins: it would end all that the runtime does. */
static int l_exit(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_ALL, "os.exit", NULL);
    return call_stock(L);
}

static int l_setlocale(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        lull__deny(L, "os.setlocale", LULL_MAY_ALL, NULL);
    return call_stock(L);
}

/* ---- files ---------------------------------------------------------------------------- */

/* nil, message, code or true; a negated errno value in `result`. */
static int push_result(lua_State *L, int result, const char *path)
{
    errno = -result;
    return luaL_fileresult(L, result == 0, path);
}

/* As remove(3): a file, or an empty folder. */
static int remove_at(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0)
        return 0;
    int failure = errno;
    if (failure != EISDIR && failure != EPERM)
        return -failure;
    return unlinkat(folder, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

static int l_remove(lua_State *L)
{
    const char *path = lull__check_c_string(L, 1);
    const char *name;
    struct lull_denial denial;
    int folder =
        lull__policy_open_parent(lull_policy_of(L), path, LULL_MAY_WRITE, &name, &denial);
    if (folder < 0) {
        lull__check_denial(L, "os.remove", &denial);
        return push_result(L, folder, path);
    }
    int result = remove_at(folder, name);
    close(folder);
    return push_result(L, result, path);
}

/*
 * Moving is no way to read: what becomes readable must have been, and a folder that
 * is moved may bring something to where one may read, deep below it.
 */
static int check_move(const struct lull_policy *policy, const char *from,
                      const char *real_to, struct lull_denial *denial)
{
    const char *name;
    if (lull__policy_is_all(policy) ||
        !lull__policy_reaches(policy, LULL_MAY_READ, real_to))
        return 0;
    int fd = lull__policy_open_parent(policy, from, LULL_MAY_READ, &name, denial);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

static int rename_within(const struct lull_policy *policy, const char *from,
                         const char *to, struct lull_denial *denial)
{
    const char *old_name, *new_name;
    struct lull_denial target;
    int old = lull__policy_open_parent(policy, from, LULL_MAY_WRITE, &old_name, denial);
    if (old < 0)
        return old;
    int new = lull__policy_open_parent(policy, to, LULL_MAY_WRITE, &new_name, &target);
    if (new < 0) {
        *denial = target;
        close(old);
        return new;
    }
    int result = check_move(policy, from, target.path, denial);
    if (result == 0 && renameat(old, old_name, new, new_name) != 0)
        result = -errno;
    close(old);
    close(new);
    return result;
}

static int l_rename(lua_State *L)
{
    const char *from = lull__check_c_string(L, 1);
    const char *to = lull__check_c_string(L, 2);
    struct lull_denial denial;
    int result = rename_within(lull_policy_of(L), from, to, &denial);
    if (result != 0)
        lull__check_denial(L, "os.rename", &denial);
    return push_result(L, result, result == 0 ? NULL : from);
}

/* A new, empty file, as mkstemp(3) would make it. */
static int l_tmpname(lua_State *L)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char path[] = P_tmpdir "/lua_XXXXXX";
    for (int tries = 0; tries < 100; tries++) {
        unsigned char random[6];
        if (getentropy(random, sizeof random) != 0)
            break;
        for (size_t i = 0; i < sizeof random; i++)
            path[sizeof path - 7 + i] = letters[random[i] % (sizeof letters - 1)];
        int fd =
            lull__open_path(L, "os.tmpname", path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            close(fd);
            lua_pushstring(L, path);
            return 1;
        }
        if (fd != -EEXIST)
            break;
    }
    return luaL_error(L, "unable to generate a unique filename");
}

void lull__cut_os(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg functions[] = {
        {"execute", l_execute}, {"getenv", l_getenv}, {"setlocale", l_setlocale},
        {"remove", l_remove},   {"rename", l_rename}, {"tmpname", l_tmpname},
        {"exit", l_exit},       {NULL, NULL},
    };
    for (const luaL_Reg *f = functions; f->name != NULL; f++) {
        if (f->func == l_exit && tasks->realm->own)
            continue;
        lua_pushlightuserdata(L, tasks);
        lua_getfield(L, -2, f->name);
        lua_pushcclosure(L, f->func, 2);
        lua_setfield(L, -2, f->name);
    }
}
