/* SPDX-License-Identifier: MIT */
/*
 * tls.h -- TLS as a filter of streams, on OpenSSL 3.
 *
 * tlslib.c is the native module, with contexts in Lua; tlsconfig.c makes what a
 * context holds, from PEM texts (tlskeys.c) and names (tlsnames.c);
 * tlsfilter.c encodes and decodes, tlshandshake.c waits for the handshake,
 * tlssessions.c keeps what a client may resume; tlserror.c and tlspeer.c say
 * what went wrong, and who the peer is.
 *
 *   1. A configuration is shared by its context and the filters made from it,
 *      by reference count; it never changes once it is made.  Reloading makes a
 *      new one: what is connected keeps the old.
 *   2. OpenSSL's queue of errors is the thread's: it is empty before every call
 *      that may fail and after it.  What failed is kept as plain facts.
 *   3. Nothing of the process is changed, no index of ex_data is taken: the
 *      application's pointers of SSL and SSL_CTX are ours.
 *   4. What OpenSSL allocates itself cannot be charged to a runtime.  A connection
 *      counts as so many bytes that are held for scripts instead: LULLB_TLS_WEIGHT.
 *
 * Thread: the runtime's.
 */
#ifndef LULLB_TLS_H
#define LULLB_TLS_H

#include "common/bind.h"
#include "common/buffer.h"
#include "lull_stream.h"

#include <openssl/ssl.h>

/* ---- configurations ------------------------------------------------------------ */

struct lullb_tls_certificate {
    X509 *leaf;
    STACK_OF(X509) * chain; /* what is sent with it */
    EVP_PKEY *key;
};

/* A name that a server has a certificate for; "*.example.org" is one, too. */
struct lullb_tls_name {
    char *text; /* lower case */
    size_t size;
    size_t certificate; /* its index */
};

/* A session that a client may resume. */
struct lullb_tls_session {
    struct lullb_tls_session *next; /* used or made before it */
    SSL_SESSION *session;
    size_t size; /* of this block */
    char key[];  /* whose */
};

struct lullb_tls_config {
    struct lull_runtime *rt;
    unsigned refs;
    bool is_server;
    bool verifies; /* the peer's certificate, where there is one */
    bool resumes;
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* how OpenSSL reaches a filter */
    struct lullb_tls_certificate *certificates;
    size_t certificate_count;
    struct lullb_tls_name *names; /* sorted */
    size_t name_count;
    size_t name_room;
    unsigned char *alpn; /* as it is sent, by preference */
    size_t alpn_size;
    struct lullb_tls_session *sessions; /* the newest first */
};

/*
 * Push a configuration of a client, or of a server, made from the table at `index`; `before`
 * is the one whose sessions a server goes on accepting, or NULL.  May raise.
 */
struct lullb_tls_config *lullb_tls_push_config(lua_State *L, int index, bool is_server,
                                               const struct lullb_tls_config *before);
/* The configuration at `index`, or an argument error. */
struct lullb_tls_config *lullb_tls_check_config(lua_State *L, int index);
void lullb_tls_unref(struct lullb_tls_config *config);

/* ---- certificates and keys (tlskeys.c) -------------------------------------------- */

/* Why something could not be made; constants. */
struct lullb_tls_problem {
    const char *code;
    const char *text;
};

/* A piece of text in PEM form, not ours. */
struct lullb_tls_pem {
    const char *text; /* NULL: none */
    size_t size;
};

/* Read a certificate with its chain, and the key; NULL, or what is wrong with them. */
const struct lullb_tls_problem *
lullb_tls_read_certificate(struct lullb_tls_certificate *certificate,
                           struct lullb_tls_pem chain, struct lullb_tls_pem key,
                           const char *password);
void lullb_tls_free_certificate(struct lullb_tls_certificate *certificate);

/* What OpenSSL did not like about a certificate that it was to use. */
const struct lullb_tls_problem *lullb_tls_use_problem(void);

/* Trust these; a server names them to its clients, too.  NULL, or what is wrong. */
const struct lullb_tls_problem *lullb_tls_trust(SSL_CTX *ssl, struct lullb_tls_pem pem,
                                                bool announce);
/* Refuse what these lists revoke. */
const struct lullb_tls_problem *lullb_tls_add_crls(SSL_CTX *ssl,
                                                   struct lullb_tls_pem pem);

/* ---- names of a server (tlsnames.c) ------------------------------------------------- */

/* False when memory is refused. */
bool lullb_tls_add_name(struct lullb_tls_config *config, const char *text, size_t size,
                        size_t certificate);
