/* SPDX-License-Identifier: MIT */
/*
 * task.h -- a task: a coroutine, a strand with its owner, and a future.
 *
 * A task is a Lua userdata, so that a script's handle is the task itself and
 * the collector frees it.  While it has not ended it lies on the stack of its
 * own coroutine, which is anchored; then it is anchored by itself as long as it
 * holds a failure that nobody has received, or is to be reported to the host.
 *
 *   1. Tasks are resumed only from the turn, never from one another: the
 *      order stays first-in first-out and the C stack flat.
 *   2. The end of a task is made in two steps.  Inside its coroutine, where
 *      raising is safe, its results or error are stored (frame.c); outside,
 *      in C only, it is unlinked, its watchers are told and its failure is
 *      routed (here).
 *   3. Coroutines are recycled, unless a script could have seen the thread or
 *      it ended in an error.
 *
 * User values of the userdata: 1 the results or the error, 2 the function it
 * was started with, or a table {fn=, name=, trace=} once there is more to say.
 *
 * struct lull_tasks is what all of L3 shares.  It is the beginning of struct
 * lull_runtime, so lull__tasks_of() is a cast.  Thread: the runtime's.
 */
#ifndef LULL_TASK_H
#define LULL_TASK_H

#include "base/compat.h"
#include "base/slice.h"
#include "sched/op.h"
#include "sched/park.h"
#include "sched/sched.h"
#include "task/anchor.h"
#include "task/future.h"
#include "task/realm.h"
#include "task/scope.h"

#define LULL_INLINE_WAITS   64u /* waits found ready before a task must yield */
#define LULL_POOLED_THREADS 1024u

enum lull_task_flag {
    LULL_TASK_ASYNC = 1u << 0,   /* its failure waits for a receiver */
    LULL_TASK_SEEN = 1u << 1,    /* a script may hold its thread: do not reuse */
    LULL_TASK_HOST = 1u << 2,    /* started from C: its end is reported there */
    LULL_TASK_SINKING = 1u << 3, /* its failure is on its way to the sink */
    LULL_TASK_FORCED = 1u << 4,  /* being closed by force: must not wait */
    LULL_TASK_STARTED = 1u << 5, /* has taken a step */
    LULL_TASK_ABOUT = 1u << 6,   /* user value 2 is the table, not the function */
    LULL_TASK_STUCK = 1u << 7    /* was told of a deadlock */
};

struct lull_combine;

/* Why a task is killed, if it is: it ends without another step. */
enum lull_kill {
    LULL_KILL_NONE,
    LULL_KILL_HOST,  /* lull_kill() */
    LULL_KILL_TASK,  /* it ran longer than a task may */
    LULL_KILL_CALL,  /* its call did */
    LULL_KILL_STALL, /* it stayed too long where it could not be set aside */
    LULL_KILL_OWNER  /* its owner was killed */
};

/*
 * A call of the host: who wants to know its outcome, and the time that it and all
 * that it started may run.  Counted by its task, and with a limit by those others.
 */
struct lull_call {
    struct lull_list link;  /* in the runtime's calls, oldest first, until told */
    struct lull_task *task; /* its task; NULL: it has ended */
    lull_outcome_fn done;   /* may be NULL */
    void *arg;
    uint64_t used;  /* ns */
    uint64_t limit; /* UINT64_MAX: none */
    uint32_t refs;
};

/* What a task waits with, when the provider needs no more than this. */
union lull_wait {
    struct lull_op op;
    struct lull_waiter waiter;
    struct {
        struct lull_op op;
        struct lull_timer timer;
    } sleep;
    struct {
        struct lull_op op;
        struct lull_watch watch;
    } join;
    struct {
        struct lull_op op;
        struct lull_combine *combine;
    } iterate;
};

