/* SPDX-License-Identifier: MIT */
/*
 * drive.c -- turns, polls, jumps and deadlocks.
 */
#include "runtime/drive.h"

#include "async/combine.h"
#include "async/scopelib.h"
#include "async/taskclass.h"
#include "runtime/force.h"
#include "task/await.h"
#include "task/check.h"
#include "task/class.h"
#include "task/frame.h"
#include "task/promise.h"
#include "task/sink.h"

static const struct lull_reason shut_down = {.text = "shutdown"};

/* ---- deadlocks ------------------------------------------------------------------- */

/* keep_tree(tasks): anchor the tree of who waits for what. */
static int keep_tree(lua_State *L)
{
    struct lull_tasks *tasks = lua_touserdata(L, 1);
    lull__push_tree(L, tasks);
    uint32_t slot = lull__anchor(L, &tasks->anchors);
    lull__anchor_release(L, &tasks->anchors, tasks->deadlock_slot);
    tasks->deadlock_slot = slot;
    return 0;
}

/* Before anybody is woken: what the message of the error will tell. */
static void note_tree(struct lull_tasks *tasks)
{
    lua_State *L = tasks->from;
    if (!lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, keep_tree);
    lua_pushlightuserdata(L, tasks);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* no memory: the message does without */
}

/*
 * Raise `deadlock` at main's wait.  A provider that will not let go (a join)
 * is told all the same: its op is failed, and it ends as usual.  False when
 * main is not waiting, or was told before and is stuck again.
 */
static bool tell_deadlock(struct lull_task *main)
{
    struct lull_op *op = main != NULL ? main->strand.op : NULL;
    if (op == NULL || op->state != LULL_OP_PENDING || main->waker.flags & LULL_TASK_STUCK)
        return false;
    main->waker.flags |= LULL_TASK_STUCK;
    note_tree(lull__task_tasks(main));
    if (op->type->cancel != NULL)
        op->type->cancel(op);
    lull_op_fail(op, LULL_KIND_DEADLOCK, 0);
    return true;
}

/* ---- driving ------------------------------------------------------------------------ */

/* Everything else is blocked: wake who waited for that. */
static bool wake_settlers(struct lull_tasks *tasks)
{
    if (lull__list_empty(&tasks->settlers))
        return false;
    lull__unpark_all(&tasks->settlers);
    return true;
}

static bool is_ready(const struct lull_tasks *tasks)
{
    return tasks->sched->ready.head != NULL;
}

/* Block until the next event or deadline, at most until `until`. */
static int block(struct lull_tasks *tasks, uint64_t next, uint64_t until)
{
    uint64_t at = next < until ? next : until;
    lull__loop_set_alarm(tasks->loop, at);
    return lull__loop_poll(tasks->loop, at > lull__clock_now());
}

/* Look once for events without blocking; true when that made something ready. */
static bool glance(struct lull_tasks *tasks, int *polled)
{
    *polled = lull__loop_poll(tasks->loop, false);
    return is_ready(tasks) || *polled < 0;
}

/* Under virtual time: the next deadline is now, unless something is under way. */
static bool jump(struct lull_tasks *tasks)
{
    uint64_t next = lull__timers_next(tasks->timers);
    if (next == LULL_NEVER || tasks->loop->busy > tasks->busy_outside)
        return false;
    tasks->timers->virtual_now = next;
    return true;
}

/*
 * Nothing is ready: wake settlers, jump, or block until something may be.
 * False: nothing could ever happen.
 */
static bool idle(struct lull_tasks *tasks, uint64_t until, int *polled)
{
    bool is_virtual = tasks->timers->is_virtual;
    if (is_virtual || !lull__list_empty(&tasks->settlers)) {
        if (glance(tasks, polled) || wake_settlers(tasks))
            return true;
        if (is_virtual && jump(tasks))
            return true;
    }
    uint64_t next = is_virtual ? LULL_NEVER : lull__timers_next(tasks->timers);
    uint64_t guard = lull__timers_next(tasks->sched->guards);
    if (guard < next)
        next = guard;
    /* On a borrowed base anything of the host's may wake somebody. */
    if (next == LULL_NEVER && until == LULL_NEVER && tasks->loop->holds == 0 &&
        tasks->loop->owned)
        return glance(tasks, polled);
    *polled = block(tasks, next, until);
    return true;
}

