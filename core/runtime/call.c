/* SPDX-License-Identifier: MIT */
/*
 * call.c -- lull.h: calling script functions, and telling what became of them.
 *
 * Nothing that may raise is called here outside a protected call.
 */
#include "async/scopelib.h"
#include "async/taskclass.h"
#include "base/error.h"
#include "runtime/drive.h"
#include "runtime/force.h"
#include "runtime/plugin.h"
#include "runtime/runtime.h"
#include "task/frame.h"
#include "task/promise.h"
#include "task/trace.h"

#include <string.h>

/* The body of a call's task: body(fn, ...) */
static int call_body(lua_State *L)
{
    if (!lua_isfunction(L, 1)) {
        if (luaL_getmetafield(L, 1, "__call") == LUA_TNIL)
            return luaL_error(L, "attempt to call a %s value", luaL_typename(L, 1));
        lua_pop(L, 1);
    }
    return lull__l_run_body(L);
}

/* start(fn, ...): make the task of rt->starting, inside a protected call. */
static int start_call(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_runtime *rt = lull__runtime_of(tasks);
    struct lull_call *call = rt->starting; /* finalizers may start others below */
    luaL_checkstack(L, 4, NULL);
    lua_pushvalue(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->body_ref);
    lua_rotate(L, 1, 2); /* fn, run, fn, ... */
    struct lull_task *task =
        lull__task_new(L, tasks, &tasks->root, lua_gettop(L) - 2, LULL_TASK_HOST);
    lull__call_unref(tasks, task->call); /* not the one this was called from */
    task->call = call;
    call->task = task;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 2);
    return 0;
}

/* Start the call; false when memory is refused.  Pops the function and its arguments. */
static bool begin_call(struct lull_runtime *rt, int nargs, struct lull_call *call)
{
    lua_State *L = rt->tasks.L;
    if (!lua_checkstack(L, 4)) {
        lua_pop(L, nargs + 1);
        return false;
    }
    rt->starting = call;
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->start_ref);
    lua_insert(L, -(nargs + 2));
    if (lua_pcall(L, nargs + 1, 0, 0) == LUA_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Fill in what the caller's version of the struct has not; false for one we do not know. */
static bool take_options(struct lull_call_options *taken,
                         const struct lull_call_options *options)
{
    *taken = (struct lull_call_options){.size = sizeof *taken};
    if (options == NULL)
        return true;
    if (options->size > sizeof *taken ||
        options->size < offsetof(struct lull_call_options, name))
        return false;
    memcpy(taken, options, options->size);
    taken->size = sizeof *taken;
    return true;
}

/* Are there a function and so many arguments? */
static bool has_values(struct lull_runtime *rt, int nargs)
{
    return nargs >= 0 && lua_gettop(rt->tasks.L) > nargs;
}

/* Is it the runtime's only call so far?  Then what is collected is its own; final.h. */
static void note_call(struct lull_tasks *tasks, struct lull_call *call)
{
    lull__call_unref(tasks, tasks->only);
    tasks->only = tasks->called ? NULL : call;
    if (!tasks->called)
        call->refs++;
    tasks->called = true;
}

struct lull_task *lull_call_with(struct lull_runtime *rt, int nargs,
                                 const struct lull_call_options *options)
{
    struct lull_call_options taken;
    struct lull_call *call = NULL;
    if (!has_values(rt, nargs))
        return NULL;
    if (take_options(&taken, options) && !rt->freeing && !rt->tasks.exiting)
        call = lull__mem_new(&rt->mem, sizeof *call);
    if (call == NULL) {
        lua_pop(rt->tasks.L, nargs + 1);
        return NULL;
    }
    *call = (struct lull_call){
        .done = taken.done, .arg = taken.arg, .limit = UINT64_MAX, .refs = 1};
    if (taken.cpu_limit > 0 && taken.cpu_limit < 1e9) {
        call->limit = (uint64_t)(taken.cpu_limit * 1e9);
        rt->tasks.counts_time = true;
    }
    if (!begin_call(rt, nargs, call)) {
        lull__mem_free(&rt->mem, call, sizeof *call);
        return NULL;
    }
    if (taken.plugin != NULL)
        lull__plugin_adopt(taken.plugin, call->task);
    lull__list_append(&rt->calls, &call->link);
    note_call(&rt->tasks, call);
    rt->tasks.outside = 0;
    if (taken.name != NULL)
        lull_set_name(rt, call->task, taken.name);
    return call->task;
}

struct lull_task *lull_call(struct lull_runtime *rt, int nargs, lull_outcome_fn done,
                            void *arg)
{
    const struct lull_call_options options = {
        .size = sizeof options, .done = done, .arg = arg};
    return lull_call_with(rt, nargs, &options);
}

/* outcome(task) -> status, message | nil, traceback | nil, results or error ... */
static int push_host_outcome(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_touserdata(L, 1);
    enum lull_status status = LULL_DONE;
    if (task->future.status == LULL_FUTURE_DONE) {
        lua_pushinteger(L, status);
        lua_pushnil(L);
        lua_pushnil(L);
        return lull__push_results(L, &task->future, 1) + 3;
    }
    if (tasks->exiting) {
        lua_pushinteger(L, LULL_EXITED);
        lua_pushliteral(L, "the script called os.exit");
        return 2;
    }
    status = task->future.status == LULL_FUTURE_FAILED ? LULL_FAILED : LULL_CANCELLED;
    lua_getiuservalue(L, 1, 1); /* 2: the error */
    if (lull__is_error(L, 2)) {
        lua_getfield(L, 2, "kind");
        const char *kind = lua_tostring(L, -1);
        bool stuck = task->waker.flags & LULL_TASK_STUCK;
        if (status == LULL_FAILED && task->kill != LULL_KILL_NONE)
            status = LULL_LIMIT;
        else if (status == LULL_FAILED && stuck && kind != NULL &&
                 strcmp(kind, "deadlock") == 0)
            status = LULL_DEADLOCK;
        lua_pop(L, 1);
    }
    lua_pushinteger(L, status);
    if (task->future.results == 0)
        lua_pushliteral(L, "cancelled"); /* by force: there is no error object */
    else if (status != LULL_DEADLOCK || lua_getfield(L, 2, "message") != LUA_TSTRING)
        lull__push_error_text(L, 2);
    lull__push_trace(L, 1);
    lua_pushvalue(L, 2);
    return 4;
}

/* Describe the outcome without Lua's help: there was no memory, or a __tostring failed. */
static void bare_outcome(struct lull_outcome *outcome, const struct lull_task *task)
{
    if (task->future.status == LULL_FUTURE_CANCELLED)
        outcome->status = LULL_CANCELLED;
    else if (task->future.status == LULL_FUTURE_DONE)
        outcome->status = LULL_NO_MEMORY;
    else
        outcome->status = task->kill != LULL_KILL_NONE ? LULL_LIMIT : LULL_FAILED;
    outcome->message = "the outcome could not be described";
    outcome->traceback = NULL;
    outcome->results = 0;
}

/* The string at an index, or NULL: raises nothing, changes nothing. */
static const char *string_at(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
}

/* Describe the outcome of a task that did not simply return.  Script code may run. */
static void describe(struct lull_runtime *rt, struct lull_task *task,
                     struct lull_outcome *outcome)
{
    lua_State *L = outcome->L;
    int base = lua_gettop(L);
    lua_State *outer = lull__slice_guard(&rt->tasks.slice, L); /* for __tostring */
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->outcome_ref);
    lull__task_push(L, task);
    int described = lua_pcall(L, 1, LUA_MULTRET, 0);
    lull__slice_unguard(&rt->tasks.slice, outer);
    if (described != LUA_OK) {
        bare_outcome(outcome, task);
        return;
    }
    outcome->status = (enum lull_status)lua_tointeger(L, base + 1);
    outcome->message = string_at(L, base + 2);
    outcome->traceback = string_at(L, base + 3);
    outcome->results = lua_gettop(L) > base + 3 ? lua_gettop(L) - base - 3 : 0;
}

