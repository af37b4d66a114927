/* SPDX-License-Identifier: MIT */
/*
 * curlurl.c -- URLs taken apart.
 *
 * Most are plain, and are looked at here: a scheme, a host that can be read in
 * one way only, perhaps a port.  Everything else is for curl, whose parser
 * decides in the end where a request goes: two parsers that disagree are how
 * checks are walked around.
 */
#include "curl/curlurl.h"

#include "common/bind.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define PARTS    6
#define MAX_PORT 65535u

/* ---- plain ones -------------------------------------------------------------- */

struct plain {
    bool tls;
    const char *host;
    size_t host_size;
    unsigned port;
    size_t size; /* of the whole, without the fragment */
};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Four numbers up to 255, none with a zero in front. */
static bool is_dotted_quad(const char *host, const char *end)
{
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        const char *first = host;
        while (host < end && is_digit(*host) && host - first < 3)
            value = value * 10 + (unsigned)(*host++ - '0');
        if (host == first || value > 255 || (*first == '0' && host - first > 1))
            return false;
        if (part < 3 && (host == end || *host++ != '.'))
            return false;
    }
    return host == end;
}

/* A name whose last label begins with a letter: no notation for a number. */
static bool is_plain_name(const char *host, const char *end)
{
    bool at_label = true;
    char first = '\0';
    for (const char *p = host; p < end; p++) {
        if (at_label && *p == '.')
            return false;
        if (at_label)
            first = *p;
        at_label = *p == '.';
    }
    return !at_label && is_lower(first);
}

static const char *parse_host(const char *p, const char *end, struct plain *plain)
{
    plain->host = p;
    while (p < end && (is_lower(*p) || is_digit(*p) || *p == '.' || *p == '-'))
        p++;
    plain->host_size = (size_t)(p - plain->host);
    if (!is_plain_name(plain->host, p) && !is_dotted_quad(plain->host, p))
        return NULL;
    return p;
}

static const char *parse_port(const char *p, const char *end, struct plain *plain)
{
    plain->port = plain->tls ? 443 : 80;
    if (p == end || *p != ':')
        return p;
    unsigned port = 0;
    const char *first = ++p;
    while (p < end && is_digit(*p) && port <= MAX_PORT)
        port = port * 10 + (unsigned)(*p++ - '0');
    plain->port = port;
    return p > first && port >= 1 && port <= MAX_PORT ? p : NULL;
}

static bool parse_plain(const char *text, size_t size, struct plain *plain)
{
    const char *end = text + size;
    plain->tls = size > 8 && memcmp(text, "https://", 8) == 0;
    if (!plain->tls && (size <= 7 || memcmp(text, "http://", 7) != 0))
        return false;
    const char *p = parse_host(text + (plain->tls ? 8 : 7), end, plain);
    if (p != NULL)
        p = parse_port(p, end, plain);
    if (p == NULL || (p < end && *p != '/' && *p != '?' && *p != '#'))
        return false;
    plain->size = size;
    for (; p < end; p++) {
        if (*p <= ' ' || *p > '~' || *p == '\\')
            return false;
        if (*p == '#' && plain->size == size)
            plain->size = (size_t)(p - text);
    }
    return true;
}

int lullb_curl_l_plain_url(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct plain plain;
    if (!parse_plain(text, size, &plain))
        return 0;
    if (plain.size == size)
        lua_pushvalue(L, 1);
    else
        lua_pushlstring(L, text, plain.size);
    lua_pushstring(L, plain.tls ? "https" : "http");
    lua_pushlstring(L, plain.host, plain.host_size);
    lua_pushinteger(L, plain.port);
    return 4;
}

/* ---- all others ----------------------------------------------------------------- */

/*
 * Curl decodes a host after it has looked whether it is a number, so that
 * "%31" is "1", and only the next one to parse it sees 0.0.0.1: be the next one.
 */
