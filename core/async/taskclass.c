/* SPDX-License-Identifier: MIT */
/*
 * taskclass.c -- t:await(), t:cancel() and the rest; on_done.
 */
#include "async/taskclass.h"

#include "task/await.h"
#include "task/check.h"
#include "task/frame.h"
#include "task/promise.h"
#include "task/sink.h"
#include "task/trace.h"

#include <string.h>

static const char *const status_names[] = {"pending", "done", "failed", "cancelled"};

static int m_status(lua_State *L)
{
    lua_pushstring(L, status_names[lull__check_task_handle(L, 1)->future.status]);
    return 1;
}

static int m_await(lua_State *L)
{
    lull__check_task_handle(L, 1);
    lua_settop(L, 1);
    return lull__l_await(L);
}

/* ---- join ----------------------------------------------------------------------- */

static enum lull_cancel join_cancel(struct lull_op *op)
{
    lull__list_remove(&op->task->wait.join.watch.link);
    return LULL_DETACHED;
}

static int join_push(lua_State *L, struct lull_op *op)
{
    struct lull_task *target = lua_touserdata(L, 1);
    (void)op;
    if (target->future.status == LULL_FUTURE_FAILED)
        lull__future_receive(&target->future);
    lua_pushstring(L, status_names[target->future.status]);
    return 1;
}

static const struct lull_op_type join_type = {
    .name = "join",
    .cancel = join_cancel,
    .push = join_push,
};

static void join_fired(struct lull_watch *watch)
{
    lull_op_complete(&LULL_CONTAINER(watch, union lull_wait, join.watch)->op);
}

static int m_join(lua_State *L)
{
    struct lull_task *target = lull__check_task_handle(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (target == task)
        return lull_raise(L, LULL_KIND_USAGE, "a task cannot join itself");
    lull_op_begin(&task->wait.op, task, &join_type);
    if (lull__task_ended(target))
        lull_op_complete(&task->wait.op);
    else
        lull__watch(&target->future, &task->wait.join.watch, join_fired, &lull__receives,
                    task);
    return lull_await(L, &task->wait.op);
}

/* ---- the rest of what a script does with a task ---------------------------------- */

static int m_cancel(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *target = lull__check_task_handle(L, 1);
    static const struct lull_reason none = {.text = NULL};
    lua_settop(L, 2);
    bool unfinished = !lull__task_ended(target);
    if (unfinished && !target->strand.root.cancelled) {
        if (lua_isnil(L, 2)) {
            lull__scope_cancel(&target->strand.root, &none);
        } else {
            struct lull_reason *reason = lull__reason_new(L, tasks);
            lull__scope_cancel(&target->strand.root, reason);
            lull__reason_drop(tasks, reason);
        }
    }
    lua_pushboolean(L, unfinished);
    return 1;
}

static struct lull_task *check_ended(lua_State *L)
{
    struct lull_task *task = lull__check_task_handle(L, 1);
    if (!lull__task_ended(task))
        lull_raise(L, LULL_KIND_USAGE, "the task is still pending");
    return task;
}

static int m_result(lua_State *L)
{
    check_ended(L);
    return lull__push_outcome(L, lull__tasks(L), 1);
}

static int m_error(lua_State *L)
{
    struct lull_task *task = check_ended(L);
    if (task->future.status == LULL_FUTURE_DONE)
        lua_pushnil(L);
    else if (task->future.status == LULL_FUTURE_FAILED)
        lull__future_receive(&task->future), lua_getiuservalue(L, 1, 1);
    else
        lull__push_future_error(L, lull__tasks(L), 1);
    return 1;
}

static int m_traceback(lua_State *L)
{
    struct lull_task *task = lull__check_task_handle(L, 1);
    if (lull__task_ended(task)) {
        lull__push_trace(L, 1);
        if (!lua_isnil(L, -1))
            return 1;
        lull__push_task_name(L, 1);
        lua_pushfstring(L, "stack traceback:\n\t[task] %s (%s)", lua_tostring(L, -1),
                        status_names[task->future.status]);
    } else if (task == lull__tasks(L)->running) {
        luaL_traceback(L, L, NULL, 1);
    } else {
        lull__push_where(L, task);
    }
    return 1;
}

static int m_detach(lua_State *L)
{
    struct lull_task *task = lull__check_task_handle(L, 1);
    lua_settop(L, 1);
    if (lull__task_ended(task)) {
        if (task->future.status == LULL_FUTURE_FAILED)
            lull__task_to_sink(task);
        return 1;
    }
    struct lull_scope *run = lull__scope_find(task->strand.owner, LULL_SCOPE_RUN);
    if (run != NULL && task->strand.owner->kind != LULL_SCOPE_DETACHED) {
        struct lull_frame *frame = LULL_CONTAINER(run, struct lull_frame, scope);
        lull__strand_move(&task->strand, frame->detached);
    }
    return 1;
}

/* ---- on_done ------------------------------------------------------------------------ */

/* A function to call once the task has ended: a turn of its own. */
struct callback {
    struct lull_runnable runnable;
    struct lull_watch watch;
    struct lull_tasks *tasks;
    struct lull_realm *realm; /* whose code the function is */
    uint32_t slot; /* anchor of the userdata this is; its user values: fn, task */
};

/* call_back(callback, tasks) */
static int call_back(lua_State *L)
{
    lua_getiuservalue(L, 1, 1);
    lua_getiuservalue(L, 1, 2);
    struct lull_tasks *tasks = lua_touserdata(L, 2);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK && !tasks->exiting)
        lull__sink_error(L, lua_touserdata(L, 2));
    return 0;
}