/* A task started from C has ended: tell, once. */
static void host_ended(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    struct lull_runtime *rt = lull__runtime_of(tasks);
    lua_State *L = tasks->L;
    struct lull_call *call = task->call;
    lull__list_remove(&call->link);
    call->task = NULL;
    task->future.received = true;
    if (call->done == NULL)
        return;
    int base = lua_gettop(L);
    struct lull_outcome outcome = {.L = L};
    bool held = lull__mem_hold(&rt->mem, false);
    bool has_room = lua_checkstack(L, LUA_MINSTACK); /* for the callback, too */
    lull__mem_hold(&rt->mem, held);
    if (!has_room) {
        bare_outcome(&outcome, task);
    } else if (task->future.status == LULL_FUTURE_DONE && task->future.results >= 0) {
        outcome.status = LULL_DONE;
        outcome.results = task->future.results;
        lull__task_push(L, task);
        lua_getiuservalue(L, -1, 1); /* its one result, if it has one */
        lua_settop(L, base + 1 + outcome.results);
    } else {
        describe(rt, task, &outcome);
    }
    lull__mem_hold(&rt->mem, false); /* the host may push */
    struct lull_realm *realm = tasks->realm;
    tasks->realm = &tasks->own; /* what it starts is the host's */
    call->done(rt, &outcome, call->arg);
    tasks->realm = realm;
    lull__mem_hold(&rt->mem, held);
    lua_settop(L, base);
}

/* cancel(task, reason): with a copy of the text */
static int cancel_call(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_touserdata(L, 1);
    lua_pushstring(L, lua_touserdata(L, 2));
    struct lull_reason *reason = lull__reason_new(L, tasks);
    lull__scope_cancel(&task->strand.root, reason);
    lull__reason_drop(tasks, reason);
    return 0;
}

