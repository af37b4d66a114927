/* SPDX-License-Identifier: MIT */
/*
 * clash.c -- one function of each part of Lua, and which file it comes from.
 *
 * A static library is linked in part, object file by object file: so there is a
 * function of each object file that we need, and one that only Lua 5.4 and later
 * have.  None of them is one whose address programs take: in a program that is not
 * position independent that would be the address of a stub.
 */
#include "runtime/clash.h"

#include "base/compat.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void (*function)(void);

static const struct part {
    const char *name;
    function function;
} parts[] = {
    {"lua_newstate", (function)lua_newstate},           /* lstate.c */
    {"lua_newuserdatauv", (function)lua_newuserdatauv}, /* lapi.c; since 5.4 */
    {"lua_pushvalue", (function)lua_pushvalue},         /* lapi.c; of every Lua */
    {"lua_resume", (function)lua_resume},               /* ldo.c */
    {"lua_getinfo", (function)lua_getinfo},             /* ldebug.c */
    {"luaL_setfuncs", (function)luaL_setfuncs},         /* lauxlib.c */
    {"luaL_openlibs", (function)luaL_openlibs},         /* linit.c */
};

static void *address_of(const struct part *part)
{
    void *address;
    memcpy(&address, &part->function, sizeof address);
    return address;
}

/* What stands for the file in memory; NULL: it cannot be told. */
static const void *object_of(const struct part *part)
{
#if defined(__GLIBC__) && defined(DLFO_STRUCT_HAS_EH_DBASE) /* 2.35: without a search */
    struct dl_find_object found;
    if (_dl_find_object(address_of(part), &found) == 0)
        return found.dlfo_link_map;
    return NULL;
#else
    Dl_info info;
    return dladdr(address_of(part), &info) != 0 ? info.dli_fbase : NULL;
#endif
}

static const char *path_of(const struct part *part)
{
    Dl_info info;
    return dladdr(address_of(part), &info) != 0 ? info.dli_fname : "another file";
}

bool lull__lua_clashes(char *text, size_t size)
{
    for (size_t i = 1; i < sizeof parts / sizeof parts[0]; i++) {
        if (object_of(&parts[i]) == object_of(&parts[0]))
            continue;
        snprintf(
            text, size,
            "there are two Luas: %s is that of %s, %s that of %s; link a program that "
            "has its own Lua with -Wl,--exclude-libs,ALL, so that it keeps it to itself",
            parts[0].name, path_of(&parts[0]), parts[i].name, path_of(&parts[i]));
        return true;
    }
    int version = (int)lua_version(NULL);
    if (version == LUA_VERSION_NUM)
        return false;
    snprintf(text, size, "lull needs Lua 5.4, but that of %s is %d.%d",
             path_of(&parts[0]), version / 100, version % 100);
    return true;
}
