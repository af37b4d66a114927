/* SPDX-License-Identifier: MIT */
/*
 * worker_threads_test.c -- runtimes on several threads, each with workers of its
 * own, which are cancelled, closed, collected, and freed at any moment.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>

enum { THREADS = 4, ROUNDS = 12 };

static const char script[] =
    "local lull = require 'lull'\n"
    "local worker = require 'lull.worker'\n"
    "lull.on_error(function() end)\n"
    "local pool = worker.pool { n = 2, grace = 0.01 }\n"
    "local function burn(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end\n"
    "local function nap(s) require('lull').sleep(s) return s end\n"
    "local list = {} for i = 1, 50 do list[i] = i * 10 end\n"
    "for round = 1, 3 do\n"
    "  local got = pool:map(burn, list)\n"
    "  assert(got.n == 50 and got[1] == burn(10))\n"
    "  assert(pool:call(function(t) return #t.x end, { x = { 1, 2 } }) == 2)\n"
    "  pcall(lull.timeout, 0.002, pool.call, pool, nap, 1)\n"
    "  pcall(lull.timeout, 0.001, pool.call, pool, burn, 300000)\n"
    "  pcall(pool.call, pool, error, 'x')\n"
    "  pcall(pool.call, pool, os.exit, 3)\n"
    "  pcall(pool.call, pool, function()\n"
    "    local inner = require('lull.worker').pool(1)\n"
    "    return inner:call(function() return 1 end)\n"
    "  end)\n"
    "  local more = worker.pool(1)\n"
    "  local task = lull.async(function() more:call(nap, 1) end)()\n"
    "  lull.sleep(0.001)\n"
    "  more:close()\n"
    "  task:join()\n"
    "end\n"
    "lull.spawn(function() pool:call(nap, 100) end):detach()\n"
    "lull.spawn(function() pool:call(nap, 100) end):detach()\n"
    "lull.sleep(0.001)\n";

/* A life of a runtime that ends after `seconds`, or (0) with its script. */
static void live(double seconds, double grace)
{
    const struct lull_options options = {.size = sizeof options,
                                         .permissions =
                                             (const char *const[]){"all", NULL},
                                         .report = ignore_report,
                                         .ignore_environment = 1};
    struct told told;
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    CHECK(start(rt, script, &told));
    if (seconds > 0) {
        lull_step(rt, seconds);
    } else {
        CHECK(lull_run(rt) == LULL_DONE);
        if (told.status != LULL_DONE)
            fprintf(stderr, "%s\n", told.message);
        CHECK(told.times == 1 && told.status == LULL_DONE);
    }
    lull_free(rt, grace);
    CHECK(told.times == 1);
}

static void *work(void *arg)
{
    int index = *(const int *)arg;
    live(0, 0);
    live(0, 1);
    for (int round = 0; round < ROUNDS; round++)
        live(0.0005 * (round * THREADS + index + 1), round % 3 == 0 ? 0.05 : 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int indices[THREADS];
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    for (int i = 0; i < THREADS; i++) {
        indices[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &indices[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d runtimes with workers on %d threads\n", THREADS * (ROUNDS + 2), THREADS);
    return 0;
}
