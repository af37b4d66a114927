/* SPDX-License-Identifier: MIT */
/*
 * look.c -- lull.h: the tree of tasks, statistics, deadlines.
 */
#include "async/taskclass.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

int lull__push_dump(lua_State *L)
{
    lull__push_tree(L, lull__tasks(L));
    return 1;
}

/* Call the function on top and write the text that it returns. */
static void write_result(lua_State *L, int fd)
{
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

/* On L, the running thread or, where none runs, the main one. */
static void dump(lua_State *L, const struct lull_runtime *rt, int fd)
{
    if (!lua_checkstack(L, 4))
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->dump_ref);
    write_result(L, fd);
}

/* where() -> where the script is that was interrupted */
static int push_where(lua_State *L)
{
    luaL_traceback(L, L, NULL, 1);
    lua_pushliteral(L, "\n");
    lua_concat(L, 2);
    return 1;
}

void lull_dump(struct lull_runtime *rt, int fd)
{
    dump(rt->tasks.L, rt, fd);
}

void lull_request_dump(struct lull_runtime *rt, int fd)
{
    rt->dump_fd = fd + 1; /* first: what is armed fires at once */
    lull__slice_arm(&rt->tasks.slice, LULL_DUE_DUMP);
    lull__inbox_signal(rt->inbox);
}

int lull_answer(struct lull_runtime *rt, const void *siginfo)
{
    if (!lull__answer_hear(&rt->question, siginfo))
        return 0;
    lull__slice_arm(&rt->tasks.slice, LULL_DUE_DUMP);
    lull__inbox_signal(rt->inbox);
    return 1;
}

/* The tree, and where the script is that was interrupted, if one was. */
static void dump_all(lua_State *L, const struct lull_runtime *rt, int fd)
{
    dump(L, rt, fd);
    if (L != rt->tasks.L && lua_checkstack(L, 4)) {
        lua_pushcfunction(L, push_where);
        write_result(L, fd);
    }
}

void lull__runtime_serve_dump(lua_State *L, struct lull_runtime *rt)
{
    struct lull_slice *slice = &rt->tasks.slice;
    int fd = rt->dump_fd - 1;
    slice->due &= ~LULL_DUE_DUMP;
    rt->dump_fd = 0;
    if (fd >= 0)
        dump_all(L, rt, fd);
    if (rt->question.asked) {
        dump_all(L, rt, rt->question.file);
        lull__answer_end(&rt->question, true);
    }
}

/* ---- views ------------------------------------------------------------------------- */

struct viewing {
    lull_view_fn fn;
    void *arg;
};

static int tell_view(const struct lull_task_view *view, void *arg)
{
    struct viewing *viewing = arg;
    return viewing->fn(viewing->arg, view);
}

/* each_task(viewing) */
static int each_task(lua_State *L)
{
    struct viewing *viewing = lua_touserdata(L, 1);
    lull__each_view(L, lua_touserdata(L, 2), tell_view, viewing);
    return 0;
}

/* Call fn(L) with two pointers, protected. */
static bool call_protected(lua_State *L, lua_CFunction fn, void *first, void *second)
{
    if (!lua_checkstack(L, 4))
        return false;
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, first);
    lua_pushlightuserdata(L, second);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

void lull_each_task(struct lull_runtime *rt, lull_view_fn fn, void *arg)
{
    struct viewing viewing = {fn, arg};
    call_protected(rt->tasks.L, each_task, &viewing, &rt->tasks);
}

/* look(view, task) */
static int look(lua_State *L)
{
    lull__push_view(L, lua_touserdata(L, 2), lua_touserdata(L, 1));
    return 0;
}

enum lull_status lull_look(struct lull_runtime *rt, const struct lull_task *task,
                           struct lull_task_view *view)
{
    memset(view, 0, sizeof *view);
    return call_protected(rt->tasks.L, look, view, (void *)task) ? LULL_DONE
                                                                 : LULL_NO_MEMORY;
}

/* ---- profiles ----------------------------------------------------------------------- */

int lull_profile_start(struct lull_runtime *rt, double interval)
{
    if (rt->profile != NULL)
        return EALREADY;
    rt->profile = lull__profile_new(&rt->mem);
    if (rt->profile == NULL)
        return ENOMEM;
    int error = lull__slice_sample(&rt->tasks.slice, interval > 0 ? interval : 0.001);
    if (error != 0)
        lull_profile_stop(rt, NULL, NULL);
    return error;
}

void lull_profile_stop(struct lull_runtime *rt, lull_profile_fn fn, void *arg)
{
    if (rt->profile == NULL)
        return;
    lull__slice_sample_end(&rt->tasks.slice);
    if (fn != NULL)
        lull__profile_tell(rt->profile, &rt->tasks.slice, fn, arg);
    lull__profile_free(rt->profile, &rt->mem);
    rt->profile = NULL;
}

/* ---- names -------------------------------------------------------------------------- */

const char *lull_status_name(enum lull_status status)
{
    static const char *const names[] = {"done",      "failed",  "cancelled", "exited",
                                        "no memory", "bad use", "syntax",    "no file",
                                        "deadlock",  "limit",   "late"};
    return (size_t)status < sizeof names / sizeof names[0] ? names[status] : "unknown";
}

/* ---- numbers ------------------------------------------------------------------------ */

void lull_get_stats(const struct lull_runtime *rt, struct lull_stats *stats)
{
    const struct lull_tasks *tasks = &rt->tasks;
    struct lull_stats now = {
        .size = stats->size,
        .memory = rt->mem.used,
        .memory_peak = rt->mem.peak,
        .memory_limit = rt->mem.limit == SIZE_MAX ? 0 : rt->mem.limit,
        .buffered = rt->limits.held,
        .tasks = tasks->live,
        .handles = rt->handles.open,
        .turns = rt->sched.turns,
        .preempted = tasks->preempted,
        .killed = tasks->killed,
        .denied = rt->tasks.outlets.denied,
        .longest_turn = (double)rt->sched.longest / 1e9,
        .busy = (double)rt->sched.busy / 1e9,
    };
    for (struct lull_list *node = rt->calls.next; node != &rt->calls; node = node->next)
        now.calls++;
    memcpy(stats, &now, stats->size < sizeof now ? stats->size : sizeof now);
}

int lull_is_idle(const struct lull_runtime *rt)
{
    return rt->tasks.live == 0 && rt->sched.ready.head == NULL;
}

double lull_next_deadline(struct lull_runtime *rt)
{
    if (rt->sched.ready.head != NULL)
        return 0;
    uint64_t next = lull__timers_next(&rt->guards);
    uint64_t timer = lull__timers_next(rt->tasks.timers);
    if (rt->tasks.timers->is_virtual && timer != LULL_NEVER)
        return 0;
    if (timer < next)
        next = timer;
    if (next == LULL_NEVER)
        return HUGE_VAL;
    uint64_t now = lull__clock_now();
    return next > now ? (double)(next - now) / 1e9 : 0;
}
