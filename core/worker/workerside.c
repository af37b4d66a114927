/* SPDX-License-Identifier: MIT */
/*
 * workerside.c -- what runs in a worker.
 *
 * The Lua side is a module that the owner names: a function, called with a table
 * of the functions here, that returns the one that does a piece of work.  That calls
 * modules() and requires what the work needs, then take(), and returns the results.
 *
 * Everything that may raise runs in protected calls: a worker ends only when its
 * runtime cannot be used any more.
 */
#include "worker/worker.h"

#include "base/error.h"
#include "base/list.h"
#include "worker/pack.h"

#include <stdlib.h>
#include <string.h>

static const char worker_key = 'W'; /* registry: the worker of a runtime */
static const char home_key = 'H';   /* registry: whose values these are, pack.h */

static struct lull_worker *worker_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &worker_key);
    struct lull_worker *worker = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return worker;
}

/* Push the home of values that are packed and unpacked here. */
static int push_home(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &home_key);
    return lua_gettop(L);
}

/* ---- for the Lua side ------------------------------------------------------------- */

/* home(table)    Before all others: whose values these are. */
static int l_home(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &home_key);
    return 0;
}

/* config() -> the values that the owner packed for the start */
static int l_config(lua_State *L)
{
    const struct lull_worker *worker = worker_of(L);
    int home = push_home(L);
    return lull__unpack(L, home, worker->config, worker->config_size);
}

/* modules() -> the names of those that the work needs */
static int l_modules(lua_State *L)
{
    const struct lull_work *work = worker_of(L)->doing;
    lull__unpack_modules(L, work->bytes, work->size);
    return 1;
}

/* take() -> the values that the owner gave */
static int l_take(lua_State *L)
{
    const struct lull_work *work = worker_of(L)->doing;
    int home = push_home(L);
    return lull__unpack(L, home, work->bytes, work->size);
}

/* ---- errors on their way to the owner ------------------------------------------------ */

/* field(value) -> the value, or its text when it cannot travel */
static int l_field(lua_State *L)
{
    size_t size;
    lua_settop(L, 1);
    const struct lull_packing what = {
        .home = push_home(L), .first = 1, .count = 1, .label = "error"};
    lull__pack(L, &what, &size);
    lua_settop(L, 1);
    return 1;
}

/* Push the value at `index`, or its text when it cannot travel. */
static void push_sendable(lua_State *L, int index)
{
    lua_pushcfunction(L, l_field);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        lull__push_error_text(L, index);
    }
}

/* Replace the error at `index` by what of it can travel. */
static void make_sendable(lua_State *L, int index)
{
    luaL_checkstack(L, 12, NULL);
    if (!lull__is_error(L, index)) {
        push_sendable(L, index);
        lua_replace(L, index);
        return;
    }
    lua_newtable(L);
    int copy = lua_gettop(L);
    lua_getmetatable(L, index);
    lua_setmetatable(L, copy);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        push_sendable(L, lua_gettop(L));
        lua_replace(L, -2);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, copy);
    }
    lua_replace(L, index);
}

/* ---- answers -------------------------------------------------------------------------- */

/* Make a copy of the bytes what the work brings back. */
static bool set_bytes(struct lull_work *work, const void *bytes, size_t size)
{
    void *copy = malloc(size);
    if (copy == NULL)
        return false;
    free(work->bytes);
    memcpy(copy, bytes, size);
    work->bytes = copy;
    work->size = size;
    return true;
}

/* answer(work, value...): pack the results */
static int pack_results(lua_State *L)
{
    struct lull_work *work = lua_touserdata(L, 1);
    struct lull_packing what = {
        .first = 2, .count = lua_gettop(L) - 1, .label = "result"};
    what.home = push_home(L);
    size_t size;
    const void *bytes = lull__pack(L, &what, &size);
    if (!set_bytes(work, bytes, size))
        return lull_raise(L, LULL_KIND_MEMORY, "no memory for the results");
    return 0;
}

