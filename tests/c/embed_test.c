/* SPDX-License-Identifier: MIT */
/*
 * embed_test.c -- the host's side: outcomes, cancelling, borrowed bases,
 * posting, freeing with everything in flight.
 */
#include "check.h"

#include <event2/event.h>
#include <lua.h>
#include <pthread.h>

static struct lull_runtime *make(struct event_base *base)
{
    const struct lull_options options = {
        .size = sizeof options, .base = base, .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

static void outcomes(void)
{
    struct told told;
    struct lull_runtime *rt = make(NULL);
    CHECK(start(rt, "return 1, 2", &told));
    CHECK(told.times == 0); /* no script runs inside lull_call */
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    CHECK(start(rt, "error('no')", &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_FAILED && strcmp(told.message, "script:1: no") == 0);
    CHECK(start(rt, "require'lull'.sleep_forever()", &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DEADLOCK);
    CHECK(start(rt, "os.exit(7)", &told));
    CHECK(lull_run(rt) == LULL_EXITED);
    CHECK(lull_exit_code(rt) == 7);
    CHECK(lull_load(rt, "x x", 3, "=bad") == LULL_SYNTAX);
    lua_pop(lull_state(rt), 1);
    CHECK(lull_load_file(rt, "/nonexistent") == LULL_NO_FILE);
    lua_pop(lull_state(rt), 1);
    CHECK(lua_gettop(lull_state(rt)) == 0);
    lull_free(rt, 0);
}

static void count_result(struct lull_runtime *rt, const struct lull_outcome *outcome,
                         void *arg)
{
    (void)rt;
    CHECK(outcome->results == 2);
    *(lua_Integer *)arg =
        lua_tointeger(outcome->L, -2) * 10 + lua_tointeger(outcome->L, -1);
}

static void arguments(void)
{
    lua_Integer got = 0;
    struct lull_runtime *rt = make(NULL);
    static const char source[] =
        "local a, b = ... require'lull'.sleep(0.001) return a, b";
    CHECK(lull_load(rt, source, sizeof source - 1, "=args") == LULL_DONE);
    lua_pushinteger(lull_state(rt), 4);
    lua_pushinteger(lull_state(rt), 2);
    CHECK(lull_call(rt, 2, count_result, &got) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(got == 42);
    lull_free(rt, 0);
}

static void cancelling(void)
{
    struct told told;
    struct lull_runtime *rt = make(NULL);
    static const char source[] = "require'lull'.sleep(1000)";
    memset(&told, 0, sizeof told);
    CHECK(lull_load(rt, source, sizeof source - 1, "=c") == LULL_DONE);
    struct lull_task *task = lull_call(rt, 0, tell, &told);
    CHECK(lull_step(rt, 0) == LULL_DONE && told.times == 0);
    lull_cancel(rt, task, "because");
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.times == 1 && told.status == LULL_CANCELLED);
    CHECK(strstr(told.message, "because") != NULL);
    lull_free(rt, 0);
}

static void posted(struct lull_runtime *rt, void *arg)
{
    ++*(int *)arg;
    lull_stop(rt);
}

static void *post_later(void *arg)
{
    void **both = arg;
    CHECK(lull_post(both[0], posted, both[1]) == LULL_DONE);
    return NULL;
}

static void posting(void)
{
    struct told told;
    pthread_t thread;
    int count = 0;
    struct lull_runtime *rt = make(NULL);
    void *both[] = {rt, &count};
    CHECK(start(rt, "require'lull'.sleep(1000)", &told));
    CHECK(pthread_create(&thread, NULL, post_later, both) == 0);
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(count == 1 && told.times == 0);
    pthread_join(thread, NULL);
    lull_free(rt, 0);
    CHECK(told.times == 1 && told.status == LULL_CANCELLED);
}

static void posting_to_an_idle_one(void)
{
    int count = 0;
    struct lull_runtime *rt = make(NULL);
    CHECK(lull_post(rt, posted, &count) == LULL_DONE);
    CHECK(lull_step(rt, 0) == LULL_DONE && count == 1);
    CHECK(lull_is_idle(rt));
    lull_free(rt, 0);
}

/* The host drives: many runtimes on its base, in many states, freed in flight. */
static void borrowed(void)
{
    enum { COUNT = 24 };
    static const char source[] =
        "local lull = require 'lull' local q = lull.sync.queue()\n"
        "lull.spawn(function() for i = 1, 20 do lull.sleep(0.001) q:put(i) end end)\n"
        "local sum = 0 for i = 1, 20 do sum = sum + q:get() end\n"
        "assert(sum == 210) return sum";
    struct event_base *base = event_base_new();
    struct lull_runtime *rts[COUNT];
    struct told told[COUNT];
    for (int i = 0; i < COUNT; i++) {
        rts[i] = make(base);
        CHECK(start(rts[i], i % 2 ? source : "require'lull'.sleep(1000)", &told[i]));
    }
    for (int left = COUNT / 2; left > 0;) {
        event_base_loop(base, EVLOOP_ONCE);
        left = 0;
        for (int i = 1; i < COUNT; i += 2)
            left += told[i].times == 0;
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK(told[i].times == i % 2);
        CHECK(i % 2 == 0 || told[i].status == LULL_DONE);
        lull_free(rts[i], i % 3 == 0 ? 0.5 : 0);
        CHECK(told[i].times == 1);
    }
    event_base_free(base);
}

static void collect(void *arg, const char *text, size_t size)
{
    strncat(arg, text, size);
}

/* What is printed goes to the host's function, so much a second. */
static void printing(void)
{
    char printed[256] = "";
    struct told told;
    const struct lull_options options = {
        .size = sizeof options, .print = collect, .print_arg = printed, .max_output = 20};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(start(rt,
                "print('one', 2) io.write('three') io.stdout:write('!\\n')\n"
                "local ok, e = pcall(print, ('x'):rep(100))\n"
                "assert(not ok and require'lull'.is_error(e, 'limit'), e)\n"
                "assert(io.write(('x'):rep(100)) == nil)",
                &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DONE);
    CHECK(strcmp(printed, "one\t2\nthree!\n") == 0);
    lull_free(rt, 0);
}

/* Cleanup runs within the grace, and is cut short without one. */
static void grace(void)
{
    static const char source[] =
        "local lull = require 'lull'\n"
        "local _ <close> = lull.finally(function() lull.sleep(0.001) cleaned() end)\n"
        "lull.sleep(1000)";
    for (int with = 0; with < 2; with++) {
        struct told told;
        struct lull_runtime *rt = make(NULL);
        lua_pushcfunction(lull_state(rt), lua_error);
        lua_setglobal(lull_state(rt), "cleaned");
        CHECK(start(rt, source, &told));
        CHECK(lull_step(rt, 0) == LULL_DONE);
        lull_free(rt, with ? 5 : 0);
        CHECK(told.times == 1);
        CHECK(told.status == (with ? LULL_FAILED : LULL_CANCELLED));
    }
}

/* A call needs a function and its arguments: the stack stays as it is without. */
static void too_few_values(void)
{
    struct lull_runtime *rt = make(NULL);
    CHECK(lull_call(rt, 0, NULL, NULL) == NULL);
    lua_pushinteger(lull_state(rt), 1);
    CHECK(lull_call(rt, 1, NULL, NULL) == NULL && lull_call(rt, -1, NULL, NULL) == NULL);
    CHECK(lull_call_now(rt, 1, 1, NULL) == LULL_BAD_USE);
    CHECK(lua_gettop(lull_state(rt)) == 1);
    lull_free(rt, 0);
}

/* After os.exit nothing is started any more; the outcome says what happened. */
static void after_exit(void)
{
    struct told told;
    struct lull_runtime *rt = make(NULL);
    CHECK(start(rt, "os.exit(3)", &told));
    CHECK(lull_run(rt) == LULL_EXITED);
    CHECK(told.status == LULL_EXITED && strstr(told.message, "os.exit") != NULL);
    CHECK(strcmp(lull_status_name(told.status), "exited") == 0);
    CHECK(!start(rt, "return 1", &told) && told.times == 0);
    lull_free(rt, 1);
}

int main(void)
{
    outcomes();
    arguments();
    cancelling();
    posting();
    printing();
    posting_to_an_idle_one();
    borrowed();
    grace();
    too_few_values();
    after_exit();
    CHECK(lull_new(&(struct lull_options){.size = 3}) == NULL);
    puts("embedding: ok");
    return 0;
}
