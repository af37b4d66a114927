/* SPDX-License-Identifier: MIT */
/*
 * scopelib.c -- timeout, move_on_after, shield, group, var, finally.
 */
#include "async/scopelib.h"

#include "task/await.h"
#include "task/check.h"
#include "task/class.h"
#include "task/frame.h"
#include "task/promise.h"

#include <math.h>

static const char group_key = 'g'; /* registry: the classes of the runtime */
static const char var_key = 'v';
static const char finally_key = 'f';

/* ---- deadlines and shields --------------------------------------------------------- */

/* limited(seconds | nil, fn, ...) */
static int limited(lua_State *L, enum lull_scope_kind kind)
{
    double seconds = INFINITY;
    if (!lua_isnoneornil(L, 1))
        seconds = lull__check_seconds(L, 1);
    lull__check_callable(L, 2);
    struct lull_frame *frame = lull__frame_open(L, kind);
    if (!isinf(seconds) || seconds < 0)
        lull__frame_limit(L, frame, seconds);
    return lull__frame_call(L, frame);
}

static int l_timeout(lua_State *L)
{
    return limited(L, LULL_SCOPE_TIMEOUT);
}

static int l_move_on_after(lua_State *L)
{
    return limited(L, LULL_SCOPE_MOVE_ON);
}

/* scoped(fn, ...) in a scope that needs nothing else. */
static int scoped(lua_State *L, enum lull_scope_kind kind)
{
    lull__check_callable(L, 1);
    lua_pushnil(L);
    lua_insert(L, 1);
    return lull__frame_call(L, lull__frame_open(L, kind));
}

static int l_shield(lua_State *L)
{
    return scoped(L, LULL_SCOPE_SHIELD);
}

int lull__l_loose(lua_State *L)
{
    return scoped(L, LULL_SCOPE_LOOSE);
}

int lull__l_run_body(lua_State *L)
{
    return scoped(L, LULL_SCOPE_RUN);
}

/* ---- groups ---------------------------------------------------------------------------- */

struct group {
    struct lull_frame *frame; /* NULL: ended */
};

static struct group *to_group(lua_State *L)
{
    return lull__class_check(L, 1, &group_key, "lull.group");
}

static struct lull_scope *check_open(lua_State *L)
{
    struct group *group = to_group(L);
    if (group->frame == NULL || group->frame->scope.settled)
        lull_raise(L, LULL_KIND_USAGE, "the group has ended");
    return &group->frame->scope;
}

static int l_group(lua_State *L)
{
    lull__check_callable(L, 1);
    lull_check_task(L);
    lua_settop(L, 1);
    struct group *group = lua_newuserdatauv(L, sizeof *group, 0);
    group->frame = NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &group_key);
    lua_setmetatable(L, -2);
    lua_insert(L, 1);
    lua_pushvalue(L, 1); /* group, fn, group */
    group->frame = lull__frame_open(L, LULL_SCOPE_GROUP);
    group->frame->handle = &group->frame;
    return lull__frame_call(L, group->frame);
}

static int m_group_spawn(lua_State *L)
{
    struct lull_scope *scope = check_open(L);
    lull__check_callable(L, 2);
    lull__task_new(L, lull__tasks(L), scope, lua_gettop(L) - 2, 0);
    return 1;
}

static int m_group_cancel(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct group *group = to_group(L);
    static const struct lull_reason none = {.text = NULL};
    lua_settop(L, 2);
    if (group->frame == NULL || group->frame->scope.cancelled)
        return 0;
    if (lua_isnil(L, 2)) {
        lull__scope_cancel(&group->frame->scope, &none);
        return 0;
    }
    struct lull_reason *reason = lull__reason_new(L, tasks);
    lull__scope_cancel(&group->frame->scope, reason);
    lull__reason_drop(tasks, reason);
    return 0;
}

/* ---- g:start: until the child says it is ready, or ends ----------------------------------- */

/* Stack of start: 1 group, 2 this block, 3 the child, 4 the future of ready(). */
struct start {
    struct lull_op op;
    struct lull_watch ready;
    struct lull_watch child;
};

static void on_ready(struct lull_watch *watch)
{
    struct start *start = LULL_CONTAINER(watch, struct start, ready);
    lull__list_remove(&start->child.link);
    lull_op_complete(&start->op);
}

static void on_child(struct lull_watch *watch)
{
    struct start *start = LULL_CONTAINER(watch, struct start, child);
    lull__list_remove(&start->ready.link);
    lull_op_complete(&start->op);
}

static enum lull_cancel start_cancel(struct lull_op *op)
{
    struct start *start = LULL_CONTAINER(op, struct start, op);
    lull__list_remove(&start->ready.link);
    lull__list_remove(&start->child.link);
    return LULL_DETACHED;
}

static int start_push(lua_State *L, struct lull_op *op)
{
    struct lull_tasks *tasks = lull__task_tasks(op->task);
    if (lull__to_future(L, tasks, 4)->status != LULL_FUTURE_PENDING)
        return lull__push_outcome(L, tasks, 4);
    if (lull__to_future(L, tasks, 3)->status != LULL_FUTURE_DONE)
        return lull__push_outcome(L, tasks, 3);
    return lull_raise(L, LULL_KIND_USAGE, "the task ended without calling ready");
}

static const struct lull_op_type start_type = {
    .name = "group.start",
    .cancel = start_cancel,
    .push = start_push,
};

