/* SPDX-License-Identifier: MIT */
/*
 * require.c -- find a loader, call it, keep its result.
 *
 * Stack: 1 name, 2 loaded, 3 the entry in the table of modules being loaded
 * (a to-be-closed value: it leaves the table whatever happens), 4 searchers,
 * 5 the messages of searchers that found nothing, then temporaries.
 */
#include "stdlib/require.h"

#include "task/await.h"

static const char class_key = 'R'; /* registry: metatable of entries */

struct loading {
    struct lull_list lot;     /* tasks that wait for it */
    struct lull_task *loader; /* who loads, held by user value 3; NULL: not a task */
    bool failed;              /* with the error in user value 2 */
                              /* user values: 1 its name, 4 the table it is in */
};

static struct loading *loading_of_waiter(const struct lull_op *op);

/* ---- waiting for another task's loading ------------------------------------------ */

static int require_retry(lua_State *L, struct lull_op *op);

static const struct lull_op_type require_type = {
    .name = "require",
    .cancel = lull__waiter_cancel,
    .push = require_retry,
};

/* The entry a task waits for in require: at 3 of the thread it waits in. */
static struct loading *loading_of_waiter(const struct lull_op *op)
{
    if (op == NULL || op->type != &require_type || op->state != LULL_OP_PENDING)
        return NULL;
    return lua_touserdata(op->L, 3);
}

/* Would waiting for `loading` close a circle of tasks that wait to load? */
static bool closes_cycle(struct loading *loading, const struct lull_task *task)
{
    while (loading != NULL && loading->loader != NULL) {
        if (loading->loader == task)
            return true;
        loading = loading_of_waiter(loading->loader->strand.op);
    }
    return false;
}

static int wait_for(lua_State *L, struct lull_tasks *tasks)
{
    struct loading *loading = lua_touserdata(L, 3);
    if (tasks->running == NULL || closes_cycle(loading, tasks->running))
        return lull_raise(L, LULL_KIND_USAGE,
                          "module '%s' requires itself, directly or through others",
                          lua_tostring(L, 1));
    struct lull_task *task = lull_checkpoint(L);
    lull__park(&loading->lot, &task->wait.waiter, task, &require_type);
    return lull_await(L, &task->wait.op);
}

/* ---- loading ------------------------------------------------------------------------ */

/*
 * __close of an entry: leave the table.  Those who wait look again; or, if the
 * loader failed, fail with its error.  That it was cancelled is no failure.
 */
static int loading_close(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2) && !lull__is_own(L, lull__tasks(L), 2)) {
        loading->failed = true;
        lua_setiuservalue(L, 1, 2);
    }
    lua_getiuservalue(L, 1, 4);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_rawequal(L, -1, 1)) { /* not replaced meanwhile */
        lua_pop(L, 1);
        lua_pushnil(L);
        lua_rawset(L, -3);
    }
    lull__unpark_all(&loading->lot);
    return 0;
}

static int loaded_k(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    /* ...; loader data; the loader's result */
    const char *name = lua_tostring(L, 1);
    if (lua_isnil(L, -1))
        lua_pop(L, 1);
    else
        lua_setfield(L, 2, name);
    if (lua_getfield(L, 2, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, 2, name);
    }
    lua_insert(L, -2);
    return 2;
}

/* loader; its data -> call it */
static int call_loader(lua_State *L)
{
    lua_pushvalue(L, -1);
    lua_insert(L, -3); /* data; loader; data */
    lua_pushvalue(L, 1);
    lua_insert(L, -2); /* data; loader; name; data */
    lua_callk(L, 2, 1, 0, loaded_k);
    return loaded_k(L, LUA_OK, 0);
}

static int searched_k(lua_State *L, int status, lua_KContext next);

/* Ask the searchers from number `next` on. */
static int search(lua_State *L, lua_KContext next)
{
    if (lua_rawgeti(L, 4, (lua_Integer)next) == LUA_TNIL)
        return luaL_error(L, "module '%s' not found:%s", lua_tostring(L, 1),
                          lua_tostring(L, 5));
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 2, next + 1, searched_k);
    return searched_k(L, LUA_OK, next + 1);
}

static int searched_k(lua_State *L, int status, lua_KContext next)
{
    (void)status;
    if (lua_isfunction(L, -2))
        return call_loader(L);
    if (lua_isstring(L, -2)) {
        lua_pop(L, 1);
        lua_pushvalue(L, 5);
        lua_pushliteral(L, "\n\t");
        lua_rotate(L, -3, -1); /* messages, prefix, message */
        lua_concat(L, 3);
        lua_replace(L, 5);
    }
    lua_settop(L, 5);
    return search(L, next);
}

static void push_entry(lua_State *L, struct lull_tasks *tasks)
{
    struct loading *loading = lua_newuserdatauv(L, sizeof *loading, 4);
    lull__list_init(&loading->lot);
    loading->failed = false;
    loading->loader = tasks->running;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, lua_upvalueindex(4));
    lua_setiuservalue(L, -2, 4);
    if (loading->loader != NULL) {
        lull__task_push(L, loading->loader);
        lua_setiuservalue(L, -2, 3);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(4));
    lua_toclose(L, 3);
}

/*
 * Is the entry at 3, if there is one, being worked on?  One whose task has
 * ended was left behind in a coroutine that nobody resumes: it counts no more.
 */
static bool is_under_way(lua_State *L)
{
    const struct loading *loading = lua_touserdata(L, 3);
    return loading != NULL &&
           (loading->loader == NULL || !lull__task_ended(loading->loader));
}

static int require(lua_State *L, struct lull_tasks *tasks)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_getfield(L, 2, lua_tostring(L, 1));
    if (lua_toboolean(L, -1))
        return 1;
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    lua_rawget(L, lua_upvalueindex(4));
    if (is_under_way(L))
        return wait_for(L, tasks);
    lua_settop(L, 2);
    push_entry(L, tasks);
    if (lua_getfield(L, lua_upvalueindex(2), "searchers") != LUA_TTABLE)
        return luaL_error(L, "'package.searchers' must be a table");
    lua_pushliteral(L, "");
    return search(L, 1);
}

static int require_retry(lua_State *L, struct lull_op *op)
{
    const struct loading *loading = lua_touserdata(L, 3);
    if (loading->failed) {
        lua_getiuservalue(L, 3, 2);
        return lua_error(L);
    }
    return require(L, lull__task_tasks(op->task));
}

int lull__l_require(lua_State *L)
{
    luaL_checkstring(L, 1);
    return require(L, lull__tasks(L));
}

void lull__require_init(lua_State *L, struct lull_tasks *tasks)
{
    static const luaL_Reg meta[] = {{"__close", loading_close}, {NULL, NULL}};
    lua_createtable(L, 0, 1);
    lull_set_functions(L, lull__runtime_of(tasks), meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
}
