/* SPDX-License-Identifier: MIT */
/*
 * task.c -- starting, stepping and ending tasks; the pool of coroutines.
 */
#include "task/task.h"

#include <assert.h>
#include <string.h>

const bool lull__receives = true;

/* ---- coroutines ---------------------------------------------------------- */

/* Make sure the pool is not empty.  May raise (memory). */
static void fill_pool(lua_State *L, struct lull_tasks *tasks)
{
    if (tasks->pooled > 0)
        return;
    lua_State *co = lua_newthread(L);
    /* A new thread inherits its maker's hook; the dispatcher has that one. */
    if (tasks->slice.armed)
        lull__slice_bare(&tasks->slice, co);
    uint32_t slot = lull__anchor(L, &tasks->anchors);
    lull__tag_set(co, tasks, LULL_TAG_TASK);
    tasks->pool[tasks->pooled++] = (struct lull_pooled_thread){co, slot};
}

static void give_thread_back(struct lull_tasks *tasks, struct lull_task *task,
                             bool reusable)
{
    lua_State *co = task->co;
    task->co = NULL;
    if (reusable && tasks->pooled < LULL_POOLED_THREADS) {
        lua_settop(co, 0);
        lull__slice_bare(&tasks->slice, co);
        tasks->pool[tasks->pooled++] = (struct lull_pooled_thread){co, task->co_slot};
    } else {
        lull__anchor_release(tasks->from, &tasks->anchors, task->co_slot);
    }
    task->co_slot = 0;
}

