/* SPDX-License-Identifier: MIT */
/*
 * lull_ext.h -- lull for native modules: functions that suspend a script.
 *
 * A C function becomes asynchronous like this:
 *
 *   struct lull_task *task = lull_checkpoint(L);   raises outside a task
 *   lull_op_begin(&op->base, task, &my_type);      pending from here
 *   ...arm something that will call lull_op_complete(&op->base)...
 *   return lull_await(L, &op->base);               suspends
 *
 * Rules:
 *   1. A function without lua_State does not raise; one with it may, and then
 *      owns nothing but Lua values across calls that raise.
 *   2. Callbacks of the loop, of timers and of ops never touch Lua.  Results
 *      are pushed later by type->push, on the waiting task's own stack.
 *   3. An op ends exactly once: completed, failed, or detached by cancel.
 *   4. The first upvalue of every C function of a module is its runtime:
 *      register them with lull_set_functions().
 *
 * For most functions a token, at the end, is all there is to know.  lull_host.h
 * has values, objects and events without stack code.
 *
 * Everything here belongs to the runtime's thread, but what says
 * "any thread".
 */
#ifndef LULL_EXT_H
#define LULL_EXT_H

#include "lull.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <lua.h> /* inside: as it comes from lua.org, it does not say so itself */

/* Kinds of errors, as api calls them; lull_kind_name() is the string. */
enum lull_kind {
    LULL_KIND_NONE,
    LULL_KIND_CANCELLED,
    LULL_KIND_TIMEOUT,
    LULL_KIND_CLOSED,
    LULL_KIND_EOF,
    LULL_KIND_LIMIT,
    LULL_KIND_BUSY,
    LULL_KIND_USAGE,
    LULL_KIND_IO,
    LULL_KIND_DNS,
    LULL_KIND_MEMORY,
    LULL_KIND_DEADLOCK,
    LULL_KIND_PERMISSION,
    LULL_KIND_TLS,
    LULL_KIND_HTTP,
    LULL_KIND_JSON,
    LULL_KIND_SQL,
    LULL_KIND_PROCESS
};

/* The doubly linked node of lull's intrusive lists. */
struct lull_list;

/* ---- the runtime -------------------------------------------------------- */

/* The runtime of the running C function: its first upvalue. */
static inline struct lull_runtime *lull_runtime_of(lua_State *L)
{
    return (struct lull_runtime *)lua_touserdata(L, lua_upvalueindex(1));
}

/*
 * The runtime of a state; NULL: it has none.  For the opener of a module outside
 * lull, which is called without upvalues; its functions then have theirs.
 */
LULL_API struct lull_runtime *lull_runtime_find(lua_State *L);

/*
 * Set functions into the table on top; the runtime becomes upvalue 1 of each.
 * `functions` ends with {NULL, NULL}.  May raise (memory).
 */
struct luaL_Reg;
LULL_API void lull_set_functions(lua_State *L, struct lull_runtime *rt,
                                 const struct luaL_Reg *functions);

/* Memory of the runtime's account; NULL when refused.  Freed with its size. */
LULL_API void *lull_alloc(struct lull_runtime *rt, size_t size);
LULL_API void *lull_realloc(struct lull_runtime *rt, void *block, size_t osize,
                            size_t nsize);
LULL_API void lull_release(struct lull_runtime *rt, void *block, size_t size);

/* ---- errors ------------------------------------------------------------- */

/* A kind as scripts see it: "timeout".  A constant string. */
LULL_API const char *lull_kind_name(enum lull_kind kind);

/* Push an error object; the message as in lua_pushfstring. */
LULL_API void lull_push_error(lua_State *L, enum lull_kind kind, const char *format, ...);

/* Set the fields `op` and `code` of the error object on top; NULL and 0: not. */
LULL_API void lull_error_detail(lua_State *L, const char *op, int errnum);

/* Push an error object and raise it.  Does not return. */
LULL_API int lull_raise(lua_State *L, enum lull_kind kind, const char *format, ...);

/* ---- waiting ------------------------------------------------------------ */

struct lull_op;

enum lull_cancel {
    LULL_DETACHED,   /* the provider no longer holds the op: it ends here */
    LULL_WILL_REPORT /* it cannot stop now, and will complete or fail the op */
};

