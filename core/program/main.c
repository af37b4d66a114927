/* SPDX-License-Identifier: MIT */
/*
 * main.c -- the program `lull`: a host like any other.
 *
 * Options, arg, exit codes and search paths are those of `lua5.4` where it has
 * them.  The main chunk is the main task, so a script may await at top level.
 * The process is ours: signals, stdout and exit codes are set by the program alone.
 */
#include "lull.h"
#include "program/bundle.h"
#include "program/command.h"
#include "program/complain.h"
#include "program/envfile.h"
#include "program/folded.h"
#include "program/loads.h"
#include "program/script.h"
#include "program/workers.h"

#include <lua.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define EXIT_DEADLOCK 13
#define EXIT_SIGNAL   128  /* and the number of the signal */
#define PROMPT_SLICE  0.01 /* seconds that a task computes before others have a turn */
#define FOREVER       1e9
#define GRACE         1.0 /* seconds, for closed streams to send what is left */
#define AGAIN         1 /* seconds until a call that an interrupt missed is interrupted */

/* How the main task ended. */
struct ending {
    const struct command *command;
    int code;
    int last; /* what a finalizer gave to os.exit as the state was closed; 0: none did */
    bool told;
};

/* The signal handler's only way to the runtime, and what it got last. */
static struct lull_runtime *volatile running;
static volatile sig_atomic_t ended_by = SIGINT;
static volatile sig_atomic_t terminated_by; /* the first SIGTERM or SIGHUP, or 0 */
static volatile sig_atomic_t has_prompt; /* it hears interrupts for as long as it lives */

/* How the terminal was before any script had it; read by the handler only once set. */
static struct termios terminal;
static volatile sig_atomic_t has_terminal;

/* ---- signals -------------------------------------------------------------------- */

/*
 * Nothing is unwound when it ends at once: give the terminal back with its echo.  Not
 * from the background, where it is another's and asking would stop us.
 */
static void give_terminal_back(void)
{
    if (has_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

/*
 * The first cancels the main task and lets it clean up; the second ends at once.  At a
 * prompt Ctrl-C is for the line only, however often, unless nothing hears it; SIGTERM, and
 * SIGHUP when the terminal is gone, also end the prompt, which asks whether they came.
 */
static void on_end(int number)
{
    struct lull_runtime *rt = running;
    bool again = number != SIGINT && terminated_by != 0;
    ended_by = number;
    if (number != SIGINT && !again)
        terminated_by = number;
    if (rt != NULL && lull_interrupt(rt) == 0 && !again) {
        if (has_prompt)
            alarm(AGAIN);
        return;
    }
    give_terminal_back();
    signal(number, SIG_DFL);
    raise(number);
}

/*
 * The line has not ended yet: if the interrupt came just before a call that blocks, io.read
 * for example, this breaks it off, and the line hears of the interrupt.
 */
static void on_sigalrm(int number)
{
    (void)number;
    alarm(AGAIN);
}

static void on_sigusr1(int number)
{
    struct lull_runtime *rt = running;
    (void)number;
    if (rt != NULL)
        lull_request_dump(rt, STDERR_FILENO);
}

static void on_ask(int number, siginfo_t *about, void *machine)
{
    struct lull_runtime *rt = running;
    (void)number;
    (void)machine;
    if (rt != NULL)
        lull_answer(rt, about);
}

/*
 * Nobody reads what is printed, and that was not noticed when it failed before: end as
 * other programs do, for a script that only prints would go on for ever.  What is sent to
 * others, streams for example, fails without this signal.
 */
static void on_sigpipe(int number)
{
    if (!ferror(stdout))
        return;
    give_terminal_back();
    signal(number, SIG_DFL);
    raise(number);
}

static void take_signals(struct lull_runtime *rt)
{
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    running = rt;
    has_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
    action.sa_handler = on_end;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL); /* else it was started by nohup */
    if (has_prompt) {
        action.sa_handler = on_sigalrm;
        sigaction(SIGALRM, &action, NULL);
    }
    action.sa_handler = on_sigusr1;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = on_sigpipe;
    sigaction(SIGPIPE, &action, NULL);
    signal(SIGCHLD, SIG_DFL); /* who starts us ignoring it has the system forget how
                                 children ended */
#ifdef __linux__
    action.sa_sigaction = on_ask;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(LULL_ASK_SIGNAL, &action, NULL);
#endif
}

/* ---- how it ended --------------------------------------------------------------------- */

/* An error of the main task's; without a traceback where nothing has run. */
static void complain(const struct command *command, const char *head,
                     const struct lull_outcome *outcome, bool traced)
{
    const char *trace = traced && outcome->traceback != NULL ? outcome->traceback : "";
    size_t size = strlen(head) + strlen(outcome->message) + strlen(trace) + 2;
    char *text = malloc(size);
    if (text == NULL) {
        fprintf(stderr, "%s%s\n", head, outcome->message);
        return;
    }
    snprintf(text, size, "%s%s%s%s", head, outcome->message, *trace != '\0' ? "\n" : "",
             trace);
    lull__complain(text, !command->narrowed);
    free(text);
}

/* What ended it was a limit from the command line: say so. */
static void tell_limit(const struct command *command, enum lull_status status,
                       const char *message)
{
    const struct lull_options *limits = &command->limits;
    if (status == LULL_LIMIT && limits->cpu_limit > 0)
        fprintf(stderr, "lull: --max-cpu: it has computed for %g s\n", limits->cpu_limit);
    else if (limits->memory_limit > 0 && strstr(message, "not enough memory"))
        fprintf(stderr, "lull: --max-memory: there are no more than %zu bytes\n",
                limits->memory_limit);
    else if (limits->max_tasks > 0 && strstr(message, "too many tasks"))
        fprintf(stderr, "lull: --max-tasks: there are no more than %u\n",
                limits->max_tasks);
    else if (limits->max_handles > 0 && strstr(message, "too many open handles"))
        fprintf(stderr, "lull: --max-handles: there are no more than %u\n",
                limits->max_handles);
}

/* An error that nobody received, or why there is no runtime. */
static void on_report(void *arg, const char *text)
{
    const struct command *command = arg;
    lull__complain(text, !command->narrowed);
    if (running == NULL)
        tell_limit(command, LULL_FAILED, text);
}

/* Was a finalizer killed that went on when the script had ended? */
static bool was_overspent(struct lull_runtime *rt)
{
    struct lull_stats stats = {.size = sizeof stats};
    lull_get_stats(rt, &stats);
    return stats.killed > 0;
}

static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    struct ending *ending = arg;
    if (running == NULL) /* torn down: nobody asks any more */
        return;
    (void)rt;
    ending->told = true;
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
        complain(ending->command, "lull: deadlock: ", outcome, false);
        return;
    default:
        ending->code =
            outcome->status == LULL_LIMIT ? EXIT_SIGNAL + SIGXCPU : EXIT_FAILURE;
        complain(ending->command, "lull: ", outcome, !ending->command->unloadable);
        tell_limit(ending->command, outcome->status, outcome->message);
    }
}

