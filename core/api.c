/* SPDX-License-Identifier: MIT */
/*
 * api.c -- the functions of lull.h.
 *
 * Nothing that may raise is called here outside a protected call.
 */
#include "drive.h"
#include "error.h"
#include "frame.h"
#include "promise.h"
#include "runtime.h"
#include "scopelib.h"
#include "taskclass.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- lull.h: life -------------------------------------------------------------------- */

struct lull_runtime *lull_new(const struct lull_options *options)
{
    struct lull_options taken = {.size = sizeof taken};
    if (options != NULL) {
        if (options->size > sizeof taken ||
            options->size < offsetof(struct lull_options, alloc))
            return NULL;
        memcpy(&taken, options, options->size);
    }
    return lull__runtime_new(&taken, NULL, NULL);
}

void lull_free(struct lull_runtime *rt, double grace)
{
    if (rt != NULL)
        lull__runtime_free(rt, grace);
}

struct lua_State *lull_state(struct lull_runtime *rt)
{
    return rt->tasks.L;
}

struct event_base *lull_base(struct lull_runtime *rt)
{
    return rt->loop.base;
}

const char *lull_libevent_version(void)
{
    return lull__loop_version();
}

size_t lull_memory(const struct lull_runtime *rt)
{
    return rt->mem.used;
}

size_t lull_memory_peak(const struct lull_runtime *rt)
{
    return rt->mem.peak;
}

int lull_exit_code(const struct lull_runtime *rt)
{
    return rt->tasks.exiting ? rt->tasks.exit_code : 0;
}

/* ---- loading ------------------------------------------------------------------------- */

static enum lull_status load_status(int status)
{
    switch (status) {
    case LUA_OK:
        return LULL_DONE;
    case LUA_ERRSYNTAX:
        return LULL_SYNTAX;
    case LUA_ERRMEM:
        return LULL_NO_MEMORY;
    default:
        return LULL_NO_FILE;
    }
}

enum lull_status lull_load(struct lull_runtime *rt, const char *source, size_t size,
                           const char *chunkname)
{
    if (!lua_checkstack(rt->tasks.L, 2))
        return LULL_NO_MEMORY;
    return load_status(luaL_loadbufferx(rt->tasks.L, source, size, chunkname, NULL));
}

/* luaL_loadfilex builds its chunk name before it is protected. */
static int load_file(lua_State *L)
{
    const char *path = lua_touserdata(L, 1);
    int status = luaL_loadfilex(L, path, NULL);
    lua_pushinteger(L, status);
    lua_insert(L, -2);
    return 2;
}

enum lull_status lull_load_file(struct lull_runtime *rt, const char *path)
{
    lua_State *L = rt->tasks.L;
    if (!lua_checkstack(L, 4))
        return LULL_NO_MEMORY;
    lua_pushcfunction(L, load_file);
    lua_pushlightuserdata(L, (void *)path);
    if (lua_pcall(L, 1, 2, 0) != LUA_OK)
        return LULL_NO_MEMORY;
    int status = (int)lua_tointeger(L, -2);
    lua_remove(L, -2);
    return load_status(status);
}

/* ---- calling --------------------------------------------------------------------------- */

/* start(call, fn, ...): make the task, inside a protected call. */
static int start_call(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_host_call *call = lua_touserdata(L, 1);
    luaL_checkstack(L, 4, NULL);
    lua_pushvalue(L, 2);
    lua_replace(L, 1); /* fn, fn, ... */
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, lull__l_run_body, 1);
    lua_insert(L, 2); /* fn, run, fn, ... */
    call->task =
        lull__task_new(L, tasks, &tasks->root, lua_gettop(L) - 2, LULL_TASK_HOST);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 2);
    return 0;
}

struct lull_task *lull_call(struct lull_runtime *rt, int nargs, lull_outcome_fn done,
                            void *arg)
{
    lua_State *L = rt->tasks.L;
    struct lull_host_call *call = NULL;
    if (!rt->freeing)
        call = lull__mem_new(&rt->mem, sizeof *call);
    if (call == NULL || !lua_checkstack(L, 4)) {
        lull__mem_free(&rt->mem, call, sizeof *call);
        lua_pop(L, nargs + 1);
        return NULL;
    }
    *call = (struct lull_host_call){.task = NULL, .done = done, .arg = arg};
    lua_pushlightuserdata(L, call);
    lua_insert(L, -(nargs + 2));
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->start_ref);
    lua_insert(L, -(nargs + 3));
    if (lua_pcall(L, nargs + 2, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        lull__mem_free(&rt->mem, call, sizeof *call);
        return NULL;
    }
    lull__list_append(&rt->calls, &call->link);
    return call->task;
}

