/* SPDX-License-Identifier: MIT */
/*
 * curlerror.c -- what went wrong, as lull says it.
 *
 * Curl's own text is the best there is, but for certificates: there we say
 * whose it was.  The request is named by its method and URL, without the
 * query; user and password are in neither.
 */
#include "curl/curltransfer.h"
#include "tls/tlsalert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what kind it is: no Lua ------------------------------------------------------ */

static enum lull_kind kind_of(CURLcode result)
{
    switch ((int)result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return LULL_KIND_DNS;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
        return LULL_KIND_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return LULL_KIND_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return LULL_KIND_MEMORY;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_LOGIN_DENIED:
        return LULL_KIND_HTTP;
    case CURLE_FILESIZE_EXCEEDED:
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        return LULL_KIND_LIMIT;
    default:
        return LULL_KIND_IO;
    }
}

/*
 * Why OpenSSL gave up, by its SSL_R_*: curl has it in its text only, as
 * "error:0A00045C:SSL routines:...".  0: it was something else.
 */
static int tls_reason(const struct lullb_curl_transfer *transfer)
{
    enum { LIB_SSL = 20, MASK = 0xFFF };
    const char *text = strstr(transfer->error, "error:");
    if (text == NULL ||
        (transfer->result != CURLE_SSL_CONNECT_ERROR &&
         transfer->result != CURLE_RECV_ERROR && transfer->result != CURLE_SEND_ERROR))
        return 0;
    unsigned long error = strtoul(text + strlen("error:"), NULL, 16);
    /* The library is there since OpenSSL 3, and there before. */
    bool is_tls = error >> 23 == LIB_SSL || error >> 24 == LIB_SSL;
    return is_tls ? (int)(error & MASK) : 0;
}

/* Curl has bounds of its own, and says no more than that memory is refused. */
static const char *bound_met(const struct lullb_curl_transfer *transfer)
{
    if (transfer->result == CURLE_RECV_ERROR)
        return strcmp(transfer->error, "Out of memory in chunked-encoding") == 0
                   ? "the response's trailers are too long"
                   : NULL;
    if (transfer->result != CURLE_OUT_OF_MEMORY)
        return NULL;
    if (transfer->receive_paused) /* 64 MiB in 7.88 */
        return "the body expands too much at once";
    long sent = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (sent > 0 && !transfer->head_over) /* 100 KiB of a line */
        return "the response's head is too long";
    if (sent == 0 && transfer->connected) /* 1 MiB */
        return "the request's head is too long";
    return NULL;
}

/*
 * The error of the system behind it; 0: none.  Curl keeps the last one that it met,
 * also of what went well in the end: of an address that refused, before the next one
 * took us.
 */
static long system_error(const struct lullb_curl_transfer *transfer)
{
    long error = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
    bool is_broken =
        transfer->result == CURLE_RECV_ERROR || transfer->result == CURLE_SEND_ERROR;
    bool counts =
        transfer->result == CURLE_COULDNT_CONNECT || (is_broken && error != ECONNREFUSED);
    return counts ? error : 0;
}

void lullb_curl_judge(struct lullb_curl_transfer *transfer)
{
    enum { UNEXPECTED_EOF = 294 }; /* the connection broke, as without TLS */
    const char *bound = bound_met(transfer);
    int reason = tls_reason(transfer);
    transfer->os_error = system_error(transfer);
    if (transfer->kind != LULL_KIND_NONE)
        return;
    transfer->why = bound;
    if (bound != NULL)
        transfer->kind = LULL_KIND_LIMIT;
    else if (reason != 0 && reason != UNEXPECTED_EOF)
        transfer->kind = LULL_KIND_TLS;
    else
        transfer->kind = (uint8_t)kind_of(transfer->result);
}

/* ---- what is said ------------------------------------------------------------------ */

/* A string field of the request's description; "" without one.  Stays on the stack. */
static const char *push_field(lua_State *L, int index, const char *name)
{
    lua_getiuservalue(L, index, LULLB_CURL_SPEC);
    lua_getfield(L, -1, name);
    const char *text = lua_tostring(L, -1);
    return text != NULL ? text : "";
}

