/* SPDX-License-Identifier: MIT */
/*
 * lull.h -- lull for hosts: scripts that wait, inside your C program.
 *
 * A runtime is one Lua state on one libevent event_base.  You create it, load
 * a script into it, call it, and let it run: in lull_run(), in bounded
 * lull_step()s, or inside your own event_base_dispatch() when you lent it
 * your base.  Scripts run only in a turn: inside lull_run(), lull_step(), or
 * a callback that your base makes.
 *
 * Threads: a runtime belongs to the thread that made it.  Only lull_post() may
 * be called from elsewhere.  Several runtimes may share a thread and a base;
 * none shares anything with another.
 *
 * Trust: a runtime made with no options may compute and wait, and nothing else:
 * no files, no network, no processes, no C modules.  You name what it may
 * (permissions) and how much (limits).  One runtime per plugin is the way to
 * keep plugins apart; lull_plugin_new() is the light way, within one runtime.
 *
 * Below, "runs script code" says that a function may enter Lua code of scripts
 * before it returns; all others never do, finalizers (__gc) aside: Lua calls them
 * where memory is asked for.  In a runtime with a slice_signal or a cpu_limit they
 * are tasks.
 *
 * The library never exits, prints (but what a report function would be told, when
 * none is given), installs signal handlers but in lull_lend_signal(), or jumps
 * through your frames.
 * Nothing that it writes to raises SIGPIPE.
 *
 * Pointers must not be NULL but where it says so; options, callbacks and lull_free()
 * take it.
 */
#ifndef LULL_H
#define LULL_H

#include "lull_version.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LULL_API __attribute__((visibility("default")))
#else
#define LULL_API
#endif

struct event_base;
struct lua_State;
struct lull_runtime;
struct lull_task;
struct lull_plugin;

/* How something ended; also what functions that can fail return. */
enum lull_status {
    LULL_DONE = 0,  /* it returned */
    LULL_FAILED,    /* it raised an error */
    LULL_CANCELLED, /* it was cancelled */
    LULL_EXITED,    /* the script called os.exit; see lull_exit_code() */
    LULL_NO_MEMORY, /* memory was refused */
    LULL_BAD_USE,   /* called at a wrong time or with wrong arguments */
    LULL_SYNTAX,    /* the source does not compile */
    LULL_NO_FILE,   /* the file cannot be read */
    LULL_DEADLOCK,  /* nothing could wake what was left */
    LULL_LIMIT,     /* it was killed: it had used up its CPU time, or lull_kill() */
    LULL_LATE       /* the deadline of lull_call_now() had passed */
};

/* "done", "failed", "limit", ...: a constant. */
LULL_API const char *lull_status_name(enum lull_status status);

/* The outcome of a task.  Everything in it is borrowed until the callback returns. */
struct lull_outcome {
    enum lull_status status;
    const char *message;   /* a text, mostly one line; NULL when it is LULL_DONE */
    const char *traceback; /* where it failed and who started it; may be NULL */
    struct lua_State *L;   /* the results are its top `results` values */
    int results;           /* 1 and the error value, when it failed and could be told */
};

/*
 * Called once when a task started from C has ended and what it owned has
 * ended.  It may call anything in this header but lull_free(), lull_run() and
 * lull_step(); it must leave L's stack as deep as it was, or deeper.
 */
typedef void (*lull_outcome_fn)(struct lull_runtime *rt,
                                const struct lull_outcome *outcome, void *arg);

/* An error that nobody received, as text. */
typedef void (*lull_report_fn)(void *arg, const char *text);

/* Like lua_Alloc. */
typedef void *(*lull_alloc_fn)(void *ud, void *ptr, size_t osize, size_t nsize);

/* What a script prints: print, io.write and io.stdout.  Not a C string. */
typedef void (*lull_print_fn)(void *arg, const char *text, size_t size);

/* Messages for whoever runs the host. */
enum lull_level { LULL_LOG_DEBUG, LULL_LOG_INFO, LULL_LOG_WARNING, LULL_LOG_ERROR };

/* A line from lull itself, or a script's warn(): no newline at its end. */
typedef void (*lull_log_fn)(void *arg, enum lull_level level, const char *text);

/*
 * A script was about to use a permission: `needed` is the rule that would allow
 * it ("read=/etc/passwd"), `op` the function ("io.open").  Told of what was
 * denied only.  It must not call into the runtime.
 */
typedef void (*lull_audit_fn)(void *arg, const char *op, const char *needed);

/* Something that the host has for scripts.  Borrowed while the runtime exists. */
struct lull_found {
    const char *bytes;
    size_t size;
    const char *chunkname; /* of a module, as in lua_load; NULL: its name */
};