/* outcome(task) -> status, message | nil, traceback | nil, results or error ... */
static int push_host_outcome(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_touserdata(L, 1);
    enum lull_status status = LULL_DONE;
    if (task->future.status == LULL_FUTURE_DONE) {
        lua_pushinteger(L, status);
        lua_pushnil(L);
        lua_pushnil(L);
        return lull__push_results(L, &task->future, 1) + 3;
    }
    if (tasks->exiting) {
        lua_pushinteger(L, LULL_EXITED);
        return 1;
    }
    status = task->future.status == LULL_FUTURE_FAILED ? LULL_FAILED : LULL_CANCELLED;
    lua_getiuservalue(L, 1, 1); /* 2: the error */
    if (lull__is_error(L, 2)) {
        lua_getfield(L, 2, "kind");
        const char *kind = lua_tostring(L, -1);
        bool stuck = task->waker.flags & LULL_TASK_STUCK;
        if (status == LULL_FAILED && stuck && kind != NULL &&
            strcmp(kind, "deadlock") == 0)
            status = LULL_DEADLOCK;
        lua_pop(L, 1);
    }
    lua_pushinteger(L, status);
    if (task->future.results == 0)
        lua_pushliteral(L, "cancelled"); /* by force: there is no error object */
    else if (status != LULL_DEADLOCK || lua_getfield(L, 2, "message") != LUA_TSTRING)
        lull__push_error_text(L, 2);
    lull__push_trace(L, 1);
    lua_pushvalue(L, 2);
    return 4;
}

/* Describe the outcome without Lua's help: there was no memory, or a __tostring failed. */
static void bare_outcome(struct lull_outcome *outcome, const struct lull_task *task)
{
    outcome->status =
        task->future.status == LULL_FUTURE_DONE ? LULL_NO_MEMORY : LULL_FAILED;
    outcome->message = "the outcome could not be described";
    outcome->traceback = NULL;
    outcome->results = 0;
}

/* The string at an index, or NULL: raises nothing, changes nothing. */
static const char *string_at(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
}

/* A task started from C has ended: tell, once. */
static void host_ended(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    struct lull_runtime *rt = lull__runtime_of(tasks);
    lua_State *L = tasks->L;
    struct lull_list *node = rt->calls.next;
    while (LULL_CONTAINER(node, struct lull_host_call, link)->task != task)
        node = node->next;
    struct lull_host_call call = *LULL_CONTAINER(node, struct lull_host_call, link);
    lull__list_remove(node);
    lull__mem_free(&rt->mem, LULL_CONTAINER(node, struct lull_host_call, link),
                   sizeof call);
    task->future.received = true;
    if (call.done == NULL || !lua_checkstack(L, 8))
        return;
    int base = lua_gettop(L);
    struct lull_outcome outcome = {.L = L};
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->outcome_ref);
    lull__task_push(L, task);
    if (lua_pcall(L, 1, LUA_MULTRET, 0) == LUA_OK) {
        outcome.status = (enum lull_status)lua_tointeger(L, base + 1);
        outcome.message = string_at(L, base + 2);
        outcome.traceback = string_at(L, base + 3);
        outcome.results = lua_gettop(L) > base + 3 ? lua_gettop(L) - base - 3 : 0;
    } else {
        bare_outcome(&outcome, task);
    }
    call.done(rt, &outcome, call.arg);
    lua_settop(L, base);
}

/* cancel(task, reason): with a copy of the text */
static int cancel_call(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_touserdata(L, 1);
    lua_pushstring(L, lua_touserdata(L, 2));
    struct lull_reason *reason = lull__reason_new(L, tasks);
    lull__scope_cancel(&task->strand.root, reason);
    lull__reason_drop(tasks, reason);
    return 0;
}

void lull_cancel(struct lull_runtime *rt, struct lull_task *task, const char *reason)
{
    static const struct lull_reason by_host = {.text = "host"};
    lua_State *L = rt->tasks.L;
    if (reason != NULL && lua_checkstack(L, 4)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, rt->cancel_ref);
        lua_pushlightuserdata(L, task);
        lua_pushlightuserdata(L, (void *)reason);
        if (lua_pcall(L, 2, 0, 0) != LUA_OK)
            lua_pop(L, 1);
    }
    lull__scope_cancel(&task->strand.root, &by_host); /* unless it is done */
}

/* set_name(task, name) */
static int set_name(lua_State *L)
{
    struct lull_task *task = lua_touserdata(L, 1);
    lull__task_push(L, task);
    lua_pushstring(L, lua_touserdata(L, 2));
    lull__set_task_name(L, -2);
    return 0;
}

