/* SPDX-License-Identifier: MIT */
/*
 * events.c -- what happens in the host, for scripts to wait for.
 *
 * An event is one block of packed values.  It comes in on the runtime's thread,
 * directly or through the inbox, and stands in `queue` until a script takes it.
 *
 *   1. Scripts wait in a parking lot.  There are waiters only while the queue is
 *      empty: whoever adds one of either calls serve().
 *   2. A waiter that is served has its event in `handed`, in the same order, for
 *      type->push to find: loop callbacks touch no stack.
 *   3. `count` is what emitters on any thread look at: events in the queue and on
 *      their way to it.
 *
 * The source is a block from malloc, with a reference for each of: the host, the
 * runtime's list of handles (until it is closed), every object of scripts, and
 * every event in the inbox.
 */
#include "lull_host.h"

#include "base/inbox.h"
#include "host/token.h"
#include "host/value.h"
#include "sched/handle.h"
#include "task/await.h"
#include "task/class.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CAPACITY 256

static const char class_key = 'e';   /* registry: the class of sources */
static const char objects_key = 'w'; /* registry: sources' objects by pointer, weak */

struct emitted {
    struct lull_message message; /* `next` links queues, too */
    struct lull_events *events;
    char bytes[]; /* packed values */
};

struct queue {
    struct lull_message *head;
    struct lull_message *tail;
};

struct lull_events {
    /* Any thread. */
    atomic_uint refs;
    atomic_bool closed;
    atomic_size_t count;
    atomic_ullong dropped;
    size_t capacity;
    pthread_t thread; /* the runtime's */
    struct lull_inbox *inbox;

    /* The runtime's thread. */
    struct lull_handle handle; /* open until it is closed */
    struct lull_list lot;
    struct queue queue;
    struct queue handed; /* to waiters that have not run since */
    struct lull_op_type type;
    char name[];
};

/* ---- queues ------------------------------------------------------------------------ */

static void append(struct queue *queue, struct lull_message *message)
{
    message->next = NULL;
    if (queue->head == NULL)
        queue->head = message;
    else
        queue->tail->next = message;
    queue->tail = message;
}

static struct lull_message *take(struct queue *queue)
{
    struct lull_message *first = queue->head;
    if (first != NULL)
        queue->head = first->next;
    return first;
}

static struct lull_message *take_last(struct queue *queue)
{
    struct lull_message *last = queue->tail;
    if (queue->head == last)
        return take(queue);
    struct lull_message *before = queue->head;
    while (before->next != last)
        before = before->next;
    before->next = NULL;
    queue->tail = before;
    return last;
}

static void put_back(struct queue *queue, struct lull_message *message)
{
    message->next = queue->head;
    if (queue->head == NULL)
        queue->tail = message;
    queue->head = message;
}

static struct emitted *emitted_of(struct lull_message *message)
{
    return (struct emitted *)(void *)message; /* its first member */
}

static void free_all(struct queue *queue)
{
    for (struct lull_message *message; (message = take(queue)) != NULL;)
        free(emitted_of(message));
}

/* ---- references ------------------------------------------------------------------------ */

struct lull_events *lull_events_ref(struct lull_events *events)
{
    atomic_fetch_add_explicit(&events->refs, 1, memory_order_relaxed);
    return events;
}

void lull_events_unref(struct lull_events *events)
{
    if (events == NULL ||
        atomic_fetch_sub_explicit(&events->refs, 1, memory_order_acq_rel) > 1)
        return;
    free_all(&events->queue);
    free_all(&events->handed);
    lull__inbox_unref(events->inbox);
    free(events);
}

/* ---- the runtime's side ------------------------------------------------------------------ */

/* A waiter has left the lot, or is about to. */
static void stop_waiting(struct lull_events *events)
{
    lull_unhold(events->handle.rt);
}

/* Give the events that are there to those who wait. */
static void serve(struct lull_events *events)
{
    while (events->queue.head != NULL && !lull__list_empty(&events->lot)) {
        append(&events->handed, take(&events->queue));
        atomic_fetch_sub_explicit(&events->count, 1, memory_order_relaxed);
        stop_waiting(events);
        lull__unpark(lull__park_first(&events->lot));
    }
}

static void arrive(struct emitted *event)
{
    append(&event->events->queue, &event->message);
    serve(event->events);
}

static void on_close(struct lull_handle *handle)
{
    struct lull_events *events = LULL_CONTAINER(handle, struct lull_events, handle);
    atomic_store_explicit(&events->closed, true, memory_order_release);
    while (!lull__list_empty(&events->lot)) {
        stop_waiting(events);
        lull__unpark_failed(lull__park_first(&events->lot), LULL_KIND_CLOSED);
    }
    lull_events_unref(events);
}

