/* SPDX-License-Identifier: MIT */
/*
 * plugin_test.c -- plugins in one runtime: apart from each other, within their
 * permissions, begun anew and ended while they run.
 */
#include "check.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

static struct lull_runtime *make(struct counted *counted, const char *const *rules)
{
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted != NULL ? counted_alloc : NULL,
                                         .alloc_ud = counted,
                                         .permissions = rules,
                                         .ignore_environment = 1,
                                         .report = ignore_report};
    return lull_new(&options);
}

static struct lull_plugin *plug(struct lull_runtime *rt, const char *name,
                                const char *const *rules)
{
    const struct lull_plugin_options options = {
        .size = sizeof options, .name = name, .permissions = rules};
    return lull_plugin_new(rt, &options);
}

/* Start a script in a plugin, or (NULL) the runtime's realm. */
static int begin(struct lull_runtime *rt, struct lull_plugin *plugin, const char *source,
                 struct told *told)
{
    const struct lull_call_options options = {
        .size = sizeof options, .done = tell, .arg = told, .plugin = plugin};
    memset(told, 0, sizeof *told);
    enum lull_status status =
        plugin != NULL ? lull_plugin_load(plugin, source, strlen(source), "=plugin")
                       : lull_load(rt, source, strlen(source), "=host");
    if (status != LULL_DONE) {
        lua_settop(lull_state(rt), 0);
        return 0;
    }
    return lull_call_with(rt, 0, &options) != NULL;
}

