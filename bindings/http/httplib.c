/* SPDX-License-Identifier: MIT */
/*
 * httplib.c -- Lua module "lull.http.native": what scripts/http/ stands on.
 */
#include "common/bind.h"
#include "http/httpconn.h"
#include "http/httpdoor.h"

int luaopen_lull_http_native(lua_State *L);

static const struct luaL_Reg functions[] = {
    {"connection", lullb_l_http_connection},
    {"connection_of", lullb_l_http_connection_of},
    {"parse", lullb_l_http_parse},
    {"query", lullb_l_http_query},
    {"server", lullb_l_http_server},
    {"stream_of", lullb_l_http_stream_of},
    {NULL, NULL},
};

int luaopen_lull_http_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    lullb_push_http_request_class(L, lull_runtime_of(L));
    lua_setfield(L, -3, "request_fields");
    lua_setfield(L, -2, "request_methods");
    return 1;
}
