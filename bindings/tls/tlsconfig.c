/* SPDX-License-Identifier: MIT */
/*
 * tlsconfig.c -- what a context is made of.
 *
 * The table has been checked and its files have been read by scripts/tls.lua.
 * Fields, all but `certificates` optional where they make sense:
 *
 *   certificates   array of { cert =, key = PEM texts, password =, label = what to
 *                  call it in errors, names = array }; a client has at most one
 *   ca, ca_path    PEM text, directory: whom to trust
 *   system         trust what the system trusts
 *   crl            PEM text
 *   verify         false: do not ask, or ask and accept whatever comes
 *   require        a client without a certificate is refused
 *   alpn           as on the wire (RFC 7301)
 *   min, max       versions as on the wire
 *   ciphers        of TLS 1.2; ciphersuites: of TLS 1.3
 *   resume         false: neither offer nor accept sessions
 */
#include "tls/tls.h"

#include <openssl/err.h>
#include <string.h>

#define OP_NAME "tls.context"

/* ECDHE with AEAD first; then for old servers what still keeps the past secret. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define CLIENT_CIPHERS SERVER_CIPHERS ":DHE+AESGCM:DHE+CHACHA20:ECDHE+AES"
#define SECURITY_LEVEL 2 /* 112 bits: RSA of 2048 bits, no SHA-1 */
#define TICKET_KEYS    80

static const char config_tag = 't';

struct config_object {
    struct lullb_object object;      /* first; its handle is never opened */
    struct lullb_tls_config *config; /* NULL: it could not be made */
};

/* ---- coming and going --------------------------------------------------------------- */

void lullb_tls_unref(struct lullb_tls_config *config)
{
    struct lull_runtime *rt = config->rt;
    if (--config->refs > 0)
        return;
    lullb_tls_free_sessions(config);
    lullb_tls_free_names(config);
    for (size_t i = 0; i < config->certificate_count; i++)
        lullb_tls_free_certificate(&config->certificates[i]);
    if (config->certificates != NULL)
        lull_release(rt, config->certificates,
                     config->certificate_count * sizeof *config->certificates);
    if (config->alpn != NULL)
        lull_release(rt, config->alpn, config->alpn_size);
    SSL_CTX_free(config->ssl);
    BIO_meth_free(config->bio);
    lull_release(rt, config, sizeof *config);
}

static int config_gc(lua_State *L)
{
    struct config_object *object = lua_touserdata(L, 1);
    if (object->config != NULL)
        lullb_tls_unref(object->config);
    object->config = NULL;
    return 0;
}

static const struct luaL_Reg no_methods[] = {{NULL, NULL}};
static const struct luaL_Reg meta[] = {{"__gc", config_gc}, {NULL, NULL}};

struct lullb_tls_config *lullb_tls_check_config(lua_State *L, int index)
{
    struct config_object *object =
        lullb_check_object(L, index, &config_tag, "TLS configuration");
    luaL_argcheck(L, object->config != NULL, index, "not a TLS configuration");
    return object->config;
}

/* Push the object; from here on it owns all that is made. */
static struct lullb_tls_config *push_empty(lua_State *L, bool is_server)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lull_push_class(L, rt, "lull.tls.config", no_methods, meta);
    struct config_object *object = lullb_push_object(L, sizeof *object, &config_tag);
    struct lullb_tls_config *config = lull_alloc(rt, sizeof *config);
    if (config == NULL) {
        lullb_raise_memory(L, OP_NAME);
        return NULL; /* not reached, as after every raise */
    }
    *config = (struct lullb_tls_config){.rt = rt, .refs = 1, .is_server = is_server};
    object->config = config;
    config->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    config->bio = lullb_tls_new_bio_method();
    ERR_clear_error();
    if (config->ssl == NULL || config->bio == NULL)
        lullb_raise_memory(L, OP_NAME);
    return config;
}

/* ---- options -------------------------------------------------------------------------- */

static int raise_problem(lua_State *L, const char *label,
                         const struct lullb_tls_problem *problem)
{
    if (strcmp(problem->code, "NO_MEMORY") == 0)
        return lullb_raise_memory(L, OP_NAME);
    lull_push_error(L, LULL_KIND_TLS, "%s: %s", label, problem->text);
    lull_error_detail(L, OP_NAME, 0);
    lua_pushstring(L, problem->code);
    lua_setfield(L, -2, "code");
    return lua_error(L);
}

