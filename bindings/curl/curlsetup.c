/* SPDX-License-Identifier: MIT */
/*
 * curlsetup.c -- from the table that describes a request to curl's options.
 *
 * The table is made by scripts/http/: names, checks and defaults are there.
 * Everything is read and checked when the request is made; an easy handle has
 * its options set when its turn has come, and then nothing may raise.
 */
#include "curl/curltransfer.h"

#include <stdint.h>
#include <string.h>

/* ---- the table ---------------------------------------------------------------- */

/*
 * A string field, or NULL without one (or false).  It is kept in the table on top,
 * which is the transfer's: whose the described one is may change it meanwhile.
 */
static const char *text_field(lua_State *L, int spec, const char *name, size_t *size)
{
    int type = lua_getfield(L, spec, name);
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, size) : NULL;
    if (lua_toboolean(L, -1) && text == NULL)
        luaL_error(L, "%s must be a string", name);
    if (text != NULL)
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    else
        lua_pop(L, 1);
    return text;
}

/* The URL of a plain request: the only string it has is kept in place of a table. */
static const char *url_alone(lua_State *L, int spec)
{
    lua_getfield(L, spec, "url");
    const char *url = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_setiuservalue(L, -2, LULLB_CURL_TEXTS);
    return url;
}

static bool flag_field(lua_State *L, int spec, const char *name, bool otherwise)
{
    bool value =
        lua_getfield(L, spec, name) == LUA_TNIL ? otherwise : lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return value;
}

static curl_off_t upload_field(lua_State *L, int spec)
{
    curl_off_t size = -2;
    if (lua_getfield(L, spec, "upload") == LUA_TNUMBER)
        size = (curl_off_t)lua_tointeger(L, -1);
    else if (lua_toboolean(L, -1))
        size = -1;
    lua_pop(L, 1);
    return size;
}

/* What few requests have: looked for only where `special` says so. */
static void read_special(lua_State *L, int spec, struct lullb_curl_wishes *wishes)
{
    wishes->body = text_field(L, spec, "body", &wishes->body_size);
    wishes->http_version = text_field(L, spec, "http_version", NULL);
    wishes->user = text_field(L, spec, "user", NULL);
    wishes->password = text_field(L, spec, "password", NULL);
    wishes->proxy = text_field(L, spec, "proxy", NULL);
    wishes->ca_file = text_field(L, spec, "ca_file", NULL);
    wishes->crl_file = text_field(L, spec, "crl_file", NULL);
    wishes->cert = text_field(L, spec, "cert", NULL);
    wishes->key = text_field(L, spec, "key", NULL);
    wishes->cookies = text_field(L, spec, "cookies", NULL);
    wishes->unix_socket = text_field(L, spec, "unix_socket", NULL);
    wishes->upload = upload_field(L, spec);
    wishes->digest = flag_field(L, spec, "digest", false);
    wishes->verify = flag_field(L, spec, "verify", true);
    wishes->raw = flag_field(L, spec, "raw", false);
}

void lullb_curl_read_bounds(lua_State *L, int index, struct lullb_curl_bounds *bounds)
{
    bounds->connect = lullb_check_seconds(L, index, "connect");
    bounds->first_byte = lullb_check_seconds(L, index, "first_byte");
    bounds->idle = lullb_check_seconds(L, index, "idle");
    bounds->total = lullb_check_seconds(L, index, "total");
    bounds->max_body = lullb_check_size_field(L, index, "max_body", SIZE_MAX);
    bounds->follow = flag_field(L, index, "follow", false);
}

/* Ns; 0: no limit. */
static uint64_t to_ns(double seconds)
{
    return seconds < 1e9 ? (uint64_t)(seconds * 1e9) + 1 : 0;
}

static void set_bounds(struct lullb_curl_transfer *transfer,
                       const struct lullb_curl_bounds *bounds)
{
    transfer->wishes.connect = bounds->connect;
    transfer->follows = bounds->follow;
    transfer->max_body = bounds->max_body;
    transfer->first_byte = to_ns(bounds->first_byte);
    transfer->idle = to_ns(bounds->idle);
    if (bounds->total < 1e9)
        transfer->total_at = lullb_curl_now() + to_ns(bounds->total);
}

/* The lists of the table at `spec` as curl's; false: memory is refused. */
static bool read_lists(lua_State *L, struct lullb_curl_transfer *transfer, int spec)
{
    lua_getfield(L, spec, "headers");
    lua_getfield(L, spec, "proxy_headers");
    lua_getfield(L, spec, "resolve");
    bool read = lullb_curl_add_lines(L, -3, &transfer->headers) &&
                lullb_curl_add_lines(L, -2, &transfer->proxy_headers) &&
                lullb_curl_add_resolved(L, -1, &transfer->resolved);
    lua_pop(L, 3);
    return read;
}