/* answer(work, error): pack what of it can travel */
static int pack_error(lua_State *L)
{
    struct lull_work *work = lua_touserdata(L, 1);
    size_t size;
    lua_settop(L, 2);
    make_sendable(L, 2);
    const struct lull_packing what = {
        .home = push_home(L), .first = 2, .count = 1, .label = "error"};
    const void *bytes = lull__pack(L, &what, &size);
    if (!set_bytes(work, bytes, size))
        return lull_raise(L, LULL_KIND_MEMORY, "no memory for the error");
    return 0;
}

/* Answer with the error on top, and pop it. */
static void answer_error(lua_State *L, struct lull_work *work)
{
    work->status = LULL_FAILED;
    lua_pushcfunction(L, pack_error);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, work);
    lua_insert(L, -2);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        work->status = LULL_NO_MEMORY;
    }
}

static void drop_bytes(struct lull_work *work)
{
    free(work->bytes);
    work->bytes = NULL;
    work->size = 0;
}

/* The task of the work has ended. */
static void told(struct lull_runtime *rt, const struct lull_outcome *outcome, void *arg)
{
    struct lull_worker *worker = arg;
    struct lull_work *work = worker->doing;
    lua_State *L = outcome->L;
    int first = lua_gettop(L) - outcome->results + 1;
    worker->task = NULL;
    worker->told = true;
    lull_timer_stop(&worker->kill);
    lull_stop(rt); /* finalizers go on with the next call */
    work->status = outcome->status;
    if (outcome->status == LULL_EXITED)
        return;
    if (!lua_checkstack(L, outcome->results + 8)) {
        work->status = LULL_NO_MEMORY;
        return;
    }
    if (outcome->status != LULL_DONE) {
        if (outcome->traceback != NULL)
            work->traceback = strdup(outcome->traceback);
        if (outcome->results == 0) { /* there was no memory to describe it */
            drop_bytes(work);
            return;
        }
        lua_pushvalue(L, first);
        answer_error(L, work);
        return;
    }
    lua_pushcfunction(L, pack_results);
    lua_pushlightuserdata(L, work);
    for (int i = 0; i < outcome->results; i++)
        lua_pushvalue(L, first + i);
    if (lua_pcall(L, outcome->results + 1, 0, 0) != LUA_OK)
        answer_error(L, work);
}

/* ---- doing work ------------------------------------------------------------------------- */

/* The runtime cannot go on: the worker ends with what it does. */
static void die(struct lull_worker *worker, enum lull_status status)
{
    struct lull_work *work = worker->doing;
    work->died = true;
    if (!worker->told)
        work->status = status;
    if (status == LULL_EXITED)
        work->exit_code = lull_exit_code(worker->rt);
}

void lull__side_do(struct lull_worker *worker)
{
    struct lull_work *work = worker->doing;
    worker->told = false;
    worker->task = NULL;
    lua_State *L = worker->rt != NULL ? lull_state(worker->rt) : NULL;
    if (L != NULL && lua_checkstack(L, 4)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, worker->serve_ref);
        worker->task = lull_call(worker->rt, 0, told, worker);
    }
    if (worker->task == NULL) {
        drop_bytes(work);
        work->traceback = worker->why;
        worker->why = NULL;
        die(worker, L != NULL ? LULL_NO_MEMORY : LULL_BAD_USE);
        return;
    }
    lull_set_name(worker->rt, worker->task, "a call in a worker");
    enum lull_status status = lull_run(worker->rt);
    if (!worker->told)
        drop_bytes(work);
    if (!worker->told || status == LULL_EXITED)
        die(worker, status);
}

static void on_kill(struct lull_timer *timer)
{
    struct lull_worker *worker = LULL_CONTAINER(timer, struct lull_worker, kill);
    if (worker->task != NULL)
        lull_kill(worker->rt, worker->task);
}

void lull__side_cancel(struct lull_worker *worker, double grace)
{
    if (worker->task == NULL)
        return;
    lull_timer_stop(&worker->kill);
    lull_cancel(worker->rt, worker->task, "owner");
    if (grace <= 0 || !lull_timer_start_real(worker->rt, &worker->kill, grace, on_kill))
        lull_kill(worker->rt, worker->task);
}

/* ---- what is said beside answers -------------------------------------------------------- */

