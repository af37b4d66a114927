/* SPDX-License-Identifier: MIT */
/*
 * force.c -- closing the coroutines of a task, innermost first.
 */
#include "runtime/force.h"

#include "task/trace.h"

/* The user's coroutine that `co`, suspended in coroutine.resume, waits through. */
static lua_State *waiting_below(struct lull_tasks *tasks, lua_State *co)
{
    lua_Debug ar;
    lua_State *inner = NULL;
    if (lua_status(co) != LUA_YIELD || !lua_checkstack(co, 4) ||
        !lua_getstack(co, 0, &ar) || !lua_getinfo(co, "S", &ar) || ar.what[0] != 'C')
        return NULL; /* set aside in a Lua function: it is the innermost */
    if (lua_getlocal(co, &ar, 1) != NULL) { /* resume(co, ...) */
        inner = lua_tothread(co, -1);
        lua_pop(co, 1);
    }
    if (inner == NULL && lua_getinfo(co, "f", &ar)) { /* a wrap: its upvalue */
        if (lua_getupvalue(co, -1, 2) != NULL) {
            inner = lua_tothread(co, -1);
            lua_pop(co, 1);
        }
        lua_pop(co, 1);
    }
    return inner != NULL && lull__tag_is(inner, tasks, LULL_TAG_WAITING) ? inner : NULL;
}

/* keep(task): anchor the userdata at 1. */
static int keep(lua_State *L)
{
    struct lull_task *task = lua_touserdata(L, 1);
    task->slot = lull__anchor(L, &lull__task_tasks(task)->anchors);
    return 0;
}

/* Anchor a task whose coroutine is about to lose it; without memory: not. */
static void keep_task(lua_State *L, struct lull_task *task)
{
    if (task->slot != 0 || lull__mem_is_short(lull__task_tasks(task)->mem) ||
        !lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, keep);
    lull__task_push(L, task);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* Nobody completes what the task waits for any more. */
static void let_go(struct lull_task *task)
{
    struct lull_op *op = task->strand.op;
    if (op == NULL)
        return;
    if (op->type->abandon != NULL)
        op->type->abandon(op);
    else if (op->state == LULL_OP_PENDING && op->type->cancel != NULL)
        op->type->cancel(op);
    op->state = LULL_OP_DETACHED;
    op->awaited = false;
    task->strand.op = NULL;
}

/* The handles of its groups may be collected before their frames are dropped. */
static void let_groups_go(struct lull_task *task)
{
    for (struct lull_scope *s = task->strand.innermost; s->parent != NULL;
         s = s->parent) {
        struct lull_frame *frame = LULL_CONTAINER(s, struct lull_frame, scope);
        if (frame->handle != NULL)
            *frame->handle = NULL;
        frame->handle = NULL;
    }
}

/* Close one coroutine; what its __close metamethods may take is a slice. */
static void close_thread(struct lull_tasks *tasks, lua_State *co)
{
    lua_State *outer = lull__slice_guard(&tasks->slice, co);
    lull__close_thread(co, tasks->from);
    lull__slice_unguard(&tasks->slice, outer);
}

/* Close the task's coroutines.  The task is on top of L, and popped. */
static void close_coroutines(lua_State *L, struct lull_tasks *tasks,
                             struct lull_task *task)
{
    tasks->forcing = true;
    task->waker.flags |= LULL_TASK_FORCED;
    let_go(task);
    let_groups_go(task);
    for (;;) {
        lua_State *innermost = task->co;
        for (lua_State *co = innermost; co != NULL; co = waiting_below(tasks, co))
            innermost = co;
        close_thread(tasks, innermost);
        if (innermost == task->co)
            break;
        lull__tag_set(innermost, tasks, 0);
    }
    lull__task_close_stack(L, task);
    tasks->frames_drop(task);
    tasks->forcing = false;
}

void lull__task_force(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    lua_State *L = tasks->from;
    struct lull_realm *outer = tasks->realm;
    tasks->realm = task->realm; /* its cleanup may what it may */
    if (!(task->waker.flags & LULL_TASK_STARTED)) {
        lull__task_end_uncalled(tasks, task);
    } else {
        keep_task(L, task);
        lull__task_push(L, task); /* held here: its coroutine loses it */
        close_coroutines(L, tasks, task);
        task->future.status = LULL_FUTURE_CANCELLED;
        lull__task_end(tasks, task, false);
    }
    tasks->realm = outer;
}

/* ---- killing ---------------------------------------------------------------------- */

static void mark(struct lull_task *task, enum lull_kill why)
{
    if (task->kill == LULL_KILL_NONE && !lull__task_ended(task))
        task->kill = (uint8_t)why;
}

static void mark_owned(struct lull_scope *scope, struct lull_strand **work)
{
    for (struct lull_list *node = scope->owned.next; node != &scope->owned;
         node = node->next) {
        struct lull_strand *child = LULL_CONTAINER(node, struct lull_strand, link);
        if (child->ended || lull__strand_task(child)->kill != LULL_KILL_NONE)
            continue;
        mark(lull__strand_task(child), LULL_KILL_OWNER);
        child->next = *work;
        *work = child;
    }
}

/* Killed tasks run once more, to end; also where virtual time has frozen them. */
static void wake(struct lull_tasks *tasks, struct lull_task *task)
{
    if (task == tasks->running)
        lull__slice_arm(&tasks->slice, LULL_DUE_KILL);
    else
        lull__waker_wake(&task->waker);
}

static void thaw(struct lull_tasks *tasks)
{
    struct lull_queue frozen = tasks->frozen;
    tasks->frozen.head = tasks->frozen.tail = NULL;
    lull__sched_restore(tasks->sched, &frozen);
}

void lull__task_doom(struct lull_task *task, enum lull_kill why)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    mark(task, why);
    if (task->kill == LULL_KILL_NONE)
        return;
    wake(tasks, task);
    thaw(tasks);
}

