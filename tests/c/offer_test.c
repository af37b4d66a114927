/* SPDX-License-Identifier: MIT */
/*
 * offer_test.c -- lull_options.find: modules and files that the host has.
 */
#include "check.h"

struct shelf {
    int asked;
};

/* Any thread: the test's workers ask only while the main thread waits for them. */
static int find(void *arg, const char *name, struct lull_found *found)
{
    static const char module[] = "local here, from = ... x = here\n"
                                 "return { f = function(n) return n + 1, from end,\n"
                                 "  fail = function() error 'no' end }";
    struct shelf *shelf = arg;
    shelf->asked++;
    if (strcmp(name, "broken") == 0)
        return -1;
    if (strcmp(name, "mine") == 0)
        *found = (struct lull_found){module, sizeof module - 1, "@host/mine.lua"};
    else if (strcmp(name, "unnamed") == 0)
        *found = (struct lull_found){"error 'x'", 9, NULL};
    else if (strcmp(name, "binary") == 0)
        *found = (struct lull_found){"\033Lua", 4, NULL};
    else if (strcmp(name, "file:a") == 0)
        *found = (struct lull_found){"\0b", 2, NULL};
    return found->bytes != NULL;
}

static void run(const char *const *permissions, const char *script)
{
    struct shelf shelf = {0};
    struct told told;
    struct counted counted = {0};
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &counted,
                                         .report = ignore_report,
                                         .permissions = permissions,
                                         .find = find,
                                         .find_arg = &shelf};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL && shelf.asked == 0);
    CHECK(start(rt, script, &told));
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE)
        fprintf(stderr, "%s\n", told.message);
    CHECK(told.times == 1 && told.status == LULL_DONE && shelf.asked > 0);
    lull_free(rt, 0);
    CHECK(counted.used == 0);
}

static const char modules[] =
    "local mine, from = require 'mine'\n"
    "assert(from == 'host/mine.lua' and mine == require 'mine' and x == 'mine')\n"
    "local _, e = pcall(mine.fail) assert(e == 'host/mine.lua:3: no', e)\n"
    "_, e = pcall(require, 'unnamed') assert(e:find '^%[string \"unnamed\"%]:1: x', e)\n"
    "_, e = pcall(require, 'broken') assert(e:find \"'broken' is damaged\", e)\n"
    "_, e = pcall(require, 'none') assert(e:find \"no module 'none' in the program\", e)\n"
    "assert(type(require 'lull.net') == 'table')";

static const char files[] =
    "local bundle = require 'lull.bundle'\n"
    "assert(bundle.read 'a' == '\\0b')\n"
    "local ok, e = pcall(bundle.read, 'c')\n"
    "assert(not ok and e.kind == 'io' and e.code == 'ENOENT' and e.path == 'c', e)\n"
    "ok, e = pcall(bundle.read) assert(not ok and e:find 'string expected', e)";

static const char bytecode[] =
    "local _, e = pcall(require, 'binary') assert(e:find 'attempt to load a binary', e)";

static const char workers[] = "assert(require 'lull.worker'.call('mine', 'f', 1) == 2)\n"
                              "assert(require 'lull.worker'.call(function()\n"
                              "  return require 'lull.bundle'.read 'a' end) == '\\0b')";

/* A plugin has the module with its own globals. */
static void in_plugins(void)
{
    struct shelf shelf = {0};
    struct told told;
    const struct lull_options options = {.size = sizeof options,
                                         .report = ignore_report,
                                         .permissions = ALLOW_ALL,
                                         .find = find,
                                         .find_arg = &shelf};
    const struct lull_plugin_options about = {.size = sizeof about, .name = "p"};
    static const char code[] = "assert(require 'mine' and x == 'mine')";
    struct lull_runtime *rt = lull_new(&options);
    struct lull_plugin *plugin = lull_plugin_new(rt, &about);
    CHECK(plugin != NULL);
    CHECK(lull_plugin_load(plugin, code, sizeof code - 1, "=p") == LULL_DONE);
    const struct lull_call_options call = {
        .size = sizeof call, .done = tell, .arg = &told, .plugin = plugin};
    memset(&told, 0, sizeof told);
    CHECK(lull_call_with(rt, 0, &call) != NULL);
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_DONE);
    CHECK(start(rt, "assert(x == nil)", &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_DONE);
    lull_free(rt, 0);
}

int main(void)
{
    static const char *const nothing[] = {NULL};
    run(ALLOW_ALL, modules);
    run(nothing, modules);
    run(ALLOW_ALL, files);
    run(nothing, files);
    run(nothing, bytecode);
    run(ALLOW_ALL, workers);
    in_plugins();
    return 0;
}
