/* SPDX-License-Identifier: MIT */
/*
 * httpbody.c -- bodies of requests: a length, or chunks and trailers.
 *
 * Lines are looked at when they are whole.  llhttp is fed every byte of a chunked
 * body after we have found it good.
 */
#include "http/httphead.h"

#include <string.h>

static bool llhttp_agrees(struct lullb_http_parser *parser, const char *bytes,
                          size_t size)
{
    llhttp_errno_t error = llhttp_execute(&parser->machine, bytes, size);
    return error == HPE_OK || error == HPE_PAUSED_UPGRADE;
}

static enum lullb_http_verdict refuse_chunk(struct lullb_http_parser *parser)
{
    return lullb_http_refuse(parser, 400, "the chunks of the body are malformed");
}

/* ---- the line of a chunk --------------------------------------------------------- */

static size_t hex_digits(const char *bytes, size_t size, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    for (; i < size; i++) {
        char digit = bytes[i];
        unsigned number = 0;
        if (digit >= '0' && digit <= '9')
            number = (unsigned)(digit - '0');
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            number = (unsigned)((digit | 0x20) - 'a') + 10;
        else
            break;
        *value = *value * 16 + number;
    }
    return i;
}

static size_t token_size(const char *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && lullb_http_is_token(bytes + i, 1))
        i++;
    return i;
}

/* "..." with its quotes; 0: it is none. */
static size_t quoted_size(const char *bytes, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (bytes[i] == '"')
            return i + 1;
        if (bytes[i] == '\\')
            i++;
    }
    return 0;
}

/* ;name=value;name="value" and so on, without blanks (RFC 9112, 7.1.1). */
static bool are_extensions(const char *bytes, size_t size)
{
    size_t at = 0;
    if (!lullb_http_is_value(bytes, size))
        return false;
    while (at < size) {
        if (bytes[at++] != ';')
            return false;
        size_t name = token_size(bytes + at, size - at);
        at += name;
        if (name == 0)
            return false;
        if (at == size || bytes[at] != '=')
            continue;
        at++;
        bool is_quoted = at < size && bytes[at] == '"';
        size_t value = is_quoted ? quoted_size(bytes + at, size - at)
                                 : token_size(bytes + at, size - at);
        at += value;
        if (value == 0)
            return false;
    }
    return true;
}

static enum lullb_http_verdict take_line(struct lullb_http_parser *parser,
                                         const char *bytes, size_t size, size_t *used)
{
    size_t length;
    enum lullb_http_line line = lullb_http_next_line(bytes, size, &length);
    if (line == LULLB_HTTP_LINE_OPEN)
        length = size;
    if (length > LULLB_HTTP_CHUNK_LINE || line == LULLB_HTTP_LINE_BROKEN)
        return refuse_chunk(parser);
    if (line == LULLB_HTTP_LINE_OPEN)
        return LULLB_HTTP_MORE;
    size_t digits = hex_digits(bytes, length, &parser->left);
    parser->extensions += (uint32_t)(length - digits);
    if (digits == 0 || digits > 15 || parser->extensions > LULLB_HTTP_EXTENSIONS ||
        !are_extensions(bytes + digits, length - digits) ||
        !llhttp_agrees(parser, bytes, length + 2))
        return refuse_chunk(parser);
    *used = length + 2;
    parser->stage = parser->left > 0 ? LULLB_HTTP_IN_CHUNK : LULLB_HTTP_IN_TRAILERS;
    return LULLB_HTTP_DONE;
}

static enum lullb_http_verdict take_chunk_end(struct lullb_http_parser *parser,
                                              const char *bytes, size_t size,
                                              size_t *used)
{
    if (size == 0 || (size == 1 && bytes[0] == '\r'))
        return LULLB_HTTP_MORE;
    if (size < 2 || memcmp(bytes, "\r\n", 2) != 0 || !llhttp_agrees(parser, bytes, 2))
        return refuse_chunk(parser);
    *used = 2;
    parser->stage = LULLB_HTTP_IN_LINE;
    return LULLB_HTTP_DONE;
}

/* ---- trailers ----------------------------------------------------------------------- */

/* Those that tell about the message itself, route it or say who is asking. */
static bool may_trail(const char *name, size_t size)
{
    static const char *const forbidden[] = {
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authorization",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "upgrade",
        "content-location",
    };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        if (lullb_http_is_name(name, size, forbidden[i]))
            return false;
    return !(size > 3 && lullb_http_is_name(name, 3, "if-"));
}

