/* SPDX-License-Identifier: MIT */
/*
 * output.c -- print, streams and warnings that end at the host's functions.
 */
#define _GNU_SOURCE
#include "task/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000u

bool lull__output(struct lull_tasks *tasks, const char *text, size_t size)
{
    struct lull_outlets *outlets = &tasks->outlets;
    uint64_t now = outlets->limit != 0 ? lull__clock_now() : 0;
    if (now - outlets->second >= NS_PER_S) {
        outlets->second = now;
        outlets->printed = 0;
    }
    if (outlets->limit != 0 && size > outlets->limit - outlets->printed)
        return false;
    outlets->printed += outlets->limit != 0 ? size : 0;
    outlets->print(outlets->print_arg, text, size);
    return true;
}

void lull__log(struct lull_tasks *tasks, enum lull_level level, const char *text)
{
    if (tasks->outlets.log != NULL)
        tasks->outlets.log(tasks->outlets.log_arg, level, text);
}

int lull__l_print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_checkstack(L, count + 4, NULL);
    for (int i = 1; i <= count; i++) /* may call __tostring */
        luaL_tolstring(L, i, NULL);
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        lua_pushvalue(L, count + i);
        luaL_addvalue(&line);
    }
    luaL_addchar(&line, '\n');
    luaL_pushresult(&line);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    struct lull_tasks *tasks = lull__tasks(L);
    if (lull__output(tasks, text, size))
        return 0;
    lull_push_error(L, LULL_KIND_LIMIT, "too much output: there may be %I bytes a second",
                    (LUAI_UACINT)tasks->outlets.limit);
    lull_error_detail(L, "print", 0);
    return lua_error(L);
}

/* ---- streams ---------------------------------------------------------------------- */

#ifdef __GLIBC__
static ssize_t write_stream(void *tasks, const char *text, size_t size)
{
    if (lull__output(tasks, text, size))
        return (ssize_t)size;
    errno = ENOBUFS;
    return 0;
}

static FILE *open_stream(struct lull_tasks *tasks)
{
    return fopencookie(tasks, "w", (cookie_io_functions_t){.write = write_stream});
}
#else
static int write_stream(void *tasks, const char *text, int size)
{
    if (lull__output(tasks, text, (size_t)size))
        return size;
    errno = ENOBUFS;
    return -1;
}

static FILE *open_stream(struct lull_tasks *tasks)
{
    return funopen(tasks, NULL, write_stream, NULL, NULL);
}
#endif

static int close_stream(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

void lull__push_print_stream(lua_State *L, struct lull_tasks *tasks)
{
    luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
    stream->closef = NULL;
    luaL_setmetatable(L, LUA_FILEHANDLE);
    stream->f = open_stream(tasks);
    if (stream->f == NULL)
        luaL_error(L, "not enough memory");
    setvbuf(stream->f, NULL, _IONBF, 0);
    stream->closef = close_stream;
}

/* ---- warnings --------------------------------------------------------------------- */

/* The pieces of one warning make one line, of which the beginning is kept. */
static void on_warning(void *ud, const char *message, int more)
{
    struct lull_tasks *tasks = ud;
    struct lull_outlets *outlets = &tasks->outlets;
    size_t size = strlen(message);
    size_t room = sizeof outlets->warning - 1 - outlets->warned;
    if (outlets->warned == 0 && !more && message[0] == '@')
        return; /* a control message */
    if (size > room)
        size = room;
    memcpy(outlets->warning + outlets->warned, message, size);
    outlets->warned += size;
    if (more)
        return;
    outlets->warning[outlets->warned] = '\0';
    outlets->warned = 0;
    lull__log(tasks, LULL_LOG_WARNING, outlets->warning);
}

void lull__take_warnings(lua_State *L, struct lull_tasks *tasks)
{
    if (tasks->outlets.log != NULL)
        lua_setwarnf(L, on_warning, tasks);
}
