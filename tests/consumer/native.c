/* SPDX-License-Identifier: MIT */
/*
 * native.c -- a native module outside the tree, in C or C++: one function that suspends.
 */
#include <lull_ext.h>

#include <lauxlib.h>

#ifdef __cplusplus
extern "C"
#endif
    int
    luaopen_consumer_native(lua_State *L);

struct wait {
    struct lull_op op; /* first */
    struct lull_timer timer;
};

static struct wait *wait_of(struct lull_op *op)
{
    return (struct wait *)(void *)op;
}

static void on_due(struct lull_timer *timer)
{
    char *block = (char *)timer - offsetof(struct wait, timer);
    lull_op_complete(&((struct wait *)(void *)block)->op);
}

static enum lull_cancel wait_cancel(struct lull_op *op)
{
    lull_timer_stop(&wait_of(op)->timer);
    return LULL_DETACHED;
}

static int wait_push(lua_State *L, struct lull_op *op)
{
    (void)op;
    lua_pushvalue(L, 2);
    return 1;
}

static const struct lull_op_type wait_type = {"consumer.wait", wait_cancel, wait_push,
                                              NULL};

/* wait(seconds, value) -> value    Suspends. */
static int l_wait(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    double seconds = luaL_checknumber(L, 1);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    struct wait *wait = (struct wait *)lua_newuserdatauv(L, sizeof *wait, 0);
    if (!lull_timer_start_after(rt, &wait->timer, seconds, on_due))
        return lull_raise(L, LULL_KIND_MEMORY, "not enough memory");
    lull_op_begin(&wait->op, task, &wait_type);
    return lull_await(L, &wait->op);
}

int luaopen_consumer_native(lua_State *L)
{
    static const luaL_Reg functions[] = {{"wait", l_wait}, {NULL, NULL}};
    struct lull_runtime *rt = lull_runtime_find(L);
    if (rt == NULL)
        return luaL_error(L, "consumer_native needs lull");
    lua_newtable(L);
    lull_set_functions(L, rt, functions);
    return 1;
}
