/* SPDX-License-Identifier: MIT */
/*
 * curlerror.c -- what went wrong, as lull says it.
 *
 * Curl's own text is the best there is, but for certificates: there we say
 * whose it was.  The request is named by its method and URL, without the
 * query; user and password are in neither.
 */
#include "curltransfer.h"

#include <string.h>

enum lull_kind lullb_curl_kind_of(CURLcode result)
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

int lullb_curl_raise(lua_State *L, struct lullb_curl_transfer *transfer, int index,
                     const char *op)
{
    static const char problem[] = "SSL certificate problem: ";
    enum lull_kind kind = (enum lull_kind)transfer->kind;
    const char *text = text_of(transfer);
    lull_handle_close(&transfer->object.handle);
    luaL_checkstack(L, 16, NULL);
    push_label(L, index);
    int label = lua_gettop(L);
    if (transfer->connect_status >= 300) {
        kind = LULL_KIND_HTTP;
        text = lua_pushfstring(L, "the proxy answered with status %d",
                               (int)transfer->connect_status);
    } else if (kind == LULL_KIND_TLS && strncmp(text, problem, strlen(problem)) == 0) {
        text = lua_pushfstring(L, "the certificate of %s is not accepted: %s",
                               push_field(L, index, "host"), text + strlen(problem));
    }
    lull_push_error(L, kind, "%s: %s", lua_tostring(L, label), text);
    lull_error_detail(L, op, kind == LULL_KIND_IO ? (int)transfer->os_error : 0);
    const char *code = kind == LULL_KIND_TLS ? certificate_code(transfer) : NULL;
    if (code != NULL) {
        lua_pushstring(L, code);
        lua_setfield(L, -2, "code");
    }
    if (transfer->connect_status >= 300) {
        lua_pushinteger(L, (lua_Integer)transfer->connect_status);
        lua_setfield(L, -2, "status");
    }
    return lua_error(L);
}
