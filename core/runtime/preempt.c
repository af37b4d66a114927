/* SPDX-License-Identifier: MIT */
/*
 * preempt.c -- setting aside, killing, raising.
 */
#include "runtime/preempt.h"

#include "runtime/force.h"
#include "stdlib/protect.h"
#include "task/await.h"
#include "task/check.h"
#include "task/trace.h"

#include <string.h>

static const char patience_key = 'p'; /* registry: where somebody computed too long */

/* Why the running task must end, if it must. */
static enum lull_kill verdict(const struct lull_tasks *tasks,
                              const struct lull_task *task, bool stalled)
{
    if (task->kill != LULL_KILL_NONE)
        return (enum lull_kill)task->kill;
    if (tasks->counts_time) {
        enum lull_kill spent =
            lull__task_overspent(tasks, task, lull__step_clock(task) - tasks->began);
        if (spent != LULL_KILL_NONE)
            return spent;
    }
    return stalled ? LULL_KILL_STALL : LULL_KILL_NONE;
}

/* Has the script been where it is for longer than it may? */
static bool is_stalled(struct lull_tasks *tasks)
{
    struct lull_slice *slice = &tasks->slice;
    if (slice->due & LULL_DUE_KILL)
        return true;
    return slice->due & LULL_DUE_SLICE &&
           (tasks->forcing || lull__slice_overrun(slice) > tasks->stall_limit);
}

/* Who stalls once has less time to do so again, down to a slice. */
static void be_stricter(struct lull_tasks *tasks)
{
    uint64_t half = tasks->stall_limit / 2;
    uint64_t slice = 2 * tasks->slice.least_tick;
    if (!(tasks->slice.due & LULL_DUE_KILL) && tasks->patience == 0)
        tasks->stall_limit = half > slice ? half : slice;
}

/* The running script must end: push what is raised wherever it runs on. */
static void condemn(lua_State *L, struct lull_tasks *tasks, enum lull_kill why)
{
    struct lull_task *task = tasks->running;
    if (task != NULL)
        lull__task_kill(task, why);
    else if (!(tasks->slice.due & LULL_DUE_KILL))
        tasks->killed++;
    if (why == LULL_KILL_STALL && !tasks->forcing)
        be_stricter(tasks);
    tasks->slice.due |= LULL_DUE_KILL;
    lull__defuse_handler(L); /* it would run in the hook, where no hook fires */
    lull__anchor_push(L, &tasks->anchors, tasks->kill_slot);
}

/* Is the function on top of L's stack of calls one of lull's own modules'? */
static bool is_lulls(lua_State *L, lua_Debug *ar)
{
    static const char prefix[] = "=[lull";
    return lua_getinfo(L, "S", ar) && strncmp(ar->source, prefix, sizeof prefix - 1) == 0;
}

/* Keep where L is, and the task it belongs to, unless somebody has been found before. */
static void note_place(lua_State *L, struct lull_tasks *tasks)
{
    struct lull_task *task = tasks->running;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &patience_key) == LUA_TNIL) {
        luaL_traceback(L, L, NULL, 0);
        if (task != NULL && task->co != L) {
            lua_pushliteral(L, "\nin a coroutine of the task:\n");
            luaL_traceback(L, task->co, NULL, 0);
            lua_concat(L, 3);
        }
        lua_rawsetp(L, LUA_REGISTRYINDEX, &patience_key);
    }
    lua_pop(L, 1);
}

/* Has the running script computed for too long?  Cancels it, where it is, at first. */
static bool lose_patience(lua_State *L, struct lull_tasks *tasks)
{
    static const struct lull_reason reason = {.text = "computed for too long"};
    struct lull_task *task = tasks->running;
    if (tasks->slice.due & LULL_DUE_KILL)
        return true;
    if (lull__slice_overrun(&tasks->slice) < tasks->patience)
        return false;
    note_place(L, tasks);
    if (task != NULL && L == tasks->slice.running && !task->strand.root.cancelled) {
        lull__scope_cancel(&task->strand.root, &reason);
        if (!task->strand.innermost->closing)
            lull__check_cancelled(L, task);
    }
    return true;
}

int lull__l_patience(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    bool any = !lua_isnoneornil(L, 1);
    double seconds = any ? lull__check_seconds(L, 1) : 0;
    if (any && tasks->slice.signal == 0) {
        int error = lull__slice_open(&tasks->slice, lull__slice_lent(), seconds / 2);
        if (error != 0)
            return lull_raise(L, LULL_KIND_USAGE, "there are no time slices here");
    }
    lull__slice_settle(&tasks->slice); /* what was computed before is no matter */
    tasks->stall_limit = UINT64_MAX;
    tasks->patience = any && seconds < 1e9 ? (uint64_t)(seconds * 1e9) + 1 : UINT64_MAX;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &patience_key);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &patience_key);
    return 1;
}

enum lull_fire lull__preempt(lua_State *L, struct lull_tasks *tasks, lua_Debug *ar,
                             bool may_yield)
{
    struct lull_task *task = tasks->running;
    bool impatient = tasks->patience != 0 && lose_patience(L, tasks);
    if (tasks->patience != 0 && !impatient && !tasks->counts_time)
        return LULL_FIRE_GO_ON; /* the next tick asks again */
    bool stalled = impatient || is_stalled(tasks);
    enum lull_kill why = stalled ? LULL_KILL_STALL : LULL_KILL_NONE;
    if (task != NULL)
        why = verdict(tasks, task, stalled);
    if (task != NULL && may_yield && (why != LULL_KILL_NONE || !is_lulls(L, ar))) {
        /* At a prompt a task that computes without end can be cancelled, too. */
        if (tasks->interrupts_taken && task->strand.root.cancelled &&
            L == tasks->slice.running && !task->strand.innermost->closing)
            lull__check_cancelled(L, task);
        if (why != LULL_KILL_NONE) {
            lull__task_kill(task, why);
            if (why == LULL_KILL_STALL)
                be_stricter(tasks);
        } else {
            tasks->preempted++;
        }
        lull__waker_wake(&task->waker);
        return LULL_FIRE_YIELD;
    }
    if (why == LULL_KILL_NONE)
        return LULL_FIRE_SOON;
    condemn(L, tasks, why);
    return LULL_FIRE_RAISE;
}

void lull__check_time(lua_State *L, struct lull_tasks *tasks)
{
    struct lull_task *task = tasks->running;
    bool stalled = is_stalled(tasks);
    enum lull_kill why = stalled ? LULL_KILL_STALL : LULL_KILL_NONE;
    if (task != NULL)
        why = verdict(tasks, task, stalled);
    if (why == LULL_KILL_NONE)
        return;
    luaL_checkstack(L, 4, NULL);
    condemn(L, tasks, why);
    lua_error(L);
}
