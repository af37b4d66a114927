/* SPDX-License-Identifier: MIT */
/*
 * attach.c -- the module form: `require "lull"` in a Lua that is not ours.
 *
 * A runtime is attached to the state that loads it, on a base of its own, and
 * freed with the state.  Scripts start it with lull.run.  While that drives
 * the loop on the main thread, SIGINT cancels the run; the handler that was
 * there is put back afterwards.
 */
#include "runtime/runtime.h"

#include "runtime/drive.h"

static const char attached_key = 'a'; /* registry: the box that holds the runtime */
static const char block_key = 'b';    /* registry: the memory of the runtime */

struct box {
    struct lull_runtime *rt; /* NULL: freed */
};

static void on_sigint(void *rt)
{
    lull_interrupt(rt);
}

static int box_gc(lua_State *L)
{
    struct box *box = lua_touserdata(L, 1);
    struct lull_runtime *rt = box->rt;
    box->rt = NULL;
    if (rt != NULL)
        lull__runtime_free(rt, 0);
    return 0;
}

static int run_protected(lua_State *L, struct lull_runtime *rt, int nargs)
{
    bool main = lua_pushthread(L) != 0;
    lua_pop(L, 1);
    if (!main)
        return lua_pcall(L, nargs, LUA_MULTRET, 0);
    lull__loop_take_sigint(rt->tasks.loop, on_sigint);
    int status = lua_pcall(L, nargs, LUA_MULTRET, 0);
    lull__loop_give_sigint_back(rt->tasks.loop);
    return status;
}

/* lull.run: as ever, with SIGINT taken.  Upvalues: 1 the runtime, 2 run, 3 the box. */
static int l_run(lua_State *L)
{
    struct box *box = lua_touserdata(L, lua_upvalueindex(3));
    struct lull_tasks *tasks = lull__tasks(L);
    if (box->rt == NULL)
        return lull_raise(L, LULL_KIND_CLOSED, "the runtime has ended");
    if (tasks->running != NULL || tasks->sched->in_turn || tasks->loop->drivers > 0)
        return lull__l_run(L); /* nested, or refused */
    int nargs = lua_gettop(L);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    if (run_protected(L, box->rt, nargs) != LUA_OK) {
        if (tasks->exiting) {
            tasks->exiting = false;
            lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->stock_exit);
            lua_pushinteger(L, tasks->exit_code);
            lua_pushboolean(L, 1);
            lua_call(L, 2, 0);
        }
        return lua_error(L);
    }
    return lua_gettop(L);
}

/*
 * Push the box that ends the runtime with the state, and make the runtime.  Its
 * block is a userdata without finalizer, kept by the box: the functions that it
 * has put into the state can be called as long as there are finalizers to run.
 */
static struct box *push_box(lua_State *L)
{
    static const char *const all[] = {"all", NULL};
    static const struct lull_options options = {.size = sizeof options,
                                                .permissions = all};
    struct box *box = lua_newuserdatauv(L, sizeof *box, 1);
    box->rt = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    void *block = lua_newuserdatauv(L, sizeof(struct lull_runtime), 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &block_key);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    box->rt = lull__runtime_new(&options, lua_tothread(L, -1), block, NULL);
    lua_pop(L, 1);
    if (box->rt == NULL)
        luaL_error(L, "lull: the runtime could not be made");
    return box;
}

/* The opener of the module form: luaopen_lull in lull.so. */
LULL_API int luaopen_lull(lua_State *L);

LULL_API int luaopen_lull(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &attached_key) == LUA_TNIL) {
        struct lull_runtime *rt = push_box(L)->rt;
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &attached_key);
        lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        lua_getfield(L, -1, "lull"); /* box, loaded, lull */
        lua_pushlightuserdata(L, rt);
        lua_getfield(L, -2, "run");
        lua_pushvalue(L, -5);
        lua_pushcclosure(L, l_run, 3);
        lua_setfield(L, -2, "run");
        return 1;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "lull");
    return 1;
}
