/* SPDX-License-Identifier: MIT */
/*
 * curlline.c -- standing in line, leaving it, and moving on.
 */
#include "curl/curlline.h"

#include "curl/curltransfer.h"

#include <string.h>

struct lullb_curl_host {
    size_t inside; /* of its transfers, those that need wait no more for it */
    struct lullb_curl_line line; /* the others */
};

/* ---- lines ------------------------------------------------------------------------ */

static void join(struct lullb_curl_line *line, struct lullb_curl_transfer *transfer)
{
    transfer->line = line;
    transfer->behind = NULL;
    transfer->ahead = line->last;
    if (line->last != NULL)
        line->last->behind = transfer;
    else
        line->first = transfer;
    line->last = transfer;
}

static void quit(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_line *line = transfer->line;
    if (line == NULL)
        return;
    if (transfer->ahead != NULL)
        transfer->ahead->behind = transfer->behind;
    else
        line->first = transfer->behind;
    if (transfer->behind != NULL)
        transfer->behind->ahead = transfer->ahead;
    else
        line->last = transfer->ahead;
    transfer->line = NULL;
}

/* ---- places ------------------------------------------------------------------------- */

/* From its host's line to the client's. */
static void pass_host(struct lullb_curl_transfer *transfer)
{
    quit(transfer);
    if (transfer->host != NULL) {
        transfer->host->inside++;
        transfer->hosted = true;
    }
    join(&transfer->client->line, transfer);
}

void lullb_curl_ask_place(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_host *host = transfer->host;
    if (lullb_curl_may_share(&transfer->wishes))
        lullb_curl_start(transfer);
    else if (host != NULL && host->inside >= transfer->client->max_per_host)
        join(&host->line, transfer);
    else
        pass_host(transfer);
}

void lullb_curl_give_place(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_host *host = transfer->host;
    quit(transfer);
    if (transfer->placed)
        transfer->client->inside--;
    if (transfer->hosted) {
        host->inside--;
        if (host->line.first != NULL)
            pass_host(host->line.first);
    }
    transfer->placed = transfer->hosted = false;
}

void lullb_curl_admit(struct lullb_curl_client *client)
{
    struct lullb_curl_transfer *transfer;
    while (client->inside < client->max_connections &&
           (transfer = client->line.first) != NULL) {
        quit(transfer);
        transfer->placed = true;
        client->inside++;
        lullb_curl_start(transfer);
    }
}

/* ---- hosts ------------------------------------------------------------------------------ */

void lullb_curl_push_hosts(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

/* Push "http://name:port" as the URL has it: other spellings are other hosts to us. */
static void push_name(lua_State *L, const char *url)
{
    const char *name = strstr(url, "://");
    size_t scheme = name != NULL ? (size_t)(name - url) + 3 : 0;
    lua_pushlstring(L, url, scheme + strcspn(url + scheme, "/?#"));
}

void lullb_curl_find_host(lua_State *L, struct lullb_curl_transfer *transfer)
{
    luaL_checkstack(L, 4, NULL);
    lua_getiuservalue(L, 1, LULLB_CURL_HOSTS);
    push_name(L, transfer->wishes.url);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_pop(L, 1);
        struct lullb_curl_host *host = lua_newuserdatauv(L, sizeof *host, 0);
        *host = (struct lullb_curl_host){0};
        lua_insert(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    } else {
        lua_remove(L, -2);
    }
    transfer->host = lua_touserdata(L, -1);
    lua_setiuservalue(L, -3, LULLB_CURL_HOST);
    lua_pop(L, 1);
}
