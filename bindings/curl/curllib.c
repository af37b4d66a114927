/* SPDX-License-Identifier: MIT */
/*
 * curllib.c -- Lua module "lull.curl.native": HTTP requests by libcurl, for
 * scripts/http/.
 *
 * Policy (redirections, retries, names, options) is written in Lua; here one
 * call makes one request.  Curl's process-wide set-up is made once, by whichever
 * runtime comes first, and never undone: other users of curl in the process
 * may count on it.
 */
#include "curl/curlline.h"
#include "curl/curlops.h"
#include "curl/curltransfer.h"
#include "curl/curlurl.h"

#include <pthread.h>

int luaopen_lull_curl_native(lua_State *L);

#define MAX_CONNECTIONS 100 /* the default */

static const char client_tag = 'c';

static pthread_once_t curl_is_set_up = PTHREAD_ONCE_INIT;

static void set_up_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct lullb_curl_client *check_client(lua_State *L)
{
    return lullb_check_object(L, 1, &client_tag, "http client");
}

/* ---- clients --------------------------------------------------------------------- */

static int m_request(lua_State *L)
{
    return lullb_curl_m_request(L, check_client(L));
}

static int m_begin(lua_State *L)
{
    return lullb_curl_m_begin(L, check_client(L));
}

static int m_close(lua_State *L)
{
    lullb_curl_client_close(check_client(L));
    return 0;
}

/* An easy handle of an open client, to ask for its cookies; or raise. */
static CURL *take_easy(lua_State *L, struct lullb_curl_client *client)
{
    if (client->multi == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, "http.cookies", "the client is closed");
    CURL *easy = lullb_curl_take_easy(client);
    if (easy == NULL)
        lullb_raise_memory(L, "http.cookies");
    return easy;
}

static int push_list(lua_State *L)
{
    lua_newtable(L);
    lua_Integer count = 0;
    for (struct curl_slist *item = lua_touserdata(L, 1); item != NULL;
         item = item->next) {
        lua_pushstring(L, item->data);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* client:cookies() -> lines of the jar, in the form of Netscape's cookie files */
static int m_cookies(lua_State *L)
{
    struct lullb_curl_client *client = check_client(L);
    lua_settop(L, 1);
    lua_pushcfunction(L, push_list);
    CURL *easy = take_easy(L, client);
    struct curl_slist *list = NULL;
    curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &list);
    lullb_curl_give_easy(client, easy, true);
    lua_pushlightuserdata(L, list);
    int status = lua_pcall(L, 1, 1, 0);
    curl_slist_free_all(list);
    return status == LUA_OK ? 1 : lua_error(L);
}

/* client:set_cookie(line): such a line, a "Set-Cookie: ..." line, or "ALL" to drop all */
static int m_set_cookie(lua_State *L)
{
    struct lullb_curl_client *client = check_client(L);
    const char *line = luaL_checkstring(L, 2);
    CURL *easy = take_easy(L, client);
    CURLcode result = curl_easy_setopt(easy, CURLOPT_COOKIELIST, line);
    lullb_curl_give_easy(client, easy, true);
    if (result != CURLE_OK)
        return lullb_raise_memory(L, "http.cookies");
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"begin", m_begin},     {"close", m_close},           {"cookies", m_cookies},
    {"request", m_request}, {"set_cookie", m_set_cookie}, {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__gc", m_close},
    {"__close", m_close},
    {NULL, NULL},
};

/* client(opts) -> client */
static int l_client(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lullb_curl_limits limits = {
        .max_connections =
            lullb_check_size_field(L, 1, "max_connections", MAX_CONNECTIONS),
    };
    limits.max_idle = lullb_check_size_field(L, 1, "max_idle", limits.max_connections);
    lua_getfield(L, 1, "max_per_host");
    if (!lua_isnil(L, -1))
        limits.max_per_host = lullb_check_size_field(L, 1, "max_per_host", 1);
    lua_getfield(L, 1, "cookies");
    limits.cookies = lua_toboolean(L, -1) != 0;
    lua_getfield(L, 1, "headers");
    struct lullb_curl_client *client = lua_newuserdatauv(L, sizeof *client, 2);
    *client = (struct lullb_curl_client){.object.tag = &client_tag, .rt = rt};
    lua_newtable(L);
    lua_setiuservalue(L, -2, LULLB_CURL_POOL);
    lullb_curl_push_hosts(L);
    lua_setiuservalue(L, -2, LULLB_CURL_HOSTS);
    lullb_curl_read_bounds(L, 1, &client->bounds);
    lull_push_class(L, rt, "lull.curl.client", methods, meta);
    lua_setmetatable(L, -2);
    pthread_once(&curl_is_set_up, set_up_curl);
    if (!lullb_curl_client_open(client, &limits) ||
        !lullb_curl_add_lines(L, -2, &client->headers))
        return lullb_raise_memory(L, "http.client");
    return 1;
}

/* permit(host, port): raise unless the running task may request something there */
static int l_permit(lua_State *L)
{
    lull_check_address(L, LULL_MAY_CONNECT, "http.request", luaL_checkstring(L, 1),
                       (int)luaL_checkinteger(L, 2));
    return 0;
}

static const struct luaL_Reg functions[] = {
    {"client", l_client},
    {"permit", l_permit},
    {"plain_url", lullb_curl_l_plain_url},
    {"url", lullb_curl_l_url},
    {NULL, NULL},
};

int luaopen_lull_curl_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    lua_pushstring(L, version->version);
    lua_setfield(L, -2, "version");
    return 1;
}
