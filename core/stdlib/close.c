/* SPDX-License-Identifier: MIT */
/*
 * close.c -- record, then run.
 *
 * While the real __close functions run, L holds on top of the caller's slots:
 *   records  a table: 1..n the values, `status` an error status, `next`,
 *            and `context`, `done` of the caller as light userdata
 *   error    the error so far, or nil
 */
#include "stdlib/close.h"

struct closing {
    lua_KContext context;
    lua_KFunction done;
    int status; /* LUA_OK, or what the last error was */
    int count;  /* values recorded */
    int next;   /* the next one to close */
};

/* __close of everything due, for a moment: note the value. */
static int recorder(lua_State *L)
{
    struct closing *closing = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_rawseti(L, lua_upvalueindex(2), ++closing->count);
    return 0;
}

/* Add the metatable of the value on top of co, if it closes, to the table at `set` of L. */
static bool note_metatable(lua_State *L, lua_State *co, int set)
{
    bool noted = false;
    if (lua_getmetatable(co, -1)) {
        lua_pushliteral(co, "__close");
        lua_rawget(co, -2);
        if (!lua_isnil(co, -1)) {
            lua_xmove(co, L, 2); /* metatable, function */
            lua_rawset(L, set);
            noted = true;
        } else {
            lua_pop(co, 2);
        }
    }
    return noted;
}

/* Fill the table at `set` with metatable -> __close of every value on co's stack. */
static int find_metatables(lua_State *L, lua_State *co, int set)
{
    lua_Debug ar;
    int slots = 0;
    if (!lua_checkstack(co, 6))
        return 0;
    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        for (int i = 1; lua_getlocal(co, &ar, i) != NULL; i++) {
            if (note_metatable(L, co, set))
                slots++;
            lua_pop(co, 1);
        }
    }
    return slots;
}

/* Put the recorder (at `with`), or with 0 what the set holds, into each metatable. */
static void swap_close(lua_State *L, int set, int with)
{
    lua_pushnil(L);
    while (lua_next(L, set) != 0) {
        lua_pushliteral(L, "__close");
        lua_pushvalue(L, with != 0 ? with : -2);
        lua_rawset(L, -4);
        lua_pop(L, 1);
    }
}

static int run_next(lua_State *L, int base);

static int closed_k(lua_State *L, int status, lua_KContext context)
{
    int base = (int)context;
    struct closing *closing = lua_touserdata(L, base);
    if (status != LUA_OK && status != LUA_YIELD) {
        closing->status = status;
        lua_replace(L, base + 2);
    }
    lua_settop(L, base + 2);
    return run_next(L, base);
}

/* L: base the closing, base + 1 the values, base + 2 the error. */
static int run_next(lua_State *L, int base)
{
    struct closing *closing = lua_touserdata(L, base);
    while (closing->next <= closing->count) {
        lua_rawgeti(L, base + 1, closing->next++);
        if (luaL_getmetafield(L, -1, "__close") == LUA_TNIL) {
            lua_settop(L, base + 2);
            continue;
        }
        lua_insert(L, -2);
        lua_pushvalue(L, base + 2);
        int status = lua_pcallk(L, 2, 0, 0, base, closed_k);
        if (status != LUA_OK) {
            closing->status = status;
            lua_replace(L, base + 2);
        }
        lua_settop(L, base + 2);
    }
    struct closing end = *closing;
    lua_replace(L, base);
    lua_settop(L, end.status != LUA_OK ? base : base - 1);
    return end.done(L, end.status, end.context);
}

int lull__close_coroutine(lua_State *L, struct lull_tasks *tasks, lua_State *co,
                          lua_KContext context, lua_KFunction done)
{
    int base = lua_gettop(L) + 1;
    luaL_checkstack(L, 12, NULL);
    struct closing *closing = lua_newuserdatauv(L, sizeof *closing, 0);
    *closing = (struct closing){.context = context, .done = done, .next = 1};
    lua_newtable(L); /* base + 1: metatable -> __close */
    int slots = 0;
    if (tasks->running != NULL && L == tasks->slice.running && lua_isyieldable(L))
        slots = find_metatables(L, co, base + 1);
    if (slots > 0) {
        lua_createtable(L, slots, 0); /* base + 2: the values, no growth later */
        lua_pushvalue(L, base);
        lua_pushvalue(L, base + 2);
        lua_pushcclosure(L, recorder, 2); /* base + 3 */
        int running = lua_gc(L, LUA_GCISRUNNING);
        lua_gc(L, LUA_GCSTOP);
        swap_close(L, base + 1, base + 3);
        closing->status = lull__close_thread(co, L);
        swap_close(L, base + 1, 0);
        if (running)
            lua_gc(L, LUA_GCRESTART);
        lua_pop(L, 1);
        lua_replace(L, base + 1);
    } else {
        closing->status = lull__close_thread(co, L);
    }
    if (closing->status != LUA_OK)
        lua_xmove(co, L, 1);
    else
        lua_pushnil(L);
    return run_next(L, base);
}