/* By doubling, then halving: asking for a level costs as many steps as it is deep. */
int lull__stack_depth(lua_State *L)
{
    lua_Debug ar;
    int low = 0, high = 1; /* low frames exist; high is to be seen */
    while (lua_getstack(L, high - 1, &ar)) {
        low = high;
        high *= 2;
    }
    while (low + 1 < high) {
        int middle = (low + high) / 2;
        if (lua_getstack(L, middle - 1, &ar))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/*
 * Stack of a task's coroutine: not started, and after a stray end: anything,
 * the task at 2; else the frame of the base function, the task its first slot.
 */
void lull__task_push(lua_State *L, struct lull_task *task)
{
    lua_State *co = task->co;
    lua_Debug ar;
    if (task->slot != 0) {
        lull__anchor_push(L, &lull__task_tasks(task)->anchors, task->slot);
        return;
    }
    int level = task->waker.flags & LULL_TASK_STARTED ? lull__stack_depth(co) : 0;
    if (level > 0) {
        lua_getstack(co, level - 1, &ar);
        lua_getlocal(co, &ar, 1);
    } else { /* or its first step found no memory for a frame */
        lua_pushvalue(co, 2);
    }
    if (co != L)
        lua_xmove(co, L, 1);
}

/* ---- reasons and scopes --------------------------------------------------- */

struct lull_reason *lull__reason_new(lua_State *L, struct lull_tasks *tasks)
{
    uint32_t slot = lull__anchor(L, &tasks->anchors);
    struct lull_reason *reason = lull__mem_new(tasks->mem, sizeof *reason);
    if (reason == NULL) {
        lull__anchor_release(L, &tasks->anchors, slot);
        luaL_error(L, "not enough memory");
        return NULL; /* not reached */
    }
    *reason = (struct lull_reason){.text = NULL, .slot = slot, .refs = 1};
    return reason;
}

void lull__reason_drop(struct lull_tasks *tasks, const struct lull_reason *reason)
{
    if (reason == NULL || reason->slot == 0)
        return;
    struct lull_reason *counted = (struct lull_reason *)reason;
    if (--counted->refs > 0)
        return;
    lull__anchor_release(tasks->from, &tasks->anchors, counted->slot);
    lull__mem_free(tasks->mem, counted, sizeof *counted);
}

void lull__scope_release(struct lull_tasks *tasks, struct lull_scope *scope)
{
    lull__reason_drop(tasks, scope->reason);
    scope->reason = NULL;
    if (scope->error_slot != tasks->spare_slot)
        lull__anchor_release(tasks->from, &tasks->anchors, scope->error_slot);
    scope->error_slot = 0;
}

int16_t lull__pack_results(lua_State *L, int from)
{
    int count = lua_gettop(L) - from;
    if (count <= 1)
        return (int16_t)count;
    lua_createtable(L, count, 1);
    lua_insert(L, from + 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, from + 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, from + 1, "n");
    return -1;
}

/* ---- the end --------------------------------------------------------------- */

static const struct lull_reason child_failed = {.text = "failed"};

static void release_handle(struct lull_tasks *tasks, struct lull_task *task)
{
    if (task->future.pinned)
        return;
    lull__anchor_release(tasks->from, &tasks->anchors, task->slot);
    task->slot = 0;
    if (task->co != NULL) /* a stray end: it lay on the stack until now */
        give_thread_back(tasks, task, false);
}

void lull__task_receive(struct lull_task *task)
{
    if (task->future.received || task->waker.flags & LULL_TASK_SINKING)
        return;
    task->future.received = true;
    if (task->strand.owner != NULL)
        lull__strand_forget(&task->strand);
    if (task->strand.ended)
        release_handle(lull__task_tasks(task), task);
}

void lull__task_unpin(struct lull_task *task)
{
    task->future.pinned = false;
    if (task->future.received)
        release_handle(lull__task_tasks(task), task);
}

void lull__task_unclaimed(struct lull_task *task)
{
    if (task->future.status == LULL_FUTURE_FAILED && task->strand.owner == NULL)
        lull__task_to_sink(task);
}

void lull__task_to_sink(struct lull_task *task)
{
    if (task->future.received || task->waker.flags & LULL_TASK_SINKING)
        return;
    if (task->strand.owner != NULL)
        lull__strand_forget(&task->strand);
    task->waker.flags |= LULL_TASK_SINKING;
    lull__task_tasks(task)->to_sink(task);
}

/* Has the failure of an owned strand a place in the scope's own outcome? */
static bool can_fail(struct lull_scope *owner)
{
    if (owner->failure != NULL || lull__scope_cancelled(owner) != NULL)
        return false;
    return !(owner->closing && owner->end == LULL_BODY_RAISED);
}

/*
 * Where the failure of a spawned task goes when nobody waits for it: its owner
 * is cancelled and ends with it, if it is the first thing that goes wrong
 * there; otherwise it goes to the sink.
 */
static void route_failure(struct lull_task *task, struct lull_scope *owner)
{
    if (owner->strand == NULL || owner->kind == LULL_SCOPE_DETACHED || !can_fail(owner)) {
        lull__strand_ended(&task->strand, false);
        lull__task_to_sink(task);
        return;
    }
    owner->failure = &task->strand;
    task->future.pinned = true;
    lull__scope_cancel(owner, &child_failed);
    lull__strand_ended(&task->strand, false);
}

void lull__task_end(struct lull_tasks *tasks, struct lull_task *task, bool reusable)
{
    struct lull_scope *owner = task->strand.owner;
    unsigned flags = task->waker.flags;
    bool failed = task->future.status == LULL_FUTURE_FAILED;
    bool taken = failed && lull__future_has_receiver(&task->future);
    task->future.order = ++tasks->next_order;
    tasks->live--;
    tasks->killed += failed && task->kill != LULL_KILL_NONE;
    task->realm->live--;
    if (tasks->interruptible == task)
        tasks->interruptible = NULL;
    if (task->waker.flags & LULL_TASK_STARTED)
        give_thread_back(tasks, task, reusable && !(flags & LULL_TASK_SEEN));
    if (task->vars_slot != 0)
        lull__anchor_release(tasks->from, &tasks->anchors, task->vars_slot);
    task->vars_slot = 0;
    tasks->trace_drop(task);
    lull__scope_release(tasks, &task->strand.root);
    lull__future_tell(&task->future);
    if (flags & LULL_TASK_HOST) {
        lull__strand_ended(&task->strand, false);
        tasks->host_ended(task);
        release_handle(tasks, task);
    } else if (!failed) {
        lull__strand_ended(&task->strand, false);
        release_handle(tasks, task);
    } else if (task->kill == LULL_KILL_OWNER && !taken) {
        task->future.received = true; /* the owner's failure says it all */
        lull__strand_ended(&task->strand, false);
        release_handle(tasks, task);
    } else if (flags & LULL_TASK_ASYNC && owner->kind != LULL_SCOPE_DETACHED) {
        lull__strand_ended(&task->strand, true);
    } else if (taken) {
        lull__strand_ended(&task->strand, false);
    } else {
        route_failure(task, owner);
    }
    lull__call_unref(tasks, task->call);
    task->call = NULL;
}

static void pass_on(struct lull_scope *scope, struct lull_scope *heir)
{
    lull__scope_cancel(scope, &child_failed);
    lull__scope_hand_over(scope, heir);
}

void lull__task_abandon_owned(struct lull_task *task)
{
    struct lull_scope *heir = task->strand.owner;
    for (struct lull_scope *s = task->strand.innermost; s != NULL; s = s->parent) {
        pass_on(s, heir);
        if (s->kind == LULL_SCOPE_RUN)
            pass_on(LULL_CONTAINER(s, struct lull_frame, scope)->detached, heir);
    }
}

void lull__task_close_stack(lua_State *L, struct lull_task *task)
{
    lua_State *co = task->co;
    lull__close_thread(co, L);
    lua_settop(co, 0);
    lua_pushvalue(L, -1);
    lua_xmove(L, co, 2);
    task->waker.flags &= (uint8_t)~LULL_TASK_STARTED;
}

/* Is the value on top the cancellation of this scope?  An interrupt may raise it
   where no protected call of ours is open yet. */
static bool is_error_of(lua_State *L, struct lull_tasks *tasks, struct lull_scope *scope)
{
    if (scope->error_slot == 0)
        return false;
    lull__anchor_push(L, &tasks->anchors, scope->error_slot);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    return same;
}

/* What escaped from the coroutine, or was yielded past us, is the failure. */
static void fail_stray(struct lull_tasks *tasks, struct lull_task *task, int status)
{
    lua_State *co = task->co;
    lua_State *L = tasks->from;
    lull__task_push(L, task);
    lull__task_abandon_owned(task);
    tasks->frames_drop(task);
    if (task->strand.root.failure != NULL)
        lull__task_to_sink(lull__strand_task(task->strand.root.failure));
    if (status == LUA_YIELD)
        lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->stray_ref);
    else
        lua_xmove(co, L, 1);
    bool cancelled = is_error_of(L, tasks, &task->strand.root);
    lua_setiuservalue(L, -2, 1);
    lull__task_close_stack(L, task);
    task->future.status = cancelled ? LULL_FUTURE_CANCELLED : LULL_FUTURE_FAILED;
    task->future.results = 1;
}

/* ---- the step --------------------------------------------------------------- */

void lull__task_end_uncalled(struct lull_tasks *tasks, struct lull_task *task)
{
    task->future.status = LULL_FUTURE_CANCELLED;
    lull__task_end(tasks, task, false);
}

#define HEAVY_NS 200000u

/* The task has run for `ran` ns; kill it if that was too long. */
static void charge(struct lull_tasks *tasks, struct lull_task *task, uint64_t ran)
{
    struct lull_call *call = task->call;
    task->ran += ran;
    if (ran > 0)
        task->heavy = ran >= HEAVY_NS;
    if (call != NULL)
        call->used += ran;
    if (task->kill == LULL_KILL_NONE && !lull__task_ended(task))
        task->kill = (uint8_t)lull__task_overspent(tasks, task, 0);
    bool of_call = call != NULL && call->task != NULL && call->task != task;
    if (of_call && task->kill == LULL_KILL_CALL)
        lull__waker_wake(&call->task->waker); /* whatever it waits for */
}

bool lull__outside_begin(struct lull_tasks *tasks, lua_State *L,
                         struct lull_outside *outside)
{
    if (tasks->slice.running == NULL && tasks->outside > tasks->task_limit)
        return false;
    outside->began = tasks->counts_time ? lull__clock_now() : 0;
    outside->outer = lull__slice_guard(&tasks->slice, L);
    return true;
}

void lull__outside_end(struct lull_tasks *tasks, const struct lull_outside *outside)
{
    lull__slice_unguard(&tasks->slice, outside->outer);
    if (tasks->counts_time && outside->outer == NULL)
        tasks->outside += lull__clock_now() - outside->began;
}

/* Run the task until it waits, ends, or its slice is over. */
static void step(struct lull_tasks *tasks, struct lull_task *task)
{
    if (tasks->counts_time) /* others may have used up what its call had */
        charge(tasks, task, 0);
    if (task->kill != LULL_KILL_NONE) {
        task->waker.queued = false;
        tasks->kill_now(task);
        return;
    }
    lua_State *co = task->co;
    int args = 0;
    int results;
    if (!(task->waker.flags & LULL_TASK_STARTED)) {
        if (task->strand.root.cancelled && lull__mem_is_short(tasks->mem)) {
            task->waker.queued = false;
            lull__task_end_uncalled(tasks, task);
            return;
        }
        task->waker.flags |= LULL_TASK_STARTED;
        args = lua_gettop(co) - 1; /* the task, the function, its arguments */
    }
    task->waker.queued = false;
    tasks->running = task;
    tasks->inline_left = LULL_INLINE_WAITS;
    if (tasks->counts_time)
        tasks->began = lull__step_clock(task);
    lull__slice_step(&tasks->slice, co);
    int status = lua_resume(co, tasks->from, args, &results);
    lull__slice_step_over(&tasks->slice);
    tasks->running = NULL;
    if (tasks->counts_time)
        charge(tasks, task, lull__step_clock(task) - tasks->began);
    if (status == LUA_YIELD && tasks->slice.waiting) {
        if (task->kill != LULL_KILL_NONE)
            lull__waker_wake(&task->waker);
        return;
    }
    if (status != LUA_OK)
        fail_stray(tasks, task, status);
    lull__task_end(tasks, task, status == LUA_OK);
}

void lull__task_run(struct lull_runnable *self)
{
    struct lull_task *task = LULL_CONTAINER(self, struct lull_task, waker.runnable);
    struct lull_tasks *tasks = lull__task_tasks(task);
    bool is_frozen = task->waker.world < tasks->world;
    /* One that has been killed waits only if it may have a world to leave. */
    if (is_frozen && (task->kill == LULL_KILL_NONE || task->waker.world > 0)) {
        lull__queue_push(&tasks->frozen, self);
        return;
    }
    struct lull_realm *outer = tasks->realm;
    tasks->realm = task->realm;
    step(tasks, task);
    tasks->realm = outer;
}

void lull__call_unref(struct lull_tasks *tasks, struct lull_call *call)
{
    if (call != NULL && --call->refs == 0)
        lull__mem_free(tasks->mem, call, sizeof *call);
}

#define FEW_ARGUMENTS 8 /* fit where a C function's stack has room anyway */

struct lull_task *lull__task_new(lua_State *L, struct lull_tasks *tasks,
                                 struct lull_scope *owner, int nargs, unsigned flags)
{
    int base = lua_gettop(L) - nargs; /* of the function */
    if (tasks->forcing)
        lull_raise(L, LULL_KIND_USAGE, "tasks are being closed by force: none can start");
    if (tasks->max_tasks != 0 && tasks->live >= tasks->max_tasks)
        lull_raise(L, LULL_KIND_LIMIT, "too many tasks: there may be %d",
                   (int)tasks->max_tasks);
    if (nargs > FEW_ARGUMENTS)
        luaL_checkstack(L, 6, "too many arguments");
    /* Making it may run finalizers, which may start tasks: the pool comes after. */
    struct lull_task *task = lua_newuserdatauv(L, sizeof *task, 2);
    memset(task, 0, sizeof *task);
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->task_ref);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, base);
    lua_setiuservalue(L, -2, 2);
    fill_pool(L, tasks);
    struct lull_pooled_thread thread = tasks->pool[tasks->pooled - 1];
    if (nargs > FEW_ARGUMENTS && !lua_checkstack(thread.co, nargs + 8))
        luaL_error(L, "stack overflow");
    uint32_t vars = tasks->running != NULL ? tasks->running->vars_slot : 0;
    if (vars != 0) {
        lull__anchor_push(L, &tasks->anchors, vars);
        vars = lull__anchor(L, &tasks->anchors);
    }
    task->vars_slot = vars;
    /* Nothing below raises. */
    struct lull_call *call = tasks->running != NULL ? tasks->running->call : NULL;
    if (call != NULL && call->limit != UINT64_MAX) {
        task->call = call;
        call->refs++;
    }
    tasks->pooled--;
    task->co = thread.co;
    task->co_slot = thread.slot;
    lua_pushcfunction(task->co, tasks->main);
    lua_pushvalue(L, -1);
    lua_insert(L, base); /* task, function, ..., task */
    lua_xmove(L, task->co, 1);
    lua_xmove(L, task->co, nargs + 1);
    lull__future_init(&task->future);
    task->future.is_task = true;
    lull__strand_init(&task->strand);
    task->waker.runnable.run = lull__task_run;
    task->waker.sched = tasks->sched;
    task->waker.world = tasks->world;
    task->waker.flags = (uint8_t)flags;
    task->waker.id = ++tasks->next_id;
    tasks->live++;
    task->realm = flags & LULL_TASK_HOST ? &tasks->own : tasks->realm;
    task->realm->live++;
    lull__scope_own(owner, &task->strand);
    struct lull_scope *cancelled = lull__scope_cancelled(owner);
    if (cancelled != NULL)
        lull__scope_cancel(&task->strand.root, cancelled->reason);
    lull__waker_wake(&task->waker);
    return task;
}
