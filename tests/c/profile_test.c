/* SPDX-License-Identifier: MIT */
/*
 * profile_test.c -- lull_profile_start(): what it finds, and what it costs in memory.
 */
#include "check.h"

#include <errno.h>
#include <signal.h>

/* Which stacks are asked for, and how much of all they are. */
struct sum {
    const char *begins;
    const char *ends;
    unsigned long long found;
    unsigned long long all;
    unsigned long long aside; /* of all, outside scripts */
};

static void add(void *arg, const char *stack, unsigned long long count)
{
    struct sum *sum = arg;
    size_t size = strlen(stack), tail = strlen(sum->ends);
    CHECK(count > 0 && strpbrk(stack, "\n\r\t") == NULL);
    sum->all += count;
    if (strcmp(stack, "(outside scripts)") == 0)
        sum->aside += count;
    if (strncmp(stack, sum->begins, strlen(sum->begins)) == 0 && size >= tail &&
        strcmp(stack + size - tail, sum->ends) == 0)
        sum->found += count;
}

static struct lull_runtime *make(struct counted *counted, int signal)
{
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = counted,
                                         .report = ignore_report,
                                         .slice_signal = signal,
                                         .slice = 0.004,
                                         .permissions = ALLOW_ALL};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

/* Most of what the script computes is in stacks of this form. */
static void dominates(int signal, const char *script, const char *begins,
                      const char *ends)
{
    struct counted counted = {0};
    struct sum sum = {.begins = begins, .ends = ends};
    struct told told;
    struct lull_runtime *rt = make(&counted, signal);
    CHECK(lull_profile_start(rt, 0) == 0);
    CHECK(start(rt, script, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n", told.message);
    CHECK(told.status == LULL_DONE);
    lull_profile_stop(rt, add, &sum);
    if (sum.found * 2 <= sum.all)
        fprintf(stderr, "%s: %llu of %llu\n", ends, sum.found, sum.all);
    CHECK(sum.all > 0 && sum.found * 2 > sum.all);
    lull_free(rt, 0);
    CHECK(counted.used == 0);
}

#define FOR_A_WHILE "local t = os.clock() while os.clock() - t < 0.3 do "

static const char computes[] =
    "require'lull'.current().name = 'a;b\\n'\n"
    "local function hot() local n = 0 for i = 1, 1e5 do n = n + i % 7 end end\n" FOR_A_WHILE
    "hot() end";

static const char in_coroutines[] =
    "local lull = require 'lull'\n"
    "local function hot() for i = 1, 1e5 do end end\n"
    "local inner = coroutine.wrap(function() " FOR_A_WHILE
    "hot() lull.sleep(0) coroutine.yield(1) end end)\n"
    "local co = coroutine.create(function() for _ in inner do coroutine.yield() end end)\n"
    "while coroutine.resume(co) and coroutine.status(co) ~= 'dead' do end";

static const char in_c[] =
    "local s = ('x'):rep(1e5) " FOR_A_WHILE "for _ = 1, 20 do s:find('[yz]') end end";

static const char in_children[] =
    "local lull = require 'lull'\n"
    "local function hot() for i = 1, 1e5 do end end\n"
    "local function child() " FOR_A_WHILE "hot() lull.sleep(0) end end\n"
    "lull.spawn(child) lull.spawn(child) lull.sleep(0.01)";

static const char deep[] = "local function deep(n) if n > 0 then deep(n - 1) return end\n"
                           "  " FOR_A_WHILE "for i = 1, 1e5 do end end end deep(1000)";

static const char with_hook[] =
    "local lines = 0 debug.sethook(function() lines = lines + 1 end, 'l')\n"
    "local function hot() for i = 1, 1000 do\n local x = i end end\n" FOR_A_WHILE
    "hot() end\n assert(lines > 1000 and debug.gethook())";

static void finds(int signal)
{
    dominates(signal, computes, "a:b?;main chunk (script)", ";hot (script:2)");
    dominates(signal, in_coroutines, "",
              ";[C] resume;function (script:4);[C] for iterator;"
              "function (script:3);hot (script:2)");
    dominates(signal, in_c, "", ";[C] find");
    dominates(signal, in_children, "function script:3;", ";hot (script:2)");
    dominates(signal, deep, "", ";deep (script:1)");
    dominates(signal, with_hook, "", "hot (script:2)");
}

/* What waits is not noted. */
static void waits(void)
{
    struct counted counted = {0};
    struct sum sum = {.begins = "", .ends = ""};
    struct told told;
    struct lull_runtime *rt = make(&counted, 0);
    CHECK(lull_profile_start(rt, 0) == 0);
    CHECK(start(rt, "require'lull'.sleep(0.2)", &told));
    CHECK(lull_run(rt) == LULL_DONE);
    lull_profile_stop(rt, add, &sum);
    CHECK(sum.all < 100);
    lull_free(rt, 0);
}

static void starts_and_stops(void)
{
    struct counted counted = {0};
    struct sum sum = {.begins = "", .ends = ""};
    struct told told;
    struct lull_runtime *rt = make(&counted, 0);
    lull_profile_stop(rt, add, &sum);
    CHECK(lull_profile_start(rt, 0.001) == 0);
    CHECK(lull_profile_start(rt, 0.001) == EALREADY);
    lull_profile_stop(rt, NULL, NULL);
    CHECK(start(rt, computes, &told) && lull_run(rt) == LULL_DONE && sum.all == 0);
    CHECK(lull_profile_start(rt, 0.001) == 0);
    CHECK(start(rt, computes, &told) && lull_run(rt) == LULL_DONE);
    lull_free(rt, 0); /* and with it the profile */
    CHECK(counted.used == 0);
}

/* Refused memory is no error of the script; what could not be kept is counted. */
static void without_memory(void)
{
    struct counted counted = {0};
    struct sum sum = {.begins = "(more stacks)", .ends = ""};
    struct told told;
    struct lull_runtime *rt = make(&counted, 0);
    CHECK(start(rt, "for i = 1, 1e6 do end", &told) && lull_run(rt) == LULL_DONE);
    CHECK(lull_profile_start(rt, 0) == 0);
    counted.fail_at = counted.calls + 1;
    CHECK(lull_profile_start(rt, 0) == EALREADY);
    counted.fail_at = 0;
    CHECK(start(rt,
                "collectgarbage 'stop' local t = os.clock() while os.clock() - t < 0.2 "
                "do end",
                &told));
    lull_step(rt, 0);
    lull_profile_stop(rt, add, &sum);
    CHECK(sum.all > 0);
    lull_free(rt, 0);
    CHECK(counted.used == 0);
}

int main(void)
{
    struct counted counted = {0};
    struct lull_runtime *rt = make(&counted, 0);
    CHECK(lull_profile_start(rt, 0) == EINVAL);
    lull_free(rt, 0);
    CHECK(counted.used == 0);
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    finds(0);
    finds(SIGRTMIN + 1); /* with time slices, too */
    waits();
    starts_and_stops();
    without_memory();
    return 0;
}