/*
 * 1 and *found filled in: the host has this; 0: it has not; -1: it is damaged.  `name`
 * is that of a module: its source, or its bytecode for scripts that may do everything;
 * or "file:NAME", which lull.bundle.read("NAME") asks for.  Workers ask, too, on
 * their own threads.
 */
typedef int (*lull_find_fn)(void *arg, const char *name, struct lull_found *found);

/*
 * Permissions are a list of rules, strings, ended by NULL:
 *
 *   "read=PATH"        files and folders below PATH (made absolute when given)
 *   "write=PATH"       likewise, for writing, making, removing
 *   "connect=HOST:PORT", "listen=HOST:PORT", "net=HOST:PORT" (both)
 *                      HOST as scripts write it, "*.example.org", an address, or
 *                      "*"; ":PORT" may be missing, for all; "unix:PATH"
 *   "env=NAME"         an environment variable; "*": all
 *   "run=NAME"         a program, as scripts write it; "*": all
 *   "native"           C modules, descriptors by number, what goes around all else
 *   "threads"          lull.worker
 *   "module=NAME"      only these modules of lull's own ("lull.http" means
 *                      lull.http.* too); no such rule: all
 *   ("read=/" is everything that can be read, /proc of this process with it)
 *   "all"              everything; the only way to get debug, bytecode, lull.testing
 *
 * What a rule does not name is denied with a `permission` error that names the
 * rule (fields `needed`, `op`).  No path leaves its folder by ".." or symbolic links;
 * links that stay in what is allowed work.  write does not mean read.
 *
 * Where anything is denied, scripts find the standard libraries cut: io and os obey
 * the rules, os.execute and io.popen need run=sh, for they run the shell; os.rename
 * needs read, too, where something at the new place may be read; no FIFO is waited for;
 * io.stdin and code from it need native; of debug there are traceback and getinfo
 * (without functions); bytecode is refused, by lull_load() too.  A file that require may
 * not read is passed over, and named when nothing is found.  What modules of lull's own
 * require for themselves is theirs; their native halves need "all".
 */

/* What a runtime is made with.  Zero always means the default. */
struct lull_options {
    size_t size; /* sizeof (struct lull_options): the version of this struct */
    struct event_base *base; /* borrowed until lull_free(); NULL: an own one */
    lull_alloc_fn alloc;     /* NULL: malloc */
    void *alloc_ud;          /* handed to alloc */
    /* Bytes of Lua and runtime memory; 0: no limit.  Scripts are refused more; what
       you push yourself, outside scripts, is counted and not refused. */
    size_t memory_limit;
    lull_report_fn report;  /* errors nobody received; NULL: stderr */
    void *report_arg;       /* handed to report */
    int ignore_environment; /* not 0: LUA_PATH and LUA_CPATH do not count */

    const char *const *permissions; /* copied; NULL: nothing is allowed */
    lull_audit_fn audit;            /* denied uses; NULL: nobody is told */
    void *audit_arg;
    /* What scripts print, io.stderr's too; NULL: the process's own streams, which a
       script may fill, and block when they are full. */
    lull_print_fn print;
    void *print_arg;
    lull_log_fn log; /* NULL: nobody is told */
    void *log_arg;

    /*
     * Time slices.  With a signal lent, a script that computes for longer than
     * a slice is set aside for others, wherever it is, and killed when it has
     * used up its CPU time or stays where it cannot be set aside.  Without one
     * (0) nothing interrupts a script that computes: limits are looked at when
     * it waits or allocates.  Linux only.  The host lends the signal once, with
     * lull_lend_signal(SIGRTMIN + 1), and leaves it unblocked in threads that
     * have runtimes.
     */
    int slice_signal;
    double slice;     /* seconds, taken as 0.0001 to 1; 0: 0.005 */
    double cpu_limit; /* seconds of CPU time of one task, in all; 0: no limit */
    double stall;     /* seconds in one place that cannot be set aside; 0: 0.25.  1e9, and
                         no cpu_limit: scripts are trusted, and have Lua's own library */

    unsigned max_tasks;   /* unfinished at a time; 0: no limit */
    unsigned max_handles; /* sockets, io's files and the like; 0: no limit */
    size_t max_buffered;  /* bytes that streams hold for scripts; 0: no limit */
    size_t max_output; /* bytes a second that `print` is handed, if given; 0: no limit */

    lull_find_fn find; /* asked by require after lull's modules, before package.path */
    void *find_arg;
};