static void run(struct lull_runtime *rt, struct lull_plugin *plugin, const char *source)
{
    struct told told;
    CHECK(begin(rt, plugin, source, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n%s\n", source, told.message);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    CHECK(lua_gettop(lull_state(rt)) == 0);
}

/* Run these in plugins a and b, in turn, that may everything or nothing. */
static void in_two(const char *in_a, const char *in_b, const char *in_host)
{
    for (int all = 0; all < 2; all++) {
        struct counted counted = {0};
        struct lull_runtime *rt = make(&counted, ALLOW_ALL);
        struct lull_plugin *a = plug(rt, "a", all ? ALLOW_ALL : NULL);
        struct lull_plugin *b = plug(rt, "b", all ? ALLOW_ALL : NULL);
        CHECK(a != NULL && b != NULL);
        run(rt, a, in_a);
        run(rt, b, in_b);
        run(rt, NULL, in_host);
        lull_plugin_free(a, 0);
        lull_free(rt, 0);
        CHECK(counted.used == 0);
    }
}

static void apart(void)
{
    in_two("x = 1 _G.y = 2 string.z = 3 table.insert = nil", /* globals */
           "assert(x == nil and y == nil and string.z == nil and table.insert)\n"
           "assert(_G == load('return _G')() and load('return _ENV')() == _G)",
           "assert(x == nil and y == nil and string.z == nil and table.insert)");
    in_two(
        "pcall(function() getmetatable('').__index.upper = error end)\n" /* strings */
        "pcall(function() getmetatable('').__index = {} end)\n"
        "pcall(function() rawset(getmetatable('').__index, 'upper', error) end)\n"
        "string.upper = error assert(('a'):upper() == 'A')",
        "assert(('a'):upper() == 'A' and string.upper('a') == 'A')\n"
        "assert(getmetatable('').__index.upper == ('').upper)",
        "assert(('a'):upper() == 'A' and string.upper('a') == 'A' and #('a' .. 1) == 2)");
    in_two(
        "local lull = require 'lull' lull.sleep = error lull.net.connect = nil\n"
        "package.loaded['lull.dns'] = 1 package.preload.p = error\n" /* modules */
        "lull.sync.queue = error package.path = 'nowhere'",
        "local lull = require 'lull' assert(lull.sleep ~= error and lull.net.connect)\n"
        "assert(type(require 'lull.dns') == 'table' and package.preload.p == nil)\n"
        "assert(lull.sync.queue ~= error and package.path ~= 'nowhere')\n"
        "lull.sync.event():set() lull.sleep(0)",
        "local lull = require 'lull' assert(lull.sleep ~= error and lull.net.connect)\n"
        "assert(lull.sync.queue ~= error)");
    in_two("pcall = error assert(require 'lull.net'.pair())", /* lull's own scripts */
           "local lull = require 'lull' local a, b = lull.net.pair() a:write('x\\n')\n"
           "assert(b:read() == 'x') a:close() b:close()",
           "local a = require 'lull'.net.pair() a:close()");
    in_two("assert(io.output() == io.stdout) pcall(io.output, '/dev/null')", /* files */
           "assert(io.output() == io.stdout)", "assert(io.output() == io.stdout)");
    in_two("local lull = require 'lull' lull.on_error(function() end)\n" /* tasks */
           "for _, t in ipairs(lull.tasks()) do assert(t == lull.current()) end",
           "assert(require 'lull'.on_error(nil) == nil)",
           "assert(require 'lull'.on_error(nil) == nil)");
}

/* What one plugin sees of another that waits. */
static void tasks_apart(void)
{
    struct told told, other;
    struct lull_runtime *rt = make(NULL, NULL);
    struct lull_plugin *a = plug(rt, "a", NULL), *b = plug(rt, "b", NULL);
    CHECK(begin(rt, a, "require'lull'.sleep_forever()", &told));
    CHECK(lull_step(rt, 0) == LULL_DONE);
    CHECK(begin(rt, b,
                "local lull = require 'lull' lull.spawn(lull.sleep, 0)\n"
                "assert(#lull.tasks() == 2)\n"
                "assert(not lull.tree():find('sleep_forever'))",
                &other));
    for (int i = 0; i < 1000 && other.times == 0; i++)
        CHECK(lull_step(rt, 0.01) == LULL_DONE);
    CHECK(other.status == LULL_DONE);
    lull_free(rt, 0);
    CHECK(told.times == 1 && told.status == LULL_CANCELLED);
}

/* ---- permissions ------------------------------------------------------------------ */

static const char denied_everywhere[] =
    "local lull = require 'lull'\n"
    "local function denied()\n"
    "  local ok, e = pcall(io.open, '/etc/passwd')\n"
    "  assert(not ok and lull.is_error(e, 'permission') and e.needed == 'read=/etc/passwd')\n"
    "  tried = (tried or 0) + 1 return 'denied' end\n"
    "denied() lull.spawn(denied):await()\n"
    "local done = lull.future()\n"
    "lull.spawn(function() end):on_done(function() denied() done:set() end) done:await()\n"
    "local bomb = setmetatable({}, {__tostring = denied, __gc = denied, __close = denied})\n"
    "pcall(function() local _ <close> = bomb error(bomb) end)\n"
    "lull.future():fail(bomb)\n"
    "lull.spawn(function() lull.current():detach() lull.sleep(0) error(bomb) end)\n"
    "lull.spawn(function() local _ <close> = bomb lull.sleep_forever() end)\n"
    "setmetatable({}, {__gc = denied}) collectgarbage()\n"
    "lull.sleep(0.01) error(setmetatable({}, {__tostring = denied}))";

/* Whatever calls a plugin's function for it, does so with the plugin's rights. */
static void no_escalation(void)
{
    struct told told;
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = make(NULL, ALLOW_ALL);
    struct lull_plugin *plugin = plug(rt, "p", NULL);
    CHECK(begin(rt, plugin, denied_everywhere, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.times == 1 && told.status == LULL_FAILED);
    CHECK(strcmp(told.message, "denied") == 0); /* made by __tostring */
    run(rt, plugin, "assert(tried >= 8, tried) collectgarbage()");
    lull_get_stats(rt, &stats);
    CHECK(stats.denied >= 8);
    lull_free(rt, 0.1);
}

/* Who got hold of it in time may change the table, but strings have another. */
static void strings_are_frozen(void)
{
    struct lull_runtime *rt = make(NULL, ALLOW_ALL);
    run(rt, NULL, "mt = getmetatable('') index = mt.__index");
    struct lull_plugin *plugin = plug(rt, "p", NULL);
    run(rt, NULL,
        "index.upper = error mt.__index = {} assert(('x'):upper() == 'X')\n"
        "assert(not pcall(function() getmetatable('').__index = {} end))\n"
        "assert('10' + 1 == 11)");
    run(rt, plugin, "assert(('x'):upper() == 'X')");
    lull_free(rt, 0);
}

/* What ends everything is the host's to allow. */
static void exiting(void)
{
    struct lull_runtime *rt = make(NULL, ALLOW_ALL);
    struct told told;
    run(rt, plug(rt, "p", NULL),
        "local ok, e = pcall(os.exit, 7)\n"
        "assert(not ok and e.kind == 'permission' and e.needed == 'all', e)");
    run(rt, NULL, "lives = true");
    CHECK(begin(rt, plug(rt, "q", ALLOW_ALL), "os.exit(7)", &told));
    CHECK(lull_run(rt) == LULL_EXITED && lull_exit_code(rt) == 7);
    lull_free(rt, 0);
}

/* As set: no plugin gets more than its runtime. */
static void never_more(void)
{
    struct lull_runtime *rt = make(NULL, (const char *const[]){"read=/etc", NULL});
    struct lull_plugin *all = plug(rt, "all", ALLOW_ALL);
    struct lull_plugin *some =
        plug(rt, "some", (const char *const[]){"read=/etc/hosts", "read=/usr", NULL});
    CHECK(plug(rt, "bad", (const char *const[]){"nonsense", NULL}) == NULL);
    CHECK(lull_plugin_new(rt, NULL) == NULL);
    run(rt, all,
        "io.open('/etc/passwd'):close()\n"
        "local ok, e = pcall(io.open, '/usr/x') assert(not ok and e.needed == 'read=/usr/x')\n"
        "assert(debug.sethook == nil and not load(string.dump(load 'return 1')))\n"
        "assert(not pcall(require, 'lull.testing'))");
    run(rt, some,
        "io.open('/etc/hosts'):close()\n"
        "assert(not pcall(io.open, '/etc/passwd') and not pcall(io.open, '/usr/x'))");
    run(rt, NULL, "io.open('/etc/passwd'):close()");
    lull_free(rt, 0);
}

/* The host's outcome callback starts the host's code, whoever's task ended. */
static void start_more(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    static const char source[] = "io.open('/etc/passwd'):close()";
    CHECK(outcome->status == LULL_DONE);
    CHECK(lull_load(rt, source, sizeof source - 1, "=more") == LULL_DONE);
    CHECK(lull_call(rt, 0, tell, arg) != NULL);
}

static void hosts_callbacks(void)
{
    struct told told = {0};
    struct lull_runtime *rt = make(NULL, ALLOW_ALL);
    const struct lull_call_options options = {.size = sizeof options,
                                              .done = start_more,
                                              .arg = &told,
                                              .plugin = plug(rt, "p", NULL)};
    CHECK(lull_plugin_load(options.plugin, "return 1", 8, "=p") == LULL_DONE);
    CHECK(lull_call_with(rt, 0, &options) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    lull_free(rt, 0);
}

/* ---- sharing ----------------------------------------------------------------------- */

static const char make_shared[] =
    "local t = {1, 2, {3}, name = 'n', deep = {er = {x = 1}}, f = function(a) return a end}\n"
    "t.self = t return t";

static const char use_shared[] =
    "assert(#shared == 3 and shared[1] == 1 and shared[3][1] == 3 and shared.name == 'n')\n"
    "assert(shared.deep.er.x == 1 and shared.nothing == nil and shared.self == shared)\n"
    "assert(shared.deep == shared.deep and shared.f(5) == 5)\n"
    "local n = 0 for k, v in pairs(shared) do n = n + 1 assert(shared[k] == v) end\n"
    "assert(n == 7)\n"
    "n = 0 for i, v in ipairs(shared) do n = n + i end assert(n == 6)\n"
    "assert(table.unpack(shared.deep.er) == nil and select('#', table.unpack(shared)) == 3)\n"
    "for _, t in ipairs {shared, shared.deep, shared.deep.er, shared[3]} do\n"
    "  assert(not pcall(function() t.x = 2 end) and not pcall(rawset, t, 'x', 2))\n"
    "  assert(not pcall(setmetatable, t, {}) and type(getmetatable(t)) == 'string')\n"
    "  assert(not pcall(table.insert, t, 1))\n"
    "end\n"
    "assert(shared.deep.er.x == 1 and count == 7)";

static void sharing(void)
{
    struct counted counted = {0};
    struct lull_runtime *rt = make(&counted, NULL);
    struct lull_plugin *a = plug(rt, "a", NULL), *b = plug(rt, "b", NULL);
    lua_State *L = lull_state(rt);
    CHECK(luaL_dostring(L, make_shared) == LUA_OK);
    lua_pushvalue(L, -1);
    CHECK(lull_plugin_share(a, "shared") == LULL_DONE);
    CHECK(lull_plugin_share(b, "shared") == LULL_DONE);
    for (int i = 0; i < 2; i++) {
        lua_pushinteger(L, 7);
        CHECK(lull_plugin_share(i ? b : a, "count") == LULL_DONE);
    }
    CHECK(lua_gettop(L) == 0);
    run(rt, a, use_shared);
    run(rt, b, use_shared);
    run(rt, a, "shared = nil count = 1");
    CHECK(lull_plugin_reload(a, 0) == LULL_DONE);
    run(rt, a, use_shared);
    run(rt, NULL, "assert(shared == nil)");
    lull_free(rt, 0);
    CHECK(counted.used == 0);
}

/* ---- beginning anew ---------------------------------------------------------------- */

static const char polite[] =
    "local lull = require 'lull' mark = 1\n"
    "lull.spawn(function() local _ <close> = lull.finally(function() lull.sleep(0.001)\n"
    "  record('cleaned') end) lull.sleep_forever() end)\n"
    "lull.sleep_forever()";
static const char stubborn[] = "local lull = require 'lull'\n"
                               "lull.shield(lull.sleep_forever)";

static int l_record(lua_State *L)
{
    struct told *told = lua_touserdata(L, lua_upvalueindex(1));
    snprintf(told->message, sizeof told->message, "%s", luaL_checkstring(L, 1));
    return 0;
}

static void drive(struct lull_runtime *rt, const struct told *until)
{
    for (int i = 0; i < 6000 && until->times == 0; i++)
        CHECK(lull_step(rt, 0.01) == LULL_DONE);
    CHECK(until->times == 1);
}

/* Once; false: it was not over within the grace, on a machine that holds it up. */
static bool reloading_once(double grace)
{
    struct counted counted = {0};
    struct told record = {0}, one, two, other;
    struct lull_runtime *rt = make(&counted, NULL);
    struct lull_plugin *a = plug(rt, "a", NULL), *b = plug(rt, "b", NULL);
    lua_pushlightuserdata(lull_state(rt), &record);
    lua_pushcclosure(lull_state(rt), l_record, 1);
    CHECK(lull_plugin_share(a, "record") == LULL_DONE);
    CHECK(begin(rt, a, polite, &one) && begin(rt, a, stubborn, &two));
    CHECK(begin(rt, b, stubborn, &other));
    CHECK(lull_step(rt, 0) == LULL_DONE);
    CHECK(lull_plugin_reload(a, grace) == LULL_DONE);
    CHECK(one.times == 0 && two.times == 0);
    struct told fresh;
    CHECK(begin(rt, a, "assert(mark == nil and record) mark = 2", &fresh));
    drive(rt, &fresh);
    CHECK(fresh.status == LULL_DONE);
    drive(rt, &one);
    if (one.status == LULL_LIMIT && grace < 1) {
        lull_free(rt, 0);
        return false;
    }
    CHECK(one.status == LULL_CANCELLED && strcmp(record.message, "cleaned") == 0);
    CHECK(strstr(one.message, "unloaded") != NULL);
    drive(rt, &two);
    CHECK(two.status == LULL_LIMIT); /* past the grace */
    CHECK(begin(rt, a, "assert(mark == 2)", &fresh));
    drive(rt, &fresh);
    CHECK(fresh.status == LULL_DONE && other.times == 0); /* the other's goes on */
    CHECK(begin(rt, a, stubborn, &two));
    CHECK(lull_step(rt, 0) == LULL_DONE);
    lull_plugin_free(a, 0);
    drive(rt, &two);
    CHECK(two.status == LULL_LIMIT && other.times == 0);
    lull_plugin_free(b, 100); /* outlived by its task, which outlives nothing */
    lull_free(rt, 0);
    CHECK(other.times == 1 && counted.used == 0);
    return true;
}

static void reloading(void)
{
    if (!reloading_once(0.05))
        reloading_once(5);
}

/* Nothing of the environments there were is kept. */
static void reloading_often(void)
{
    size_t before = 0;
    struct lull_runtime *rt = make(NULL, NULL);
    struct lull_plugin *plugin = plug(rt, "p", NULL);
    for (int i = 0; i < 60; i++) {
        run(rt, plugin, "big = ('x'):rep(100000) require 'lull'.on_error(print)");
        CHECK(lull_plugin_reload(plugin, 1) == LULL_DONE);
        lua_gc(lull_state(rt), LUA_GCCOLLECT);
        if (i == 9)
            before = lull_memory(rt);
    }
    CHECK(lull_memory(rt) < before + 100000);
    lull_free(rt, 0);
}

/* ---- stages ------------------------------------------------------------------------- */

static const char busy[] =
    "local lull = require 'lull' local q = lull.sync.queue(1)\n"
    "lull.spawn(function() for i = 1, 3 do q:put(i) lull.sleep(0.0005) end end)\n"
    "lull.spawn(function() local _ <close> = lull.finally(lull.yield) lull.sleep_forever() end)\n"
    "for i = 1, 3 do q:get() end lull.net.pair() return shared.x.y";

/* One life with two plugins, the runtime freed at stage `end`. */
static int live(struct counted *counted, int end)
{
    struct told a_told = {0}, b_told = {0};
    struct lull_runtime *rt = make(counted, NULL);
    if (rt == NULL)
        return 0;
    struct lull_plugin *a = plug(rt, "a", (const char *const[]){"read=/", NULL});
    struct lull_plugin *b = plug(rt, "b", NULL);
    int a_started = 0, b_started = 0;
    if (a != NULL && end > 0 && lua_checkstack(lull_state(rt), 4)) {
        lua_pushboolean(lull_state(rt), 1);
        lull_plugin_share(a, "on");
        a_started = begin(rt, a, busy, &a_told);
    }
    if (b != NULL && end > 1)
        b_started = begin(rt, b, busy, &b_told);
    for (int i = 2; i < end; i++)
        lull_step(rt, 0.0002);
    if (a != NULL && end > 4)
        lull_plugin_reload(a, 0.001);
    if (b != NULL && end > 5)
        lull_plugin_free(b, 0);
    if (end > 6)
        lull_step(rt, 0.0005);
    CHECK(lull_memory(rt) == counted->used);
    lull_free(rt, 0);
    CHECK(a_told.times == a_started && b_told.times == b_started);
    CHECK(counted->used == 0);
    return 1;
}

static void stages(void)
{
    for (int end = 0; end < 12; end++) {
        struct counted counted = {0};
        CHECK(live(&counted, end));
    }
    for (int once = 0; once < 2; once++) {
        unsigned long n = 0, calls, tried = 0;
        do { /* each of the first hundred, and one in a hundred of what is left */
            n += 1 + n / 100;
            struct counted counted = {.fail_at = n, .once = once};
            live(&counted, 8);
            calls = counted.calls;
            tried++;
        } while (calls >= n);
        printf("%lu of %lu allocations refused, %s\n", tried - 1, calls,
               once ? "one at a time" : "with all later ones");
    }
}

int main(void)
{
    apart();
    tasks_apart();
    no_escalation();
    strings_are_frozen();
    exiting();
    never_more();
    hosts_callbacks();
    sharing();
    reloading();
    reloading_often();
    stages();
    puts("plugins: ok");
    return 0;
}
