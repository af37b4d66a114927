/* SPDX-License-Identifier: MIT */
/*
 * token.c -- what an asynchronous C function costs over a bare one.
 *
 * Runs the same Lua loop over C functions that answer with a number: at once and
 * bare; through a token ended before it is awaited; through one that a callback of
 * libevent ends.  For the last the yardstick is an op of the binding's own that is
 * ended by the same kind of callback.  Rounds are interleaved, and the medians of
 * the differences within a round are printed, in nanoseconds of CPU time.
 *
 *   token [rounds [calls]]
 */
#include "lull_host.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int l_bare(lua_State *L)
{
    lua_pushinteger(L, 42);
    return 1;
}

static int push_number(lua_State *L, void *arg)
{
    (void)arg;
    lua_pushinteger(L, 42);
    return 1;
}

static int l_push(lua_State *L)
{
    struct lull_token *token = lull_token_new(L, "bench.push", NULL, NULL);
    lull_token_complete(token, push_number, NULL, NULL);
    return lull_token_await(L, token);
}

static void release_nothing(void *arg)
{
    (void)arg;
}

static int l_release(lua_State *L)
{
    struct lull_token *token = lull_token_new(L, "bench.release", NULL, NULL);
    lull_token_complete(token, push_number, release_nothing, NULL);
    return lull_token_await(L, token);
}

static int l_values(lua_State *L)
{
    struct lull_token *token = lull_token_new(L, "bench.values", NULL, NULL);
    lull_token_complete_values(token, "i", 42);
    return lull_token_await(L, token);
}

/* ---- ended by a callback: one persistent event, activated for each call ------------- */

static struct {
    struct event *event;
    struct lull_token *token;
    struct lull_op *op;
} later;

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    if (later.token != NULL)
        lull_token_complete(later.token, push_number, NULL, NULL);
    else
        lull_op_complete(later.op);
}

static int l_callback(lua_State *L)
{
    later.token = lull_token_new(L, "bench.callback", NULL, NULL);
    event_active(later.event, EV_TIMEOUT, 0);
    return lull_token_await(L, later.token);
}

static int op_push(lua_State *L, struct lull_op *op)
{
    (void)op;
    lua_pushinteger(L, 42);
    return 1;
}

static enum lull_cancel op_cancel(struct lull_op *op)
{
    (void)op;
    return LULL_DETACHED;
}

static int l_op(lua_State *L)
{
    static const struct lull_op_type type = {
        .name = "bench.op", .cancel = op_cancel, .push = op_push};
    struct lull_task *task = lull_checkpoint(L);
    static struct lull_op op; /* one call at a time */
    lull_op_begin(&op, task, &type);
    lull_hold(lull_runtime_of(L));
    later.token = NULL;
    later.op = &op;
    event_active(later.event, EV_TIMEOUT, 0);
    return lull_await(L, &op);
}

/* ---- measuring ------------------------------------------------------------------------- */

static const luaL_Reg functions[] = {
    {"bare", l_bare},     {"push", l_push}, {"release", l_release},
    {"values", l_values}, {"op", l_op},     {"callback", l_callback},
    {NULL, NULL}};
#define KINDS 6

/* Reads like: what, minus the kind with this number. */
static const struct {
    const char *label;
    int kind, over;
} lines[] = {{"ended at once, push function", 1, 0},
             {"ended at once, push and release", 2, 0},
             {"ended at once, values", 3, 0},
             {"ended by a callback, over an op of its own", 5, 4}};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ns per call of the function */
static double measure(struct lull_runtime *rt, const char *name, long calls)
{
    static const char loop[] = "local fn, n = ... for _ = 1, n do fn() end";
    lua_State *L = lull_state(rt);
    if (lull_load(rt, loop, sizeof loop - 1, "=loop") != LULL_DONE)
        exit(1);
    lua_getglobal(L, name);
    lua_pushinteger(L, calls);
    double start = seconds();
    if (lull_call(rt, 2, NULL, NULL) == NULL || lull_run(rt) != LULL_DONE)
        exit(1);
    return (seconds() - start) / (double)calls * 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    enum { MOST = 99 };
    static double ns[KINDS][MOST], over[MOST];
    int rounds = argc > 1 ? atoi(argv[1]) : 15;
    long calls = argc > 2 ? atol(argv[2]) : 200000;
    struct lull_runtime *rt = lull_new(NULL);
    if (rt == NULL || rounds < 1 || rounds > MOST || calls < 1)
        return 1;
    lua_pushglobaltable(lull_state(rt));
    lull_set_functions(lull_state(rt), rt, functions);
    lua_pop(lull_state(rt), 1);
    later.event = event_new(lull_base(rt), -1, EV_PERSIST, on_event, NULL);
    for (int kind = 0; kind < KINDS; kind++)
        measure(rt, functions[kind].name, calls / 10); /* warm up */
    for (int round = 0; round < rounds; round++)
        for (int kind = 0; kind < KINDS; kind++)
            ns[kind][round] = measure(rt, functions[kind].name, calls);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        for (int round = 0; round < rounds; round++)
            over[round] = ns[lines[i].kind][round] - ns[lines[i].over][round];
        printf("%-44s %7.1f ns\n", lines[i].label, median(over, rounds));
    }
    for (int kind = 0; kind < KINDS; kind++)
        printf("%-44s %7.1f ns a call\n", functions[kind].name, median(ns[kind], rounds));
    event_free(later.event);
    lull_free(rt, 0);
    return 0;
}
