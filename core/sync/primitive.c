/* SPDX-License-Identifier: MIT */
/*
 * primitive.c -- classes, ready results, holding something while a function runs.
 */
#include "sync/primitive.h"

#include "base/error.h"

/* ---- classes --------------------------------------------------------------- */

/* Set functions into the table on top, with the metatable at `class` as upvalue 2. */
static void set_functions(lua_State *L, const luaL_Reg *functions, int class)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, class);
    luaL_setfuncs(L, functions, 2);
}

void lull__class_push(lua_State *L, const struct lull_class *class)
{
    luaL_checkstack(L, 8, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, class) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    /* Roomy tables: fewer collisions on the way to a method. */
    lua_createtable(L, 0, 16);
    int metatable = lua_gettop(L);
    lua_pushstring(L, class->name);
    lua_pushvalue(L, -1);
    lua_setfield(L, metatable, "__name");
    lua_setfield(L, metatable, "__metatable");
    if (class->meta != NULL)
        set_functions(L, class->meta, metatable);
    lua_createtable(L, 0, 32);
    if (class->methods != NULL)
        set_functions(L, class->methods, metatable);
    lua_setfield(L, metatable, "__index");
    lua_pushvalue(L, metatable);
    lua_rawsetp(L, LUA_REGISTRYINDEX, class);
}

void lull__self_wrong(lua_State *L)
{
    lua_getfield(L, lua_upvalueindex(2), "__name");
    luaL_typeerror(L, 1, lua_tostring(L, -1));
}

int lull__refuse(lua_State *L, enum lull_kind kind, const char *op, const char *message)
{
    lull_push_error(L, kind, "%s", message);
    lull_error_detail(L, op, 0);
    return lua_error(L);
}

/* ---- waits ------------------------------------------------------------------ */

static int ready_k(lua_State *L, int status, lua_KContext results)
{
    (void)status;
    lull__wait_over(L);
    return (int)results;
}

int lull__ready_later(lua_State *L, struct lull_task *task,
                      const struct lull_op_type *type, int results)
{
    lull_op_begin(&task->wait.op, task, type);
    lull_op_complete(&task->wait.op);
    return lull__await_with(L, &task->wait.op, results, ready_k);
}

struct lull_task *lull__wait_over(lua_State *L)
{
    struct lull_task *task = lull__tasks(L)->running;
    lull__await_over(&task->wait.op);
    if (task->wait.op.state != LULL_OP_COMPLETE)
        lull__await_check(L, &task->wait.op);
    task->wait.op.state = LULL_OP_IDLE;
    return task;
}

int lull__push_handed(lua_State *L, struct lull_op *op)
{
    (void)L;
    (void)op;
    return 1;
}

/* ---- with ---------------------------------------------------------------------- */

/* Stack: 1 the caller's value, 2 the message handler, then results or the error. */
static int with_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_held *held = (struct lull_held *)context;
    struct lull_tasks *tasks = lull__tasks(L);
    bool released = held->release(held, tasks->running);
    if (status != LUA_OK && status != LUA_YIELD) {
        if (lull__is_own(L, tasks, -1))
            tasks->before_cancel(L, tasks);
        return lua_error(L);
    }
    if (!released)
        return lull__refuse(L, LULL_KIND_USAGE, held->op, "released inside the function");
    return lua_gettop(L) - 2;
}

int lull__with(lua_State *L, struct lull_held *held)
{
    int nargs = lua_gettop(L) - 2;
    lua_rawgeti(L, LUA_REGISTRYINDEX, lull__tasks(L)->handler_ref);
    lua_insert(L, 2);
    int status = lua_pcallk(L, nargs, LUA_MULTRET, 2, (lua_KContext)held, with_k);
    return with_k(L, status, (lua_KContext)held);
}
