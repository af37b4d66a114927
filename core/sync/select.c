/* SPDX-License-Identifier: MIT */
/*
 * select.c -- lull.select: the first of several sends and receives that can happen.
 *
 * First the alternatives are tried in list order.  If none can happen, each
 * stands in line at its channel, all on behalf of one op; the first that is
 * served, the timeout or a cancellation takes all of them out of line.
 *
 * Stack while it waits: the list, this block, the class of channels, for each
 * alternative its channel and its value (nil for a receive), and in the end
 * what was received.
 */
#include "sync/exchange.h"
#include "sync/sync.h"

#include <math.h>
#include <string.h>

struct lull_select {
    struct lull_op op;       /* first */
    struct lull_timer timer; /* runs when there is a timeout */
    int count;
    int chosen; /* from 1; 0: none, the timeout came first */
    struct lull_alternative alternatives[];
};

enum slot { LIST = 1, BLOCK, CLASS, FIRST };

#define MAX_ALTERNATIVES 65536

static int channel_slot(int i)
{
    return FIRST + 2 * i;
}

/* A receive brings nothing. */
static bool is_receive(const struct lull_select *select, int i)
{
    return select->alternatives[i].waiter.value == 0;
}

/* ---- ends of the wait: no Lua here ------------------------------------------------------ */

static void leave_all(struct lull_select *select)
{
    for (int i = 0; i < select->count; i++)
        lull__list_remove(&select->alternatives[i].waiter.link);
    lull_timer_stop(&select->timer);
}

static void served(struct lull_alternative *alternative, enum lull_kind failure)
{
    struct lull_select *select = alternative->select;
    leave_all(select);
    select->chosen = (int)(alternative - select->alternatives) + 1;
    if (failure != LULL_KIND_NONE)
        lull_op_fail(&select->op, failure, 0);
    else
        lull_op_complete(&select->op);
}

static void on_timeout(struct lull_timer *timer)
{
    struct lull_select *select = LULL_CONTAINER(timer, struct lull_select, timer);
    leave_all(select);
    lull_op_complete(&select->op);
}

static enum lull_cancel select_cancel(struct lull_op *op)
{
    leave_all((struct lull_select *)(void *)op);
    return LULL_DETACHED;
}

/* Push the results; what was received is on top. */
static int push_chosen(lua_State *L, struct lull_op *op)
{
    const struct lull_select *select = (struct lull_select *)(void *)op;
    if (select->chosen == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, select->chosen);
    if (!is_receive(select, select->chosen - 1))
        return 1;
    lua_insert(L, -2);
    return 2;
}

static const struct lull_op_type select_type = {
    .name = "select",
    .cancel = select_cancel,
    .push = push_chosen,
};

/* For the nodes in the lots: nobody awaits them. */
static const struct lull_op_type alternative_type = {.name = "select"};

/* ---- arguments ------------------------------------------------------------------------- */

/* How many alternatives the list says it has. */
static int check_count(lua_State *L)
{
    lua_Integer count;
    if (lua_getfield(L, LIST, "n") == LUA_TNIL)
        count = luaL_len(L, LIST);
    else if (!lua_isinteger(L, -1))
        return luaL_argerror(L, LIST, "n must be an integer");
    else
        count = lua_tointeger(L, -1);
    lua_settop(L, LIST);
    luaL_argcheck(L, count >= 0 && count <= MAX_ALTERNATIVES, LIST,
                  "wrong number of alternatives");
    return (int)count;
}

/* Seconds; infinity: no timeout. */
static double check_timeout(lua_State *L)
{
    double seconds = HUGE_VAL;
    int is_number = 1;
    if (lua_getfield(L, LIST, "timeout") != LUA_TNIL)
        seconds = lua_tonumberx(L, -1, &is_number);
    luaL_argcheck(L, is_number && !isnan(seconds), LIST, "timeout must be a number");
    lua_settop(L, LIST);
    return seconds;
}

static int wrong(lua_State *L, int i, const char *what)
{
    const char *message = lua_pushfstring(L, "alternative %d: %s", i + 1, what);
    return luaL_argerror(L, LIST, message);
}

