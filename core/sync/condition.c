/* SPDX-License-Identifier: MIT */
/*
 * condition.c -- lull.sync.condition: waiting under a lock for a notification.
 *
 * A waiter moves: from the condition's lot, where it waits for a notification,
 * to the lock's, where it waits for its turn, and it wakes once, owning the
 * lock.  A cancellation finds it
 *
 *   - in the condition's lot: it leaves, wakes, and waits for the lock;
 *   - in the lock's lot: it keeps its place, and when it owns the lock it
 *     notifies the next one in its stead;
 *
 * and is raised with the lock held in both cases.  Not so if the lock is
 * broken: there is nothing to hold then, and nobody left to notify; or if a
 * deadlock is what ends the wait: the lock may be part of it.
 */
#include "sync/lock.h"

#include "task/check.h"

/* Note of a waiter that was cancelled after it was notified. */
#define CANCELLED 1

/* Leave the condition's lot.  Beside the only waiter there is just the lot. */
static enum lull_cancel wait_cancel(struct lull_op *op)
{
    struct lull_list *link = &((struct lull_waiter *)(void *)op)->link;
    struct lull_list *lot = link->prev == link->next ? link->next : NULL;
    lull__list_remove(link);
    if (lot != NULL)
        lull__list_remove(&LULL_CONTAINER(lot, struct lull_condition, waiters)->link);
    return LULL_DETACHED;
}

/* Go on waiting for the lock; only force takes the waiter out of its lot. */
static enum lull_cancel lock_cancel(struct lull_op *op)
{
    if (lull__waker_of(op->task)->flags & LULL_TASK_FORCED)
        return lull__waiter_cancel(op);
    ((struct lull_waiter *)(void *)op)->note = CANCELLED;
    return LULL_WILL_REPORT;
}

static const struct lull_op_type wait_type = {
    .name = "condition.wait",
    .cancel = wait_cancel,
};

static const struct lull_op_type lock_type = {
    .name = "condition.wait",
    .cancel = lock_cancel,
};

static const struct lull_op_type with_type = {
    .name = "condition.with",
    .cancel = lull__waiter_cancel,
};

/* Move up to `count` waiters on to the lock, which the running task owns. */
static void notify(struct lull_condition *condition, lua_Integer count)
{
    while (count-- > 0 && !lull__list_empty(&condition->waiters)) {
        struct lull_waiter *waiter = lull__park_first(&condition->waiters);
        lull__list_remove(&waiter->link);
        waiter->op.type = &lock_type;
        lull__list_append(&condition->lock->waiters, &waiter->link);
    }
    if (lull__list_empty(&condition->waiters))
        lull__list_remove(&condition->link);
}

/* ---- wait --------------------------------------------------------------------------- */

/*
 * The wait has ended.  True: by a notification, and the lock is owned.  If
 * not, what is to be raised is in the op.
 */
static bool was_notified(struct lull_condition *condition, struct lull_task *task)
{
    struct lull_waiter *waiter = &task->wait.waiter;
    lull__await_over(&waiter->op);
    lull__list_remove(&waiter->link); /* a deadlock may have left it in line */
    if (waiter->op.state == LULL_OP_COMPLETE && waiter->note != CANCELLED) {
        waiter->op.state = LULL_OP_IDLE;
        return true;
    }
    if (waiter->op.state == LULL_OP_COMPLETE)
        notify(condition, 1);
    if (waiter->note == CANCELLED && waiter->op.kind != LULL_KIND_DEADLOCK)
        waiter->op.state = LULL_OP_DETACHED;
    return false;
}

/* Raise the failure, or, with LULL_KIND_NONE, the cancellation. */
static int raise_end(lua_State *L, struct lull_task *task, enum lull_kind failure)
{
    struct lull_op *op = &task->wait.op;
    op->state = failure != LULL_KIND_NONE ? LULL_OP_FAILED : LULL_OP_DETACHED;
    op->kind = (uint8_t)failure;
    lull__await_check(L, op);
    return 0;
}

static int raise_k(lua_State *L, int status, lua_KContext failure)
{
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    lull__await_over(&task->wait.op);
    lull__list_remove(&task->wait.waiter.link);
    return raise_end(L, task, (enum lull_kind)failure);
}

/* Raise what has ended the wait, with the lock held if that is possible. */
static int own_and_raise(lua_State *L, struct lull_lock *lock, struct lull_task *task)
{
    struct lull_waiter *waiter = &task->wait.waiter;
    bool failed = waiter->op.state == LULL_OP_FAILED;
    enum lull_kind failure = failed ? waiter->op.kind : LULL_KIND_NONE;
    if (lock->broken || lock->owner == task || (failed && lock->owner != NULL))
        return raise_end(L, task, failure);
    lull__park(&lock->waiters, waiter, task, &lock_type);
    if (lock->owner == NULL) {
        lull__lock_own(lock, task);
        lull__unpark(waiter);
    }
    return lull__await_with(L, &waiter->op, (lua_KContext)failure, raise_k);
}

