/* SPDX-License-Identifier: MIT */
/*
 * embed.c -- what it costs a C program to have lull inside, beside bare Lua.
 *
 *   embed create-lua N    luaL_newstate, luaL_openlibs, lua_close
 *   embed create-lull N   lull_new, lull_free
 *   embed call-lua N      lua_pcall of a small function, and apart from that a task for
 *                         the same function: what a call that is a task may cost
 *   embed call-lull N     lull_call of it, an outcome callback
 *   embed async-bare N    a script that calls a C function N times
 *   embed async-token N   the same of one that suspends: a token, completed at once
 *   embed async-event N   the same, completed by a callback of libevent
 *   embed compute N       N rounds of a script that computes and yields now and then
 *   embed compute-sliced N   the same with time slices on, none of which is ever over
 *   embed plugins N       N runtimes with a plugin each on one base; ns and bytes are each's
 *
 * Prints "ns=..." per operation, CPU time, and "rss=..." where memory is told.
 */
#define _GNU_SOURCE
#include <event2/event.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <lull_ext.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char function[] = "return function(a, b) return a + b end";

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void fail(const char *what)
{
    fprintf(stderr, "embed: %s\n", what);
    exit(EXIT_FAILURE);
}

static void say(double start, long n, size_t bytes)
{
    printf("ns=%.1f", (cpu_ns() - start) / (double)n);
    printf(bytes > 0 ? " rss=%zu\n" : "\n", bytes);
}

static void create_lua(long n)
{
    size_t before = heap_bytes(), with = 0;
    double start = cpu_ns();
    for (long i = 0; i < n; i++) {
        lua_State *L = luaL_newstate();
        luaL_openlibs(L);
        with = i == 0 ? heap_bytes() : with;
        lua_close(L);
    }
    say(start, n, with - before);
}

static void create_lull(long n)
{
    size_t before = heap_bytes(), with = 0;
    double start = cpu_ns();
    for (long i = 0; i < n; i++) {
        struct lull_runtime *rt = lull_new(NULL);
        with = i == 0 ? heap_bytes() : with;
        lull_free(rt, 0);
    }
    say(start, n, with - before);
}

static struct lull_runtime *make(struct event_base *base, int signal)
{
    const struct lull_options options = {
        .size = sizeof options, .base = base, .slice_signal = signal};
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL)
        fail("no runtime");
    return rt;
}

/* Load a script and run it to its end. */
static void run(struct lull_runtime *rt, const char *source, long n)
{
    if (lull_load(rt, source, strlen(source), "=embed") != LULL_DONE)
        fail(lua_tostring(lull_state(rt), -1));
    lua_pushinteger(lull_state(rt), n);
    lull_call(rt, 1, NULL, NULL);
    if (lull_run(rt) != LULL_DONE)
        fail("the script did not end");
}

static void call_lua(long n)
{
    static const char tasks[] =
        "local f = function(a, b) return a + b end local lull = require 'lull'\n"
        "local g = lull.async(f) local n = ...\n"
        "for i = 1, n do lull.await(g(i, 1)) end";
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_loadstring(L, function) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail("no function");
    struct lull_runtime *rt = make(NULL, 0);
    double start = cpu_ns();
    for (long i = 0; i < n; i++) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, i);
        lua_pushinteger(L, 1);
        if (lua_pcall(L, 2, 1, 0) != LUA_OK)
            fail("call");
        lua_pop(L, 1);
    }
    run(rt, tasks, n);
    say(start, n, 0);
    lull_free(rt, 0);
    lua_close(L);
}

static void on_sum(struct lull_runtime *rt, const struct lull_outcome *outcome, void *arg)
{
    (void)rt;
    *(lua_Integer *)arg += lua_tointeger(outcome->L, -1);
}

