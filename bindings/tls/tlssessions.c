/* SPDX-License-Identifier: MIT */
/*
 * tlssessions.c -- what a client may resume.
 *
 * A list per configuration, the newest first.  Who connects takes a session
 * out: a ticket of TLS 1.3 is to be used once (RFC 8446, appendix C.4), and one
 * of TLS 1.2 is put back when it has served well.  A key names the peer and the
 * name it was verified for: that is not verified again.
 */
#include "tls/tls.h"

#include <string.h>

#define MAX_SESSIONS 128 /* of a configuration; each holds a chain of certificates */
#define MAX_OF_KEY   4   /* a server may give several tickets, for side by side use */

/* Unlink and free a block; the session is the caller's. */
static SSL_SESSION *unlink_session(struct lullb_tls_config *config,
                                   struct lullb_tls_session **link)
{
    struct lullb_tls_session *entry = *link;
    SSL_SESSION *session = entry->session;
    *link = entry->next;
    lull_release(config->rt, entry, entry->size);
    return session;
}

SSL_SESSION *lullb_tls_take_session(struct lullb_tls_config *config, const char *key)
{
    struct lullb_tls_session **link = &config->sessions;
    while (*link != NULL) {
        if (strcmp((*link)->key, key) != 0) {
            link = &(*link)->next;
            continue;
        }
        SSL_SESSION *session = unlink_session(config, link);
        if (SSL_SESSION_is_resumable(session))
            return session;
        SSL_SESSION_free(session);
    }
    return NULL;
}

/* Drop the oldest, of this key and of all, where there are too many. */
static void make_room(struct lullb_tls_config *config, const char *key)
{
    int of_key = 0;
    int count = 0;
    struct lullb_tls_session **link = &config->sessions;
    while (*link != NULL) {
        of_key += strcmp((*link)->key, key) == 0;
        count++;
        bool is_key = strcmp((*link)->key, key) == 0;
        if ((is_key && of_key >= MAX_OF_KEY) || count >= MAX_SESSIONS)
            SSL_SESSION_free(unlink_session(config, link));
        else
            link = &(*link)->next;
    }
}

bool lullb_tls_keep_session(struct lullb_tls_config *config, const char *key,
                            SSL_SESSION *session)
{
    size_t length = strlen(key) + 1;
    size_t size = sizeof(struct lullb_tls_session) + length;
    make_room(config, key);
    struct lullb_tls_session *entry = lull_alloc(config->rt, size);
    if (entry == NULL)
        return false;
    entry->next = config->sessions;
    entry->session = session;
    entry->size = size;
    memcpy(entry->key, key, length);
    config->sessions = entry;
    return true;
}

int lullb_tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct lullb_tls_filter *filter = SSL_get_app_data(ssl);
    return filter->key != NULL &&
           lullb_tls_keep_session(filter->config, filter->key, session);
}

void lullb_tls_free_sessions(struct lullb_tls_config *config)
{
    while (config->sessions != NULL)
        SSL_SESSION_free(unlink_session(config, &config->sessions));
}
