/* SPDX-License-Identifier: MIT */
/*
 * frame.c -- entering scopes, joining what they own, deciding how they end.
 *
 * Stack of a scope call: 1 the caller's value (a task: itself), 2 the message
 * handler, from 3 on the body's results, or its error on top.
 */
#include "task/frame.h"

#include "task/await.h"
#include "task/settle.h"
#include "task/trace.h"

static const struct lull_reason body_failed = {.text = "failed"};
static const struct lull_reason run_ended = {.text = "run ended"};

static struct lull_frame *frame_of(struct lull_scope *scope)
{
    return LULL_CONTAINER(scope, struct lull_frame, scope);
}

static bool is_root(const struct lull_scope *scope)
{
    return scope->parent == NULL;
}

/* ---- opening and freeing ------------------------------------------------------ */

static struct lull_frame *take_frame(struct lull_tasks *tasks)
{
    struct lull_frame *frame = tasks->free_frames;
    if (frame != NULL)
        tasks->free_frames = frame->next;
    else
        frame = lull__mem_new(tasks->mem, sizeof *frame);
    return frame;
}

static void free_frame(struct lull_tasks *tasks, struct lull_frame *frame)
{
    lull_timer_stop(&frame->timer);
    if (frame->scope.failure != NULL) /* not raised: closed by force */
        lull__task_unpin(lull__strand_task(frame->scope.failure));
    lull__scope_release(tasks, &frame->scope);
    if (frame->detached != NULL)
        free_frame(tasks, frame_of(frame->detached));
    lull__anchor_release(tasks->from, &tasks->anchors, frame->vars_slot);
    if (frame->handle != NULL)
        *frame->handle = NULL;
    frame->next = tasks->free_frames;
    tasks->free_frames = frame;
}

void lull__frames_deinit(struct lull_tasks *tasks)
{
    while (tasks->free_frames != NULL) {
        struct lull_frame *frame = tasks->free_frames;
        tasks->free_frames = frame->next;
        lull__mem_free(tasks->mem, frame, sizeof *frame);
    }
}

static void init_frame(struct lull_frame *frame, enum lull_scope_kind kind,
                       struct lull_task *task, struct lull_scope *parent)
{
    *frame = (struct lull_frame){.deadline = LULL_NEVER};
    lull__scope_init(&frame->scope, kind, &task->strand, parent);
}

struct lull_frame *lull__frame_open(lua_State *L, enum lull_scope_kind kind)
{
    struct lull_task *task = lull_check_task(L);
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_frame *frame = take_frame(tasks);
    if (frame == NULL) {
        luaL_error(L, "not enough memory");
        return NULL; /* not reached */
    }
    init_frame(frame, kind, task, task->strand.innermost);
    frame->thread = L;
    if (kind != LULL_SCOPE_RUN)
        return frame;
    struct lull_frame *detached = take_frame(tasks);
    if (detached == NULL) {
        free_frame(tasks, frame);
        luaL_error(L, "not enough memory");
        return NULL; /* not reached */
    }
    init_frame(detached, LULL_SCOPE_DETACHED, task, &frame->scope);
    frame->detached = &detached->scope;
    return frame;
}

void lull__frame_limit(lua_State *L, struct lull_frame *frame, double seconds)
{
    struct lull_tasks *tasks = lull__tasks(L);
    uint64_t at = lull__timers_after(tasks->timers, seconds);
    if (at == LULL_NEVER)
        return;
    if (!lull__timer_start(tasks->timers, &frame->timer, at, lull__frame_due)) {
        free_frame(tasks, frame);
        luaL_error(L, "not enough memory");
    }
    frame->deadline = at;
    frame->seconds = seconds;
}

/* Who owns what is started, or left running, in this scope. */
static struct lull_scope *owner_in(struct lull_scope *scope)
{
    /* A finalizer may run while a scope is being settled: that one is over. */
    while (scope->kind == LULL_SCOPE_VAR || scope->settled)
        scope = scope->parent != NULL ? scope->parent : scope->strand->owner;
    if (scope->kind == LULL_SCOPE_LOOSE) {
        struct lull_scope *run = lull__scope_find(scope, LULL_SCOPE_RUN);
        if (run != NULL)
            return frame_of(run)->detached;
    }
    return scope;
}

struct lull_scope *lull__owner_scope(struct lull_task *task)
{
    return owner_in(task->strand.innermost);
}

static void enter(struct lull_frame *frame)
{
    struct lull_strand *strand = frame->scope.strand;
    frame->outer_nearest = strand->nearest;
    if (frame->scope.shield)
        strand->nearest = LULL_NEVER;
    if (frame->deadline < strand->nearest)
        strand->nearest = frame->deadline;
    lull__scope_enter(&frame->scope);
}