/* A field that is a string; it stays on the stack.  NULL: there is none. */
static struct lullb_tls_pem text_field(lua_State *L, int index, const char *name)
{
    struct lullb_tls_pem pem = {0};
    lua_getfield(L, index, name);
    if (!lua_isnil(L, -1))
        pem.text = luaL_checklstring(L, -1, &pem.size);
    return pem;
}

static bool flag_field(lua_State *L, int index, const char *name, bool otherwise)
{
    lua_getfield(L, index, name);
    bool value = lua_isnil(L, -1) ? otherwise : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int integer_field(lua_State *L, int index, const char *name, int otherwise)
{
    lua_getfield(L, index, name);
    int value = (int)luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return value;
}

static void set_protocol(lua_State *L, int index, struct lullb_tls_config *config)
{
    SSL_CTX *ssl = config->ssl;
    const char *ciphers = text_field(L, index, "ciphers").text;
    const char *suites = text_field(L, index, "ciphersuites").text;
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_info_callback(ssl, lullb_tls_on_event);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_min_proto_version(ssl, integer_field(L, index, "min", TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(ssl, integer_field(L, index, "max", 0));
    if (ciphers == NULL)
        ciphers = config->is_server ? SERVER_CIPHERS : CLIENT_CIPHERS;
    bool known = SSL_CTX_set_cipher_list(ssl, ciphers) == 1 &&
                 (suites == NULL || SSL_CTX_set_ciphersuites(ssl, suites) == 1);
    ERR_clear_error();
    if (!known)
        luaL_argerror(L, index, "no such ciphers");
    lua_pop(L, 2);
}

/* ---- trust ------------------------------------------------------------------------------ */

static void set_trust(lua_State *L, int index, struct lullb_tls_config *config)
{
    SSL_CTX *ssl = config->ssl;
    struct lullb_tls_pem ca = text_field(L, index, "ca");
    const char *path = text_field(L, index, "ca_path").text;
    struct lullb_tls_pem crl = text_field(L, index, "crl");
    const struct lullb_tls_problem *problem = NULL;
    /* OpenSSL reads it when there is somebody to trust. */
    lullb_check_readable(L, "tls.context", path);
    if (ca.text != NULL)
        problem = lullb_tls_trust(ssl, ca, config->is_server);
    if (problem != NULL)
        raise_problem(L, "the certificates to trust", problem);
    if (crl.text != NULL)
        problem = lullb_tls_add_crls(ssl, crl);
    if (problem != NULL)
        raise_problem(L, "the revocation list", problem);
    bool loaded = (path == NULL || SSL_CTX_load_verify_dir(ssl, path) == 1) &&
                  (!flag_field(L, index, "system", false) ||
                   SSL_CTX_set_default_verify_paths(ssl) == 1);
    ERR_clear_error();
    if (!loaded)
        lullb_raise_memory(L, OP_NAME);
    /* Whoever trusts an intermediate authority, or one server, says so by naming it. */
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    config->verifies = flag_field(L, index, "verify", false);
    int mode = config->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
    if (flag_field(L, index, "require", false))
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ssl, mode, lullb_tls_on_verdict);
    lua_pop(L, 3);
}

/* ---- what we are ------------------------------------------------------------------------- */

/* Read the entry on top of the stack. */
static void read_entry(lua_State *L, struct lullb_tls_config *config, size_t number)
{
    int entry = lua_gettop(L);
    const char *label = text_field(L, entry, "label").text;
    struct lullb_tls_pem cert = text_field(L, entry, "cert");
    struct lullb_tls_pem key = text_field(L, entry, "key");
    const char *password = text_field(L, entry, "password").text;
    const struct lullb_tls_problem *problem =
        lullb_tls_read_certificate(&config->certificates[number], cert, key, password);
    if (problem != NULL)
        raise_problem(L, label, problem);
    bool has_names = lua_getfield(L, entry, "names") == LUA_TTABLE;
    bool fits = has_names || lullb_tls_add_names_of(config, number);
    for (lua_Integer i = 1; has_names && fits; i++) {
        if (lua_rawgeti(L, -1, i) == LUA_TNIL)
            break;
        size_t size;
        const char *name = luaL_checklstring(L, -1, &size);
        fits = lullb_tls_add_name(config, name, size, number);
        lua_pop(L, 1);
    }
    if (!fits)
        lullb_raise_memory(L, OP_NAME);
    lua_settop(L, entry);
}

static void set_certificates(lua_State *L, int index, struct lullb_tls_config *config)
{
    if (lua_getfield(L, index, "certificates") != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    size_t count = lua_rawlen(L, -1);
    size_t size = count * sizeof *config->certificates;
    if (count == 0)
        luaL_argerror(L, index, "no certificates");
    config->certificates = lull_alloc(config->rt, size);
    if (config->certificates == NULL) {
        lullb_raise_memory(L, OP_NAME);
        return;
    }
    memset(config->certificates, 0, size);
    config->certificate_count = count;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        read_entry(L, config, i);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lullb_tls_sort_names(config);
    ERR_clear_error();
    if (!lullb_tls_use_default(config))
        raise_problem(L, "a certificate", lullb_tls_use_problem());
}

/* ---- protocols and sessions ---------------------------------------------------------------- */

/* The first of ours that the client knows, too (RFC 7301, section 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                   const unsigned char *offered, unsigned offered_size, void *arg)
{
    const struct lullb_tls_config *config = arg;
    unsigned char *found = NULL;
    (void)ssl;
    if (offered_size == 0 ||
        SSL_select_next_proto(&found, size, config->alpn, (unsigned)config->alpn_size,
                              offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static void set_alpn(lua_State *L, int index, struct lullb_tls_config *config)
{
    struct lullb_tls_pem alpn = text_field(L, index, "alpn");
    if (alpn.text != NULL) {
        config->alpn = lull_alloc(config->rt, alpn.size);
        if (config->alpn == NULL) {
            lullb_raise_memory(L, OP_NAME);
            return;
        }
        memcpy(config->alpn, alpn.text, alpn.size);
        config->alpn_size = alpn.size;
        if (config->is_server)
            SSL_CTX_set_alpn_select_cb(config->ssl, on_alpn, config);
        else
            SSL_CTX_set_alpn_protos(config->ssl, config->alpn,
                                    (unsigned)config->alpn_size);
    }
    lua_pop(L, 1);
}

/* Sessions of the configuration before go on, unless what clients must show has changed. */
static void keep_ticket_keys(const struct lullb_tls_config *config,
                             const struct lullb_tls_config *before)
{
    unsigned char keys[TICKET_KEYS];
    if (before == NULL || before->verifies || config->verifies)
        return;
    if (SSL_CTX_get_tlsext_ticket_keys(before->ssl, keys, sizeof keys) == 1)
        SSL_CTX_set_tlsext_ticket_keys(config->ssl, keys, sizeof keys);
    OPENSSL_cleanse(keys, sizeof keys);
}

static void set_sessions(lua_State *L, int index, struct lullb_tls_config *config,
                         const struct lullb_tls_config *before)
{
    static const unsigned char session_context[] = "lull";
    SSL_CTX *ssl = config->ssl;
    config->resumes = flag_field(L, index, "resume", true);
    SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1);
    if (!config->resumes) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
    } else if (config->is_server) {
        /* Tickets only: they are kept by the clients. */
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        keep_ticket_keys(config, before);
    } else {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(ssl, lullb_tls_on_session);
    }
    ERR_clear_error();
}

struct lullb_tls_config *lullb_tls_push_config(lua_State *L, int index, bool is_server,
                                               const struct lullb_tls_config *before)
{
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, 16, NULL);
    struct lullb_tls_config *config = push_empty(L, is_server);
    if (config == NULL)
        return NULL;
    set_protocol(L, index, config);
    set_trust(L, index, config);
    set_alpn(L, index, config);
    set_sessions(L, index, config, before);
    set_certificates(L, index, config);
    if (is_server) {
        SSL_CTX_set_tlsext_servername_callback(config->ssl, lullb_tls_on_server_name);
        SSL_CTX_set_tlsext_servername_arg(config->ssl, config);
    }
    return config;
}
