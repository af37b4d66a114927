/* SPDX-License-Identifier: MIT */
/*
 * wait.c -- wait, as_completed: combinators that only look.
 */
#include "async/combine.h"
#include "task/await.h"
#include "task/check.h"
#include "task/class.h"
#include "task/promise.h"

#include <stdlib.h>
#include <string.h>

static const char iterator_key = 'i'; /* registry: the class of as_completed's block */

/* ---- shared -------------------------------------------------------------------------- */

/* The futures in the list at 3, each once, into the handles at 2; returns how many. */
static uint32_t take_futures(lua_State *L, struct lull_tasks *tasks, uint32_t count)
{
    uint32_t kept = 0;
    lua_newtable(L); /* 4: handle -> true, to see each once */
    for (uint32_t i = 1; i <= count; i++) {
        lua_geti(L, 3, i);
        if (lull__to_future(L, tasks, -1) == NULL)
            luaL_argerror(L, 1,
                          lua_pushfstring(L, "entry %d: task or future expected, got %s",
                                          (int)i, luaL_typename(L, -1)));
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 4) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, 4);
            lua_pushvalue(L, -2);
            lua_rawseti(L, 2, ++kept);
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return kept;
}

/* list at 1 -> block, handles, list; the futures are in the block. */
static struct lull_combine *take_list(lua_State *L, struct lull_tasks *tasks)
{
    uint32_t count = lull__check_list(L, 1);
    lua_settop(L, 1);
    lua_pushnil(L); /* the block's place */
    lua_createtable(L, (int)count, 0);
    lua_rotate(L, 1, 2); /* nil, handles, list */
    uint32_t kept = take_futures(L, tasks, count);
    struct lull_combine *combine = lull__combine_new(L, tasks, kept);
    lua_replace(L, 1);
    for (uint32_t i = 0; i < kept; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        combine->entries[i].future = lull__to_future(L, tasks, -1);
        lua_pop(L, 1);
    }
    return combine;
}

static void check_not_self(lua_State *L, struct lull_combine *combine,
                           struct lull_task *task)
{
    for (uint32_t i = 0; i < combine->count; i++) {
        if (combine->entries[i].future == &task->future)
            lull_raise(L, LULL_KIND_USAGE, "a task cannot wait for itself");
    }
}

/* ---- wait ------------------------------------------------------------------------------- */

static bool satisfied(const struct lull_combine *combine)
{
    return combine->watched == 0 || (!combine->waits_all && combine->first >= 0);
}

static void note_over(struct lull_combine *combine, struct lull_entry *entry)
{
    entry->over = true;
    if (!combine->waits_error || entry->future->status != LULL_FUTURE_DONE)
        combine->first = entry->index;
}

static void on_wait_entry(struct lull_watch *watch)
{
    struct lull_entry *entry = lull__entry_of(watch);
    struct lull_combine *combine = lull__combine_of(entry);
    combine->watched--;
    note_over(combine, entry);
    if (satisfied(combine))
        lull_op_complete(&combine->op);
}

static void on_timeout(struct lull_timer *timer)
{
    lull_op_complete(&LULL_CONTAINER(timer, struct lull_combine, timer)->op);
}

static void let_go(struct lull_op *op)
{
    struct lull_combine *combine = LULL_CONTAINER(op, struct lull_combine, op);
    combine->waiting = false;
    lull_timer_stop(&combine->timer);
    lull__combine_unwatch(combine, false);
}

static enum lull_cancel wait_cancel(struct lull_op *op)
{
    let_go(op);
    return LULL_DETACHED;
}