static void call_lull(long n)
{
    struct lull_runtime *rt = make(NULL, 0);
    lua_State *L = lull_state(rt);
    lua_Integer sum = 0;
    if (luaL_loadstring(L, function) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail("no function");
    double start = cpu_ns();
    for (long i = 0; i < n;) { /* requests come in small bunches */
        for (int bunch = 0; bunch < 10 && i < n; bunch++, i++) {
            lua_pushvalue(L, 1);
            lua_pushinteger(L, i);
            lua_pushinteger(L, 1);
            lull_call(rt, 2, on_sum, &sum);
        }
        lull_run(rt);
    }
    say(start, n, 0);
    if (sum != (lua_Integer)n * (n - 1) / 2 + n)
        fail("wrong sum");
    lull_free(rt, 0);
}

static int push_number(lua_State *L, void *arg)
{
    (void)arg;
    lua_pushinteger(L, 42);
    return 1;
}

static int l_bare(lua_State *L)
{
    return push_number(L, NULL);
}

static int l_token(lua_State *L)
{
    struct lull_token *token = lull_token_new(L, "embed.token", NULL, NULL);
    lull_token_complete(token, push_number, NULL, NULL);
    return lull_token_await(L, token);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    lull_token_complete(arg, push_number, NULL, NULL);
}

static int l_event(lua_State *L)
{
    static const struct timeval now = {0, 0};
    struct lull_token *token = lull_token_new(L, "embed.event", NULL, NULL);
    event_base_once(lull_base(lull_runtime_of(L)), -1, EV_TIMEOUT, on_event, token, &now);
    return lull_token_await(L, token);
}

static void async(long n, const char *name)
{
    static const luaL_Reg functions[] = {
        {"bare", l_bare}, {"token", l_token}, {"event", l_event}, {NULL, NULL}};
    char script[128];
    struct lull_runtime *rt = make(NULL, 0);
    lua_pushglobaltable(lull_state(rt));
    lull_set_functions(lull_state(rt), rt, functions);
    lua_pop(lull_state(rt), 1);
    snprintf(script, sizeof script, "local f, n = %s, ... for i = 1, n do f() end", name);
    run(rt, script, 1000);
    double start = cpu_ns();
    run(rt, script, n);
    say(start, n, 0);
    lull_free(rt, 0);
}

static void compute(long n, int signal)
{
    static const char rounds[] =
        "local lull = require 'lull' local n = ... local t = {}\n"
        "for i = 1, n do\n"
        "  local sum = 0 for k = 1, 2000 do sum = sum + k * i % 7 t[k] = sum end\n"
        "  lull.yield()\n"
        "end";
    struct lull_runtime *rt = make(NULL, signal);
    run(rt, rounds, 1000);
    double start = cpu_ns();
    run(rt, rounds, n);
    say(start, n, 0);
    lull_free(rt, 0);
}

static void plugins(long n)
{
    static const char plugin[] =
        "local lull = require 'lull' local count = 0\n"
        "function handle(text) count = count + 1 return text:upper() end\n"
        "lull.every(3600, function() print(count) end)";
    struct event_base *base = event_base_new();
    struct lull_runtime **rts = calloc((size_t)n, sizeof *rts);
    size_t before = heap_bytes();
    double start = cpu_ns();
    for (long i = 0; i < n; i++) {
        rts[i] = make(base, SIGRTMIN);
        if (lull_load(rts[i], plugin, sizeof plugin - 1, "=plugin") != LULL_DONE)
            fail("load");
        lull_call(rts[i], 0, NULL, NULL);
    }
    for (int pass = 0; pass < 4; pass++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    say(start, n, (heap_bytes() - before) / (size_t)n);
    for (long i = 0; i < n; i++)
        lull_free(rts[i], 0);
    event_base_free(base);
    free(rts);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    lull_lend_signal(SIGRTMIN);
    if (strcmp(what, "create-lua") == 0)
        create_lua(n);
    else if (strcmp(what, "create-lull") == 0)
        create_lull(n);
    else if (strcmp(what, "call-lua") == 0)
        call_lua(n);
    else if (strcmp(what, "call-lull") == 0)
        call_lull(n);
    else if (strncmp(what, "async-", 6) == 0)
        async(n, what + 6);
    else if (strcmp(what, "compute") == 0)
        compute(n, 0);
    else if (strcmp(what, "compute-sliced") == 0)
        compute(n, SIGRTMIN);
    else if (strcmp(what, "plugins") == 0)
        plugins(n);
    else
        fail("see the comment in embed.c");
    return EXIT_SUCCESS;
}
