/* SPDX-License-Identifier: MIT */
/*
 * tlsalert.h -- what a TLS alert is called.
 */
#ifndef LULLB_TLSALERT_H
#define LULLB_TLSALERT_H

struct lullb_tls_alert {
    char code[48];     /* "ALERT_CERTIFICATE_REQUIRED" */
    char message[128]; /* what the peer has done */
};

/* Describe an alert, by its number (RFC 8446, section 6). */
void lullb_tls_alert_text(int alert, struct lullb_tls_alert *text);

#endif