/* Push the channel and the value of an alternative. */
static void check_alternative(lua_State *L, struct lull_waiter *waiter, int i)
{
    lua_geti(L, LIST, i + 1);
    if (!lua_istable(L, -1))
        wrong(L, i, "a table expected");
    lua_geti(L, -1, 1);
    if (!lull__class_is(L, -1, CLASS))
        wrong(L, i, "a channel expected");
    lua_geti(L, -2, 2);
    const char *way = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool sends = strcmp(way, "send") == 0;
    if (!sends && strcmp(way, "recv") != 0)
        wrong(L, i, "\"send\" or \"recv\" expected");
    lua_geti(L, -3, 3);
    if (sends && lua_isnil(L, -1))
        wrong(L, i, "nil cannot be handed over");
    waiter->value = sends ? channel_slot(i) + 1 : 0;
    if (!sends) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_remove(L, -2);
    lua_remove(L, -3);
}

/* Push the block, the class and all that is in the list. */
static struct lull_select *check_alternatives(lua_State *L, int count)
{
    luaL_checkstack(L, 2 * count + 16, "too many alternatives");
    size_t nodes = (size_t)count * sizeof(struct lull_alternative);
    struct lull_select *select = lua_newuserdatauv(L, sizeof *select + nodes, 0);
    memset(select, 0, sizeof *select + nodes);
    lull__class_push(L, &lull__channel_class);
    select->count = count;
    for (int i = 0; i < count; i++) {
        struct lull_alternative *alternative = &select->alternatives[i];
        check_alternative(L, &alternative->waiter, i);
        lull__list_init(&alternative->waiter.link);
        alternative->served = served;
        alternative->select = select;
    }
    return select;
}

/* ---- select ------------------------------------------------------------------------------- */

/* Do an alternative if that can be done now. */
static bool try_one(lua_State *L, struct lull_select *select, int i)
{
    int slot = channel_slot(i);
    struct lull_exchange *channel = lua_touserdata(L, slot);
    bool receive = is_receive(select, i);
    bool done = false;
    if (receive)
        done = lull__exchange_take(L, channel, slot);
    else if (!channel->closed)
        done = lull__exchange_give(L, channel, slot, slot + 1);
    if (!done && channel->closed)
        lull__refuse(L, LULL_KIND_CLOSED, select_type.name, "closed");
    if (done)
        select->chosen = i + 1;
    return done;
}

static void stand_in_line(lua_State *L, struct lull_select *select,
                          struct lull_task *task)
{
    lull_op_begin(&select->op, task, &select_type);
    for (int i = 0; i < select->count; i++) {
        struct lull_exchange *channel = lua_touserdata(L, channel_slot(i));
        struct lull_waiter *waiter = &select->alternatives[i].waiter;
        int value = waiter->value;
        lull__park(value != 0 ? &channel->givers : &channel->takers, waiter, task,
                   &alternative_type);
        waiter->value = value;
        waiter->note = LULL_ALTERNATIVE;
        waiter->op.L = L;
    }
}

/* select{{ch, "recv"}, {ch2, "send", value}, timeout=} -> index, value | nil    Suspends. */
int lull__l_select(lua_State *L)
{
    luaL_checktype(L, LIST, LUA_TTABLE);
    lua_settop(L, LIST);
    int count = check_count(L);
    double seconds = check_timeout(L);
    luaL_argcheck(L, count > 0 || seconds < HUGE_VAL, LIST, "nothing to wait for");
    struct lull_select *select = check_alternatives(L, count);
    struct lull_task *task = lull_checkpoint(L);
    for (int i = 0; i < count; i++) {
        if (try_one(L, select, i))
            return lull__ready(L, task, &select_type, push_chosen(L, &select->op));
    }
    if (seconds <= 0)
        return lull__ready(L, task, &select_type, push_chosen(L, &select->op));
    if (seconds < HUGE_VAL &&
        !lull_timer_start_after(lull_runtime_of(L), &select->timer, seconds, on_timeout))
        return luaL_error(L, "not enough memory");
    stand_in_line(L, select, task);
    return lull_await(L, &select->op);
}