void lull_set_name(struct lull_runtime *rt, struct lull_task *task, const char *name)
{
    lua_State *L = rt->tasks.L;
    if (!lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, set_name);
    lua_pushlightuserdata(L, task);
    lua_pushlightuserdata(L, (void *)name);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* ---- running ------------------------------------------------------------------------------ */

static bool all_done(void *arg)
{
    struct lull_runtime *rt = arg;
    return rt->tasks.live == 0 || rt->stopping;
}

static struct lull_task *oldest_call(void *arg)
{
    struct lull_runtime *rt = arg;
    if (lull__list_empty(&rt->calls))
        return NULL;
    return LULL_CONTAINER(rt->calls.next, struct lull_host_call, link)->task;
}

/* Errors nobody received, now that the run is over. */
static int flush_errors(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lull__sink_flush(tasks->sink);
    lull__promises_flush(L, tasks);
    return 0;
}

static enum lull_status drive(struct lull_runtime *rt, uint64_t until)
{
    const struct lull_driver driver = {
        .done = all_done, .arg = rt, .until = until, .main = oldest_call};
    if (rt->sched.in_turn)
        return LULL_BAD_USE;
    rt->stopping = false;
    enum lull_drive_end end = lull__drive(rt->tasks.L, &rt->tasks, &driver);
    if (rt->tasks.live == 0 && !rt->tasks.exiting && lua_checkstack(rt->tasks.L, 4)) {
        lua_rawgeti(rt->tasks.L, LUA_REGISTRYINDEX, rt->flush_ref);
        if (lua_pcall(rt->tasks.L, 0, 0, 0) != LUA_OK)
            lua_pop(rt->tasks.L, 1);
    }
    if (rt->tasks.exiting)
        return LULL_EXITED;
    switch (end) {
    case LULL_DRIVE_STUCK:
        return LULL_DEADLOCK;
    case LULL_DRIVE_NESTED:
        return LULL_BAD_USE;
    default:
        return LULL_DONE;
    }
}

enum lull_status lull_run(struct lull_runtime *rt)
{
    rt->interrupts = rt->served = 0;
    return drive(rt, LULL_NEVER);
}

enum lull_status lull_step(struct lull_runtime *rt, double timeout)
{
    return drive(rt, lull__timers_after(&rt->guards, timeout));
}

void lull_stop(struct lull_runtime *rt)
{
    rt->stopping = true;
    lull__inbox_signal(rt->inbox);
}

int lull_interrupt(struct lull_runtime *rt)
{
    bool taken = rt->tasks.interrupts_taken || rt->tasks.interruptible != NULL;
    int before = taken ? 0 : (int)rt->interrupts;
    rt->interrupts++;
    lull__slice_arm(&rt->tasks.slice);
    lull__inbox_signal(rt->inbox);
    return before;
}

/* ---- posting ----------------------------------------------------------------------------------- */

struct post {
    struct lull_message message;
    struct lull_runtime *rt;
    void (*fn)(struct lull_runtime *rt, void *arg);
    void *arg;
};

static void deliver_post(struct lull_message *message)
{
    struct post post = *LULL_CONTAINER(message, struct post, message);
    free(LULL_CONTAINER(message, struct post, message));
    post.fn(post.rt, post.arg);
}

static void drop_post(struct lull_message *message)
{
    free(LULL_CONTAINER(message, struct post, message));
}

enum lull_status lull_post(struct lull_runtime *rt,
                           void (*fn)(struct lull_runtime *rt, void *arg), void *arg)
{
    struct post *post =
        malloc(sizeof *post); /* from any thread: not the runtime's account */
    if (post == NULL)
        return LULL_NO_MEMORY;
    *post = (struct post){.message = {.deliver = deliver_post, .drop = drop_post},
                          .rt = rt,
                          .fn = fn,
                          .arg = arg};
    if (lull__inbox_post(rt->inbox, &post->message))
        return LULL_DONE;
    return LULL_BAD_USE;
}

/* ---- looking ------------------------------------------------------------------------------------- */

static int push_dump(lua_State *L)
{
    lull__push_tree(L, lull__tasks(L));
    return 1;
}

void lull_dump(struct lull_runtime *rt, int fd)
{
    lua_State *L = rt->tasks.L;
    if (!lua_checkstack(L, 4))
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->dump_ref);
    if (lua_pcall(L, 0, 1, 0) == LUA_OK) {
        size_t size;
        const char *text = lua_tolstring(L, -1, &size);
        while (size > 0) {
            ssize_t written = write(fd, text, size);
            if (written < 0 && errno != EINTR)
                break;
            if (written > 0) {
                text += written;
                size -= (size_t)written;
            }
        }
    }
    lua_pop(L, 1);
}

void lull_request_dump(struct lull_runtime *rt, int fd)
{
    rt->dump_fd = fd + 1;
    lull__inbox_signal(rt->inbox);
}

int lull__api_init(lua_State *L)
{
    static const lua_CFunction functions[] = {start_call, push_host_outcome, flush_errors,
                                              push_dump, cancel_call};
    struct lull_runtime *rt = lua_touserdata(L, 1);
    int *const refs[] = {&rt->start_ref, &rt->outcome_ref, &rt->flush_ref, &rt->dump_ref,
                         &rt->cancel_ref};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushlightuserdata(L, rt);
        lua_pushcclosure(L, functions[i], 1);
        *refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    rt->tasks.host_ended = host_ended;
    return 0;
}
