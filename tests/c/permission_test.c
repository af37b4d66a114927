/* SPDX-License-Identifier: MIT */
/*
 * permission_test.c -- what rules allow and deny, and that no path gets around them.
 */
#include "permitted.h"

#include <pthread.h>

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
    expect_denied(rules, "may_address(2, 'fe80::1%.example.com', 80)",
                  "connect=[fe80::1%.example.com]:80");
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

/* A folder that is moved takes along what is below it. */
static void moving_folders(void)
{
    static const char move[] = "assert(os.rename(D .. '/tree', D .. '/aside'))"
                               "assert(os.rename(D .. '/other', D .. '/tree'))";
    make_folder("D/tree");
    make_folder("D/tree/pub");
    make_folder("D/other");
    make_folder("D/other/pub");
    expect_denied("write=D/ read=D/tree/pub", move, "read=D/other");
    expect_denied("write=D/ read=D/in/pub",
                  "os.rename(D .. '/other', D .. '/alias/../in')", "read=D/other");
    expect_done("write=D/ read=D/in",
                "assert(os.rename(D .. '/aside', D .. '/other/aside'))");
}

/* Nobody is waited for: the other end of a FIFO may never be opened. */
static void fifos(void)
{
    char path[256];
    expand("D/in/fifo", path, sizeof path);
    CHECK(mkfifo(path, 0600) == 0);
    expect_done("read=D/in write=D/in",
                "local f <close> = assert(io.open(D .. '/in/fifo'))\n"
                "assert(loadfile(D .. '/in/fifo'))\n"
                "local ok, _, code = io.open(D .. '/in/fifo', 'w') assert(ok)\n"
                "assert(select(3, f:read(1)) == 11)\n" /* EAGAIN */
                "ok:close() assert(f:read(1) == nil)");
    CHECK(unlink(path) == 0);
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

int main(void)
{
    make_tree();
    bad_rules();
    names();
    hosts();
    reading();
    ordinary_failures();
    writing();
    moving_folders();
    fifos();
    by_descriptor();
    for_bindings();
    races();
    remove_tree();
    puts("permissions: ok");
    return 0;
}
