/* SPDX-License-Identifier: MIT */
/*
 * adopt.c -- the combinators that adopt: start, watch, join, then the results.
 */
#include "async/adopt.h"

#include "task/await.h"
#include "task/frame.h"
#include "task/promise.h"

static const struct lull_reason adopter_failed = {.text = "failed"};
static const struct lull_reason race_lost = {.text = "lost"};

/* ---- running it ---------------------------------------------------------------------- */

static bool decides(const struct lull_combine *combine, const struct lull_future *future)
{
    if (combine->first >= 0 || combine->joining)
        return false;
    return combine->kind == LULL_ADOPT_FIRST ||
           (!combine->settle && future->status != LULL_FUTURE_DONE);
}

static void entry_over(struct lull_combine *combine, struct lull_entry *entry)
{
    entry->over = true;
    if (decides(combine, entry->future))
        combine->first = entry->index;
}

static void on_entry(struct lull_watch *watch)
{
    struct lull_entry *entry = lull__entry_of(watch);
    struct lull_combine *combine = lull__combine_of(entry);
    combine->watched--;
    if (entry->started)
        combine->running--;
    entry_over(combine, entry);
    if (combine->watched == 0 || combine->first >= 0 || combine->started < combine->count)
        lull_op_complete(&combine->op);
}

/* Start entry `i`, a function (map: of its item), as a task; not watched yet. */
static void start_entry(lua_State *L, struct lull_tasks *tasks,
                        struct lull_combine *combine, uint32_t i)
{
    int nargs = 0;
    if (lua_isnil(L, 4)) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
    } else {
        lua_pushvalue(L, 4);
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        lua_pushinteger(L, (lua_Integer)i + 1);
        nargs = 2;
    }
    struct lull_scope *owner = lull__owner_scope(combine->task);
    struct lull_task *child = lull__task_new(L, tasks, owner, nargs, 0);
    lua_rawseti(L, 2, (lua_Integer)i + 1);
    combine->entries[i].future = &child->future;
    combine->entries[i].started = true;
    combine->running++;
}

/* start(block, handles, list, fn): as many as the limit allows. */
static int start_functions(lua_State *L)
{
    struct lull_combine *combine = lua_touserdata(L, 1);
    struct lull_tasks *tasks = lull__task_tasks(combine->task);
    while (combine->started < combine->count && combine->running < combine->limit) {
        uint32_t i = combine->started;
        if (combine->entries[i].future == NULL)
            start_entry(L, tasks, combine, i);
        combine->started = i + 1;
    }
    return 0;
}

/*
 * Start more functions, then watch them.  Starting may raise for want of
 * memory: nothing may be watched by a block that an error leaves behind.
 */
static void start_more(lua_State *L, struct lull_combine *combine)
{
    uint32_t from = combine->started;
    if (from >= combine->count || combine->running >= combine->limit)
        return;
    if (combine->watched == 0) {
        start_functions(L);
    } else {
        lua_pushcfunction(L, start_functions);
        for (int i = 1; i <= 4; i++)
            lua_pushvalue(L, i);
        if (lua_pcall(L, 4, 0, 0) != LUA_OK) {
            lull__combine_unwatch(combine, true);
            lua_error(L);
        }
    }
    for (uint32_t i = from; i < combine->started; i++) {
        if (combine->entries[i].started)
            lull__combine_watch(combine, i, on_entry);
    }
}

/* Which of the futures given decides, of those that have settled?  The earliest. */
static void see_settled(struct lull_combine *combine)
{
    int64_t first = -1;
    for (uint32_t i = 0; i < combine->count; i++) {
        struct lull_entry *entry = &combine->entries[i];
        if (entry->future == NULL || entry->future->status == LULL_FUTURE_PENDING)
            continue;
        entry->over = true;
        if (!decides(combine, entry->future))
            continue;
        if (first < 0 ||
            (int32_t)(entry->future->order - combine->entries[first].future->order) < 0)
            first = i;
    }
    combine->first = first;
}

