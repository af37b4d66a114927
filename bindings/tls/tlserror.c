/* SPDX-License-Identifier: MIT */
/*
 * tlserror.c -- what went wrong, in words.
 *
 * From what a filter has kept: the verdict on a certificate, or OpenSSL's
 * error, of which a peer's alert is one kind.  `code` is what scripts compare;
 * what has no name of its own is PROTOCOL, or CERT_INVALID.
 */
#include "tls/tls.h"
#include "tls/tlsalert.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define TEXT 256 /* of one name in a message */

/* ---- texts ------------------------------------------------------------------------- */

/* Copy what BIO_s_mem() holds, cut to the room, and free it. */
static void take_text(BIO *bio, char *text, size_t room)
{
    int size = bio != NULL ? BIO_read(bio, text, (int)room - 1) : 0;
    text[size > 0 ? size : 0] = '\0';
    BIO_free(bio);
}

void lullb_tls_name_text(const X509_NAME *name, char *text, size_t room)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL) /* control characters are escaped, UTF-8 stays */
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    take_text(bio, text, room);
    ERR_clear_error();
}

static void time_text(const ASN1_TIME *time, char *text, size_t room)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) == 1)
        snprintf(text, room, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        snprintf(text, room, "an unreadable date");
}

/* Append, of what a stranger has sent, what can be printed. */
static void append_name(char *text, size_t room, const unsigned char *bytes, int size)
{
    size_t used = strlen(text);
    if (used > 0 && used + 2 < room) {
        memcpy(text + used, ", ", 3);
        used += 2;
    }
    for (int i = 0; i < size && used + 1 < room; i++)
        text[used++] = (char)(isprint(bytes[i]) ? bytes[i] : '?');
    text[used] = '\0';
}

/* The names and addresses that a certificate is for. */
static void names_text(X509 *certificate, char *text, size_t room)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    text[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *string = NULL;
        if (name->type == GEN_DNS)
            string = name->d.dNSName;
        if (string != NULL)
            append_name(text, room, ASN1_STRING_get0_data(string),
                        ASN1_STRING_length(string));
        else if (name->type == GEN_IPADD)
            append_name(text, room, (const unsigned char *)"an address", 10);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    if (text[0] == '\0')
        snprintf(text, room, "no name at all");
}

static const char *whom(const struct lullb_tls_filter *filter)
{
    if (filter->name != NULL)
        return filter->name;
    return filter->config->is_server ? "the client" : "the peer";
}

/* ---- certificates ------------------------------------------------------------------- */

struct verdict {
    int verify;
    const char *code;
    const char *text;
};

static const struct verdict verdicts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "CERT_EXPIRED", "has expired on"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "CERT_NOT_YET_VALID", "is not valid before"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "HOSTNAME_MISMATCH",
     "is not for this name: it is for"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "HOSTNAME_MISMATCH",
     "is not for this address: it is for"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "SELF_SIGNED",
     "is self-signed, and not trusted"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "UNKNOWN_CA", "is not trusted"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "UNKNOWN_CA",
     "comes from an issuer that is not trusted, or whose own certificate was not sent"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "UNKNOWN_CA",
     "comes from an issuer that is not trusted, or whose own certificate was not sent"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "UNKNOWN_CA",
     "comes from an issuer that is not trusted, or whose own certificate was not sent"},
    {X509_V_ERR_CERT_UNTRUSTED, "UNKNOWN_CA", "is not trusted for this"},
    {X509_V_ERR_CERT_REVOKED, "CERT_REVOKED", "has been revoked"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "CRL_MISSING",
     "cannot be checked: there is no revocation list of its issuer"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "CRL_EXPIRED",
     "cannot be checked: the revocation list of its issuer has expired"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "WEAK", "has a key that is too weak"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "WEAK", "has a key that is too weak"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "WEAK", "has a signature that is too weak"},
    {X509_V_ERR_INVALID_PURPOSE, "WRONG_PURPOSE", "is not made for this purpose"},
    {X509_V_ERR_INVALID_CA, "NOT_A_CA", "must not issue certificates"},
    {X509_V_ERR_INVALID_NON_CA, "NOT_A_CA", "must not issue certificates"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "NOT_A_CA", "must not issue so long a chain"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "BAD_SIGNATURE", "has a wrong signature"},
};

static struct verdict verdict_of(int verify)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        if (verdicts[i].verify == verify)
            return verdicts[i];
    }
    return (struct verdict){verify, "CERT_INVALID",
                            X509_verify_cert_error_string(verify)};
}

