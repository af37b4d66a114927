/* SPDX-License-Identifier: MIT */
/*
 * coro.c -- the replaced functions of the coroutine library.
 */
#include "stdlib/coro.h"

#include "stdlib/close.h"
#include "task/await.h"
#include "task/frame.h"
#include "task/trace.h"

enum { RESUME, WRAP };

static lua_State *check_thread(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co != NULL, 1, LULL_THREAD_TYPE);
    return co;
}

static const char *status_of(lua_State *L, struct lull_tasks *tasks, lua_State *co)
{
    lua_Debug ar;
    if (L == co)
        return "running";
    switch (lua_status(co)) {
    case LUA_YIELD:
        if (lull__tag_is(co, tasks, LULL_TAG_WAITING) ||
            lull__tag_is(co, tasks, LULL_TAG_TASK))
            return "normal";
        return "suspended";
    case LUA_OK:
        if (lua_getstack(co, 0, &ar) || lull__tag_is(co, tasks, LULL_TAG_TASK))
            return "normal";
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    default:
        return "dead";
    }
}

/* ---- resuming -------------------------------------------------------------------- */

static int resume_k(lua_State *L, int status, lua_KContext how);

/* The coroutine of the running resume or wrap, in either's own place. */
static lua_State *thread_of(lua_State *L, lua_KContext how)
{
    return lua_tothread(L, how == WRAP ? lua_upvalueindex(2) : 1);
}

/* Closed after an error in it: raise, as wrap does, or because it must go on. */
static int raise_k(lua_State *L, int status, lua_KContext how)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (lull__is_own(L, tasks, -1)) {
        tasks->before_cancel(L, tasks);
    } else if (how == WRAP && status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* The coroutine failed; its error is on top of both stacks. */
static int failed(lua_State *L, struct lull_tasks *tasks, lua_State *co, lua_KContext how)
{
    bool own = lull__is_own(L, tasks, -1);
    if (how == RESUME && !own) {
        if (tasks->running != NULL && tasks->running->trace != NULL)
            lull__trace_drop(tasks->running);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    int status = lua_status(co);
    if (status == LUA_OK || status == LUA_YIELD) /* it could not even be resumed */
        return raise_k(L, LUA_ERRRUN, how);
    if (!own)
        lull__trace_coroutine(L, tasks, co);
    lua_pop(L, 1);
    return lull__close_coroutine(L, tasks, co, how, raise_k);
}

/* It returned or yielded `results` values: move them to the caller. */
static int moved(lua_State *L, struct lull_tasks *tasks, lua_State *co, int results,
                 lua_KContext how)
{
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return failed(L, tasks, co, how);
    }
    if (how == RESUME)
        lua_pushboolean(L, 1);
    lua_xmove(co, L, results);
    return how == RESUME ? results + 1 : results;
}

/* Was the innermost scope of the task opened in this very thread? */
static bool in_scope_of(const struct lull_task *task, lua_State *L)
{
    const struct lull_scope *scope = task->strand.innermost;
    if (scope->parent == NULL)
        return false;
    return LULL_CONTAINER(scope, const struct lull_frame, scope)->thread == L;
}

/*
 * A yield that is not ours (taken before lull was loaded, or a C library's)
 * left a scope that is open in co: close both, and raise.
 */
static int left_scope(lua_State *L, struct lull_tasks *tasks, lua_State *co,
                      lua_KContext how)
{
    lull__frames_abandon(tasks->running, co);
    lull__close_thread(co, L);
    lua_settop(co, 0);
    lull_push_error(L, LULL_KIND_USAGE,
                    "a yield that lull does not know left a scope that was open");
    return failed(L, tasks, co, how);
}

/* Resume co with the `nargs` values on its stack, and see what became of it. */
static int step(lua_State *L, struct lull_tasks *tasks, lua_State *co, int nargs,
                lua_KContext how)
{
    struct lull_slice *slice = &tasks->slice;
    lua_State *outer = slice->running;
    bool blocks = outer != L || !lua_isyieldable(L);
    int results;
    slice->blocked += blocks ? 1 : 0;
    lull__slice_run(slice, co);
    int status = lua_resume(co, L, nargs, &results);
    lull__slice_run(slice, outer);
    slice->blocked -= blocks ? 1 : 0;
    if (status == LUA_YIELD && slice->waiting) {
        lull__tag_set(co, tasks, LULL_TAG_WAITING);
        return lua_yieldk(L, 0, how, resume_k);
    }
    if (status == LUA_YIELD && tasks->running != NULL && in_scope_of(tasks->running, co))
        return left_scope(L, tasks, co, how);
    if (status == LUA_OK || status == LUA_YIELD)
        return moved(L, tasks, co, results, how);
    luaL_checkstack(L, 4, NULL);
    status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD)
        lua_pushvalue(co, -1); /* closing it needs the original */
    lua_xmove(co, L, 1);
    return failed(L, tasks, co, how);
}