static void watch_given(struct lull_combine *combine)
{
    for (uint32_t i = 0; i < combine->count; i++) {
        struct lull_entry *entry = &combine->entries[i];
        if (entry->future == NULL || entry->over || entry->started)
            continue;
        if (entry->future->status == LULL_FUTURE_PENDING)
            lull__combine_watch(combine, i, on_entry);
        else /* a finalizer, or the list's __index, has settled it meanwhile */
            entry_over(combine, entry);
    }
}

/* The outcome is known: cancel the tasks that run, let go of the futures. */
static void begin_join(struct lull_combine *combine, const struct lull_reason *reason)
{
    combine->joining = true;
    combine->started = combine->count;
    for (uint32_t i = 0; i < combine->count; i++) {
        struct lull_entry *entry = &combine->entries[i];
        if (entry->future == NULL || entry->over)
            continue;
        if (entry->future->is_task) {
            lull__scope_cancel(&lull__future_task(entry->future)->strand.root, reason);
        } else {
            lull__list_remove(&entry->watch.link);
            entry->over = true;
            combine->watched--;
        }
    }
}

/* ---- results --------------------------------------------------------------------------- */

/* Push the handle of entry `i`. */
static void push_handle(lua_State *L, uint32_t i)
{
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
}

/* Push the first result of entry `i`. */
static void push_first(lua_State *L, struct lull_combine *combine, uint32_t i)
{
    const struct lull_future *future = combine->entries[i].future;
    if (future->results == 0) {
        lua_pushnil(L);
        return;
    }
    push_handle(L, i);
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
    if (future->results < 0) {
        lua_rawgeti(L, -1, 1);
        lua_remove(L, -2);
    }
}

/* Push {ok=true, value, ...} or {ok=false, error=e} of entry `i`. */
static void push_settled(lua_State *L, struct lull_tasks *tasks,
                         struct lull_combine *combine, uint32_t i)
{
    const struct lull_future *future = combine->entries[i].future;
    bool ok = future->status == LULL_FUTURE_DONE;
    push_handle(L, i);
    lua_createtable(L, 1, 2);
    lua_pushboolean(L, ok);
    lua_setfield(L, -2, "ok");
    if (ok) {
        int table = lua_gettop(L);
        int count = lull__push_results(L, future, table - 1);
        for (int k = count; k > 0; k--)
            lua_rawseti(L, table, k);
        lua_settop(L, table);
    } else {
        lull__push_future_error(L, tasks, -2);
        lua_setfield(L, -2, "error");
    }
    lua_remove(L, -2);
}

