/* SPDX-License-Identifier: MIT */
/*
 * sink.h -- where errors go that nobody received.
 *
 * Failures of ended tasks queue up and are delivered in a turn of their own;
 * an error met in Lua code is delivered at once.  The handler is the script's
 * (lull.on_error; a plugin's for its own tasks) or the default, which hands text to the host's report
 * function, or to stderr.  A handler that raises is reported with both errors.
 */
#ifndef LULL_SINK_H
#define LULL_SINK_H

#include "task/task.h"

struct lull_sink {
    struct lull_tasks *tasks;
    struct lull_runnable runnable; /* delivers the queue */
    bool queued;
    struct lull_list failed; /* ended tasks: strand.link */
    int lost_ref;            /* registry reference of the errors kept for a turn */
    int lost;                /* how many there are */
    int deliver_ref;         /* registry reference of our function that calls it */
    void (*report)(void *arg, const char *text);
    void *report_arg;
};

void lull__sink_init(struct lull_sink *sink, struct lull_tasks *tasks,
                     void (*report)(void *arg, const char *text), void *arg);

/* Make what delivering needs in Lua.  May raise (memory). */
void lull__sink_open(lua_State *L, struct lull_sink *sink);

/* Deliver the failure of an ended task, soon.  No Lua. */
void lull__sink_task(struct lull_task *task);

/*
 * Deliver the error on top of L, of the running task, and pop it.  The
 * handler runs inside the call, unable to wait.  Raises nothing but memory.
 */
void lull__sink_error(lua_State *L, struct lull_tasks *tasks);

/* The same in a turn of its own, with the handler of a realm.  May raise (memory). */
void lull__sink_later(lua_State *L, struct lull_tasks *tasks, struct lull_realm *realm);

/* The same with a traceback, a string, on top of the error. */
void lull__sink_traced(lua_State *L, struct lull_tasks *tasks);

/* The scheduler forgot our runnable: queue it again if there is need. */
void lull__sink_resume(struct lull_sink *sink);

/* Deliver everything queued, now. */
void lull__sink_flush(struct lull_sink *sink);

/* lull.on_error(fn | nil) -> the previous function or nil */
int lull__l_on_error(lua_State *L);

/* Tell the host something that is no script's error. */
void lull__sink_say(const struct lull_sink *sink, const char *text);

#endif
