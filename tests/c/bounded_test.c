/* SPDX-License-Identifier: MIT */
/*
 * bounded_test.c -- in a limited runtime no call into C holds the thread.
 *
 * bounded.lua shows that what is replaced works; here are the calls that in stock
 * Lua would go on for seconds to ages, each in a runtime of its own.
 */
#include "check.h"

#include <lua.h>
#include <signal.h>
#include <time.h>

#define LONGEST \
    20.0 /* seconds for what is to end within one: sanitizers, busy machines */

struct hostile {
    const char *name;
    enum lull_status status; /* LULL_LIMIT: killed */
    const char *source;
};

static const struct hostile corpus[] = {
    {"rep of nothing", LULL_DONE, "(''):rep(1e18, '')"},
    {"pattern bomb", LULL_LIMIT, "(('a'):rep(5000)):find(('.-'):rep(20) .. 'b')"},
    {"match bomb", LULL_LIMIT, "(('a'):rep(5000)):match(('a*'):rep(20) .. 'b')"},
    {"gmatch bomb", LULL_LIMIT,
     "for _ in (('a'):rep(5000)):gmatch(('a-'):rep(20) .. 'b') do end"},
    {"gsub bomb", LULL_LIMIT, "(('a'):rep(5000)):gsub(('a?a-'):rep(15) .. 'b', '')"},
    {"balance", LULL_LIMIT, "(('('):rep(1 << 22)):find '%b()'"},
    {"back references", LULL_LIMIT, "(('a'):rep(1e5)):find '(.+)%1b'"},
    {"sets", LULL_LIMIT, "(('a'):rep(1e6)):find('[' .. ('b'):rep(1e6) .. ']')"},
    {"set ends", LULL_LIMIT,
     "(('a'):rep(1e6)):find('[' .. ('b'):rep(1e6) .. 'a][c][c]')"},
    {"frontiers", LULL_LIMIT, "(('a'):rep(1e6)):find('%f[' .. ('b'):rep(1e6) .. ']')"},
    {"replacements", LULL_LIMIT,
     "(('x'):rep(1e5)):gsub('()x', ('%1'):rep(1e6):gsub('1', '%%'))"},
    {"empty captures", LULL_LIMIT, "(('x'):rep(1e5)):gsub('(y*)x', ('%1'):rep(1e6))"},
    {"plain text", LULL_DONE,
     "return (('a'):rep(1 << 22)):find(('a'):rep(1 << 21) .. 'b', 1, true)"},
    {"concat", LULL_LIMIT,
     "table.concat(setmetatable({}, {__index = getmetatable, __metatable = ''}), '', 1, 1e15)"},
    {"insert", LULL_LIMIT,
     "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)"},
    {"remove", LULL_LIMIT,
     "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)"},
    {"move", LULL_LIMIT, "table.move({}, 1, 1 << 60, 2)"},
    {"unpack through chains", LULL_LIMIT,
     "local t = {} for _ = 1, 1900 do t = setmetatable({}, {__index = t}) end\n"
     "table.unpack(t, 1, 9e5)"},
    {"sort by a C function", LULL_LIMIT,
     "local t = {} for i = 1, 2e6 do t[i] = -i * i % 1000003 end table.sort(t, math.ult)"},
    {"labels", LULL_LIMIT,
     "local t = {} for i = 1, 3e4 do t[i] = '::l' .. i .. ':: a = a ' end\n"
     "assert(load((' function f() ' .. table.concat(t) .. ' end '):rep(50)))"},
    {"labels from a reader", LULL_LIMIT,
     "local t = {} for i = 1, 3e4 do t[i] = '::l' .. i .. ':: a = a ' end\n"
     "t = (' function f() ' .. table.concat(t) .. ' end '):rep(50)\n"
     "assert(load(function() local s = t t = nil return s end))"},
    {"precisions", LULL_LIMIT,
     "local t, s = {}, ('x'):rep(1 << 24) for i = 1, 9999 do t[i] = s end\n"
     "for i = 1, 100 do (('%.1s'):rep(9999)):format(table.unpack(t)) end"},
    {"precisions of objects", LULL_LIMIT,
     "local o = setmetatable({}, {__tostring = getmetatable, __metatable = ('x'):rep(1 << 24)})\n"
     "local t = {} for i = 1, 9999 do t[i] = o end\n"
     "for i = 1, 100 do (('%.1s'):rep(9999)):format(table.unpack(t)) end"},
    {"many numbers", LULL_FAILED,
     "local t = {} for i = 1, 1e5 do t[i] = 1e308 end\n"
     "(('%.99f'):rep(1e5)):format(table.unpack(t))"},
    {"numerals: max", LULL_LIMIT,
     "local t, s = {}, ('0'):rep(1 << 22) .. 1 for i = 1, 1e5 do t[i] = s end\n"
     "math.max(table.unpack(t))"},
    {"numerals: char", LULL_LIMIT,
     "local t, s = {}, ('0'):rep(1 << 22) .. 1 for i = 1, 1e5 do t[i] = s end\n"
     "string.char(table.unpack(t))"},
    {"numerals: format", LULL_LIMIT,
     "local t, s = {}, ('0'):rep(1 << 22) .. 1 for i = 1, 9999 do t[i] = s end\n"
     "(('%d'):rep(9999)):format(table.unpack(t))"},
    {"numerals: pack", LULL_FAILED,
     "local t, s = {}, ('0'):rep(1 << 22) .. 1 for i = 1, 1e5 do t[i] = s end\n"
     "string.pack(('i'):rep(1e5), table.unpack(t))"},
    {"dates", LULL_FAILED, "os.date(('%p'):rep(1e6))"},
    {"a circle of calls", LULL_FAILED,
     "local m = {} m.__call = setmetatable({}, m) m.__call()"},
    {"a circle of calls, drawn later", LULL_FAILED,
     "local m = {} local t = setmetatable({}, m) m.__call = t t()"},
    {"strings that call", LULL_FAILED, "getmetatable('').__call = '' ; ('')()"},
    {"weak keys in a chain", LULL_DONE,
     "local w, k, n = setmetatable({}, {__mode = 'k'}), {}, 60000\n"
     "for i = 1, n do k[i] = {} end\n"
     "for i = n, 2, -1 do local j = math.random(i) k[i], k[j] = k[j], k[i] end\n"
     "for i = 1, n - 1 do w[k[i]] = k[i + 1] end k = nil collectgarbage()"},
    {"weak keys in a chain, later", LULL_DONE,
     "local m = {} local w, k, n = setmetatable({}, m), {}, 60000 m.__mode = 'k'\n"
     "for i = 1, n do k[i] = {} end\n"
     "for i = n, 2, -1 do local j = math.random(i) k[i], k[j] = k[j], k[i] end\n"
     "for i = 1, n - 1 do w[k[i]] = k[i + 1] end k = nil collectgarbage()"},
    {"finalizer", LULL_DONE,
     "do setmetatable({}, {__gc = function() while true do end end}) end\n"
     "collectgarbage() require 'lull'.sleep(0.01)"},
    {"finalizer that catches", LULL_DONE,
     "do setmetatable({}, {__gc = function() while true do pcall(error) end end}) end\n"
     "collectgarbage() require 'lull'.sleep(0.01)"},
    {"finalizers without end", LULL_DONE,
     "local m = {} m.__gc = function(o) setmetatable(o, m) collectgarbage() end\n"
     "do setmetatable({}, m) end collectgarbage()"},
    {"finalizers in a ring", LULL_DONE,
     "local m, first = {__gc = function() end} local last\n"
     "for i = 1, 50000 do last = setmetatable({last}, m) first = first or last end\n"
     "first[1] = last first = nil last = nil collectgarbage()"},
};

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct lull_runtime *make(lull_report_fn report, void *arg)
{
    const struct lull_options options = {.size = sizeof options,
                                         .memory_limit = 256 << 20,
                                         .report = report,
                                         .report_arg = arg,
                                         .slice_signal = SIGRTMIN + 1,
                                         .cpu_limit = 1};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

/* Each ends as it must, soon, and the runtime is as good as before. */
static void check_hostile(const struct hostile *hostile)
{
    struct told told;
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = make(ignore_report, NULL);
    double began = clock_now();
    CHECK(start(rt, hostile->source, &told));
    while (!lull_is_idle(rt) && clock_now() - began < LONGEST)
        lull_step(rt, 0.5);
    double took = clock_now() - began;
    lull_get_stats(rt, &stats);
    printf("%-32s %.2f s, longest turn %.3f s: %s\n", hostile->name, took,
           stats.longest_turn, told.message);
    CHECK(told.times == 1 && told.status == hostile->status);
    CHECK(strcmp(hostile->name, "finalizers without end") == 0 || lull_is_idle(rt));
    CHECK(stats.longest_turn < LONGEST / 4);
    CHECK(start(rt, "return ('x'):rep(3):find 'x+'", &told));
    lull_step(rt, 1);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    lull_free(rt, 0);
}

struct reports {
    int count;
    char last[512];
};

static void note_report(void *arg, const char *text)
{
    struct reports *reports = arg;
    reports->count++;
    snprintf(reports->last, sizeof reports->last, "%s", text);
}

static void check_semantics(void)
{
    struct told told = {0};
    struct reports reports = {0};
    struct lull_runtime *rt = make(note_report, &reports);
    CHECK(lull_load_file(rt, "tests/c/bounded.lua") == LULL_DONE);
    CHECK(lull_call(rt, 0, tell, &told) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n", told.message);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    CHECK(reports.count == 1); /* the error of a finalizer, by its name */
    CHECK(strstr(reports.last, "in a finalizer") != NULL);
    CHECK(strstr(reports.last, "__gc") != NULL);
    lull_free(rt, 1);
}

/* Nothing of a script runs when the runtime ends. */
static void check_end(void)
{
    static const char source[] =
        "kept = setmetatable({}, {__gc = function() error 'finalized' end})\n"
        "for i = 1, 100 do setmetatable({}, {__gc = function() error 'finalized' end}) end";
    struct told told;
    struct reports reports = {0};
    struct lull_runtime *rt = make(note_report, &reports);
    lua_gc(lull_state(rt), LUA_GCSTOP);
    CHECK(start(rt, source, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 1);
    CHECK(reports.count == 0);
}

/* ---- memory ------------------------------------------------------------------ */

static const char scenario[] =
    "local lull = require 'lull'\n"
    "local Base = {} Base.__index = Base\n"
    "local Class = setmetatable({}, {__index = Base}) Class.__index = Class\n"
    "local object = setmetatable({}, Class)\n"
    "Class.__tostring = function() return ('x'):rep(100, ',') end\n"
    "Class.__call = setmetatable({}, {__call = function(_, _, ...) return ... end})\n"
    "setmetatable({}, Class)(1, 2)\n"
    "tostring(object)\n"
    "local n = 0\n"
    "local meta = {__gc = function() n = n + 1 lull.yield() end}\n"
    "for i = 1, 100 do setmetatable({}, meta) end\n"
    "collectgarbage() lull.yield() lull.yield()\n"
    "for word in ('some words'):gmatch '%a+' do (word):find('w', 1, true) end\n"
    "table.concat({1, 2, 3}, ','); ('%.1s'):format(('x'):rep(2000))\n"
    "load('return 1')() pcall(function() getmetatable('').x = 1 end)\n"
    "for i = 1, 10 do setmetatable({}, meta) end\n"
    "collectgarbage()\n";

/* One life of a runtime whose allocation number `fail_at` is refused; was there one? */
static int live(unsigned long fail_at, int once)
{
    struct counted counted = {.fail_at = fail_at, .once = once};
    struct told told = {0};
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &counted,
                                         .report = ignore_report,
                                         .slice_signal = SIGRTMIN + 1};
    struct lull_runtime *rt = lull_new(&options);
    int refused = rt == NULL;
    if (rt != NULL) {
        int started = start(rt, scenario, &told);
        for (int i = 0; i < 10 && started && told.times == 0; i++)
            lull_step(rt, 0.01);
        lull_step(rt, 0);
        refused = !started || told.status != LULL_DONE;
        CHECK(lull_memory(rt) == counted.used);
        lull_free(rt, 0);
        CHECK(told.times == (started ? 1 : 0));
    }
    CHECK(counted.used == 0);
    return refused || (fail_at != 0 && counted.calls >= fail_at);
}

static void check_memory(void)
{
    for (int once = 0; once < 2; once++) {
        unsigned long n = 1;
        CHECK(!live(0, once));
        while (live(n, once))
            n++;
        printf("%lu allocations refused\n", n - 1);
    }
}

int main(int argc, char **argv)
{
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    check_semantics();
    check_end();
    for (size_t i = 0; i < sizeof corpus / sizeof corpus[0]; i++) {
        if (argc < 2 || strstr(corpus[i].name, argv[1]) != NULL)
            check_hostile(&corpus[i]);
    }
    check_memory();
    return 0;
}