static struct lull_report *new_report(struct lull_worker *worker,
                                      enum lull_report_kind kind, size_t size)
{
    struct lull_report *report = malloc(sizeof *report + size + 1);
    if (report == NULL)
        return NULL;
    *report = (struct lull_report){.worker = worker, .kind = kind, .size = size};
    report->message.deliver = lull__report_delivered;
    report->message.drop = lull__report_dropped;
    report->bytes[size] = '\0';
    return report;
}

/* Without memory it is not said. */
static bool send_report(struct lull_worker *worker, enum lull_report_kind kind,
                        const void *bytes, size_t size)
{
    struct lull_report *report = new_report(worker, kind, size);
    if (report == NULL)
        return false;
    memcpy(report->bytes, bytes, size);
    lull__inbox_post(worker->home, &report->message);
    return true;
}

/* report(error, traceback | nil) */
static int l_report(lua_State *L)
{
    size_t size;
    lua_settop(L, 2);
    make_sendable(L, 1);
    const struct lull_packing what = {
        .home = push_home(L), .first = 1, .count = 2, .label = "error"};
    const void *bytes = lull__pack(L, &what, &size);
    if (!send_report(worker_of(L), LULL_REPORT_ERROR, bytes, size))
        return luaL_error(L, "no memory to report an error");
    return 0;
}

/* The script over there has no handler any more, or it failed. */
static void on_report(void *arg, const char *text)
{
    const struct lull_worker *worker = arg;
    if (worker->rt != NULL) /* that it could not be made its calls are told */
        send_report(arg, LULL_REPORT_TEXT, text, strlen(text));
}

static void on_print(void *arg, const char *text, size_t size)
{
    send_report(arg, LULL_REPORT_PRINT, text, size);
}

static void on_log(void *arg, enum lull_level level, const char *text)
{
    struct lull_worker *worker = arg;
    struct lull_report *report = new_report(worker, LULL_REPORT_LOG, strlen(text));
    if (report == NULL)
        return;
    memcpy(report->bytes, text, report->size);
    report->level = level;
    lull__inbox_post(worker->home, &report->message);
}

static void on_audit(void *arg, const char *op, const char *needed)
{
    struct lull_worker *worker = arg;
    size_t first = strlen(op) + 1;
    struct lull_report *report =
        new_report(worker, LULL_REPORT_AUDIT, first + strlen(needed));
    if (report == NULL)
        return;
    memcpy(report->bytes, op, first);
    memcpy(report->bytes + first, needed, report->size - first);
    lull__inbox_post(worker->home, &report->message);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* open(worker): load the Lua side. */
static int open_side(lua_State *L)
{
    static const luaL_Reg functions[] = {{"home", l_home},       {"config", l_config},
                                         {"modules", l_modules}, {"take", l_take},
                                         {"report", l_report},   {NULL, NULL}};
    struct lull_worker *worker = lua_touserdata(L, 1);
    lua_pushlightuserdata(L, worker);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &worker_key);
    lua_getglobal(L, "require");
    lua_pushstring(L, worker->entry);
    lua_call(L, 1, 1);
    lua_newtable(L);
    lull_set_functions(L, worker->rt, functions);
    lua_call(L, 1, 1);
    worker->serve_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

void lull__side_open(struct lull_worker *worker)
{
    worker->options.size = sizeof worker->options;
    worker->options.report = on_report;
    worker->options.print = worker->options.print != NULL ? on_print : NULL;
    worker->options.log = worker->options.log != NULL ? on_log : NULL;
    worker->options.audit = worker->options.audit != NULL ? on_audit : NULL;
    worker->options.report_arg = worker->options.print_arg = worker;
    worker->options.log_arg = worker->options.audit_arg = worker;
    worker->rt = lull__worker_runtime(&worker->options, worker->policy);
    if (worker->rt == NULL)
        return;
    lua_State *L = lull_state(worker->rt);
    if (lua_checkstack(L, 4)) {
        lua_pushcfunction(L, open_side);
        lua_pushlightuserdata(L, worker);
        if (lua_pcall(L, 1, 0, 0) == LUA_OK)
            return;
        const char *text = lua_tostring(L, -1);
        worker->why = text != NULL ? strdup(text) : NULL;
    }
    lull_free(worker->rt, 0);
    worker->rt = NULL;
}
