/* SPDX-License-Identifier: MIT */
/*
 * runtime.c -- ordered creation and teardown.
 *
 * Creation goes bottom-up, and what needs Lua runs in one protected call.
 * Teardown goes top-down: tasks end (grace, then force), handles close, the
 * state goes with everything in it, then threads, mailbox and loop.  A
 * runtime that could not be completed is torn down the same way.
 */
#include "runtime/runtime.h"

#include "async/combine.h"
#include "async/scopelib.h"
#include "async/taskclass.h"
#include "base/error.h"
#include "runtime/clash.h"
#include "runtime/drive.h"
#include "runtime/force.h"
#include "runtime/module.h"
#include "runtime/plugin.h"
#include "runtime/preempt.h"
#include "stdlib/final.h"
#include "stdlib/protect.h"
#include "task/await.h"
#include "task/frame.h"
#include "task/output.h"
#include "task/promise.h"
#include "task/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- siblings for those who only know the name ------------------------------------ */

struct lull_handles *lull__handles_of(struct lull_runtime *rt)
{
    return &rt->handles;
}

struct lull_jobs *lull__jobs_of(struct lull_runtime *rt)
{
    return &rt->jobs;
}

struct lull_tokens *lull__tokens_of(struct lull_runtime *rt)
{
    return &rt->tokens;
}

struct lull_objects *lull__objects_of(struct lull_runtime *rt)
{
    return &rt->objects;
}

/* ---- turns --------------------------------------------------------------------------- */

static void on_turn(void *arg)
{
    struct lull_runtime *rt = arg;
    struct lull_slice *slice = &rt->tasks.slice;
    if (slice->signal != 0 && lull__loop_give_way(&rt->loop, 2 * slice->least_tick))
        return;
    lull__drive_turn(&rt->tasks);
}

static void deliver_mail(struct lull_runnable *self)
{
    struct lull_runtime *rt = LULL_CONTAINER(self, struct lull_runtime, mail);
    rt->mail_queued = false;
    lull__runtime_serve_interrupts(rt);
    lull__runtime_serve_dump(rt->tasks.L, rt);
    lull__inbox_deliver(rt->inbox);
}

/* Something is in the inbox, or an interrupt came: from a loop callback. */
static void on_mail(void *arg)
{
    struct lull_runtime *rt = arg;
    if (!rt->mail_queued) {
        rt->mail_queued = true;
        lull__sched_push(&rt->sched, &rt->mail);
    }
}

void lull__runtime_serve_interrupts(struct lull_runtime *rt)
{
    static const struct lull_reason interrupted = {.text = "interrupt"};
    if (rt->served == rt->interrupts)
        return;
    rt->served = rt->interrupts;
    struct lull_task *task = rt->tasks.interruptible;
    if (task == NULL && !rt->tasks.interrupts_taken && !lull__list_empty(&rt->calls))
        task = LULL_CONTAINER(rt->calls.next, struct lull_call, link)->task;
    if (task != NULL && !lull__task_ended(task))
        lull__scope_cancel(&task->strand.root, &interrupted);
}

/* The hook fired in a running script: an interrupt, a look, or its slice is over. */
static enum lull_fire on_fire(lua_State *L, lua_Debug *ar, bool may_yield, void *arg)
{
    struct lull_runtime *rt = arg;
    struct lull_slice *slice = &rt->tasks.slice;
    if (slice->due & LULL_DUE_DUMP)
        lull__runtime_serve_dump(L, rt);
    if (slice->due & LULL_DUE_SAMPLE) {
        slice->due &= ~LULL_DUE_SAMPLE;
        if (rt->profile != NULL)
            lull__profile_take(L, rt->profile, &rt->tasks);
    }
    if (slice->due & LULL_DUE_INTERRUPT) {
        slice->due &= ~LULL_DUE_INTERRUPT;
        lull__runtime_serve_interrupts(rt);
        struct lull_task *task = rt->tasks.running;
        if (task != NULL && L == slice->running && !task->strand.innermost->closing)
            lull__check_cancelled(L, task);
    }
    return slice->due ? lull__preempt(L, &rt->tasks, ar, may_yield) : LULL_FIRE_GO_ON;
}

