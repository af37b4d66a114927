/* SPDX-License-Identifier: MIT */
/*
 * main.c -- the program `lull`: a host like any other.
 *
 * Options, arg, exit codes and search paths are those of `lua5.4` where it has
 * them.  The main chunk is the main task, so a script may await at top level.
 * The process is ours: signals, stdout and exit codes are set nowhere else.
 */
#include "command.h"
#include "lull.h"
#include "workers.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_DEADLOCK 13
#define EXIT_SIGNAL   128 /* and the number of the signal */
#define GRACE         1.0 /* seconds, for closed streams to send what is left */

/* How the main task ended. */
struct ending {
    const struct command *command;
    enum lull_status status;
    int code;
    bool told;
};

/* The signal handler's only way to the runtime, and what it got last. */
static struct lull_runtime *volatile running;
static volatile sig_atomic_t ended_by = SIGINT;

/* ---- signals -------------------------------------------------------------------- */

/* The first cancels the main task and lets it clean up; the second ends at once. */
static void on_end(int number)
{
    struct lull_runtime *rt = running;
    ended_by = number;
    if (rt != NULL && lull_interrupt(rt) == 0)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static void on_sigusr1(int number)
{
    struct lull_runtime *rt = running;
    (void)number;
    if (rt != NULL)
        lull_request_dump(rt, STDERR_FILENO);
}

static void take_signals(struct lull_runtime *rt)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    running = rt;
    action.sa_handler = on_end;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_sigusr1;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
#ifdef SIGRTMIN
    lull_lend_signal(SIGRTMIN + 1); /* for workers: the main runtime has no slices */
#endif
}

/* ---- the main task ------------------------------------------------------------------- */

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

static int run_script(lua_State *L, const struct command *command)
{
    if (command->module != NULL) {
        static const char code[] = "return require((...)).main(select(2, ...))";
        int status = luaL_loadbuffer(L, code, sizeof code - 1, "=lull");
        lua_pushstring(L, command->module);
        int count = push_arguments(L, command, command->script + 1);
        return call_chunk(L, status, count + 1, pack(STEP_END, 0));
    }
    if (command->script != 0) {
        const char *name = command->argv[command->script];
        bool after_dashes = strcmp(command->argv[command->script - 1], "--") == 0;
        int status =
            luaL_loadfilex(L, strcmp(name, "-") == 0 && !after_dashes ? NULL : name,
                           command->narrowed ? "t" : NULL);
        if (status != LUA_OK)
            return refuse_chunk(L);
        int count = push_arguments(L, command, command->script + 1);
        return call_chunk(L, status, count, pack(STEP_PROMPT, 0));
    }
    if (!command->has_code && !command->version && !isatty(STDIN_FILENO))
        return call_chunk(L, luaL_loadfile(L, NULL), 0, pack(STEP_END, 0));
    return main_k(L, LUA_OK, pack(STEP_PROMPT, 0));
}

static int run_prompt(lua_State *L, const struct command *command)
{
    bool wanted = command->interactive ||
                  (command->script == 0 && !command->has_code && !command->version);
    if (!wanted)
        return 0;
    static const char code[] = "return require('lull.repl').main()";
    return call_chunk(L, luaL_loadbuffer(L, code, sizeof code - 1, "=lull"), 0,
                      pack(STEP_END, 0));
}

static int main_k(lua_State *L, int status, lua_KContext context)
{
    const struct command *command = lua_touserdata(L, 1);
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

/* The main task: main(command) */
static int main_task(lua_State *L)
{
    const struct command *command = lua_touserdata(L, 1);
    push_arg_table(L, command);
    lua_setglobal(L, "arg");
    return main_k(L, LUA_OK, pack(STEP_INIT, 0));
}

static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    struct ending *ending = arg;
    if (running == NULL) /* torn down: nobody asks any more */
        return;
    (void)rt;
    ending->told = true;
    ending->status = outcome->status;
    switch (outcome->status) {
    case LULL_DONE:
        ending->code = EXIT_SUCCESS;
        return;
    case LULL_CANCELLED:
        ending->code = EXIT_SIGNAL + ended_by;
        return;
    case LULL_EXITED:
        return;
    case LULL_DEADLOCK:
        ending->code = EXIT_DEADLOCK;
        fprintf(stderr, "lull: deadlock: %s\n", outcome->message);
        return;
    default:
        ending->code = EXIT_FAILURE;
        fprintf(stderr, "lull: %s\n", outcome->message);
        if (outcome->traceback != NULL && !ending->command->unloadable)
            fprintf(stderr, "%s\n", outcome->traceback);
    }
}

static int run(struct lull_runtime *rt, struct command *command, struct ending *ending)
{
    lua_State *L = lull_state(rt);
    lua_setwarnf(L, warn_off, L);
    lua_pushcfunction(L, main_task);
    lua_pushlightuserdata(L, command);
    struct lull_task *task = lull_call(rt, 1, on_outcome, ending);
    if (task == NULL) {
        fputs("lull: not enough memory\n", stderr);
        return EXIT_FAILURE;
    }
    lull_set_name(rt, task,
                  command->script != 0 ? command->argv[command->script] : "main");
    enum lull_status status = lull_run(rt);
    if (status == LULL_EXITED)
        return lull_exit_code(rt);
    if (status == LULL_DEADLOCK && !ending->told) {
        fputs("lull: deadlock: blocked again while cleaning up:\n", stderr);
        lull_dump(rt, STDERR_FILENO);
        return EXIT_DEADLOCK;
    }
    return ending->code;
}

/* glibc would give the top of the heap back and take it again for every large string. */
static void keep_heap(void)
{
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}

/* Create a runtime, run the command, tear down; what to exit with. */
static int work(void *arg)
{
    struct command command = *(const struct command *)arg;
    static const char *const all[] = {"all", NULL};
    const struct lull_options options = {.size = sizeof options,
                                         .permissions =
                                             command.narrowed ? command.rules : all,
                                         .ignore_environment = command.no_environment};
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL) {
        fputs("lull: cannot create the runtime\n", stderr);
        return EXIT_FAILURE;
    }
    take_signals(rt);
    if (command.version)
        lull__print_version();
    struct ending ending = {.command = &command,
                            .code = EXIT_FAILURE}; /* lull_free may still tell */
    int code = run(rt, &command, &ending);
    running = NULL;
    lull_free(rt, ending.told ? GRACE : 0);
    return fflush(stdout) == 0 || code != EXIT_SUCCESS ? code : EXIT_FAILURE;
}

/* Descriptors 0 to 2 that are closed would be taken by sockets, and printed to. */
static bool open_standard_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    struct command command;
    if (!open_standard_streams())
        return EXIT_FAILURE;
    int end = lull__take_command(&command, argc, argv);
    if (end != 0)
        return end - 1;
    keep_heap();
    return command.workers > 0 ? lull__run_workers(command.workers, work, &command)
                               : work(&command);
}
