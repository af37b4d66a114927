/* SPDX-License-Identifier: MIT */
/*
 * tlshandshake.c -- op "tls.handshake": from a plain stream to a protected one.
 *
 * The filter goes on top of the stream at once; then OpenSSL says what it
 * needs until both sides have agreed.  A handshake that fails, takes too long or
 * is cancelled leaves nothing that could be used: the stream is closed.  What
 * fails for TLS's own reasons is closed in peace, so that the peer gets the
 * alert; all else is aborted.
 */
#include "tls/tls.h"

#include <errno.h>
#include <math.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OP_NAME "tls.handshake"

/* What the task waits with: a userdata on its stack.  The filter is the stream's. */
struct handshake {
    struct lull_stream_wait wait; /* first */
    struct lull_stream *stream;
    double timeout;  /* seconds for all of it */
    double deadline; /* of the monotonic clock */
};

static struct handshake *handshake_of(struct lull_op *op)
{
    return (struct handshake *)(void *)op;
}

/* Half a handshake is of no use to anybody. */
static enum lull_cancel cancel(struct lull_op *op)
{
    lull_stream_cancel(op);
    lull_stream_abort(handshake_of(op)->stream);
    return LULL_DETACHED;
}

static int handshake_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type handshake_type = {
    .name = OP_NAME,
    .cancel = cancel,
    .push = handshake_push,
    .abandon = lull_stream_abandon,
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- ends ----------------------------------------------------------------------------- */

static int raise_timeout(lua_State *L, struct handshake *handshake)
{
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.14g", handshake->timeout);
    lull_stream_abort(handshake->stream);
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_TIMEOUT, "the TLS handshake took longer than %s s",
                    seconds);
    lull_error_detail(L, OP_NAME, 0);
    return lua_error(L);
}

/* TLS itself has failed: the alert is on its way, the stream closes behind it. */
static int raise_failure(lua_State *L, struct handshake *handshake,
                         const struct lullb_tls_filter *filter)
{
    struct lullb_tls_complaint complaint;
    lullb_tls_explain(filter, &complaint);
    lull_stream_close(handshake->stream); /* the filter is gone */
    return lullb_tls_raise(L, &complaint, OP_NAME);
}

/* The connection is broken. */
static int raise_broken(lua_State *L, struct handshake *handshake, int error)
{
    lull_stream_abort(handshake->stream);
    if (error == ENOBUFS || error == EDQUOT)
        return lullb_raise_refused(L, OP_NAME, error);
    return lullb_raise_io(L, OP_NAME, error, "TLS handshake");
}

/*
 * Nothing more can be read: the stream says why, or the filter below, which knows more
 * than an errno value.  It is closed behind that.
 */
static int raise_unread(lua_State *L, struct handshake *handshake)
{
    luaL_checkstack(L, 8, NULL);
    lua_pushvalue(L, 1);
    lua_toclose(L, -1);
    return lull_stream_raise(L, handshake->stream, OP_NAME, 0);
}

/* It is done: what has been resumed well may be resumed again. */
static int succeed(struct lullb_tls_filter *filter)
{
    SSL *ssl = filter->ssl;
    filter->established = true;
    if (filter->config->is_server || filter->key == NULL || !SSL_session_reused(ssl) ||
        SSL_version(ssl) >= TLS1_3_VERSION)
        return 0;
    SSL_SESSION *session = SSL_get1_session(ssl);
    if (!lullb_tls_keep_session(filter->config, filter->key, session))
        SSL_SESSION_free(session);
    return 0;
}

/* ---- going on ----------------------------------------------------------------------------- */

static int wait_readable(lua_State *L, struct handshake *handshake,
                         struct lull_task *task)
{
    double left = handshake->timeout < (double)INFINITY
                      ? handshake->deadline - seconds_now()
                      : (double)INFINITY;
    return lull_stream_await_readable(L, handshake->stream, &handshake->wait, task,
                                      &handshake_type, left > 0 ? left : 0);
}

/* A step, and what it has to say sent.  0: over; EAGAIN; EPROTO; or what broke. */
static int step(struct handshake *handshake, struct lullb_tls_filter *filter)
{
    ERR_clear_error();
    int result = SSL_do_handshake(filter->ssl);
    int error = result == 1 ? 0 : lullb_tls_outcome(filter, result);
    int send_error = lull_stream_push_out(handshake->stream);
    if (error == EAGAIN && send_error == ENOBUFS)
        return ENOBUFS;
    return error; /* why nothing can be sent, the peer may have said: read that first */
}