/* ---- creation -------------------------------------------------------------------------- */

/* Why there is no runtime, for a host that wants to be told. */
static void tell(const struct lull_options *options, const char *text)
{
    if (options->report != NULL && text != NULL)
        options->report(options->report_arg, text);
}

/* init(rt): everything that needs Lua. */
static int init_lua(lua_State *L)
{
    struct lull_runtime *rt = lua_touserdata(L, 1);
    struct lull_tasks *tasks = &rt->tasks;
    luaL_checkversion(L);
    lull__tag_set(tasks->L, tasks, 0);
    lull__slice_register(L, &tasks->slice);
    lull__anchors_init(L, &tasks->anchors, &rt->mem);
    if (rt->ignore_environment) {
        lua_pushboolean(L, 1);
        lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
    }
    if (rt->owns_state)
        luaL_openlibs(L);
    lua_pushliteral(L, "a yield that lull does not know left this task: "
                       "coroutine.yield was taken before lull was loaded");
    tasks->stray_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lull__error_init(L);
    lull_push_error(L, LULL_KIND_CANCELLED, "cancelled (memory is short)");
    tasks->spare_slot = lull__anchor(L, &tasks->anchors);
    lull_push_error(L, LULL_KIND_LIMIT, "killed");
    tasks->kill_slot = lull__anchor(L, &tasks->anchors);
    lua_pushlightuserdata(L, rt);
    lua_pushcclosure(L, lull__l_trace, 1);
    tasks->handler_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lull__taskclass_init(L, tasks);
    lull__promise_init(L, tasks);
    lull__scopelib_init(L, tasks);
    lull__wait_init(L, tasks);
    lull__drive_init(L, tasks);
    if (!rt->owns_state) { /* before it is replaced */
        lua_getglobal(L, "os");
        lua_getfield(L, -1, "exit");
        tasks->stock_exit = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lull__sink_open(L, &rt->sink);
    lull__ext_init(L, rt);
    lull__take_warnings(L, tasks);
    lull__module_init(L, tasks);
    return lull__api_init(L);
}

static void init_tasks(struct lull_runtime *rt)
{
    struct lull_tasks *tasks = &rt->tasks;
    tasks->mem = &rt->mem;
    tasks->loop = &rt->loop;
    tasks->sched = &rt->sched;
    tasks->timers = &rt->timers;
    tasks->main = lull__task_main;
    tasks->before_cancel = lull__before_cancel;
    tasks->frames_drop = lull__frames_drop;
    tasks->trace_drop = lull__trace_drop;
    tasks->to_sink = lull__sink_task;
    tasks->kill_now = lull__task_kill_now;
    lull__scope_init(&tasks->root, LULL_SCOPE_DETACHED, NULL, NULL);
    lull__list_init(&tasks->settlers);
    lull__list_init(&tasks->plugins);
    lull__list_init(&tasks->lives);
    lull__slice_init(&tasks->slice, on_fire, rt);
    tasks->slice.late = &rt->sched.late;
}

#define DEFAULT_SLICE 0.005 /* seconds */
#define DEFAULT_STALL 0.25

/* A limit in seconds as ns; 0: none. */
static uint64_t to_limit(double seconds)
{
    return seconds > 0 && seconds < 1e9 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
}

/* How much scripts may; false when the signal cannot be used, which is reported. */
static bool set_limits(struct lull_runtime *rt, const struct lull_options *options)
{
    struct lull_tasks *tasks = &rt->tasks;
    tasks->task_limit = to_limit(options->cpu_limit);
    tasks->counts_time = options->cpu_limit > 0;
    tasks->stall_limit = to_limit(options->stall > 0 ? options->stall : DEFAULT_STALL);
    tasks->limited = options->cpu_limit > 0 ||
                     (options->slice_signal != 0 && tasks->stall_limit != UINT64_MAX);
    tasks->max_tasks = options->max_tasks;
    rt->limits.handles = options->max_handles;
    rt->limits.buffered = options->max_buffered;
    if (options->slice_signal == 0)
        return true;
    double slice = options->slice > 0 ? options->slice : DEFAULT_SLICE;
    int error = lull__slice_open(&tasks->slice, options->slice_signal, slice);
    if (error == EINVAL)
        lull__sink_say(&rt->sink,
                       "lull: slice_signal: not a signal that lull_lend_signal() "
                       "was given");
    else if (error != 0)
        lull__sink_say(&rt->sink, "lull: slice_signal: no timer for time slices");
    return error == 0;
}

/* Who hears of what. */
static void set_outlets(struct lull_tasks *tasks, const struct lull_options *options)
{
    tasks->outlets = (struct lull_outlets){
        .audit = options->audit,
        .audit_arg = options->audit_arg,
        .print = options->print,
        .print_arg = options->print_arg,
        .limit = options->max_output,
        .log = options->log,
        .log_arg = options->log_arg,
    };
    tasks->find = options->find;
    tasks->find_arg = options->find_arg;
}

/* What scripts may; false when the rules cannot be read, which is reported. */
static bool set_permissions(struct lull_runtime *rt, const struct lull_options *options,
                            struct lull_policy *policy)
{
    struct lull_tasks *tasks = &rt->tasks;
    struct lull_bad_rule bad = {NULL, "there is no memory"};
    char text[512];
    tasks->realm = &tasks->own;
    tasks->own.own = true;
    tasks->own.handler_ref = LUA_NOREF;
    tasks->own.policy = policy != NULL
                            ? lull_policy_ref(policy)
                            : lull__policy_new(options->permissions, NULL, &bad);
    if (tasks->own.policy == NULL) {
        snprintf(text, sizeof text, "lull: permissions: \"%s\": %s",
                 bad.rule != NULL ? bad.rule : "", bad.why);
        lull__sink_say(&rt->sink, text);
        return false;
    }
    tasks->own.all = lull__policy_is_all(tasks->own.policy);
    return true;
}

static lua_State *new_state(struct lull_runtime *rt, const struct lull_options *options)
{
    rt->ignore_environment = options->ignore_environment != 0;
    return lua_newstate(lull__mem_lua, &rt->mem);
}

/*
 * The runtime's own block comes from the host's allocator too (unless the state
 * lends it), and counts.  The account is inside: it begins when the block is there.
 */
static struct lull_runtime *new_block(const struct lull_options *options, void *block)
{
    struct lull_runtime *rt = block;
    size_t size = sizeof *rt;
    if (options->memory_limit != 0 && options->memory_limit < size)
        return NULL;
    if (rt == NULL)
        rt = options->alloc != NULL ? options->alloc(options->alloc_ud, NULL, 0, size)
                                    : malloc(size);
    if (rt == NULL)
        return NULL;
    memset(rt, 0, size);
    lull__mem_init(&rt->mem, options->alloc, options->alloc_ud, options->memory_limit);
    rt->mem.used = rt->mem.peak = size;
    return rt;
}

static void free_block(struct lull_runtime *rt)
{
    if (rt->attached) { /* the block is the state's */
        lull__mem_deinit(&rt->mem);
        return;
    }
    bool own = rt->mem.ud == &rt->mem.slab;
    lull_alloc_fn alloc = rt->mem.alloc;
    void *ud = rt->mem.ud;
    lull__mem_deinit(&rt->mem);
    if (own)
        free(rt);
    else
        alloc(ud, rt, sizeof *rt, 0);
}

struct lull_runtime *lull__runtime_new(const struct lull_options *options, lua_State *L,
                                       void *block, struct lull_policy *policy)
{
    static const char refused[] = "lull: memory or descriptors are refused";
    static const char no_memory[] = "lull: not enough memory";
    char clash[1024];
    if (lull__lua_clashes(clash, sizeof clash)) {
        tell(options, clash);
        return NULL;
    }
    struct lull_runtime *rt = new_block(options, block);
    if (rt == NULL) {
        tell(options, no_memory);
        return NULL;
    }
    rt->owns_state = L == NULL;
    rt->attached = block != NULL;
    lull__list_init(&rt->calls);
    rt->mail.run = deliver_mail;
    lull__handles_init(&rt->handles);
    lull__timers_init(&rt->timers, &rt->mem);
    lull__timers_init(&rt->guards, &rt->mem);
    if (lull__loop_init(&rt->loop, options->base, on_turn, rt) != 0) {
        tell(options, refused);
        free_block(rt);
        return NULL;
    }
    lull__sched_init(&rt->sched, &rt->loop, &rt->timers, &rt->guards, &rt->mem);
    rt->sched.owner = &rt->tasks;
    init_tasks(rt);
    lull__sink_init(&rt->sink, &rt->tasks, options->report, options->report_arg);
    set_outlets(&rt->tasks, options);
    bool may_begin = set_permissions(rt, options, policy) && set_limits(rt, options);
    rt->inbox = lull__inbox_new(rt->loop.base, on_mail, rt);
    rt->tokens.inbox = rt->inbox;
    rt->tasks.L = L != NULL ? L : new_state(rt, options);
    rt->tasks.from = rt->tasks.L;
    if (rt->inbox != NULL)
        lull__jobs_init(&rt->jobs, &rt->loop, rt->inbox);
    if (may_begin && rt->inbox != NULL && rt->tasks.L != NULL &&
        lua_checkstack(rt->tasks.L, 4)) {
        lua_pushcfunction(rt->tasks.L, init_lua);
        lua_pushlightuserdata(rt->tasks.L, rt);
        int status = lua_pcall(rt->tasks.L, 1, 0, 0);
        if (status == LUA_OK) {
            lull__mem_hold(&rt->mem, rt->attached);
            return rt;
        }
        if (status == LUA_ERRMEM)
            tell(options, no_memory);
        else if (lua_type(rt->tasks.L, -1) == LUA_TSTRING)
            tell(options, lua_tostring(rt->tasks.L, -1));
        lua_pop(rt->tasks.L, 1);
    } else if (may_begin) {
        tell(options, rt->inbox == NULL ? refused : no_memory);
    }
    lull__runtime_free(rt, 0);
    return NULL;
}

/* ---- teardown ----------------------------------------------------------------------------- */

/*
 * Close the scripts' handles; what closed streams have yet to send they send in
 * the background, for up to `grace` seconds.
 */
static void finish_background(struct lull_runtime *rt, double grace)
{
    uint64_t until = lull__timers_after(&rt->guards, grace);
    lull__handles_close_open(&rt->handles);
    while (rt->handles.background > 0 && lull__clock_now() < until) {
        lull__loop_set_alarm(&rt->loop, until);
        if (lull__loop_is_running(&rt->loop) || lull__loop_poll(&rt->loop, true) < 0)
            return;
        lull__inbox_deliver(rt->inbox); /* from threads that have ended */
    }
}

void lull__runtime_free(struct lull_runtime *rt, double grace)
{
    struct lull_tasks *tasks = &rt->tasks;
    rt->freeing = true;
    lull__mem_hold(&rt->mem, true);
    lull__final_stop(tasks);
    if (tasks->L != NULL && tasks->anchors.table != 0) {
        lull__drive_end(tasks, rt->inbox, grace);
        if (grace > 0)
            finish_background(rt, grace);
        if (!tasks->exiting)
            lull__sink_flush(&rt->sink);
    }
    lull__tokens_close(&rt->tokens);
    lull__sched_stop(&rt->sched);
    lull__handles_close_all(&rt->handles);
    if (rt->inbox != NULL)
        lull__jobs_close(&rt->jobs);
    if (rt->owns_state && tasks->L != NULL)
        lua_close(tasks->L);
    lull_profile_stop(rt, NULL, NULL);
    lull__slice_close(&tasks->slice);
    lull__frames_deinit(tasks);
    lull__anchors_deinit(&tasks->anchors);
    lull__plugins_deinit(tasks);
    lull_policy_unref(tasks->own.policy);
    tasks->own.policy = NULL;
    if (rt->inbox != NULL) {
        lull__inbox_close(rt->inbox);
        lull__inbox_unref(rt->inbox);
    }
    lull__answer_end(&rt->question, false);
    lull__timers_deinit(&rt->timers);
    lull__timers_deinit(&rt->guards);
    lull__loop_deinit(&rt->loop);
    free_block(rt);
}