/* The host drives from here on: have the next turn asked for. */
static void hand_back(struct lull_tasks *tasks)
{
    struct lull_timers *timers = tasks->timers;
    uint64_t next = lull__timers_next(tasks->sched->guards);
    if (timers->is_virtual && lull__timers_next(timers) <= timers->virtual_now)
        next = 0;
    else if (!timers->is_virtual && lull__timers_next(timers) < next)
        next = lull__timers_next(timers);
    if (is_ready(tasks))
        lull__loop_wake(tasks->loop);
    else
        lull__loop_set_alarm(tasks->loop, next);
}

/* What the driver has to do between two turns; DONE: go on. */
static enum lull_drive_end between(struct lull_tasks *tasks,
                                   const struct lull_driver *driver, bool ready)
{
    int polled = 0;
    if (tasks->exiting)
        return LULL_DRIVE_STOPPED;
    if (ready)
        polled = lull__loop_glance(tasks->loop);
    else if (!idle(tasks, driver->until, &polled) &&
             !tell_deadlock(driver->main != NULL ? driver->main(driver->arg) : NULL))
        return LULL_DRIVE_STUCK;
    return polled < 0 ? LULL_DRIVE_NESTED : LULL_DRIVE_DONE;
}

/* The same where the base cannot be polled: only time and the inbox are waited for. */
static enum lull_drive_end between_nested(struct lull_tasks *tasks,
                                          const struct lull_driver *driver, bool ready)
{
    uint64_t now = lull__clock_now();
    uint64_t next = lull__timers_next(tasks->timers);
    uint64_t guard = lull__timers_next(tasks->sched->guards);
    if (tasks->exiting)
        return LULL_DRIVE_STOPPED;
    if (!ready && tasks->timers->is_virtual && jump(tasks))
        return LULL_DRIVE_DONE;
    if (guard < next)
        next = guard;
    if (driver->until < next)
        next = driver->until;
    lull__inbox_wait(driver->inbox, ready || next <= now ? 0 : next - now);
    return LULL_DRIVE_DONE;
}

enum lull_drive_end lull__drive(lua_State *L, struct lull_tasks *tasks,
                                const struct lull_driver *driver)
{
    lua_State *outer = tasks->from;
    lua_State *outer_thread = tasks->slice.running;
    unsigned outer_blocked = tasks->slice.blocked;
    enum lull_drive_end end = LULL_DRIVE_DONE;
    bool nested =
        lull__loop_is_running(tasks->loop) || lull__loop_poll(tasks->loop, false) < 0;
    if (nested && driver->inbox == NULL)
        return LULL_DRIVE_NESTED; /* before anything has run */
    tasks->from = L;
    tasks->slice.blocked = 0; /* what lies below L is no matter for tasks */
    tasks->loop->drivers++;
    while (!driver->done(driver->arg)) {
        bool ready = lull__sched_turn(tasks->sched);
        if (driver->done(driver->arg))
            break;
        end =
            nested ? between_nested(tasks, driver, ready) : between(tasks, driver, ready);
        if (driver->until != LULL_NEVER && lull__clock_now() >= driver->until)
            end = LULL_DRIVE_LATE;
        if (end != LULL_DRIVE_DONE)
            break;
    }
    tasks->loop->drivers--;
    tasks->slice.blocked = outer_blocked;
    tasks->slice.running = outer_thread;
    tasks->from = outer;
    if (tasks->loop->drivers == 0)
        hand_back(tasks);
    return end;
}

void lull__drive_turn(struct lull_tasks *tasks)
{
    uint64_t preempted = tasks->preempted;
    if (!lull__sched_turn(tasks->sched) && !wake_settlers(tasks) &&
        tasks->timers->is_virtual)
        jump(tasks);
    tasks->loop->tired = tasks->preempted != preempted;
    hand_back(tasks);
}

/* ---- the end of everything --------------------------------------------------------------- */

static bool none_left(void *arg)
{
    return ((struct lull_tasks *)arg)->live == 0;
}

static struct lull_strand *first_live(const struct lull_scope *scope)
{
    for (struct lull_list *node = scope->owned.next; node != &scope->owned;
         node = node->next) {
        struct lull_strand *strand = LULL_CONTAINER(node, struct lull_strand, link);
        if (!strand->ended)
            return strand;
    }
    return NULL;
}