struct lull_task {
    struct lull_waker waker; /* first: op.h */
    struct lull_future future;
    struct lull_strand strand;
    union lull_wait wait;
    lua_State *co;            /* NULL once ended */
    struct lull_realm *realm; /* whose code it runs */
    struct lull_trace *trace; /* of the error on its way out; trace.h */
    uint32_t slot;            /* anchor of the userdata, once ended; 0: none */
    uint32_t co_slot;         /* anchor of the thread */
    uint32_t vars_slot;       /* anchor of its task-local values; 0: none */
    uint8_t kill;             /* enum lull_kill */
    bool heavy;               /* its last step was long: the next is timed in CPU time */
    uint64_t ran;             /* ns in steps, where limits count them */
    struct lull_call *call;   /* it is, or counts for; NULL: none */
};

struct lull_pooled_thread {
    lua_State *co;
    uint32_t slot;
};

/* Where the host wants to hear of things; functions may be NULL. */
struct lull_outlets {
    lull_audit_fn audit;
    void *audit_arg;
    unsigned long long denied; /* how often */
    lull_print_fn print;
    void *print_arg;
    size_t limit;   /* bytes a second that may be printed; 0: no limit */
    size_t printed; /* in the second that began at `second`, ns */
    uint64_t second;
    lull_log_fn log;
    void *log_arg;
    size_t warned;     /* bytes of a warning that has come in part */
    char warning[256]; /* that part */
};

struct lull_tasks {
    struct lull_mem *mem;
    struct lull_loop *loop;
    struct lull_sched *sched;
    struct lull_timers *timers; /* of the innermost world */
    struct lull_slice slice;
    struct lull_anchors anchors;
    lua_State *L;              /* the main state */
    lua_State *from;           /* where turns are driven from; L by default */
    struct lull_task *running; /* the task whose step this is */
    struct lull_realm *realm;  /* the current one, never NULL */
    struct lull_realm own;     /* the runtime's */
    struct lull_outlets outlets;
    lull_find_fn find; /* what the host has for scripts (offer.h); NULL: nothing */
    void *find_arg;
    struct lull_list plugins; /* struct lull_plugin */
    struct lull_list lives;   /* the realms of plugins, past ones too */
    struct lull_scope root;   /* owns what the host started */
    unsigned inline_left;     /* waits this step may find ready */
    bool limited;             /* scripts are not trusted with the thread's time */
    bool counts_time;         /* steps are timed: there is a limit */
    uint64_t began;      /* of the running step, if steps are timed; lull__step_clock() */
    uint64_t outside;    /* ns that script code ran outside steps, likewise */
    uint64_t task_limit; /* ns that a task may run; UINT64_MAX: no limit */
    struct lull_call *only; /* the host's one call so far; NULL: none, or several */
    bool called;            /* there was one */
    uint64_t stall_limit;   /* ns of CPU time in one place */
    uint64_t patience;      /* ns of CPU time without waiting; 0: slices; preempt.h */
    uint32_t max_tasks;     /* unfinished ones; 0: no limit */
    uint32_t kill_slot;     /* anchor of an error for when memory is short */
    uint64_t preempted;     /* times that a slice was over */
    uint64_t killed;        /* tasks that were */
    uint32_t next_id;
    uint32_t next_order; /* of settled futures */
    uint32_t live;       /* tasks that have not ended */
    uint8_t world;       /* depth of virtual time; only its tasks run */
    bool forcing;        /* a task is being closed by force: none may start */
    bool exiting;        /* os.exit was called */
    int exit_code;
    int stock_exit; /* module form: registry reference of stock os.exit; else 0 */
    struct lull_queue frozen; /* runnables of outer worlds */
    uint32_t spare_slot;    /* anchor of a cancellation error for when memory is short */
    uint32_t deadlock_slot; /* anchor of the tree of the last deadlock; 0: none */
    unsigned busy_outside;  /* loop->busy when the world was entered */
    struct lull_task *interruptible; /* whom an interrupt cancels; NULL: nobody */
    bool interrupts_taken;  /* a script names that task; never the main one by default */
    int failed_set_ref;     /* weak table of failed futures nobody received */
    const void *task_class; /* metatables, for telling handles apart */
    const void *future_class;
    const void *failed_class;
    int task_ref; /* registry references of these */
    int future_ref;
    int failed_ref;
    int stray_ref;      /* registry reference of fail_stray's message */
    int handler_ref;    /* the message handler of our protected calls */
    lua_CFunction main; /* the base function of task coroutines */
    void (*before_cancel)(lua_State *L, struct lull_tasks *tasks); /* protect.c */
    void (*frames_drop)(struct lull_task *task);                   /* frame.c */
    void (*trace_drop)(struct lull_task *task);                    /* trace.c */
    void (*host_ended)(struct lull_task *task);                    /* api.c */
    void (*kill_now)(struct lull_task *task);                      /* force.c */
    void (*to_sink)(struct lull_task *task);                       /* sink.c */
    struct lull_sink *sink;
    struct lull_finals *finals; /* final.c; NULL: __gc is Lua's */
    struct lull_list settlers;  /* waiters of testing.settle */
    struct lull_frame *free_frames;
    struct lull_pooled_thread pool[LULL_POOLED_THREADS];
    unsigned pooled;
};

