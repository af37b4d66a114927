/* SPDX-License-Identifier: MIT */
/*
 * limit.c -- how much a runtime may hold: tasks, handles, bytes, output.
 */
#include "preempt.h"
#include "runtime.h"

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
