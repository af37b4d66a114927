/* SPDX-License-Identifier: MIT */
/*
 * worker.h -- workers: threads of a runtime, each with a runtime of its own.
 *
 * A worker does one piece of work after the other, alone: what the script asked
 * for travels to it as bytes (pack.h), and the answer back through the owner's
 * inbox.  A worker that has nothing to do sleeps, and holds nobody up.
 *
 *   1. Work ends once: answered, or dropped when the owner is gone.
 *   2. Work that is cancelled is cancelled over there; if it goes on it is killed
 *      after the worker's grace, which takes effect only where the host lent a
 *      signal for time slices.
 *   3. lull_free() of the owner stops its workers and joins their threads; one
 *      that does not come back in time is left alone, and frees itself.
 *
 * The block of a worker is from malloc and counted: the owner has references, and
 * the thread has one.  What the lock guards says so; all else belongs to one thread.
 *
 * worker.c has the thread and what both sides tell each other, workerside.c what
 * runs in a worker, workerlib.c what scripts of the owner use.
 */
#ifndef LULL_WORKER_H
#define LULL_WORKER_H

#include "base/compat.h"
#include "base/inbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct lull_worker;

/* A piece of work on its way there and back. */
struct lull_work {
    struct lull_message message; /* first */
    struct lull_worker *worker;
    void *waiter;    /* who waits, for the owner's thread; NULL: nobody any more */
    uint64_t number; /* from 1 on, of this worker */
    enum lull_status status;
    int exit_code; /* of LULL_EXITED */
    bool died;     /* the worker ended with it */
    void *bytes;   /* what to do; then the results, or the error; may be NULL then */
    size_t size;
    char *traceback; /* of the error, over there; may be NULL */
};

struct lull_worker {
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is some, or it is to end */
    pthread_cond_t over; /* it has ended */

    /* Guarded by the lock. */
    struct lull_work *next;   /* not begun yet */
    struct lull_inbox *inbox; /* the worker's runtime's, while it has one */
    uint64_t cancelled;       /* number of the work that is to be cancelled */
    bool ending;              /* no more work; what runs is cancelled */
    bool hurry;               /* and killed at once */
    bool knocking;            /* `knock` is under way */
    bool ended;
    unsigned refs;
    struct lull_message knock; /* to the worker: look at the above */
    struct lull_message gone;  /* to the owner: the thread has ended */

    /* Set at the start. */
    struct lull_inbox *home; /* the owner's: a reference */
    struct lull_options options;
    struct lull_policy *policy; /* what scripts may; a reference */
    double grace;               /* seconds from a cancellation to the kill */
    char *entry;                /* the module that is the Lua side over there */
    void *config;               /* what it is given, packed */
    size_t config_size;

    /* The owner's thread. */
    struct lull_handle handle; /* open until the thread has ended */
    struct lull_runtime *owner;
    struct lull_realm *realm; /* whose it is */
    pthread_t thread;
    uint64_t numbered;     /* pieces of work */
    struct timespec until; /* when it must have ended, once hurried */
    bool hurried;
    bool joined;

    /* The worker's thread. */
    struct lull_runtime *rt; /* NULL: it could not be made */
    struct lull_work *doing; /* what it does now */
    struct lull_task *task;  /* the task of that; NULL: it has ended */
    struct lull_timer kill;  /* armed while it is being cancelled */
    bool told;               /* the answer is in `doing` */
    char *why;               /* it could not be opened; may be NULL */
    int serve_ref;           /* registry reference of the Lua side's function */
};

enum lull_report_kind {
    LULL_REPORT_ERROR, /* that nobody received: it and its traceback, packed */
    LULL_REPORT_TEXT,  /* the same as a text */
    LULL_REPORT_PRINT, /* what a script printed */
    LULL_REPORT_LOG,   /* a line for the host's log, of `level` */
    LULL_REPORT_AUDIT  /* a denied use: op, NUL, needed, NUL */
};

/* What a worker has to say beside its answers, on its way to where the owner says it. */
struct lull_report {
    struct lull_message message;
    struct lull_worker *worker;
    enum lull_report_kind kind;
    enum lull_level level;
    size_t size;
    char bytes[]; /* texts end with a NUL that does not count */
};

/* Implemented by workerlib.c. */
void lull__report_delivered(struct lull_message *message);
void lull__report_dropped(struct lull_message *message);

/* ---- the owner's thread ---------------------------------------------------------- */

/*
 * What a worker's runtime is made with: as much as its owner's, and no more.  Where
 * a signal for time slices was lent it has them, even if the owner has none: calls
 * that are cancelled must end.  Outlets that the owner has are set.  Implemented by
 * limit.c, as is the next.
 */
void lull__worker_options(const struct lull_runtime *rt, struct lull_options *options);

/* lull_new() with permissions that exist already.  The worker's thread. */
struct lull_runtime *lull__worker_runtime(const struct lull_options *options,
                                          struct lull_policy *policy);

/* What a worker is started with; strings and bytes are copied. */
struct lull_worker_start {
    struct lull_options options;
    struct lull_policy *policy; /* not NULL; borrowed */
    struct lull_realm *realm;
    double grace;
    const char *entry;
    const void *config;
    size_t config_size;
};

/* Start one.  0, or an errno value; *worker is to be given up by stopping it. */
int lull__worker_start(struct lull_runtime *rt, const struct lull_worker_start *start,
                       struct lull_worker **worker);

/*
 * Give it work: a copy of the bytes; it must have none.  When it is done
 * lull__work_done() is called, in a turn.  NULL: no memory.
 */
struct lull_work *lull__worker_give(struct lull_worker *worker, const void *bytes,
                                    size_t size, void *waiter);

/* Cancel what it does; lull__work_done() is called all the same. */
void lull__worker_cancel(struct lull_work *work);

/* No more work: the thread ends, soon.  Takes the caller's reference. */
void lull__worker_stop(struct lull_worker *worker);

void lull__work_free(struct lull_work *work);

/* Implemented by workerlib.c: takes the work over. */
void lull__work_done(struct lull_work *work);

/* ---- the worker's thread, workerside.c ---------------------------------------------- */

/* Make the runtime; without one all work fails. */
void lull__side_open(struct lull_worker *worker);

/* Do worker->doing, to its answer. */
void lull__side_do(struct lull_worker *worker);

/* Cancel what it does; kill it after so many seconds. */
void lull__side_cancel(struct lull_worker *worker, double grace);

/* ---- scripts, workerlib.c ------------------------------------------------------------- */

/* The opener of lull.worker.native; the runtime is upvalue 1. */
int lull__open_worker(lua_State *L);

#endif
