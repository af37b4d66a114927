/* SPDX-License-Identifier: MIT */
/*
 * workerlib.c -- Lua module "lull.worker.native": what lull.worker stands on.
 *
 * An object is one worker as scripts of the owner see it, which does one call at
 * a time.  The call's op is in the object, and the work's way back to it is
 * work->waiter: cleared when nobody waits any more, the work is then dropped when
 * it comes back.
 */
#include "worker/worker.h"

#include "base/error.h"
#include "task/sink.h"
#include "task/trace.h"
#include "worker/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

#define OBJECT_CLASS "lull.worker.thread"
#define PARCEL_CLASS "lull.worker.parcel"
#define PATIENCE     0.5 /* seconds for a worker to say that it has stopped */

struct object {
    struct lull_handle base;
    struct lull_op op;
    struct lull_worker *worker; /* a reference; NULL: it was stopped */
    struct lull_work *work;     /* what it does */
    struct lull_work *answer;   /* what has come back, ours */
    struct lull_timer patience; /* armed while a call is being cancelled */
    double grace;
    bool cancelled; /* the call is */
    bool lost;      /* it ended, or does not come back */
};

static struct object *object_of(lua_State *L)
{
    return luaL_checkudata(L, 1, OBJECT_CLASS);
}

/* ---- loop side: no Lua -------------------------------------------------------------- */

/* Nobody waits for the work any more. */
static void forget_work(struct object *object)
{
    struct lull_runtime *rt = object->base.rt;
    if (object->work == NULL)
        return;
    object->work->waiter = NULL;
    object->work = NULL;
    lull_timer_stop(&object->patience);
    lull_unhold(rt);
    lull_unexpect(rt);
}

void lull__work_done(struct lull_work *work)
{
    struct object *object = work->waiter;
    if (object == NULL) {
        lull__work_free(work);
        return;
    }
    forget_work(object);
    object->answer = work;
    object->lost = work->died;
    lull_op_complete(&object->op);
}

/* No more work for the worker. */
static void leave_worker(struct object *object)
{
    object->lost = true;
    if (object->worker != NULL)
        lull__worker_stop(object->worker);
    object->worker = NULL;
}

static void close_object(struct lull_handle *handle)
{
    struct object *object = (struct object *)(void *)handle;
    forget_work(object);
    lull_op_fail(&object->op, LULL_KIND_CLOSED, 0);
    leave_worker(object);
}

/* It did not stop: leave it alone. */
static void on_patience(struct lull_timer *timer)
{
    struct object *object = LULL_CONTAINER(timer, struct object, patience);
    forget_work(object);
    leave_worker(object);
    lull_op_complete(&object->op);
}

/* The task waits until the script over there has been stopped. */
static enum lull_cancel call_cancel(struct lull_op *op)
{
    struct object *object = LULL_CONTAINER(op, struct object, op);
    if (object->cancelled) /* and an outer scope is, too */
        return LULL_WILL_REPORT;
    object->cancelled = true;
    lull__worker_cancel(object->work);
    if (lull_timer_start_real(object->base.rt, &object->patience,
                              object->grace + PATIENCE, on_patience))
        return LULL_WILL_REPORT;
    forget_work(object);
    leave_worker(object);
    return LULL_DETACHED;
}

static void call_abandon(struct lull_op *op)
{
    struct object *object = LULL_CONTAINER(op, struct object, op);
    op->state = LULL_OP_IDLE;
    forget_work(object);
    lull_handle_close(&object->base);
}

static const struct lull_handle_type own_type = {.name = "worker", .close = close_object};
static const struct lull_handle_type shared_type = {.name = "worker.shared",
                                                    .close = close_object};

/* ---- what came back --------------------------------------------------------------------- */

/* Join the traceback from over there, on top, to the error below it, here; pops it. */
static void add_traceback(lua_State *L)
{
    int error = lua_gettop(L) - 1;
    if (lull__is_error(L, error)) {
        lua_pushliteral(L, "traceback");
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        if (lua_rawget(L, error) == LUA_TSTRING) { /* it came from further away */
            lua_pushliteral(L, "\n");
            lua_pushvalue(L, error + 1);
            lua_concat(L, 3);
            lua_replace(L, -2);
        } else {
            lua_pop(L, 1);
        }
        lua_rawset(L, error);
    }
    lull__trace_foreign(L, lull__tasks(L), error);
}

