/* SPDX-License-Identifier: MIT */
/*
 * httplib.c -- Lua module "lull.http.native": what scripts/http/ stands on.
 */
#include "bind.h"
#include "httpdoor.h"

int luaopen_lull_http_native(lua_State *L);

static const struct luaL_Reg functions[] = {
    {"parse", lullb_l_http_parse},
    {NULL, NULL},
};

int luaopen_lull_http_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
