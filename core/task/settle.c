/* SPDX-License-Identifier: MIT */
/*
 * settle.c -- which error a scope ends with.
 */
#include "task/settle.h"

#include "task/await.h"
#include "task/sink.h"
#include "task/trace.h"

static bool is_root(const struct lull_scope *scope)
{
    return scope->parent == NULL;
}

static struct lull_frame *frame_of(struct lull_scope *scope)
{
    return LULL_CONTAINER(scope, struct lull_frame, scope);
}

void lull__push_failure(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct lull_task *task = lua_touserdata(L, index);
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, NULL);
    lua_getiuservalue(L, index, 1);
    lull__trace_adopt(L, tasks, index);
    lull__task_receive(task);
}

/* The failed strand a scope still owns that ended first; NULL: none. */
static struct lull_task *earliest_failure(struct lull_scope *scope)
{
    struct lull_task *first = NULL;
    for (struct lull_list *node = scope->owned.next; node != &scope->owned;
         node = node->next) {
        struct lull_task *task =
            lull__strand_task(LULL_CONTAINER(node, struct lull_strand, link));
        if (first == NULL || (int32_t)(task->future.order - first->future.order) < 0)
            first = task;
    }
    return first;
}

void lull__scope_sink_rest(struct lull_scope *scope)
{
    if (lull__task_tasks(lull__strand_task(scope->strand))->exiting)
        return;
    while (!lull__list_empty(&scope->owned)) {
        struct lull_strand *strand =
            LULL_CONTAINER(scope->owned.next, struct lull_strand, link);
        lull__task_to_sink(lull__strand_task(strand));
    }
}

static void push_child_failure(lua_State *L, struct lull_tasks *tasks,
                               struct lull_task *child)
{
    lull__task_push(L, child);
    lull__push_failure(L, tasks, -1);
    lua_remove(L, -2);
}

/* The cancellation that a scope ended by its own, or interrupted, passes on. */
static struct lull_scope *passed_on(struct lull_scope *scope)
{
    if (scope->end == LULL_BODY_OWN)
        return is_root(scope) ? NULL : lull__scope_cancelled(scope->parent);
    if (scope->end == LULL_BODY_RETURNED && scope->interrupted) {
        struct lull_scope *cancelled = lull__scope_cancelled(scope);
        return cancelled != scope ? cancelled : NULL;
    }
    return NULL;
}

/*
 * Push the error that the scope ends with, if it ends with one.  The first in
 * time wins: a child's failure ended the body; the body's own error comes
 * before those found at the end.
 */
static bool push_error(lua_State *L, struct lull_tasks *tasks, struct lull_scope *scope)
{
    if (scope->failure != NULL) {
        if (scope->end == LULL_BODY_RAISED)
            lull__sink_error(L, tasks);
        struct lull_task *child = lull__strand_task(scope->failure);
        push_child_failure(L, tasks, child);
        scope->failure = NULL;
        lull__task_unpin(child);
        return true;
    }
    if (scope->end == LULL_BODY_RAISED || scope->end == LULL_BODY_OUTER)
        return true;
    struct lull_scope *cancelled = passed_on(scope);
    if (cancelled != NULL) {
        lull__push_cancelled(L, tasks, cancelled);
        return true;
    }
    if (scope->end == LULL_BODY_OWN) {
        if (scope->kind != LULL_SCOPE_TIMEOUT)
            return false;
        lull_push_error(L, LULL_KIND_TIMEOUT, "timed out after %f s",
                        (LUAI_UACNUMBER)frame_of(scope)->seconds);
        return true;
    }
    struct lull_task *failed = NULL;
    if (!(scope->kind == LULL_SCOPE_GROUP && scope->cancelled) && !tasks->exiting)
        failed = earliest_failure(scope);
    if (failed != NULL)
        push_child_failure(L, tasks, failed);
    return failed != NULL;
}

/* decide(scope, the body's error | nil) -> failed, the error */
static int decide(lua_State *L)
{
    struct lull_scope *scope = lua_touserdata(L, 1);
    bool failed =
        push_error(L, lull__task_tasks(lull__strand_task(scope->strand)), scope);
    lua_pushboolean(L, failed);
    lua_insert(L, -2);
    return 2;
}

bool lull__scope_decide(lua_State *L, struct lull_scope *scope)
{
    bool raised = scope->end != LULL_BODY_RETURNED;
    if (!raised && scope->failure == NULL && !scope->interrupted &&
        lull__list_empty(&scope->owned))
        return false;
    if (!lua_checkstack(L, 6))
        return raised;
    if (!raised)
        lua_pushnil(L);
    lua_pushcfunction(L, decide);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, scope);
    lua_insert(L, -2); /* decide, scope, error */
    if (lua_pcall(L, 2, 2, 0) != LUA_OK)
        return true;
    bool failed = lua_toboolean(L, -2);
    lua_remove(L, -2);
    if (!failed)
        lua_pop(L, 1);
    return failed;
}
