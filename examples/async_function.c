/* SPDX-License-Identifier: MIT */
/*
 * async_function.c -- C functions that scripts wait for: ended at once, by a
 * timer of libevent, by a thread; and one that a timeout cancels.
 *
 *   cc async_function.c $(pkg-config --cflags --libs lull libevent_core) -lpthread
 */
#include <lull_host.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* twice(number) -> number    The answer is known at once. */
static int l_twice(lua_State *L)
{
    int number = (int)luaL_checkinteger(L, 1);
    struct lull_token *token = lull_token_new(L, "host.twice", NULL, NULL);
    lull_token_complete_values(token, "i", 2 * number);
    return lull_token_await(L, token);
}

/* delay(seconds) -> text    A callback of the base ends it. */
struct delay {
    struct event timer;
    struct lull_token *token;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct delay *delay = arg;
    (void)fd, (void)what;
    lull_token_complete_values(delay->token, "s", "the timer fired");
    free(delay);
}

/* Nobody waits any more: stop, and give up the hold on the token. */
static void on_cancel(struct lull_token *token, void *arg)
{
    struct delay *delay = arg;
    printf("the timer is stopped\n");
    event_del(&delay->timer);
    free(delay);
    lull_token_drop(token);
}

static int l_delay(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1); /* what raises comes first */
    struct timeval time = {(time_t)seconds, (suseconds_t)(seconds * 1e6) % 1000000};
    struct lull_token *token = lull_token_new(L, "host.delay", NULL, NULL);
    struct delay *delay = malloc(sizeof *delay);
    if (delay == NULL) {
        lull_token_fail(token, LULL_KIND_MEMORY, "no memory for a timer", 0);
        return lull_token_await(L, token);
    }
    delay->token = token;
    evtimer_assign(&delay->timer, lull_base(lull_runtime_of(L)), on_timer, delay);
    evtimer_add(&delay->timer, &time);
    lull_token_on_cancel(token, on_cancel, delay);
    return lull_token_await(L, token);
}

/* sum(number) -> number    A thread ends it. */
struct sum {
    struct lull_token *token;
    int number;
};

static void *sum_main(void *arg)
{
    struct sum *sum = arg;
    lull_token_complete_values(sum->token, "i", sum->number * (sum->number + 1) / 2);
    free(sum);
    return NULL;
}

static int l_sum(lua_State *L)
{
    int number = (int)luaL_checkinteger(L, 1);
    struct lull_token *token = lull_token_new(L, "host.sum", NULL, NULL);
    struct sum *sum = malloc(sizeof *sum);
    pthread_t thread;
    if (sum != NULL)
        *sum = (struct sum){token, number};
    if (sum != NULL && pthread_create(&thread, NULL, sum_main, sum) == 0) {
        pthread_detach(thread);
    } else {
        free(sum);
        lull_token_fail(token, LULL_KIND_IO, "no thread", 0);
    }
    return lull_token_await(L, token);
}

int main(void)
{
    static const luaL_Reg functions[] = {
        {"twice", l_twice}, {"delay", l_delay}, {"sum", l_sum}, {NULL, NULL}};
    static const char script[] =
        "local lull = require 'lull'\n"
        "print('twice 21 is ' .. twice(21))\n"
        "print(delay(0.01)) print('the sum is ' .. sum(1000))\n"
        "print(select(2, pcall(lull.timeout, 0.01, delay, 60)))\n";
    struct lull_runtime *rt = lull_new(NULL);
    if (rt == NULL)
        return 1;
    lua_pushglobaltable(lull_state(rt));
    lull_set_functions(lull_state(rt), rt, functions);
    lua_pop(lull_state(rt), 1);
    if (lull_load(rt, script, strlen(script), "=script") == LULL_DONE)
        lull_call(rt, 0, NULL, NULL);
    lull_run(rt);
    lull_free(rt, 1);
    return 0;
}
