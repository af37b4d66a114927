/* SPDX-License-Identifier: MIT */
/*
 * token_threads_test.c -- tokens and events where threads meet: completers that
 * race each other, cancellation, and the end of the runtime.
 */
#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define THREADS 3
#define ROUNDS  200

static struct {
    pthread_t threads[THREADS];
    struct lull_token *tokens[THREADS]; /* handed to the threads */
    int started;
    int releases; /* atomic */
    int wins;     /* atomic */
    int pushes;
    struct lull_events *events;
} seen;

static int push_text(lua_State *L, void *arg)
{
    seen.pushes++;
    lua_pushstring(L, arg);
    return 1;
}

static void release_text(void *arg)
{
    free(arg);
    __atomic_add_fetch(&seen.releases, 1, __ATOMIC_RELAXED);
}

/* Some time that differs from run to run. */
static void dawdle(unsigned seed)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (long n = (now.tv_nsec / 7 + seed * 31) % 300; n > 0; n--)
        sched_yield();
}

/* End the token in the way of this thread. */
static void *end_token(void *arg)
{
    unsigned number = (unsigned)(size_t)arg;
    struct lull_token *token = seen.tokens[number];
    bool won = false;
    char *text;
    dawdle(number);
    switch (number % 3) {
    case 0:
        text = strdup("text");
        CHECK(text != NULL);
        won = lull_token_complete(token, push_text, release_text, text);
        break;
    case 1:
        won = lull_token_complete_values(token, "s", "text");
        break;
    default:
        won = lull_token_fail(token, LULL_KIND_IO, "failed in a thread", 0);
        break;
    }
    __atomic_add_fetch(&seen.wins, won, __ATOMIC_RELAXED);
    return NULL;
}

static void on_cancel(struct lull_token *token, void *arg)
{
    (void)token;
    ++*(int *)arg;
}

static int cancels;

/* race(threads) -> "text", or an error    So many threads try to end it. */
static int l_race(lua_State *L)
{
    int threads = (int)luaL_checkinteger(L, 1);
    struct lull_token *token = lull_token_new(L, "host.race", on_cancel, &cancels);
    for (int i = 0; i < threads; i++)
        seen.tokens[i] = i > 0 ? lull_token_hold(token) : token;
    seen.started = threads;
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&seen.threads[i], NULL, end_token, (void *)(size_t)i) == 0);
    return lull_token_await(L, token);
}

/* joined()    All threads of the race are over. */
static int l_joined(lua_State *L)
{
    (void)L;
    for (int i = 0; i < seen.started; i++)
        CHECK(pthread_join(seen.threads[i], NULL) == 0);
    seen.started = 0;
    return 0;
}

/* ---- events --------------------------------------------------------------------- */

#define EVENTS 100

static void *emit(void *arg)
{
    unsigned number = (unsigned)(size_t)arg;
    for (int i = 1; i <= EVENTS; i++) {
        while (!lull_events_emit(seen.events, "si", "event", i)) {
            if (number == THREADS) /* the source is closed */
                break;
            sched_yield();
        }
    }
    lull_events_unref(seen.events);
    return NULL;
}

/* source(capacity, threads) -> source    Threads emit at once. */
static int l_source(lua_State *L)
{
    size_t capacity = (size_t)luaL_checkinteger(L, 1);
    seen.started = (int)luaL_checkinteger(L, 2);
    bool to_close = lua_toboolean(L, 3);
    seen.events = lull_events_new(lull_runtime_of(L), "host.events", capacity);
    CHECK(seen.events != NULL);
    for (int i = 0; i < seen.started; i++) {
        size_t number = to_close ? THREADS : (size_t)i;
        lull_events_ref(seen.events);
        CHECK(pthread_create(&seen.threads[i], NULL, emit, (void *)number) == 0);
    }
    lull_events_push(L, seen.events);
    return 1;
}

/* close()    The source. */
static int l_close(lua_State *L)
{
    (void)L;
    lull_events_close(seen.events);
    lull_events_unref(seen.events);
    return 0;
}

static const luaL_Reg functions[] = {{"race", l_race},
                                     {"joined", l_joined},
                                     {"source", l_source},
                                     {"close", l_close},
                                     {NULL, NULL}};

/* ---- races ---------------------------------------------------------------------------- */

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    cancels = 0;
}

static void check_one_wins(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        begin();
        run_script(functions, "local ok, e = pcall(race, 3)\n"
                              "assert(ok and e == 'text' or e.kind == 'io')\n"
                              "joined()\n");
        CHECK(seen.wins == 1 && seen.releases == 1 && cancels == 0);
    }
}

/* The script gives up at some moment: either it gets the result, or nobody wins. */
static void check_cancel(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        begin();
        run_script(functions, "local lull = require 'lull'\n"
                              "local t = lull.async(race)(2)\n"
                              "for _ = 1, math.random(200) do lull.yield() end\n"
                              "t:cancel() t:join() joined()\n"
                              "result = t:status()\n");
        CHECK(seen.wins == 1 - cancels && seen.releases == 1);
    }
}

/* The runtime goes at some moment, with or without grace. */
static void check_free(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct host host = {.rt = NULL};
        begin();
        CHECK(open_host(&host, functions));
        CHECK(start(host.rt, "race(3)", &host.told));
        for (int steps = i % 8; steps >= 0; steps--)
            lull_step(host.rt, 0);
        close_host(&host, i & 1 ? 0 : 0.01);
        for (int t = 0; t < seen.started; t++)
            CHECK(pthread_join(seen.threads[t], NULL) == 0);
        CHECK(seen.wins + cancels == 1 && seen.releases == 1);
    }
}

/* Nothing is lost, and each thread's events stay in order. */
static void check_events(void)
{
    begin();
    run_script(functions,
               "local lull = require 'lull'\n"
               "local s = source(16, 1)\n"
               "for i = 1, 100 do assert(select(2, s:next_event()) == i) end\n"
               "joined() close()\n"
               "s = source(8, 3)\n"
               "local count = 0\n"
               "local function take(n) for _ = 1, n do\n"
               "  local kind = s:next_event()\n"
               "  assert(kind == 'event') count = count + 1\n"
               "end end\n"
               "lull.gather(function() take(100) end, function() take(200) end)\n"
               "assert(count == 300) joined() close()\n");
}

static void check_events_closed(void)
{
    for (int i = 0; i < ROUNDS / 4; i++) {
        struct host host = {.rt = NULL};
        begin();
        CHECK(open_host(&host, functions));
        CHECK(start(
            host.rt,
            "local s = source(4, 3, true)\n"
            "for _ = 1, math.random(20) do require('lull').yield() s:try_next() end\n"
            "close()\n"
            "for kind in s:events() do assert(kind == 'event') end\n",
            &host.told));
        if (i & 1)
            lull_step(host.rt, 0);
        else
            CHECK(lull_run(host.rt) == LULL_DONE);
        bool is_closed = host.told.times > 0;
        CHECK(!is_closed || host.told.status == LULL_DONE);
        close_host(&host, 0);
        for (int t = 0; t < seen.started; t++)
            CHECK(pthread_join(seen.threads[t], NULL) == 0);
        if (!is_closed) /* the runtime's end has closed it */
            lull_events_unref(seen.events);
    }
}

int main(void)
{
    check_one_wins();
    check_cancel();
    check_free();
    check_events();
    check_events_closed();
    return 0;
}
