/* SPDX-License-Identifier: MIT */
/*
 * spawnspec.c -- lists of strings for exec, and the choices for three descriptors.
 */
#include "process/spawnspec.h"

#include "stream/stream.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_STRINGS 1000000 /* the system's limit on their bytes comes first */

/* The string on top, which C is to see whole. */
static const char *check_text(lua_State *L, int argument, const char *what)
{
    size_t length;
    const char *text =
        lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (text == NULL || strlen(text) != length)
        luaL_argerror(L, argument,
                      lua_pushfstring(L, "%s must be a string without NUL", what));
    return text;
}

/* A new array of `count` strings and the NULL after them, on top of the stack. */
static char **push_array(lua_State *L, size_t count)
{
    char **array = lua_newuserdatauv(L, (count + 1) * sizeof *array, 0);
    array[count] = NULL;
    return array;
}

static char *const *check_argv(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = lua_rawlen(L, index);
    luaL_argcheck(L, count > 0 && count < MAX_STRINGS, index, "no program to run");
    lua_createtable(L, (int)count,
                    0); /* keeps the strings, whatever becomes of the list */
    int kept = lua_gettop(L);
    char **array = push_array(L, count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        array[i] = (char *)check_text(L, index, "an argument");
        lua_rawseti(L, kept, (lua_Integer)i + 1);
    }
    luaL_argcheck(L, array[0] != NULL && array[0][0] != '\0', index, "no program to run");
    return array;
}

/* ---- the environment ------------------------------------------------------------- */

static size_t count_environment(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL)
        count++;
    return count;
}

static size_t count_entries(lua_State *L, int table)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    return count;
}

/* Is the name in "name=value" named in the table? */
static bool is_named(lua_State *L, int table, const char *entry)
{
    lua_pushlstring(L, entry, strcspn(entry, "="));
    bool named = lua_rawget(L, table) != LUA_TNIL;
    lua_pop(L, 1);
    return named;
}

/* name at -2, value at -1, which is popped: "name=value" onto the list `kept`. */
static char *keep_entry(lua_State *L, int argument, int kept)
{
    lua_pushvalue(L, -2);
    const char *name = check_text(L, argument, "the name of a variable");
    luaL_argcheck(L, name[0] != '\0' && strchr(name, '=') == NULL, argument,
                  "not the name of a variable");
    lua_pop(L, 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, argument,
                  "the value of a variable must be a string, a number or false");
    check_text(L, argument, "the value of a variable");
    const char *entry = lua_pushfstring(L, "%s=%s", name, lua_tostring(L, -1));
    lua_rawseti(L, kept, (lua_Integer)lua_rawlen(L, kept) + 1);
    lua_pop(L, 1);
    return (char *)entry;
}

/* NULL: ours. */
static char *const *check_environment(lua_State *L, int spec, bool *preloads)
{
    lua_getfield(L, spec, "inherit");
    size_t inherited = lua_toboolean(L, -1) ? count_environment() : 0;
    if (lua_getfield(L, spec, "env") == LUA_TNIL)
        return NULL;
    luaL_argcheck(L, lua_istable(L, -1), spec, "env must be a table");
    int table = lua_gettop(L);
    lua_newtable(L);
    size_t size = inherited + count_entries(L, table);
    luaL_checkstack(L, 8, NULL);
    char **array = push_array(L, size);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table);) {
        if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
            lua_pop(L, 1);
        else if (count < size)
            array[count++] = keep_entry(L, spec, table + 1);
    }
    for (size_t i = 0; i < count; i++)
        *preloads = *preloads || strncmp(array[i], "LD_", 3) == 0;
    for (size_t i = 0; i < inherited && environ[i] != NULL; i++) {
        if (!is_named(L, table, environ[i]))
            array[count++] = environ[i];
    }
    array[count] = NULL;
    return array;
}

/* ---- the three descriptors --------------------------------------------------------- */

static bool take_word(const char *word, int i, struct lullb_stdio_choice *choice)
{
    if (strcmp(word, "inherit") == 0)
        choice->kind = LULLB_STDIO_INHERIT;
    else if (strcmp(word, "null") == 0)
        choice->kind = LULLB_STDIO_NULL;
    else if (strcmp(word, "pipe") == 0)
        choice->kind = LULLB_STDIO_PIPE;
    else if (strcmp(word, "stdout") == 0 && i == STDERR_FILENO)
        choice->kind = LULLB_STDIO_OUT;
    else
        return false;
    return true;
}