/* What comes behind the verdict: a date, or the names there are. */
static void detail_text(X509 *culprit, int verify, char *text, size_t room)
{
    text[0] = '\0';
    if (verify == X509_V_ERR_CERT_HAS_EXPIRED)
        time_text(X509_get0_notAfter(culprit), text, room);
    else if (verify == X509_V_ERR_CERT_NOT_YET_VALID)
        time_text(X509_get0_notBefore(culprit), text, room);
    else if (verify == X509_V_ERR_HOSTNAME_MISMATCH ||
             verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
        names_text(culprit, text, room);
}

static void explain_untrusted(const struct lullb_tls_filter *filter,
                              struct lullb_tls_complaint *complaint)
{
    const struct lullb_tls_failure *failure = &filter->failure;
    X509 *culprit = failure->culprit;
    struct verdict verdict = verdict_of(failure->verify);
    char subject[TEXT] = "unknown";
    char issuer[TEXT] = "unknown";
    char detail[TEXT] = "";
    if (culprit != NULL) {
        lullb_tls_name_text(X509_get_subject_name(culprit), subject, sizeof subject);
        lullb_tls_name_text(X509_get_issuer_name(culprit), issuer, sizeof issuer);
        detail_text(culprit, failure->verify, detail, sizeof detail);
    }
    snprintf(complaint->code, sizeof complaint->code, "%s", verdict.code);
    snprintf(complaint->message, sizeof complaint->message,
             "certificate %s %.64s (%s, issuer %s) %s%s%s",
             failure->depth > 0 ? "in the chain of" : "of", whom(filter), subject, issuer,
             verdict.text, detail[0] != '\0' ? " " : "", detail);
}

/* ---- alerts ------------------------------------------------------------------------------ */

static void explain_alert(const char *where, int alert,
                          struct lullb_tls_complaint *complaint)
{
    struct lullb_tls_alert text;
    lullb_tls_alert_text(alert, &text);
    snprintf(complaint->message, sizeof complaint->message, "%s: %s", where,
             text.message);
    snprintf(complaint->code, sizeof complaint->code, "%s", text.code);
}

/* ---- the rest ------------------------------------------------------------------------------- */

struct reason {
    int reason;
    const char *code;
    const char *text; /* NULL: OpenSSL's own */
};

static const struct reason reasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "CERTIFICATE_REQUIRED",
     "the client has sent no certificate"},
    {SSL_R_NO_SHARED_CIPHER, "NO_SHARED_CIPHER", "there is no cipher that both know"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "NO_SHARED_CIPHER",
     "there is no signature that both know"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "PROTOCOL_VERSION",
     "there is no version of TLS that both know"},
    {SSL_R_VERSION_TOO_LOW, "PROTOCOL_VERSION",
     "there is no version of TLS that both know"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "NO_APPLICATION_PROTOCOL",
     "the client offers none of our protocols (ALPN)"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "BAD_RECORD_MAC",
     "a record was damaged or forged"},
    {SSL_R_DH_KEY_TOO_SMALL, "WEAK", "the peer's Diffie-Hellman key is too weak"},
    {SSL_R_EE_KEY_TOO_SMALL, "WEAK", "the key of a certificate is too weak"},
    {SSL_R_CA_KEY_TOO_SMALL, "WEAK", "the key of a certificate is too weak"},
    {SSL_R_CA_MD_TOO_WEAK, "WEAK", "the signature of a certificate is too weak"},
};

/* Did what came look like TLS at all? */
static bool is_tls(const struct lullb_tls_filter *filter, int reason)
{
    bool is_record = filter->first >= SSL3_RT_CHANGE_CIPHER_SPEC &&
                     filter->first <= SSL3_RT_APPLICATION_DATA;
    return filter->established || filter->first < 0 ||
           (is_record && reason != SSL_R_WRONG_VERSION_NUMBER);
}

static void explain_broken(const struct lullb_tls_filter *filter, const char *where,
                           struct lullb_tls_complaint *complaint)
{
    unsigned long error = filter->failure.error;
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    const char *text = ERR_reason_error_string(error);
    const char *code = "PROTOCOL";
    if (reason >= SSL_AD_REASON_OFFSET) {
        explain_alert(where, reason - SSL_AD_REASON_OFFSET, complaint);
        return;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reason == reasons[i].reason) {
            code = reasons[i].code;
            text = reasons[i].text;
        }
    }
    if (!is_tls(filter, reason)) {
        code = "NOT_TLS";
        text = isprint(filter->first) ? "the peer does not speak TLS: it sent plain text"
                                      : "the peer does not speak TLS";
    }
    snprintf(complaint->code, sizeof complaint->code, "%s", code);
    snprintf(complaint->message, sizeof complaint->message, "%s: %s", where,
             text != NULL ? text : "it failed");
}

void lullb_tls_explain(const struct lullb_tls_filter *filter,
                       struct lullb_tls_complaint *complaint)
{
    char where[TEXT];
    complaint->kind = LULL_KIND_TLS;
    snprintf(where, sizeof where, "TLS %s %s",
             filter->established ? "with" : "handshake with", whom(filter));
    switch (filter->failure.what) {
    case LULLB_TLS_UNTRUSTED:
        explain_untrusted(filter, complaint);
        break;
    case LULLB_TLS_TRUNCATED:
        snprintf(complaint->code, sizeof complaint->code, "TRUNCATED");
        snprintf(complaint->message, sizeof complaint->message, "%s: %s", where,
                 filter->established
                     ? "the connection ended without a close_notify: data may be missing"
                     : "the peer closed the connection");
        break;
    default:
        explain_broken(filter, where, complaint);
        break;
    }
}

int lullb_tls_raise(lua_State *L, const struct lullb_tls_complaint *complaint,
                    const char *op)
{
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, complaint->kind, "%s", complaint->message);
    lull_error_detail(L, op, 0);
    lua_pushstring(L, complaint->code);
    lua_setfield(L, -2, "code");
    return lua_error(L);
}
