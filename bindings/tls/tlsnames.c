/* SPDX-License-Identifier: MIT */
/*
 * tlsnames.c -- which certificate for which name.
 *
 * The names of all certificates of a server stand in one sorted array.  A name
 * that a client asks for is looked for as it is, and then with a wildcard in
 * the place of its first label (RFC 9525, section 6.3).  Several certificates
 * may have a name: keys of several kinds, from which the client's algorithms
 * choose.
 */
#include "tls/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME   255 /* bytes of a DNS name */
#define FIRST_ROOM 8u

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* ---- the array ----------------------------------------------------------------------- */

static bool reserve(struct lullb_tls_config *config)
{
    size_t room = config->name_room;
    if (config->name_count < room)
        return true;
    size_t wanted = room == 0 ? FIRST_ROOM : room * 2;
    struct lullb_tls_name *names = lull_realloc(
        config->rt, config->names, room * sizeof *names, wanted * sizeof *names);
    if (names == NULL)
        return false;
    config->names = names;
    config->name_room = wanted;
    return true;
}

bool lullb_tls_add_name(struct lullb_tls_config *config, const char *text, size_t size,
                        size_t certificate)
{
    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size == 0 || size > MAX_NAME)
        return true; /* nobody can ask for it */
    char *copy = reserve(config) ? lull_alloc(config->rt, size) : NULL;
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < size; i++)
        copy[i] = lower(text[i]);
    config->names[config->name_count++] =
        (struct lullb_tls_name){.text = copy, .size = size, .certificate = certificate};
    return true;
}

/* The common name counts only where there are no others (RFC 9525, section 2). */
static bool add_common_name(struct lullb_tls_config *config, size_t certificate)
{
    char text[MAX_NAME + 1];
    const X509_NAME *subject =
        X509_get_subject_name(config->certificates[certificate].leaf);
    int size = X509_NAME_get_text_by_NID(subject, NID_commonName, text, sizeof text);
    return size <= 0 || lullb_tls_add_name(config, text, strlen(text), certificate);
}

bool lullb_tls_add_names_of(struct lullb_tls_config *config, size_t certificate)
{
    size_t count = config->name_count;
    bool fits = true;
    GENERAL_NAMES *names = X509_get_ext_d2i(config->certificates[certificate].leaf,
                                            NID_subject_alt_name, NULL, NULL);
    for (int i = 0; fits && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            fits = lullb_tls_add_name(
                config, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                (size_t)ASN1_STRING_length(name->d.dNSName), certificate);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    if (fits && config->name_count == count)
        fits = add_common_name(config, certificate);
    return fits;
}

static int compare_text(const struct lullb_tls_name *a, const struct lullb_tls_name *b)
{
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare(const void *a, const void *b)
{
    const struct lullb_tls_name *one = a;
    const struct lullb_tls_name *other = b;
    int order = compare_text(one, other);
    return order != 0 ? order
                      : (one->certificate > other->certificate) -
                            (one->certificate < other->certificate);
}

void lullb_tls_sort_names(struct lullb_tls_config *config)
{
    if (config->name_count > 1)
        qsort(config->names, config->name_count, sizeof *config->names, compare);
}

void lullb_tls_free_names(struct lullb_tls_config *config)
{
    for (size_t i = 0; i < config->name_count; i++)
        lull_release(config->rt, config->names[i].text, config->names[i].size);
    if (config->names != NULL)
        lull_release(config->rt, config->names,
                     config->name_room * sizeof *config->names);
    config->names = NULL;
    config->name_count = config->name_room = 0;
}

/* ---- finding -------------------------------------------------------------------------- */

/* The first entry with this text; name_count: there is none. */
static size_t find(const struct lullb_tls_config *config,
                   const struct lullb_tls_name *wanted)
{
    size_t low = 0;
    size_t high = config->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_text(&config->names[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found =
        low < config->name_count && compare_text(&config->names[low], wanted) == 0;
    return found ? low : config->name_count;
}

static size_t find_or_wildcard(const struct lullb_tls_config *config, const char *name)
{
    char text[MAX_NAME + 1];
    size_t size = strlen(name);
    if (size > 0 && name[size - 1] == '.')
        size--;
    if (size == 0 || size > MAX_NAME)
        return config->name_count;
    for (size_t i = 0; i < size; i++)
        text[i] = lower(name[i]);
    struct lullb_tls_name wanted = {.text = text, .size = size};
    size_t found = find(config, &wanted);
    char *dot = memchr(text, '.', size);
    if (found < config->name_count || dot == NULL || dot == text)
        return found;
    dot[-1] = '*';
    wanted.text = dot - 1;
    wanted.size = size - (size_t)(dot - 1 - text);
    return find(config, &wanted);
}

/* Use all certificates whose name stands at `first`.  False: not even one could be used. */
static bool use_named(SSL *ssl, const struct lullb_tls_config *config, size_t first)
{
    bool used = false;
    ERR_set_mark();
    SSL_certs_clear(ssl);
    for (size_t i = first; i < config->name_count; i++) {
        if (compare_text(&config->names[i], &config->names[first]) != 0)
            break;
        const struct lullb_tls_certificate *one =
            &config->certificates[config->names[i].certificate];
        if (SSL_use_cert_and_key(ssl, one->leaf, one->key, one->chain, 0) == 1)
            used = true; /* else there was one with such a key before it */
    }
    ERR_pop_to_mark();
    return used;
}

int lullb_tls_on_server_name(SSL *ssl, int *alert, void *arg)
{
    const struct lullb_tls_config *config = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    if (config->certificate_count <= 1)
        return SSL_TLSEXT_ERR_OK;
    size_t found = find_or_wildcard(config, name);
    if (found == config->name_count || use_named(ssl, config, found))
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Does a name of the first certificate stand for this one, too? */
static bool is_twin(const struct lullb_tls_config *config, size_t certificate)
{
    for (size_t i = 0; i < config->name_count; i++) {
        const struct lullb_tls_name *name = &config->names[i];
        for (size_t k = find(config, name); name->certificate == certificate; k++) {
            if (k >= config->name_count || compare_text(&config->names[k], name) != 0)
                break;
            if (config->names[k].certificate == 0)
                return true;
        }
    }
    return false;
}

bool lullb_tls_use_default(struct lullb_tls_config *config)
{
    SSL *scratch = SSL_new(config->ssl); /* where the others are only tried */
    bool used = scratch != NULL;
    for (size_t i = 0; used && i < config->certificate_count; i++) {
        const struct lullb_tls_certificate *one = &config->certificates[i];
        used = SSL_use_cert_and_key(scratch, one->leaf, one->key, one->chain, 1) == 1;
        if (!used || (i > 0 && !is_twin(config, i)))
            continue;
        ERR_set_mark();
        SSL_CTX_use_cert_and_key(config->ssl, one->leaf, one->key, one->chain, 0);
        ERR_pop_to_mark();
    }
    SSL_free(scratch);
    return used;
}
