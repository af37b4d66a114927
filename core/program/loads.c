/* SPDX-License-Identifier: MIT */
/*
 * loads.c -- telling a watcher which files the script loads.
 *
 * A message is "SIZE MTIME PATH" and a zero byte, written at once, so those of several
 * processes do not mix; size and time are those before the file is loaded, so the
 * watcher notices what changed before it looked; -1: it is not there.
 */
#include "program/loads.h"

#include <lauxlib.h>
#include <lualib.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

int lull__loads_open(void)
{
    const char *path = getenv("LULL_WATCH");
    struct stat about;
    if (path == NULL)
        return -1;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK); /* fails if nobody reads */
    unsetenv("LULL_WATCH");
    if (fd >= 0 && (fstat(fd, &about) != 0 || !S_ISFIFO(about.st_mode) ||
                    fcntl(fd, F_SETFL, O_WRONLY) != 0)) {
        close(fd);
        fd = -1;
    }
#ifdef __linux__
    if (fd >= 0)
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* should the watcher be killed */
#endif
    return fd;
}

void lull__loads_tell(int fd, const char *path)
{
    char message[PIPE_BUF];
    struct stat about;
    if (fd < 0)
        return;
    if (stat(path, &about) != 0) {
        about.st_size = -1;
        about.st_mtim = (struct timespec){0, 0};
    }
    int size =
        snprintf(message, sizeof message, "%lld %lld.%09ld %s", (long long)about.st_size,
                 (long long)about.st_mtim.tv_sec, about.st_mtim.tv_nsec, path);
    if (size < 0 || (size_t)size >= sizeof message) /* nobody can watch that */
        return;
    while (write(fd, message, (size_t)size + 1) < 0 && errno == EINTR)
        continue;
}

/* ---- dofile, loadfile ------------------------------------------------------------------- */

static int all_k(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    return lua_gettop(L);
}

/* Upvalues: 1 the descriptor, 2 the function that was there. */
static int l_load(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        lull__loads_tell((int)lua_tointeger(L, lua_upvalueindex(1)), lua_tostring(L, 1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, all_k);
    return all_k(L, LUA_OK, 0);
}

/* ---- require ---------------------------------------------------------------------------- */

/* Tell of each path in a message of package.searchpath's: one may appear there. */
static void tell_tried(int fd, const char *message)
{
    static const char mark[] = "no file '";
    char path[PATH_MAX];
    while ((message = strstr(message, mark)) != NULL) {
        message += sizeof mark - 1;
        size_t size = strcspn(message, "'");
        if (size < sizeof path) {
            memcpy(path, message, size);
            path[size] = '\0';
            lull__loads_tell(fd, path);
        }
    }
}

/* Tell where package[field] leads to for a module; true: to a file. */
static int tell_search(lua_State *L, int fd, const char *field, const char *name)
{
    int top = lua_gettop(L), found = 0;
    lua_pushvalue(L, lua_upvalueindex(3)); /* package.searchpath */
    lua_pushstring(L, name);
    lua_getfield(L, lua_upvalueindex(2), field);
    if (lua_pcall(L, 2, 2, 0) == LUA_OK) {
        found = lua_type(L, -2) == LUA_TSTRING;
        if (found)
            lull__loads_tell(fd, lua_tostring(L, -2));
        else if (lua_type(L, -1) == LUA_TSTRING)
            tell_tried(fd, lua_tostring(L, -1));
    }
    lua_settop(L, top);
    return found;
}

/* A searcher that finds nothing.  Upvalues: 1 the descriptor, 2 package, 3 searchpath. */
static int l_searcher(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    int fd = (int)lua_tointeger(L, lua_upvalueindex(1));
    if (tell_search(L, fd, "path", name) || tell_search(L, fd, "cpath", name))
        return 0;
    const char *dot = strchr(name, '.'); /* a C library may hold submodules */
    if (dot != NULL)
        tell_search(L, fd, "cpath", lua_pushlstring(L, name, (size_t)(dot - name)));
    return 0;
}

/* ---- hooking ---------------------------------------------------------------------------- */

static void hook_global(lua_State *L, const char *name, int fd)
{
    lua_pushinteger(L, fd);
    lua_getglobal(L, name);
    lua_pushcclosure(L, l_load, 2);
    lua_setglobal(L, name);
}

void lull__loads_hook(lua_State *L, int fd)
{
    int top = lua_gettop(L);
    if (fd < 0)
        return;
    hook_global(L, "dofile", fd);
    hook_global(L, "loadfile", fd);
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = count; i >= 3; i--) { /* after preload and lull's own */
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, fd);
    lua_pushvalue(L, -3);
    lua_getfield(L, -1, "searchpath");
    lua_pushcclosure(L, l_searcher, 3);
    lua_rawseti(L, -2, 3);
    lua_settop(L, top);
}