static int push_all(lua_State *L, struct lull_tasks *tasks, struct lull_combine *combine)
{
    uint32_t count = combine->count;
    if (!combine->list) {
        luaL_checkstack(L, (int)count + 4, "too many results");
        for (uint32_t i = 0; i < count; i++)
            push_first(L, combine, i);
        return (int)count;
    }
    lua_createtable(L, (int)count, 1);
    for (uint32_t i = 0; i < count; i++) {
        if (combine->settle)
            push_settled(L, tasks, combine, i);
        else
            push_first(L, combine, i);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    return 1;
}

/* Everything has ended: the caller's cancellation, the outcome, or the results. */
static int finish(lua_State *L, struct lull_tasks *tasks, struct lull_combine *combine,
                  bool cancelled)
{
    combine->waiting = false;
    if (cancelled) {
        lull__combine_unwatch(combine, true);
        combine->op.state = combine->ended;
        combine->op.kind = combine->ended_kind;
        lull__await_check(L, &combine->op);
    }
    if (combine->first < 0)
        return push_all(L, tasks, combine);
    push_handle(L, (uint32_t)combine->first);
    struct lull_future *future = combine->entries[combine->first].future;
    bool failed = future->status != LULL_FUTURE_DONE;
    int results;
    if (failed)
        lull__push_future_error(L, tasks, -1), results = 1;
    else
        results = lull__push_results(L, future, -1);
    lull__combine_unwatch(combine, true);
    return failed ? lua_error(L) : results;
}

/* ---- waiting ---------------------------------------------------------------------------- */

static enum lull_cancel combine_cancel(struct lull_op *op)
{
    (void)op; /* the watches stay: what they watch is cancelled and joined next */
    return LULL_DETACHED;
}

static enum lull_cancel joining_cancel(struct lull_op *op)
{
    (void)op;
    return LULL_WILL_REPORT;
}

static void combine_abandon(struct lull_op *op)
{
    struct lull_combine *combine = LULL_CONTAINER(op, struct lull_combine, op);
    combine->waiting = false;
    lull__combine_unwatch(combine, true);
}

static const struct lull_op_type types[] = {
    [LULL_ADOPT_ALL] = {.name = "gather",
                        .cancel = combine_cancel,
                        .abandon = combine_abandon},
    [LULL_ADOPT_FIRST] = {.name = "race",
                          .cancel = combine_cancel,
                          .abandon = combine_abandon},
    [LULL_ADOPT_RUN] = {.name = "run",
                        .cancel = combine_cancel,
                        .abandon = combine_abandon},
};

static const struct lull_op_type joining_types[] = {
    [LULL_ADOPT_ALL] = {.name = "gather",
                        .cancel = joining_cancel,
                        .abandon = combine_abandon},
    [LULL_ADOPT_FIRST] = {.name = "race",
                          .cancel = joining_cancel,
                          .abandon = combine_abandon},
    [LULL_ADOPT_RUN] = {.name = "run",
                        .cancel = joining_cancel,
                        .abandon = combine_abandon},
};

static int combine_k(lua_State *L, int status, lua_KContext cancelled);

static int suspend(lua_State *L, struct lull_combine *combine, lua_KContext cancelled)
{
    const struct lull_op_type *type =
        combine->joining ? &joining_types[combine->kind] : &types[combine->kind];
    lull_op_begin(&combine->op, combine->task, type);
    combine->waiting = true;
    return lull__await_with(L, &combine->op, cancelled, combine_k);
}

/* Go on: start more, wait, or join and finish. */
static int proceed(lua_State *L, struct lull_combine *combine, bool cancelled)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (!combine->joining && combine->first >= 0)
        begin_join(combine,
                   combine->kind == LULL_ADOPT_FIRST ? &race_lost : &adopter_failed);
    if (!combine->joining)
        start_more(L, combine);
    if (combine->watched > 0)
        return suspend(L, combine, cancelled);
    return finish(L, tasks, combine, cancelled);
}

static bool task_is_cancelled(struct lull_task *task)
{
    return task->strand.alert && lull__scope_cancelled(task->strand.innermost) != NULL;
}

static int combine_k(lua_State *L, int status, lua_KContext cancelled)
{
    struct lull_combine *combine = lua_touserdata(L, 1);
    (void)status;
    lull__await_over(&combine->op);
    combine->waiting = false;
    /* Woken to start more, or to wait on: a cancellation may have come meanwhile. */
    if (combine->op.state == LULL_OP_COMPLETE && !combine->joining &&
        combine->first < 0 && combine->watched > 0 && task_is_cancelled(combine->task))
        combine->op.state = LULL_OP_DETACHED;
    if (combine->op.state != LULL_OP_COMPLETE) { /* cancelled, or a deadlock */
        combine->ended = combine->op.state;
        combine->ended_kind = combine->op.kind;
        struct lull_scope *scope = lull__scope_cancelled(combine->task->strand.innermost);
        begin_join(combine, scope != NULL ? scope->reason : &adopter_failed);
        cancelled = 1;
    }
    return proceed(L, combine, cancelled != 0);
}

int lull__adopt(lua_State *L)
{
    struct lull_combine *combine = lua_touserdata(L, 1);
    see_settled(combine);
    if (combine->first < 0)
        start_more(L, combine);
    watch_given(combine);
    if (combine->watched > 0)
        return proceed(L, combine, false);
    /* Nothing to wait for, but the budget counts it. */
    lull_op_begin(&combine->op, combine->task, &types[combine->kind]);
    lull_op_complete(&combine->op);
    return lull__await_with(L, &combine->op, 0, combine_k);
}

int lull__adopt_one(lua_State *L)
{
    struct lull_combine *combine = lua_touserdata(L, 1);
    combine->first = 0; /* its outcome is ours, whatever it is */
    combine->started = 1;
    lull__combine_watch(combine, 0, on_entry);
    return suspend(L, combine, 0);
}
