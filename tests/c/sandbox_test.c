/* SPDX-License-Identifier: MIT */
/*
 * sandbox_test.c -- what is left of the standard libraries where not everything is
 * allowed: loading code, modules, debug, printing.
 */
#include "permitted.h"

/* ---- code ------------------------------------------------------------------------ */

static void loading(void)
{
    expect_done("read=D/in", "package.path = D .. '/in/?.lua' assert(require 'mod' == "
                             "'module') assert(dofile(D .. '/in/mod.lua') == 'module')"
                             "assert(loadfile(D .. '/in/mod.lua')() == 'module')"
                             "assert(package.searchpath('mod', package.path))");
    expect_done("read=D/in",
                "package.path = D .. '/out/?.lua;' .. D .. '/in/none/?.lua'"
                "local ok, e = pcall(require, 'mod2') assert(not ok)"
                "assert(e:find(\"no permission to read '\" .. D, 1, true), e)"
                "assert(e:find('no file', 1, true), e)");
    expect_denied("read=D/in", "dofile(D .. '/out/mod2.lua')", "read=D/out/mod2.lua");
    expect_denied("read=D/in", "loadfile(D .. '/out/mod2.lua')", "read=D/out/mod2.lua");
    expect_denied("read=/", "package.loadlib('/lib/x.so', 'f')", "native");
    expect_done("native",
                "local f, m, w = package.loadlib('/none.so', 'f') assert(w == 'open')");
    expect_done("read=/",
                "package.cpath = '/usr/lib/?.so' assert(not pcall(require, 'zz'))");
    expect_done("",
                "local code = string.dump(function() end)\n"
                "assert(not load(code)) assert(not load(code, 'x', 'b'))\n"
                "assert(not load(function() local c = code code = nil return c end))\n"
                "assert(load('return 1', 'x', 'bt')() == 1)\n"
                "assert(not load('return 1', 'x', 'b'))");
    expect_done("all", "assert(load(string.dump(function() return 1 end))() == 1)");
    struct lull_runtime *rt = make("read=/", NULL);
    CHECK(lull_load(rt, "\x1bLua", 4, "=binary") == LULL_SYNTAX);
    lull_free(rt, 0);
}

static void modules(void)
{
    static const char all_in[] = "local lull = require 'lull'\n"
                                 "assert(lull.dns and require 'lull.net')";
    expect_done("", all_in);
    expect_done("module=lull.net module=lull.dns", all_in);
    expect_denied("module=lull.net", all_in, "module=lull.dns");
    expect_denied("module=lull.ne", "require 'lull.net'", "module=lull.net");
    expect_done("module=lull.net", "require 'lull.net' require 'lull.net.stream'"
                                   "assert(package.loaded['lull.dns'] == nil)");
    expect_denied("", "require 'lull.testing'", "all");
    expect_denied("", "require 'lull.programs.tree'", "all");
    expect_denied("", "require 'lull.core'", "all");
    expect_denied("", "require 'lull.net.native'", "all");
    expect_done("all", "require 'lull.testing' require 'lull.net.native'");
    expect_done("", "local load_net = package.searchers[2]('lull.net')\n"
                    "local net = load_net('lull.testing')\n"
                    "assert(net == load_net('lull.core') and net.connect)\n"
                    "assert(net == require 'lull.net')");
    expect_done("",
                "require = nil package.loaded['lull.net'] = nil"); /* its own matter */
}

/* What lull's own scripts call is what they found, whatever a script puts there. */
static void own_globals(void)
{
    static const char tampering[] =
        "local inner local real = pcall\n"
        "local function spy(f, name, ...)\n"
        "  if name == 'lull.curl.native' then inner = f end return real(f, name, ...) end\n"
        "_G.pcall = spy string.format = error table.concat = error\n"
        "real(require('lull.http').get, 'http://127.0.0.1:1/')\n"
        "assert(inner == nil, 'got the require of lull itself')";
    expect_done("", tampering);
    expect_done("net=*", tampering);
}

