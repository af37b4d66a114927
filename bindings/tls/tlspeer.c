/* SPDX-License-Identifier: MIT */
/*
 * tlspeer.c -- what a handshake has led to, as a table.
 *
 * A finalizer may close the stream while the table is being filled, so what is
 * read from the certificate is read from a reference of our own; that lies in a
 * userdata, for filling may raise.
 */
#include "tls/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define TEXT 1024 /* of a distinguished name */

struct shown {
    X509 *certificate;
    GENERAL_NAMES *names;
    BIO *pem;
};

static int shown_gc(lua_State *L)
{
    struct shown *shown = lua_touserdata(L, 1);
    X509_free(shown->certificate);
    GENERAL_NAMES_free(shown->names);
    BIO_free(shown->pem);
    *shown = (struct shown){0};
    return 0;
}

static const struct luaL_Reg no_methods[] = {{NULL, NULL}};
static const struct luaL_Reg meta[] = {{"__gc", shown_gc}, {NULL, NULL}};

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_name(lua_State *L, const char *field, const X509_NAME *name)
{
    char text[TEXT];
    lullb_tls_name_text(name, text, sizeof text);
    set_text(L, field, text);
}

/* Seconds since 1970; not set where the time cannot be read. */
static void set_time(lua_State *L, const char *field, const ASN1_TIME *time)
{
    int days;
    int seconds;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool known = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    if (!known)
        return;
    lua_pushinteger(L, (lua_Integer)days * 86400 + seconds);
    lua_setfield(L, -2, field);
}

static void set_hex(lua_State *L, const char *field, const unsigned char *bytes,
                    size_t size)
{
    static const char digits[] = "0123456789abcdef";
    luaL_Buffer buffer;
    char *text = luaL_buffinitsize(L, &buffer, size * 2);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    luaL_pushresultsize(&buffer, size * 2);
    lua_setfield(L, -2, field);
}

static void push_address(lua_State *L, const ASN1_OCTET_STRING *address)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int size = ASN1_STRING_length(address);
    if (size == 4) {
        lua_pushfstring(L, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
        return;
    }
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 0; i + 1 < size; i += 2) {
        char group[8];
        snprintf(group, sizeof group, "%s%x", i > 0 ? ":" : "",
                 (unsigned)bytes[i] << 8 | bytes[i + 1]);
        luaL_addstring(&buffer, group);
    }
    luaL_pushresult(&buffer);
}

/* Set `names`: DNS names and addresses, in the certificate's order. */
static void set_names(lua_State *L, struct shown *shown)
{
    lua_Integer count = 0;
    lua_newtable(L);
    shown->names = X509_get_ext_d2i(shown->certificate, NID_subject_alt_name, NULL, NULL);
    ERR_clear_error();
    for (int i = 0; i < sk_GENERAL_NAME_num(shown->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(shown->names, i);
        if (name->type == GEN_DNS)
            lua_pushlstring(L, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                            (size_t)ASN1_STRING_length(name->d.dNSName));
        else if (name->type == GEN_IPADD)
            push_address(L, name->d.iPAddress);
        else
            continue;
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "names");
}

static void set_pem(lua_State *L, struct shown *shown)
{
    char *text;
    shown->pem = BIO_new(BIO_s_mem());
    if (shown->pem == NULL || PEM_write_bio_X509(shown->pem, shown->certificate) != 1)
        return;
    long size = BIO_get_mem_data(shown->pem, &text);
    lua_pushlstring(L, text, (size_t)size);
    lua_setfield(L, -2, "pem");
}

/* Push the table of a certificate, which is in `shown`. */
static void push_certificate(lua_State *L, struct shown *shown)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    X509 *certificate = shown->certificate;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    lua_createtable(L, 0, 8);
    set_name(L, "subject", X509_get_subject_name(certificate));
    set_name(L, "issuer", X509_get_issuer_name(certificate));
    set_time(L, "not_before", X509_get0_notBefore(certificate));
    set_time(L, "not_after", X509_get0_notAfter(certificate));
    set_hex(L, "serial", ASN1_STRING_get0_data(serial),
            (size_t)ASN1_STRING_length(serial));
    if (X509_digest(certificate, EVP_sha256(), digest, &digest_size) == 1)
        set_hex(L, "fingerprint_sha256", digest, digest_size);
    set_names(L, shown);
    set_pem(L, shown);
    ERR_clear_error();
}

/* What was agreed on, in the table on top.  Copies first: SSL may go while Lua allocates. */
static void set_agreed(lua_State *L, const struct lullb_tls_filter *filter)
{
    const unsigned char *alpn;
    unsigned alpn_size;
    char protocol[256];
    char name[256] = "";
    const char *version = SSL_get_version(filter->ssl); /* constants, these two */
    const char *cipher = SSL_get_cipher_name(filter->ssl);
    const char *server_name = SSL_get_servername(filter->ssl, TLSEXT_NAMETYPE_host_name);
    bool resumed = SSL_session_reused(filter->ssl) == 1;
    SSL_get0_alpn_selected(filter->ssl, &alpn, &alpn_size);
    if (alpn_size > 0)
        memcpy(protocol, alpn, alpn_size < sizeof protocol ? alpn_size : 0);
    if (server_name == NULL)
        server_name = filter->name;
    if (server_name != NULL)
        snprintf(name, sizeof name, "%s", server_name);
    set_text(L, "version", version);
    set_text(L, "cipher", cipher);
    if (alpn_size > 0) {
        lua_pushlstring(L, protocol, alpn_size);
        lua_setfield(L, -2, "alpn");
    }
    if (name[0] != '\0')
        set_text(L, "server_name", name);
    lua_pushboolean(L, resumed);
    lua_setfield(L, -2, "resumed");
}

int lullb_l_tls_describe(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    luaL_checkstack(L, 16, NULL);
    struct shown *shown = lua_newuserdatauv(L, sizeof *shown, 0);
    *shown = (struct shown){0};
    lull_push_class(L, lull_runtime_of(L), "lull.tls.shown", no_methods, meta);
    lua_setmetatable(L, -2);
    lua_createtable(L, 0, 8);
    const struct lullb_tls_filter *filter = lullb_tls_filter_of(stream);
    if (filter == NULL || !filter->established) {
        lua_pushnil(L);
        return 1;
    }
    shown->certificate = SSL_get1_peer_certificate(filter->ssl);
    bool verified = shown->certificate != NULL && filter->config->verifies &&
                    SSL_get_verify_result(filter->ssl) == X509_V_OK;
    set_agreed(L, filter);
    lua_pushboolean(L, verified);
    lua_setfield(L, -2, "verified");
    if (shown->certificate != NULL) {
        push_certificate(L, shown);
        lua_setfield(L, -2, "peer");
    }
    return 1;
}