struct lull_op_type {
    const char *name; /* "tcp.connect": errors' field `op`, and the task tree */
    /* Called at most once, while pending.  Must not touch Lua. */
    enum lull_cancel (*cancel)(struct lull_op *op);
    /* Push the results on L, return how many; may raise.  NULL: no results. */
    int (*push)(lua_State *L, struct lull_op *op);
    /* The waiting task is closed by force, whatever the op's state: let go of
       everything.  NULL: cancel is called if it is pending. */
    void (*abandon)(struct lull_op *op);
};

enum lull_op_state {
    LULL_OP_IDLE,     /* never begun, or its end was seen */
    LULL_OP_PENDING,  /* a provider holds it */
    LULL_OP_COMPLETE, /* type->push will make the results */
    LULL_OP_FAILED,   /* with `kind` and `code` */
    LULL_OP_DETACHED  /* cancelled */
};

/* One pending operation: embedded in its provider's own object, never copied. */
struct lull_op {
    const struct lull_op_type *type;
    struct lull_task *task; /* who waits */
    lua_State *L;           /* the thread it waits in; set by lull_await */
    uint64_t since;         /* ns of the monotonic clock, as of the turn */
    int code;               /* errno of a failure; 0: none */
    uint8_t kind;           /* enum lull_kind of a failure */
    uint8_t state;          /* enum lull_op_state */
    bool awaited;           /* lull_await has suspended on it */
};

/*
 * The running task, at a checkpoint: raises `usage` outside a task or where
 * it cannot suspend, and the task's cancellation if there is one.  Call it
 * before starting anything.
 */
LULL_API struct lull_task *lull_checkpoint(lua_State *L);

/* The same without looking for a cancellation; and: would that raise nothing? */
LULL_API struct lull_task *lull_check_task(lua_State *L);
LULL_API bool lull_can_wait(lua_State *L);

/* The op is pending from here on: cancel may be called. */
LULL_API void lull_op_begin(struct lull_op *op, struct lull_task *task,
                            const struct lull_op_type *type);

/* End it; no-ops unless it is pending.  May be called before lull_await. */
LULL_API void lull_op_complete(struct lull_op *op);
LULL_API void lull_op_fail(struct lull_op *op, enum lull_kind kind, int errnum);

/*
 * Suspend until the op has ended; push its results, or raise its failure or
 * the cancellation.  Use as `return lull_await(L, op)`: the caller's frame is
 * gone afterwards, its stack stays.  What was complete returns at once, but
 * for a budget that keeps the loop fair.
 */
LULL_API int lull_await(lua_State *L, struct lull_op *op);

/* ---- timers ------------------------------------------------------------- */

/* See timer.h in the sources: a deadline of the runtime's heap. */
struct lull_timer {
    void (*due)(struct lull_timer *timer); /* called from a turn; no Lua in it */
    struct lull_timers *timers;            /* the heap it is in */
    uint32_t slot;                         /* 0: stopped */
};

/* Start a stopped timer; false when memory is refused. */
LULL_API bool lull_timer_start_after(struct lull_runtime *rt, struct lull_timer *timer,
                                     double seconds,
                                     void (*due)(struct lull_timer *timer));
LULL_API void lull_timer_stop(struct lull_timer *timer);

/* The same on the real clock, whatever clock a test has put before the script. */
LULL_API bool lull_timer_start_real(struct lull_runtime *rt, struct lull_timer *timer,
                                    double seconds,
                                    void (*due)(struct lull_timer *timer));

/* ---- handles ------------------------------------------------------------ */

struct lull_handle;
struct lull_handle_type {
    const char *name; /* "tcp.stream": what the tests and the tree show */
    /* Close what it stands for and fail the ops pending on it.  No Lua. */
    void (*close)(struct lull_handle *handle);
    /* It closes itself, soon: no leak, and teardown's grace is for it, too. */
    bool background;
};

/*
 * A long-lived native object, embedded in a userdata.  It is born closed, is
 * opened once, and is closed once: by the script, the collector, or teardown,
 * whichever comes first.
 */
