/* SPDX-License-Identifier: MIT */
/*
 * tlsfilter.c -- bytes through OpenSSL.
 *
 * OpenSSL reaches the stream by a BIO of our own.  What it reads there is what
 * the filter was fed; what it writes goes straight on downwards, so that
 * writing never waits and never is half done.
 */
#include "tls/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#define RECORD (16u * 1024u) /* what one record can hold */

static struct lullb_tls_filter *filter_of(struct lull_filter *base)
{
    return (struct lullb_tls_filter *)(void *)base;
}

/* ---- below OpenSSL ---------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct lullb_tls_filter *filter = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int error = lull_filter_emit(&filter->base, bytes, (size_t)size);
    if (error == 0)
        return size;
    filter->error = error;
    return -1;
}

static int bio_read(BIO *bio, char *bytes, int room)
{
    struct lullb_tls_filter *filter = BIO_get_data(bio);
    size_t size = lullb_buffer_size(&filter->incoming);
    BIO_clear_retry_flags(bio);
    if (size == 0) {
        if (filter->ended)
            return 0;
        BIO_set_retry_read(bio);
        return -1;
    }
    if (size > (size_t)room)
        size = (size_t)room;
    memcpy(bytes, lullb_buffer_bytes(&filter->incoming), size);
    lullb_buffer_consume(filter->config->rt, &filter->incoming, size);
    return (int)size;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    const struct lullb_tls_filter *filter = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (what) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return filter->ended && lullb_buffer_size(&filter->incoming) == 0;
    default:
        return 0;
    }
}

BIO_METHOD *lullb_tls_new_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "lull filter");
    if (method == NULL)
        return NULL;
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

/* ---- what became of a call --------------------------------------------------------- */

/* Take the queue's errors out: the first of TLS itself, or else the first of all. */
static unsigned long take_error(void)
{
    unsigned long found = 0;
    for (unsigned long error; (error = ERR_get_error()) != 0;) {
        bool is_better = found == 0 || (ERR_GET_LIB(found) != ERR_LIB_SSL &&
                                        ERR_GET_LIB(error) == ERR_LIB_SSL);
        if (is_better)
            found = error;
    }
    return found;
}

static int fail(struct lullb_tls_filter *filter, enum lullb_tls_failed what,
                unsigned long error)
{
    filter->failure.what = what;
    filter->failure.error = error;
    return EPROTO;
}

int lullb_tls_outcome(struct lullb_tls_filter *filter, int result)
{
    int kind = SSL_get_error(filter->ssl, result);
    unsigned long error = take_error();
    if (filter->failure.what != LULLB_TLS_INTACT)
        return EPROTO;
    if (kind == SSL_ERROR_WANT_READ)
        return filter->ended ? fail(filter, LULLB_TLS_TRUNCATED, 0) : EAGAIN;
    if (error != 0 && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
        return ENOBUFS;
    if (error == 0 || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                       ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        if (filter->error != 0)
            return filter->error;
        return fail(filter, filter->ended ? LULLB_TLS_TRUNCATED : LULLB_TLS_BROKEN, 0);
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
        ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        filter->failure.verify = (int)SSL_get_verify_result(filter->ssl);
        return fail(filter, LULLB_TLS_UNTRUSTED, error);
    }
    return fail(filter, LULLB_TLS_BROKEN, error);
}

int lullb_tls_on_verdict(int is_good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct lullb_tls_filter *filter = SSL_get_app_data(ssl);
    X509 *culprit = X509_STORE_CTX_get_current_cert(store);
    if (is_good || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
        return is_good;
    /* Of the issuers only those are looked up that there is a list of. */
    if (X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL &&
        X509_STORE_CTX_get_error_depth(store) > 0) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    if (culprit != NULL && filter->failure.culprit == NULL) {
        X509_up_ref(culprit);
        filter->failure.culprit = culprit;
        filter->failure.depth = X509_STORE_CTX_get_error_depth(store);
    }
    return 0;
}

/* Whoever asks again and again, and does not take our answers, would have us keep them all. */
void lullb_tls_on_event(const SSL *ssl, int where, int alert)
{
    struct lullb_tls_filter *filter = SSL_get_app_data(ssl);
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT &&
        (alert & 0xFF) == SSL_AD_NO_RENEGOTIATION)
        fail(filter, LULLB_TLS_BROKEN, ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_RENEGOTIATION));
}