static inline struct lull_tasks *lull__tasks_of(struct lull_runtime *rt)
{
    return (struct lull_tasks *)(void *)rt;
}

static inline struct lull_runtime *lull__runtime_of(struct lull_tasks *tasks)
{
    return (struct lull_runtime *)(void *)tasks;
}

/* The tasks of the running C function: its first upvalue. */
static inline struct lull_tasks *lull__tasks(lua_State *L)
{
    return (struct lull_tasks *)lua_touserdata(L, lua_upvalueindex(1));
}

static inline struct lull_tasks *lull__task_tasks(struct lull_task *task)
{
    return (struct lull_tasks *)task->waker.sched->owner;
}

static inline struct lull_task *lull__strand_task(struct lull_strand *strand)
{
    return LULL_CONTAINER(strand, struct lull_task, strand);
}

static inline struct lull_task *lull__future_task(struct lull_future *future)
{
    return future->is_task ? LULL_CONTAINER(future, struct lull_task, future) : NULL;
}

/*
 * The word in a thread's extra space.  Only ever compared, because in the
 * module form it is garbage in threads older than the runtime.
 */
#define LULL_TAG_WAITING 1u /* a user's coroutine, waiting with its task */
#define LULL_TAG_TASK    2u /* the coroutine of a task */

static inline void lull__tag_set(lua_State *co, struct lull_tasks *tasks, unsigned tag)
{
    *(uintptr_t *)lua_getextraspace(co) = tag != 0 ? (uintptr_t)tasks | tag : 0;
}

static inline bool lull__tag_is(lua_State *co, struct lull_tasks *tasks, unsigned tag)
{
    return *(uintptr_t *)lua_getextraspace(co) == ((uintptr_t)tasks | tag);
}

/*
 * Start a task from the function and `nargs` arguments on top of L, owned by
 * `owner`, with these flags.  Pops them and pushes the task.  In a cancelled
 * owner the task is born cancelled.  May raise (memory), then nothing started.
 */
struct lull_task *lull__task_new(lua_State *L, struct lull_tasks *tasks,
                                 struct lull_scope *owner, int nargs, unsigned flags);

/*
 * Push the userdata of a task that has not ended, or is anchored.  Needs three
 * stack slots.  Looks at the bottom of its coroutine: not for hot paths.
 */
void lull__task_push(lua_State *L, struct lull_task *task);

/* Ended, and not anchored: only scripts may still hold it. */
static inline bool lull__task_is_loose(const struct lull_task *task)
{
    return task->co == NULL && task->slot == 0;
}