struct lull_handle {
    struct lull_handle *prev; /* the runtime's open handles */
    struct lull_handle *next;
    struct lull_runtime *rt;
    const struct lull_handle_type *type; /* NULL: closed */
};

/* Open a closed one: the runtime knows it from here on, and closes it at the latest. */
LULL_API void lull_handle_open(struct lull_runtime *rt, struct lull_handle *handle,
                               const struct lull_handle_type *type);
/* Idempotent. */
LULL_API void lull_handle_close(struct lull_handle *handle);
static inline bool lull_handle_is_open(const struct lull_handle *handle)
{
    return handle->type != NULL;
}

/* ---- permissions ---------------------------------------------------------- */

enum lull_permission {
    LULL_MAY_READ,    /* a path */
    LULL_MAY_WRITE,   /* a path */
    LULL_MAY_CONNECT, /* "host:port", "unix:/path" */
    LULL_MAY_LISTEN,  /* likewise */
    LULL_MAY_ENV,     /* a name */
    LULL_MAY_RUN,     /* a program as written */
    LULL_MAY_NATIVE,  /* NULL */
    LULL_MAY_THREADS, /* NULL */
    LULL_MAY_ALL      /* NULL: only with the rule "all" */
};

/*
 * Raise a `permission` error, and tell the host's audit function, unless the
 * running task (outside tasks: the runtime) may do this.  `op` names the function
 * as errors do; `what` is as the script wrote it.  Paths are only compared here:
 * to open one, use lull_open_file().
 */
LULL_API void lull_check_permission(lua_State *L, enum lull_permission permission,
                                    const char *op, const char *what);

/* The same for "host:port" in two parts; port < 0: any. */
LULL_API void lull_check_address(lua_State *L, enum lull_permission permission,
                                 const char *op, const char *host, int port);

/*
 * What the running task may, to be taken along to other threads: immutable and
 * counted.  Never NULL.
 */
struct lull_policy;
LULL_API struct lull_policy *lull_policy_of(lua_State *L);
LULL_API struct lull_policy *lull_policy_ref(struct lull_policy *policy);
LULL_API void lull_policy_unref(struct lull_policy *policy);

/*
 * Open a file as the policy allows: flags and mode as in open(2); O_CLOEXEC is
 * added.  A descriptor, or an errno value negated: -EACCES with *denied set to
 * LULL_MAY_READ or LULL_MAY_WRITE when a rule is missing, else -1 in it.  No path
 * escapes by ".." or links, however they change meanwhile.  ".." is taken away before
 * links are followed.  Writing below /proc needs LULL_MAY_NATIVE.  On any thread; blocks.
 */
LULL_API int lull_policy_open(const struct lull_policy *policy, const char *path,
                              int flags, unsigned mode, int *denied);

/*
 * The same for other calls on paths (stat, unlink, rename, mkdir): opens the folder
 * the path's last component is in, and points *name at that component, within
 * `path`.  `permission` READ or WRITE.  The call then must not follow a link there
 * (AT_SYMLINK_NOFOLLOW); to follow one, lull_policy_open() with O_PATH.
 */
LULL_API int lull_policy_open_parent(const struct lull_policy *policy, const char *path,
                                     enum lull_permission permission, const char **name,
                                     int *denied);

/*
 * Raise the `permission` error, and tell the host, for what one of these two denied
 * on another thread.  Does not return.
 */
LULL_API int lull_raise_denied(lua_State *L, const char *op,
                               enum lull_permission permission, const char *path);

/* lull_policy_open() for the running task; raises what goes wrong: `permission`, `io`. */
LULL_API int lull_open_file(lua_State *L, const char *op, const char *path, int flags,
                            unsigned mode);

/* ---- limits ----------------------------------------------------------------- */

/* Raise a `limit` error when the runtime has as many open handles as it may. */
LULL_API void lull_check_handles(lua_State *L, const char *op);

/* For loop callbacks: may one more be opened? */
LULL_API bool lull_may_open_handle(struct lull_runtime *rt);

/*
 * Count bytes that are held for scripts: false, and not counted, when there would
 * be more than the host allows.  Give back exactly what was counted.
 */