/*
 * Make a runtime; usable at once.  options may be NULL.  NULL when memory or
 * descriptors are refused, libevent fails, options->size is not a size we know,
 * a permission cannot be read, slice_signal has another handler, or the program
 * has a Lua of its own that gets in the way of lull's.  The report function, if
 * there is one, is told why, but for the size.
 */
LULL_API struct lull_runtime *lull_new(const struct lull_options *options);

/*
 * End everything in flight and free the runtime.  Tasks are cancelled and get
 * up to `grace` seconds to clean up (0: none); then they are closed by force.
 * Must not be called from inside a script or a callback of this runtime.  Inside a
 * callback of the base, descriptors are not waited for.
 * Outcome callbacks not made yet are made, with LULL_CANCELLED.  Runs script code.
 */
LULL_API void lull_free(struct lull_runtime *rt, double grace);

/* The runtime's Lua state: for registering functions and pushing arguments. */
LULL_API struct lua_State *lull_state(struct lull_runtime *rt);

/*
 * Push the global `name` of a plugin (NULL: of the runtime) on lull_state(), or nil.
 * Looks at the table itself: a metatable of the script's has no say.
 */
LULL_API void lull_push_global(struct lull_runtime *rt, struct lull_plugin *plugin,
                               const char *name);

/* The base it runs on. */
LULL_API struct event_base *lull_base(struct lull_runtime *rt);

/*
 * Compile a script and push the function on lull_state(); on failure push a
 * message.  chunkname as in lua_load: "@file", "=name".  path NULL: stdin.
 * A first line that starts with # is skipped in files.
 */
LULL_API enum lull_status lull_load(struct lull_runtime *rt, const char *source,
                                    size_t size, const char *chunkname);
LULL_API enum lull_status lull_load_file(struct lull_runtime *rt, const char *path);

/*
 * Start a task: the function and its `nargs` arguments are the top values of
 * lull_state(), and are popped.  No script code runs inside the call.  `done`
 * may be NULL.  Returns the task, borrowed: valid until `done` is called (with
 * done NULL: not at all).  NULL when memory is refused, when there are max_tasks
 * already, after os.exit, inside lull_free(), or (and then nothing is popped) when
 * there are not so many values.
 */
LULL_API struct lull_task *lull_call(struct lull_runtime *rt, int nargs,
                                     lull_outcome_fn done, void *arg);

/* What a call is made with.  Zero always means the default. */
struct lull_call_options {
    size_t size;          /* sizeof (struct lull_call_options) */
    lull_outcome_fn done; /* may be NULL */
    void *arg;
    const char *name;           /* for trees and tracebacks; copied */
    double cpu_limit;           /* seconds for the call and all that it starts, and for
                                   finalizers while there was no other; 0: none */
    struct lull_plugin *plugin; /* whose code it is; NULL: the runtime's */
};

/* As lull_call(), with more to say.  NULL also for a size that we do not know. */
LULL_API struct lull_task *lull_call_with(struct lull_runtime *rt, int nargs,
                                          const struct lull_call_options *options);

/*
 * For an answer now: start the call, and run turns until it has ended, at most
 * `timeout` seconds; then it is cancelled, and killed if it goes on regardless.
 * `done` is called before this returns.  Runs script code, of other tasks too.
 * Inside a callback of the runtime's own base, descriptors cannot be waited for:
 * such a call goes on for time, jobs and posts alone.
 *
 * What was not started pops its values and calls nothing: LULL_BAD_USE from inside a
 * turn of this runtime (its callbacks and C functions), inside lull_free(), and for a
 * size that we do not know; LULL_NO_MEMORY where lull_call() gives NULL; LULL_EXITED
 * after os.exit.  LULL_LATE: the deadline had passed, whatever `done` was told.
 */
LULL_API enum lull_status lull_call_now(struct lull_runtime *rt, int nargs,
                                        double timeout,
                                        const struct lull_call_options *options);

/*
 * End a task for good: it gets LULL_LIMIT, neither pcall nor cleanup holds it
 * up.  Takes effect when it would run next, or when its slice is over; a task that
 * ends before that ends as it does.  What it owns is killed with it.
 */
LULL_API void lull_kill(struct lull_runtime *rt, struct lull_task *task);

/* Cancel a task started by lull_call(); `reason` is copied and may be NULL. */
LULL_API void lull_cancel(struct lull_runtime *rt, struct lull_task *task,
                          const char *reason);

/* Name a task for trees and tracebacks; the name is copied.  No-op without memory. */
LULL_API void lull_set_name(struct lull_runtime *rt, struct lull_task *task,
                            const char *name);

