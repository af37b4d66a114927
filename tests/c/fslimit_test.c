/* SPDX-License-Identifier: MIT */
/*
 * fslimit_test.c -- lull.fs at the limits on handles, on bytes held and on memory.
 *
 * Each row is a script, which has `fs`, `path` of a file of 1 MB, and raises(kind, fn, ...);
 * nothing may be counted, and no memory be left, after it.
 */
#include "check.h"

#include <lua.h>

static const char *const all[] = {"all", NULL};

static const char prelude[] =
    "lull, fs = require 'lull', require 'lull.fs'\n"
    "function raises(kind, fn, ...)\n"
    "  local ok, err = pcall(fn, ...)\n"
    "  assert(not ok, 'it was allowed')\n"
    "  assert(lull.is_error(err, kind), tostring(err))\n"
    "end\n"
    "local folder <close> = fs.temp_dir()\n"
    "path = folder.path .. '/f'\n"
    "for i = 1, 250 do\n"
    "  fs.write_file(path, ('x'):rep(4000), { append = true })\n"
    "end\n";

static const struct row {
    unsigned max_handles;
    size_t max_buffered;
    size_t memory;
    const char *script;
} rows[] = {
    {2, 0, 0,
     "local a, b = fs.open(path), fs.open(path)\n"
     "raises('limit', fs.open, path)\n"
     "raises('limit', fs.walk, '/tmp')\n"
     "raises('limit', fs.watch, '/tmp')\n"
     "a:close()\n"
     "fs.open(path):close()\n"
     "b:close()\n"},
    {0, 256 << 10, 0,
     "raises('limit', fs.read_file, path)\n"
     "fs.write_file(path, ('x'):rep(100000))\n"
     "assert(#fs.read_file(path) == 100000)\n"
     "raises('limit', fs.write_file, path, ('y'):rep(300000))\n"
     "assert(fs.read_file(path):sub(1, 1) == 'x')\n"},
    {0, 256 << 10, 0,
     "local file <close> = fs.open(path, 'r+')\n"
     "raises('limit', file.read, file, 'a')\n"
     "raises('limit', file.write, file, ('y'):rep(300000))\n"
     "assert(#file:read(1000) == 1000)\n"
     "assert(file:seek('end') == 1000000)\n"
     "file:write(('y'):rep(10000))\n"},
    {0, 256 << 10, 0,
     "local file <close> = fs.open(path, 'w')\n"
     "for i = 1, 100 do file:write(('y'):rep(10000)) end\n"
     "for i = 1, 10 do file:write(('y'):rep(100000)) end\n"
     "raises('limit', file.write, file, ('y'):rep(300000))\n"
     "file:close()\n"
     "assert(fs.stat(path).size == 2000000)\n"},
    {0, 4 << 10, 0,
     "local folder <close> = fs.temp_dir()\n"
     "for i = 1, 600 do fs.symlink('x', folder.path .. '/name' .. i) end\n"
     "raises('limit', fs.list, folder.path)\n"
     "raises('limit', function() for _ in fs.walk(folder.path) do end end)\n"},
    {0, 0, 3 << 20,
     "for i = 1, 5 do fs.copy(path, path .. i) end\n"
     "for i = 1, 5 do\n"
     "  local bytes = fs.read_file(path .. i)\n"
     "  fs.write_file(path, bytes, { append = true })\n"
     "  bytes = nil\n"
     "  collectgarbage()\n"
     "end\n"
     "raises('memory', fs.read_file, path)\n"},
};

static void run(const struct row *row)
{
    struct counted memory = {0};
    struct told told = {0};
    const struct lull_options options = {
        .size = sizeof options,
        .alloc = counted_alloc,
        .alloc_ud = &memory,
        .permissions = all,
        .max_handles = row->max_handles,
        .max_buffered = row->max_buffered,
        .memory_limit = row->memory,
    };
    char script[4096];
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    int size = snprintf(script, sizeof script, "%s%s", prelude, row->script);
    CHECK(size > 0 && (size_t)size < sizeof script);
    CHECK(lull_load(rt, script, (size_t)size, "=script") == LULL_DONE);
    CHECK(lull_call(rt, 0, tell, &told) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE) {
        fprintf(stderr, "%s\n%s\n", row->script, told.message);
        exit(1);
    }
    lua_gc(lull_state(rt), LUA_GCCOLLECT);
    lua_gc(lull_state(rt), LUA_GCCOLLECT);
    lull_step(rt, 0);
    lull_get_stats(rt, &stats);
    CHECK(stats.buffered == 0);
    lull_free(rt, 0);
    CHECK(memory.used == 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run(&rows[i]);
    return 0;
}
