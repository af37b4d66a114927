/* SPDX-License-Identifier: MIT */
/*
 * final.c -- from the collector to the turn.
 *
 * The queue is a table, objects at first..last.  The record is a userdata: Lua frees
 * it after the last call of __gc, when it closes the state.
 */
#include "stdlib/final.h"

#include "stdlib/shadow.h"
#include "task/trace.h"

#define BATCH    64
#define RETRY_NS 10000000u

struct lull_finals {
    struct lull_runnable ready;
    struct lull_timer retry;
    struct lull_tasks *tasks;
    struct lull_call *batch; /* whose time the tasks share that are being started */
    lua_Integer first;       /* the next object */
    lua_Integer last;
    bool queued; /* it is in the ready queue, or the timer is running */
    bool stopped;
    int start_ref;     /* registry reference of l_start */
    int collected_ref; /* and of what is __gc */
};

/* ---- starting tasks ------------------------------------------------------------------ */

/* Push the __gc that the script's metatable of the object on top has now. */
static bool push_finalizer(lua_State *L)
{
    if (!lull__shadow_origin(L, -1))
        return false;
    lua_pushliteral(L, "__gc");
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_isfunction(L, -1) || luaL_getmetafield(L, -1, "__call") != LUA_TNIL) {
        lua_settop(L, 2);
        return true;
    }
    lua_pop(L, 1);
    return false;
}

/* start(): tasks for a batch of objects.  Upvalues: the runtime, the queue. */
static int l_start(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_finals *finals = tasks->finals;
    bool spent = finals->batch->used >= finals->batch->limit;
    bool told = false; /* by one that is killed at once */
    for (int i = 0; i < BATCH && finals->first <= finals->last; i++) {
        lua_settop(L, 0);
        lua_rawgeti(L, lua_upvalueindex(2), finals->first);
        bool started = !told && push_finalizer(L);
        if (started) {
            lua_insert(L, 1);
            struct lull_task *task = lull__task_new(L, tasks, &tasks->root, 1, 0);
            lull__call_unref(tasks, task->call); /* none, or that of who drives */
            task->call = finals->batch;
            task->call->refs++;
        }
        lua_pushnil(L);
        lua_rawseti(L, lua_upvalueindex(2), finals->first++);
        if (started) {
            lua_pushliteral(L, "__gc");
            lull__set_task_name(L, 1);
            told = spent;
        }
    }
    return 0;
}

static void on_retry(struct lull_timer *timer)
{
    struct lull_finals *finals = LULL_CONTAINER(timer, struct lull_finals, retry);
    lull__sched_push(finals->tasks->sched, &finals->ready);
}

/* Whose time a batch has: that of the only call, or some of its own; NULL without memory. */
static struct lull_call *payer(struct lull_tasks *tasks)
{
    struct lull_call *call = tasks->only;
    if (call != NULL && call->limit != UINT64_MAX) {
        call->refs++;
        return call;
    }
    call = lull__mem_new(tasks->mem, sizeof *call);
    if (call != NULL)
        *call = (struct lull_call){.limit = tasks->task_limit, .refs = 1};
    return call;
}

/* Start a batch; false when memory or a limit forbids. */
static bool start(struct lull_tasks *tasks)
{
    lua_State *L = tasks->from;
    struct lull_call *batch = lua_checkstack(L, 2) ? payer(tasks) : NULL;
    if (batch == NULL)
        return false;
    struct lull_realm *realm = tasks->realm;
    tasks->finals->batch = batch;
    tasks->realm = &tasks->own;
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->finals->start_ref);
    bool started = lua_pcall(L, 0, 0, 0) == LUA_OK;
    if (!started)
        lua_pop(L, 1);
    tasks->realm = realm;
    lull__call_unref(tasks, batch);
    return started;
}

static void run_start(struct lull_runnable *self)
{
    struct lull_finals *finals = LULL_CONTAINER(self, struct lull_finals, ready);
    struct lull_tasks *tasks = finals->tasks;
    finals->queued = false;
    if (finals->stopped)
        return;
    bool started = start(tasks);
    if (finals->first > finals->last || finals->queued)
        return;
    finals->queued = true;
    struct lull_timers *guards = tasks->sched->guards;
    uint64_t at = lull__timers_now(guards) + RETRY_NS;
    if (started)
        lull__sched_push(tasks->sched, self);
    else if (!lull__timer_start(guards, &finals->retry, at, on_retry))
        finals->queued = false; /* the next object asks again */
}

/* ---- collecting ------------------------------------------------------------------------- */

/* append(object): to the queue, upvalue 2. */
static int append(lua_State *L)
{
    struct lull_finals *finals = lull__tasks(L)->finals;
    if (finals->first > finals->last) {
        finals->first = 1;
        finals->last = 0;
    }
    lua_settop(L, 1);
    lua_rawseti(L, lua_upvalueindex(2), finals->last + 1);
    finals->last++;
    return 0;
}

/* __gc(object).  Upvalues: the runtime, append. */
static int l_collected(lua_State *L)
{
    struct lull_finals *finals = lull__tasks(L)->finals;
    if (finals->stopped || finals->tasks->sched->stop)
        return 0;
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        if (lua_getmetatable(L, 1))
            lua_setmetatable(L, 1); /* marks it again */
        return 0;
    }
    if (!finals->queued) {
        finals->queued = true;
        lull__sched_push(finals->tasks->sched, &finals->ready);
    }
    return 0;
}

/* ---- setting up ---------------------------------------------------------------------------- */

/* A function whose upvalues are the runtime and the value on top, which stays. */
static void push_function(lua_State *L, struct lull_tasks *tasks, lua_CFunction fn)
{
    lua_pushlightuserdata(L, tasks);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, fn, 2);
}

void lull__final_push(lua_State *L, struct lull_tasks *tasks)
{
    if (tasks->finals != NULL) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->finals->collected_ref);
        return;
    }
    struct lull_finals *finals = lua_newuserdatauv(L, sizeof *finals, 0);
    *finals = (struct lull_finals){.ready.run = run_start, .tasks = tasks, .first = 1};
    luaL_ref(L, LUA_REGISTRYINDEX);
    tasks->finals = finals;
    lua_newtable(L);
    push_function(L, tasks, l_start);
    finals->start_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    push_function(L, tasks, append);
    lua_remove(L, -2);
    push_function(L, tasks, l_collected);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    finals->collected_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void lull__final_stop(struct lull_tasks *tasks)
{
    struct lull_finals *finals = tasks->finals;
    lull__call_unref(tasks, tasks->only);
    tasks->only = NULL;
    if (finals == NULL)
        return;
    finals->stopped = true;
    lull_timer_stop(&finals->retry);
}