/* The libraries of lull's own scripts are made late: nothing else sees them meanwhile. */
static void made_late(void)
{
    expect_done(
        "",
        "local got, times, mine, loaded = nil, 0, _G, package.loaded\n"
        "local function bait() setmetatable({}, {__gc = function()\n"
        "  local globals = load 'return _G, string, require'\n"
        "  local g, s, r = globals() times = times + 1\n"
        "  if g ~= mine or s ~= string or r ~= require then got = g end bait() end}) end\n"
        "for i = 1, 400 do bait() end\n"
        "collectgarbage 'step' require 'lull.sync' require 'lull.net'\n"
        "for i = 1, 50 do collectgarbage 'step' end\n"
        "assert(times > 0 and not got)\n"
        "assert(('').upper == string.upper and package.loaded == loaded)");
}

struct memory {
    struct counted counted;
    unsigned long
        allowed; /* growths until one, and the try after a collection, are refused */
    unsigned long growths;
    bool counting;
};

static void *scarce_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct memory *memory = ud;
    if (memory->counting && nsize > osize) {
        unsigned long number = memory->growths++;
        if (number == memory->allowed || number == memory->allowed + 1)
            return NULL;
    }
    return counted_alloc(&memory->counted, ptr, osize, nsize);
}

/* short(f, ...): pcall(f, ...) with little memory */
static int l_short(lua_State *L)
{
    struct memory *memory = lua_touserdata(L, lua_upvalueindex(1));
    memory->counting = true;
    lua_pcall(L, lua_gettop(L) - 1, 0, 0);
    memory->counting = false;
    return 0;
}

/* Was memory refused in a script's first module of lull, after so many allocations? */
static bool is_short(unsigned long allowed)
{
    static const char script[] =
        "local methods = getmetatable('').__index local write = io.stdout.write\n"
        "local own, loaded = _G, package.loaded\n"
        "short(require, 'lull.sync')\n"
        "assert(getmetatable('').__index == methods and ('x'):rep(2) == 'xx')\n"
        "assert(io.stdout.write == write and io.open('/dev/null'):read() == nil)\n"
        "assert(load 'return _G'() == own and package.loaded == loaded)\n"
        "assert(not pcall(require, 'lull.testing') and not pcall(io.open, '/etc/passwd'))\n"
        "assert(require('lull.sync').event())";
    struct memory memory = {.allowed = allowed};
    struct told told;
    const struct lull_options options = {
        .size = sizeof options,
        .alloc = scarce_alloc,
        .alloc_ud = &memory,
        .permissions = (const char *const[]){"read=/dev/null", NULL}};
    struct lull_runtime *rt = lull_new(&options);
    lua_State *L = lull_state(rt);
    lua_pushlightuserdata(L, &memory);
    lua_pushcclosure(L, l_short, 1);
    lua_setglobal(L, "short");
    run(rt, script, &told);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 0);
    CHECK(memory.counted.used == 0);
    return memory.growths > allowed;
}

static void made_in_need(void)
{
    unsigned long allowed = 0;
    while (is_short(allowed))
        allowed++;
    CHECK(allowed > 100);
}

static void debugging(void)
{
    expect_done(
        "",
        "for k in pairs(debug) do assert(k == 'traceback' or k == 'getinfo') end\n"
        "assert(package.loaded.debug == debug)\n"
        "local function f() return debug.getinfo(1, 'nSlf') end local i = f()\n"
        "assert(i.func == nil and i.currentline == 3 and i.name == 'f')\n"
        "assert(debug.getinfo(f).func == nil and debug.getinfo(f, 'S').what == 'Lua')\n"
        "assert(debug.getinfo(coroutine.running(), 1, 'l').currentline == 6)\n"
        "assert(debug.getinfo(100) == nil)\n"
        "assert(debug.traceback('x'):find('script:8'))");
    expect_denied("", "collectgarbage('stop')", "all");
    expect_done(
        "",
        "collectgarbage() collectgarbage('step') assert(collectgarbage('count') > 0)");
    expect_denied("", "os.setlocale('C')", "all");
    expect_done("", "assert(os.setlocale() and os.time() and os.date() and os.clock())");
    expect_done("all", "assert(debug.sethook and debug.getregistry)");
    expect_done("read=D/in", "local f = io.open(D .. '/in/file')"
                             "assert(type(getmetatable(f)) == 'string') f:close()");
}