void lull_cancel(struct lull_runtime *rt, struct lull_task *task, const char *reason)
{
    static const struct lull_reason by_host = {.text = "host"};
    lua_State *L = rt->tasks.L;
    if (reason != NULL && lua_checkstack(L, 4)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, rt->cancel_ref);
        lua_pushlightuserdata(L, task);
        lua_pushlightuserdata(L, (void *)reason);
        if (lua_pcall(L, 2, 0, 0) != LUA_OK)
            lua_pop(L, 1);
    }
    lull__scope_cancel(&task->strand.root, &by_host); /* unless it is done */
}

/* set_name(task, name) */
static int set_name(lua_State *L)
{
    struct lull_task *task = lua_touserdata(L, 1);
    lull__task_push(L, task);
    lua_pushstring(L, lua_touserdata(L, 2));
    lull__set_task_name(L, -2);
    return 0;
}

void lull_set_name(struct lull_runtime *rt, struct lull_task *task, const char *name)
{
    lua_State *L = rt->tasks.L;
    if (!lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, set_name);
    lua_pushlightuserdata(L, task);
    lua_pushlightuserdata(L, (void *)name);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

void lull_kill(struct lull_runtime *rt, struct lull_task *task)
{
    (void)rt;
    lull__task_doom(task, LULL_KILL_HOST);
}

/* ---- for an answer now ----------------------------------------------------------- */

#define CANCEL_GRACE 0.1 /* seconds for a call that is late to clean up */

struct now {
    lull_outcome_fn done; /* the host's */
    void *arg;
    struct lull_task *task; /* NULL: it has ended */
    enum lull_status status;
};

static void on_now(struct lull_runtime *rt, const struct lull_outcome *outcome, void *arg)
{
    struct now *now = arg;
    now->task = NULL;
    now->status = outcome->status;
    if (now->done != NULL)
        now->done(rt, outcome, now->arg);
}

static bool now_done(void *arg)
{
    return ((struct now *)arg)->task == NULL;
}

static struct lull_task *now_main(void *arg)
{
    return ((struct now *)arg)->task;
}

/* Drive until it has ended, at most for `seconds`. */
static void drive_now(struct lull_runtime *rt, struct now *now, double seconds)
{
    const struct lull_driver driver = {.done = now_done,
                                       .arg = now,
                                       .until = lull__timers_after(&rt->guards, seconds),
                                       .main = now_main,
                                       .inbox = rt->inbox};
    if (now->task != NULL)
        lull__drive(rt->tasks.L, &rt->tasks, &driver);
}

enum lull_status lull_call_now(struct lull_runtime *rt, int nargs, double timeout,
                               const struct lull_call_options *options)
{
    struct lull_call_options taken;
    struct now now = {.status = LULL_NO_MEMORY};
    enum lull_status refused = LULL_DONE;
    if (!has_values(rt, nargs))
        return LULL_BAD_USE;
    if (rt->tasks.exiting) /* nothing takes a step any more */
        refused = LULL_EXITED;
    else if (rt->sched.in_turn || rt->freeing || !take_options(&taken, options))
        refused = LULL_BAD_USE;
    else if (!lua_checkstack(rt->tasks.L, 2 * LUA_MINSTACK)) /* for the end, too */
        refused = LULL_NO_MEMORY;
    if (refused != LULL_DONE) {
        lua_pop(rt->tasks.L, nargs + 1);
        return refused;
    }
    now.done = taken.done;
    now.arg = taken.arg;
    taken.done = on_now;
    taken.arg = &now;
    now.task = lull_call_with(rt, nargs, &taken);
    if (now.task == NULL)
        return LULL_NO_MEMORY;
    drive_now(rt, &now, timeout);
    bool late = now.task != NULL;
    if (late && !rt->tasks.exiting) {
        lull_cancel(rt, now.task, "deadline");
        drive_now(rt, &now, CANCEL_GRACE);
    }
    if (now.task != NULL)
        lull_kill(rt, now.task);
    while (now.task != NULL && !rt->tasks.exiting)
        drive_now(rt, &now, CANCEL_GRACE);
    if (now.task != NULL) /* nothing is queued any more, and `now` is going */
        lull__task_kill_now(now.task);
    if (rt->tasks.exiting)
        return LULL_EXITED;
    return late ? LULL_LATE : now.status;
}

int lull__call_init(lua_State *L)
{
    static const lua_CFunction functions[] = {start_call, push_host_outcome, cancel_call};
    struct lull_runtime *rt = lua_touserdata(L, 1);
    int *const refs[] = {&rt->start_ref, &rt->outcome_ref, &rt->cancel_ref};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushlightuserdata(L, rt);
        lua_pushcclosure(L, functions[i], 1);
        *refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_pushlightuserdata(L, rt);
    lua_pushcclosure(L, call_body, 1);
    rt->body_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    rt->tasks.host_ended = host_ended;
    return 0;
}
