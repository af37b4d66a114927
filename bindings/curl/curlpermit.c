/* SPDX-License-Identifier: MIT */
/*
 * curlpermit.c -- may the running task make this request?
 *
 * Asked where every exchange starts, those after a redirection included, and
 * about what curl will be told, whoever put it together: the host and port of
 * the URL as curl itself reads them, the proxy's, or the path of a Unix socket,
 * and the files with certificates.  Those are opened once here, so that no link
 * leads elsewhere; curl opens them again by their path when it needs them.
 *
 * What curl could find by itself is off: proxies of the environment, .netrc,
 * files of cookies, HSTS and Alt-Svc.
 */
#include "curl/curltransfer.h"
#include "curl/curlurl.h"
#include "net/dnslookup.h"

#include <string.h>

#define OP "http.request"

static void check_url(lua_State *L, const char *text, bool is_proxy)
{
    struct lullb_curl_place place;
    if (!lullb_curl_find_place(text, is_proxy, &place))
        lullb_raise(L, LULL_KIND_USAGE, OP, "not a URL to request");
    /* socks5h://localhost/path is a Unix socket to curl. */
    if (is_proxy && place.has_path)
        lullb_raise(L, LULL_KIND_USAGE, OP, "the URL of a proxy has no path");
    lull_check_address(L, LULL_MAY_CONNECT, OP, place.host, (int)place.port);
}

void lullb_curl_check_permitted(lua_State *L, const struct lullb_curl_wishes *wishes)
{
    if (wishes->unix_socket == NULL) {
        check_url(L, wishes->url, false);
    } else {
        lua_pushfstring(L, "unix:%s", wishes->unix_socket);
        lull_check_permission(L, LULL_MAY_CONNECT, OP, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    if (!wishes->special)
        return;
    if (wishes->proxy != NULL && wishes->proxy[0] != '\0')
        check_url(L, wishes->proxy, true);
    lullb_check_readable(L, OP, wishes->ca_file);
    lullb_check_readable(L, OP, wishes->crl_file);
    lullb_check_readable(L, OP, wishes->cert);
    lullb_check_readable(L, OP, wishes->key);
}

/* Push curl's form of what a look-up has found for a port: "+name:port:address,...". */
static const char *push_resolved(lua_State *L, int index, int port)
{
    const struct lullb_lookup *lookup = lullb_check_lookup(L, index);
    luaL_Buffer buffer;
    if (lookup->addresses == NULL || strpbrk(lookup->name, ":,+-*") == lookup->name)
        luaL_error(L, "not an answered look-up of a name");
    lua_pushfstring(L, "+%s:%d:", lookup->name, port);
    luaL_buffinit(L, &buffer);
    for (int i = 0; i < lookup->count; i++) {
        if (i > 0)
            luaL_addchar(&buffer, ',');
        luaL_addstring(&buffer, lookup->addresses + (size_t)i * lookup->size);
    }
    luaL_pushresult(&buffer);
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

bool lullb_curl_add_resolved(lua_State *L, int index, struct curl_slist **list)
{
    bool added = true;
    if (!lua_istable(L, index))
        return true;
    luaL_checkstack(L, 12, NULL);
    index = lua_absindex(L, index);
    int top = lua_gettop(L);
    for (lua_Integer i = 1; added && lua_rawgeti(L, index, i) == LUA_TTABLE; i++) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        const char *text = push_resolved(L, top + 3, (int)lua_tointeger(L, top + 2));
        struct curl_slist *longer = curl_slist_append(*list, text);
        added = longer != NULL;
        if (added)
            *list = longer;
        lua_settop(L, top);
    }
    lua_settop(L, top);
    return added;
}
