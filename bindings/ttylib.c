/* SPDX-License-Identifier: MIT */
/*
 * ttylib.c -- Lua module "lull.tty.native": what the prompt asks of a terminal.
 */
#include "lull_ext.h"

#include <lauxlib.h>
#include <limits.h>
#include <unistd.h>

int luaopen_lull_tty_native(lua_State *L);

/* is_terminal(fd) -> boolean */
static int l_is_terminal(lua_State *L)
{
    lua_Integer fd = luaL_checkinteger(L, 1);
    luaL_argcheck(L, fd >= 0 && fd <= INT_MAX, 1, "not a descriptor");
    lua_pushboolean(L, isatty((int)fd));
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"is_terminal", l_is_terminal},
    {NULL, NULL},
};

int luaopen_lull_tty_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
