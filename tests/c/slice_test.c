/* SPDX-License-Identifier: MIT */
/*
 * slice_test.c -- scripts that compute: set aside, killed, timed; calls with limits.
 */
#include "check.h"

#include <event2/event.h>
#include <lua.h>
#include <math.h>
#include <signal.h>
#include <time.h>

static const char forever[] = "while true do end";

static struct lull_runtime *make(struct event_base *base, double cpu_limit)
{
    const struct lull_options options = {.size = sizeof options,
                                         .base = base,
                                         .report = ignore_report,
                                         .permissions =
                                             (const char *const[]){"all", NULL},
                                         .slice_signal = SIGRTMIN + 1,
                                         .slice = 0.004,
                                         .cpu_limit = cpu_limit};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double clock_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* What others take of the processor is no fault of a script's. */
static double cpu_now(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static struct lull_stats stats_of(struct lull_runtime *rt)
{
    struct lull_stats stats = {.size = sizeof stats};
    lull_get_stats(rt, &stats);
    return stats;
}

static void keep_text(void *arg, const char *text)
{
    snprintf(arg, 128, "%s", text);
}

/* A signal that nobody lent is refused, and the reason told. */
static void signal_not_lent(void)
{
    char said[128] = "";
    const struct lull_options options = {.size = sizeof options,
                                         .report = keep_text,
                                         .report_arg = said,
                                         .slice_signal = SIGRTMIN + 5};
    CHECK(lull_new(&options) == NULL);
    CHECK(strstr(said, "slice_signal") != NULL);
    CHECK(lull_lend_signal(-1) != 0);
}

/* While one task computes for ever, others of its runtime go on. */
static void others_go_on(void)
{
    struct told hog, other;
    struct lull_runtime *rt = make(NULL, 0);
    CHECK(start(rt, forever, &hog));
    CHECK(start(rt, "for i = 1, 5 do require'lull'.sleep(0.001) end", &other));
    while (other.times == 0)
        lull_step(rt, 0.01);
    CHECK(other.status == LULL_DONE && hog.times == 0);
    CHECK(stats_of(rt).preempted > 0);
    lull_free(rt, 0.01);
    CHECK(hog.times == 1 && hog.status == LULL_CANCELLED);
}

/* Being set aside changes no result, in coroutines, metamethods, iterators, sort. */
static void results_stay(void)
{
    static const char work[] =
        "local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end\n"
        "local t = setmetatable({}, {__index = function(_, k) return fib(k) end})\n"
        "local g = coroutine.wrap(function() for i = 1, 26 do coroutine.yield(t[i]) end end)\n"
        "local sum = 0 for v in g do sum = sum + v end\n"
        "local l = {} for i = 1, 20000 do l[i] = i * 7919 % 10007 end\n"
        "table.sort(l, function(a, b) return a < b end)\n"
        "for i = 2, #l do assert(l[i-1] <= l[i]) end\n"
        "local s = ('x'):rep(20000):gsub('x', function() return 'y' end)\n"
        "assert(s == ('y'):rep(20000))\n"
        "local ok, e = pcall(function() for i = 1, 1e6 do end error({}) end)\n"
        "assert(not ok and type(e) == 'table') assert(sum == 317810, sum)";
    struct told told[4];
    struct lull_runtime *rt = make(NULL, 0);
    for (int i = 0; i < 4; i++)
        CHECK(start(rt, work, &told[i]));
    CHECK(lull_run(rt) == LULL_DONE);
    for (int i = 0; i < 4; i++)
        CHECK(told[i].times == 1 && told[i].status == LULL_DONE);
    CHECK(stats_of(rt).preempted > 3);
    lull_free(rt, 0);
}

/* The script's own debug hook fires on, before and after slices. */
static void own_hook(void)
{
    static const char work[] =
        "local n = 0 debug.sethook(function() n = n + 1 end, '', 1000)\n"
        "for i = 1, 2e7 do end debug.sethook() assert(n > 1000, n)";
    struct told told;
    struct lull_runtime *rt = make(NULL, 0);
    CHECK(start(rt, work, &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_DONE);
    CHECK(stats_of(rt).preempted > 0);
    lull_free(rt, 0);
}

/* lull.critical is not set aside. */
static void critical(void)
{
    static const char work[] =
        "local lull = require 'lull' local seen = 0\n"
        "local other = lull.async(function() while true do seen = seen + 1 lull.yield() end "
        "end)()\n"
        "lull.yield()\n"
        "lull.critical(function() local at = seen for i = 1, 3e6 do end\n"
        "assert(at == seen) assert(not pcall(lull.yield)) end)\n"
        "other:cancel()";
    struct told told;
    struct lull_runtime *rt = make(NULL, 0);
    CHECK(start(rt, work, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 0);
}

/* A task that has run for its time is killed, with what it owns; the error is its owner's. */
static void task_limit(void)
{
    struct told told;
    struct lull_runtime *rt = make(NULL, 0.05);
    CHECK(start(rt, forever, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_LIMIT && strstr(told.message, "limit") != NULL);
    CHECK(start(rt,
                "local lull = require 'lull'\n"
                "local t = lull.async(function() lull.spawn(lull.sleep_forever)\n"
                "  while true do pcall(error) end end)()\n"
                "local ok, e = pcall(lull.await, t)\n"
                "assert(not ok and lull.is_error(e, 'limit'), e) return 1",
                &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DONE);
    CHECK(stats_of(rt).killed == 3);
    lull_free(rt, 0);
}

/* One that waits now and then is charged for what it runs, too. */
static void small_steps(void)
{
    struct told told;
    struct lull_runtime *rt = make(NULL, 0.05);
    CHECK(start(rt, "while true do require'lull'.yield() end", &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_LIMIT);
    lull_free(rt, 0);
}

/* A call's limit is for all that it starts; other calls have their own. */
static void call_limit(void)
{
    static const char many[] =
        "local lull = require 'lull'\n"
        "local function work() while true do lull.yield() end end\n"
        "lull.gather({work, work, work, work}, {settle = true})";
    struct told bounded, free_one;
    memset(&bounded, 0, sizeof bounded);
    struct lull_runtime *rt = make(NULL, 0);
    const struct lull_call_options options = {.size = sizeof options,
                                              .done = tell,
                                              .arg = &bounded,
                                              .name = "bounded",
                                              .cpu_limit = 0.05};
    CHECK(lull_load(rt, many, sizeof many - 1, "=many") == LULL_DONE);
    CHECK(lull_call_with(rt, 0, &options) != NULL);
    CHECK(start(rt, "for i = 1, 1000 do require'lull'.yield() end", &free_one));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(bounded.times == 1 && bounded.status == LULL_LIMIT);
    CHECK(free_one.times == 1 && free_one.status == LULL_DONE);
    lull_free(rt, 0);
}

/* lull_kill: whether it computes, waits, is shielded, or has not begun. */
static void killing(void)
{
    static const char *const scripts[] = {
        forever,
        "require'lull'.sleep(1000)",
        "local lull = require 'lull' lull.shield(function() while true do\n"
        "pcall(lull.sleep, 1000) end end)",
        "local lull = require 'lull' local _ <close> = lull.finally(function()\n"
        "lull.sleep(1000) end) lull.group(function(g) g:spawn(lull.sleep_forever)\n"
        "lull.timeout(1000, coroutine.wrap(function() lull.sleep(1000) end)) end)",
    };
    for (int steps = 0; steps < 3; steps++) {
        for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
            struct told told;
            struct lull_runtime *rt = make(NULL, 0);
            memset(&told, 0, sizeof told);
            CHECK(lull_load(rt, scripts[i], strlen(scripts[i]), "=k") == LULL_DONE);
            struct lull_task *task = lull_call(rt, 0, tell, &told);
            for (int n = 0; n < steps; n++)
                lull_step(rt, 0);
            lull_kill(rt, task);
            CHECK(told.times == 0);
            CHECK(lull_run(rt) == LULL_DONE);
            CHECK(told.times == 1 && told.status == LULL_LIMIT);
            CHECK(stats_of(rt).tasks == 0 && lull_is_idle(rt));
            lull_free(rt, 0);
        }
    }
}

/* Without a signal too: what waits can be killed. */
static void killing_without_slices(void)
{
    const struct lull_options options = {.size = sizeof options, .cpu_limit = 0.02};
    struct told told;
    struct lull_runtime *rt = lull_new(&options);
    CHECK(start(rt, "while true do pcall(require'lull'.yield) end", &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_LIMIT);
    lull_free(rt, 0);
}

static int sum_views(void *arg, const struct lull_task_view *view)
{
    int *seen = arg;
    CHECK(view->name != NULL && view->depth <= 1);
    CHECK((view->depth == 0) == (view->owner == NULL));
    CHECK(strcmp(view->waits_for, view->depth == 0 ? "join" : "sleep") == 0);
    seen[view->depth]++;
    return 0;
}

static int stop_at_once(void *arg, const struct lull_task_view *view)
{
    (void)view;
    return ++*(int *)arg;
}

static void looking(void)
{
    static const char work[] =
        "local lull = require 'lull' lull.spawn(lull.sleep, 0.5) lull.spawn(lull.sleep, 1)";
    struct told told;
    int seen[2] = {0, 0}, stopped = 0;
    struct lull_task_view view;
    struct lull_runtime *rt = make(NULL, 0);
    CHECK(lull_is_idle(rt) && lull_next_deadline(rt) == HUGE_VAL);
    memset(&told, 0, sizeof told);
    CHECK(lull_load(rt, work, sizeof work - 1, "=w") == LULL_DONE);
    struct lull_task *task = lull_call(rt, 0, tell, &told);
    lull_set_name(rt, task, "main");
    CHECK(!lull_is_idle(rt) && lull_next_deadline(rt) == 0);
    CHECK(lull_look(rt, task, &view) == LULL_DONE &&
          strcmp(view.waits_for, "ready") == 0);
    while (lull_next_deadline(rt) == 0)
        lull_step(rt, 0);
    CHECK(lull_next_deadline(rt) > 0 && lull_next_deadline(rt) <= 0.5);
    lull_each_task(rt, sum_views, seen);
    CHECK(seen[0] == 1 && seen[1] == 2);
    lull_each_task(rt, stop_at_once, &stopped);
    CHECK(stopped == 1);
    CHECK(lull_look(rt, task, &view) == LULL_DONE && strcmp(view.name, "main") == 0);
    CHECK(stats_of(rt).tasks == 3 && stats_of(rt).calls == 1 && stats_of(rt).turns > 0);
    CHECK(stats_of(rt).memory == lull_memory(rt) && stats_of(rt).busy > 0);
    lull_free(rt, 0);
    CHECK(told.times == 1);
}

/* An answer now: done, failed, late (asleep, computing), and inside a callback of the base. */
static void calling_now(struct lull_runtime *rt)
{
    static const struct {
        const char *script;
        double timeout;
        enum lull_status status;
    } cases[] = {
        {"return 1", 60, LULL_DONE},
        {"require'lull'.sleep(0.01) return 1", 60, LULL_DONE},
        {"error 'no'", 60, LULL_FAILED},
        {"require'lull'.sleep(1000)", 0.01, LULL_LATE},
        {"while true do pcall(require'lull'.sleep, 1000) end", 0.01, LULL_LATE},
        {forever, 0.01, LULL_LATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told;
        memset(&told, 0, sizeof told);
        const struct lull_call_options options = {
            .size = sizeof options, .done = tell, .arg = &told};
        double began = clock_now();
        CHECK(lull_load(rt, cases[i].script, strlen(cases[i].script), "=n") == LULL_DONE);
        CHECK(lull_call_now(rt, 0, cases[i].timeout, &options) == cases[i].status);
        CHECK(told.times == 1 && lua_gettop(lull_state(rt)) == 0);
        CHECK(clock_now() - began < 60);
    }
}

static void in_callback(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    calling_now(arg);
    CHECK(lull_run(arg) == LULL_BAD_USE);
    event_base_loopbreak(lull_base(arg));
}

static void answers_now(void)
{
    static const struct timeval soon = {0, 1000};
    struct lull_runtime *rt = make(NULL, 0);
    calling_now(rt);
    lull_free(rt, 0);
    struct event_base *base = event_base_new();
    rt = make(base, 0);
    calling_now(rt);
    CHECK(event_base_once(base, -1, EV_TIMEOUT, in_callback, rt, &soon) == 0);
    event_base_dispatch(base);
    lull_free(rt, 0);
    event_base_free(base);
}

/* ---- a shared base ----------------------------------------------------------------- */

struct beat {
    struct event *event;
    double last, worst; /* in CPU time */
    int left;
    const struct told *also; /* it ends when this has, too */
};

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct beat *beat = arg;
    double now = cpu_now();
    (void)fd, (void)what;
    if (beat->last != 0 && now - beat->last > beat->worst)
        beat->worst = now - beat->last;
    beat->last = now;
    if (--beat->left <= 0 && beat->also->times > 0)
        event_base_loopbreak(event_get_base(beat->event));
}

/* Runaway scripts in many runtimes keep a host's event waiting for a slice or two. */
static void host_goes_on(int runaways)
{
    static const struct timeval period = {0, 2000};
    struct event_base *base = event_base_new();
    struct lull_runtime *rts[16];
    struct told told[16], polite;
    struct beat beat = {.left = 50, .also = &polite};
    for (int i = 0; i < runaways; i++) {
        rts[i] = make(base, 0);
        CHECK(start(rts[i], forever, &told[i]));
    }
    struct lull_runtime *neighbour = make(base, 0);
    CHECK(start(neighbour, "for i = 1, 20 do require'lull'.sleep(0.001) end", &polite));
    beat.event = event_new(base, -1, EV_PERSIST, on_beat, &beat);
    event_add(beat.event, &period);
    event_base_dispatch(base);
    CHECK(polite.times == 1 && polite.status == LULL_DONE);
    printf("%d runaways: the host's event waited at most %.1f ms\n", runaways,
           beat.worst * 1e3);
    CHECK(beat.worst < 0.2); /* slices of 4 ms; the margin is for sanitizers */
    event_free(beat.event);
    for (int i = 0; i < runaways; i++) {
        CHECK(stats_of(rts[i]).preempted > 0);
        lull_free(rts[i], i % 2 ? 0.01 : 0);
        CHECK(told[i].times == 1);
    }
    lull_free(neighbour, 0);
    event_base_free(base);
}

/* No more tasks than the host allows. */
static void task_storm(void)
{
    const struct lull_options options = {.size = sizeof options, .max_tasks = 10};
    struct told told;
    struct lull_runtime *rt = lull_new(&options);
    CHECK(start(rt,
                "local lull = require 'lull' local ok, e\n"
                "for i = 1, 20 do ok, e = pcall(lull.spawn, lull.sleep, 0.01) end\n"
                "assert(not ok and lull.is_error(e, 'limit'), e)",
                &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_DONE);
    lull_free(rt, 0);
}

int main(void)
{
    signal_not_lent();
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    others_go_on();
    results_stay();
    own_hook();
    critical();
    task_limit();
    small_steps();
    call_limit();
    killing();
    killing_without_slices();
    looking();
    answers_now();
    host_goes_on(1);
    host_goes_on(16);
    task_storm();
    return 0;
}
