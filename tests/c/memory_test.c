/* SPDX-License-Identifier: MIT */
/*
 * memory_test.c -- every allocation fails once: nothing leaks, nothing breaks,
 * and the count of bytes is exact.
 */
#include "check.h"

static const char script[] =
    "local lull = require 'lull'\n"
    "local q = lull.sync.queue(2)\n"
    "local function work(n) for i = 1, n do q:put(i); lull.yield() end return n end\n"
    "local a = lull.spawn(work, 3)\n"
    "local b = lull.async(work)(2)\n"
    "lull.spawn(function() for _ = 1, 5 do q:get() end end)\n"
    "local gone = lull.spawn(lull.sleep_forever)\n"
    "lull.yield()\n"
    "gone:cancel('enough')\n"
    "lull.timeout(5, function() return lull.gather(a, b, function() lull.sleep(0.001) end) end)\n"
    "pcall(lull.timeout, 0, lull.sleep, 1)\n"
    "pcall(lull.group, function(g) g:spawn(error, 'x'); lull.sleep(1) end)\n"
    "local gen = coroutine.wrap(function() lull.yield() coroutine.yield(1) end)\n"
    "gen() gen()\n"
    "lull.var(1):with(2, function() lull.spawn(lull.yield) end)\n"
    "local f = lull.future() lull.spawn(f.set, f, 1) f:await()\n"
    "do local _ <close> = lull.finally(function() lull.yield() end) end\n"
    "lull.spawn(lull.sleep_forever)\n"
    "lull.spawn(function() local _ <close> = lull.finally(lull.yield) lull.sleep_forever() end)\n"
    "return 'done'\n";

/* One life of a runtime; returns whether anything was refused. */
static int live(unsigned long fail_at, int once)
{
    struct counted counted = {.fail_at = fail_at, .once = once};
    struct told told = {0};
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &counted,
                                         .report = ignore_report,
                                         .ignore_environment = once};
    struct lull_runtime *rt = lull_new(&options);
    int refused = rt == NULL;
    if (rt != NULL) {
        CHECK(lull_memory(rt) == counted.used);
        int started = start(rt, script, &told);
        enum lull_status status = lull_step(rt, 0.005);
        CHECK(status == LULL_DONE || status == LULL_DEADLOCK);
        refused = !started || told.times > 0;
        CHECK(lull_memory(rt) == counted.used);
        lull_free(rt, 0);
        CHECK(told.times == (started ? 1 : 0));
    }
    CHECK(counted.used == 0);
    return refused || (fail_at != 0 && counted.calls >= fail_at);
}

/* A limit refuses growth; the script sees Lua's own error and the host lives. */
static void check_limit(void)
{
    static const char hungry[] = "local t = {} for i = 1, 1e9 do t[i] = {} end";
    struct told told;
    const struct lull_options options = {
        .size = sizeof options, .memory_limit = 2 << 20, .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    CHECK(start(rt, hungry, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.times == 1 && told.status == LULL_FAILED);
    CHECK(strstr(told.message, "not enough memory") != NULL);
    CHECK(lull_memory_peak(rt) <= 2 << 20);
    CHECK(start(rt, "return 1", &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 1);
}

/* Memory is full when a task that was cancelled before its first step is to end. */
static void check_cancelled_unstarted(void)
{
    static const char hog[] = "hog = {} for i = 1, 1e9 do hog[i] = {} end";
    static const char never[] = "error('called')";
    struct told full, cancelled = {0};
    const struct lull_options options = {
        .size = sizeof options, .memory_limit = 2 << 20, .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    CHECK(start(rt, hog, &full));
    CHECK(lull_load(rt, never, sizeof never - 1, "=never") == LULL_DONE);
    struct lull_task *task = lull_call(rt, 0, tell, &cancelled);
    CHECK(task != NULL);
    lull_cancel(rt, task, NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(full.times == 1 && full.status == LULL_FAILED);
    CHECK(cancelled.times == 1 && cancelled.status != LULL_DONE);
    lull_free(rt, 0);
}

int main(void)
{
    for (int once = 0; once < 2; once++) {
        unsigned long n = 1;
        CHECK(!live(0, once));
        while (live(n, once))
            n++;
        printf("%lu allocations refused, %s\n", n - 1,
               once ? "one at a time" : "with all later ones");
    }
    check_limit();
    check_cancelled_unstarted();
    return 0;
}
