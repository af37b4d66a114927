/* SPDX-License-Identifier: MIT */
/*
 * iolib.c -- io.open and its like within a policy.
 *
 * Upvalues of every function: 1 the runtime, 2 the files that are the realm's default
 * input and output (a table).
 */
#include "stdlib/iolib.h"

#include "task/output.h"
#include "task/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FORMATS 200

enum default_file { INPUT = 1, OUTPUT = 2 };

/* ---- opening ------------------------------------------------------------------------ */

/* As stock: [rwa]%+?b* */
static bool is_mode(const char *mode)
{
    if (*mode == '\0' || strchr("rwa", *mode++) == NULL)
        return false;
    if (*mode == '+')
        mode++;
    return strspn(mode, "b") == strlen(mode);
}

static int flags_of(const char *mode)
{
    int access = mode[1] == '+' ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    if (mode[0] == 'w')
        return access | O_CREAT | O_TRUNC;
    return mode[0] == 'a' ? access | O_CREAT | O_APPEND : access;
}

/* A Lua file handle that counts among the runtime's handles, and ends with them. */
struct file {
    luaL_Stream stream; /* first: Lua knows this part */
    struct lull_handle handle;
    int (*end)(FILE *); /* fclose or pclose */
    int result;         /* of end() */
};

static void end_file(struct lull_handle *handle)
{
    struct file *file = LULL_CONTAINER(handle, struct file, handle);
    file->stream.closef = NULL;
    file->result = file->end(file->stream.f);
}

static const struct lull_handle_type file_type = {.name = "io.file", .close = end_file};

static int close_file(lua_State *L)
{
    struct file *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    lull_handle_close(&file->handle);
    return file->end == pclose ? luaL_execresult(L, file->result)
                               : luaL_fileresult(L, file->result == 0, NULL);
}

/* Push a closed handle, if there may be one more. */
static struct file *push_closed(lua_State *L, const char *op)
{
    lull_check_handles(L, op);
    struct file *file = lua_newuserdatauv(L, sizeof *file, 0);
    *file = (struct file){.end = fclose};
    luaL_setmetatable(L, LUA_FILEHANDLE);
    return file;
}

/* Open the handle on top.  0, or an errno value negated: then it is popped. */
static int open_file(lua_State *L, struct file *file, FILE *stream)
{
    if (stream == NULL) {
        lua_pop(L, 1);
        return -errno;
    }
    file->stream.f = stream;
    file->stream.closef = close_file;
    lull_handle_open(lull_runtime_of(L), &file->handle, &file_type);
    return 0;
}

int lull__push_file(lua_State *L, const char *op, const char *path, const char *mode)
{
    struct file *file = push_closed(L, op);
    int waits = lull__tasks(L)->realm->all ? 0 : O_NONBLOCK; /* FIFOs would, for ever */
    int fd = lull__open_path(L, op, path, flags_of(mode) | waits, 0666);
    if (fd < 0) {
        lua_pop(L, 1);
        return fd;
    }
    int failure = open_file(L, file, fdopen(fd, mode));
    if (failure != 0)
        close(fd);
    return failure;
}

void lull__close_file(luaL_Stream *file)
{
    lull_handle_close(&((struct file *)(void *)file)->handle);
}

/* nil, message, code: as stock's luaL_fileresult. */
static int push_failure(lua_State *L, const char *path, int failure)
{
    errno = -failure;
    return luaL_fileresult(L, 0, path);
}

static int l_open(lua_State *L)
{
    const char *path = lull__check_c_string(L, 1);
    const char *mode = luaL_optstring(L, 2, "r");
    luaL_argcheck(L, is_mode(mode), 2, "invalid mode");
    int failure = lull__push_file(L, "io.open", path, mode);
    return failure == 0 ? 1 : push_failure(L, path, failure);
}

/* Open for somebody who cannot go on without: push the handle or raise. */
static void push_opened(lua_State *L, const char *op, const char *path, const char *mode)
{
    int failure = lull__push_file(L, op, path, mode);
    if (failure != 0)
        luaL_error(L, "%s: %s", path, strerror(-failure));
}

/* ---- the defaults ------------------------------------------------------------------- */

/* Push the default file; it is missing when it would be the process's input. */
static void push_default(lua_State *L, enum default_file which, const char *op)
{
    if (lua_rawgeti(L, lua_upvalueindex(2), which) == LUA_TNIL)
        lull__deny(L, op, LULL_MAY_NATIVE, NULL);
    const luaL_Stream *file = lua_touserdata(L, -1);
    if (file->closef == NULL)
        luaL_error(L, "default %s file is closed", which == INPUT ? "input" : "output");
}