/* ready(value): upvalue 2 is the future. */
static int call_ready(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    if (lull__to_future(L, lull__tasks(L), 1)->status != LULL_FUTURE_PENDING)
        return lull_raise(L, LULL_KIND_USAGE, "ready was called already");
    lull__promise_set(L, lull__tasks(L), 1);
    return 0;
}

static int m_group_start(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_scope *scope = check_open(L);
    lull__check_callable(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    luaL_checkstack(L, 6, "too many arguments");
    struct start *start = lua_newuserdatauv(L, sizeof *start, 0);
    lua_insert(L, 2); /* group, start, fn, ... */
    lua_pushvalue(L, lua_upvalueindex(1));
    lull__l_future(L);
    lua_pushvalue(L, -1);
    lua_insert(L, 3); /* group, start, future, fn, ..., tasks, future */
    lua_pushcclosure(L, call_ready, 2);
    lua_insert(L, 5); /* group, start, future, fn, ready, ... */
    struct lull_task *child = lull__task_new(L, tasks, scope, lua_gettop(L) - 4, 0);
    lua_insert(L, 3); /* group, start, child, future */
    lull_op_begin(&start->op, task, &start_type);
    lull__watch(lull__to_future(L, tasks, 4), &start->ready, on_ready, NULL, NULL);
    lull__watch(&child->future, &start->child, on_child, &lull__receives, task);
    return lull_await(L, &start->op);
}

/* ---- task-local variables ------------------------------------------------------------------ */

/*
 * The values of a task are a chain of tables {variable, value, next}; `with`
 * puts one in front.  A variable is a userdata whose user value is its default.
 */

static void check_var(lua_State *L)
{
    lull__class_check(L, 1, &var_key, "lull.var");
}

static int l_var(lua_State *L)
{
    lua_settop(L, 1);
    lua_newuserdatauv(L, 1, 1);
    lua_insert(L, 1);
    lua_setiuservalue(L, 1, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &var_key);
    lua_setmetatable(L, 1);
    return 1;
}

static int m_var_get(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    check_var(L);
    lua_settop(L, 1);
    if (tasks->running == NULL || tasks->running->vars_slot == 0) {
        lua_getiuservalue(L, 1, 1);
        return 1;
    }
    lull__anchor_push(L, &tasks->anchors, tasks->running->vars_slot);
    while (lua_istable(L, 2)) {
        lua_rawgeti(L, 2, 1);
        if (lua_rawequal(L, 1, -1)) {
            lua_rawgeti(L, 2, 2);
            return 1;
        }
        lua_rawgeti(L, 2, 3);
        lua_replace(L, 2);
        lua_settop(L, 2);
    }
    lua_getiuservalue(L, 1, 1);
    return 1;
}

/* v:with(value, fn, ...) */
static int m_var_with(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    check_var(L);
    luaL_checkany(L, 2);
    lull__check_callable(L, 3);
    struct lull_task *task = lull_check_task(L);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 2);
    if (task->vars_slot != 0) {
        lull__anchor_push(L, &tasks->anchors, task->vars_slot);
        lua_rawseti(L, -2, 3);
    }
    uint32_t slot = lull__anchor(L, &tasks->anchors);
    lua_remove(L, 2);
    struct lull_frame *frame = lull__frame_open(L, LULL_SCOPE_VAR);
    frame->vars_slot = task->vars_slot;
    task->vars_slot = slot;
    return lull__frame_call(L, frame);
}

/* ---- finally ---------------------------------------------------------------------------------- */

/*
 * critical(fn, ...): calls it from here, where nothing can suspend: no slice sets
 * it aside, and a wait in it raises `usage`.
 */
static int l_critical(lua_State *L)
{
    lull__check_callable(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int l_finally(lua_State *L)
{
    lull__check_callable(L, 1);
    lua_settop(L, 1);
    lua_newuserdatauv(L, 1, 1);
    lua_insert(L, 1);
    lua_setiuservalue(L, 1, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &finally_key);
    lua_setmetatable(L, 1);
    return 1;
}

/* __close(value, err): the cleanup, once. */
static int finally_close(lua_State *L)
{
    lull__class_check(L, 1, &finally_key, "lull.finally");
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    if (lua_isnil(L, 3))
        return 0;
    lua_insert(L, 2); /* value, cleanup, err */
    lua_pushnil(L);
    lua_setiuservalue(L, 1, 1);
    if (lull_can_wait(L)) /* not while closed by force, or in a finalizer */
        return lull__frame_call(L, lull__frame_open(L, LULL_SCOPE_SHIELD));
    lua_call(L, 1, 0);
    return 0;
}

/* ---- registration ------------------------------------------------------------------------------- */

void lull__scopelib_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg group[] = {{"spawn", m_group_spawn},
                                     {"start", m_group_start},
                                     {"cancel", m_group_cancel},
                                     {NULL, NULL}};
    static const luaL_Reg var[] = {
        {"get", m_var_get}, {"with", m_var_with}, {NULL, NULL}};
    static const luaL_Reg close[] = {{"__close", finally_close}, {NULL, NULL}};
    lull__class_make(L, tasks, &group_key, "lull.group", group, NULL);
    lull__class_make(L, tasks, &var_key, "lull.var", var, NULL);
    lull__class_make(L, tasks, &finally_key, "lull.finally", NULL, close);
}

const luaL_Reg lull__scope_functions[] = {
    {"timeout", l_timeout},   {"move_on_after", l_move_on_after},
    {"shield", l_shield},     {"group", l_group},
    {"var", l_var},           {"finally", l_finally},
    {"critical", l_critical}, {NULL, NULL},
};