/* ---- tasks and callbacks ---------------------------------------------------------- */

static void everywhere(void)
{
    expect_done("", "local lull = require 'lull'\n"
                    "local function try() local ok, e = pcall(io.open, '/etc/passwd')\n"
                    "  assert(not ok and e.kind == 'permission') return true end\n"
                    "assert(lull.spawn(try):await()) assert(lull.async(try)():await())\n"
                    "assert(coroutine.wrap(try)())\n"
                    "local done = lull.future()\n"
                    "lull.spawn(function() end):on_done(function() done:set(try()) end)\n"
                    "assert(done:await())\n"
                    "do local c <close> = setmetatable({}, {__close = try}) end\n"
                    "lull.after(0, try)");
}

/* ---- printing ------------------------------------------------------------------------ */

static void print_to(void *arg, const char *text, size_t size)
{
    char *all = arg;
    strncat(all, text, size);
}

static void log_to(void *arg, enum lull_level level, const char *text)
{
    CHECK(level == LULL_LOG_WARNING);
    strcat(arg, text);
}

static void log_line_to(void *arg, enum lull_level level, const char *text)
{
    char *all = arg;
    size_t length = strlen(all);
    snprintf(all + length, 256 - length, "%d %s\n", (int)level, text);
}

/* lull.log and lull.term where the host hears of everything and nothing is allowed. */
static void logging(void)
{
    char printed[256] = "", logged[256] = "";
    struct told told;
    const struct lull_options options = {.size = sizeof options,
                                         .print = print_to,
                                         .print_arg = printed,
                                         .log = log_line_to,
                                         .log_arg = logged};
    struct lull_runtime *rt = lull_new(&options);
    run(rt,
        "local log, term = require 'lull.log', require 'lull.term'\n"
        "log.set_level 'trace' log.trace 'a' log.debug 'b' log.warn('c\\n\\0', {k = 1})\n"
        "log.logger 'n':info 'd' log.set_sinks(function() error('no', 0) end) log.error 'e'\n"
        "local bar <close> = term.progress{label = 'l', total = 1} bar:advance()\n"
        "bar:finish('over') print(term.red 'x', term.is_terminal())",
        &told);
    CHECK(told.status == LULL_DONE);
    CHECK(strcmp(logged, "0 a\n0 b\n2 c\\n\\x00 k=1\n1 n: d\n"
                         "3 lull.log: a sink has failed: no\n") == 0);
    CHECK(strcmp(printed, "over\nx\tfalse\n") == 0);
    lull_free(rt, 0);
}

static void printing(void)
{
    static const char *const rules[] = {"all", NULL};
    for (int all = 0; all < 2; all++) {
        char printed[256] = "", logged[256] = "";
        struct told told;
        const struct lull_options options = {.size = sizeof options,
                                             .permissions = all ? rules : NULL,
                                             .print = print_to,
                                             .print_arg = printed,
                                             .log = log_to,
                                             .log_arg = logged};
        struct lull_runtime *rt = lull_new(&options);
        run(rt,
            "print('a', nil, 1) io.write('b', 2) io.stdout:write('c') io.stderr:write('d')\n"
            "assert(io.output() == io.stdout) warn('e', 'f')",
            &told);
        CHECK(told.status == LULL_DONE);
        CHECK(strcmp(printed, "a\tnil\t1\nb2cd") == 0);
        CHECK(strcmp(logged, "ef") == 0);
        lull_free(rt, 0);
    }
}

int main(void)
{
    make_tree();
    loading();
    modules();
    own_globals();
    made_late();
    made_in_need();
    debugging();
    everywhere();
    printing();
    logging();
    remove_tree();
    puts("sandbox: ok");
    return 0;
}
