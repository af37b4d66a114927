/* SPDX-License-Identifier: MIT */
/*
 * custom_module.c -- a native module outside the tree: a class, and a method that waits.
 *
 *   cc -shared -fPIC custom_module.c $(pkg-config --cflags lull) -o custom_module.so
 *
 *   local m <close> = require("custom_module").metronome(0.5)
 *   while true do print(m:tick()) end
 *
 * Linked with nothing: lull and Lua are in the program that loads it.
 */
#include <lull_ext.h>

#include <lauxlib.h>

#define CLASS "metronome"

/* The object is the userdata; who waits has it on its Lua stack, so it stays. */
struct metronome {
    struct lull_handle
        handle;              /* closed once: by the script, the collector, or teardown */
    struct lull_op op;       /* the wait of the one task that waits for a beat */
    struct lull_timer timer; /* runs while the op is pending */
    double seconds;
    lua_Integer beats;
};

#define METRONOME(member, name) \
    ((struct metronome *)(void *)((char *)(member)-offsetof(struct metronome, name)))

/* ---- called by the loop: no lua_State, so nothing here can raise ---- */

static void on_beat(struct lull_timer *timer)
{
    struct metronome *m = METRONOME(timer, timer);
    m->beats++;
    lull_op_complete(&m->op); /* its task goes on in a turn, with what tick_push pushes */
}

static enum lull_cancel tick_cancel(struct lull_op *op)
{
    lull_timer_stop(&METRONOME(op, op)->timer);
    return LULL_DETACHED; /* nobody will touch the op any more */
}

/* Whoever waits gets a `closed` error; no-op when nobody does. */
static void on_close(struct lull_handle *handle)
{
    struct metronome *m = METRONOME(handle, handle);
    lull_timer_stop(&m->timer);
    lull_op_fail(&m->op, LULL_KIND_CLOSED, 0);
}

static const struct lull_handle_type handle_type = {.name = CLASS, .close = on_close};

/* ---- called in turns: may raise, so it owns nothing but Lua values ---- */

/* On the waiting task's own stack: its arguments are still there. */
static int tick_push(lua_State *L, struct lull_op *op)
{
    lua_pushinteger(L, METRONOME(op, op)->beats);
    return 1;
}

static const struct lull_op_type tick_type = {
    .name = "metronome.tick", .cancel = tick_cancel, .push = tick_push};

/* m:tick() -> beats    Suspends until the next beat.  Raises busy, closed. */
static int m_tick(lua_State *L)
{
    struct metronome *m = luaL_checkudata(L, 1, CLASS);
    struct lull_task *task = lull_checkpoint(L); /* raises if it was cancelled */
    if (!lull_handle_is_open(&m->handle))
        return lull_raise(L, LULL_KIND_CLOSED, "the metronome is closed");
    if (m->op.awaited)
        return lull_raise(L, LULL_KIND_BUSY, "another task waits for this metronome");
    lull_op_begin(&m->op, task, &tick_type); /* first: what is armed may end it at once */
    if (!lull_timer_start_after(lull_runtime_of(L), &m->timer, m->seconds, on_beat))
        lull_op_fail(&m->op, LULL_KIND_MEMORY, 0);
    return lull_await(L, &m->op);
}

/* m:close()    Idempotent; also what __close and __gc call. */
static int m_close(lua_State *L)
{
    struct metronome *m = luaL_checkudata(L, 1, CLASS);
    lull_handle_close(&m->handle);
    return 0;
}

/* metronome(seconds) -> m    Raises limit: too many open handles. */
static int l_metronome(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"tick", m_tick}, {"close", m_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__close", m_close}, {"__gc", m_close}, {NULL, NULL}};
    struct lull_runtime *rt = lull_runtime_of(L);
    double seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds > 0, 1, "a positive number of seconds expected");
    lull_check_handles(L, CLASS);
    struct metronome *m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (struct metronome){.seconds = seconds}; /* closed, and nobody waits */
    lull_push_class(L, rt, CLASS, methods, meta);
    lua_setmetatable(L, -2); /* from here on it will be closed: now open it */
    lull_handle_open(rt, &m->handle, &handle_type);
    return 1;
}

LULL_API int luaopen_custom_module(lua_State *L)
{
    static const luaL_Reg functions[] = {{"metronome", l_metronome}, {NULL, NULL}};
    struct lull_runtime *rt = lull_runtime_find(L);
    if (rt == NULL)
        return luaL_error(L, "custom_module works in programs with lull only");
    lua_newtable(L);
    lull_set_functions(L, rt, functions); /* the runtime is their first upvalue */
    return 1;
}
