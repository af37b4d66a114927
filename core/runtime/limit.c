/* SPDX-License-Identifier: MIT */
/*
 * limit.c -- how much a runtime may hold: tasks, handles, bytes, output.
 */
#include "runtime/preempt.h"
#include "runtime/runtime.h"
#include "worker/worker.h"

void lull_check_handles(lua_State *L, const char *op)
{
    struct lull_runtime *rt = lull__runtime_of(lull__tasks(L));
    if (lull_may_open_handle(rt))
        return;
    lull_push_error(L, LULL_KIND_LIMIT, "too many open handles: there may be %d",
                    (int)rt->limits.handles);
    lull_error_detail(L, op, 0);
    lua_error(L);
}

bool lull__handles_limited(const struct lull_runtime *rt)
{
    return rt->limits.handles != 0;
}

bool lull_may_open_handle(struct lull_runtime *rt)
{
    return rt->limits.handles == 0 || rt->handles.open < rt->limits.handles;
}

bool lull_buffer_charge(struct lull_runtime *rt, size_t size)
{
    struct lull_limits *limits = &rt->limits;
    if (limits->buffered != 0 &&
        (limits->held > limits->buffered || size > limits->buffered - limits->held))
        return false;
    limits->held += size;
    return true;
}

void lull_buffer_release(struct lull_runtime *rt, size_t size)
{
    rt->limits.held -= size;
}

void lull_check_time(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (tasks->slice.due != 0)
        lull__check_time(L, tasks);
}

/* ---- workers -------------------------------------------------------------------------- */

static double to_seconds(uint64_t limit)
{
    return limit != UINT64_MAX ? (double)limit / 1e9 : 0;
}

void lull__worker_options(const struct lull_runtime *rt, struct lull_options *options)
{
    const struct lull_tasks *tasks = &rt->tasks;
    const struct lull_slice *slice = &tasks->slice;
    options->memory_limit = rt->mem.limit != SIZE_MAX ? rt->mem.limit : 0;
    options->ignore_environment = rt->ignore_environment;
    options->slice_signal = slice->signal != 0 ? slice->signal : lull__slice_lent();
    options->slice = slice->signal != 0 && tasks->patience == 0
                         ? (double)slice->least_tick * 2 / 1e9
                         : 0;
    options->cpu_limit = to_seconds(tasks->task_limit);
    options->stall = to_seconds(tasks->stall_limit);
    options->max_tasks = tasks->max_tasks;
    options->max_handles = rt->limits.handles;
    options->max_buffered = rt->limits.buffered;
    options->max_output = tasks->outlets.limit;
    options->print = tasks->outlets.print;
    options->log = tasks->outlets.log;
    options->audit = tasks->outlets.audit;
    options->find = tasks->find;
    options->find_arg = tasks->find_arg;
}

struct lull_runtime *lull__worker_runtime(const struct lull_options *options,
                                          struct lull_policy *policy)
{
    return lull__runtime_new(options, NULL, NULL, policy);
}