/* Push "GET http://host/path": not the query, which may hold what is secret. */
static void push_label(lua_State *L, int index)
{
    const char *method = push_field(L, index, "method");
    const char *url = push_field(L, index, "url");
    lua_pushlstring(L, url, strcspn(url, "?#"));
    lua_pushfstring(L, "%s %s", method, lua_tostring(L, -1));
}

static const char *text_of(const struct lullb_curl_transfer *transfer)
{
    if (transfer->kind == LULL_KIND_CLOSED)
        return "it was closed";
    if (transfer->why != NULL)
        return transfer->why;
    if (transfer->error[0] != '\0')
        return transfer->error;
    if (transfer->kind == LULL_KIND_MEMORY)
        return "not enough memory";
    return curl_easy_strerror(transfer->result);
}

/*
 * What was wrong with a certificate, by the names lull.tls has for it.  The
 * numbers are OpenSSL's X509_V_ERR_*, which are part of its binary interface;
 * curl may have another library, which has no such numbers.
 */
static const char *certificate_code(const struct lullb_curl_transfer *transfer)
{
    static const struct {
        unsigned char number;
        const char *code;
    } codes[] = {
        {2, "UNKNOWN_CA"},
        {3, "CRL_MISSING"},
        {7, "BAD_SIGNATURE"},
        {9, "CERT_NOT_YET_VALID"},
        {10, "CERT_EXPIRED"},
        {12, "CRL_EXPIRED"},
        {18, "SELF_SIGNED"},
        {19, "UNKNOWN_CA"},
        {20, "UNKNOWN_CA"},
        {21, "UNKNOWN_CA"},
        {23, "CERT_REVOKED"},
        {25, "NOT_A_CA"},
        {26, "WRONG_PURPOSE"},
        {27, "UNKNOWN_CA"},
        {62, "HOSTNAME_MISMATCH"},
        {64, "HOSTNAME_MISMATCH"},
        {66, "WEAK"},
        {67, "WEAK"},
        {68, "WEAK"},
        {79, "NOT_A_CA"},
    };
    if (transfer->result != CURLE_PEER_FAILED_VERIFICATION)
        return NULL;
    if (transfer->verify_result <= 1) /* curl compares names itself, and does so first */
        return "HOSTNAME_MISMATCH";
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].number == transfer->verify_result)
            return codes[i].code;
    }
    return "CERT_INVALID";
}

/* ---- messages: each pushes what it returns -------------------------------------------- */

/* Push a proxy's host and port: not its user and password. */
static const char *push_proxy(lua_State *L, const struct lullb_curl_transfer *transfer)
{
    const char *url = transfer->wishes.proxy;
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : url;
    const char *at = strrchr(host, '@');
    host = at != NULL ? at + 1 : host;
    return lua_pushlstring(L, host, strcspn(host, "/"));
}

/* Push to what we connect, where that is not the host of the URL: " to the proxy ..." */
static const char *push_way(lua_State *L, const struct lullb_curl_transfer *transfer)
{
    if (transfer->wishes.unix_socket != NULL)
        return lua_pushfstring(L, " to the Unix socket %s", transfer->wishes.unix_socket);
    if (transfer->wishes.proxy != NULL)
        return lua_pushfstring(L, " to the proxy %s", push_proxy(L, transfer));
    return "";
}

/* Push what took how long; curl itself knows the time for connecting only. */
static const char *push_time(lua_State *L, const struct lullb_curl_transfer *transfer,
                             int index)
{
    bool with_tls = strncmp(transfer->error, "SSL", 3) == 0;
    double limit = transfer->wishes.connect;
    char time[32];
    if (transfer->overdue) {
        lua_getiuservalue(L, index, LULLB_CURL_SPEC);
        lua_getfield(L, -1, "limit");
        return lua_pushfstring(L, "it took longer than %f s in all%s",
                               lua_tonumber(L, -1),
                               transfer->waited ? ": no connection was free" : "");
    }
    if (transfer->result != CURLE_OPERATION_TIMEDOUT) {
        uint64_t stalled = transfer->head_over ? transfer->idle : transfer->first_byte;
        snprintf(time, sizeof time, "%.6g", (double)stalled / 1e9);
        return lua_pushfstring(L, "%s for %s s",
                               transfer->head_over ? "nothing more of the body came"
                                                   : "no answer came",
                               time);
    }
    if (limit >= 1e6)
        limit = LULLB_CURL_CONNECT_MS / 1e3;
    return lua_pushfstring(L, "connecting%s%s took longer than %f s",
                           with_tls ? " with TLS" : "", push_way(L, transfer), limit);
}

