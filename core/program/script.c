/* SPDX-License-Identifier: MIT */
/*
 * script.c -- what the main task of the program does, step by step, as `lua5.4` would:
 * LUA_INIT, the options -e and -l in their order, the script or subcommand, the prompt.
 *
 * Each step is a call that may wait, so the next one is its continuation.
 */
#include "program/script.h"

#include "program/bundle.h"
#include "program/loads.h"

#include <lauxlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* arg: the script at 0, its arguments from 1, what came before below 0. */
static void push_arg_table(lua_State *L, const struct command *command)
{
    int script = command->script != 0 ? command->script : command->argc;
    if (command->script == 0)
        script = 0;
    lua_createtable(L, command->argc, 1);
    for (int i = 0; i < command->argc; i++) {
        lua_pushstring(L, command->argv[i]);
        lua_rawseti(L, -2, i - script);
    }
}

/* Warnings, as in `lua`: off, on, and on in the middle of a message. */
static void warn_off(void *ud, const char *message, int tocont);
static void warn_on(void *ud, const char *message, int tocont);

static void warn_more(void *ud, const char *message, int tocont)
{
    lua_State *L = ud;
    fprintf(stderr, "%s%s", message, tocont ? "" : "\n");
    fflush(stderr);
    lua_setwarnf(L, tocont ? warn_more : warn_on, L);
}

static void warn_on(void *ud, const char *message, int tocont)
{
    lua_State *L = ud;
    if (!tocont && message[0] == '@') {
        if (strcmp(message, "@off") == 0)
            lua_setwarnf(L, warn_off, L);
        return;
    }
    fputs("Lua warning: ", stderr);
    warn_more(ud, message, tocont);
}

static void warn_off(void *ud, const char *message, int tocont)
{
    lua_State *L = ud;
    if (!tocont && strcmp(message, "@on") == 0)
        lua_setwarnf(L, warn_on, L);
}

void lull__script_warnings(lua_State *L)
{
    lua_setwarnf(L, warn_off, L);
}

/* ---- steps ------------------------------------------------------------------------------ */

enum step { STEP_INIT, STEP_OPTIONS, STEP_SCRIPT, STEP_PROMPT, STEP_END };

static int main_k(lua_State *L, int status, lua_KContext context);

/* Go on with step `step` of the main task; options from argv[i]. */
static lua_KContext pack(int step, int i)
{
    return (lua_KContext)i * 8 + step;
}

/* Raise the message on top: a chunk that does not load. */
static int refuse_chunk(lua_State *L)
{
    struct command *command = lua_touserdata(L, 1);
    command->unloadable = true;
    return lua_error(L);
}

/* Call the function on top, or raise the message there; then go on. */
static int call_chunk(lua_State *L, int status, int nargs, lua_KContext next)
{
    if (status != LUA_OK)
        return refuse_chunk(L);
    lua_callk(L, nargs, 0, next, main_k);
    return main_k(L, LUA_OK, next);
}

static int run_init(lua_State *L, const struct command *command)
{
    const char *name = "LUA_INIT_5_4";
    const char *code = command->no_environment ? NULL : getenv(name);
    if (code == NULL && !command->no_environment)
        code = getenv(name = "LUA_INIT");
    if (code == NULL)
        return main_k(L, LUA_OK, pack(STEP_OPTIONS, 1));
    int status;
    if (code[0] == '@') {
        status = luaL_loadfile(L, code + 1);
    } else {
        lua_pushfstring(L, "=%s", name);
        status = luaL_loadbuffer(L, code, strlen(code), lua_tostring(L, -1));
        lua_remove(L, -2);
    }
    return call_chunk(L, status, 0, pack(STEP_OPTIONS, 1));
}

/* The module -l asked for is on top: into its global, whose name is at 2. */
static int required_k(lua_State *L, int status, lua_KContext next)
{
    (void)status;
    lua_setglobal(L, lua_tostring(L, 2));
    return main_k(L, LUA_OK, next);
}

/* -l what: name, or global=name. */
static int run_require(lua_State *L, const char *what, lua_KContext next)
{
    const char *equals = strchr(what, '=');
    if (equals != NULL)
        lua_pushlstring(L, what, (size_t)(equals - what));
    else
        lua_pushstring(L, what);
    lua_getglobal(L, "require");
    lua_pushstring(L, equals != NULL ? equals + 1 : what);
    lua_callk(L, 1, 1, next, required_k);
    return required_k(L, LUA_OK, next);
}

static int run_options(lua_State *L, const struct command *command, int i)
{
    for (; i <= command->last_option; i++) {
        const char *option = command->argv[i];
        if (option[0] != '-') /* the value of the one before */
            continue;
        if (option[1] == 'W')
            lua_warning(L, "@on", 0);
        if (option[1] != 'e' && option[1] != 'l')
            continue;
        const char *value = option[2] != '\0' ? option + 2 : command->argv[++i];
        lua_KContext next = pack(STEP_OPTIONS, i + 1);
        if (option[1] == 'l')
            return run_require(L, value, next);
        return call_chunk(L, luaL_loadbuffer(L, value, strlen(value), "=(command line)"),
                          0, next);
    }
    return main_k(L, LUA_OK, pack(STEP_SCRIPT, 0));
}

