/* SPDX-License-Identifier: MIT */
/*
 * repl_host.c -- a host with a prompt of its own: a room that is heated by the host's timer while
 * somebody types, asks and waits.
 *
 *   cc repl_host.c $(pkg-config --cflags --libs lull libevent_core lua5.4) -o repl_host
 *
 * Lines see what the host gives them: temperature(), heat(watts), and `lull` to wait with.
 */
#include <event2/event.h>
#include <lauxlib.h>
#include <lua.h>
#include <lull.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct room {
    double temperature;
    double watts;
};

static struct lull_runtime *running; /* for the signal handler */

/* ---- the prompt ------------------------------------------------------------------- */

static const char prompt[] =
    "local temperature, heat = ...\n"
    "require 'lull.repl'.start {\n"
    "  greeting = 'A room.  Try temperature(), heat(500), and .help',\n"
    "  prompt = function() return ('%.0f degrees> '):format(temperature()) end,\n"
    "  globals = { temperature = temperature, heat = heat, print = print,\n"
    "    lull = require 'lull' },\n"
    "}\n";

/* Start it; false: it cannot be. */
static int start_prompt(struct lull_runtime *rt, struct room *room,
                        const lua_CFunction *functions, lull_outcome_fn done)
{
    lua_State *L = lull_state(rt);
    if (lull_load(rt, prompt, sizeof prompt - 1, "=prompt") != LULL_DONE)
        return 0;
    for (int i = 0; i < 2; i++) {
        lua_pushlightuserdata(L, room);
        lua_pushcclosure(L, functions[i], 1);
    }
    return lull_call(rt, 2, done, NULL) != NULL;
}

/* ---- the host ----------------------------------------------------------------------- */

static struct room *room_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int l_temperature(lua_State *L)
{
    lua_pushnumber(L, room_of(L)->temperature);
    return 1;
}

static int l_heat(lua_State *L)
{
    double watts = luaL_checknumber(L, 1);
    luaL_argcheck(L, watts >= 0 && watts <= 2000, 1, "0 to 2000 watts");
    room_of(L)->watts = watts;
    return 0;
}

/* A timer: what is heated gets warmer, up to a point. */
static void on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct room *room = arg;
    (void)fd, (void)what;
    room->temperature += (10 + room->watts / 50 - room->temperature) / 20;
}

static void on_interrupt(int number)
{
    (void)number;
    lull_interrupt(running); /* the line that runs */
}

static void on_end(struct lull_runtime *rt, const struct lull_outcome *outcome, void *arg)
{
    (void)arg;
    if (outcome->status == LULL_FAILED)
        fprintf(stderr, "prompt: %s\n", outcome->message);
    event_base_loopbreak(lull_base(rt));
}

int main(void)
{
    static const char *const all[] = {"all", NULL};
    static const lua_CFunction functions[] = {l_temperature, l_heat};
    struct timeval often = {0, 50000};
    struct room room = {.temperature = 10};
    struct event_base *base = event_base_new();
    const struct lull_options options = {
        .size = sizeof options, .base = base, .permissions = all};
    struct event *beat = event_new(base, -1, EV_PERSIST, on_beat, &room);
    running = lull_new(&options);
    if (running == NULL || !start_prompt(running, &room, functions, on_end))
        return 1;
    signal(SIGINT, on_interrupt);
    event_add(beat, &often);
    event_base_dispatch(base);
    lull_free(running, 1);
    event_free(beat);
    event_base_free(base);
    return 0;
}