/* Push the arrays of what has ended, now received, and of the rest. */
static int wait_push(lua_State *L, struct lull_op *op)
{
    struct lull_combine *combine = LULL_CONTAINER(op, struct lull_combine, op);
    lua_Integer done = 0, pending = 0;
    combine->waiting = false;
    lull_timer_stop(&combine->timer);
    lua_settop(L, 2);
    lua_newtable(L);
    lua_newtable(L);
    for (uint32_t i = 0; i < combine->count; i++) {
        struct lull_future *future = combine->entries[i].future;
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        if (future->status == LULL_FUTURE_PENDING) {
            lua_rawseti(L, 4, ++pending);
            continue;
        }
        if (future->status == LULL_FUTURE_FAILED)
            lull__future_receive(future);
        lua_rawseti(L, 3, ++done);
    }
    lull__combine_unwatch(combine, false);
    lua_pushinteger(L, done);
    lua_setfield(L, 3, "n");
    lua_pushinteger(L, pending);
    lua_setfield(L, 4, "n");
    return 2;
}

static const struct lull_op_type wait_type = {
    .name = "wait",
    .cancel = wait_cancel,
    .push = wait_push,
    .abandon = let_go,
};

static void take_wait_options(lua_State *L, const char **when, double *timeout)
{
    *when = "all";
    *timeout = -1;
    if (lua_isnoneornil(L, 2))
        return;
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_getfield(L, 2, "when") != LUA_TNIL) {
        *when = lua_tostring(L, -1);
        bool known =
            *when != NULL && (strcmp(*when, "all") == 0 || strcmp(*when, "first") == 0 ||
                              strcmp(*when, "error") == 0);
        luaL_argcheck(L, known, 2, "when must be \"all\", \"first\" or \"error\"");
    }
    if (lua_getfield(L, 2, "timeout") != LUA_TNIL) {
        luaL_argcheck(L, lua_type(L, -1) == LUA_TNUMBER, 2, "timeout must be a number");
        *timeout = lua_tonumber(L, -1);
        luaL_argcheck(L, !isnan(*timeout), 2, "timeout is not a number (NaN)");
        if (*timeout < 0)
            *timeout = 0;
    }
}

static int l_wait(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    const char *when;
    double timeout;
    luaL_checktype(L, 1, LUA_TTABLE);
    take_wait_options(L, &when, &timeout);
    bool all = when[0] == 'a';
    bool error = when[0] == 'e';
    struct lull_task *task = lull_checkpoint(L);
    struct lull_combine *combine = take_list(L, tasks);
    check_not_self(L, combine, task);
    combine->waits_all = all;
    combine->waits_error = error;
    combine->waiting = true;
    lull_op_begin(&combine->op, task, &wait_type);
    for (uint32_t i = 0; i < combine->count; i++) {
        if (combine->entries[i].future->status == LULL_FUTURE_PENDING)
            lull__combine_watch(combine, i, on_wait_entry);
        else
            note_over(combine, &combine->entries[i]);
    }
    if (satisfied(combine) || timeout == 0) {
        lull_op_complete(&combine->op);
    } else if (timeout > 0) {
        uint64_t at = lull__timers_after(tasks->timers, timeout);
        if (at != LULL_NEVER &&
            !lull__timer_start(tasks->timers, &combine->timer, at, on_timeout)) {
            let_go(&combine->op);
            return luaL_error(L, "not enough memory");
        }
    }
    return lull_await(L, &combine->op);
}

/* ---- as_completed -------------------------------------------------------------------------- */

static void queue_done(struct lull_combine *combine, struct lull_entry *entry)
{
    entry->over = true;
    entry->next_done = 0;
    if (combine->done_head == 0)
        combine->done_head = entry->index + 1;
    else
        combine->entries[combine->done_tail - 1].next_done = entry->index + 1;
    combine->done_tail = entry->index + 1;
}

static void on_next_entry(struct lull_watch *watch)
{
    struct lull_entry *entry = lull__entry_of(watch);
    struct lull_combine *combine = lull__combine_of(entry);
    combine->watched--;
    queue_done(combine, entry);
    if (combine->next_op != NULL)
        lull_op_complete(combine->next_op);
}

/*
 * A task waits in an iterator with its own op: one that was cancelled may not
 * have seen that when the next task comes.
 */
static void leave_iterator(struct lull_op *op)
{
    struct lull_combine *combine = op->task->wait.iterate.combine;
    if (combine->next_op == op) {
        combine->next_op = NULL;
        combine->waiting = false;
    }
}