LULL_API bool lull_buffer_charge(struct lull_runtime *rt, size_t size);
LULL_API void lull_buffer_release(struct lull_runtime *rt, size_t size);

/*
 * For C functions that may take long over a script's input: call it every so often
 * (every some 1,000 steps of a loop).  Raises when the running task is to be killed,
 * and after lull_options.stall seconds in one call; without a slice_signal only after
 * lull_kill().  Costs two comparisons.
 */
LULL_API void lull_check_time(lua_State *L);

/* ---- the loop ----------------------------------------------------------- */

/*
 * Say that something outside can still wake the runtime (a descriptor is
 * watched for a waiting task), or no longer can.  Keeps deadlock detection
 * honest; calls must pair.
 */
LULL_API void lull_hold(struct lull_runtime *rt);
LULL_API void lull_unhold(struct lull_runtime *rt);

/*
 * Say that something was begun that will end by itself, soon (a connect), or
 * that it has: virtual time does not jump meanwhile.  Jobs say so themselves.
 */
LULL_API void lull_expect(struct lull_runtime *rt);
LULL_API void lull_unexpect(struct lull_runtime *rt);

/* ---- jobs: blocking calls on a pool of threads -------------------------- */

/*
 * What a thread sends to a runtime's thread.  It ends once: deliver() is called
 * in a turn, or drop(), on whichever thread finds that the runtime is gone.
 */
struct lull_message {
    struct lull_message *next; /* while it travels */
    void (*deliver)(struct lull_message *message);
    void (*drop)(struct lull_message *message);
};

enum lull_pool { LULL_POOL_FILES, LULL_POOL_NAMES };

/*
 * A job is one block of plain C memory, of malloc, that travels to a pool
 * thread and back.  run() is called there; then done(), in a turn, and the
 * block is the submitter's again.  Where the job was abandoned or the runtime
 * is gone, drop() is called in place of done(), on whatever thread: it frees
 * the block and what is in it.  The three functions are the submitter's to set.
 */
struct lull_job {
    struct lull_message message;        /* the job on its way */
    void (*run)(struct lull_job *job);  /* no Lua and no runtime in it */
    void (*done)(struct lull_job *job); /* no Lua in it: it completes an op */
    void (*drop)(struct lull_job *job);
    struct lull_threads *threads; /* its pool */
    bool abandoned;               /* the runtime's thread only */
};

/*
 * Queue a job.  0, or an errno value when there is no memory or thread for it:
 * then the block stays the caller's.  Counts as a hold until done or abandoned.
 */
LULL_API int lull_job_submit(struct lull_runtime *rt, enum lull_pool pool,
                             struct lull_job *job);

/* Nobody waits any more for a job that is not done: it will be dropped. */
LULL_API void lull_job_abandon(struct lull_runtime *rt, struct lull_job *job);

/* ---- classes ------------------------------------------------------------ */

/*
 * Make, or fetch, the metatable of a class and push it: __name, __index (a
 * table of `methods`), the `meta` functions, __metatable locked.  May raise.
 */
LULL_API void lull_push_class(lua_State *L, struct lull_runtime *rt, const char *name,
                              const struct luaL_Reg *methods,
                              const struct luaL_Reg *meta);

/* ---- tokens: functions that are completed from anywhere ----------------- */

/*
 * An asynchronous function in ten lines:
 *
 *   static int l_fetch(lua_State *L)
 *   {
 *       const char *what = luaL_checkstring(L, 1);   what raises comes first
 *       struct lull_token *token = lull_token_new(L, "host.fetch", NULL, NULL);
 *       start_something(token, what);
 *       return lull_token_await(L, token);
 *   }
 *
 * Later, from any thread, or at once inside start_something(), whoever holds the
 * token calls one of the functions that end it, below.  Rules:
 *
 *   1. A token comes with one hold, for whoever completes it.  Each hold is given
 *      up by exactly one call of a function that ends; lull_token_hold() makes
 *      more of them, for several parties that race.  The first one wins, the
 *      others are told false, and nothing else happens.
 *   2. All this is safe after the script was cancelled, and after the runtime has
 *      gone: then what would have been the result is released, and false returned.
 *   3. To end it with a hold already given up is a mistake: it returns false while
 *      the script waits (and aborts where lull was built with LULL_DEBUG); later,
 *      the token may be no more.
 *   4. A token that is awaited keeps lull_run() from returning or finding a
 *      deadlock: something outside can still wake the script.
 *   5. On the runtime's own thread a token is ended directly, elsewhere through
 *      the runtime's inbox; the script goes on in a turn, never inside the call.
 */