/* A plain request is a GET, and in everything else as its client has it. */
bool lullb_curl_read_wishes(lua_State *L, struct lullb_curl_transfer *transfer, int spec)
{
    struct lullb_curl_bounds bounds = transfer->client->bounds;
    struct lullb_curl_wishes *wishes = &transfer->wishes;
    luaL_checkstack(L, 8, NULL);
    *wishes = (struct lullb_curl_wishes){.method = "GET", .upload = -2, .verify = true};
    if (flag_field(L, spec, "plain", false)) {
        wishes->url = url_alone(L, spec);
    } else {
        lua_createtable(L, 4, 0);
        wishes->url = text_field(L, spec, "url", NULL);
        wishes->method = text_field(L, spec, "method", NULL);
        wishes->special = flag_field(L, spec, "special", false);
        transfer->streamed = flag_field(L, spec, "stream", false);
        lullb_curl_read_bounds(L, spec, &bounds);
        if (wishes->special)
            read_special(L, spec, wishes);
        lua_setiuservalue(L, -2, LULLB_CURL_TEXTS);
    }
    if (wishes->url == NULL || wishes->method == NULL)
        luaL_argerror(L, spec, "a url and a method are needed");
    set_bounds(transfer, &bounds);
    transfer->may_repeat = wishes->digest;
    return !wishes->special || read_lists(L, transfer, spec);
}

/* ---- what a request needs while it runs ---------------------------------------------- */

bool lullb_curl_weigh(struct lullb_curl_transfer *transfer)
{
    transfer->weighed = lull_buffer_charge(transfer->client->rt, LULLB_CURL_WEIGHT);
    return transfer->weighed;
}

void lullb_curl_free_lists(struct lullb_curl_transfer *transfer)
{
    if (transfer->weighed)
        lull_buffer_release(transfer->client->rt, LULLB_CURL_WEIGHT);
    transfer->weighed = false;
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->proxy_headers);
    curl_slist_free_all(transfer->resolved);
    transfer->headers = transfer->proxy_headers = transfer->resolved = NULL;
}

void lullb_curl_free_buffers(struct lullb_curl_transfer *transfer)
{
    struct lull_runtime *rt = transfer->client->rt;
    lullb_buffer_clear(rt, &transfer->head);
    lullb_buffer_clear(rt, &transfer->body);
    lullb_buffer_clear(rt, &transfer->upload);
}

/* ---- curl: nothing below raises ----------------------------------------------------- */

/* Options are set until one fails. */
struct setting {
    CURL *easy;
    CURLcode result;
};

static void set_number(struct setting *setting, CURLoption option, long value)
{
    if (setting->result == CURLE_OK)
        setting->result = curl_easy_setopt(setting->easy, option, value);
}

static void set_size(struct setting *setting, CURLoption option, curl_off_t value)
{
    if (setting->result == CURLE_OK)
        setting->result = curl_easy_setopt(setting->easy, option, value);
}

/* NULL: leave it as it is. */
static void set_text(struct setting *setting, CURLoption option, const char *value)
{
    if (setting->result == CURLE_OK && value != NULL)
        setting->result = curl_easy_setopt(setting->easy, option, value);
}

/* NULL: leave it as it is. */
static void set_list(struct setting *setting, CURLoption option, struct curl_slist *list)
{
    if (setting->result == CURLE_OK && list != NULL)
        setting->result = curl_easy_setopt(setting->easy, option, list);
}

static void set_method(struct setting *setting, const struct lullb_curl_wishes *wishes)
{
    const char *method = wishes->method;
    const char *natural = "GET";
    if (wishes->upload >= -1) {
        natural = "PUT";
        set_number(setting, CURLOPT_UPLOAD, 1);
        set_size(setting, CURLOPT_INFILESIZE_LARGE, wishes->upload);
    } else if (wishes->body != NULL) {
        natural = "POST";
        set_number(setting, CURLOPT_POST, 1);
        set_size(setting, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)wishes->body_size);
        set_text(setting, CURLOPT_POSTFIELDS, wishes->body);
    } else if (strcmp(method, "HEAD") == 0) {
        natural = "HEAD";
        set_number(setting, CURLOPT_NOBODY, 1);
    }
    if (strcmp(method, natural) != 0)
        set_text(setting, CURLOPT_CUSTOMREQUEST, method);
}

/* Curl before 8.0 mixes up what it knows of connections that were HTTP/2 from the start. */
static bool reuses_prior(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
}

static bool is_https(const char *url)
{
    return url != NULL && strncmp(url, "https:", 6) == 0;
}