/*
 * Run until no task is left, lull_stop() is called, or a script calls
 * os.exit.  When nothing could ever wake what is left, the oldest task
 * started from C gets a `deadlock` error at its wait.  LULL_BAD_USE when the
 * base is already running further up the C stack, and in callbacks of the runtime.
 * Runs script code.
 */
LULL_API enum lull_status lull_run(struct lull_runtime *rt);

/* The same for at most about `timeout` seconds; 0: what can be done without waiting. */
LULL_API enum lull_status lull_step(struct lull_runtime *rt, double timeout);

/* Not 0: no task is left, and nothing is on its way to the host. */
LULL_API int lull_is_idle(const struct lull_runtime *rt);

/*
 * For hosts with a loop of their own: seconds until a step has something to do
 * of its own accord.  0: at once; HUGE_VAL: not before something outside (a
 * descriptor, a post) happens, which a step notices.
 */
LULL_API double lull_next_deadline(struct lull_runtime *rt);

/* Make lull_run() return at the end of this turn. */
LULL_API void lull_stop(struct lull_runtime *rt);

/*
 * The status given to os.exit, if the script called it; else 0.  After os.exit no
 * script takes another step: calls in flight are told at the latest by lull_free(),
 * as LULL_EXITED, and none can be started.
 */
LULL_API int lull_exit_code(const struct lull_runtime *rt);

/*
 * Call `fn(rt, arg)` in one of the runtime's turns.  From any thread, while
 * the runtime exists.  LULL_NO_MEMORY when it could not be queued.  What has not been
 * called when the runtime goes never is; inside lull_free() LULL_BAD_USE may say so.
 */
LULL_API enum lull_status lull_post(struct lull_runtime *rt,
                                    void (*fn)(struct lull_runtime *rt, void *arg),
                                    void *arg);

/*
 * Interrupt what runs: the first time, cancel the oldest task that was started
 * by lull_call() (or what the script named for it, as the prompt does) and
 * wake the loop; if a script is computing on the calling thread, it is
 * cancelled in mid-run.  Async-signal-safe: meant for a SIGINT handler on the
 * runtime's thread.  Returns how often it was called before since the last
 * lull_run() began; 0 while a script has named a task for it, unless one that came a
 * second ago or more has not been heard yet: something computes that cannot be
 * interrupted, a C function or a finalizer.
 */
LULL_API int lull_interrupt(struct lull_runtime *rt);

/* Write the tree of tasks to a file descriptor, now.  Runs no script code. */
LULL_API void lull_dump(struct lull_runtime *rt, int fd);

/*
 * The same soon: at the next instruction of a script that computes on the calling thread,
 * else in the next turn.  Async-signal-safe: meant for a signal handler on the runtime's
 * thread.
 */
LULL_API void lull_request_dump(struct lull_runtime *rt, int fd);

/*
 * Hear `lull tree PID`, which asks for the tree of tasks by a signal: call this in the
 * handler of LULL_ASK_SIGNAL (SA_SIGINFO, on the runtime's thread) with the siginfo_t.
 * Async-signal-safe.  The tree is handed over in the next turn, whoever asked being
 * the same user or root.  Not 0: it was asked for.  Linux only; elsewhere 0.
 */
LULL_API int lull_answer(struct lull_runtime *rt, const void *siginfo);
#define LULL_ASK_SIGNAL (SIGRTMIN + 2)
#define LULL_QUESTION   0x1e55 /* the upper half of the signal's value */

/* What a task is doing.  Everything in it is borrowed until the callback returns. */
struct lull_task_view {
    const struct lull_task *task;
    const struct lull_task *owner; /* NULL: the host started it */
    int depth;                     /* in the tree of owners; 0: the host's */
    const char *name;
    const char *waits_for; /* "tcp.read"; "ready"; "running" */
    double since;          /* seconds it has been waiting */
    double cpu;            /* seconds it has run, where a limit counts them; else 0 */
};

/* Called for each unfinished task, owners before what they own; not 0 stops. */
typedef int (*lull_view_fn)(void *arg, const struct lull_task_view *view);
LULL_API void lull_each_task(struct lull_runtime *rt, lull_view_fn fn, void *arg);

/* Look at one task; `view` is valid until the runtime runs again. */
LULL_API enum lull_status lull_look(struct lull_runtime *rt, const struct lull_task *task,
                                    struct lull_task_view *view);

/*
 * Profile scripts: about every `interval` seconds of this thread's CPU time (0: 0.001)
 * note what runs.  What waits costs no CPU time, and is not noted, nor is a script while
 * it has a hook that counts instructions.  The timer is of the
 * signal that lull_lend_signal() was given.  0, or an errno value: EINVAL when none was,
 * EALREADY, ENOMEM, ENOTSUP where there is none (not Linux).
 */