static enum lull_cancel next_cancel(struct lull_op *op)
{
    leave_iterator(op);
    return LULL_DETACHED;
}

/* The next that has ended; the iterator's upvalues: 2 block, 3 handles. */
static int next_push(lua_State *L, struct lull_op *op)
{
    struct lull_combine *combine = op->task->wait.iterate.combine;
    leave_iterator(op);
    if (combine->done_head == 0) {
        lua_pushnil(L);
        return 1;
    }
    struct lull_entry *entry = &combine->entries[combine->done_head - 1];
    combine->done_head = entry->next_done;
    if (entry->future->status == LULL_FUTURE_FAILED)
        lull__future_receive(entry->future);
    lua_rawgeti(L, lua_upvalueindex(3), (lua_Integer)entry->index + 1);
    return 1;
}

static const struct lull_op_type next_type = {
    .name = "as_completed",
    .cancel = next_cancel,
    .push = next_push,
    .abandon = leave_iterator,
};

static int call_iterator(lua_State *L)
{
    struct lull_combine *combine = lua_touserdata(L, lua_upvalueindex(2));
    struct lull_task *task = lull_checkpoint(L);
    if (combine->waiting)
        return lull_raise(L, LULL_KIND_BUSY, "another task waits in this iterator");
    struct lull_op *op = &task->wait.op;
    lull_op_begin(op, task, &next_type);
    task->wait.iterate.combine = combine;
    combine->next_op = op;
    combine->task = task;
    combine->waiting = true;
    if (combine->done_head != 0 || combine->watched == 0)
        lull_op_complete(op);
    return lull_await(L, op);
}

/* __close and __gc of the block: nobody iterates any more. */
static int iterator_close(lua_State *L)
{
    struct lull_combine *combine =
        lull__class_check(L, 1, &iterator_key, "lull.as_completed");
    let_go(&combine->op);
    if (combine->next_op != NULL) /* a task that waits in it: there is no next */
        lull_op_complete(combine->next_op);
    return 0;
}

static int by_order(const void *a, const void *b)
{
    const struct lull_entry *const *x = a;
    const struct lull_entry *const *y = b;
    int32_t difference = (int32_t)((*x)->future->order - (*y)->future->order);
    return difference < 0 ? -1 : difference > 0;
}

/* Queue what has ended already, in the order of ending. */
static void queue_settled(lua_State *L, struct lull_combine *combine)
{
    size_t count = 0;
    struct lull_entry **settled =
        lua_newuserdatauv(L, combine->count * sizeof *settled + 1, 0);
    for (uint32_t i = 0; i < combine->count; i++) {
        if (combine->entries[i].future->status != LULL_FUTURE_PENDING)
            settled[count++] = &combine->entries[i];
    }
    qsort(settled, count, sizeof *settled, by_order);
    for (size_t i = 0; i < count; i++)
        queue_done(combine, settled[i]);
    lua_pop(L, 1);
}

static int l_as_completed(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = lull__check_running(L);
    struct lull_combine *combine = take_list(L, tasks);
    check_not_self(L, combine, task);
    lua_pushvalue(L, 2); /* the block's finalizer needs the futures alive */
    lua_setiuservalue(L, 1, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &iterator_key);
    lua_setmetatable(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, call_iterator, 3);
    queue_settled(L, combine);
    for (uint32_t i = 0; i < combine->count; i++) {
        if (!combine->entries[i].over)
            lull__combine_watch(combine, i, on_next_entry);
    }
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, 1);
    return 4;
}

void lull__wait_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg meta[] = {
        {"__close", iterator_close}, {"__gc", iterator_close}, {NULL, NULL}};
    lull__class_make(L, tasks, &iterator_key, "lull.as_completed", NULL, meta);
}

const luaL_Reg lull__wait_functions[] = {
    {"wait", l_wait},
    {"as_completed", l_as_completed},
    {NULL, NULL},
};
