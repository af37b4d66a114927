/* SPDX-License-Identifier: MIT */
/*
 * netlimit_test.c -- limits on handles and on bytes that are held, and what the
 * network does at them: the scripts are in netlimit.lua, one for each row below.
 */
#include "check.h"

#include <lua.h>

static const char *const all[] = {"all", NULL};

static const struct row {
    const char *name;
    unsigned max_handles;
    size_t max_buffered;
} rows[] = {
    {"handles are counted", 3, 0},
    {"files of io are handles", 3, 0},
    {"a listener waits until there may be one more", 5, 0},
    {"a server serves more clients than it may have handles", 7, 0},
    {"what a flood brings stays with the system", 0, 64 << 10},
    {"a part of a line is not lost", 0, 16 << 10},
    {"a writer is told when the peer takes nothing", 0, 64 << 10},
    {"a write that can never be queued sends nothing", 0, 64 << 10},
    {"streams share what may be held", 0, 64 << 10},
    {"TLS is read and written within the limit", 0, 512 << 10},
    {"there may be so many TLS connections", 0, 200 << 10},
    {"a body that is too long is refused", 0, 256 << 10},
    {"a streamed body arrives", 0, 512 << 10},
    {"a response that is too long is the handler's error", 0, 256 << 10},
    {"messages of a WebSocket are limited", 0, 256 << 10},
    {"there may be so many compressors", 0, 2 << 20},
    {"closing gives everything back", 0, 1 << 20},
};

static void report(void *arg, const char *text)
{
    (void)arg;
    if (getenv("NETLIMIT_VERBOSE") != NULL)
        fprintf(stderr, "  %s\n", text);
}

static void run(const struct row *row)
{
    struct counted memory = {0};
    struct told told = {0};
    const struct lull_options options = {
        .size = sizeof options,
        .alloc = counted_alloc,
        .alloc_ud = &memory,
        .report = report,
        .permissions = all,
        .max_handles = row->max_handles,
        .max_buffered = row->max_buffered,
    };
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    if (lull_load_file(rt, "tests/c/netlimit.lua") != LULL_DONE) {
        fprintf(stderr, "%s\n", lua_tostring(lull_state(rt), -1));
        exit(1);
    }
    lua_pushstring(lull_state(rt), row->name);
    CHECK(lull_call(rt, 1, tell, &told) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE) {
        fprintf(stderr, "%s: %s\n", row->name, told.message);
        exit(1);
    }
    lua_gc(lull_state(rt), LUA_GCCOLLECT);
    lua_gc(lull_state(rt), LUA_GCCOLLECT);
    lull_step(rt, 0);
    lull_get_stats(rt, &stats);
    if (stats.buffered != 0)
        fprintf(stderr, "%s: %zu bytes are still counted\n", row->name, stats.buffered);
    CHECK(stats.buffered == 0);
    lull_free(rt, 0);
    CHECK(memory.used == 0);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (argc < 2 || strstr(rows[i].name, argv[1]) != NULL)
            run(&rows[i]);
    }
    return 0;
}