static int run(struct lull_runtime *rt, struct command *command, struct ending *ending)
{
    lua_State *L = lull_state(rt);
    lull__script_warnings(L);
    lua_pushcfunction(L, lull__main_task);
    lua_pushlightuserdata(L, command);
    const struct lull_call_options options = {
        .size = sizeof options,
        .done = on_outcome,
        .arg = ending,
        .name = command->script != 0 ? command->argv[command->script] : "main",
        .cpu_limit = command->watch ? 0 : command->limits.cpu_limit,
    };
    struct lull_task *task = lull_call_with(rt, 1, &options);
    if (task == NULL) {
        on_report(command, "lull: not enough memory");
        tell_limit(command, LULL_NO_MEMORY, "not enough memory");
        return EXIT_FAILURE;
    }
    enum lull_status status = lull_run(rt);
    if (status == LULL_EXITED)
        return lull_exit_code(rt);
    if (status == LULL_DEADLOCK && !ending->told) {
        fputs("lull: deadlock: blocked again while cleaning up:\n", stderr);
        lull_dump(rt, STDERR_FILENO);
        return EXIT_DEADLOCK;
    }
    if (options.cpu_limit > 0 && ending->code == EXIT_SUCCESS && was_overspent(rt)) {
        tell_limit(command, LULL_LIMIT, "");
        return EXIT_SIGNAL + SIGXCPU;
    }
    return ending->code;
}

/* Of the first object in the state to get a finalizer, and so the last one called. */
static int keep_exit_code(lua_State *L)
{
    struct ending *const *ending = lua_touserdata(L, 1);
    if (running == NULL)
        (*ending)->last = lull_exit_code(lua_touserdata(L, lua_upvalueindex(1)));
    return 0;
}

/* end_turn() -> code | nil: nothing is to be interrupted any more; has it been ended? */
static int l_end_turn(lua_State *L)
{
    alarm(0);
    if (terminated_by == 0)
        return 0;
    lua_pushinteger(L, EXIT_SIGNAL + terminated_by);
    return 1;
}