static int go_on(lua_State *L, struct handshake *handshake, struct lull_task *task)
{
    struct lull_stream *stream = handshake->stream;
    struct lullb_tls_filter *filter = lullb_tls_filter_of(stream);
    for (;;) {
        int error = step(handshake, filter);
        if (error == 0)
            return succeed(filter);
        if (error == EPROTO)
            return raise_failure(L, handshake, filter);
        if (error != EAGAIN)
            return raise_broken(L, handshake, error);
        switch (lull_filter_pull(&filter->base)) {
        case LULL_FILL_MORE:
        case LULL_FILL_END:
            break;
        case LULL_FILL_EMPTY:
            error = lull_stream_write_error(stream);
            if (error != 0)
                return raise_broken(L, handshake, error);
            return wait_readable(L, handshake, task);
        case LULL_FILL_FAILED:
            return raise_unread(L, handshake);
        }
    }
}

static int handshake_push(lua_State *L, struct lull_op *op)
{
    struct handshake *handshake = handshake_of(op);
    switch (lull_stream_woken(&handshake->wait)) {
    case LULL_WOKEN_CLOSED:
        lull_stream_check_open(L, handshake->stream, OP_NAME);
        return 0; /* not reached */
    case LULL_WOKEN_TIMEOUT:
        return raise_timeout(L, handshake);
    case LULL_WOKEN_READY:
        break;
    }
    return go_on(L, handshake, op->task);
}

/* ---- beginning ------------------------------------------------------------------------------ */

/* Whom the client asks for, and whose certificate it wants to see.  False: no memory. */
static bool set_name(struct lullb_tls_filter *filter)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(filter->ssl);
    const char *name = filter->name;
    if (name == NULL)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    bool set = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    if (!set) /* names only are asked for (RFC 6066, section 3) */
        set = SSL_set_tlsext_host_name(filter->ssl, name) == 1 &&
              X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
    ERR_clear_error();
    return set;
}

/* Offer a session of before, if there is one. */
static void offer_session(struct lullb_tls_filter *filter)
{
    SSL_SESSION *session =
        filter->key != NULL ? lullb_tls_take_session(filter->config, filter->key) : NULL;
    if (session == NULL)
        return;
    SSL_set_session(filter->ssl, session);
    SSL_SESSION_free(session);
    ERR_clear_error();
}

static struct handshake *push_handshake(lua_State *L, struct lull_stream *stream,
                                        double timeout)
{
    struct handshake *handshake = lua_newuserdatauv(L, sizeof *handshake, 0);
    *handshake = (struct handshake){
        .stream = stream,
        .timeout = timeout,
        .deadline = seconds_now() + timeout,
    };
    return handshake;
}

/* Put a new filter on top of the stream.  0, or an errno value: then there may be none. */
static int begin(struct lullb_tls_config *config, struct lull_stream *stream,
                 const char *name, const char *key)
{
    struct lullb_tls_filter *filter =
        lullb_tls_new_filter(config, name, config->resumes ? key : NULL);
    if (filter == NULL)
        return errno;
    if (!set_name(filter)) {
        lullb_tls_free_filter(filter);
        return ENOBUFS;
    }
    if (!config->is_server)
        offer_session(filter);
    return lull_stream_push_filter(stream, &filter->base);
}

int lullb_l_tls_handshake(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    struct lullb_tls_config *config = lullb_tls_check_config(L, 2);
    const char *name = luaL_optstring(L, 3, NULL);
    const char *key = luaL_optstring(L, 4, NULL);
    double timeout = luaL_optnumber(L, 5, (double)INFINITY);
    luaL_checkstack(L, 8, NULL);
    struct lull_task *task = lull_checkpoint(L);
    lull_stream_check_open(L, stream, OP_NAME);
    if (!lull_stream_is_quiet(stream))
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME,
                           "another task is reading or writing the stream");
    struct handshake *handshake = push_handshake(L, stream, timeout);
    int error = begin(config, stream, name, key);
    if (error != 0)
        return raise_broken(L, handshake, error);
    return go_on(L, handshake, task);
}
