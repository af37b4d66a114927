/* SPDX-License-Identifier: MIT */
/*
 * lock.c -- lull.sync.lock: mutual exclusion between tasks.
 */
#include "sync/lock.h"

#include "task/check.h"

/* ---- owners --------------------------------------------------------------------- */

/* The owner has ended holding the lock. */
static void on_owner_ended(struct lull_watch *watch)
{
    struct lull_lock *lock = LULL_CONTAINER(watch, struct lull_lock, watch);
    lock->owner = NULL;
    lock->broken = true;
    lull__unpark_all_failed(&lock->waiters, LULL_KIND_CLOSED);
    while (!lull__list_empty(&lock->conditions)) {
        struct lull_condition *condition =
            LULL_CONTAINER(lock->conditions.next, struct lull_condition, link);
        lull__list_remove(&condition->link);
        lull__unpark_all_failed(&condition->waiters, LULL_KIND_CLOSED);
    }
}

void lull__lock_own(struct lull_lock *lock, struct lull_task *task)
{
    lock->owner = task;
    lull__watch(&task->future, &lock->watch, on_owner_ended, NULL, NULL);
}

void lull__lock_release(struct lull_lock *lock)
{
    struct lull_waiter *next = lull__park_first(&lock->waiters);
    lull__list_remove(&lock->watch.link);
    lock->owner = NULL;
    if (next != NULL) {
        lull__lock_own(lock, next->op.task);
        lull__unpark(next);
    }
}

static bool release_held(struct lull_held *held, struct lull_task *task)
{
    struct lull_lock *lock = (struct lull_lock *)(void *)held;
    if (task == NULL || lock->owner != task)
        return false;
    lull__lock_release(lock);
    return true;
}

struct lull_lock *lull__lock_new(lua_State *L, int class)
{
    struct lull_lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
    lock->held = (struct lull_held){.op = "lock.with", .release = release_held};
    lull__list_init(&lock->waiters);
    lull__list_init(&lock->conditions);
    lock->owner = NULL;
    lull__list_init(&lock->watch.link);
    lock->broken = false;
    lua_pushvalue(L, class);
    lua_setmetatable(L, -2);
    return lock;
}

/* ---- waiting for it --------------------------------------------------------------- */

static const struct lull_op_type acquire_type = {
    .name = "lock.acquire",
    .cancel = lull__waiter_cancel,
};

static const struct lull_op_type with_type = {
    .name = "lock.with",
    .cancel = lull__waiter_cancel,
};

static const struct lull_op_type hold_type = {
    .name = "lock.hold",
    .cancel = lull__waiter_cancel,
};

/* Own the lock, waiting for it if need be, and go on with k. */
static int acquire(lua_State *L, struct lull_lock *lock, const struct lull_op_type *type,
                   lua_KFunction k)
{
    struct lull_task *task = lull_checkpoint(L);
    if (lock->broken)
        return lull__refuse(L, LULL_KIND_CLOSED, type->name,
                            "the task that held the lock has ended");
    if (lock->owner == task)
        return lull__refuse(L, LULL_KIND_USAGE, type->name,
                            "this task holds the lock already");
    if (lock->owner == NULL) {
        lull_op_begin(&task->wait.op, task, type);
        lull__lock_own(lock, task);
        lull_op_complete(&task->wait.op);
    } else {
        lull__park(&lock->waiters, &task->wait.waiter, task, type);
    }
    return lull__await_with(L, &task->wait.op, (lua_KContext)lock, k);
}

static int with_acquired_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    lull__wait_over(L);
    return lull__with(L, &((struct lull_lock *)context)->held);
}

int lull__lock_with(lua_State *L, struct lull_lock *lock, const struct lull_op_type *type)
{
    lull__check_callable(L, 2);
    return acquire(L, lock, type, with_acquired_k);
}

/* ---- the guard that hold() returns ---------------------------------------------------- */

struct guard {
    struct lull_lock *lock; /* in user value 1; NULL once it was released */
};

/* At the end of its block: once, and only while the running task is the owner. */
static int guard_close(lua_State *L)
{
    struct guard *guard = lull__self(L);
    struct lull_lock *lock = guard->lock;
    guard->lock = NULL;
    if (lock != NULL)
        release_held(&lock->held, lull__tasks(L)->running);
    return 0;
}

static const luaL_Reg guard_meta[] = {{"__close", guard_close}, {NULL, NULL}};

static const struct lull_class guard_class = {
    .name = "lull.sync.hold",
    .meta = guard_meta,
};

/* ---- Lua side ------------------------------------------------------------------------ */

/* lock() */
static int l_lock(lua_State *L)
{
    lull__lock_new(L, lua_upvalueindex(2));
    return 1;
}

static int acquired_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lull__wait_over(L);
    return 0;
}

/* l:acquire()    Suspends.  Raises closed when it is broken. */
static int m_acquire(lua_State *L)
{
    return acquire(L, lull__self(L), &acquire_type, acquired_k);
}

/* l:release()    Raises usage unless the running task is the owner. */
static int m_release(lua_State *L)
{
    struct lull_lock *lock = lull__self(L);
    if (!release_held(&lock->held, lull__tasks(L)->running))
        return lull__refuse(L, LULL_KIND_USAGE, "lock.release",
                            "this task does not hold the lock");
    return 0;
}

/* l:locked() -> boolean    A broken lock is locked for good. */
static int m_locked(lua_State *L)
{
    struct lull_lock *lock = lull__self(L);
    lua_pushboolean(L, lock->owner != NULL || lock->broken);
    return 1;
}

/* l:with(fn, ...) -> results of fn    Suspends. */
static int m_with(lua_State *L)
{
    return lull__lock_with(L, lull__self(L), &with_type);
}

static int held_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lull__wait_over(L);
    return 1;
}

/* l:hold() -> to-be-closed value    Suspends. */
static int m_hold(lua_State *L)
{
    struct lull_lock *lock = lull__self(L);
    /* Made before the lock is held: making it may raise. */
    struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 1);
    guard->lock = lock;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lull__class_push(L, &guard_class);
    lua_setmetatable(L, -2);
    return acquire(L, lock, &hold_type, held_k);
}

/* Collected while it is held: nobody can ask for it any more. */
static int lock_gc(lua_State *L)
{
    struct lull_lock *lock = lull__self(L);
    lull__list_remove(&lock->watch.link);
    lock->owner = NULL;
    lock->broken = true;
    return 0;
}

static const luaL_Reg methods[] = {
    {"acquire", m_acquire}, {"release", m_release}, {"locked", m_locked},
    {"with", m_with},       {"hold", m_hold},       {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", lock_gc}, {NULL, NULL}};

const struct lull_class lull__lock_class = {
    .name = "lull.sync.lock",
    .make = l_lock,
    .methods = methods,
    .meta = meta,
};