static int resume_k(lua_State *L, int status, lua_KContext how)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_State *co = thread_of(L, how);
    (void)status;
    lull__tag_set(co, tasks, 0);
    lull__slice_run(&tasks->slice, L);
    return step(L, tasks, co, 0, how);
}

static int start(lua_State *L, lua_State *co, int nargs, lua_KContext how)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (!lua_checkstack(co, nargs + 4)) {
        lua_pushliteral(L, "too many arguments to resume");
        return failed(L, tasks, co, how);
    }
    if (lull__tag_is(co, tasks, LULL_TAG_WAITING) ||
        lull__tag_is(co, tasks, LULL_TAG_TASK)) {
        lua_pushliteral(L, "cannot resume non-suspended coroutine");
        return failed(L, tasks, co, how);
    }
    lua_xmove(L, co, nargs);
    return step(L, tasks, co, nargs, how);
}

static int l_resume(lua_State *L)
{
    lua_State *co = check_thread(L);
    return start(L, co, lua_gettop(L) - 1, RESUME);
}

static int call_wrap(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(2));
    return start(L, co, lua_gettop(L), WRAP);
}

static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, call_wrap, 2);
    return 1;
}

/* ---- the rest ----------------------------------------------------------------------- */

/* Is it the body of a lull.run inside another task? */
static bool is_nested_run(const struct lull_task *task)
{
    return task->strand.owner->strand != NULL &&
           task->strand.innermost->kind == LULL_SCOPE_RUN;
}

static int l_yield(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = tasks->running;
    if (task != NULL && (L != task->co || is_nested_run(task)) && in_scope_of(task, L))
        return lull_raise(L, LULL_KIND_USAGE,
                          "cannot yield out of a group, timeout, shield, run or other "
                          "scope that was entered in this coroutine");
    if (task != NULL && L == task->co) {
        lua_pushliteral(L, "attempt to yield from outside a coroutine");
        return lua_error(L); /* without a position, as stock */
    }
    return lua_yieldk(L, lua_gettop(L), 0, NULL);
}

static int closed_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_tasks *tasks = lull__tasks(L);
    (void)context;
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (lull__is_own(L, tasks, -1)) {
        tasks->before_cancel(L, tasks);
        return lua_error(L);
    }
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int l_close(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_State *co = check_thread(L);
    const char *status = status_of(L, tasks, co);
    if (status[0] != 's' && status[0] != 'd')
        return luaL_error(L, "cannot close a %s coroutine", status);
    return lull__close_coroutine(L, tasks, co, 0, closed_k);
}

static int l_status(lua_State *L)
{
    lua_State *co = check_thread(L);
    lua_pushstring(L, status_of(L, lull__tasks(L), co));
    return 1;
}

static int l_running(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    bool main = lua_pushthread(L) != 0;
    if (tasks->running != NULL && L == tasks->running->co) {
        tasks->running->waker.flags |= LULL_TASK_SEEN;
        main = true;
    }
    lua_pushboolean(L, main);
    return 2;
}

static int l_isyieldable(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_State *co = lua_isnone(L, 1) ? L : check_thread(L);
    lua_pushboolean(L, lua_isyieldable(co) && !lull__tag_is(co, tasks, LULL_TAG_TASK));
    return 1;
}

lua_State *lull__coro_resumed(lua_State *L)
{
    lua_Debug ar;
    lua_State *co = NULL;
    if (!lua_getstack(L, 0, &ar) || !lua_checkstack(L, 2))
        return NULL;
    lua_getinfo(L, "f", &ar);
    lua_CFunction fn = lua_tocfunction(L, -1);
    if (fn == call_wrap && lua_getupvalue(L, -1, 2) != NULL) {
        co = lua_tothread(L, -1);
        lua_pop(L, 1);
    } else if (fn == l_resume && lua_getlocal(L, &ar, 1) != NULL) {
        co = lua_tothread(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return co;
}

const luaL_Reg lull__coro_functions[] = {
    {"resume", l_resume},
    {"wrap", l_wrap},
    {"yield", l_yield},
    {"close", l_close},
    {"status", l_status},
    {"running", l_running},
    {"isyieldable", l_isyieldable},
    {NULL, NULL},
};