bool lullb_curl_may_share(const struct lullb_curl_wishes *wishes)
{
    const char *version = wishes->http_version;
    if (version != NULL && strcmp(version, "2-prior") == 0)
        return true;
    return is_https(wishes->url) && (version == NULL || strcmp(version, "2") == 0);
}

static void set_version(struct setting *setting, const struct lullb_curl_wishes *wishes)
{
    const char *version = wishes->http_version;
    bool may_share = lullb_curl_may_share(wishes);
    long number = may_share ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    if (version != NULL && strcmp(version, "1.0") == 0) {
        number = CURL_HTTP_VERSION_1_0;
    } else if (version != NULL && strcmp(version, "2-prior") == 0) {
        number = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
        if (!reuses_prior())
            set_number(setting, CURLOPT_FORBID_REUSE, 1);
    }
    set_number(setting, CURLOPT_HTTP_VERSION, number);
    /* One connection may take many requests: ask it before opening more. */
    set_number(setting, CURLOPT_PIPEWAIT, may_share ? 1 : 0);
}

/* Trust, for the server and for a proxy that is reached by TLS. */
static void set_trust(struct setting *setting, const struct lullb_curl_wishes *wishes)
{
    bool to_proxy = is_https(wishes->proxy);
    if (!to_proxy && !is_https(wishes->url))
        return;
    if (!wishes->verify) {
        set_number(setting, CURLOPT_SSL_VERIFYPEER, 0);
        set_number(setting, CURLOPT_SSL_VERIFYHOST, 0);
    }
    set_text(setting, CURLOPT_CRLFILE, wishes->crl_file);
    set_text(setting, CURLOPT_SSLCERT, wishes->cert);
    set_text(setting, CURLOPT_SSLKEY, wishes->key);
    if (wishes->ca_file != NULL) {
        set_text(setting, CURLOPT_CAINFO, wishes->ca_file);
        curl_easy_setopt(setting->easy, CURLOPT_CAPATH, NULL); /* these and no others */
    }
    if (!to_proxy)
        return;
    set_text(setting, CURLOPT_PROXY_CAINFO, wishes->ca_file);
    set_text(setting, CURLOPT_PROXY_CRLFILE, wishes->crl_file);
    if (wishes->ca_file != NULL)
        curl_easy_setopt(setting->easy, CURLOPT_PROXY_CAPATH, NULL);
    set_number(setting, CURLOPT_PROXY_SSL_VERIFYPEER, wishes->verify ? 1 : 0);
    set_number(setting, CURLOPT_PROXY_SSL_VERIFYHOST, wishes->verify ? 2 : 0);
}

static void set_special(struct setting *setting, const struct lullb_curl_wishes *wishes)
{
    set_method(setting, wishes);
    set_trust(setting, wishes);
    if (wishes->raw)
        curl_easy_setopt(setting->easy, CURLOPT_ACCEPT_ENCODING, NULL);
    set_text(setting, CURLOPT_PROXY, wishes->proxy);
    set_text(setting, CURLOPT_UNIX_SOCKET_PATH, wishes->unix_socket);
    set_text(setting, CURLOPT_COOKIE, wishes->cookies);
    if (wishes->user == NULL)
        return;
    set_number(setting, CURLOPT_HTTPAUTH,
               wishes->digest ? (long)CURLAUTH_DIGEST : (long)CURLAUTH_BASIC);
    set_text(setting, CURLOPT_USERNAME, wishes->user);
    set_text(setting, CURLOPT_PASSWORD, wishes->password);
}

CURLcode lullb_curl_set_up(struct lullb_curl_transfer *transfer)
{
    const struct lullb_curl_wishes *wishes = &transfer->wishes;
    struct setting setting = {.easy = transfer->easy, .result = CURLE_OK};
    transfer->changed = wishes->special;
    transfer->is_plain = !is_https(wishes->url) && !is_https(wishes->proxy) &&
                         !lullb_curl_may_share(wishes);
    set_text(&setting, CURLOPT_URL, wishes->url);
    set_version(&setting, wishes);
    set_number(&setting, CURLOPT_CONNECTTIMEOUT_MS,
               wishes->connect < 1e6 ? (long)(wishes->connect * 1e3) + 1
                                     : LULLB_CURL_CONNECT_MS);
    if (!wishes->special)
        return setting.result;
    set_special(&setting, wishes);
    set_list(&setting, CURLOPT_HTTPHEADER, transfer->headers);
    set_list(&setting, CURLOPT_PROXYHEADER, transfer->proxy_headers);
    set_list(&setting, CURLOPT_RESOLVE, transfer->resolved);
    return setting.result;
}