static void check_owner(lua_State *L, const struct lull_condition *condition,
                        const char *op)
{
    const struct lull_task *task = lull__tasks(L)->running;
    if (task == NULL || condition->lock->owner != task)
        lull__refuse(L, LULL_KIND_USAGE, op, "this task does not hold the lock");
}

/* Release the lock, wait, and go on with k, whatever has happened. */
static int release_and_wait(lua_State *L, struct lull_condition *condition,
                            struct lull_task *task, lua_KFunction k)
{
    if (lull__list_empty(&condition->waiters))
        lull__list_append(&condition->lock->conditions, &condition->link);
    lull__park(&condition->waiters, &task->wait.waiter, task, &wait_type);
    lull__lock_release(condition->lock);
    return lull__await_with(L, &task->wait.op, (lua_KContext)condition, k);
}

static int waited_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_condition *condition = (struct lull_condition *)context;
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    if (!was_notified(condition, task))
        return own_and_raise(L, condition->lock, task);
    return 0;
}

/* c:wait()    Suspends, without the lock; ends with the lock held. */
static int m_wait(lua_State *L)
{
    struct lull_condition *condition = lull__self(L);
    struct lull_task *task = lull_checkpoint(L);
    check_owner(L, condition, "condition.wait");
    return release_and_wait(L, condition, task, waited_k);
}

/* ---- wait_for: wait until a predicate holds ---------------------------------------------- */

static int test(lua_State *L, struct lull_condition *condition);

static int retest_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_condition *condition = (struct lull_condition *)context;
    struct lull_task *task = lull__tasks(L)->running;
    (void)status;
    if (!was_notified(condition, task))
        return own_and_raise(L, condition->lock, task);
    return test(L, condition);
}

/* Stack: 1 the condition, 2 the predicate, 3 what it returned. */
static int tested_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_condition *condition = (struct lull_condition *)context;
    (void)status;
    if (lua_toboolean(L, 3))
        return lull__ready(L, lull__tasks(L)->running, &wait_type, 1);
    lua_settop(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    check_owner(L, condition, "condition.wait_for");
    return release_and_wait(L, condition, task, retest_k);
}

static int test(lua_State *L, struct lull_condition *condition)
{
    lua_pushvalue(L, 2);
    lua_callk(L, 0, 1, (lua_KContext)condition, tested_k);
    return tested_k(L, LUA_OK, (lua_KContext)condition);
}

/* c:wait_for(predicate) -> what it returned in the end    Suspends. */
static int m_wait_for(lua_State *L)
{
    struct lull_condition *condition = lull__self(L);
    lull__check_callable(L, 2);
    lua_settop(L, 2);
    lull_checkpoint(L);
    check_owner(L, condition, "condition.wait_for");
    return test(L, condition);
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* condition(lock?) */
static int l_condition(lua_State *L)
{
    lua_settop(L, 1);
    lull__class_push(L, &lull__lock_class);
    if (lua_isnil(L, 1)) {
        lull__lock_new(L, 2);
        lua_replace(L, 1);
    } else if (!lull__class_is(L, 1, 2)) {
        return luaL_typeerror(L, 1, lull__lock_class.name);
    }
    struct lull_condition *condition = lua_newuserdatauv(L, sizeof *condition, 1);
    lull__list_init(&condition->waiters);
    lull__list_init(&condition->link);
    condition->lock = lua_touserdata(L, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lull__class_set(L);
    return 1;
}

/* c:notify(n = 1) */
static int m_notify(lua_State *L)
{
    struct lull_condition *condition = lull__self(L);
    lua_Integer count = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, count >= 0, 2, "must not be negative");
    check_owner(L, condition, "condition.notify");
    notify(condition, count);
    return 0;
}

/* c:notify_all() */
static int m_notify_all(lua_State *L)
{
    struct lull_condition *condition = lull__self(L);
    check_owner(L, condition, "condition.notify_all");
    notify(condition, LUA_MAXINTEGER);
    return 0;
}

/* c:with(fn, ...) -> results of fn    With the lock held.  Suspends. */
static int m_with(lua_State *L)
{
    struct lull_condition *condition = lull__self(L);
    return lull__lock_with(L, condition->lock, &with_type);
}

static const luaL_Reg methods[] = {
    {"wait", m_wait},     {"wait_for", m_wait_for},
    {"notify", m_notify}, {"notify_all", m_notify_all},
    {"with", m_with},     {NULL, NULL},
};

const struct lull_class lull__condition_class = {
    .name = "lull.sync.condition",
    .make = l_condition,
    .methods = methods,
};
