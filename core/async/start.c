/* SPDX-License-Identifier: MIT */
/*
 * start.c -- spawn, async, after, every; sleep, yield, now.
 */
#include "async/start.h"

#include "task/await.h"
#include "task/check.h"
#include "task/frame.h"

/* ---- sleeping ------------------------------------------------------------------ */

static struct lull_op *sleep_op(struct lull_timer *timer)
{
    return &LULL_CONTAINER(timer, union lull_wait, sleep.timer)->op;
}

static void on_due(struct lull_timer *timer)
{
    lull_op_complete(sleep_op(timer));
}

static enum lull_cancel sleep_cancel(struct lull_op *op)
{
    lull_timer_stop(&op->task->wait.sleep.timer);
    return LULL_DETACHED;
}

/* The extra arguments of sleep: all but the first. */
static int sleep_push(lua_State *L, struct lull_op *op)
{
    (void)op;
    return lua_gettop(L) > 1 ? lua_gettop(L) - 1 : 0;
}

static const struct lull_op_type sleep_type = {
    .name = "sleep",
    .cancel = sleep_cancel,
    .push = sleep_push,
};

static enum lull_cancel detach(struct lull_op *op)
{
    (void)op;
    return LULL_DETACHED;
}

static const struct lull_op_type until_type = {
    .name = "sleep_until",
    .cancel = sleep_cancel,
};

static const struct lull_op_type after_type = {.name = "after", .cancel = sleep_cancel};
static const struct lull_op_type every_type = {.name = "every", .cancel = sleep_cancel};
static const struct lull_op_type yield_type = {.name = "yield", .cancel = detach};
static const struct lull_op_type forever_type = {.name = "sleep_forever",
                                                 .cancel = detach};

/* Wait until `at`, as this type says; then call k, or return what the type pushes. */
static int wait_until(lua_State *L, struct lull_task *task, uint64_t at,
                      const struct lull_op_type *type, lua_KFunction k)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    lull_op_begin(&task->wait.op, task, type);
    task->wait.sleep.timer.slot = 0;
    if (at != LULL_NEVER &&
        !lull__timer_start(tasks->timers, &task->wait.sleep.timer, at, on_due))
        return luaL_error(L, "not enough memory");
    if (k != NULL)
        return lull__await_with(L, &task->wait.op, 0, k);
    return lull_await(L, &task->wait.op);
}

static int l_sleep(lua_State *L)
{
    double seconds = lull__check_seconds(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (seconds > 0) {
        uint64_t at = lull__timers_after(lull__tasks(L)->timers, seconds);
        return wait_until(L, task, at, &sleep_type, NULL);
    }
    lull_op_begin(&task->wait.op, task, &sleep_type);
    task->wait.sleep.timer.slot = 0;
    return lull__await_turn(L, &task->wait.op);
}

/* What lull.now() says at a point of the clock. */
static double to_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* A point of the clock at which lull.now() is no less than this, and hardly more. */
static uint64_t to_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    double ns = seconds * 1e9;
    if (ns >= 18446744073709549568.0) /* the last double below 2^64 */
        return LULL_NEVER;
    uint64_t at = (uint64_t)ns;
    while (to_seconds(at) < seconds) /* a few roundings away */
        at++;
    return at;
}

static int l_sleep_until(lua_State *L)
{
    uint64_t at = to_ns(lull__check_seconds(L, 1));
    struct lull_task *task = lull_checkpoint(L);
    if (at > lull__timers_now(lull__tasks(L)->timers))
        return wait_until(L, task, at, &until_type, NULL);
    lull_op_begin(&task->wait.op, task, &yield_type);
    return lull__await_turn(L, &task->wait.op);
}

static int l_sleep_forever(lua_State *L)
{
    struct lull_task *task = lull_checkpoint(L);
    lull_op_begin(&task->wait.op, task, &forever_type);
    return lull_await(L, &task->wait.op);
}

static int l_yield(lua_State *L)
{
    struct lull_task *task = lull_checkpoint(L);
    lull_op_begin(&task->wait.op, task, &yield_type);
    return lull__await_turn(L, &task->wait.op);
}

static int l_now(lua_State *L)
{
    lua_pushnumber(L, to_seconds(lull__timers_now(lull__tasks(L)->timers)));
    return 1;
}

/* ---- starting --------------------------------------------------------------------- */

static int l_spawn(lua_State *L)
{
    lull__check_callable(L, 1);
    struct lull_task *task = lull__check_running(L);
    lull__task_new(L, lull__tasks(L), lull__owner_scope(task), lua_gettop(L) - 1, 0);
    return 1;
}

