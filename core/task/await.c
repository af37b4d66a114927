/* SPDX-License-Identifier: MIT */
/*
 * await.c -- checkpoints and waits.
 */
#include "task/await.h"

#include "base/error.h"

#include <string.h>

static const char exit_key = 'x'; /* its address, as light userdata, is os.exit's error */

/* ---- where one can wait --------------------------------------------------- */

/* Is the C function on top one of ours?  Those can all be suspended. */
static bool is_ours(lua_State *L, const struct lull_tasks *tasks)
{
    if (lua_getupvalue(L, -1, 1) == NULL)
        return false;
    bool ours = lua_touserdata(L, -1) == (const void *)tasks;
    lua_pop(L, 1);
    return ours;
}

/* Name the frame that keeps L from yielding, as the end of a message. */
static const char *blocking_frame(lua_State *L, const struct lull_tasks *tasks)
{
    lua_Debug ar;
    const char *found = NULL;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Snf", &ar);
        bool ours = is_ours(L, tasks);
        lua_pop(L, 1);
        if (ar.name != NULL && strcmp(ar.name, "__gc") == 0)
            return "this is a finalizer (__gc)";
        if (found == NULL && ar.what[0] == 'C' && !ours && ar.name != NULL)
            found =
                lua_pushfstring(L, "the C function '%s' cannot be suspended", ar.name);
    }
    return found != NULL ? found : "a C function that cannot be suspended is in between";
}

static int refuse(lua_State *L, const struct lull_tasks *tasks)
{
    const struct lull_task *task = tasks->running;
    if (task == NULL)
        return lull_raise(L, LULL_KIND_USAGE, "cannot wait outside a task");
    if (task->waker.flags & LULL_TASK_FORCED)
        return lull_raise(L, LULL_KIND_USAGE,
                          "cannot wait: the task is being closed by force");
    if (L != tasks->slice.running)
        return lull_raise(L, LULL_KIND_USAGE,
                          "cannot wait inside a coroutine that was resumed by code "
                          "that does not know lull");
    if (!lua_isyieldable(L))
        return lull_raise(L, LULL_KIND_USAGE, "cannot wait here: %s",
                          blocking_frame(L, tasks));
    return lull_raise(L, LULL_KIND_USAGE,
                      "cannot wait here: coroutine.resume was called from a C function "
                      "that cannot be suspended");
}

bool lull__can_wait(lua_State *L, const struct lull_tasks *tasks)
{
    const struct lull_task *task = tasks->running;
    return task != NULL && L == tasks->slice.running && lua_isyieldable(L) &&
           tasks->slice.blocked == 0 && !(task->waker.flags & LULL_TASK_FORCED);
}

struct lull_task *lull_check_task(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (!lull__can_wait(L, tasks))
        refuse(L, tasks);
    return tasks->running;
}

bool lull_can_wait(lua_State *L)
{
    return lull__can_wait(L, lull__tasks(L));
}

struct lull_task *lull_checkpoint(lua_State *L)
{
    struct lull_task *task = lull_check_task(L);
    if (task->strand.nearest != LULL_NEVER) {
        uint64_t now = lull__timers_now(lull__tasks(L)->timers);
        if (task->strand.nearest <= now)
            lull__strand_expire(&task->strand, now);
    }
    if (task->strand.alert)
        lull__check_cancelled(L, task);
    return task;
}

/* ---- cancellation as an error ----------------------------------------------- */

void lull__push_cancelled(lua_State *L, struct lull_tasks *tasks,
                          struct lull_scope *scope)
{
    if (scope->error_slot != 0) {
        lull__anchor_push(L, &tasks->anchors, scope->error_slot);
        return;
    }
    if (lull__mem_is_short(tasks->mem)) { /* one for all, made beforehand */
        lull__anchor_push(L, &tasks->anchors, tasks->spare_slot);
        scope->error_slot = tasks->spare_slot;
        return;
    }
    const struct lull_reason *reason = scope->reason;
    if (reason->slot != 0)
        lull__anchor_push(L, &tasks->anchors, reason->slot);
    else if (reason->text != NULL)
        lua_pushstring(L, reason->text);
    else
        lua_pushnil(L);
    if (lua_type(L, -1) == LUA_TSTRING)
        lull_push_error(L, LULL_KIND_CANCELLED, "cancelled (%s)", lua_tostring(L, -1));
    else
        lull_push_error(L, LULL_KIND_CANCELLED, "cancelled");
    lua_insert(L, -2);
    lua_setfield(L, -2, "reason");
    lua_pushvalue(L, -1);
    scope->error_slot = lull__anchor(L, &tasks->anchors);
}