static void leave(struct lull_tasks *tasks, struct lull_frame *frame)
{
    frame->scope.strand->nearest = frame->outer_nearest;
    if (frame->scope.kind == LULL_SCOPE_VAR) {
        struct lull_task *task = lull__strand_task(frame->scope.strand);
        uint32_t slot = task->vars_slot;
        task->vars_slot = frame->vars_slot;
        frame->vars_slot = slot;
    }
    lull__scope_leave(&frame->scope);
    free_frame(tasks, frame);
}

void lull__frames_abandon(struct lull_task *task, lua_State *thread)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    struct lull_scope *scope;
    while (!is_root(scope = task->strand.innermost) &&
           frame_of(scope)->thread == thread) {
        struct lull_scope *detached = frame_of(scope)->detached;
        lull__scope_cancel(scope, &body_failed);
        lull__scope_hand_over(scope, scope->parent);
        if (detached != NULL) {
            lull__scope_cancel(detached, &body_failed);
            lull__scope_hand_over(detached, scope->parent);
        }
        leave(tasks, frame_of(scope));
    }
}

void lull__frames_drop(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    while (!is_root(task->strand.innermost))
        leave(tasks, frame_of(task->strand.innermost));
}

/* ---- joining -------------------------------------------------------------------- */

/* A cancellation cannot end a join; what is joined was cancelled with it. */
static enum lull_cancel join_cancel(struct lull_op *op)
{
    op->task->strand.innermost->interrupted = true;
    return LULL_WILL_REPORT;
}

static const struct lull_op_type join_type = {.name = "join", .cancel = join_cancel};

static int join_k(lua_State *L, int status, lua_KContext context);
static int settle(lua_State *L, struct lull_tasks *tasks, struct lull_scope *scope);

static int join(lua_State *L, struct lull_scope *scope)
{
    struct lull_task *task = lull__strand_task(scope->strand);
    lull_op_begin(&task->wait.op, task, &join_type);
    return lull__await_with(L, &task->wait.op, (lua_KContext)scope, join_k);
}

/* Wait until nothing that must be joined is left, then decide. */
static int join_or_settle(lua_State *L, struct lull_scope *scope)
{
    struct lull_task *task = lull__strand_task(scope->strand);
    struct lull_tasks *tasks = lull__task_tasks(task);
    if (tasks->exiting) { /* no turn will come: what is left is forced */
        lull__scope_hand_over(scope, is_root(scope) ? &tasks->root : scope->parent);
    } else if (scope->live > 0) {
        return join(L, scope);
    }
    if (scope->kind == LULL_SCOPE_RUN) {
        struct lull_scope *detached = frame_of(scope)->detached;
        detached->closing = true;
        lull__scope_cancel(detached, &run_ended);
        if (tasks->exiting)
            lull__scope_hand_over(detached, scope->parent);
        else if (detached->live > 0)
            return join(L, scope);
    }
    return settle(L, tasks, scope);
}

static int raise_failure(lua_State *L)
{
    lull__await_check(L, lua_touserdata(L, 1));
    return 0;
}

static int join_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_scope *scope = (struct lull_scope *)context;
    struct lull_op *op = &lull__strand_task(scope->strand)->wait.op;
    (void)status;
    lull__await_over(op);
    if (op->state == LULL_OP_FAILED) { /* a deadlock: the join raises it */
        lua_pushcfunction(L, raise_failure);
        lua_pushlightuserdata(L, op);
        lua_pcall(L, 1, 0, 0);
        scope->end = LULL_BODY_RAISED;
        lull__scope_cancel(scope, &body_failed);
    }
    return join_or_settle(L, scope);
}

static bool hands_over(const struct lull_scope *scope)
{
    return scope->kind == LULL_SCOPE_TIMEOUT || scope->kind == LULL_SCOPE_MOVE_ON ||
           scope->kind == LULL_SCOPE_SHIELD || scope->kind == LULL_SCOPE_VAR;
}

/* The body has ended, with its error on top if not ok. */
static int close_scope(lua_State *L, struct lull_scope *scope, bool ok)
{
    struct lull_task *task = lull__strand_task(scope->strand);
    struct lull_tasks *tasks = lull__task_tasks(task);
    scope->closing = true;
    if (ok) {
        scope->end = LULL_BODY_RETURNED;
        if (hands_over(scope) && !scope->cancelled) {
            struct lull_scope *heir = owner_in(scope->parent);
            scope->shield = false;
            lull__scope_hand_over(scope, heir);
        }
    } else {
        struct lull_scope *own = lull__own_scope(L, tasks, -1);
        if (own == scope)
            scope->end = LULL_BODY_OWN;
        else if (own != NULL || lull__is_own(L, tasks, -1))
            scope->end = LULL_BODY_OUTER;
        else
            scope->end = LULL_BODY_RAISED;
        lull__scope_cancel(scope, own != NULL ? own->reason : &body_failed);
    }
    return join_or_settle(L, scope);
}

