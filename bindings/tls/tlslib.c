/* SPDX-License-Identifier: MIT */
/*
 * tlslib.c -- Lua module "lull.tls.native": what scripts/tls.lua stands on.
 *
 * Options have been checked and files read there: here are texts and numbers.
 */
#include "tls/tls.h"

int luaopen_lull_tls_native(lua_State *L);

/* client(options) -> configuration */
static int l_client(lua_State *L)
{
    lua_settop(L, 1);
    lullb_tls_push_config(L, 1, false, NULL);
    return 1;
}

/* server(options, before?) -> configuration; tickets that `before` gave stay good */
static int l_server(lua_State *L)
{
    lua_settop(L, 2);
    const struct lullb_tls_config *before =
        lua_isnil(L, 2) ? NULL : lullb_tls_check_config(L, 2);
    lullb_tls_push_config(L, 1, true, before);
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"client", l_client},
    {"describe", lullb_l_tls_describe},
    {"handshake", lullb_l_tls_handshake},
    {"server", l_server},
    {NULL, NULL},
};

int luaopen_lull_tls_native(lua_State *L)
{
    /* The process may end while another thread is here: OpenSSL must not clean up then. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
