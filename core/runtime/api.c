/* SPDX-License-Identifier: MIT */
/*
 * api.c -- lull.h: creating, loading, running, posting.
 *
 * Nothing that may raise is called here outside a protected call.
 */
#include "runtime/drive.h"
#include "runtime/plugin.h"
#include "runtime/runtime.h"
#include "stdlib/chunk.h"
#include "task/promise.h"

#include <stdlib.h>
#include <string.h>

#define UNHEARD 1000000000 /* ns until it is told that nothing has heard an interrupt */

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
    return lull__runtime_new(&taken, NULL, NULL, NULL);
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

void lull_push_global(struct lull_runtime *rt, struct lull_plugin *plugin,
                      const char *name)
{
    lua_State *L = rt->tasks.L;
    if (plugin != NULL)
        lull__plugin_push_globals(L, plugin);
    else
        lua_pushglobaltable(L);
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
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

enum lull_status lull_load(struct lull_runtime *rt, const char *source, size_t size,
                           const char *chunkname)
{
    return lull__load_source(&rt->tasks, rt->tasks.own.all, source, size, chunkname);
}

enum lull_status lull_load_file(struct lull_runtime *rt, const char *path)
{
    return lull__load_file(&rt->tasks, rt->tasks.own.all, path);
}

/* ---- running ------------------------------------------------------------------------------ */

static bool all_done(void *arg)
{
    struct lull_runtime *rt = arg;
    return rt->stopping || lull_is_idle(rt);
}

static struct lull_task *oldest_call(void *arg)
{
    struct lull_runtime *rt = arg;
    if (lull__list_empty(&rt->calls))
        return NULL;
    return LULL_CONTAINER(rt->calls.next, struct lull_call, link)->task;
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
    if (rt->sched.in_turn || rt->freeing || rt->loop.drivers > 0)
        return LULL_BAD_USE;
    rt->stopping = false;
    bool held = lull__mem_hold(&rt->mem, true);
    enum lull_drive_end end = lull__drive(rt->tasks.L, &rt->tasks, &driver);
    if (rt->tasks.live == 0 && !rt->tasks.exiting && lua_checkstack(rt->tasks.L, 4)) {
        lua_rawgeti(rt->tasks.L, LUA_REGISTRYINDEX, rt->flush_ref);
        if (lua_pcall(rt->tasks.L, 0, 0, 0) != LUA_OK)
            lua_pop(rt->tasks.L, 1);
    }
    lull__mem_hold(&rt->mem, held);
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
    uint64_t now = lull__clock_now();
    if (rt->served == rt->interrupts)
        rt->unserved_since = now;
    bool heard = now - rt->unserved_since < UNHEARD;
    int before = taken && heard ? 0 : (int)rt->interrupts;
    rt->interrupts++;
    lull__slice_arm(&rt->tasks.slice, LULL_DUE_INTERRUPT);
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
    bool held = lull__mem_hold(&post.rt->mem, false); /* the host may push */
    post.fn(post.rt, post.arg);
    lull__mem_hold(&post.rt->mem, held);
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

int lull__api_init(lua_State *L)
{
    static const lua_CFunction functions[] = {flush_errors, lull__push_dump};
    struct lull_runtime *rt = lua_touserdata(L, 1);
    int *const refs[] = {&rt->flush_ref, &rt->dump_ref};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushlightuserdata(L, rt);
        lua_pushcclosure(L, functions[i], 1);
        *refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return lull__call_init(L);
}