/* ---- the filter ----------------------------------------------------------------------- */

static int feed(struct lull_filter *base, const char *bytes, size_t size)
{
    struct lullb_tls_filter *filter = filter_of(base);
    if (size == 0) {
        filter->ended = true;
        return 0;
    }
    if (filter->first < 0)
        filter->first = (unsigned char)bytes[0];
    return lullb_buffer_append(filter->config->rt, &filter->incoming, bytes, size)
               ? 0
               : errno;
}

/* As many records as there are and fit: each answer costs the reader a look at the buffer. */
static ssize_t filter_read(struct lull_filter *base, char *bytes, size_t room)
{
    struct lullb_tls_filter *filter = filter_of(base);
    size_t total = 0;
    int error = filter->established ? 0 : EAGAIN;
    if (filter->failure.what != LULLB_TLS_INTACT)
        error = EPROTO;
    while (error == 0 && total < room) {
        size_t count = 0;
        ERR_clear_error();
        int result = SSL_read_ex(filter->ssl, bytes + total, room - total, &count);
        total += count;
        if (result > 0)
            continue;
        if (SSL_get_error(filter->ssl, result) == SSL_ERROR_ZERO_RETURN)
            return (ssize_t)total;
        error = lullb_tls_outcome(filter, result);
    }
    if (total > 0) /* a failure is met again */
        return (ssize_t)total;
    errno = error;
    return -1;
}

/*
 * Encode these bytes.  OpenSSL cuts them into records.  The writer may be OpenSSL, too, for
 * a filter above: what it has put into the queue of errors stays there.
 */
static int encode(struct lullb_tls_filter *filter, const char *bytes, size_t size)
{
    size_t written;
    if (size == 0)
        return 0;
    ERR_set_mark();
    int result = SSL_write_ex(filter->ssl, bytes, size, &written);
    if (result > 0 || filter->error != 0) {
        ERR_pop_to_mark();
        return result > 0 ? 0 : filter->error;
    }
    int error = lullb_tls_outcome(filter, result);
    return error == EAGAIN ? EPROTO : error;
}

/* Small parts share records; what is large is encoded where it lies. */
static int encode_parts(struct lullb_tls_filter *filter, const struct iovec *parts,
                        int count)
{
    char record[RECORD];
    size_t filled = 0;
    int error = 0;
    for (int i = 0; i < count && error == 0; i++) {
        const char *bytes = parts[i].iov_base;
        size_t size = parts[i].iov_len;
        while (size > 0 && error == 0) {
            bool is_last = i == count - 1;
            size_t piece = is_last ? size : size - size % RECORD;
            if (filled == 0 && piece > 0) {
                error = encode(filter, bytes, piece);
            } else {
                piece = size < RECORD - filled ? size : RECORD - filled;
                memcpy(record + filled, bytes, piece);
                filled += piece;
            }
            if (filled == RECORD && error == 0) {
                error = encode(filter, record, filled);
                filled = 0;
            }
            bytes += piece;
            size -= piece;
        }
    }
    return error != 0 ? error : encode(filter, record, filled);
}

static int filter_write(struct lull_filter *base, const struct iovec *parts, int count)
{
    struct lullb_tls_filter *filter = filter_of(base);
    if (filter->failure.what != LULLB_TLS_INTACT)
        return EPROTO;
    if (filter->finished)
        return EPIPE;
    if (!filter->established)
        return EBUSY; /* somebody writes while another shakes hands */
    if (count == 1)
        return encode(filter, parts[0].iov_base, parts[0].iov_len);
    return encode_parts(filter, parts, count);
}