/* Make one value of those above `from`, or none: the results as user value 1 holds
   them.  Returns what lull_future.results is to be.  May raise (memory). */
int16_t lull__pack_results(lua_State *L, int from);

/* How many frames a thread has. */
int lull__stack_depth(lua_State *L);

/* Somebody has received the task's failure: nobody else need. */
void lull__task_receive(struct lull_task *task);

/* Nobody will receive the failure of this ended task: to the sink with it. */
void lull__task_to_sink(struct lull_task *task);

/* The scope that was ending with this failure has let go of it. */
void lull__task_unpin(struct lull_task *task);

/* Whoever was to receive the failure of this task let go: unless its owner keeps
   it or somebody else has it, to the sink. */
void lull__task_unclaimed(struct lull_task *task);

/* The task's results are stored; it will end when its coroutine returns. */
static inline bool lull__task_ended(const struct lull_task *task)
{
    return task->future.status != LULL_FUTURE_PENDING;
}

/* What every task's runnable runs: one step of it. */
void lull__task_run(struct lull_runnable *self);

/* The coroutine is done and the outcome stored: the rest of the end, in C. */
void lull__task_end(struct lull_tasks *tasks, struct lull_task *task, bool reusable);

/*
 * End a task before its first step without entering its coroutine: there is
 * nothing to close, and no memory is asked for.  It stays on the stack, where
 * lull__task_push finds it, until its end is told.
 */
void lull__task_end_uncalled(struct lull_tasks *tasks, struct lull_task *task);

/* The task cannot join what it owns any more: cancelled, it goes to its owner. */
void lull__task_abandon_owned(struct lull_task *task);

/*
 * Close the coroutine for good, and leave the task, on top of L, on its stack
 * where lull__task_push finds it: it is not given back before the task's end
 * is all told.  Pops the task.
 */
void lull__task_close_stack(lua_State *L, struct lull_task *task);

/*
 * The clock that a step is timed by.  That of the thread's CPU time costs ten times
 * the other, so it is read for those who compute; others are seldom interrupted.
 */
static inline uint64_t lull__step_clock(const struct lull_task *task)
{
    return task->heavy ? lull__clock_cpu() : lull__clock_now();
}

/* Has the task run longer than it may, with `more` ns besides what is counted? */
static inline enum lull_kill lull__task_overspent(const struct lull_tasks *tasks,
                                                  const struct lull_task *task,
                                                  uint64_t more)
{
    if (task->ran + more > tasks->task_limit)
        return LULL_KILL_TASK;
    const struct lull_call *call = task->call;
    return call != NULL && call->used + more > call->limit ? LULL_KILL_CALL
                                                           : LULL_KILL_NONE;
}

/* One reference less; NULL is allowed. */
void lull__call_unref(struct lull_tasks *tasks, struct lull_call *call);

/*
 * Script code that no task runs (handlers, __tostring of what is reported) runs in L
 * between these two.  Its time counts, and has the limit of a task's until the host
 * calls again.  begin: false when that is used up; then nothing is to run or to end.
 */
struct lull_outside {
    lua_State *outer;
    uint64_t began;
};
bool lull__outside_begin(struct lull_tasks *tasks, lua_State *L,
                         struct lull_outside *outside);
void lull__outside_end(struct lull_tasks *tasks, const struct lull_outside *outside);

/* Are scripts of this runtime kept from holding the thread? */
static inline bool lull__is_limited(const struct lull_tasks *tasks)
{
    return tasks->limited;
}

/* Count down the references of a reason. */
void lull__reason_drop(struct lull_tasks *tasks, const struct lull_reason *reason);

/* Make a reason from the value on top of L and pop it.  May raise (memory). */
struct lull_reason *lull__reason_new(lua_State *L, struct lull_tasks *tasks);

/* Give back what a scope holds besides strands: its error and reason. */
void lull__scope_release(struct lull_tasks *tasks, struct lull_scope *scope);

#endif
