/* SPDX-License-Identifier: MIT */
/*
 * worker_test.c -- workers of a host's runtime: what they may, where they print,
 * whose plugin they are, and that a refused allocation breaks nothing.
 */
#include "check.h"

#include <lauxlib.h>
#include <lua.h>
#include <signal.h>

static const char begin[] = "local lull = require 'lull'\n"
                            "local pool <close> = require('lull.worker').pool(1)\n";

struct heard {
    char text[512];
    int audits;
};

static void hear(void *arg, const char *text, size_t size)
{
    struct heard *heard = arg;
    size_t used = strlen(heard->text);
    if (used + size < sizeof heard->text)
        memcpy(heard->text + used, text, size);
}

static void audit(void *arg, const char *op, const char *needed)
{
    (void)op;
    (void)needed;
    ((struct heard *)arg)->audits++;
}

/* Run a script that begins with a pool; what is the outcome? */
static struct told run(const struct lull_options *options, const char *source)
{
    char script[2048];
    struct told told;
    struct lull_runtime *rt = lull_new(options);
    CHECK(rt != NULL);
    snprintf(script, sizeof script, "%s%s", begin, source);
    CHECK(start(rt, script, &told));
    lull_run(rt);
    lull_free(rt, 1);
    CHECK(told.times == 1);
    return told;
}

static void check_permissions(void)
{
    struct heard heard = {.audits = 0};
    struct lull_options options = {
        .size = sizeof options, .audit = audit, .audit_arg = &heard};
    struct told told = run(&options, "pool:call(type, 1)");
    CHECK(told.status == LULL_FAILED && strstr(told.message, "threads") != NULL);
    CHECK(heard.audits == 1);
    options.permissions = (const char *const[]){"threads", NULL};
    told = run(&options,
               "assert(pool:call(type, 1) == 'number')\n"
               "local ok, e = pcall(pool.call, pool, function()\n"
               "  return io.open('/etc/passwd')\n"
               "end)\n"
               "assert(lull.is_error(e, 'permission'), tostring(e))\n"
               "assert(pool:call(function() return load('\\27Lua') == nil end))\n");
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n", told.message);
    CHECK(told.status == LULL_DONE);
    CHECK(heard.audits >= 2);
}

static void check_print(void)
{
    struct heard heard = {.audits = 0};
    const struct lull_options options = {.size = sizeof options,
                                         .permissions =
                                             (const char *const[]){"threads", NULL},
                                         .print = hear,
                                         .print_arg = &heard};
    memset(heard.text, 0, sizeof heard.text);
    struct told told = run(&options, "pool:call(function() print('there', 1) end)\n"
                                     "print 'here'\n");
    CHECK(told.status == LULL_DONE);
    CHECK(strcmp(heard.text, "there\t1\nhere\n") == 0);
}

static void check_limits(void)
{
    struct lull_options options = {.size = sizeof options,
                                   .permissions = (const char *const[]){"threads", NULL},
                                   .memory_limit = 16u << 20};
    struct told told = run(
        &options, "local ok, e = pcall(pool.call, pool, function()\n"
                  "  local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end\n"
                  "end)\n"
                  "assert(e == 'not enough memory', tostring(e))\n");
    CHECK(told.status == LULL_DONE);
}

/* What comes back to a plugin is the plugin's own. */
static void check_plugin(void)
{
    static const char source[] =
        "local lull = require 'lull'\n"
        "local pool <close> = require('lull.worker').pool(1)\n"
        "local s, g = pool:call(function() return string, _G end)\n"
        "assert(s == string and g == _G)\n"
        "assert(pool:call(function() return json_is_here == nil end))\n"
        "local ok, e = pcall(pool.call, pool, function() return io.open('/etc/passwd') end)\n"
        "assert(lull.is_error(e, 'permission'), tostring(e))\n";
    const struct lull_options options = {
        .size = sizeof options, .permissions = (const char *const[]){"all", NULL}};
    const struct lull_plugin_options about = {.size = sizeof about,
                                              .name = "plugin",
                                              .permissions =
                                                  (const char *const[]){"threads", NULL}};
    struct told told = {.times = 0};
    struct lull_runtime *rt = lull_new(&options);
    struct lull_plugin *plugin = lull_plugin_new(rt, &about);
    CHECK(plugin != NULL);
    CHECK(lull_plugin_load(plugin, source, sizeof source - 1, "=plugin") == LULL_DONE);
    const struct lull_call_options call = {
        .size = sizeof call, .done = tell, .arg = &told, .plugin = plugin};
    CHECK(lull_call_with(rt, 0, &call) != NULL);
    lull_run(rt);
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n", told.message);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    lull_free(rt, 0);
}

/* A life in which an allocation of the owner is refused; true: all were granted. */
static int live(unsigned long fail_at)
{
    static const char source[] =
        "local ok, e = pcall(pool.call, pool, function(t) return t end, { 1, { 2 }, 'x' })\n"
        "pcall(pool.call, pool, error, lull.new_error('io', 'x'))\n"
        "pcall(pool.map, pool, function(x) return x end, { 1, 2, 3 })\n"
        "lull.spawn(pool.call, pool, function() require('lull').sleep(9) end)\n"
        "lull.sleep(0.001) pool:close()";
    char script[2048];
    struct counted counted = {.fail_at = fail_at, .once = 1};
    struct told told;
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &counted,
                                         .report = ignore_report,
                                         .permissions =
                                             (const char *const[]){"threads", NULL}};
    struct lull_runtime *rt = lull_new(&options);
    if (rt != NULL) {
        snprintf(script, sizeof script, "%s%s", begin, source);
        if (start(rt, script, &told))
            lull_run(rt);
        lull_free(rt, 0);
    }
    CHECK(counted.used == 0);
    return counted.calls < fail_at;
}

int main(void)
{
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    check_permissions();
    check_print();
    check_limits();
    check_plugin();
    /* Making the runtime is memory_test's business; each of these starts a thread. */
    for (unsigned long at = 1000; !live(at); at += 37)
        ;
    return 0;
}
