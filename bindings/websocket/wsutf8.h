/* SPDX-License-Identifier: MIT */
/*
 * wsutf8.h -- is this UTF-8 (RFC 3629)?  Piece by piece, as it comes.
 *
 * A wrong byte is found as soon as it is there, even in the middle of a
 * sequence: no surrogates, no overlong forms, nothing above U+10FFFF.  All zero
 * is the state between two characters.
 */
#ifndef LULLB_WSUTF8_H
#define LULLB_WSUTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lullb_wsutf8 {
    uint8_t missing; /* bytes of the sequence that are still to come */
    uint8_t low;     /* the next of them is from here... */
    uint8_t high;    /* ...to here */
};

/* Go on with these bytes; false: they are no UTF-8, and the state is void. */
bool lullb_wsutf8_feed(struct lullb_wsutf8 *state, const uint8_t *bytes, size_t size);

static inline bool lullb_wsutf8_is_whole(const struct lullb_wsutf8 *state)
{
    return state->missing == 0;
}

#endif
