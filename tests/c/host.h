/* SPDX-License-Identifier: MIT */
/*
 * host.h -- what the tests of tokens, values, objects and events share: a runtime
 * that counts its bytes, with C functions of the test as globals of its scripts.
 */
#ifndef LULL_TESTS_HOST_H
#define LULL_TESTS_HOST_H

#include "check.h"
#include "lull_host.h"

#include <lauxlib.h>
#include <lua.h>

struct host {
    struct counted counted;
    struct lull_runtime *rt; /* NULL: memory was refused */
    struct told told;
};

/* (rt, functions): set them as globals */
static inline int set_globals(lua_State *L)
{
    lua_pushglobaltable(L);
    lull_set_functions(L, lua_touserdata(L, 1), lua_touserdata(L, 2));
    return 0;
}

/* Make the runtime; false when memory was refused. */
static inline bool open_host(struct host *host, const luaL_Reg *functions)
{
    const struct lull_options options = {.size = sizeof options,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &host->counted,
                                         .report = ignore_report,
                                         .permissions =
                                             (const char *const[]){"all", NULL}};
    host->rt = lull_new(&options);
    if (host->rt == NULL)
        return false;
    lua_State *L = lull_state(host->rt);
    lua_pushcfunction(L, set_globals);
    lua_pushlightuserdata(L, host->rt);
    lua_pushlightuserdata(L, (void *)functions);
    bool done = lua_pcall(L, 2, 0, 0) == LUA_OK;
    if (!done)
        lua_pop(L, 1);
    return done;
}

static inline void close_host(struct host *host, double grace)
{
    if (host->rt != NULL)
        lull_free(host->rt, grace);
    host->rt = NULL;
    CHECK(host->counted.used == 0);
}

/* One life: the script must end well. */
static inline void run_script(const luaL_Reg *functions, const char *script)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, functions));
    CHECK(start(host.rt, script, &host.told));
    CHECK(lull_run(host.rt) == LULL_DONE);
    if (host.told.status != LULL_DONE)
        fprintf(stderr, "%s\n%s\n", script, host.told.message);
    CHECK(host.told.times == 1 && host.told.status == LULL_DONE);
    close_host(&host, 0);
}

/*
 * The script's life with every allocation refused once, alone and with all later
 * ones: it may fail, nothing else.  after() is called at the end of each.  Returns
 * how many allocations there were.
 */
static inline unsigned long refuse_each(const luaL_Reg *functions, const char *script,
                                        void (*after)(void))
{
    unsigned long n = 1;
    for (int once = 0; once < 2; once++) {
        bool refused = true;
        for (n = 1; refused; n++) {
            struct host host = {.counted = {.fail_at = n, .once = once}};
            if (open_host(&host, functions) && start(host.rt, script, &host.told)) {
                lull_step(host.rt, 0.01);
                CHECK(lull_memory(host.rt) == host.counted.used);
            }
            refused = host.counted.calls >= n;
            close_host(&host, 0);
            after();
        }
    }
    return n;
}

#endif