int lull__raise_exit(lua_State *L, struct lull_tasks *tasks)
{
    lua_pushlightuserdata(L, (void *)&exit_key);
    if (tasks->running != NULL)
        tasks->before_cancel(L, tasks);
    return lua_error(L);
}

void lull__check_cancelled(lua_State *L, struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    if (tasks->exiting)
        lull__raise_exit(L, tasks);
    struct lull_scope *scope = lull__scope_cancelled(task->strand.innermost);
    if (scope == NULL)
        return;
    luaL_checkstack(L, 8, NULL);
    lull__push_cancelled(L, tasks, scope);
    tasks->before_cancel(L, tasks);
    lua_error(L);
}

struct lull_scope *lull__own_scope(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct lull_task *task = tasks->running;
    if (task == NULL || !task->strand.alert || !lua_istable(L, index))
        return NULL;
    const void *error = lua_topointer(L, index);
    for (struct lull_scope *s = task->strand.innermost; s != NULL; s = s->parent) {
        if (s->error_slot == 0)
            continue;
        lull__anchor_push(L, &tasks->anchors, s->error_slot);
        bool same = lua_topointer(L, -1) == error;
        lua_pop(L, 1);
        if (same)
            return s;
    }
    return NULL;
}

bool lull__is_own(lua_State *L, struct lull_tasks *tasks, int index)
{
    if (tasks->exiting && lua_touserdata(L, index) == (const void *)&exit_key)
        return true;
    return lull__own_scope(L, tasks, index) != NULL;
}

/* ---- waiting -------------------------------------------------------------------- */

void lull__await_over(struct lull_op *op)
{
    op->task->strand.op = NULL;
    op->awaited = false;
}

/* Nothing can wake this run any more: who waits for what, as found then. */
static void push_deadlock(lua_State *L, struct lull_op *op)
{
    struct lull_tasks *tasks = lull__task_tasks(op->task);
    lull__anchor_push(L, &tasks->anchors, tasks->deadlock_slot);
    const char *tree = lua_tostring(L, -1);
    lull_push_error(L, LULL_KIND_DEADLOCK, "nothing can wake what is left:\n%s",
                    tree != NULL ? tree : "");
    lua_remove(L, -2);
}

void lull__await_check(lua_State *L, struct lull_op *op)
{
    if (op->state == LULL_OP_DETACHED) {
        lull__check_cancelled(L, op->task);
        lull_raise(L, LULL_KIND_CANCELLED, "cancelled");
    }
    if (op->state != LULL_OP_FAILED)
        return;
    luaL_checkstack(L, 8, NULL);
    if (op->kind == LULL_KIND_DEADLOCK)
        push_deadlock(L, op);
    else if (op->code != 0)
        lull_push_error(L, op->kind, "%s", strerror(op->code));
    else
        lull_push_error(L, op->kind, "%s",
                        op->kind == LULL_KIND_CLOSED ? "closed" : "failed");
    lull_error_detail(L, op->type->name, op->code);
    lua_error(L);
}

static int finish(lua_State *L, struct lull_op *op)
{
    lull__await_over(op);
    if (op->state != LULL_OP_COMPLETE)
        lull__await_check(L, op);
    op->state = LULL_OP_IDLE;
    return op->type->push != NULL ? op->type->push(L, op) : 0;
}

static int await_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return finish(L, (struct lull_op *)context);
}

/* Is the op's end known, and may this step see it without suspending? */
static bool ready_now(struct lull_op *op)
{
    struct lull_tasks *tasks = lull__task_tasks(op->task);
    if (op->state == LULL_OP_PENDING)
        return false;
    if (tasks->inline_left > 0) {
        tasks->inline_left--;
        return true;
    }
    /* The budget is spent: let the others have a turn first. */
    lull__waker_wake(&op->task->waker);
    return false;
}

int lull__await_with(lua_State *L, struct lull_op *op, lua_KContext context,
                     lua_KFunction k)
{
    op->awaited = true;
    op->L = L;
    op->task->strand.op = op;
    if (ready_now(op))
        return k(L, LUA_OK, context);
    lull__task_tasks(op->task)->slice.waiting = true;
    return lua_yieldk(L, 0, context, k);
}

int lull_await(lua_State *L, struct lull_op *op)
{
    struct lull_strand *strand = &op->task->strand;
    /* A wait made in several steps: the cancellation may have come between two. */
    if (strand->alert && lull__scope_cancelled(strand->innermost) != NULL)
        lull__op_interrupt(op);
    return lull__await_with(L, op, (lua_KContext)op, await_k);
}

int lull__await_turn(lua_State *L, struct lull_op *op)
{
    op->awaited = true;
    op->L = L;
    op->task->strand.op = op;
    lull_op_complete(op);
    lull__task_tasks(op->task)->slice.waiting = true;
    return lua_yieldk(L, 0, (lua_KContext)op, await_k);
}