static int push_arguments(lua_State *L, const struct command *command, int from)
{
    int count = command->argc - from;
    luaL_checkstack(L, count + 3, "too many arguments to script");
    for (int i = 0; i < count; i++)
        lua_pushstring(L, command->argv[from + i]);
    return count;
}

/* module.main(...) with `count` arguments on top. */
static int run_module(lua_State *L, const char *module, int count)
{
    static const char code[] = "return require((...)).main(select(2, ...))";
    int status = luaL_loadbuffer(L, code, sizeof code - 1, "=lull");
    lua_insert(L, -count - 1);
    lua_pushstring(L, module);
    lua_insert(L, -count - 1);
    return call_chunk(L, status, count + 1, pack(STEP_END, 0));
}

/* --watch: the same command line without it is run by a child. */
static int run_watch(lua_State *L, const struct command *command)
{
    int count = 0;
    luaL_checkstack(L, command->argc + 3, "too many arguments to script");
    for (int i = 0; i < command->argc; i++) {
        if (i <= command->last_option && strcmp(command->argv[i], "--watch") == 0)
            continue;
        lua_pushstring(L, command->argv[i]);
        count++;
    }
    return run_module(L, "lull.program.watch", count);
}

/* The message on top is that of a file that is not there: is a subcommand meant? */
static void suggest(lua_State *L, const struct command *command, const char *name)
{
    const char *nearest = NULL;
    if (command->is_named && strpbrk(name, "/.") == NULL && access(name, F_OK) != 0)
        nearest = lull__nearest_subcommand(name);
    if (nearest == NULL)
        return;
    lua_pushfstring(L, "%s; did you mean 'lull %s'?", lua_tostring(L, -1), nearest);
    lua_remove(L, -2);
}

static int run_file(lua_State *L, struct command *command)
{
    const char *name = command->argv[command->script];
    bool after_dashes = strcmp(command->argv[command->script - 1], "--") == 0;
    bool from_stdin = strcmp(name, "-") == 0 && !after_dashes;
    if (!from_stdin)
        lull__loads_tell(command->watcher, name);
    int status =
        luaL_loadfilex(L, from_stdin ? NULL : name, command->narrowed ? "t" : NULL);
    if (status != LUA_OK) {
        suggest(L, command, name);
        return refuse_chunk(L);
    }
    int count = push_arguments(L, command, command->script + 1);
    return call_chunk(L, status, count, pack(STEP_PROMPT, 0));
}

/* The script that is in the program itself. */
static int run_bundle(lua_State *L, const struct command *command)
{
    struct lull_found found;
    if (lull__bundle_find(command->bundle, "main:", &found) <= 0)
        return luaL_error(L, "the archive of this program is damaged");
    int status = luaL_loadbuffer(L, found.bytes, found.size, found.chunkname);
    int count = status == LUA_OK ? push_arguments(L, command, 1) : 0;
    return call_chunk(L, status, count, pack(STEP_END, 0));
}

static int run_script(lua_State *L, struct command *command)
{
    if (command->bundle != NULL)
        return run_bundle(L, command);
    if (command->module != NULL)
        return run_module(L, command->module,
                          push_arguments(L, command, command->script + 1));
    if (command->script != 0)
        return run_file(L, command);
    if (!command->has_code && !command->version && !isatty(STDIN_FILENO))
        return call_chunk(L, luaL_loadfile(L, NULL), 0, pack(STEP_END, 0));
    return main_k(L, LUA_OK, pack(STEP_PROMPT, 0));
}

static int run_prompt(lua_State *L, const struct command *command)
{
    if (!lull__wants_prompt(command))
        return 0;
    static const char code[] = "return require('lull.repl').main()";
    return call_chunk(L, luaL_loadbuffer(L, code, sizeof code - 1, "=lull"), 0,
                      pack(STEP_END, 0));
}

static int main_k(lua_State *L, int status, lua_KContext context)
{
    struct command *command = lua_touserdata(L, 1);
    (void)status;
    lua_settop(L, 1);
    switch (context % 8) {
    case STEP_INIT:
        return run_init(L, command);
    case STEP_OPTIONS:
        return run_options(L, command, (int)(context / 8));
    case STEP_SCRIPT:
        return run_script(L, command);
    case STEP_PROMPT:
        return run_prompt(L, command);
    default:
        return 0;
    }
}

int lull__main_task(lua_State *L)
{
    const struct command *command = lua_touserdata(L, 1);
    push_arg_table(L, command);
    lua_setglobal(L, "arg");
    if (command->watch)
        return run_watch(L, command);
    lull__loads_hook(L, command->watcher);
    return main_k(L, LUA_OK, pack(command->bundle != NULL ? STEP_SCRIPT : STEP_INIT, 0));
}
