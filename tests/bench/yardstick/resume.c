/* SPDX-License-Identifier: MIT */
/*
 * resume.c -- the yardstick R: one bare lua_resume and lua_yield pair.
 *
 * A Lua function loops over a C function that yields; C resumes it.  Nothing
 * else happens, so no scheduler on stock Lua can switch for less.
 *
 *   resume PAIRS      prints "ns=..." : CPU nanoseconds per pair
 */
#define _GNU_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int l_yield(lua_State *L)
{
    return lua_yield(L, 0);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void switch_times(lua_State *L, lua_State *co, long pairs)
{
    for (long i = 0; i < pairs; i++) {
        int results;
        if (lua_resume(co, L, 0, &results) != LUA_YIELD)
            exit(EXIT_FAILURE);
        lua_pop(co, results);
    }
}

int main(int argc, char **argv)
{
    long pairs = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    lua_State *L = luaL_newstate();
    if (!L || pairs < 10)
        return EXIT_FAILURE;
    luaL_openlibs(L);
    lua_State *co = lua_newthread(L);
    if (luaL_loadstring(co, "local yield = ... while true do yield() end") != LUA_OK)
        return EXIT_FAILURE;
    lua_pushcfunction(co, l_yield);
    int results;
    if (lua_resume(co, L, 1, &results) != LUA_YIELD)
        return EXIT_FAILURE;
    switch_times(L, co, pairs / 10);
    double start = cpu_seconds();
    switch_times(L, co, pairs);
    printf("ns=%.2f\n", (cpu_seconds() - start) / (double)pairs * 1e9);
    lua_close(L);
    return EXIT_SUCCESS;
}