/* The table on top: { file = path, append = boolean }. */
static void take_file(lua_State *L, int argument, int i,
                      struct lullb_stdio_choice *choice)
{
    lua_getfield(L, -1, "append");
    int mode = lua_toboolean(L, -1) ? O_APPEND : O_TRUNC;
    lua_pop(L, 1);
    lua_getfield(L, -1, "file");
    choice->path = check_text(L, argument, "the path of a file");
    choice->kind = LULLB_STDIO_FILE;
    choice->flags = i == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | mode;
}

/* May the child have the stream's descriptor? */
static void check_shareable(lua_State *L, int argument, const struct lull_stream *stream)
{
    luaL_argcheck(L, lullb_stream_is_open(stream), argument, "the stream is closed");
    luaL_argcheck(L, stream->filter == NULL && stream->kind != LULLB_FD_TERMINAL,
                  argument, "a stream with TLS, or of a terminal made here, stays here");
}

/* The stream on top: its descriptor is to be the child's, too. */
static void take_stream(lua_State *L, int argument, struct lullb_stdio_choice *choice)
{
    if (!lullb_is_stream(L, -1)) {
        if (luaL_getmetafield(L, -1, "__name") != LUA_TSTRING)
            lua_pushstring(L, luaL_typename(L, -1));
        luaL_argerror(L, argument,
                      lua_pushfstring(L,
                                      "stream expected, got %s; a file is"
                                      " { file = \"path\" }",
                                      lua_tostring(L, -1)));
    }
    choice->stream = lull_check_stream(L, -1);
    choice->kind = LULLB_STDIO_FD;
    check_shareable(L, argument, choice->stream);
}

void lullb_share_streams(lua_State *L, int spec, struct lullb_spawn *spawn)
{
    for (int i = 0; i < 3; i++) {
        struct lullb_stdio_choice *choice = &spawn->stdio[i];
        struct lull_stream *stream = choice->stream;
        if (choice->kind != LULLB_STDIO_FD)
            continue;
        check_shareable(L, spec, stream);
        int flags = fcntl(stream->fd, F_GETFL);
        if (flags >= 0 && (flags & O_NONBLOCK) != 0)
            fcntl(stream->fd, F_SETFL, flags & ~O_NONBLOCK);
        if (stream->kind == LULLB_FD_NONBLOCKING)
            stream->kind = LULLB_FD_SHARED;
        choice->fd = stream->fd;
    }
}

static void check_stdio(lua_State *L, int spec, int i, struct lullb_stdio_choice *choice)
{
    static const char *const fields[] = {"stdin", "stdout", "stderr"};
    int type = lua_getfield(L, spec, fields[i]);
    choice->kind = LULLB_STDIO_PIPE;
    if (type == LUA_TSTRING) {
        if (!take_word(lua_tostring(L, -1), i, choice))
            luaL_argerror(L, spec,
                          lua_pushfstring(L,
                                          "%s must be \"inherit\", \"null\", \"pipe\"%s,"
                                          " { file = \"path\" } or a stream",
                                          fields[i],
                                          i == STDERR_FILENO ? ", \"stdout\"" : ""));
    } else if (type == LUA_TTABLE) {
        take_file(L, spec, i, choice);
    } else if (type != LUA_TNIL) {
        take_stream(L, spec, choice);
    }
}

static bool check_terminal(lua_State *L, int spec, struct winsize *size)
{
    if (lua_getfield(L, spec, "rows") == LUA_TNIL)
        return false;
    size_t rows = lullb_check_size_field(L, spec, "rows", 24);
    size_t columns = lullb_check_size_field(L, spec, "columns", 80);
    luaL_argcheck(L, rows <= UINT16_MAX && columns <= UINT16_MAX, spec,
                  "a terminal has at most 65535 rows and columns");
    size->ws_row = (unsigned short)rows;
    size->ws_col = (unsigned short)columns;
    return true;
}

void lullb_check_spawn(lua_State *L, int argv, int spec, struct lullb_spawn *spawn)
{
    luaL_checktype(L, spec, LUA_TTABLE);
    luaL_checkstack(L, 32, NULL);
    *spawn = (struct lullb_spawn){.policy = NULL};
    spawn->argv = check_argv(L, argv);
    spawn->envp = check_environment(L, spec, &spawn->preloads);
    if (lua_getfield(L, spec, "cwd") != LUA_TNIL)
        spawn->cwd = check_text(L, spec, "cwd");
    lua_getfield(L, spec, "group");
    spawn->group = lua_toboolean(L, -1);
    spawn->terminal = check_terminal(L, spec, &spawn->size);
    for (int i = 0; i < 3 && !spawn->terminal; i++)
        check_stdio(L, spec, i, &spawn->stdio[i]);
}
