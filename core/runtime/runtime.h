/* SPDX-License-Identifier: MIT */
/*
 * runtime.h -- one runtime: a field per module.
 *
 * Only runtime.c and api.c look inside.  What all of L3 shares comes first, so
 * that a pointer to either is a pointer to both (lull__tasks_of).
 */
#ifndef LULL_RUNTIME_H
#define LULL_RUNTIME_H

#include "base/inbox.h"
#include "base/job.h"
#include "base/loop.h"
#include "base/mem.h"
#include "host/object.h"
#include "host/token.h"
#include "runtime/answer.h"
#include "runtime/profile.h"
#include "sched/handle.h"
#include "sched/sched.h"
#include "sched/timer.h"
#include "task/sink.h"
#include "task/task.h"

#include <signal.h>

/* How much a runtime may hold, and what it holds (limit.c); 0: no limit. */
struct lull_limits {
    unsigned handles;
    size_t buffered;
    size_t held; /* of `buffered` */
};

struct lull_runtime {
    struct lull_tasks tasks; /* first */
    struct lull_limits limits;
    struct lull_mem mem;
    struct lull_loop loop;
    struct lull_sched sched;
    struct lull_timers timers;
    struct lull_timers guards;
    struct lull_sink sink;
    struct lull_handles handles;
    struct lull_inbox *inbox;
    struct lull_jobs jobs;
    struct lull_tokens tokens;
    struct lull_objects objects;
    struct lull_runnable mail; /* delivers the inbox */
    bool mail_queued;
    bool owns_state; /* we made the lua_State and close it */
    bool attached;   /* the block belongs to the state */
    bool ignore_environment;
    bool freeing;               /* lull_free is under way: nothing starts any more */
    bool stopping;              /* lull_stop was called */
    struct lull_list calls;     /* struct lull_call */
    struct lull_call *starting; /* the one that is being started */
    int start_ref;              /* registry references of functions of the api */
    int body_ref;
    int outcome_ref;
    int flush_ref;
    int dump_ref;
    int cancel_ref;
    volatile sig_atomic_t dump_fd; /* asked for by lull_request_dump, plus 1; 0: not */
    struct lull_question question;
    struct lull_profile *profile;     /* NULL: nobody profiles */
    volatile sig_atomic_t interrupts; /* made by lull_interrupt */
    sig_atomic_t served;              /* of these, acted upon */
    uint64_t unserved_since; /* the first of the others; for lull_interrupt only */
};

/*
 * Make a runtime in a new state; or (L not NULL) in one that exists, in a block
 * of the state's own, which it must not outlive.  `options` as lull_new(), but
 * that `policy`, unless it is NULL, takes the place of the permissions there.  NULL on
 * failure.
 */
struct lull_runtime *lull__runtime_new(const struct lull_options *options, lua_State *L,
                                       void *block, struct lull_policy *policy);

/* Tear down.  An attached runtime leaves its state alone. */
void lull__runtime_free(struct lull_runtime *rt, double grace);

/* Write the tree if it was asked for; L is the running thread, or the main one. */
void lull__runtime_serve_dump(lua_State *L, struct lull_runtime *rt);

/* Act on interrupts that came since. */
void lull__runtime_serve_interrupts(struct lull_runtime *rt);

/* Let lull_runtime_find() find it.  May raise (memory). */
void lull__ext_init(lua_State *L, struct lull_runtime *rt);

/* api_init(rt): make the Lua functions that api.c calls.  May raise (memory). */
int lull__api_init(lua_State *L);
int lull__call_init(lua_State *L);

/* dump() -> the tree of tasks as text */
int lull__push_dump(lua_State *L);

#endif