/* watch_exit(rt, ending) */
static int watch_exit(lua_State *L)
{
    struct ending **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = lua_touserdata(L, 2);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, keep_exit_code, 1);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, (const void *)&running);
    lua_pushcfunction(L, l_end_turn);
    lua_setfield(L, LUA_REGISTRYINDEX, "LULL_END_TURN"); /* for the prompt */
    return 0;
}

static void take_last_exit(struct lull_runtime *rt, struct ending *ending)
{
    lua_State *L = lull_state(rt);
    lua_pushcfunction(L, watch_exit);
    lua_pushlightuserdata(L, rt);
    lua_pushlightuserdata(L, ending);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* without memory there is no script either */
}

/* glibc would give the top of the heap back and take it again for every large string. */
static void keep_heap(void)
{
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}

/* The options of the runtime; what is to be watched is run by another process. */
static struct lull_options options_of(const struct command *command)
{
    static const char *const all[] = {"all", NULL};
    struct lull_options options = {.size = sizeof options};
    if (!command->watch)
        options = command->limits;
    options.permissions = command->narrowed && !command->watch ? command->rules : all;
    options.report = on_report;
    options.report_arg = (void *)command;
    options.ignore_environment = command->no_environment;
    options.find = command->bundle != NULL ? lull__bundle_find : NULL;
    options.find_arg = command->bundle;
#ifdef SIGRTMIN
    int slice_signal = SIGRTMIN + 1; /* for workers, and for scripts that compute */
    if (lull_lend_signal(slice_signal) != 0)
        return options;
    if (lull__wants_prompt(command)) {
        options.slice_signal = slice_signal;
        options.slice = PROMPT_SLICE; /* a task that computes leaves time to type */
        options.stall = options.cpu_limit > 0 ? options.cpu_limit : FOREVER;
    } else if (options.cpu_limit > 0) {
        options.slice_signal = slice_signal;
        options.slice = options.cpu_limit; /* others get their turn when it waits... */
        options.stall = options.cpu_limit; /* ...and it may be long in one place */
    }
#endif
    return options;
}

/* Create a runtime, run the command, tear down; what to exit with. */
static int work(void *arg)
{
    struct command command = *(const struct command *)arg;
    const struct lull_options options = options_of(&command);
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL) {
        fputs("lull: cannot create the runtime\n", stderr);
        return EXIT_FAILURE;
    }
    has_prompt = lull__wants_prompt(&command);
    take_signals(rt);
    if (command.version && !command.watch)
        lull__print_version();
    struct ending ending = {.command = &command,
                            .code = EXIT_FAILURE}; /* lull_free may still tell */
    take_last_exit(rt, &ending);
    struct folded *folded = NULL;
    bool profiles = command.profile != NULL && !command.watch;
    if (profiles)
        folded = lull__folded_start(rt, command.profile, command.profile_interval);
    int code = !profiles || folded != NULL ? run(rt, &command, &ending) : EXIT_FAILURE;
    running = NULL;
    lull__folded_end(folded, rt);
    lull_free(rt, ending.told ? GRACE : 0);
    if (ending.last != 0)
        code = ending.last;
    return fflush(stdout) == 0 || code != EXIT_SUCCESS ? code : EXIT_FAILURE;
}

/* Descriptors 0 to 2 that are closed would be taken by sockets, and printed to. */
static bool open_standard_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0) /* in an empty tree there is none, and no need if they are open */
        return fcntl(STDIN_FILENO, F_GETFD) >= 0 && fcntl(STDOUT_FILENO, F_GETFD) >= 0 &&
               fcntl(STDERR_FILENO, F_GETFD) >= 0;
    return close(fd) == 0;
}

/* The files of --env-file: before there is a runtime, which has paths from there. */
static bool load_environment(const struct command *command)
{
    for (unsigned i = 0; i < command->env_count; i++) {
        lull__loads_tell(command->watcher, command->env_files[i]);
        if (!lull__load_environment(command->env_files[i]))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct command command;
    if (!open_standard_streams())
        return EXIT_FAILURE;
    struct bundle bundle;
    int end = lull__bundle_open(&bundle);
    if (end != 0)
        return end;
    end = lull__take_command(&command, bundle.map != NULL ? 1 : argc, argv);
    if (end != 0)
        return end - 1;
    if (bundle.map != NULL) { /* its whole command line is the script's */
        command.argc = argc;
        command.bundle = &bundle;
    }
    keep_heap();
    command.watcher = lull__loads_open();
    if (!command.watch && !load_environment(&command))
        return EXIT_FAILURE;
    return command.workers > 0 && !command.watch
               ? lull__run_workers(command.workers, work, &command)
               : work(&command);
}
