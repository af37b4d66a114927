/* SPDX-License-Identifier: MIT */
/*
 * promise.c -- futures made by scripts, and waiting for futures of either kind.
 */
#include "task/promise.h"

#include "task/await.h"
#include "task/class.h"
#include "task/settle.h"
#include "task/sink.h"

/* A script-made future: its userdata. */
struct promise {
    struct lull_future future;
    struct lull_realm *realm; /* that failed it */
};

struct lull_future *lull__to_future(lua_State *L, struct lull_tasks *tasks, int index)
{
    void *block = lua_touserdata(L, index);
    if (block == NULL || !lua_getmetatable(L, index))
        return NULL;
    const void *class = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (class == tasks->task_class)
        return &((struct lull_task *)block)->future;
    if (class == tasks->future_class || class == tasks->failed_class)
        return &((struct promise *)block)->future;
    return NULL;
}

static struct promise *check_promise(lua_State *L)
{
    struct lull_future *future = lull__to_future(L, lull__tasks(L), 1);
    if (future == NULL || future->is_task)
        luaL_typeerror(L, 1, "lull.future");
    return LULL_CONTAINER(future, struct promise, future);
}

/* ---- results ------------------------------------------------------------------- */

int lull__push_results(lua_State *L, const struct lull_future *future, int index)
{
    if (future->results == 0)
        return 0;
    luaL_checkstack(L, 2, NULL);
    index = lua_absindex(L, index);
    lua_getiuservalue(L, index, 1);
    if (future->results > 0)
        return 1;
    int table = lua_gettop(L);
    lua_getfield(L, table, "n");
    int count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, count + 1, "too many results");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, table, i);
    lua_remove(L, table);
    return count;
}

void lull__future_receive(struct lull_future *future)
{
    if (future->is_task) {
        lull__task_receive(lull__future_task(future));
    } else {
        future->received = true;
    }
}

void lull__push_future_error(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct lull_future *future = lull__to_future(L, tasks, index);
    if (future->is_task && future->status == LULL_FUTURE_FAILED) {
        lull__push_failure(L, tasks, index);
        return;
    }
    if (future->results == 0) { /* closed by force: there was no one to make it */
        lull_push_error(L, LULL_KIND_CANCELLED, "cancelled");
        return;
    }
    lua_getiuservalue(L, index, 1);
    lull__future_receive(future);
}

int lull__push_outcome(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct lull_future *future = lull__to_future(L, tasks, index);
    if (future->status == LULL_FUTURE_DONE)
        return lull__push_results(L, future, index);
    lull__push_future_error(L, tasks, index);
    return lua_error(L);
}

/* ---- awaiting --------------------------------------------------------------------- */

static enum lull_cancel await_cancel(struct lull_op *op)
{
    lull__list_remove(&op->task->wait.join.watch.link);
    return LULL_DETACHED;
}

static int await_push(lua_State *L, struct lull_op *op)
{
    return lull__push_outcome(L, lull__task_tasks(op->task), 1);
}

static const struct lull_op_type await_type = {
    .name = "await",
    .cancel = await_cancel,
    .push = await_push,
};

static void await_fired(struct lull_watch *watch)
{
    lull_op_complete(&LULL_CONTAINER(watch, union lull_wait, join.watch)->op);
}

/* Wait for the future whose userdata is at index 1. */
static int await_future(lua_State *L, struct lull_future *future)
{
    struct lull_task *task = lull_checkpoint(L);
    if (future == &task->future)
        return lull_raise(L, LULL_KIND_USAGE, "a task cannot await itself");
    lull_op_begin(&task->wait.op, task, &await_type);
    if (future->status != LULL_FUTURE_PENDING)
        lull_op_complete(&task->wait.op);
    else
        lull__watch(future, &task->wait.join.watch, await_fired, &lull__receives, task);
    return lull_await(L, &task->wait.op);
}

static int all_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L) - 1;
}

int lull__l_await(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    luaL_checkany(L, 1);
    if (lua_gettop(L) == 1) {
        struct lull_future *future = lull__to_future(L, tasks, 1);
        if (future != NULL)
            return await_future(L, future);
        if (luaL_getmetafield(L, 1, "__await") != LUA_TNIL) {
            lua_pushvalue(L, 1);
            lua_callk(L, 1, LUA_MULTRET, 0, all_k);
            return all_k(L, LUA_OK, 0);
        }
    }
    return lua_gettop(L);
}

/* ---- the class ------------------------------------------------------------------------ */

int lull__l_future(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct promise *promise = lua_newuserdatauv(L, sizeof *promise, 1);
    lull__future_init(&promise->future);
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->future_ref);
    lua_setmetatable(L, -2);
    return 1;
}

static void settle(struct lull_tasks *tasks, struct promise *promise,
                   enum lull_future_status status)
{
    promise->future.status = (uint8_t)status;
    promise->future.order = ++tasks->next_order;
    lull__future_tell(&promise->future);
}

void lull__promise_set(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct promise *promise = lua_touserdata(L, index);
    if (promise->future.status != LULL_FUTURE_PENDING) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, 1);
    promise->future.results = 1;
    settle(tasks, promise, LULL_FUTURE_DONE);
}