static struct lull_strand *first_owned(struct lull_strand *strand)
{
    struct lull_strand *found = NULL;
    for (struct lull_scope *s = strand->innermost; s != NULL && found == NULL;
         s = s->parent) {
        found = first_live(s);
        if (found == NULL && s->kind == LULL_SCOPE_RUN)
            found = first_live(LULL_CONTAINER(s, struct lull_frame, scope)->detached);
    }
    return found;
}

/* An unfinished task that owns none, below `from`, or NULL the root; NULL: none. */
static struct lull_task *leaf(struct lull_tasks *tasks, struct lull_strand *from)
{
    struct lull_strand *strand = from != NULL ? from : first_live(&tasks->root);
    if (strand == NULL)
        return NULL;
    for (struct lull_strand *next; (next = first_owned(strand)) != NULL;)
        strand = next;
    return lull__strand_task(strand);
}

/* Take what is queued and is no task: the inbox's, the sink's. */
static void take_others(struct lull_sched *sched, struct lull_queue *others)
{
    struct lull_queue all;
    *others = (struct lull_queue){NULL, NULL};
    lull__sched_take(sched, &all);
    for (struct lull_runnable *item = all.head; item != NULL;) {
        struct lull_runnable *after = item->next;
        if (item->run != lull__task_run)
            lull__queue_push(others, item);
        item = after;
    }
}

/* Close every task, those that own nothing first, while nothing else runs. */
static void force_all(struct lull_tasks *tasks)
{
    bool stopped = tasks->sched->stop;
    struct lull_queue queued;
    struct lull_strand *next = NULL;
    struct lull_task *task;
    take_others(tasks->sched, &queued);
    lull__sched_stop(tasks->sched);
    tasks->frozen.head = tasks->frozen.tail = NULL;
    while (tasks->live > 0 && (task = leaf(tasks, next)) != NULL) {
        next = task->strand.owner->strand; /* whose turn comes when it owns no more */
        lull__task_force(task);
    }
    tasks->sched->stop = stopped;
    lull__sched_restore(tasks->sched, &queued);
    lull__sink_resume(tasks->sink);
}

void lull__drive_end(struct lull_tasks *tasks, struct lull_inbox *inbox, double grace)
{
    uint64_t until = lull__timers_after(tasks->sched->guards, grace);
    const struct lull_driver driver = {
        .done = none_left, .arg = tasks, .until = until, .inbox = inbox};
    lull__scope_cancel(&tasks->root, &shut_down);
    tasks->root.cancelled = false; /* of the next ones, should there be any */
    if (grace > 0 && !tasks->exiting)
        lull__drive(tasks->L, tasks, &driver);
    if (tasks->live == 0)
        return;
    force_all(tasks);
}

/* ---- lull.run ---------------------------------------------------------------------------------- */

struct run {
    struct lull_watch watch;
    struct lull_task *task;
};

static void on_end(struct lull_watch *watch)
{
    LULL_CONTAINER(watch, struct run, watch)->task = NULL;
}

static bool run_done(void *arg)
{
    return ((struct run *)arg)->task == NULL;
}

static struct lull_task *run_main(void *arg)
{
    return ((struct run *)arg)->task;
}

/* End a task that was queued and has not begun. */
static void end_unbegun(struct lull_tasks *tasks, struct lull_task *task)
{
    struct lull_queue queued, others = {NULL, NULL};
    lull__sched_take(tasks->sched, &queued);
    for (struct lull_runnable *item = queued.head; item != NULL;) {
        struct lull_runnable *after = item->next;
        if (item != &task->waker.runnable)
            lull__queue_push(&others, item);
        item = after;
    }
    lull__sched_restore(tasks->sched, &others);
    lull__task_force(task);
}

