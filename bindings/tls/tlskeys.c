/* SPDX-License-Identifier: MIT */
/*
 * tlskeys.c -- certificates, keys and revocation lists from PEM texts.
 *
 * Nothing here touches Lua, so nothing is held when something is raised: what
 * is wrong is answered as a constant that the caller raises.
 */
#include "tls/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static const struct lullb_tls_problem no_memory = {"NO_MEMORY", "not enough memory"};
static const struct lullb_tls_problem no_certificate = {
    "BAD_CERTIFICATE", "there is no certificate in PEM form in it"};
static const struct lullb_tls_problem bad_certificate = {
    "BAD_CERTIFICATE", "a certificate in it cannot be read"};
static const struct lullb_tls_problem no_key = {"BAD_KEY",
                                                "there is no private key in PEM form"};
static const struct lullb_tls_problem bad_key = {"BAD_KEY",
                                                 "the private key cannot be read"};
static const struct lullb_tls_problem needs_password = {
    "BAD_PASSWORD", "the private key is encrypted, and no password was given"};
static const struct lullb_tls_problem bad_password = {
    "BAD_PASSWORD", "the password does not open the private key"};
static const struct lullb_tls_problem mismatch = {
    "KEY_MISMATCH", "the private key does not belong to the certificate"};
static const struct lullb_tls_problem weak = {
    "WEAK", "its key or signature is too weak for the security level"};
static const struct lullb_tls_problem unusable = {"BAD_CERTIFICATE", "it cannot be used"};
static const struct lullb_tls_problem no_crl = {
    "BAD_CRL", "there is no revocation list in PEM form in it"};
static const struct lullb_tls_problem bad_crl = {
    "BAD_CRL", "a revocation list in it cannot be read"};

static BIO *open_text(struct lullb_tls_pem pem)
{
    return pem.size <= INT_MAX ? BIO_new_mem_buf(pem.text, (int)pem.size) : NULL;
}

/* Why was the last text not read: it is over, or what comes is broken? */
static bool is_over(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM &&
           ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* ---- one certificate with its key -------------------------------------------------- */

static const struct lullb_tls_problem *
read_chain(struct lullb_tls_certificate *certificate, BIO *bio)
{
    certificate->leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    if (certificate->leaf == NULL)
        return is_over() ? &no_certificate : &bad_certificate;
    certificate->chain = sk_X509_new_null();
    if (certificate->chain == NULL)
        return &no_memory;
    for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;) {
        if (sk_X509_push(certificate->chain, next) <= 0) {
            X509_free(next);
            return &no_memory;
        }
    }
    return is_over() ? NULL : &bad_certificate;
}

struct asked {
    const char *password; /* NULL: none was given */
    bool was_asked;
};

/* Never the terminal, which OpenSSL would ask if there were no callback. */
static int on_password(char *text, int room, int writing, void *arg)
{
    struct asked *asked = arg;
    (void)writing;
    asked->was_asked = true;
    size_t size = asked->password != NULL ? strlen(asked->password) : 0;
    if (asked->password == NULL || size > (size_t)room)
        return -1;
    memcpy(text, asked->password, size);
    return (int)size;
}

static const struct lullb_tls_problem *read_key(struct lullb_tls_certificate *certificate,
                                                BIO *bio, const char *password)
{
    struct asked asked = {.password = password};
    certificate->key = PEM_read_bio_PrivateKey(bio, NULL, on_password, &asked);
    if (certificate->key != NULL)
        return NULL;
    if (asked.was_asked)
        return password != NULL ? &bad_password : &needs_password;
    return is_over() ? &no_key : &bad_key;
}

const struct lullb_tls_problem *
lullb_tls_read_certificate(struct lullb_tls_certificate *certificate,
                           struct lullb_tls_pem chain, struct lullb_tls_pem key,
                           const char *password)
{
    const struct lullb_tls_problem *problem = &no_memory;
    ERR_clear_error();
    BIO *chain_bio = open_text(chain);
    BIO *key_bio = open_text(key);
    if (chain_bio != NULL && key_bio != NULL)
        problem = read_chain(certificate, chain_bio);
    if (problem == NULL)
        problem = read_key(certificate, key_bio, password);
    if (problem == NULL &&
        X509_check_private_key(certificate->leaf, certificate->key) != 1)
        problem = &mismatch;
    BIO_free(chain_bio);
    BIO_free(key_bio);
    ERR_clear_error();
    return problem;
}

void lullb_tls_free_certificate(struct lullb_tls_certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct lullb_tls_certificate){0};
}

const struct lullb_tls_problem *lullb_tls_use_problem(void)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    ERR_clear_error();
    if (reason == ERR_R_MALLOC_FAILURE)
        return &no_memory;
    if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
        (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
         reason == SSL_R_CA_MD_TOO_WEAK))
        return &weak;
    return &unusable;
}

/* ---- many, to trust or to refuse ------------------------------------------------------ */

const struct lullb_tls_problem *lullb_tls_trust(SSL_CTX *ssl, struct lullb_tls_pem pem,
                                                bool announce)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    const struct lullb_tls_problem *problem = &no_certificate;
    ERR_clear_error();
    BIO *bio = open_text(pem);
    if (bio == NULL)
        return &no_memory;
    for (X509 *one; (one = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL;) {
        bool added = X509_STORE_add_cert(store, one) == 1 &&
                     (!announce || SSL_CTX_add_client_CA(ssl, one) == 1);
        X509_free(one);
        problem = added ? NULL : &no_memory;
        if (!added)
            break;
    }
    if (problem != &no_memory && !is_over())
        problem = &bad_certificate;
    BIO_free(bio);
    ERR_clear_error();
    return problem;
}

const struct lullb_tls_problem *lullb_tls_add_crls(SSL_CTX *ssl, struct lullb_tls_pem pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    const struct lullb_tls_problem *problem = &no_crl;
    ERR_clear_error();
    BIO *bio = open_text(pem);
    if (bio == NULL)
        return &no_memory;
    for (X509_CRL *one; (one = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL;) {
        bool added = X509_STORE_add_crl(store, one) == 1;
        X509_CRL_free(one);
        problem = added ? NULL : &no_memory;
        if (!added)
            break;
    }
    if (problem != &no_memory && !is_over())
        problem = &bad_crl;
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    BIO_free(bio);
    ERR_clear_error();
    return problem;
}