static CURLUcode parse_again(CURLU *url)
{
    char *whole = NULL;
    CURLUcode result = curl_url_get(url, CURLUPART_URL, &whole, 0);
    if (result == CURLUE_OK)
        result = curl_url_set(url, CURLUPART_URL, whole, CURLU_NON_SUPPORT_SCHEME);
    curl_free(whole);
    return result;
}

static void set_host(struct lullb_curl_place *place, const char *host, size_t size)
{
    bool in_brackets = size > 2 && host[0] == '[';
    memcpy(place->host, host + in_brackets, size);
    place->host[in_brackets ? size - 2 : size] = '\0';
}

/* Curl takes 1080 for proxies of every scheme but https, where no port is named. */
static unsigned port_of(CURLU *url, bool is_proxy)
{
    char *port = NULL;
    char *scheme = NULL;
    unsigned number = 1080;
    bool has_default =
        !is_proxy || (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                      strcmp(scheme, "https") == 0);
    if (curl_url_get(url, CURLUPART_PORT, &port, has_default ? CURLU_DEFAULT_PORT : 0) ==
        CURLUE_OK)
        number = (unsigned)strtoul(port, NULL, 10);
    curl_free(port);
    curl_free(scheme);
    return number;
}

bool lullb_curl_find_place(const char *text, bool is_proxy,
                           struct lullb_curl_place *place)
{
    struct plain plain;
    char *host = NULL;
    char *path = NULL;
    bool is_plain = !is_proxy && parse_plain(text, strlen(text), &plain);
    if (is_plain && plain.host_size < sizeof place->host) {
        set_host(place, plain.host, plain.host_size);
        place->port = plain.port;
        place->has_path = true; /* or not: nobody asks */
        return true;
    }
    CURLU *url = curl_url();
    bool found =
        url != NULL &&
        curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        strlen(host) < sizeof place->host;
    if (found) {
        set_host(place, host, strlen(host));
        place->port = port_of(url, is_proxy);
        place->has_path =
            curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strlen(path) > 1;
    }
    curl_free(host);
    curl_free(path);
    curl_url_cleanup(url);
    return found;
}

/* Get the parts of a URL, NULL for those that it has not; curl's memory.  Changes it. */
static CURLUcode get_parts(CURLU *url, char *parts[PARTS])
{
    curl_url_get(url, CURLUPART_USER, &parts[4], CURLU_URLDECODE);
    curl_url_get(url, CURLUPART_PASSWORD, &parts[5], CURLU_URLDECODE);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    CURLUcode result = parse_again(url);
    if (result != CURLUE_OK)
        return result;
    curl_url_get(url, CURLUPART_URL, &parts[0], 0);
    curl_url_get(url, CURLUPART_SCHEME, &parts[1], 0);
    curl_url_get(url, CURLUPART_HOST, &parts[2], 0);
    curl_url_get(url, CURLUPART_PORT, &parts[3], CURLU_DEFAULT_PORT);
    return CURLUE_OK;
}

static void free_parts(char *parts[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        curl_free(parts[i]);
}

static int push_parts(lua_State *L)
{
    char **parts = lua_touserdata(L, 1);
    luaL_checkstack(L, PARTS, NULL);
    for (int i = 0; i < PARTS; i++)
        lua_pushstring(L, parts[i]); /* NULL pushes nil */
    return PARTS;
}

int lullb_curl_l_url(lua_State *L)
{
    char *parts[PARTS] = {NULL};
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
        result = get_parts(url, parts);
    curl_url_cleanup(url);
    if (result != CURLUE_OK) {
        free_parts(parts);
        lua_pushboolean(L, 0);
        lua_pushstring(L, curl_url_strerror(result));
        return 2;
    }
    lua_pushlightuserdata(L, parts);
    int status = lua_pcall(L, 1, PARTS, 0);
    free_parts(parts);
    return status == LUA_OK ? PARTS : lua_error(L);
}