static const char *push_certificate(lua_State *L, int index, const char *text)
{
    static const char problem[] = "SSL certificate problem: ";
    if (strncmp(text, problem, strlen(problem)) != 0)
        return text;
    return lua_pushfstring(L, "the certificate of %s is not accepted: %s",
                           push_field(L, index, "host"), text + strlen(problem));
}

/* Push what is wrong with TLS, and its code as lull.tls has it; `*code` may be NULL. */
static const char *push_tls(lua_State *L, const struct lullb_curl_transfer *transfer,
                            int index, const char **code)
{
    enum { VERSION = 258, NOT_TLS = 267, BAD_RECORD = 281, ALERT = 1000 };
    int reason = tls_reason(transfer);
    *code = certificate_code(transfer);
    if (reason >= ALERT) {
        struct lullb_tls_alert alert;
        lullb_tls_alert_text(reason - ALERT, &alert);
        *code = lua_pushstring(L, alert.code);
        return lua_pushstring(L, alert.message);
    }
    if (reason == NOT_TLS) {
        const char *proxy = transfer->wishes.proxy;
        bool is_proxy = proxy != NULL && strncmp(proxy, "https:", 6) == 0 &&
                        transfer->connect_status == 0;
        *code = "NOT_TLS";
        return is_proxy ? lua_pushfstring(L, "the proxy %s does not speak TLS",
                                          push_proxy(L, transfer))
                        : "the peer does not speak TLS";
    }
    if (reason != 0)
        *code = reason == VERSION      ? "PROTOCOL_VERSION"
                : reason == BAD_RECORD ? "BAD_RECORD_MAC"
                                       : "PROTOCOL";
    return push_certificate(L, index, text_of(transfer));
}

static const char *push_text(lua_State *L, const struct lullb_curl_transfer *transfer,
                             int index, const char **code)
{
    if (transfer->kind == LULL_KIND_TLS)
        return push_tls(L, transfer, index, code);
    if (transfer->kind == LULL_KIND_TIMEOUT)
        return push_time(L, transfer, index);
    if (transfer->result == CURLE_COULDNT_CONNECT) {
        const char *way = push_way(L, transfer);
        if (way[0] != '\0')
            return lua_pushfstring(L, "cannot connect%s", way);
    }
    return text_of(transfer);
}

int lullb_curl_raise(lua_State *L, struct lullb_curl_transfer *transfer, int index,
                     const char *op)
{
    enum lull_kind kind = (enum lull_kind)transfer->kind;
    bool is_refused = transfer->connect_status >= 300; /* by a proxy */
    const char *code = NULL;
    lull_handle_close(&transfer->object.handle);
    luaL_checkstack(L, 32, NULL);
    push_label(L, index);
    int label = lua_gettop(L);
    const char *text = is_refused
                           ? lua_pushfstring(L, "the proxy answered with status %d",
                                             (int)transfer->connect_status)
                           : push_text(L, transfer, index, &code);
    lull_push_error(L, is_refused ? LULL_KIND_HTTP : kind, "%s: %s",
                    lua_tostring(L, label), text);
    lull_error_detail(L, op, kind == LULL_KIND_IO ? (int)transfer->os_error : 0);
    if (code != NULL) {
        lua_pushstring(L, code);
        lua_setfield(L, -2, "code");
    }
    if (is_refused) {
        lua_pushinteger(L, (lua_Integer)transfer->connect_status);
        lua_setfield(L, -2, "status");
    }
    return lua_error(L);
}