/* Add those that stand in the certificate. */
bool lullb_tls_add_names_of(struct lullb_tls_config *config, size_t certificate);
void lullb_tls_sort_names(struct lullb_tls_config *config);
void lullb_tls_free_names(struct lullb_tls_config *config);
/* Offer, to whoever names no name that is known, the first certificate and its twins. */
bool lullb_tls_use_default(struct lullb_tls_config *config);
/* OpenSSL's callback: take the certificates that the client's name asks for. */
int lullb_tls_on_server_name(SSL *ssl, int *alert, void *config);

/* ---- sessions of a client (tlssessions.c) --------------------------------------------- */

/* OpenSSL's callback: the server has given a ticket. */
int lullb_tls_on_session(SSL *ssl, SSL_SESSION *session);
/* Take the newest session of this key out; NULL: none.  The caller's to free. */
SSL_SESSION *lullb_tls_take_session(struct lullb_tls_config *config, const char *key);
/* Keep a session, which is taken over if the answer is true. */
bool lullb_tls_keep_session(struct lullb_tls_config *config, const char *key,
                            SSL_SESSION *session);
void lullb_tls_free_sessions(struct lullb_tls_config *config);

/* ---- filters --------------------------------------------------------------------------- */

enum lullb_tls_failed {
    LULLB_TLS_INTACT,
    LULLB_TLS_TRUNCATED, /* the end came without TLS's farewell */
    LULLB_TLS_UNTRUSTED, /* the peer's certificate is no good: `verify`, `culprit` */
    LULLB_TLS_BROKEN     /* `error` */
};

/* What has failed, once it has; nothing more comes or goes then. */
struct lullb_tls_failure {
    enum lullb_tls_failed what;
    int verify;          /* X509_V_ERR_* */
    int depth;           /* of the culprit in its chain; 0: the peer's own */
    unsigned long error; /* of OpenSSL's queue */
    X509 *culprit;       /* the certificate that verify is about; NULL: unknown */
};

#define LULLB_TLS_WEIGHT (40u * 1024u)

struct lullb_tls_filter {
    struct lull_filter base; /* first */
    struct lullb_tls_config *config;
    SSL *ssl;
    struct lullb_buffer incoming; /* fed, and not yet taken by OpenSSL */
    struct lullb_tls_failure failure;
    int error;        /* errno of bytes that could not be sent downwards */
    int first;        /* the first byte that came; -1: none */
    bool ended;       /* nothing more will be fed */
    bool established; /* the handshake is over, and well */
    bool finished;    /* our farewell is said */
    size_t size;      /* of this block */
    char *name;       /* whom a client asked for; behind this; NULL: nobody by name */
    char *key;        /* of its sessions; behind this; NULL: none are kept */
};

/* How OpenSSL reaches filters; the configuration keeps it.  NULL: no memory. */
BIO_METHOD *lullb_tls_new_bio_method(void);

/* A filter in no stream yet.  NULL, and errno: ENOBUFS without memory for it, or EDQUOT. */
struct lullb_tls_filter *lullb_tls_new_filter(struct lullb_tls_config *config,
                                              const char *name, const char *key);
void lullb_tls_free_filter(struct lullb_tls_filter *filter);

/* The filter of a stream, if the one on top is of TLS. */
struct lullb_tls_filter *lullb_tls_filter_of(const struct lull_stream *stream);

/*
 * A call on filter->ssl has answered `result`, which is no success.  EAGAIN: it needs to be
 * fed; EPROTO: filter->failure says what is wrong; else an errno value.
 */
int lullb_tls_outcome(struct lullb_tls_filter *filter, int result);

/* OpenSSL's callback: the verdict on one certificate of the peer's chain. */
int lullb_tls_on_verdict(int is_good, X509_STORE_CTX *store);

/* OpenSSL's callback: a peer that wants to renegotiate was told no; that is the end. */
void lullb_tls_on_event(const SSL *ssl, int where, int alert);

/* ---- words ------------------------------------------------------------------------------- */

/* What is wrong, in words; made without Lua, so that the filter may go before it is raised. */
struct lullb_tls_complaint {
    enum lull_kind kind;
    char code[48];
    char message[1024];
};

void lullb_tls_explain(const struct lullb_tls_filter *filter,
                       struct lullb_tls_complaint *complaint);
int lullb_tls_raise(lua_State *L, const struct lullb_tls_complaint *complaint,
                    const char *op);

/* A name of X.509 as text: "CN=...,O=..."; cut where there is no room. */
void lullb_tls_name_text(const X509_NAME *name, char *text, size_t room);

/* handshake(stream, config, name | nil, key | nil, timeout) -> nothing */
int lullb_l_tls_handshake(lua_State *L);
/* describe(stream) -> table | nil */
int lullb_l_tls_describe(lua_State *L);

#endif
