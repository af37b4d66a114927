/* SPDX-License-Identifier: MIT */
/*
 * sink.c -- delivering errors to lull.on_error or the host.
 */
#include "task/sink.h"

#include "base/error.h"
#include "task/check.h"
#include "task/trace.h"

#include <stdio.h>
#include <string.h>

static void deliver_queue(struct lull_runnable *self)
{
    struct lull_sink *sink = LULL_CONTAINER(self, struct lull_sink, runnable);
    sink->queued = false;
    lull__sink_flush(sink);
}

/* Deliver soon. */
static void wake(struct lull_sink *sink)
{
    if (!sink->queued && !sink->tasks->sched->stop) {
        sink->queued = true;
        lull__sched_push(sink->tasks->sched, &sink->runnable);
    }
}

static void report_stderr(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

void lull__sink_init(struct lull_sink *sink, struct lull_tasks *tasks,
                     void (*report)(void *arg, const char *text), void *arg)
{
    memset(sink, 0, sizeof *sink);
    sink->tasks = tasks;
    sink->runnable.run = deliver_queue;
    lull__list_init(&sink->failed);
    sink->report = report != NULL ? report : report_stderr;
    sink->report_arg = arg;
    tasks->sink = sink;
}

void lull__sink_say(const struct lull_sink *sink, const char *text)
{
    sink->report(sink->report_arg, text);
}

void lull__sink_task(struct lull_task *task)
{
    struct lull_sink *sink = lull__task_tasks(task)->sink;
    lull__list_append(&sink->failed, &task->strand.link);
    wake(sink);
}

void lull__sink_resume(struct lull_sink *sink)
{
    if (!lull__list_empty(&sink->failed) || sink->lost > 0)
        wake(sink);
}

/* report(err, name, trace, second): text for the host; raises memory errors only. */
static int report(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_settop(L, 4);
    luaL_Buffer text;
    lull__push_error_text(L, 1);
    lua_replace(L, 1);
    if (!lua_isnil(L, 4)) {
        lull__push_error_text(L, 4);
        lua_replace(L, 4);
    }
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "lull: error nobody received: ");
    lua_pushvalue(L, 1);
    luaL_addvalue(&text);
    if (lua_isstring(L, 2)) {
        luaL_addstring(&text, " (in task ");
        lua_pushvalue(L, 2);
        luaL_addvalue(&text);
        luaL_addchar(&text, ')');
    }
    if (lua_isstring(L, 3)) {
        luaL_addchar(&text, '\n');
        lua_pushvalue(L, 3);
        luaL_addvalue(&text);
    }
    if (!lua_isnil(L, 4)) {
        luaL_addstring(&text, "\nlull: and the handler of lull.on_error raised: ");
        lua_pushvalue(L, 4);
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    tasks->sink->report(tasks->sink->report_arg, lua_tostring(L, -1));
    return 0;
}

/* deliver(err, task, trace): the handler, or the report. */
static int deliver(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_settop(L, 3);
    bool failed = false;
    if (tasks->realm->handler_ref != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->realm->handler_ref);
        lua_insert(L, 1);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        lua_pushvalue(L, 1);
        lua_insert(L, 5); /* handler err task trace handler err task trace */
        failed = lua_pcall(L, 3, 0, 0) != LUA_OK;
        if (!failed || tasks->exiting) /* os.exit in the handler is no error */
            return 0;
        lua_remove(L, 1); /* err task trace second */
    } else {
        lua_pushnil(L);
    }
    if (lua_isuserdata(L, 2)) {
        lull__push_task_name(L, 2);
        lua_replace(L, 2);
    }
    lua_pushlightuserdata(L, tasks);
    lua_pushcclosure(L, report, 1);
    lua_insert(L, 1);
    lua_call(L, 4, 0);
    return 0;
}

/* Report the error at an index without running any script code. */
static void say_bare(lua_State *L, const struct lull_sink *sink, int index)
{
    bool is_text = lua_type(L, index) == LUA_TSTRING;
    lull__sink_say(sink, is_text ? lua_tostring(L, index)
                                 : "lull: an error nobody received, of a script that has "
                                   "used up the time for its handlers");
}

/* Call deliver with the three values on top.  Whatever fails is reported bare. */
static void protected_deliver(lua_State *L, struct lull_tasks *tasks)
{
    struct lull_task *running = tasks->running;
    struct lull_outside outside;
    if (!lull__outside_begin(tasks, L, &outside)) {
        say_bare(L, tasks->sink, -3);
        lua_pop(L, 3);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->sink->deliver_ref);
    lua_insert(L, -4);
    tasks->running = NULL; /* the handler is no task's code: it may not wait */
    if (lua_pcall(L, 3, 0, 0) != LUA_OK) {
        tasks->sink->report(tasks->sink->report_arg,
                            "lull: an error that nobody received could not be reported");
        lua_pop(L, 1);
    }
    tasks->running = running;
    lull__outside_end(tasks, &outside);
}

void lull__sink_error(lua_State *L, struct lull_tasks *tasks)
{
    luaL_checkstack(L, 12, NULL);
    if (tasks->running != NULL) {
        lull__task_push(L, tasks->running);
        lull__push_note(L, tasks->running, -2);
    } else {
        lua_pushnil(L);
        lua_pushnil(L);
    }
    protected_deliver(L, tasks);
}