static void run_callback(struct lull_runnable *self)
{
    struct callback *callback = LULL_CONTAINER(self, struct callback, runnable);
    struct lull_tasks *tasks = callback->tasks;
    lua_State *L = tasks->from;
    uint32_t slot = callback->slot;
    struct lull_outside outside;
    struct lull_realm *realm = tasks->realm;
    tasks->realm = callback->realm;
    if (lua_checkstack(L, 6) && lull__outside_begin(tasks, L, &outside)) {
        lua_pushcfunction(L, call_back);
        lull__anchor_push(L, &tasks->anchors, slot);
        lua_pushlightuserdata(L, tasks);
        if (lua_pcall(L, 2, 0, 0) != LUA_OK)
            lua_pop(L, 1); /* no memory even to report */
        lull__outside_end(tasks, &outside);
    }
    tasks->realm = realm;
    lull__anchor_release(L, &tasks->anchors, slot);
}

static void on_ended(struct lull_watch *watch)
{
    struct callback *callback = LULL_CONTAINER(watch, struct callback, watch);
    lull__sched_push(callback->tasks->sched, &callback->runnable);
}

static int m_on_done(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lull__check_task_handle(L, 1);
    lull__check_callable(L, 2);
    lua_settop(L, 2);
    struct callback *callback = lua_newuserdatauv(L, sizeof *callback, 2);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, 2);
    uint32_t slot = lull__anchor(L, &tasks->anchors);
    callback->runnable.run = run_callback;
    callback->tasks = tasks;
    callback->realm = tasks->realm;
    callback->slot = slot;
    lull__list_init(&callback->watch.link);
    if (lull__task_ended(task))
        on_ended(&callback->watch);
    else
        lull__watch(&task->future, &callback->watch, on_ended, NULL, NULL);
    lua_settop(L, 1);
    return 1;
}

/* ---- the class ---------------------------------------------------------------------- */

/* t.key: a method, or the name.  Upvalue 2: the methods. */
static int index_task(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 1;
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "name") == 0)
        lull__push_task_name(L, 1);
    return 1;
}

static int newindex_task(lua_State *L)
{
    lull__check_task_handle(L, 1);
    const char *key = luaL_checkstring(L, 2);
    if (strcmp(key, "name") != 0)
        return luaL_error(L, "a task has no field '%s' to set", key);
    luaL_checktype(L, 3, LUA_TSTRING);
    lua_settop(L, 3);
    lull__set_task_name(L, 1);
    return 0;
}

static int task_tostring(lua_State *L)
{
    struct lull_task *task = lull__check_task_handle(L, 1);
    lull__push_task_name(L, 1);
    lua_pushfstring(L, "lull.task: %s (%s)", lua_tostring(L, -1),
                    status_names[task->future.status]);
    return 1;
}

static const luaL_Reg methods[] = {
    {"await", m_await},   {"join", m_join},           {"cancel", m_cancel},
    {"status", m_status}, {"result", m_result},       {"error", m_error},
    {"detach", m_detach}, {"traceback", m_traceback}, {"on_done", m_on_done},
    {NULL, NULL},
};

void lull__taskclass_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg meta[] = {
        {"__newindex", newindex_task}, {"__tostring", task_tostring}, {NULL, NULL}};
    struct lull_runtime *rt = lull__runtime_of(tasks);
    lua_createtable(L, 0, 5);
    tasks->task_class = lua_topointer(L, -1);
    lua_pushliteral(L, "lull.task");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "lull.task");
    lua_setfield(L, -2, "__metatable");
    lull_set_functions(L, rt, meta);
    lua_pushlightuserdata(L, tasks);
    luaL_newlibtable(L, methods);
    lull_set_functions(L, rt, methods);
    lua_pushcclosure(L, index_task, 2);
    lua_setfield(L, -2, "__index");
    tasks->task_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