static int m_try_set(lua_State *L)
{
    struct promise *promise = check_promise(L);
    int16_t results =
        lull__pack_results(L, 1); /* may run finalizers, which may settle it */
    bool pending = promise->future.status == LULL_FUTURE_PENDING;
    if (pending) {
        if (results != 0)
            lua_setiuservalue(L, 1, 1);
        promise->future.results = results;
        settle(lull__tasks(L), promise, LULL_FUTURE_DONE);
    }
    lua_pushboolean(L, pending);
    return 1;
}

static void check_pending(lua_State *L, const struct promise *promise)
{
    if (promise->future.status != LULL_FUTURE_PENDING)
        lull_raise(L, LULL_KIND_USAGE, "the future is settled already");
}

static int m_set(lua_State *L)
{
    check_pending(L, check_promise(L));
    m_try_set(L);
    return 0;
}

static int m_fail(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct promise *promise = check_promise(L);
    luaL_checkany(L, 2);
    check_pending(L, promise);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, 1);
    promise->future.results = 1;
    promise->realm = tasks->realm;
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->failed_set_ref);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->failed_ref);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    settle(tasks, promise, LULL_FUTURE_FAILED);
    return 0;
}

static int m_cancel(lua_State *L)
{
    struct promise *promise = check_promise(L);
    lua_settop(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING)
        lull_push_error(L, LULL_KIND_CANCELLED, "cancelled (%s)", lua_tostring(L, 2));
    else
        lull_push_error(L, LULL_KIND_CANCELLED, "cancelled");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "reason");
    bool pending = promise->future.status == LULL_FUTURE_PENDING;
    if (pending) {
        lua_setiuservalue(L, 1, 1);
        promise->future.results = 1;
        settle(lull__tasks(L), promise, LULL_FUTURE_CANCELLED);
    }
    lua_pushboolean(L, pending);
    return 1;
}

static int m_await(lua_State *L)
{
    struct promise *promise = check_promise(L);
    lua_settop(L, 1);
    return await_future(L, &promise->future);
}

static int m_status(lua_State *L)
{
    static const char *const names[] = {"pending", "done", "failed", "cancelled"};
    lua_pushstring(L, names[check_promise(L)->future.status]);
    return 1;
}

static int m_tostring(lua_State *L)
{
    lua_pushfstring(L, "lull.future: %p", (void *)check_promise(L));
    return 1;
}

/* deliver(tasks, err) */
static int deliver(lua_State *L)
{
    lull__sink_error(L, lua_touserdata(L, 1));
    return 0;
}

/* Report the failed future on top, in the realm that failed it. */
static void report(lua_State *L, struct lull_tasks *tasks, struct promise *promise)
{
    struct lull_realm *outer = tasks->realm;
    luaL_checkstack(L, 4, NULL);
    promise->future.received = true;
    lua_pushcfunction(L, deliver);
    lua_pushlightuserdata(L, tasks);
    lua_getiuservalue(L, -3, 1);
    tasks->realm = promise->realm;
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* no memory even to report */
    tasks->realm = outer;
}

/* Report a failed future at 1, unless somebody received it. */
static int m_gc(lua_State *L)
{
    struct promise *promise = check_promise(L);
    if (promise->future.received)
        return 0;
    if (!lull__is_limited(lull__tasks(L))) {
        report(L, lull__tasks(L), promise);
    } else { /* nothing can stop what a finalizer calls */
        promise->future.received = true;
        lua_getiuservalue(L, 1, 1);
        lull__sink_later(L, lull__tasks(L), promise->realm);
    }
    return 0;
}

void lull__promises_flush(lua_State *L, struct lull_tasks *tasks)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L); /* the failed ones, now held */
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->failed_set_ref);
    lua_pushnil(L);
    for (int i = 1; lua_next(L, top + 2) != 0; i++) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, top + 1, i);
    }
    for (lua_Integer i = 1; lua_rawgeti(L, top + 1, i) != LUA_TNIL; i++) {
        lua_pushnil(L);
        lua_rawset(L, top + 2); /* set[future] = nil */
        lua_rawgeti(L, top + 1, i);
        struct lull_future *future = lull__to_future(L, tasks, -1);
        if (!future->received)
            report(L, tasks, LULL_CONTAINER(future, struct promise, future));
        lua_pop(L, 1);
    }
    lua_settop(L, top);
}

static const luaL_Reg methods[] = {
    {"set", m_set},     {"try_set", m_try_set}, {"fail", m_fail}, {"cancel", m_cancel},
    {"await", m_await}, {"status", m_status},   {NULL, NULL},
};

static int make_class(lua_State *L, struct lull_tasks *tasks, bool failed,
                      const void **class)
{
    lua_createtable(L, 0, 5);
    *class = lua_topointer(L, -1);
    lua_pushliteral(L, "lull.future");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "lull.future");
    lua_setfield(L, -2, "__metatable");
    luaL_newlibtable(L, methods);
    lull_set_functions(L, lull__runtime_of(tasks), methods);
    lua_setfield(L, -2, "__index");
    const luaL_Reg meta[] = {{"__tostring", m_tostring},
                             {failed ? "__gc" : NULL, failed ? m_gc : NULL},
                             {NULL, NULL}};
    lull_set_functions(L, lull__runtime_of(tasks), meta);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void lull__promise_init(lua_State *L, struct lull_tasks *tasks)
{
    tasks->future_ref = make_class(L, tasks, false, &tasks->future_class);
    tasks->failed_ref = make_class(L, tasks, true, &tasks->failed_class);
    lull__push_weak(L, "k");
    tasks->failed_set_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