static int raise_ended(lua_State *L, const struct lull_work *work)
{
    switch (work->status) {
    case LULL_EXITED:
        return lull_raise(L, LULL_KIND_CLOSED, "the worker called os.exit (status %d)",
                          work->exit_code);
    case LULL_DEADLOCK:
        return lull_raise(L, LULL_KIND_DEADLOCK,
                          "the worker was blocked again while cleaning up");
    case LULL_NO_MEMORY:
        return lull_raise(L, LULL_KIND_MEMORY, "the worker has no memory");
    case LULL_BAD_USE:
        return lull_raise(L, LULL_KIND_CLOSED, "the worker could not be started%s%s",
                          work->traceback != NULL ? ": " : "",
                          work->traceback != NULL ? work->traceback : "");
    default:
        if (work->died)
            return lull_raise(L, LULL_KIND_CLOSED, "the worker has ended");
        return lull_raise(
            L, work->status == LULL_CANCELLED ? LULL_KIND_CANCELLED : LULL_KIND_MEMORY,
            "the worker had no memory to say how the call ended");
    }
}

/* The results, or raise. */
static int call_push(lua_State *L, struct lull_op *op)
{
    struct object *object = LULL_CONTAINER(op, struct object, op);
    const struct lull_work *work = object->answer;
    if (object->cancelled)
        lull_checkpoint(L);
    if (work == NULL)
        return lull_raise(L, LULL_KIND_CANCELLED, "cancelled");
    if (work->died || work->bytes == NULL || work->status == LULL_NO_MEMORY)
        return raise_ended(L, work);
    lua_getiuservalue(L, 1, 1);
    int count = lull__unpack(L, lua_gettop(L), work->bytes, work->size);
    if (work->status == LULL_DONE) {
        lull__work_free(object->answer);
        object->answer = NULL;
        return count;
    }
    lua_settop(L, lua_gettop(L) - count + 1);
    if (work->traceback != NULL) {
        lua_pushstring(L, work->traceback);
        add_traceback(L);
    }
    return lua_error(L);
}

static const struct lull_op_type call_type = {
    .name = "worker.call",
    .cancel = call_cancel,
    .push = call_push,
    .abandon = call_abandon,
};

/* ---- what workers say beside answers ------------------------------------------------- */

/*
 * deliver(report): an error, to the sink of whose worker it is.  What it refers to by
 * name is not looked for, and stays a name: there is no telling whose modules those would be.
 */
static int deliver_error(lua_State *L)
{
    const struct lull_report *report = lua_touserdata(L, 1);
    lua_createtable(L, 2, 0);
    for (int i = LULL_HOME_LOADED; i <= LULL_HOME_GLOBALS; i++) {
        lua_newtable(L);
        lua_rawseti(L, 2, i);
    }
    if (report->kind == LULL_REPORT_ERROR) {
        lull__unpack(L, 2, report->bytes, report->size);
    } else {
        lua_pushlstring(L, report->bytes, report->size);
        lua_pushnil(L);
    }
    lull__sink_traced(L, lull__tasks_of(report->worker->owner));
    return 0;
}

static void say_error(struct lull_tasks *tasks, const struct lull_report *report)
{
    struct lull_realm *outer = tasks->realm;
    lua_State *L = tasks->from;
    if (!lua_checkstack(L, 4))
        return;
    tasks->realm = report->worker->realm;
    lua_pushcfunction(L, deliver_error);
    lua_pushlightuserdata(L, (void *)report);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lull__sink_say(tasks->sink, "lull: an error in a worker could not be reported");
        lua_pop(L, 1);
    }
    tasks->realm = outer;
}

void lull__report_delivered(struct lull_message *message)
{
    struct lull_report *report = (struct lull_report *)(void *)message;
    struct lull_tasks *tasks = lull__tasks_of(report->worker->owner);
    const struct lull_outlets *to = &tasks->outlets;
    switch (report->kind) {
    case LULL_REPORT_PRINT:
        to->print(to->print_arg, report->bytes, report->size);
        break;
    case LULL_REPORT_LOG:
        to->log(to->log_arg, report->level, report->bytes);
        break;
    case LULL_REPORT_AUDIT:
        to->audit(to->audit_arg, report->bytes,
                  report->bytes + strlen(report->bytes) + 1);
        break;
    default:
        say_error(tasks, report);
    }
    free(report);
}

void lull__report_dropped(struct lull_message *message)
{
    free(message);
}

/* ---- Lua side ---------------------------------------------------------------------------- */

/* cores() -> how many processors this process may use */
static int l_cores(lua_State *L)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        cores = CPU_COUNT(&allowed);
#endif
    lua_pushinteger(L, cores > 0 ? (lua_Integer)cores : 1);
    return 1;
}

/*
 * pack(home, label, base, value...) -> parcel: what a call takes along, copied now
 *
 * home is {package.loaded, _G, require}.
 */