static const char *take_trailers(const char *bytes, size_t size,
                                 struct lullb_http_fields *trailers)
{
    size_t at = 0;
    for (;;) {
        const char *end = memchr(bytes + at, '\r', size - at); /* there is one */
        size_t length = (size_t)(end - (bytes + at));
        if (length == 0)
            return NULL;
        const char *reason = lullb_http_take_field(bytes, at, length, trailers);
        if (reason != NULL)
            return reason;
        size_t name = trailers->list[trailers->count - 1].name.size;
        if (lullb_http_is_name(bytes + at, name, "content-length") ||
            lullb_http_is_name(bytes + at, name, "transfer-encoding"))
            return "a trailer says how long the body was";
        if (!may_trail(bytes + at, name))
            trailers->count--;
        at += length + 2;
    }
}

static enum lullb_http_verdict finish(struct lullb_http_parser *parser, const char *bytes,
                                      size_t size, struct lullb_http_piece *piece,
                                      struct lullb_http_fields *trailers)
{
    enum lullb_http_verdict verdict = lullb_http_find_end(parser, bytes, size, false);
    if (verdict != LULLB_HTTP_DONE)
        return verdict;
    size_t length = parser->scanned;
    parser->scanned = parser->lines = 0;
    const char *reason = take_trailers(bytes, length, trailers);
    if (reason != NULL)
        return lullb_http_refuse(parser, 400, reason);
    if (!llhttp_agrees(parser, bytes, length))
        return lullb_http_refuse(parser, 400, "the trailers are malformed");
    piece->trailers = bytes;
    piece->used += length;
    parser->stage = LULLB_HTTP_IN_HEAD;
    return LULLB_HTTP_DONE;
}

/* ---- the body ------------------------------------------------------------------------- */

static size_t least(size_t size, size_t most, uint64_t left)
{
    size_t count = size < most ? size : most;
    return count < left ? count : (size_t)left;
}

static enum lullb_http_verdict take_bytes(struct lullb_http_parser *parser,
                                          const char *bytes, size_t count,
                                          struct lullb_http_piece *piece)
{
    if (count == 0)
        return LULLB_HTTP_MORE;
    piece->at = bytes;
    piece->size = count;
    piece->used += count;
    parser->left -= count;
    if (parser->stage == LULLB_HTTP_IN_CHUNK) {
        if (!llhttp_agrees(parser, bytes, count))
            return refuse_chunk(parser);
        if (parser->left == 0)
            parser->stage = LULLB_HTTP_IN_CHUNK_END;
    }
    return LULLB_HTTP_PIECE;
}

enum lullb_http_verdict lullb_http_parse_body(struct lullb_http_parser *parser,
                                              const char *bytes, size_t size, size_t most,
                                              struct lullb_http_piece *piece,
                                              struct lullb_http_fields *trailers)
{
    *piece = (struct lullb_http_piece){.trailers = bytes};
    trailers->count = 0;
    for (;;) {
        enum lullb_http_verdict verdict = LULLB_HTTP_BAD;
        const char *at = bytes + piece->used;
        size_t rest = size - piece->used;
        size_t used = 0;
        switch (parser->stage) {
        case LULLB_HTTP_IN_HEAD:
            return LULLB_HTTP_DONE;
        case LULLB_HTTP_IN_LENGTH:
            if (parser->left == 0) {
                parser->stage = LULLB_HTTP_IN_HEAD;
                return LULLB_HTTP_DONE;
            }
            return take_bytes(parser, at, least(rest, most, parser->left), piece);
        case LULLB_HTTP_IN_CHUNK:
            return take_bytes(parser, at, least(rest, most, parser->left), piece);
        case LULLB_HTTP_IN_LINE:
            verdict = take_line(parser, at, rest, &used);
            break;
        case LULLB_HTTP_IN_CHUNK_END:
            verdict = take_chunk_end(parser, at, rest, &used);
            break;
        case LULLB_HTTP_IN_TRAILERS:
            return finish(parser, at, rest, piece, trailers);
        default:
            return LULLB_HTTP_BAD;
        }
        if (verdict != LULLB_HTTP_DONE)
            return verdict;
        piece->used += used;
    }
}
