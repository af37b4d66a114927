/* SPDX-License-Identifier: MIT */
/*
 * wsutf8.c -- checking UTF-8: runs of ASCII by words, all else byte by byte.
 */
#include "websocket/wsutf8.h"

#include <string.h>

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;
    while ((size_t)(end - at) >= sizeof word) {
        memcpy(&word, at, sizeof word);
        if ((word & 0x8080808080808080u) != 0)
            break;
        at += sizeof word;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

/* What may follow the first byte of a sequence (RFC 3629, section 4). */
static bool begin(struct lullb_wsutf8 *state, uint8_t lead)
{
    state->low = 0x80;
    state->high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        state->missing = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        state->missing = 2;
        if (lead == 0xE0)
            state->low = 0xA0; /* what is below is overlong */
        else if (lead == 0xED)
            state->high = 0x9F; /* what is above are surrogates */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        state->missing = 3;
        if (lead == 0xF0)
            state->low = 0x90;
        else if (lead == 0xF4)
            state->high = 0x8F;
    } else {
        return false;
    }
    return true;
}

bool lullb_wsutf8_feed(struct lullb_wsutf8 *state, const uint8_t *bytes, size_t size)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + size;
    for (;;) {
        if (state->missing == 0)
            at = skip_ascii(at, end);
        if (at == end)
            return true;
        uint8_t byte = *at++;
        if (state->missing == 0) {
            if (!begin(state, byte))
                return false;
        } else if (byte < state->low || byte > state->high) {
            return false;
        } else {
            state->missing--;
            state->low = 0x80;
            state->high = 0xBF;
        }
    }
}