/* Drive from here: outside any task. */
static int outer_run(lua_State *L, struct lull_tasks *tasks)
{
    struct run run;
    lull__check_callable(L, 1);
    luaL_checkstack(L, 8, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, lull__l_run_body, 1);
    lua_insert(L, 1);
    run.task = lull__task_new(L, tasks, &tasks->root, lua_gettop(L) - 1, 0);
    lua_pushnil(L);
    lua_insert(L, 1);
    lua_settop(L, 2); /* nil, the task */
    lull__watch(&run.task->future, &run.watch, on_end, &lull__receives, NULL);
    struct lull_task *task = run.task;
    const struct lull_driver driver = {
        .done = run_done, .arg = &run, .until = LULL_NEVER, .main = run_main};
    tasks->interruptible = task;
    enum lull_drive_end end = lull__drive(L, tasks, &driver);
    tasks->interruptible = NULL;
    if (run.task != NULL)
        lull__list_remove(&run.watch.link);
    if (end != LULL_DRIVE_DONE && end != LULL_DRIVE_STOPPED) {
        if (end == LULL_DRIVE_STUCK)
            lull__drive_end(tasks, NULL, 0);
        else
            end_unbegun(tasks, task);
        return lull_raise(
            L, end == LULL_DRIVE_STUCK ? LULL_KIND_DEADLOCK : LULL_KIND_USAGE,
            end == LULL_DRIVE_STUCK ? "blocked again while cleaning up after a deadlock"
                                    : "the event loop is already running");
    }
    lull__sink_flush(tasks->sink);
    lull__promises_flush(L, tasks);
    if (end == LULL_DRIVE_STOPPED)
        return tasks->exiting ? lull__raise_exit(L, tasks) : 0;
    return lull__push_outcome(L, tasks, 2);
}

int lull__l_run(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (tasks->running != NULL)
        return lull__nested_run(L);
    if (tasks->sched->stop || tasks->loop->base == NULL)
        return lull_raise(L, LULL_KIND_CLOSED, "the runtime has ended");
    if (tasks->sched->in_turn || tasks->loop->drivers > 0)
        return lull_raise(L, LULL_KIND_USAGE, "cannot run from a callback of the loop");
    return outer_run(L, tasks);
}

/* ---- settle -------------------------------------------------------------------------------------- */

static const struct lull_op_type settle_type = {.name = "settle",
                                                .cancel = lull__waiter_cancel};

int lull__l_settle(lua_State *L)
{
    struct lull_task *task = lull_checkpoint(L);
    lull__park(&lull__tasks(L)->settlers, &task->wait.waiter, task, &settle_type);
    return lull_await(L, &task->wait.op);
}

/* ---- virtual time ----------------------------------------------------------------------------------- */

static const char world_key = 'w'; /* registry: the class of worlds */

/* A clock of its own, and what it replaced. */
struct world {
    struct lull_timers timers;
    struct lull_timers *outer;
    struct lull_task *task;
    unsigned outer_busy;
    uint8_t depth;
    bool open;
};

/* __close and __gc: back to the outer clock; whoever was frozen goes on. */
static int leave_world(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct world *world = lull__class_check(L, 1, &world_key, "lull.world");
    if (!world->open)
        return 0;
    world->open = false;
    lull__timers_fire(&world->timers, LULL_NEVER);
    tasks->world = (uint8_t)(world->depth - 1);
    tasks->timers = tasks->sched->timers = world->outer;
    tasks->busy_outside = world->outer_busy;
    world->task->waker.world = tasks->world;
    lull__timers_deinit(&world->timers);
    struct lull_queue frozen = tasks->frozen;
    tasks->frozen.head = tasks->frozen.tail = NULL;
    lull__sched_restore(tasks->sched, &frozen);
    return 0;
}

int lull__l_enter_world(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lull_checkpoint(L);
    luaL_argcheck(L, tasks->world < 200, 1, "virtual time is nested too deeply");
    struct world *world = lua_newuserdatauv(L, sizeof *world, 0);
    world->open = false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &world_key);
    lua_setmetatable(L, -2);
    lull__timers_init(&world->timers, tasks->mem);
    world->timers.is_virtual = true;
    world->timers.virtual_now = lull__timers_now(tasks->timers);
    world->outer = tasks->timers;
    world->outer_busy = tasks->busy_outside;
    world->task = task;
    world->depth = ++tasks->world;
    world->open = true;
    task->waker.world = tasks->world;
    tasks->timers = tasks->sched->timers = &world->timers;
    tasks->busy_outside = tasks->loop->busy;
    return 1;
}

void lull__drive_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg meta[] = {
        {"__close", leave_world}, {"__gc", leave_world}, {NULL, NULL}};
    lull__class_make(L, tasks, &world_key, "lull.world", NULL, meta);
}
