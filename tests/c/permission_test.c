/* SPDX-License-Identifier: MIT */
/*
 * permission_test.c -- what rules allow and deny, and that nothing gets around them.
 *
 * Each script runs in a runtime with the rules named, in a folder made for the test:
 *
 *   D/in/file  D/in/sub/deep  D/in/inner -> sub  D/in/absolute -> D/in/file
 *   D/in/escape -> ../out  D/in/leak -> D/out/secret  D/in/loop -> loop
 *   D/out/secret  D/alias -> in
 */
#include "check.h"
#include "lull_ext.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/lull_permission_XXXXXX";

/* D in a text is the folder. */
static void expand(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + sizeof top < size; text++) {
        if (text[0] == 'D' && (text[1] == '/' || text[1] == '\0')) {
            memcpy(out + used, top, sizeof top - 1);
            used += sizeof top - 1;
        } else {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    expand(name, path, sizeof path);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void make_folder(const char *name)
{
    char path[256];
    expand(name, path, sizeof path);
    CHECK(mkdir(path, 0700) == 0);
}

static void make_link(const char *target, const char *name)
{
    char path[256], text[256];
    expand(name, path, sizeof path);
    expand(target, text, sizeof text);
    CHECK(symlink(text, path) == 0);
}

static void make_tree(void)
{
    CHECK(mkdtemp(top) != NULL);
    make_folder("D/in");
    make_folder("D/in/sub");
    make_folder("D/out");
    write_file("D/in/file", "inside");
    write_file("D/in/sub/deep", "deep");
    write_file("D/in/mod.lua", "return 'module'");
    write_file("D/out/secret", "secret");
    write_file("D/out/mod2.lua", "return 'secret'");
    make_link("sub", "D/in/inner");
    make_link("D/in/file", "D/in/absolute");
    make_link("../out", "D/in/escape");
    make_link("D/out/secret", "D/in/leak");
    make_link("loop", "D/in/loop");
    make_link("../out/new", "D/in/dangling");
    make_link("in", "D/alias");
}

static void remove_tree(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", top);
    CHECK(system(command) == 0);
}

/* ---- running ------------------------------------------------------------------- */

/* may(number of the permission, what): as a binding asks */
static int l_may(lua_State *L)
{
    lull_check_permission(L, (enum lull_permission)luaL_checkinteger(L, 1), "may",
                          luaL_optstring(L, 2, NULL));
    return 0;
}

static int l_may_address(lua_State *L)
{
    lull_check_address(L, (enum lull_permission)luaL_checkinteger(L, 1), "may",
                       luaL_checkstring(L, 2), (int)luaL_checkinteger(L, 3));
    return 0;
}

static int l_open(lua_State *L)
{
    int fd = lull_open_file(L, "test.open", luaL_checkstring(L, 1),
                            (int)luaL_checkinteger(L, 2), 0600);
    lua_pushboolean(L, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    return 1;
}

struct audited {
    int times;
    char op[64];
    char needed[256];
};

static void on_denied(void *arg, const char *op, const char *needed)
{
    struct audited *audited = arg;
    audited->times++;
    snprintf(audited->op, sizeof audited->op, "%s", op);
    snprintf(audited->needed, sizeof audited->needed, "%s", needed);
}

#define MAX_RULES 8

/* A runtime with the rules, which are separated by spaces. */
static struct lull_runtime *make(const char *rules, struct audited *audited)
{
    static const luaL_Reg functions[] = {
        {"may", l_may}, {"may_address", l_may_address}, {"open", l_open}, {NULL, NULL}};
    char text[1024];
    const char *list[MAX_RULES + 1];
    size_t count = 0;
    expand(rules, text, sizeof text);
    for (char *rule = strtok(text, " "); rule != NULL; rule = strtok(NULL, " "))
        list[count++] = rule;
    list[count] = NULL;
    const struct lull_options options = {.size = sizeof options,
                                         .permissions = list,
                                         .audit = audited != NULL ? on_denied : NULL,
                                         .audit_arg = audited,
                                         .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL)
        return NULL;
    lua_State *L = lull_state(rt);
    lua_pushglobaltable(L);
    lull_set_functions(L, rt, functions);
    lua_pop(L, 1);
    lua_pushstring(L, top);
    lua_setglobal(L, "D");
    return rt;
}

static void run(struct lull_runtime *rt, const char *code, struct told *told)
{
    CHECK(start(rt, code, told));
    CHECK(lull_run(rt) == LULL_DONE);
    if (told->status != LULL_DONE)
        fprintf(stderr, "script: %s: %s\n", code, told->message);
}

static void expect_done(const char *rules, const char *code)
{
    struct told told;
    struct lull_runtime *rt = make(rules, NULL);
    CHECK(rt != NULL);
    run(rt, code, &told);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 0);
}

/* The script must be denied, for want of this rule. */
static void expect_denied(const char *rules, const char *code, const char *needed)
{
    struct told told;
    char full[256], wrapped[1024];
    struct audited audited = {0};
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = make(rules, &audited);
    CHECK(rt != NULL);
    expand(needed, full, sizeof full);
    snprintf(wrapped, sizeof wrapped,
             "local ok, e = pcall(function() %s end) assert(not ok, 'not denied')\n"
             "assert(require'lull'.is_error(e, 'permission'), tostring(e))\n"
             "assert(e.needed == %c%s%c, e.needed)\n"
             "assert(e.message == e.op .. ' needs ' .. e.needed, e.message)",
             code, '"', full, '"');
    run(rt, wrapped, &told);
    CHECK(told.status == LULL_DONE);
    CHECK(audited.times == 1 && strcmp(audited.needed, full) == 0);
    lull_get_stats(rt, &stats);
    CHECK(stats.denied == 1);
    lull_free(rt, 0);
}

/* ---- rules ---------------------------------------------------------------------- */

static void bad_rules(void)
{
    static const char *const bad[] = {
        "raed=/x",         "read",        "read=",   "native=1",     "all=",
        "connect=a:99999", "connect=a:b", "listen=", "net=a.*.b",    "net=*x",
        "net=[::1]x",      "module=",     "env=",    "connect=unix:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (make(bad[i], NULL) != NULL) {
            fprintf(stderr, "taken: %s\n", bad[i]);
            CHECK(0);
        }
    }
}

static void names(void)
{
    expect_done("env=HOME", "os.getenv('HOME')");
    expect_done("env=*", "os.getenv('PATH')");
    expect_denied("env=HOME", "os.getenv('HOMER')", "env=HOMER");
    expect_denied("", "os.getenv('HOME')", "env=HOME");
    expect_done("run=sh", "assert(os.execute('true')) io.popen('true'):close()");
    expect_denied("run=ls", "os.execute('true')", "run=sh");
    expect_denied("run=ls", "io.popen('true')", "run=sh");
    expect_done("", "assert(os.execute() == false)");
    expect_done("run=*", "may(5, 'anything')");
    expect_done("native threads", "may(6) may(7)");
    expect_denied("native", "may(7)", "threads");
    expect_denied("threads", "may(6)", "native");
    expect_denied("native threads read=/ write=/ net=* env=* run=*", "may(8)", "all");
    expect_done("all", "may(8) may(6) may(7) may(0, '/x')");
}

static void hosts(void)
{
    static const char rules[] = "connect=example.org:443 connect=*.Example.com "
                                "connect=[::1]:80 connect=10.0.0.1 listen=127.0.0.1:8080";
    expect_done(rules, "may(2, 'example.org:443') may(2, 'EXAMPLE.org.:443')"
                       "may(2, 'a.example.com:1') may(2, 'a.b.example.com:2')"
                       "may(2, '[::1]:80') may(2, '[0:0::1]:80') may(2, '10.0.0.1:9')"
                       "may(3, '127.0.0.1:8080') may_address(2, '::1', 80)"
                       "may_address(2, 'example.org', -1)");
    expect_denied(rules, "may(2, 'example.org:80')", "connect=example.org:80");
    expect_denied(rules, "may(2, 'example.com:80')", "connect=example.com:80");
    expect_denied(rules, "may(2, 'notexample.com:80')", "connect=notexample.com:80");
    expect_denied(rules, "may(2, '[::2]:80')", "connect=[::2]:80");
    expect_denied(rules, "may_address(2, '::1', 81)", "connect=[::1]:81");
    expect_denied(rules, "may(3, 'example.org:443')", "listen=example.org:443");
    expect_denied(rules, "may(2, '127.0.0.1:8080')", "connect=127.0.0.1:8080");
    expect_done("net=*:80", "may(2, 'x:80') may(3, '[::]:80')");
    expect_denied("net=*:80", "may(2, 'x:81')", "connect=x:81");
    expect_done("net=*", "may(2, 'x:81') may_address(3, '0.0.0.0', 0)");
    expect_denied("net=*", "may(2, 'unix:/tmp/x')", "connect=unix:/tmp/x");
    expect_done("net=unix:D/in", "may(2, 'unix:' .. D .. '/in/socket')"
                                 "may(2, 'unix:' .. D .. '/alias/socket')");
    expect_denied("net=unix:D/in", "may(2, 'unix:' .. D .. '/in/../out/s')",
                  "connect=unix:D/in/../out/s");
    expect_denied("net=unix:D/in", "may(2, 'unix:' .. D .. '/in/escape/s')",
                  "connect=unix:D/in/escape/s");
}

/* ---- files ---------------------------------------------------------------------- */

static void reading(void)
{
    expect_done("read=D/in", "local f <close> = io.open(D .. '/in/file')"
                             "assert(f:read('a') == 'inside')");
    expect_done("read=D/in",
                "for _, p in ipairs{'/in/inner/deep', '/in/sub/deep',"
                "'/in/sub/../sub/./deep', '/in//sub//deep', '/alias/sub/deep'} do\n"
                "if not (p == '/alias/sub/deep') then\n"
                "local f <close> = io.open(D .. p)"
                "assert(f:read('a') == 'deep') end end");
    expect_done("read=D/in", "local f <close> = io.open(D .. '/in/absolute')"
                             "assert(f:read('a') == 'inside')");
    expect_done("read=D/alias", "local f <close> = io.open(D .. '/alias/file')"
                                "local g <close> = io.open(D .. '/in/file')");
    expect_done("read=D/in/file", "io.open(D .. '/in/file'):close()");
    expect_done("read=/", "io.open(D .. '/out/secret'):close()");
    expect_done("read=D/in", "local n = 0 for l in io.lines(D .. '/in/file') do n = n + 1"
                             " assert(l == 'inside') end assert(n == 1)");
    expect_done("read=D/in", "io.input(D .. '/in/file') assert(io.read('a') == 'inside')"
                             "io.input():close()");
    expect_denied("read=D/in", "io.open(D .. '/out/secret')", "read=D/out/secret");
    expect_denied("read=D/in", "io.open(D .. '/in/../out/secret')", "read=D/out/secret");
    expect_denied("read=D/in", "io.open(D .. '/in/escape/secret')", "read=D/out/secret");
    expect_denied("read=D/in", "io.open(D .. '/in/leak')", "read=D/out/secret");
    expect_denied("read=D/in", "io.open(D .. '/in/inner/../../out/secret')",
                  "read=D/out/secret");
    expect_denied("read=D/in", "io.open(D .. '/inx')", "read=D/inx");
    expect_denied("read=D/in", "io.open(D)", "read=D");
    expect_denied("read=D/in/file", "io.open(D .. '/in/sub/deep')", "read=D/in/sub/deep");
    expect_denied("write=D/in", "io.open(D .. '/in/file')", "read=D/in/file");
    expect_denied("read=D/in", "io.lines(D .. '/out/secret')", "read=D/out/secret");
    expect_denied("read=D/in", "io.input(D .. '/out/secret')", "read=D/out/secret");
    expect_denied("", "io.read()", "native");
    expect_denied("", "loadfile()", "native");
}

static void ordinary_failures(void)
{
    expect_done("read=D/in", "local f, m, c = io.open(D .. '/in/none')"
                             "assert(f == nil and m == D .. '/in/none: No such file or "
                             "directory' and c == 2)");
    expect_done("read=D/in", "local f, m, c = io.open(D .. '/in/loop') assert(c == 40)");
    expect_done("read=D/in", "local f, m, c = io.open(D .. '/in/file/') assert(c == 20)");
    expect_done("read=D/in",
                "local f, m, c = io.open(D .. '/in/file/x') assert(c == 20)");
    expect_done("read=D/in", "local f, m, c = io.open('') assert(f == nil and c == 2)");
    expect_done("read=D/in", "assert(not pcall(io.open, D .. '/in/file\\0.txt'))");
    expect_done("read=D/in", "assert(not pcall(io.open, D .. '/in/file', 'x'))");
    expect_done("read=D/in",
                "io.open(D .. '/in/sub/'):close() io.open(D .. '/in'):close()");
    expect_done("read=D/in", "local f, m, c = io.open(D .. '/in/' .. ('x'):rep(300))"
                             "assert(c == 36)");
    expect_done("read=D/in", "local f, m, c = io.open(D .. '/in/' .. ('x/'):rep(4000))"
                             "assert(c == 36)");
}

static void writing(void)
{
    expect_done("write=D/in",
                "local f <close> = io.open(D .. '/in/new', 'w') f:write('x')");
    expect_done("write=D/in",
                "local f <close> = io.open(D .. '/in/new', 'a') f:write('y')");
    expect_done(
        "read=D/in write=D/in",
        "local f <close> = io.open(D .. '/in/new', 'r+') assert(f:read('a') == 'xy')");
    expect_denied("write=D/in", "io.open(D .. '/in/new', 'r+')", "read=D/in/new");
    expect_denied("read=D/in", "io.open(D .. '/in/new', 'w')", "write=D/in/new");
    expect_denied("read=D/in", "io.open(D .. '/in/new', 'a')", "write=D/in/new");
    expect_denied("write=D/in", "io.open(D .. '/in/leak', 'w')", "write=D/out/secret");
    expect_denied("write=D/in", "io.open(D .. '/in/dangling', 'w')", "write=D/out/new");
    expect_done("read=D/out", "assert(io.open(D .. '/out/secret'):read('a') == 'secret')"
                              "assert(io.open(D .. '/out/new') == nil)");
    expect_done("write=D/in",
                "local o, m, c = io.open(D .. '/in/made/', 'w') assert(c == 21)");
    expect_done("write=D/in", "io.output(D .. '/in/new') io.write('z') io.close()");
    expect_done("write=D/in",
                "assert(os.rename(D .. '/in/new', D .. '/in/newer'))"
                "assert(os.remove(D .. '/in/newer'))"
                "local o, m, c = os.remove(D .. '/in/newer') assert(c == 2)"
                "local o, m, c = os.remove(D .. '/in/sub/..') assert(o == nil)");
    expect_denied("write=D/in", "os.remove(D .. '/out/secret')", "write=D/out/secret");
    expect_denied("write=D/in", "os.remove(D .. '/in/escape/secret')",
                  "write=D/out/secret");
    expect_denied("write=D/in", "os.rename(D .. '/in/file', D .. '/out/file')",
                  "write=D/out/file");
    expect_denied("write=D/in", "os.rename(D .. '/out/secret', D .. '/in/secret')",
                  "write=D/out/secret");
    expect_denied("write=D/in write=D/out read=D/in",
                  "os.rename(D .. '/out/secret', D .. '/in/secret')",
                  "read=D/out/secret");
    expect_done("write=/tmp", "local n = os.tmpname() assert(os.remove(n))"
                              "io.tmpfile():close()");
    expect_denied("write=D/in", "io.tmpfile()", "write=/tmp");
    expect_done("write=D/in", "assert(os.remove(D .. '/in/leak'))"); /* the link itself */
    make_link("D/out/secret", "D/in/leak");
}

static void by_descriptor(void)
{
    char code[256];
    int fd = open(top, O_RDONLY);
    CHECK(fd >= 0);
    snprintf(code, sizeof code, "io.open('/proc/self/fd/%d/out/secret')", fd);
    expect_denied("read=/proc read=D/in", code, "read=D/out/secret");
    snprintf(code, sizeof code, "io.open('/dev/fd/%d/out/secret')", fd);
    expect_denied("read=/proc read=/dev read=D/in", code, "read=D/out/secret");
    expect_denied("read=/proc", "io.open('/proc/self/root/etc/passwd')",
                  "read=/etc/passwd");
    expect_denied("read=/proc", "io.open('/proc/self/cwd/../../../../../../etc/passwd')",
                  "read=/etc/passwd"); /* lexically: not even looked at */
    expect_denied("write=/ read=/", "io.open('/proc/self/comm', 'w')", "native");
    close(fd);
}

static void for_bindings(void)
{
    expect_done("read=D/in", "assert(open(D .. '/in/file', 0))");
    expect_done("read=D/in", "local ok, e = pcall(open, D .. '/in/none', 0)"
                             "assert(e.kind == 'io' and e.code == 'ENOENT' and "
                             "e.op == 'test.open')");
    expect_denied("read=D/in", "open(D .. '/out/secret', 0)", "read=D/out/secret");
}

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
    expect_denied("", "require 'lull.core'", "all");
    expect_denied("", "require 'lull.net.native'", "all");
    expect_done("all", "require 'lull.testing' require 'lull.net.native'");
    expect_done("",
                "require = nil package.loaded['lull.net'] = nil"); /* its own matter */
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

/* ---- races -------------------------------------------------------------------------- */

struct race {
    volatile int over;
    struct lull_policy *policy;
};

/* Swap a folder with a link out of the root, and move a folder in and out, for ever. */
static void *change_tree(void *arg)
{
    struct race *race = arg;
    char folder[256], aside[256], link[256], away[256];
    expand("D/in/swap", folder, sizeof folder);
    expand("D/in/aside", aside, sizeof aside);
    expand("D/in/toout", link, sizeof link);
    expand("D/out/away", away, sizeof away);
    while (!race->over) {
        CHECK(rename(folder, aside) == 0);
        CHECK(rename(link, folder) == 0);
        CHECK(rename(folder, link) == 0);
        CHECK(rename(aside, away) == 0);
        CHECK(rename(away, folder) == 0);
    }
    return NULL;
}

static int l_race(lua_State *L)
{
    char path[256], text[8];
    struct race race = {.policy = lull_policy_ref(lull_policy_of(L))};
    pthread_t thread;
    int opened = 0, denied;
    expand("D/in/swap/secret", path, sizeof path);
    CHECK(pthread_create(&thread, NULL, change_tree, &race) == 0);
    for (int i = 0; i < 20000; i++) {
        int fd = lull_policy_open(race.policy, path, O_RDONLY, 0, &denied);
        if (fd < 0)
            continue;
        ssize_t size = read(fd, text, sizeof text);
        CHECK(size == 4 && memcmp(text, "mine", 4) == 0);
        opened++;
        close(fd);
    }
    race.over = 1;
    pthread_join(thread, NULL);
    lull_policy_unref(race.policy);
    lua_pushinteger(L, opened);
    return 1;
}

static void races(void)
{
    static const luaL_Reg functions[] = {{"race", l_race}, {NULL, NULL}};
    struct told told;
    make_folder("D/in/swap");
    write_file("D/in/swap/secret", "mine");
    make_link("../out", "D/in/toout");
    struct lull_runtime *rt = make("read=D/in", NULL);
    lua_pushglobaltable(lull_state(rt));
    lull_set_functions(lull_state(rt), rt, functions);
    lua_pop(lull_state(rt), 1);
    run(rt, "race()", &told);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 0);
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
    bad_rules();
    names();
    hosts();
    reading();
    ordinary_failures();
    writing();
    by_descriptor();
    for_bindings();
    loading();
    modules();
    debugging();
    everywhere();
    races();
    printing();
    remove_tree();
    puts("permissions: ok");
    return 0;
}