/* Call a method of the file at 1 with what follows it. */
static int call_method(lua_State *L, const char *method)
{
    luaL_checkudata(L, 1, LUA_FILEHANDLE);
    lua_getfield(L, 1, method);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int set_default(lua_State *L, enum default_file which, const char *op)
{
    if (lua_isnoneornil(L, 1)) {
        push_default(L, which, op);
        return 1;
    }
    if (lua_type(L, 1) == LUA_TSTRING)
        push_opened(L, op, lull__check_c_string(L, 1), which == INPUT ? "r" : "w");
    else
        luaL_checkudata(L, 1, LUA_FILEHANDLE);
    lua_pushvalue(L, -1);
    lua_rawseti(L, lua_upvalueindex(2), which);
    return 1;
}

static int l_input(lua_State *L)
{
    lua_settop(L, 1);
    return set_default(L, INPUT, "io.input");
}

static int l_output(lua_State *L)
{
    lua_settop(L, 1);
    return set_default(L, OUTPUT, "io.output");
}

static int l_read(lua_State *L)
{
    push_default(L, INPUT, "io.read");
    lua_insert(L, 1);
    return call_method(L, "read");
}

static int l_write(lua_State *L)
{
    push_default(L, OUTPUT, "io.write");
    lua_insert(L, 1);
    return call_method(L, "write");
}

static int l_close(lua_State *L)
{
    if (lua_isnone(L, 1))
        push_default(L, OUTPUT, "io.close");
    lua_settop(L, 1);
    return call_method(L, "close");
}

/* ---- lines ---------------------------------------------------------------------------- */

/* Upvalues: 1 the file, 2 whether it is closed at its end, 3 how many formats, they. */
static int next_line(lua_State *L)
{
    const luaL_Stream *file = lua_touserdata(L, lua_upvalueindex(1));
    int count = (int)lua_tointeger(L, lua_upvalueindex(3));
    if (file->closef == NULL)
        return luaL_error(L, "file is already closed");
    lua_settop(L, 0);
    luaL_checkstack(L, count + 4, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    for (int i = 1; i <= count; i++)
        lua_pushvalue(L, lua_upvalueindex(3 + i));
    int results = call_method(L, "read");
    if (lua_toboolean(L, 1))
        return results;
    if (results > 1)
        return luaL_error(L, "%s", lua_tostring(L, 2));
    if (lua_toboolean(L, lua_upvalueindex(2))) {
        lua_settop(L, 0);
        lua_pushvalue(L, lua_upvalueindex(1));
        call_method(L, "close");
    }
    return 0;
}

static int l_lines(lua_State *L)
{
    int formats = lua_gettop(L) - 1;
    bool opened = !lua_isnoneornil(L, 1);
    if (lua_isnone(L, 1)) {
        lua_pushnil(L);
        formats = 0;
    }
    luaL_argcheck(L, formats <= MAX_FORMATS, MAX_FORMATS + 2, "too many arguments");
    if (opened)
        push_opened(L, "io.lines", lull__check_c_string(L, 1), "r");
    else
        push_default(L, INPUT, "io.lines");
    lua_replace(L, 1); /* file, formats ... */
    lua_pushboolean(L, opened);
    lua_insert(L, 2);
    lua_pushinteger(L, formats);
    lua_insert(L, 3);
    lua_pushvalue(L, 1);
    lua_insert(L, 1);
    lua_pushcclosure(L, next_line, 3 + formats); /* file, next_line */
    if (!opened)
        return 1;
    lua_pushnil(L);
    lua_pushnil(L);
    lua_rotate(L, 1, -1); /* next_line, nil, nil, file */
    return 4;
}

/* ---- files of other kinds ---------------------------------------------------------------- */

static int l_popen(lua_State *L)
{
    const char *command = lull__check_c_string(L, 1);
    const char *mode = luaL_optstring(L, 2, "r");
    luaL_argcheck(L, strcmp(mode, "r") == 0 || strcmp(mode, "w") == 0, 2, "invalid mode");
    lull_check_permission(L, LULL_MAY_RUN, "io.popen", "sh");
    struct file *file = push_closed(L, "io.popen");
    file->end = pclose;
    fflush(NULL); /* as stock */
    int failure = open_file(L, file, popen(command, mode));
    return failure == 0 ? 1 : push_failure(L, command, failure);
}

static int l_tmpfile(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_WRITE, "io.tmpfile", P_tmpdir);
    int failure = open_file(L, push_closed(L, "io.tmpfile"), tmpfile());
    return failure == 0 ? 1 : push_failure(L, NULL, failure);
}

/* ---- setting up --------------------------------------------------------------------------- */

void lull__redirect_io(lua_State *L, struct lull_tasks *tasks)
{
    lull__push_print_stream(L, tasks);
    if (tasks->realm->own) { /* stock's default is one for all */
        lua_getfield(L, -2, "output");
        lua_pushvalue(L, -2);
        lua_call(L, 1, 0);
    }
    lua_setfield(L, -2, "stdout");
    lull__push_print_stream(L, tasks);
    lua_setfield(L, -2, "stderr");
}

void lull__cut_io(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg functions[] = {
        {"open", l_open},     {"lines", l_lines}, {"input", l_input},
        {"output", l_output}, {"read", l_read},   {"write", l_write},
        {"close", l_close},   {"popen", l_popen}, {"tmpfile", l_tmpfile},
        {NULL, NULL},
    };
    lua_createtable(L, 2, 0); /* the defaults */
    if (lull__policy_allows(tasks->realm->policy, LULL_MAY_NATIVE, NULL)) {
        lua_getfield(L, -2, "stdin");
        lua_rawseti(L, -2, INPUT);
    } else {
        lua_pushnil(L);
        lua_setfield(L, -3, "stdin");
    }
    lua_getfield(L, -2, "stdout");
    lua_rawseti(L, -2, OUTPUT);
    for (const luaL_Reg *f = functions; f->name != NULL; f++) {
        lua_pushlightuserdata(L, tasks);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, f->func, 2);
        lua_setfield(L, -3, f->name);
    }
    lua_pop(L, 1);
}
