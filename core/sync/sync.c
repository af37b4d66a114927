/* SPDX-License-Identifier: MIT */
/*
 * sync.c -- the module lull.sync, and its two smallest objects: event, barrier.
 */
#include "sync/sync.h"

#include "sync/primitive.h"

#include <limits.h>

/* ---- event: a flag that tasks wait for ----------------------------------------- */

struct sync_event {
    struct lull_list waiters; /* nobody while it is set */
    bool set;
};

static const struct lull_op_type event_wait_type = {
    .name = "event.wait",
    .cancel = lull__waiter_cancel,
};

/* event() */
static int l_event(lua_State *L)
{
    struct sync_event *event = lua_newuserdatauv(L, sizeof *event, 0);
    lull__list_init(&event->waiters);
    event->set = false;
    lull__class_set(L);
    return 1;
}

/* e:set()    Those who wait now go on, even if it is cleared before they run. */
static int m_event_set(lua_State *L)
{
    struct sync_event *event = lull__self(L);
    event->set = true;
    lull__unpark_all(&event->waiters);
    return 0;
}

/* e:clear() */
static int m_event_clear(lua_State *L)
{
    struct sync_event *event = lull__self(L);
    event->set = false;
    return 0;
}

/* e:is_set() -> boolean */
static int m_event_is_set(lua_State *L)
{
    struct sync_event *event = lull__self(L);
    lua_pushboolean(L, event->set);
    return 1;
}

/* e:wait()    Suspends. */
static int m_event_wait(lua_State *L)
{
    struct sync_event *event = lull__self(L);
    struct lull_task *task = lull_checkpoint(L);
    if (event->set)
        return lull__ready(L, task, &event_wait_type, 0);
    lull__park(&event->waiters, &task->wait.waiter, task, &event_wait_type);
    return lull_await(L, &task->wait.op);
}

static const luaL_Reg event_methods[] = {
    {"set", m_event_set},
    {"clear", m_event_clear},
    {"is_set", m_event_is_set},
    {"wait", m_event_wait},
    {NULL, NULL},
};

static const struct lull_class event_class = {
    .name = "lull.sync.event",
    .make = l_event,
    .methods = event_methods,
};

/* ---- barrier: n tasks wait for each other ---------------------------------------- */

struct barrier {
    struct lull_list waiters;
    int size;     /* how many it takes */
    int arrived;  /* at least as many as wait: who is cancelled is not told */
    bool aborted; /* until it is reset */
};

/* A waiter's note is its place, once the last has arrived. */
static int push_place(lua_State *L, struct lull_op *op)
{
    lua_pushinteger(L, ((struct lull_waiter *)(void *)op)->note);
    return 1;
}

static const struct lull_op_type barrier_wait_type = {
    .name = "barrier.wait",
    .cancel = lull__waiter_cancel,
    .push = push_place,
};

/* barrier(n) */
static int l_barrier(lua_State *L)
{
    lua_Integer size = luaL_checkinteger(L, 1);
    luaL_argcheck(L, size >= 1 && size <= INT_MAX, 1, "must be at least 1");
    struct barrier *barrier = lua_newuserdatauv(L, sizeof *barrier, 0);
    lull__list_init(&barrier->waiters);
    barrier->size = (int)size;
    barrier->arrived = 0;
    barrier->aborted = false;
    lull__class_set(L);
    return 1;
}

/* Number those who wait; the count is exact afterwards. */
static void number_waiters(struct barrier *barrier)
{
    barrier->arrived = 0;
    for (struct lull_list *node = barrier->waiters.next; node != &barrier->waiters;
         node = node->next)
        LULL_CONTAINER(node, struct lull_waiter, link)->note = ++barrier->arrived;
}

/*
 * Would one more complete the round?  Counting is left until it seems so: it
 * costs one walk per round and per cancelled waiter, not one per arrival.
 */
static bool is_last(struct barrier *barrier)
{
    if (barrier->arrived + 1 >= barrier->size)
        number_waiters(barrier);
    return barrier->arrived + 1 == barrier->size;
}

/* b:wait() -> 1..n, in order of arrival    Suspends. */
static int m_barrier_wait(lua_State *L)
{
    struct barrier *barrier = lull__self(L);
    struct lull_task *task = lull_checkpoint(L);
    if (barrier->aborted)
        return lull__refuse(L, LULL_KIND_CLOSED, barrier_wait_type.name,
                            "the barrier was aborted");
    if (is_last(barrier)) {
        barrier->arrived = 0;
        lull__unpark_all(&barrier->waiters);
        lua_pushinteger(L, barrier->size);
        return lull__ready(L, task, &barrier_wait_type, 1);
    }
    barrier->arrived++;
    lull__park(&barrier->waiters, &task->wait.waiter, task, &barrier_wait_type);
    return lull_await(L, &task->wait.op);
}

static void end_round(struct barrier *barrier, bool aborted)
{
    barrier->aborted = aborted;
    barrier->arrived = 0;
    lull__unpark_all_failed(&barrier->waiters, LULL_KIND_CLOSED);
}

/* b:reset()    As new; those who wait raise closed. */
static int m_barrier_reset(lua_State *L)
{
    end_round(lull__self(L), false);
    return 0;
}

/* b:abort()    Those who wait, and who will until it is reset, raise closed. */
static int m_barrier_abort(lua_State *L)
{
    end_round(lull__self(L), true);
    return 0;
}

static const luaL_Reg barrier_methods[] = {
    {"wait", m_barrier_wait},
    {"reset", m_barrier_reset},
    {"abort", m_barrier_abort},
    {NULL, NULL},
};

static const struct lull_class barrier_class = {
    .name = "lull.sync.barrier",
    .make = l_barrier,
    .methods = barrier_methods,
};

/* ---- the module ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    const struct lull_class *class;
} members[] = {
    {"event", &event_class},
    {"lock", &lull__lock_class},
    {"semaphore", &lull__semaphore_class},
    {"condition", &lull__condition_class},
    {"barrier", &barrier_class},
    {"queue", &lull__queue_class},
    {"channel", &lull__channel_class},
};

int lull__open_sync(lua_State *L)
{
    size_t count = sizeof members / sizeof members[0];
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lull__class_push(L, members[i].class);
        lua_pushcclosure(L, members[i].class->make, 2);
        lua_setfield(L, -2, members[i].name);
    }
    return 1;
}
