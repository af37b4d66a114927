/* SPDX-License-Identifier: MIT */
/*
 * tlsalert.c -- the names of TLS alerts, for what speaks TLS itself and for
 * what has it spoken by curl: one alert has one name in errors of both.
 */
#include "tls/tlsalert.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Names as in RFC 8446, section 6, and of older versions. */
static const char *alert_name(int alert)
{
    static const struct {
        int alert;
        const char *name;
    } names[] = {
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {21, "decryption_failed"},
        {22, "record_overflow"},
        {30, "decompression_failure"},
        {40, "handshake_failure"},
        {41, "no_certificate"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {60, "export_restriction"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].alert == alert)
            return names[i].name;
    }
    return NULL;
}

void lullb_tls_alert_text(int alert, struct lullb_tls_alert *text)
{
    char number[24];
    const char *name = alert_name(alert);
    bool is_certificate = (alert >= 41 && alert <= 46) || alert == 48 || alert == 116;
    if (name == NULL) {
        snprintf(number, sizeof number, "%d", alert);
        name = number;
    }
    snprintf(text->message, sizeof text->message, "the peer %s: alert %s",
             is_certificate ? "refused our certificate" : "broke it off", name);
    snprintf(text->code, sizeof text->code, "ALERT_%s", name);
    for (char *c = text->code; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}