static const struct lull_handle_type handle_type = {.name = "events", .close = on_close};

static struct lull_events *events_of(const struct lull_op *op)
{
    return LULL_CONTAINER(op->type, struct lull_events, type);
}

static enum lull_cancel op_cancel(struct lull_op *op)
{
    stop_waiting(events_of(op));
    return lull__waiter_cancel(op);
}

/* Closed by force: what it was handed is the next one's, and so on. */
static void op_abandon(struct lull_op *op)
{
    struct lull_events *events = events_of(op);
    if (op->state == LULL_OP_PENDING)
        op_cancel(op);
    if (op->state != LULL_OP_COMPLETE)
        return;
    put_back(&events->queue, take_last(&events->handed));
    atomic_fetch_add_explicit(&events->count, 1, memory_order_relaxed);
    serve(events);
}

/* (bytes) -> values */
static int push_protected(lua_State *L)
{
    const char *bytes = lua_touserdata(L, 1);
    lua_settop(L, 0);
    return lull__values_push(L, bytes);
}

/* Push the values of an event, and free it.  May raise. */
static int push_event(lua_State *L, struct emitted *event)
{
    int top = lua_gettop(L);
    int status = LUA_ERRMEM;
    bool room = lua_checkstack(L, 4) != 0;
    if (room) {
        lua_pushcfunction(L, push_protected);
        lua_pushlightuserdata(L, event->bytes);
        status = lua_pcall(L, 1, LUA_MULTRET, 0);
    }
    free(event);
    if (status == LUA_OK)
        return lua_gettop(L) - top;
    return room ? lua_error(L) : luaL_error(L, "stack overflow");
}

static int op_push(lua_State *L, struct lull_op *op)
{
    return push_event(L, emitted_of(take(&events_of(op)->handed)));
}

struct lull_events *lull_events_new(struct lull_runtime *rt, const char *name,
                                    size_t capacity)
{
    size_t size = strlen(name) + 1;
    struct lull_events *events = calloc(1, sizeof *events + size);
    if (events == NULL)
        return NULL;
    atomic_init(&events->refs, 2);
    events->capacity = capacity != 0 ? capacity : DEFAULT_CAPACITY;
    events->thread = pthread_self();
    events->inbox = lull__tokens_of(rt)->inbox;
    lull__inbox_ref(events->inbox);
    lull__list_init(&events->lot);
    memcpy(events->name, name, size);
    events->type = (struct lull_op_type){.name = events->name,
                                         .cancel = op_cancel,
                                         .push = op_push,
                                         .abandon = op_abandon};
    lull_handle_open(rt, &events->handle, &handle_type);
    return events;
}

void lull_events_close(struct lull_events *events)
{
    if (lull_handle_is_open(&events->handle))
        lull_handle_close(&events->handle);
}

unsigned long long lull_events_dropped(const struct lull_events *events)
{
    return atomic_load_explicit(&events->dropped, memory_order_relaxed);
}

/* ---- emitting, on any thread ------------------------------------------------------------------ */

static void on_message(struct lull_message *message)
{
    struct lull_events *events = emitted_of(message)->events;
    arrive(emitted_of(message));
    lull_events_unref(events);
}

static void on_drop(struct lull_message *message)
{
    struct lull_events *events = emitted_of(message)->events;
    free(emitted_of(message));
    lull_events_unref(events);
}

static bool drop(struct lull_events *events)
{
    atomic_fetch_sub_explicit(&events->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&events->dropped, 1, memory_order_relaxed);
    return false;
}

bool lull_events_emit(struct lull_events *events, const char *format, ...)
{
    struct lull_args args;
    if (atomic_load_explicit(&events->closed, memory_order_acquire) ||
        !lull__values_check(format))
        return false;
    if (atomic_fetch_add_explicit(&events->count, 1, memory_order_relaxed) >=
        events->capacity)
        return drop(events);
    va_start(args.list, format);
    size_t size = lull__values_pack(NULL, format, &args);
    va_end(args.list);
    struct emitted *event = malloc(sizeof *event + size);
    if (event == NULL)
        return drop(events);
    va_start(args.list, format);
    lull__values_pack(event->bytes, format, &args);
    va_end(args.list);
    event->events = events;
    if (pthread_equal(events->thread, pthread_self())) {
        arrive(event);
        return true;
    }
    event->message.deliver = on_message;
    event->message.drop = on_drop;
    lull_events_ref(events);
    return lull__inbox_post(events->inbox, &event->message);
}

