/* SPDX-License-Identifier: MIT */
/*
 * chunk.c -- finding and loading files of Lua code within a policy.
 */
#include "stdlib/chunk.h"

#include "stdlib/iolib.h"
#include "stdlib/iter.h"
#include "task/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- loading a file --------------------------------------------------------------------- */

/* Push all that is in the file, whose handle is on top, and close it. */
static bool read_all(lua_State *L)
{
    luaL_Stream *file = lua_touserdata(L, -1);
    luaL_Buffer text;
    size_t size;
    luaL_buffinit(L, &text);
    do {
        lull_check_time(L);
        char *room = luaL_prepbuffer(&text);
        size = fread(room, 1, LUAL_BUFFERSIZE, file->f);
        luaL_addsize(&text, size);
    } while (size == LUAL_BUFFERSIZE);
    luaL_pushresult(&text);
    bool good = !ferror(file->f);
    lull__close_file(file);
    return good;
}

/* Past a byte order mark and a first line with #; its end of line stays. */
static const char *skip_start(const char *text, size_t *size)
{
    const char *end = text + *size;
    if (*size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    if (text < end && *text == '#') {
        while (text < end && *text != '\n')
            text++;
    }
    *size = (size_t)(end - text);
    return text;
}

/*
 * Load the file and push the function, or a message.  Returns what luaL_loadfilex
 * does; raises what is denied.
 */
static int load_path(lua_State *L, const char *op, const char *path, const char *mode)
{
    int failure = lull__push_file(L, op, path, "r");
    if (failure == 0 && !read_all(L)) {
        failure = -EIO;
        lua_pop(L, 2);
    }
    if (failure != 0) {
        lua_pushfstring(L, "cannot open %s: %s", path, strerror(-failure));
        return LUA_ERRFILE;
    }
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    text = skip_start(text, &size);
    const char *name = lua_pushfstring(L, "@%s", path);
    int status = lull__load_text(L, text, size, name, mode);
    lua_replace(L, -4); /* the handle, the text, the name */
    lua_pop(L, 2);
    return status;
}

/* Give the function on top the globals at upvalue 2 of the running one. */
static void set_globals(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
}

/* Only what may be loaded here: the intersection with what the caller wants. */
static const char *narrow_mode(lua_State *L, const char *wanted)
{
    const char *mode = lull__chunk_mode(lull__tasks(L));
    if (mode[0] == 'b')
        return wanted;
    return strchr(wanted, 't') != NULL ? "t" : "";
}

static const char *check_path(lua_State *L, const char *op)
{
    if (lua_isnoneornil(L, 1)) /* the process's input */
        lull__deny(L, op, LULL_MAY_NATIVE, NULL);
    return lull__check_c_string(L, 1);
}

static int l_loadfile(lua_State *L)
{
    const char *path = check_path(L, "loadfile");
    const char *mode = narrow_mode(L, luaL_optstring(L, 2, "bt"));
    bool has_env = !lua_isnone(L, 3);
    lua_settop(L, 3);
    if (load_path(L, "loadfile", path, mode) != LUA_OK) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (!has_env) {
        set_globals(L);
    } else {
        lua_pushvalue(L, 3);
        if (lua_setupvalue(L, -2, 1) == NULL)
            lua_pop(L, 1);
    }
    return 1;
}

static int dofile_k(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    return lua_gettop(L) - 1;
}

static int l_dofile(lua_State *L)
{
    const char *path = check_path(L, "dofile");
    lua_settop(L, 1);
    if (load_path(L, "dofile", path, narrow_mode(L, "bt")) != LUA_OK)
        return lua_error(L);
    set_globals(L);
    lua_callk(L, 0, LUA_MULTRET, 0, dofile_k);
    return dofile_k(L, LUA_OK, 0);
}

/* ---- for the host ------------------------------------------------------------------------ */

static enum lull_status load_status(int status)
{
    switch (status) {
    case LUA_OK:
        return LULL_DONE;
    case LUA_ERRSYNTAX:
        return LULL_SYNTAX;
    case LUA_ERRMEM:
        return LULL_NO_MEMORY;
    default:
        return LULL_NO_FILE;
    }
}

enum lull_status lull__load_source(struct lull_tasks *tasks, bool bytecode,
                                   const char *source, size_t size, const char *chunkname)
{
    if (!lua_checkstack(tasks->L, 3))
        return LULL_NO_MEMORY;
    bool held = lull__mem_hold(tasks->mem, true);
    int status =
        luaL_loadbufferx(tasks->L, source, size, chunkname, bytecode ? "bt" : "t");
    lull__mem_hold(tasks->mem, held);
    return load_status(status);
}

/* load(path, mode): luaL_loadfilex builds its chunk name before it is protected. */
static int load_for_host(lua_State *L)
{
    int status = luaL_loadfilex(L, lua_touserdata(L, 1), lua_touserdata(L, 2));
    lua_pushinteger(L, status);
    lua_insert(L, -2);
    return 2;
}

enum lull_status lull__load_file(struct lull_tasks *tasks, bool bytecode,
                                 const char *path)
{
    lua_State *L = tasks->L;
    if (!lua_checkstack(L, 5))
        return LULL_NO_MEMORY;
    lua_pushcfunction(L, load_for_host);
    lua_pushlightuserdata(L, (void *)path);
    lua_pushlightuserdata(L, bytecode ? "bt" : "t");
    bool held = lull__mem_hold(tasks->mem, true);
    int called = lua_pcall(L, 2, 2, 0);
    lull__mem_hold(tasks->mem, held);
    if (called != LUA_OK)
        return LULL_NO_MEMORY;
    int status = (int)lua_tointeger(L, -2);
    lua_remove(L, -2);
    return load_status(status);
}

/* ---- searching ---------------------------------------------------------------------------- */

/* May it be read?  0, or an errno value negated. */
static int try_path(lua_State *L, const char *path)
{
    int denied;
    int fd = lull_policy_open(lull_policy_of(L), path, O_RDONLY | O_NONBLOCK, 0, &denied);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : denied >= 0 ? -EACCES : -ENOENT;
}

/*
 * Push the first file that the path leads to for a module, and return it; or push
 * where it was looked for, and return NULL.  As stock, but that it says which files
 * may not be read.
 */
static const char *search_path(lua_State *L, const char *name, const char *templates,
                               const char *separator, const char *replacement)
{
    luaL_Buffer tried;
    if (*separator != '\0' && strstr(name, separator) != NULL)
        name = luaL_gsub(L, name, separator, replacement);
    const char *paths = luaL_gsub(L, templates, LUA_PATH_MARK, name);
    luaL_buffinit(L, &tried);
    for (const char *at = paths; *at != '\0';) {
        size_t size = strcspn(at, LUA_PATH_SEP);
        const char *path = lua_pushlstring(L, at, size);
        at += size;
        at += *at != '\0';
        if (size == 0) {
            lua_pop(L, 1);
            continue;
        }
        int result = strlen(path) == size ? try_path(L, path) : -ENOENT;
        if (result == 0)
            return path;
        lua_pushfstring(
            L, result == -EACCES ? "%sno permission to read '%s'" : "%sno file '%s'",
            luaL_bufflen(&tried) > 0 ? "\n\t" : "", path);
        lua_remove(L, -2);
        luaL_addvalue(&tried);
    }
    luaL_pushresult(&tried);
    return NULL;
}

static int l_searchpath(lua_State *L)
{
    const char *name = lull__check_c_string(L, 1);
    const char *templates = lull__check_c_string(L, 2);
    const char *separator = luaL_optstring(L, 3, ".");
    const char *replacement = luaL_optstring(L, 4, LUA_DIRSEP);
    if (search_path(L, name, templates, separator, replacement) != NULL)
        return 1;
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
}

/* searcher(name) -> loader, file | message.  Upvalues: 2 the globals, 3 `package`. */
static int search_lua(lua_State *L)
{
    const char *name = lull__check_c_string(L, 1);
    lua_getfield(L, lua_upvalueindex(3), "path");
    const char *templates = lua_tostring(L, -1);
    if (templates == NULL)
        return luaL_error(L, "'package.path' must be a string");
    const char *path = search_path(L, name, templates, ".", LUA_DIRSEP);
    if (path == NULL)
        return 1;
    if (load_path(L, "require", path, narrow_mode(L, "bt")) != LUA_OK)
        return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name,
                          path, lua_tostring(L, -1));
    set_globals(L);
    lua_pushstring(L, path);
    return 2;
}

