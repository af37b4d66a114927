/* SPDX-License-Identifier: MIT */
/*
 * work_test.c -- lull_work(): long work on the pool, cancelled and freed while it
 * has not begun, runs, or is over.
 */
#include "host.h"

#include <unistd.h>

static struct {
    int gate[2];  /* a byte lets a worker go on */
    int inside;   /* workers that came to the gate; atomic */
    int releases; /* atomic */
    int made;     /* pieces */
} pool;

/* The block of a piece of work: the test reads it only when released. */
struct piece {
    long number;
    bool waits;
};

static void work(void *arg)
{
    struct piece *piece = arg;
    char byte;
    if (piece->waits) {
        __atomic_add_fetch(&pool.inside, 1, __ATOMIC_ACQ_REL);
        CHECK(read(pool.gate[0], &byte, 1) == 1);
    }
    piece->number *= 2;
}

static int push_piece(lua_State *L, void *arg)
{
    const struct piece *piece = arg;
    if (piece->number < 0)
        return luaL_error(L, "negative");
    lua_pushinteger(L, piece->number);
    return 1;
}

static void release_piece(void *arg)
{
    free(arg);
    __atomic_add_fetch(&pool.releases, 1, __ATOMIC_ACQ_REL);
}

/* work(number, waits) -> twice the number */
static int l_work(lua_State *L)
{
    long number = (long)luaL_checkinteger(L, 1);
    bool waits = lua_toboolean(L, 2);
    struct piece *piece = malloc(sizeof *piece);
    CHECK(piece != NULL);
    *piece = (struct piece){number, waits};
    pool.made++;
    return lull_work(L, "host.work", work, push_piece, release_piece, piece);
}

/* let_go(n)    Let n workers pass the gate. */
static int l_let_go(lua_State *L)
{
    for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--)
        CHECK(write(pool.gate[1], "", 1) == 1);
    return 0;
}

/* inside() -> how many came to the gate */
static int l_inside(lua_State *L)
{
    lua_pushinteger(L, __atomic_load_n(&pool.inside, __ATOMIC_ACQUIRE));
    return 1;
}

/* releases() -> how many pieces were released */
static int l_releases(lua_State *L)
{
    lua_pushinteger(L, __atomic_load_n(&pool.releases, __ATOMIC_ACQUIRE));
    return 1;
}

static const luaL_Reg functions[] = {{"work", l_work},
                                     {"let_go", l_let_go},
                                     {"inside", l_inside},
                                     {"releases", l_releases},
                                     {NULL, NULL}};

#define PREFACE "local lull = require 'lull'\n"

static const char worked[] = PREFACE
    "assert(work(21) == 42 and releases() == 1)\n"
    "local ok, e = pcall(work, -1) assert(e:find 'negative' and releases() == 2)\n"
    "local list = lull.map({1, 2, 3, 4, 5, 6, 7, 8}, function(n) return work(n) end)\n"
    "assert(list[8] == 16)\n"
    "assert(releases() == 10)\n";

static const char work_cancelled[] = PREFACE
    "local tasks = {}\n"
    "for i = 1, 6 do tasks[i] = lull.async(work)(i, true) end\n"
    "while inside() < 4 do lull.yield() end\n" /* as many as there are threads */
    "tasks[6]:cancel() tasks[6]:join()\n"      /* not begun: released at once */
    "assert(tasks[6]:status() == 'cancelled' and releases() == 1)\n"
    "tasks[1]:cancel() tasks[1]:join()\n" /* begun: goes on at once, released later */
    "assert(releases() == 1)\n"
    "let_go(5)\n"
    "for i = 2, 5 do assert(tasks[i]:await() == 2 * i) end\n"
    "while releases() < 6 do lull.sleep(0.001) end\n"
    "local t = lull.spawn(function() lull.current():cancel() work(1) end) t:join()\n"
    "assert(t:status() == 'cancelled' and releases() == 7)\n";

static const char refused[] = PREFACE
    "local ok, e = pcall(tostring, setmetatable({}, {__tostring = function() work(1) end}))\n"
    "assert(not ok and e.kind == 'usage' and releases() == 1)\n";

static void begin(void)
{
    pool.inside = pool.releases = pool.made = 0;
}

static void check_freed_working(bool begun)
{
    struct host host = {.rt = NULL};
    begin();
    CHECK(open_host(&host, functions));
    CHECK(start(host.rt,
                "require('lull').map({1, 2, 3, 4, 5}, function(n) work(n, true) end)",
                &host.told));
    do
        CHECK(lull_step(host.rt, 0) == LULL_DONE);
    while (begun &&
           (pool.made < 5 || __atomic_load_n(&pool.inside, __ATOMIC_ACQUIRE) < 4));
    for (int n = 0; n < 5; n++)
        CHECK(write(pool.gate[1], "", 1) == 1);
    while (begun && __atomic_load_n(&pool.inside, __ATOMIC_ACQUIRE) < 5)
        usleep(100); /* most of the results are in the inbox now */
    close_host(&host, 0);
    while (__atomic_load_n(&pool.releases, __ATOMIC_ACQUIRE) < pool.made)
        usleep(100); /* a thread that was left alone releases later */
}

/* Outside any task: released, and raised. */
static void check_outside(void)
{
    struct host host = {.rt = NULL};
    begin();
    CHECK(open_host(&host, functions));
    lua_State *L = lull_state(host.rt);
    lua_getglobal(L, "work");
    lua_pushinteger(L, 1);
    CHECK(lua_pcall(L, 1, 0, 0) == LUA_ERRRUN);
    CHECK(pool.releases == 1);
    close_host(&host, 0);
}

int main(void)
{
    static const char *const scripts[] = {worked, work_cancelled, refused};
    CHECK(pipe(pool.gate) == 0);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        begin();
        run_script(functions, scripts[i]);
    }
    check_freed_working(false);
    check_freed_working(true);
    check_outside();
    begin();
    refuse_each(functions, "work(1) pcall(work, -1)", begin);
    return 0;
}