void lull__sink_later(lua_State *L, struct lull_tasks *tasks, struct lull_realm *realm)
{
    struct lull_sink *sink = tasks->sink;
    if (tasks->sched->stop) {
        say_bare(L, sink, -1);
        lua_pop(L, 1);
        return;
    }
    luaL_checkstack(L, 4, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, sink->lost_ref);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, realm);
    lua_rawseti(L, -3, 2 * sink->lost + 2);
    lua_rawseti(L, -2, 2 * sink->lost + 1);
    lua_pop(L, 1);
    sink->lost++;
    wake(sink);
}

struct lost {
    lull_push_fn push;
    void *arg;
};

/* keep(lost) */
static int keep(lua_State *L)
{
    const struct lost *lost = lua_touserdata(L, 1);
    struct lull_tasks *tasks = lull__tasks(L);
    lost->push(L, lost->arg);
    lull__sink_later(L, tasks, tasks->realm);
    return 0;
}

void lull_report(struct lull_runtime *rt, lull_push_fn push, void *arg)
{
    struct lull_tasks *tasks = lull__tasks_of(rt);
    lua_State *L = tasks->from;
    struct lost lost = {.push = push, .arg = arg};
    if (!lua_checkstack(L, 4)) {
        lull__sink_say(tasks->sink, "lull: an error could not be reported");
        return;
    }
    lua_pushlightuserdata(L, tasks);
    lua_pushcclosure(L, keep, 1);
    lua_pushlightuserdata(L, &lost);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lull__sink_say(tasks->sink, "lull: an error could not be reported");
        lua_pop(L, 1);
    }
}

void lull__sink_traced(lua_State *L, struct lull_tasks *tasks)
{
    luaL_checkstack(L, 12, NULL);
    if (tasks->running != NULL)
        lull__task_push(L, tasks->running);
    else
        lua_pushnil(L);
    lua_insert(L, -2);
    protected_deliver(L, tasks);
}

/* task -> err, task, trace */
static int unpack_task(lua_State *L)
{
    lua_getiuservalue(L, 1, 1);
    lua_insert(L, 1);
    lull__push_trace(L, 2);
    return 3;
}

/* Deliver the first failed task. */
static void deliver_task(lua_State *L, struct lull_sink *sink)
{
    struct lull_strand *strand =
        LULL_CONTAINER(sink->failed.next, struct lull_strand, link);
    struct lull_task *task = lull__strand_task(strand);
    struct lull_realm *outer = sink->tasks->realm;
    lull__list_remove(&strand->link);
    lua_pushcfunction(L, unpack_task);
    lull__task_push(L, task);
    sink->tasks->realm = task->realm; /* whose handler it is, and whose error */
    if (lua_pcall(L, 1, 3, 0) == LUA_OK) {
        protected_deliver(L, sink->tasks);
    } else {
        sink->report(sink->report_arg, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    sink->tasks->realm = outer;
    task->waker.flags &= (uint8_t)~LULL_TASK_SINKING;
    lull__task_receive(task);
}

/* Take slot `index` out of the table on top. */
static void take(lua_State *L, int index)
{
    lua_rawgeti(L, -1, index);
    lua_pushnil(L);
    lua_rawseti(L, -3, index); /* it was there: raises nothing */
}

/* Deliver the last of the errors that were kept. */
static void deliver_lost(lua_State *L, struct lull_sink *sink)
{
    struct lull_realm *outer = sink->tasks->realm;
    int last = 2 * --sink->lost;
    lua_rawgeti(L, LUA_REGISTRYINDEX, sink->lost_ref);
    take(L, last + 2);
    sink->tasks->realm = lua_touserdata(L, -1);
    lua_pop(L, 1);
    take(L, last + 1);
    lua_remove(L, -2);
    lua_pushnil(L);
    lua_pushnil(L);
    protected_deliver(L, sink->tasks);
    sink->tasks->realm = outer;
}

void lull__sink_flush(struct lull_sink *sink)
{
    const struct lull_sched *sched = sink->tasks->sched;
    lua_State *L = sink->tasks->from;
    while (!lull__list_empty(&sink->failed) || sink->lost > 0) {
        if (!lua_checkstack(L, 12))
            return;
        if (sched->in_turn && sched->late) { /* others first */
            wake(sink);
            return;
        }
        if (!lull__list_empty(&sink->failed))
            deliver_task(L, sink);
        else
            deliver_lost(L, sink);
    }
}

void lull__sink_open(lua_State *L, struct lull_sink *sink)
{
    lua_pushlightuserdata(L, sink->tasks);
    lua_pushcclosure(L, deliver, 1);
    sink->deliver_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    sink->lost_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

int lull__l_on_error(lua_State *L)
{
    struct lull_realm *realm = lull__tasks(L)->realm;
    if (!lua_isnoneornil(L, 1))
        lull__check_callable(L, 1);
    lua_settop(L, 1);
    if (realm->handler_ref != LUA_NOREF)
        lua_rawgeti(L, LUA_REGISTRYINDEX, realm->handler_ref);
    else
        lua_pushnil(L);
    int old = realm->handler_ref;
    realm->handler_ref = LUA_NOREF;
    if (!lua_isnil(L, 1)) {
        lua_pushvalue(L, 1);
        realm->handler_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, old);
    return 1;
}