/* searcher(name) -> loader, ":preload:" | message.  Upvalue 2: package.preload. */
static int search_preload(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (lua_getfield(L, lua_upvalueindex(2), name) == LUA_TNIL) {
        lua_pushfstring(L, "no field package.preload['%s']", name);
        return 1;
    }
    lua_pushliteral(L, ":preload:");
    return 2;
}

/* A stock searcher of C modules, or package.loadlib: upvalue 2. */
static int call_native(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int search_native(lua_State *L)
{
    if (lull__policy_allows(lull_policy_of(L), LULL_MAY_NATIVE, NULL))
        return call_native(L);
    lua_pushliteral(L, "no permission to load C modules (native)");
    return 1;
}

static int l_loadlib(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_NATIVE, "package.loadlib", NULL);
    return call_native(L);
}

/* ---- setting up ----------------------------------------------------------------------------- */

/* Push fn with the runtime and two tables, or what else is there, as upvalues. */
static void push_function(lua_State *L, struct lull_tasks *tasks, lua_CFunction fn,
                          int second, int third)
{
    lua_pushlightuserdata(L, tasks);
    lua_pushvalue(L, second);
    lua_pushvalue(L, third);
    lua_pushcclosure(L, fn, 3);
}

static void cut_searchers(lua_State *L, struct lull_tasks *tasks,
                          const struct lull_places *at)
{
    lua_getfield(L, at->package, "searchers");
    int list = lua_gettop(L);
    push_function(L, tasks, search_preload, at->preload, at->package);
    lua_rawseti(L, list, 1);
    push_function(L, tasks, search_lua, at->globals, at->package);
    lua_rawseti(L, list, 3); /* 2 is lull's own */
    for (lua_Integer i = 4; lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
        push_function(L, tasks, search_native, list + 1, at->package);
        lua_rawseti(L, list, i);
        lua_settop(L, list);
    }
    lua_settop(L, list - 1);
}

void lull__cut_package(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at)
{
    push_function(L, tasks, l_loadfile, at->scripts, at->package);
    lua_setfield(L, at->globals, "loadfile");
    push_function(L, tasks, l_dofile, at->scripts, at->package);
    lua_setfield(L, at->globals, "dofile");
    push_function(L, tasks, l_searchpath, at->globals, at->package);
    lua_setfield(L, at->package, "searchpath");
    lua_getfield(L, at->package, "loadlib");
    push_function(L, tasks, l_loadlib, lua_gettop(L), at->package);
    lua_setfield(L, at->package, "loadlib");
    lua_pop(L, 1);
    cut_searchers(L, tasks, at);
}