/* ---- scripts' side ------------------------------------------------------------------------------- */

/* The source of an object; raises `closed` for one that a finalizer still finds. */
static struct lull_events *check_source(lua_State *L, struct lull_events *const *object)
{
    if (*object == NULL)
        lull_raise(L, LULL_KIND_CLOSED, "this source of events has been collected");
    return *object;
}

static struct lull_events *self_of(lua_State *L)
{
    return check_source(L, lull__class_check(L, 1, &class_key, "lull.events"));
}

static bool is_over(const struct lull_events *events)
{
    return events->queue.head == NULL &&
           atomic_load_explicit(&events->closed, memory_order_relaxed);
}

/* Stand in line; the op to go on with. */
static struct lull_op *wait_in(struct lull_events *events, struct lull_task *task)
{
    struct lull_waiter *waiter = &task->wait.waiter;
    lull__park(&events->lot, waiter, task, &events->type);
    lull_hold(events->handle.rt);
    serve(events);
    return &waiter->op;
}

/* source:next_event() -> values    Suspends. */
static int m_next_event(lua_State *L)
{
    struct lull_events *events = self_of(L);
    struct lull_task *task = lull_checkpoint(L);
    if (!is_over(events))
        return lull_await(L, wait_in(events, task));
    lull_push_error(L, LULL_KIND_CLOSED, "closed");
    lull_error_detail(L, events->name, 0);
    return lua_error(L);
}

/* source:try_next() -> values, or nothing */
static int m_try_next(lua_State *L)
{
    struct lull_events *events = self_of(L);
    struct lull_message *message = take(&events->queue);
    if (message == NULL)
        return 0;
    atomic_fetch_sub_explicit(&events->count, 1, memory_order_relaxed);
    return push_event(L, emitted_of(message));
}

/* Closed while it waited is the end, not an error. */
static int iterate_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_op *op = (struct lull_op *)context;
    (void)status;
    lull__await_over(op);
    if (op->state == LULL_OP_FAILED && op->kind == LULL_KIND_CLOSED) {
        lua_pushnil(L);
        return 1;
    }
    if (op->state != LULL_OP_COMPLETE)
        lull__await_check(L, op);
    op->state = LULL_OP_IDLE;
    return op_push(L, op);
}

/* next() -> values, or nil at the end    Suspends. */
static int iterate(lua_State *L)
{
    struct lull_events *events = check_source(L, lua_touserdata(L, lua_upvalueindex(2)));
    struct lull_task *task = lull_checkpoint(L);
    if (is_over(events)) {
        lua_pushnil(L);
        return 1;
    }
    struct lull_op *op = wait_in(events, task);
    return lull__await_with(L, op, (lua_KContext)op, iterate_k);
}

/* source:events() -> next */
static int m_events(lua_State *L)
{
    self_of(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, iterate, 2);
    return 1;
}

/* source:dropped() -> integer */
static int m_dropped(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lull_events_dropped(self_of(L)));
    return 1;
}

static int m_tostring(lua_State *L)
{
    lua_pushfstring(L, "lull.events: %s", self_of(L)->name);
    return 1;
}

static int m_gc(lua_State *L)
{
    struct lull_events **self = lull__class_check(L, 1, &class_key, "lull.events");
    lull_events_unref(*self);
    *self = NULL;
    return 0;
}

/* Make the class, and the table of objects, and push that. */
static void make_class(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg methods[] = {{"next_event", m_next_event},
                                       {"try_next", m_try_next},
                                       {"events", m_events},
                                       {"dropped", m_dropped},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__tostring", m_tostring}, {"__gc", m_gc}, {NULL, NULL}};
    lull__class_make(L, tasks, &class_key, "lull.events", methods, meta);
    lull__push_weak(L, "v");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &objects_key);
}

void lull_events_push(lua_State *L, struct lull_events *events)
{
    struct lull_runtime *rt = events->handle.rt;
    luaL_checkstack(L, 8, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key) == LUA_TNIL) {
        lua_pop(L, 1);
        make_class(L, lull__tasks_of(rt));
    }
    if (lua_rawgetp(L, -1, events) == LUA_TNIL) {
        lua_pop(L, 1);
        struct lull_events **self = lua_newuserdatauv(L, sizeof *self, 0);
        *self = NULL;
        lull__class_set(L, &class_key);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, events);
        *self = lull_events_ref(events);
    }
    lua_remove(L, -2);
}