/* ---- ending ---------------------------------------------------------------------------- */

/* Store what the task ends with in its userdata, at 1. */
static int store_outcome(lua_State *L, struct lull_tasks *tasks, struct lull_task *task,
                         bool failed)
{
    struct lull_scope *root = &task->strand.root;
    bool cancelled = !failed && (root->end == LULL_BODY_OWN || root->interrupted);
    if (tasks->exiting && root->end == LULL_BODY_OUTER) { /* os.exit: nobody asks why */
        task->future.status = LULL_FUTURE_CANCELLED;
        failed = false;
        lua_settop(L, 2);
    }
    if (cancelled) {
        luaL_checkstack(L, 8, NULL);
        lull__push_cancelled(L, tasks, root);
    }
    int count = failed || cancelled ? 1 : lua_gettop(L) - 2;
    if (failed)
        lull__trace_keep(L, task, 1);
    if (count > 1)
        lull__pack_results(L, 2);
    if (count > 0)
        lua_setiuservalue(L, 1, 1);
    if (failed || task->waker.flags & LULL_TASK_HOST) {
        lua_pushvalue(L, 1);
        task->slot = lull__anchor(L, &tasks->anchors);
    }
    task->future.results = (int16_t)(count > 1 ? -1 : count);
    if (task->future.status == LULL_FUTURE_PENDING)
        task->future.status = failed      ? LULL_FUTURE_FAILED
                              : cancelled ? LULL_FUTURE_CANCELLED
                                          : LULL_FUTURE_DONE;
    return 0;
}

/* Results of a scope call that ended without an error. */
static int results_of(lua_State *L, struct lull_scope *scope)
{
    if (scope->kind == LULL_SCOPE_MOVE_ON) {
        lua_pushboolean(L, scope->end != LULL_BODY_OWN);
        lua_insert(L, 3);
    }
    if (scope->end == LULL_BODY_OWN)
        lua_settop(L, scope->kind == LULL_SCOPE_MOVE_ON ? 3 : 2);
    return lua_gettop(L) - 2;
}

static int settle(lua_State *L, struct lull_tasks *tasks, struct lull_scope *scope)
{
    struct lull_task *task = lull__strand_task(scope->strand);
    scope->settled = true;
    bool failed = lull__scope_decide(L, scope);
    lull__scope_sink_rest(scope);
    if (is_root(scope))
        return store_outcome(L, tasks, task, failed);
    if (!failed) {
        int results = results_of(L, scope);
        leave(tasks, frame_of(scope));
        return results;
    }
    bool own = lull__is_own(L, tasks, -1) && lull__own_scope(L, tasks, -1) != scope;
    leave(tasks, frame_of(scope));
    if (own)
        tasks->before_cancel(L, tasks);
    return lua_error(L);
}

/* ---- calling ------------------------------------------------------------------------ */

static int body_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_frame *frame = (struct lull_frame *)context;
    return close_scope(L, &frame->scope, status == LUA_OK || status == LUA_YIELD);
}

int lull__frame_call(lua_State *L, struct lull_frame *frame)
{
    struct lull_tasks *tasks = lull__tasks(L);
    int nargs = lua_gettop(L) - 2;
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->handler_ref);
    lua_insert(L, 2);
    enter(frame);
    int status = lua_pcallk(L, nargs, LUA_MULTRET, 2, (lua_KContext)frame, body_k);
    return body_k(L, status, (lua_KContext)frame);
}

static int task_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_scope *root = (struct lull_scope *)context;
    return close_scope(L, root, status == LUA_OK || status == LUA_YIELD);
}

int lull__task_main(lua_State *L)
{
    uintptr_t tag = *(uintptr_t *)lua_getextraspace(L);
    struct lull_tasks *tasks = (struct lull_tasks *)(tag & ~(uintptr_t)7);
    struct lull_task *task = tasks->running;
    struct lull_scope *root = &task->strand.root;
    if (root->cancelled) { /* before the first step: it is never called */
        lua_settop(L, 2);
        root->end = LULL_BODY_OWN;
        return store_outcome(L, tasks, task, false);
    }
    int nargs = lua_gettop(L) - 2;
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->handler_ref);
    lua_insert(L, 2);
    int status = lua_pcallk(L, nargs, LUA_MULTRET, 2, (lua_KContext)root, task_k);
    return task_k(L, status, (lua_KContext)root);
}