LULL_API int lull_profile_start(struct lull_runtime *rt, double interval);

/*
 * A line of a flame graph: the name of a task and the functions that were running in it,
 * outermost first (at most the 128 innermost), with `;` between them.  `count` intervals.
 */
typedef void (*lull_profile_fn)(void *arg, const char *stack, unsigned long long count);

/* Stop, tell each stack once, and forget them.  fn NULL: only forget.  Idempotent. */
LULL_API void lull_profile_stop(struct lull_runtime *rt, lull_profile_fn fn, void *arg);

/* Numbers of a runtime since it was made. */
struct lull_stats {
    size_t size; /* set by the caller: sizeof (struct lull_stats) */
    size_t memory, memory_peak, memory_limit; /* bytes; limit 0: none */
    size_t buffered;                          /* bytes that streams hold */
    unsigned tasks, handles, calls;           /* that are there now */
    unsigned long long turns;
    unsigned long long preempted; /* times that a slice was over */
    unsigned long long killed;    /* tasks that ended so */
    unsigned long long denied;    /* uses of permissions it has not */
    double longest_turn;          /* seconds */
    double busy;                  /* seconds in turns, all together */
};
LULL_API void lull_get_stats(const struct lull_runtime *rt, struct lull_stats *stats);

/* ---- plugins within one runtime -------------------------------------------------- */

/*
 * A plugin has its own globals, its own copies of modules, its own permissions,
 * and owns the tasks that it starts.  It shares the runtime's memory, limits and
 * fate with the others: for plugins that you do not trust, make a runtime each.
 *
 * Code runs with the rights of the task it runs in: what a task of yours calls has
 * yours, so hand plugins' functions to lull_call_with() with their plugin.  From the
 * first plugin on, nobody can change the methods of strings; in plugins setmetatable
 * passes over __gc; os.exit, which ends the whole runtime, needs "all"; lull.tasks(),
 * lull.tree() and lull.on_error() are about their own.
 */
struct lull_plugin;

struct lull_plugin_options {
    size_t size;                    /* sizeof (struct lull_plugin_options) */
    const char *name;               /* for trees, reports and audits; copied */
    const char *const *permissions; /* as in lull_options, and never more than those */
};

/* NULL when memory is refused or a permission cannot be read.  Freed with the runtime. */
LULL_API struct lull_plugin *lull_plugin_new(struct lull_runtime *rt,
                                             const struct lull_plugin_options *options);

/* As lull_load() and lull_load_file(), with the plugin's globals. */
LULL_API enum lull_status lull_plugin_load(struct lull_plugin *plugin, const char *source,
                                           size_t size, const char *chunkname);
LULL_API enum lull_status lull_plugin_load_file(struct lull_plugin *plugin,
                                                const char *path);

/*
 * Give it the value on top of lull_state() as the global `name`; pops it.  Tables
 * are handed over as read-only views, all the way down, so that plugins can share
 * them: userdata that pairs, ipairs, # and fields work on.  Functions are handed over
 * as they are, with the globals and upvalues they have.  LULL_NO_MEMORY: it was not.
 */
LULL_API enum lull_status lull_plugin_share(struct lull_plugin *plugin, const char *name);

/*
 * Begin anew: its tasks are cancelled, and killed when they are not done after
 * `grace` seconds; what is loaded next finds fresh globals and modules, and what
 * was shared.  LULL_NO_MEMORY: nothing has changed.
 */
LULL_API enum lull_status lull_plugin_reload(struct lull_plugin *plugin, double grace);

/* End it like that; it must not be used again. */
LULL_API void lull_plugin_free(struct lull_plugin *plugin, double grace);

/*
 * Lend lull a signal number for time slices (lull_options.slice_signal): installs
 * lull_on_slice_signal() for it, for the whole process.  Once, from any thread.  0,
 * or an errno value; ENOTSUP where there are no slices (not Linux).
 */
LULL_API int lull_lend_signal(int number);

/* The handler itself, for hosts that call sigaction(2) on their own. */
#ifdef SA_SIGINFO /* <signal.h> was included before */
LULL_API void lull_on_slice_signal(int number, siginfo_t *about, void *machine);
#endif

/* The version of libevent that is in use. */
LULL_API const char *lull_libevent_version(void);

/* Bytes in use by the runtime and its Lua state; and the most there were. */
LULL_API size_t lull_memory(const struct lull_runtime *rt);
LULL_API size_t lull_memory_peak(const struct lull_runtime *rt);

#ifdef __cplusplus
}
#endif

#endif