static int call_async(lua_State *L)
{
    struct lull_task *task = lull__check_running(L);
    luaL_checkstack(L, 2, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lull__task_new(L, lull__tasks(L), lull__owner_scope(task), lua_gettop(L) - 1,
                   LULL_TASK_ASYNC);
    return 1;
}

static int l_async(lua_State *L)
{
    lull__check_callable(L, 1);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushcclosure(L, call_async, 2);
    return 1;
}

/* ---- after: a task that sleeps before it calls ------------------------------------- */

static int after_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L) - 1;
}

/* Slept: call the function at 2 with the arguments above it. */
static int after_due(lua_State *L, int status, lua_KContext context)
{
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    lull__await_over(&task->wait.op);
    lull__await_check(L, &task->wait.op);
    lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, context, after_done);
    return after_done(L, LUA_OK, context);
}

/* The body: deadline, fn, ... */
static int after_body(lua_State *L)
{
    struct lull_task *task = lull_checkpoint(L);
    uint64_t at = (uint64_t)lua_tointeger(L, 1);
    if (at == 0) {
        lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, after_done);
        return after_done(L, LUA_OK, 0);
    }
    return wait_until(L, task, at, &after_type, after_due);
}

/*
 * Start the C closure over `body` with the arguments from index 2 on, under
 * the name of the function at index 1.
 */
static int start_named(lua_State *L, lua_CFunction body)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lull__check_running(L);
    luaL_checkstack(L, 4, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, body, 1);
    lua_insert(L, 2);
    lull__task_new(L, tasks, lull__owner_scope(task), lua_gettop(L) - 2, 0);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 2);
    return 1;
}

static int l_after(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    double seconds = lull__check_seconds(L, 1);
    lull__check_callable(L, 2);
    uint64_t at = seconds > 0 ? lull__timers_after(tasks->timers, seconds) : 0;
    lua_pushinteger(L, (lua_Integer)at);
    lua_replace(L, 1);
    lua_pushvalue(L, 2);
    lua_insert(L, 1); /* fn, deadline, fn, ... */
    return start_named(L, after_body);
}

/* ---- every: sleeps to the next multiple, calls, again -------------------------------- */

static int every_next(lua_State *L);

static int every_called(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_settop(L, 3);
    return every_next(L);
}

static int every_due(lua_State *L, int status, lua_KContext context)
{
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    lull__await_over(&task->wait.op);
    lull__await_check(L, &task->wait.op);
    lua_pushvalue(L, 3);
    lua_callk(L, 0, 0, context, every_called);
    return every_called(L, LUA_OK, context);
}

/* Stack: the last beat (ns), the period (ns), the function. */
static int every_next(lua_State *L)
{
    struct lull_task *task = lull_checkpoint(L);
    uint64_t period = (uint64_t)lua_tointeger(L, 2);
    uint64_t beat = (uint64_t)lua_tointeger(L, 1);
    uint64_t now = lull__timers_now(lull__tasks(L)->timers);
    beat += period;
    if (beat < now) /* behind: skip the beats that were missed, keep the rhythm */
        beat += (now - beat + period - 1) / period * period;
    lua_pushinteger(L, (lua_Integer)beat);
    lua_replace(L, 1);
    return wait_until(L, task, beat, &every_type, every_due);
}

static int l_every(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    double seconds = lull__check_seconds(L, 1);
    luaL_argcheck(L, seconds > 0, 1, "the period must be positive");
    lull__check_callable(L, 2);
    uint64_t now = lull__timers_now(tasks->timers);
    uint64_t period = seconds < 1e9 ? (uint64_t)(seconds * 1e9) : LULL_NEVER / 4;
    if (period == 0)
        period = 1;
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_replace(L, 1);
    lua_pushinteger(L, (lua_Integer)now);
    lua_insert(L, 2);
    lua_pushinteger(L, (lua_Integer)period);
    lua_insert(L, 3); /* fn, beat, period, fn */
    return start_named(L, every_next);
}

const luaL_Reg lull__start_functions[] = {
    {"sleep", l_sleep},
    {"sleep_until", l_sleep_until},
    {"sleep_forever", l_sleep_forever},
    {"yield", l_yield},
    {"now", l_now},
    {"spawn", l_spawn},
    {"async", l_async},
    {"after", l_after},
    {"every", l_every},
    {NULL, NULL},
};
