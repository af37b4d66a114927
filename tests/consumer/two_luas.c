/* SPDX-License-Identifier: MIT */
/*
 * two_luas.c -- a host that has a Lua of its own, of any version, beside lull's.
 */
#include <lull.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

static const char script[] = "print('lull: ' .. _VERSION)";

static void report(void *arg, const char *text)
{
    (void)arg;
    printf("report: %s\n", text);
}

int main(void)
{
    struct lull_options options = {.size = sizeof options, .report = report};
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_getglobal(L, "_VERSION");
    printf("own: %s\n", lua_tostring(L, -1));
    struct lull_runtime *rt = lull_new(&options);
    if (rt != NULL) {
        if (lull_load(rt, script, strlen(script), "=script") == LULL_DONE)
            lull_call(rt, 0, NULL, NULL);
        lull_run(rt);
        lull_free(rt, 1);
    }
    lua_close(L);
    return rt == NULL;
}
