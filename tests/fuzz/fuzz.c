/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c -- libFuzzer's entry: feed inputs to a function written in Lua.
 *
 * The environment variable LULL_FUZZ names a script, tests/fuzz/NAME.lua, that
 * returns a function.  It is called as a task with every input, and so reaches
 * whatever lull parses, native or not.  What it raises is a finding; what it
 * expects, it catches itself.
 */
#include "lull.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The one runtime, and its function in the registry under this address. */
static struct lull_runtime *rt;

static void on_loaded(struct lull_runtime *runtime, const struct lull_outcome *outcome,
                      void *arg)
{
    (void)runtime;
    (void)arg;
    if (outcome->status == LULL_DONE)
        return;
    fprintf(stderr, "fuzz: %s\n%s\n", outcome->message,
            outcome->traceback != NULL ? outcome->traceback : "");
    abort();
}

/* load(path) -> the script's function, into the registry */
static int l_load(lua_State *L)
{
    if (luaL_loadfile(L, luaL_checkstring(L, 1)) != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    luaL_checktype(L, -1, LUA_TFUNCTION);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rt);
    return 0;
}

/* Call what is on the stack, and run until it has ended. */
static void call(int nargs)
{
    if (lull_call(rt, nargs, on_loaded, NULL) == NULL || lull_run(rt) != LULL_DONE)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *script = getenv("LULL_FUZZ");
    (void)argc;
    (void)argv;
    const struct lull_options options = {
        .size = sizeof options, .permissions = (const char *const[]){"all", NULL}};
    rt = script != NULL ? lull_new(&options) : NULL;
    if (rt == NULL) {
        fputs("fuzz: LULL_FUZZ must name a script\n", stderr);
        exit(EXIT_FAILURE);
    }
    lua_State *L = lull_state(rt);
    lua_pushcfunction(L, l_load);
    lua_pushstring(L, script);
    call(1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    lua_State *L = lull_state(rt);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rt);
    lua_pushlstring(L, (const char *)bytes, size);
    call(1);
    return 0;
}