struct lull_token;

/*
 * The script does not want the result any more: stop what was started.  Called
 * at most once, on the runtime's thread, and not after somebody has ended the
 * token; no Lua in it.  The hold stays the holder's: it may be given up in here.
 * Where another thread ends the token meanwhile, `arg` needs a lock of yours.
 */
typedef void (*lull_token_cancel_fn)(struct lull_token *token, void *arg);

/* Push the results on L, return how many.  May raise, may not wait. */
typedef int (*lull_push_fn)(lua_State *L, void *arg);

/* Let go of what `arg` is.  No Lua in it. */
typedef void (*lull_release_fn)(void *arg);

/*
 * A token for the running task, at a checkpoint: raises as lull_checkpoint()
 * does, and for want of memory.  `op` is what errors and the task tree call it: a
 * literal.  on_cancel may be NULL.  Await it in this call, with nothing in
 * between that raises or waits: one that was not is cancelled when the next is made.
 */
LULL_API struct lull_token *lull_token_new(lua_State *L, const char *op,
                                           lull_token_cancel_fn on_cancel, void *arg);

/*
 * Set the cancel function anew, before the await: for an `arg` that is made when
 * there is a token.  What then cannot be started ends the token with its failure.
 */
LULL_API void lull_token_on_cancel(struct lull_token *token,
                                   lull_token_cancel_fn on_cancel, void *arg);

/* Suspend until it is ended.  Use as `return lull_token_await(L, token)`. */
LULL_API int lull_token_await(lua_State *L, struct lull_token *token);

/* One more hold, for one more party.  Any thread that has one.  Returns the token. */
LULL_API struct lull_token *lull_token_hold(struct lull_token *token);

/*
 * End it well: push(L, arg) makes the results on the waiting task's stack, in a
 * turn; NULL: none.  release(arg) is called exactly once, whatever happens: after
 * push (also when that raised), or when nobody wants the result: inside this
 * call, or later on the runtime's thread.  NULL: nothing to release.  Any thread.
 * True: the script gets the result, unless it is closed by force.
 */
LULL_API bool lull_token_complete(struct lull_token *token, lull_push_fn push,
                                  lull_release_fn release, void *arg);

/*
 * End it well with plain values, which are copied: format as in lull_push_values()
 * (lull_host.h), but for `v`.  Any thread.  Without memory for the copy the script
 * gets a `memory` error; a wrong format is a mistake, and a `usage` error.
 */
LULL_API bool lull_token_complete_values(struct lull_token *token, const char *format,
                                         ...);

/*
 * End it with an error object: kind, message (copied; NULL: what errnum says), the
 * op of the token, and `code` from errnum (0: none).  Any thread.
 */
LULL_API bool lull_token_fail(struct lull_token *token, enum lull_kind kind,
                              const char *message, int errnum);

/* Give up a hold.  With the last one the script gets a `closed` error.  Any thread. */
LULL_API void lull_token_drop(struct lull_token *token);

/*
 * Long work with one call: work(arg) runs on the pool for files, on a thread of
 * its own, while the script is suspended; then as lull_token_complete().  No Lua
 * and no runtime in `work`.  When the script is cancelled it goes on at once, and
 * release(arg) is called when the work is over, maybe on the pool's thread; also
 * after the runtime has gone.  release(arg) is called even if this raises: what
 * lull_checkpoint() does, `memory`, `io` when there is no thread.  Use as
 * `return lull_work(L, ...)`.
 */
LULL_API int lull_work(lua_State *L, const char *op, void (*work)(void *arg),
                       lull_push_fn push, lull_release_fn release, void *arg);

/* Hand the error push(L, arg) pushes to lull.on_error, in a turn of its own. */
LULL_API void lull_report(struct lull_runtime *rt, lull_push_fn push, void *arg);

#ifdef __cplusplus
}
#endif

#endif
