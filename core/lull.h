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
 * The library never exits, prints (but errors nobody received, when no report
 * function is given), installs signal handlers, or jumps through your frames.
 * Nothing that it writes to raises SIGPIPE.
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
    LULL_DEADLOCK   /* nothing could wake what was left */
};

/* The outcome of a task.  Everything in it is borrowed until the callback returns. */
struct lull_outcome {
    enum lull_status status;
    const char *message;   /* one line, or NULL when it is LULL_DONE */
    const char *traceback; /* where it failed and who started it; may be NULL */
    struct lua_State *L;   /* the results are its top `results` values */
    int results;           /* 1 and the error value, when it failed */
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

/* What a runtime is made with.  Zero always means the default. */
struct lull_options {
    size_t size; /* sizeof (struct lull_options): the version of this struct */
    struct event_base *base; /* borrowed until lull_free(); NULL: an own one */
    lull_alloc_fn alloc;     /* NULL: malloc */
    void *alloc_ud;          /* handed to alloc */
    size_t memory_limit;     /* bytes of Lua and runtime memory; 0: no limit */
    lull_report_fn report;   /* errors nobody received; NULL: stderr */
    void *report_arg;        /* handed to report */
    int ignore_environment;  /* not 0: LUA_PATH and LUA_CPATH do not count */
};

/*
 * Make a runtime; usable at once.  options may be NULL.  NULL when memory is
 * refused, libevent fails, or options->size is not a size we know.
 */
LULL_API struct lull_runtime *lull_new(const struct lull_options *options);

/*
 * End everything in flight and free the runtime.  Tasks are cancelled and get
 * up to `grace` seconds to clean up (0: none); then they are closed by force.
 * Must not be called from inside a script or a callback of this runtime.
 * Outcome callbacks not made yet are made, with LULL_CANCELLED.
 */
LULL_API void lull_free(struct lull_runtime *rt, double grace);

/* The runtime's Lua state: for registering functions and pushing arguments. */
LULL_API struct lua_State *lull_state(struct lull_runtime *rt);

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
 * done NULL: not at all).  NULL when memory is refused, or inside lull_free().
 */
LULL_API struct lull_task *lull_call(struct lull_runtime *rt, int nargs,
                                     lull_outcome_fn done, void *arg);

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
 * base is already running further up the C stack.
 */
LULL_API enum lull_status lull_run(struct lull_runtime *rt);

/* Run turns, waiting at most `timeout` seconds for something to do. */
LULL_API enum lull_status lull_step(struct lull_runtime *rt, double timeout);

/* Make lull_run() return at the end of this turn. */
LULL_API void lull_stop(struct lull_runtime *rt);

/* The status given to os.exit, if the script called it; else 0. */
LULL_API int lull_exit_code(const struct lull_runtime *rt);

/*
 * Call `fn(rt, arg)` in one of the runtime's turns.  From any thread, while
 * the runtime exists.  LULL_NO_MEMORY when it could not be queued.
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
 * lull_run() began; always 0 while a script has named a task for it.
 */
LULL_API int lull_interrupt(struct lull_runtime *rt);

/* Write the tree of tasks to a file descriptor, now.  Runs no script code. */
LULL_API void lull_dump(struct lull_runtime *rt, int fd);

/* The same in the next turn.  Async-signal-safe: meant for a signal handler. */
LULL_API void lull_request_dump(struct lull_runtime *rt, int fd);

/* The version of libevent that is in use. */
LULL_API const char *lull_libevent_version(void);

/* Bytes in use by the runtime and its Lua state; and the most there were. */
LULL_API size_t lull_memory(const struct lull_runtime *rt);
LULL_API size_t lull_memory_peak(const struct lull_runtime *rt);

#ifdef __cplusplus
}
#endif

#endif