static void finish(struct lull_filter *base)
{
    struct lullb_tls_filter *filter = filter_of(base);
    if (!filter->established || filter->finished || filter->error != 0 ||
        filter->failure.what != LULLB_TLS_INTACT)
        return;
    filter->finished = true;
    SSL_shutdown(filter->ssl); /* sends close_notify; the peer's is not waited for */
    ERR_clear_error();
}

static void release(struct lull_filter *base)
{
    lullb_tls_free_filter(filter_of(base));
}

static int raise(lua_State *L, struct lull_filter *base, const char *op)
{
    struct lullb_tls_complaint complaint;
    lullb_tls_explain(filter_of(base), &complaint);
    return lullb_tls_raise(L, &complaint, op);
}

static const struct lull_filter_type filter_type = {
    .name = "tls",
    .feed = feed,
    .read = filter_read,
    .write = filter_write,
    .finish = finish,
    .release = release,
    .raise = raise,
};

struct lullb_tls_filter *lullb_tls_filter_of(const struct lull_stream *stream)
{
    struct lull_filter *filter = lull_stream_filter(stream);
    return filter != NULL && filter->type == &filter_type ? filter_of(filter) : NULL;
}

/* ---- coming and going -------------------------------------------------------------------- */

/* Give the filter its SSL, between the BIO and the configuration. */
static bool attach(struct lullb_tls_filter *filter)
{
    struct lullb_tls_config *config = filter->config;
    BIO *bio = BIO_new(config->bio);
    SSL *ssl = SSL_new(config->ssl);
    if (bio == NULL || ssl == NULL) {
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    BIO_set_data(bio, filter);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, filter);
    if (config->is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    filter->ssl = ssl;
    return true;
}

/* Copy a text to where `end` points; NULL stays NULL. */
static char *copy_text(const char *text, char **end)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*end, text, size);
    *end += size;
    return copy;
}

struct lullb_tls_filter *lullb_tls_new_filter(struct lullb_tls_config *config,
                                              const char *name, const char *key)
{
    size_t size = sizeof(struct lullb_tls_filter) +
                  (name != NULL ? strlen(name) + 1 : 0) +
                  (key != NULL ? strlen(key) + 1 : 0);
    if (!lull_buffer_charge(config->rt, LULLB_TLS_WEIGHT)) {
        errno = EDQUOT;
        return NULL;
    }
    struct lullb_tls_filter *filter = lull_alloc(config->rt, size);
    if (filter == NULL) {
        lull_buffer_release(config->rt, LULLB_TLS_WEIGHT);
        errno = ENOBUFS;
        return NULL;
    }
    char *end = (char *)(filter + 1);
    *filter = (struct lullb_tls_filter){
        .base.type = &filter_type, .config = config, .first = -1, .size = size};
    filter->name = copy_text(name, &end);
    filter->key = copy_text(key, &end);
    config->refs++;
    if (attach(filter))
        return filter;
    lullb_tls_free_filter(filter);
    errno = ENOBUFS;
    return NULL;
}

void lullb_tls_free_filter(struct lullb_tls_filter *filter)
{
    struct lullb_tls_config *config = filter->config;
    struct lull_runtime *rt = config->rt;
    /* A session is as good after an end without farewell: OpenSSL would not resume it. */
    if (filter->established && filter->failure.what == LULLB_TLS_INTACT)
        SSL_set_shutdown(filter->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(filter->ssl);
    X509_free(filter->failure.culprit);
    ERR_clear_error();
    lullb_buffer_clear(rt, &filter->incoming);
    lull_release(rt, filter, filter->size);
    lull_buffer_release(rt, LULLB_TLS_WEIGHT);
    lullb_tls_unref(config);
}
