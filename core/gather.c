/* SPDX-License-Identifier: MIT */
/*
 * gather.c -- gather, map, race, nested runs: combinators that adopt.
 */
#include "await.h"
#include "check.h"
#include "combine.h"
#include "frame.h"
#include "promise.h"
#include "scopelib.h"

enum { GATHER, RACE, RUN };

static const struct lull_reason adopter_failed = {.text = "failed"};
static const struct lull_reason race_lost = {.text = "lost"};

/*
 * Take the entries from the list at 3 (map: its items): the futures into the
 * block, their handles into the table at 2.  `base` is the first argument's
 * number when they were arguments, or 0 for a list.
 */
static void take_entries(lua_State *L, struct lull_tasks *tasks, struct lull_combine *combine,
                         int base)
{
    bool map = !lua_isnil(L, 4);
    for (uint32_t i = 0; i < combine->count; i++) {
        lua_geti(L, 3, (lua_Integer)i + 1);
        int arg = base > 0 ? base + (int)i : 1;
        if (lua_isnil(L, -1) && base == 0)
            luaL_argerror(L, arg, lua_pushfstring(L, "entry %d is missing", (int)i + 1));
        struct lull_future *future = map ? NULL : lull__to_future(L, tasks, -1);
        if (future != NULL) {
            lull__check_adoptable(L, future, combine->task);
            combine->entries[i].future = future;
            lua_rawseti(L, 2, (lua_Integer)i + 1);
            continue;
        }
        if (!map && !lua_isfunction(L, -1)) {
            if (luaL_getmetafield(L, -1, "__call") == LUA_TNIL) {
                const char *got = luaL_typename(L, -1);
                luaL_argerror(L, arg,
                              lua_pushfstring(L, "%sfunction, task or future expected, got %s",
                                              base > 0 ? "" : "entry: ", got));
            }
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
}

/* ---- running it ---------------------------------------------------------------------- */

static bool decides(const struct lull_combine *combine, const struct lull_future *future)
{
    if (combine->first >= 0 || combine->joining)
        return false;
    return combine->kind == RACE || (!combine->settle && future->status != LULL_FUTURE_DONE);
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
static void start_entry(lua_State *L, struct lull_tasks *tasks, struct lull_combine *combine,
                        uint32_t i)
{
    int nargs = 0;
    if (lua_isnil(L, 4)) {
        lua_geti(L, 3, (lua_Integer)i + 1);
    } else {
        lua_pushvalue(L, 4);
        lua_geti(L, 3, (lua_Integer)i + 1);
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
        if (entry->future != NULL && !entry->over && !entry->started)
            lull__combine_watch(combine, i, on_entry);
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
static void push_settled(lua_State *L, struct lull_tasks *tasks, struct lull_combine *combine,
                         uint32_t i)
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
    [GATHER] = {.name = "gather", .cancel = combine_cancel, .abandon = combine_abandon},
    [RACE] = {.name = "race", .cancel = combine_cancel, .abandon = combine_abandon},
    [RUN] = {.name = "run", .cancel = combine_cancel, .abandon = combine_abandon},
};

static const struct lull_op_type joining_types[] = {
    [GATHER] = {.name = "gather", .cancel = joining_cancel, .abandon = combine_abandon},
    [RACE] = {.name = "race", .cancel = joining_cancel, .abandon = combine_abandon},
    [RUN] = {.name = "run", .cancel = joining_cancel, .abandon = combine_abandon},
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
        begin_join(combine, combine->kind == RACE ? &race_lost : &adopter_failed);
    if (!combine->joining)
        start_more(L, combine);
    if (combine->watched > 0)
        return suspend(L, combine, cancelled);
    return finish(L, tasks, combine, cancelled);
}

static int combine_k(lua_State *L, int status, lua_KContext cancelled)
{
    struct lull_combine *combine = lua_touserdata(L, 1);
    (void)status;
    lull__await_over(&combine->op);
    combine->waiting = false;
    if (combine->op.state != LULL_OP_COMPLETE) { /* cancelled, or a deadlock */
        combine->ended = combine->op.state;
        combine->ended_kind = combine->op.kind;
        struct lull_scope *scope = lull__scope_cancelled(combine->task->strand.innermost);
        begin_join(combine, scope != NULL ? scope->reason : &adopter_failed);
        cancelled = 1;
    }
    return proceed(L, combine, cancelled != 0);
}

/* Stack: handles, list, map's function or nil.  Take it from here. */
static int combine(lua_State *L, uint32_t count, int kind, int base)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_combine *combine = lull__combine_new(L, tasks, count);
    lua_insert(L, 1);
    combine->kind = (uint8_t)kind;
    combine->list = base == 0;
    take_entries(L, tasks, combine, base);
    return 0;
}

/* After `combine` and options: begin.  Nothing was started before this. */
static int begin(lua_State *L)
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

/* opts = {limit=, settle=} at `arg` */
static void take_options(lua_State *L, int arg, uint32_t *limit, bool *settle)
{
    *limit = UINT32_MAX;
    *settle = false;
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_getfield(L, arg, "limit");
    if (!lua_isnil(L, -1)) {
        int ok;
        lua_Integer value = lua_tointegerx(L, -1, &ok);
        luaL_argcheck(L, ok && value >= 1, arg, "limit must be a positive integer");
        *limit = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    }
    lua_getfield(L, arg, "settle");
    *settle = lua_toboolean(L, -1);
    lua_pop(L, 2);
}

/* ---- gather, map, race -------------------------------------------------------------------- */

static bool is_list(lua_State *L, int arg)
{
    if (!lua_istable(L, arg))
        return false;
    if (luaL_getmetafield(L, arg, "__call") == LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Pack all arguments into a list at 2, under the handles at 1. */
static void pack_arguments(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 0);
    lua_insert(L, 1);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, 1, i);
    lua_createtable(L, count, 0);
    lua_insert(L, 1);
    lua_pushnil(L);
}

static int l_gather(lua_State *L)
{
    int count = lua_gettop(L);
    uint32_t limit = UINT32_MAX;
    bool settle = false;
    lull_checkpoint(L);
    if (count == 0)
        return 0;
    if (count <= 2 && is_list(L, 1)) {
        uint32_t entries = lull__check_list(L, 1);
        take_options(L, 2, &limit, &settle);
        lua_settop(L, 1);
        lua_createtable(L, (int)entries, 0);
        lua_insert(L, 1);
        lua_pushnil(L);
        combine(L, entries, GATHER, 0);
    } else {
        pack_arguments(L);
        combine(L, (uint32_t)count, GATHER, 1);
    }
    struct lull_combine *block = lua_touserdata(L, 1);
    block->limit = limit;
    block->settle = settle;
    return begin(L);
}

static int l_map(lua_State *L)
{
    uint32_t limit;
    bool settle;
    uint32_t count = lull__check_list(L, 1);
    lull__check_callable(L, 2);
    take_options(L, 3, &limit, &settle);
    lull_checkpoint(L);
    lua_settop(L, 2);
    lua_createtable(L, (int)count, 0);
    lua_insert(L, 1);
    combine(L, count, GATHER, 0);
    struct lull_combine *block = lua_touserdata(L, 1);
    block->limit = limit;
    block->settle = settle;
    return begin(L);
}

static int l_race(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checkany(L, 1);
    if (count == 1 && is_list(L, 1)) {
        uint32_t entries = lull__check_list(L, 1);
        luaL_argcheck(L, entries > 0, 1, "nothing to race");
        lull_checkpoint(L);
        lua_createtable(L, (int)entries, 0);
        lua_insert(L, 1);
        lua_pushnil(L);
        combine(L, entries, RACE, 0);
    } else {
        lull_checkpoint(L);
        pack_arguments(L);
        combine(L, (uint32_t)count, RACE, 1);
    }
    return begin(L);
}

/* ---- a run inside a task ------------------------------------------------------------------- */

int lull__nested_run(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lull__check_callable(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    luaL_checkstack(L, 6, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, lull__l_run_body, 1);
    lua_insert(L, 1);
    lua_pushvalue(L, 2); /* its name */
    lua_insert(L, 1);
    struct lull_task *child =
        lull__task_new(L, tasks, lull__owner_scope(task), lua_gettop(L) - 2, 0);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 2);
    struct lull_combine *block = lull__combine_new(L, tasks, 1); /* fn, child, block */
    block->kind = RUN;
    block->first = 0; /* its outcome is ours, whatever it is */
    block->started = 1;
    block->entries[0].future = &child->future;
    lua_replace(L, 1);
    lua_createtable(L, 1, 0);
    lua_insert(L, 2);
    lua_rawseti(L, 2, 1); /* block, handles */
    lull__combine_watch(block, 0, on_entry);
    return suspend(L, block, 0);
}

const luaL_Reg lull__combine_functions[] = {
    {"gather", l_gather},
    {"map", l_map},
    {"race", l_race},
    {NULL, NULL},
};
