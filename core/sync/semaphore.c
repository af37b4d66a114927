/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c -- lull.sync.semaphore: a number of places.
 *
 * Any task may release.  While somebody waits the value is 0: a released place
 * goes to the first waiter directly.
 */
#include "sync/primitive.h"

#include "task/check.h"

struct semaphore {
    struct lull_held held;
    struct lull_list waiters;
    lua_Integer value;
    lua_Integer max;
};

static const struct lull_op_type acquire_type = {
    .name = "semaphore.acquire",
    .cancel = lull__waiter_cancel,
};

static const struct lull_op_type with_type = {
    .name = "semaphore.with",
    .cancel = lull__waiter_cancel,
};

/* Give a place back; false: there are `max` free ones already. */
static bool release(struct lull_held *held, struct lull_task *task)
{
    struct semaphore *semaphore = (struct semaphore *)(void *)held;
    struct lull_waiter *next = lull__park_first(&semaphore->waiters);
    (void)task;
    if (next != NULL) {
        lull__unpark(next);
        return true;
    }
    if (semaphore->value == semaphore->max)
        return false;
    semaphore->value++;
    return true;
}

/* Take a place, waiting for it if need be, and go on with k. */
static int acquire(lua_State *L, struct semaphore *semaphore,
                   const struct lull_op_type *type, lua_KFunction k)
{
    struct lull_task *task = lull_checkpoint(L);
    if (semaphore->value > 0) {
        semaphore->value--;
        lull_op_begin(&task->wait.op, task, type);
        lull_op_complete(&task->wait.op);
    } else {
        lull__park(&semaphore->waiters, &task->wait.waiter, task, type);
    }
    return lull__await_with(L, &task->wait.op, (lua_KContext)semaphore, k);
}

/* semaphore(n, max?) */
static int l_semaphore(lua_State *L)
{
    lua_Integer value = luaL_checkinteger(L, 1);
    lua_Integer max = luaL_optinteger(L, 2, LUA_MAXINTEGER);
    luaL_argcheck(L, value >= 0, 1, "must not be negative");
    luaL_argcheck(L, max >= 1 && max >= value, 2,
                  "must be at least 1 and the first value");
    struct semaphore *semaphore = lua_newuserdatauv(L, sizeof *semaphore, 0);
    semaphore->held = (struct lull_held){.op = with_type.name, .release = release};
    lull__list_init(&semaphore->waiters);
    semaphore->value = value;
    semaphore->max = max;
    lull__class_set(L);
    return 1;
}

static int acquired_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lull__wait_over(L);
    return 0;
}

/* s:acquire()    Suspends. */
static int m_acquire(lua_State *L)
{
    return acquire(L, lull__self(L), &acquire_type, acquired_k);
}

/* s:try_acquire() -> boolean */
static int m_try_acquire(lua_State *L)
{
    struct semaphore *semaphore = lull__self(L);
    bool free = semaphore->value > 0;
    if (free)
        semaphore->value--;
    lua_pushboolean(L, free);
    return 1;
}

/* s:release()    Raises usage over max. */
static int m_release(lua_State *L)
{
    struct semaphore *semaphore = lull__self(L);
    if (!release(&semaphore->held, NULL))
        return lull__refuse(L, LULL_KIND_USAGE, "semaphore.release",
                            "released more often than acquired");
    return 0;
}

static int with_acquired_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    lull__wait_over(L);
    return lull__with(L, &((struct semaphore *)context)->held);
}

/* s:with(fn, ...) -> results of fn    Suspends. */
static int m_with(lua_State *L)
{
    struct semaphore *semaphore = lull__self(L);
    lull__check_callable(L, 2);
    return acquire(L, semaphore, &with_type, with_acquired_k);
}

/* s:value() -> free places */
static int m_value(lua_State *L)
{
    struct semaphore *semaphore = lull__self(L);
    lua_pushinteger(L, semaphore->value);
    return 1;
}

static const luaL_Reg methods[] = {
    {"acquire", m_acquire}, {"release", m_release}, {"try_acquire", m_try_acquire},
    {"with", m_with},       {"value", m_value},     {NULL, NULL},
};

const struct lull_class lull__semaphore_class = {
    .name = "lull.sync.semaphore",
    .make = l_semaphore,
    .methods = methods,
};
