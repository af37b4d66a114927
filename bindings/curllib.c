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
#include "curlops.h"

#include <pthread.h>
#include <string.h>

int luaopen_lull_curl_native(lua_State *L);

#define MAX_CONNECTIONS 100 /* the defaults */
#define MAX_IDLE        32

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
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
    curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &list);
    lullb_curl_give_easy(client, easy);
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
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
    CURLcode result = curl_easy_setopt(easy, CURLOPT_COOKIELIST, line);
    lullb_curl_give_easy(client, easy);
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
        .max_idle = lullb_check_size_field(L, 1, "max_idle", MAX_IDLE),
    };
    lua_getfield(L, 1, "max_per_host");
    if (!lua_isnil(L, -1))
        limits.max_per_host = lullb_check_size_field(L, 1, "max_per_host", 1);
    lua_getfield(L, 1, "cookies");
    bool cookies = lua_toboolean(L, -1) != 0;
    lull_push_class(L, rt, "lull.curl.client", methods, meta);
    struct lullb_curl_client *client = lullb_push_object(L, sizeof *client, &client_tag);
    client->rt = rt;
    client->cookies = cookies;
    pthread_once(&curl_is_set_up, set_up_curl);
    if (!lullb_curl_client_open(client, &limits))
        return lullb_raise_memory(L, "http.client");
    return 1;
}

/* ---- URLs ---------------------------------------------------------------------------- */

#define PARTS 6

/* Get the parts of a URL, NULL for those that it has not; curl's memory.  Changes it. */
static void get_parts(CURLU *url, char *parts[PARTS])
{
    memset(parts, 0, PARTS * sizeof *parts);
    curl_url_get(url, CURLUPART_USER, &parts[0], CURLU_URLDECODE);
    curl_url_get(url, CURLUPART_PASSWORD, &parts[1], CURLU_URLDECODE);
    curl_url_get(url, CURLUPART_SCHEME, &parts[2], 0);
    curl_url_get(url, CURLUPART_HOST, &parts[3], 0);
    curl_url_get(url, CURLUPART_PORT, &parts[4], CURLU_DEFAULT_PORT);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    curl_url_get(url, CURLUPART_URL, &parts[5], 0);
}

static int push_parts(lua_State *L)
{
    char **parts = lua_touserdata(L, 1);
    luaL_checkstack(L, PARTS, NULL);
    for (int i = 0; i < PARTS; i++)
        lua_pushstring(L, parts[i]); /* NULL pushes nil */
    return PARTS;
}

/*
 * url(text, relative?) -> user, password, scheme, host, port, url without user
 * and fragment; or false, why it is no URL.  `relative` is resolved against text.
 */
static int l_url(lua_State *L)
{
    char *parts[PARTS];
    const char *text = luaL_checkstring(L, 1);
    const char *relative = luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);
    lua_pushcfunction(L, push_parts);
    CURLU *url = curl_url();
    if (url == NULL)
        return lullb_raise_memory(L, "http.request");
    CURLUcode result = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (result == CURLUE_OK && relative != NULL)
        result = curl_url_set(url, CURLUPART_URL, relative, CURLU_NON_SUPPORT_SCHEME);
    if (result == CURLUE_OK)
        get_parts(url, parts);
    curl_url_cleanup(url);
    if (result != CURLUE_OK) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, curl_url_strerror(result));
        return 2;
    }
    lua_pushlightuserdata(L, parts);
    int status = lua_pcall(L, 1, PARTS, 0);
    for (int i = 0; i < PARTS; i++)
        curl_free(parts[i]);
    return status == LUA_OK ? PARTS : lua_error(L);
}

static const struct luaL_Reg functions[] = {
    {"client", l_client},
    {"url", l_url},
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
