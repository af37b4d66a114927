/* SPDX-License-Identifier: MIT */
/*
 * corelib.c -- lull.core: reports, the seed, worlds, interrupts, leak counts, guards of
 * tests, where output goes and the time of day.
 */
#include "runtime/corelib.h"

#include "async/scopelib.h"
#include "base/error.h"
#include "runtime/cover.h"
#include "runtime/drive.h"
#include "runtime/preempt.h"
#include "sched/handle.h"
#include "task/await.h"
#include "task/check.h"
#include "task/class.h"
#include "task/output.h"
#include "task/sink.h"
#include "task/trace.h"

#include <stdlib.h>
#include <time.h>

int lull__l_os_exit(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    int code;
    if (lua_isboolean(L, 1))
        code = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        code = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
    if (tasks->stock_exit != 0 && tasks->running == NULL) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->stock_exit);
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 0);
        return 0;
    }
    tasks->exiting = true;
    tasks->exit_code = code;
    lull__sched_stop(tasks->sched); /* nobody else takes another step */
    if (tasks->running != NULL)
        tasks->running->strand.alert = true;
    return lull__raise_exit(L, tasks);
}

/* report(err, trace?): an error nobody received, of the running task; trace: a text in place
   of what lull has noted, for an error that was caught */
static int l_report(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    if (lua_isstring(L, 2)) {
        lull__sink_traced(L, lull__tasks(L));
        return 0;
    }
    lua_settop(L, 1);
    lull__sink_error(L, lull__tasks(L));
    return 0;
}

/* note(err) -> text | nil: where an error was raised that the running task has received from
   another and that is on its way out */
static int l_note(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (tasks->running != NULL)
        lull__push_note(L, tasks->running, 1);
    else
        lua_pushnil(L);
    return 1;
}

/* seed(n | nil) */
static int l_seed(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (lua_isnoneornil(L, 1))
        lull__sched_seed(tasks->sched, false, 0);
    else
        lull__sched_seed(tasks->sched, true, (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

/* interruptible(task | nil) -> previous: whom Ctrl-C cancels, in place of the main task.
   When that task has ended it cancels nobody, until nil gives it back to the main task. */
static int l_interruptible(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lua_isnoneornil(L, 1) ? NULL : lull__check_task_handle(L, 1);
    struct lull_task *previous = tasks->interruptible;
    if (task != NULL && lull__task_ended(task))
        task = NULL;
    tasks->interruptible = task;
    tasks->interrupts_taken = !lua_isnoneornil(L, 1);
    if (previous != NULL)
        lull__task_push(L, previous);
    else
        lua_pushnil(L);
    return 1;
}

/* handles() -> how many native handles are open, and a list of what they are */
static int l_handles(lua_State *L)
{
    struct lull_handles *handles = lull__handles_of(lull__runtime_of(lull__tasks(L)));
    lua_Integer count = 0;
    lua_settop(L, 0);
    lua_pushinteger(L, handles->open);
    lua_newtable(L);
    for (struct lull_handle *h = handles->head.next; h != &handles->head; h = h->next) {
        lua_pushstring(L, h->type->name);
        lua_rawseti(L, 2, ++count);
    }
    return 2;
}

/* log(level, text) -> boolean: hand a line to the host's log function; level: as in enum
   lull_level; false: it has none */
static int l_log(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_Integer level = luaL_checkinteger(L, 1);
    const char *text = luaL_checkstring(L, 2);
    luaL_argcheck(L, level >= LULL_LOG_DEBUG && level <= LULL_LOG_ERROR, 1, "no level");
    lua_pushboolean(L, tasks->outlets.log != NULL);
    lull__log(tasks, (enum lull_level)level, text);
    return 1;
}

/* outlets() -> has the host a print function, has it a log function */
static int l_outlets(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_pushboolean(L, tasks->outlets.print != NULL);
    lua_pushboolean(L, tasks->outlets.log != NULL);
    return 2;
}

/* realtime() -> seconds since 1970, whole ones, and nanoseconds of the next */
static int l_realtime(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    lua_pushinteger(L, (lua_Integer)now.tv_sec);
    lua_pushinteger(L, (lua_Integer)now.tv_nsec);
    return 2;
}

/* errno_name(number) -> "ENOENT" and such, as in the field `code` of errors */
static int l_errno_name(lua_State *L)
{
    lull__push_errno_name(L, (int)luaL_checkinteger(L, 1));
    return 1;
}

/* ---- guards: a deadline of the real clock that cancels a task ------------------- */

static const char guard_key = 'G'; /* registry: the class of guards */

struct guard {
    struct lull_timer timer;
    struct lull_task *task;
    uint32_t slot; /* anchor of the task while the guard runs */
};

static void on_guard(struct lull_timer *timer)
{
    static const struct lull_reason guarded = {.text = "guard"};
    struct guard *guard = LULL_CONTAINER(timer, struct guard, timer);
    if (!lull__task_ended(guard->task))
        lull__scope_cancel(&guard->task->strand.root, &guarded);
}

/* __close and __gc of a guard: it no longer watches. */
static int guard_close(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct guard *guard = lull__class_check(L, 1, &guard_key, "lull.guard");
    lull_timer_stop(&guard->timer);
    lull__anchor_release(L, &tasks->anchors, guard->slot);
    guard->slot = 0;
    return 0;
}

/* guard(seconds, task) -> a <close> value: past the time, whatever clock scripts
   see, the task is cancelled with reason "guard" */
static int l_guard(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    double seconds = lull__check_seconds(L, 1);
    struct lull_task *task = lull__check_task_handle(L, 2);
    lua_settop(L, 2);
    struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
    *guard = (struct guard){.task = task};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 2);
    guard->slot = lull__anchor(L, &tasks->anchors);
    uint64_t at = lull__timers_after(tasks->sched->guards, seconds);
    if (at != LULL_NEVER &&
        !lull__timer_start(tasks->sched->guards, &guard->timer, at, on_guard))
        return luaL_error(L, "not enough memory");
    return 1;
}

int lull__open_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"report", l_report},
        {"note", l_note},
        {"seed", l_seed},
        {"enter_world", lull__l_enter_world},
        {"settle", lull__l_settle},
        {"interruptible", l_interruptible},
        {"loose", lull__l_loose},
        {"handles", l_handles},
        {"guard", l_guard},
        {"patience", lull__l_patience},
        {"cover", lull__l_cover},
        {"covered", lull__l_covered},
        {"log", l_log},
        {"outlets", l_outlets},
        {"realtime", l_realtime},
        {"errno_name", l_errno_name},
        {NULL, NULL},
    };
    static const luaL_Reg guard[] = {
        {"__close", guard_close}, {"__gc", guard_close}, {NULL, NULL}};
    struct lull_runtime *rt = lull__runtime_of(lull__tasks(L));
    lull__class_make(L, lull__tasks(L), &guard_key, "lull.guard", NULL, guard);
    lua_createtable(L, 0, 16);
    lull_set_functions(L, rt, functions);
    return 1;
}