void lull__task_kill(struct lull_task *task, enum lull_kill why)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    mark(task, why);
    if (task->kill == LULL_KILL_NONE)
        return;
    struct lull_strand *work = &task->strand;
    work->next = NULL;
    while (work != NULL) { /* without recursion: owners may be many */
        struct lull_strand *strand = work;
        work = strand->next;
        strand->next = NULL;
        wake(tasks, lull__strand_task(strand));
        for (struct lull_scope *s = strand->innermost; s != NULL; s = s->parent) {
            mark_owned(s, &work);
            if (s->kind == LULL_SCOPE_RUN)
                mark_owned(LULL_CONTAINER(s, struct lull_frame, scope)->detached, &work);
        }
    }
    thaw(tasks);
}

static const char *reason_text(enum lull_kill why)
{
    switch (why) {
    case LULL_KILL_TASK:
        return "it has run for as long as a task may";
    case LULL_KILL_CALL:
        return "its call has run for as long as it may";
    case LULL_KILL_STALL:
        return "it computed for too long where it could not be set aside";
    case LULL_KILL_OWNER:
        return "its owner was killed";
    default:
        return "by the host";
    }
}

void lull__push_killed(lua_State *L, const struct lull_task *task)
{
    lull_push_error(L, LULL_KIND_LIMIT, "killed: %s",
                    reason_text((enum lull_kill)task->kill));
    lull_error_detail(L, "kill", 0);
}

/* make_error(task): its error, and where it was */
static int make_error(lua_State *L)
{
    struct lull_task *task = lua_touserdata(L, 1);
    lull__push_killed(L, task);
    lull__trace_suspended(L, task);
    lull__trace_keep(L, task, 1);
    return 1;
}

/* Set the error of the task on top of L. */
static void set_error(lua_State *L, struct lull_tasks *tasks)
{
    bool made = false;
    if (!lull__mem_is_short(tasks->mem)) {
        lua_pushcfunction(L, make_error);
        lua_pushvalue(L, -2);
        made = lua_pcall(L, 1, 1, 0) == LUA_OK;
        if (!made)
            lua_pop(L, 1);
    }
    if (!made)
        lull__anchor_push(L, &tasks->anchors, tasks->kill_slot);
    lua_setiuservalue(L, -2, 1);
}

void lull__task_kill_now(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    lua_State *L = tasks->from;
    if (!lua_checkstack(L, 8)) { /* no memory for it: some other time */
        lull__waker_wake(&task->waker);
        return;
    }
    task->waker.queued = true;             /* it does not run again */
    lull__task_kill(task, LULL_KILL_HOST); /* what it owns, too */
    lull__task_push(L, task);
    set_error(L, tasks);
    lull__task_abandon_owned(task);
    if (task->waker.flags & LULL_TASK_STARTED)
        close_coroutines(L, tasks, task);
    else
        lua_pop(L, 1);
    if (task->strand.root.failure != NULL)
        lull__task_to_sink(lull__strand_task(task->strand.root.failure));
    task->future.status = LULL_FUTURE_FAILED;
    task->future.results = 1;
    lull__task_end(tasks, task, false);
}