static int l_pack(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const struct lull_packing what = {.home = 1,
                                      .first = 4,
                                      .count = lua_gettop(L) - 3,
                                      .label = luaL_checkstring(L, 2),
                                      .base = (int)luaL_checkinteger(L, 3),
                                      .timed = true};
    size_t size;
    luaL_checkstack(L, 8, NULL);
    lull__pack(L, &what, &size);
    lua_pushinteger(L, (lua_Integer)size);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, PARCEL_CLASS);
    return 1;
}

/*
 * start(entry, shared, grace, memory, config parcel, home) -> worker
 *
 * Raises permission, limit, io.
 */
static int l_start(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lull_worker_start start = {.entry = luaL_checkstring(L, 1),
                                      .grace = luaL_checknumber(L, 3)};
    bool shared = lua_toboolean(L, 2);
    lua_Integer memory = luaL_checkinteger(L, 4);
    start.config = luaL_checkudata(L, 5, PARCEL_CLASS);
    luaL_checktype(L, 6, LUA_TTABLE);
    lua_settop(L, 6);
    lua_getiuservalue(L, 5, 1);
    start.config_size = (size_t)lua_tointeger(L, -1);
    lull_check_permission(L, LULL_MAY_THREADS, "worker.pool", NULL);
    lull_check_handles(L, "worker.pool");
    lull__worker_options(rt, &start.options);
    if (memory > 0 && (start.options.memory_limit == 0 ||
                       (lua_Unsigned)memory < start.options.memory_limit))
        start.options.memory_limit = (size_t)memory;
    start.realm = lull__tasks_of(rt)->realm;
    start.policy = lull_policy_of(L);
    struct object *object = lua_newuserdatauv(L, sizeof *object, 1);
    memset(object, 0, sizeof *object);
    object->grace = start.grace;
    lua_pushvalue(L, 6);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, OBJECT_CLASS);
    int error = lull__worker_start(rt, &start, &object->worker);
    if (error != 0) {
        lull_push_error(L, LULL_KIND_IO, "a worker cannot be started: %s",
                        strerror(error));
        lull_error_detail(L, "worker.pool", error);
        return lua_error(L);
    }
    lull_handle_open(rt, &object->base, shared ? &shared_type : &own_type);
    return 1;
}

/* w:call(parcel) -> what the worker returns, or raise what it raised    Suspends. */
static int m_call(lua_State *L)
{
    struct object *object = object_of(L);
    const void *bytes = luaL_checkudata(L, 2, PARCEL_CLASS);
    struct lull_task *task = lull_checkpoint(L);
    lua_settop(L, 2);
    if (!lull_handle_is_open(&object->base) || object->lost)
        return lull_raise(L, LULL_KIND_CLOSED, "closed");
    if (object->work != NULL || object->op.state != LULL_OP_IDLE)
        return lull_raise(L, LULL_KIND_BUSY, "the worker is busy");
    lua_getiuservalue(L, 2, 1);
    size_t size = (size_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    lull__work_free(object->answer);
    object->answer = NULL;
    object->cancelled = false;
    lull_op_begin(&object->op, task, &call_type);
    object->work = lull__worker_give(object->worker, bytes, size, object);
    if (object->work == NULL) {
        lull_op_fail(&object->op, LULL_KIND_MEMORY, ENOMEM);
    } else {
        lull_hold(object->base.rt);
        lull_expect(object->base.rt);
    }
    return lull_await(L, &object->op);
}

/* w:usable() -> whether it can do more calls */
static int m_usable(lua_State *L)
{
    const struct object *object = object_of(L);
    lua_pushboolean(L, lull_handle_is_open(&object->base) && !object->lost);
    return 1;
}

/* w:close()    What it does is cancelled over there; who waits for it raises closed. */
static int m_close(lua_State *L)
{
    lull_handle_close(&object_of(L)->base);
    return 0;
}

static int m_gc(lua_State *L)
{
    struct object *object = object_of(L);
    lull_handle_close(&object->base);
    lull__work_free(object->answer);
    object->answer = NULL;
    return 0;
}

static const luaL_Reg object_methods[] = {
    {"call", m_call}, {"usable", m_usable}, {"close", m_close}, {NULL, NULL}};
static const luaL_Reg object_meta[] = {
    {"__gc", m_gc}, {"__close", m_close}, {NULL, NULL}};
static const luaL_Reg no_methods[] = {{NULL, NULL}};

static const luaL_Reg functions[] = {
    {"cores", l_cores}, {"pack", l_pack}, {"start", l_start}, {NULL, NULL}};

int lull__open_worker(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lull_push_class(L, rt, OBJECT_CLASS, object_methods, object_meta);
    lull_push_class(L, rt, PARCEL_CLASS, no_methods, NULL);
    lua_newtable(L);
    lull_set_functions(L, rt, functions);
    return 1;
}
