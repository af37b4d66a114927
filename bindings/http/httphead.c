/* SPDX-License-Identifier: MIT */
/*
 * httphead.c -- heads of requests.
 *
 * First the end is looked for, line by line, which is what goes on while the
 * head is arriving; then all of it is parsed at once, by us and by llhttp.
 */
#include "http/httphead.h"

#include <string.h>

enum lullb_http_verdict lullb_http_refuse(struct lullb_http_parser *parser, int status,
                                          const char *reason)
{
    parser->stage = LULLB_HTTP_REFUSED;
    parser->status = (uint16_t)status;
    parser->reason = reason;
    return LULLB_HTTP_BAD;
}

void lullb_http_parser_init(struct lullb_http_parser *parser,
                            const struct lullb_http_limits *limits)
{
    *parser = (struct lullb_http_parser){.limits = limits, .stage = LULLB_HTTP_IN_HEAD};
}

/* ---- lines ------------------------------------------------------------------- */

enum lullb_http_line lullb_http_next_line(const char *bytes, size_t size, size_t *end)
{
    const char *feed = size > 0 ? memchr(bytes, '\n', size) : NULL;
    if (feed == NULL)
        return LULLB_HTTP_LINE_OPEN;
    *end = (size_t)(feed - bytes);
    if (*end == 0 || memchr(bytes, '\r', *end) != feed - 1)
        return LULLB_HTTP_LINE_BROKEN;
    *end -= 1;
    return LULLB_HTTP_LINE_WHOLE;
}

/* The end of the lines up to an empty one; see there. */
enum lullb_http_verdict lullb_http_find_end(struct lullb_http_parser *parser,
                                            const char *bytes, size_t size, bool in_head)
{
    const struct lullb_http_limits *limits = parser->limits;
    unsigned first_field = in_head ? 1 : 0;
    for (;;) {
        size_t length;
        size_t at = parser->scanned;
        enum lullb_http_line line = lullb_http_next_line(bytes + at, size - at, &length);
        if (line == LULLB_HTTP_LINE_OPEN)
            length = size - at;
        if (parser->lines < first_field && length > limits->max_line + 1)
            return lullb_http_refuse(parser, 414, "the request line is too long");
        if (at + length > limits->max_head)
            return lullb_http_refuse(parser, 431, "the header fields are too large");
        if (line == LULLB_HTTP_LINE_OPEN)
            return LULLB_HTTP_MORE;
        if (line == LULLB_HTTP_LINE_BROKEN)
            return lullb_http_refuse(parser, 400, "a line does not end in CR LF");
        if (parser->lines < first_field && length > limits->max_line)
            return lullb_http_refuse(parser, 414, "the request line is too long");
        parser->scanned = (uint32_t)(at + length + 2);
        if (length == 0 && parser->lines >= first_field)
            return LULLB_HTTP_DONE;
        if (parser->lines++ == limits->max_fields + first_field)
            return lullb_http_refuse(parser, 431, "there are too many header fields");
    }
}

/* ---- fields -------------------------------------------------------------------- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

const char *lullb_http_take_field(const char *base, size_t at, size_t size,
                                  struct lullb_http_fields *fields)
{
    const char *line = base + at;
    const char *colon = memchr(line, ':', size);
    size_t name = colon != NULL ? (size_t)(colon - line) : 0;
    if (is_blank(line[0]))
        return "a header field is folded";
    if (!lullb_http_is_token(line, name))
        return "a header field has no proper name";
    size_t from = name + 1;
    while (from < size && is_blank(line[from]))
        from++;
    while (size > from && is_blank(line[size - 1]))
        size--;
    if (!lullb_http_is_value(line + from, size - from))
        return "there are control characters in a header field";
    fields->list[fields->count++] = (struct lullb_http_field){
        .name = {(uint32_t)at, (uint32_t)name},
        .value = {(uint32_t)(at + from), (uint32_t)(size - from)},
    };
    return NULL;
}

/* ---- the target ----------------------------------------------------------------- */

/* Split what follows the authority. */
static void split_path(const char *base, struct lullb_http_span all,
                       struct lullb_http_head *head)
{
    const char *mark = all.size > 0 ? memchr(base + all.at, '?', all.size) : NULL;
    head->path = all;
    if (mark != NULL) {
        head->path.size = (uint32_t)(mark - (base + all.at));
        head->query.at = all.at + head->path.size + 1;
        head->query.size = all.size - head->path.size - 1;
    }
}

/* http://host:port/path: the host counts, not that of the field (RFC 9112, 3.2.2). */
static const char *take_absolute(const char *base, struct lullb_http_head *head)
{
    struct lullb_http_span target = head->target;
    const char *bytes = base + target.at;
    uint32_t scheme = 0;
    if (target.size > 7 && lullb_http_is_name(bytes, 7, "http://"))
        scheme = 7;
    else if (target.size > 8 && lullb_http_is_name(bytes, 8, "https://"))
        scheme = 8;
    if (scheme == 0)
        return "the target is no path and no URL of HTTP";
    uint32_t end = scheme;
    while (end < target.size && bytes[end] != '/' && bytes[end] != '?')
        end++;
    head->host = (struct lullb_http_span){target.at + scheme, end - scheme};
    if (end == scheme || !lullb_http_is_host(bytes + scheme, end - scheme, false))
        return "the target's host is not valid";
    split_path(base, (struct lullb_http_span){target.at + end, target.size - end}, head);
    if (head->path.size == 0) /* no path is the root: here is a slash */
        head->path = (struct lullb_http_span){target.at + scheme - 1, 1};
    return NULL;
}

static const char *take_target(const char *base, struct lullb_http_head *head)
{
    struct lullb_http_span target = head->target;
    const char *bytes = base + target.at;
    bool is_options = head->method.size == 7 && memcmp(base, "OPTIONS", 7) == 0;
    for (uint32_t i = 0; i < target.size; i++) {
        if ((unsigned char)bytes[i] <= ' ' || (unsigned char)bytes[i] >= 0x7f)
            return "there are characters in the target that must be encoded";
        if (bytes[i] == '#')
            return "there is a fragment in the target";
    }
    if (target.size == 0)
        return "there is no target";
    if (head->is_connect) {
        head->host = target;
        bool is_host = bytes[0] != ':' && lullb_http_is_host(bytes, target.size, true);
        return is_host ? NULL : "the target of CONNECT must be a host and a port";
    }
    if (target.size == 1 && bytes[0] == '*') {
        head->path = target;
        return is_options ? NULL : "only the target of OPTIONS may be an asterisk";
    }
    if (bytes[0] != '/')
        return take_absolute(base, head);
    split_path(base, target, head);
    return NULL;
}

/* ---- the request line -------------------------------------------------------------- */

/* HTTP/1.0 or HTTP/1.1; 505 for another that looks like one, 400 for anything else. */
static int take_version(const char *bytes, size_t size, struct lullb_http_head *head)
{
    if (size != 8 || memcmp(bytes, "HTTP/", 5) != 0 || bytes[6] != '.' ||
        bytes[5] < '0' || bytes[5] > '9' || bytes[7] < '0' || bytes[7] > '9')
        return 400;
    head->minor = (uint8_t)(bytes[7] - '0');
    return bytes[5] == '1' && head->minor <= 1 ? 0 : 505;
}

static enum lullb_http_verdict take_request_line(struct lullb_http_parser *parser,
                                                 const char *base, size_t size,
                                                 struct lullb_http_head *head)
{
    const char *first = memchr(base, ' ', size);
    size_t method = first != NULL ? (size_t)(first - base) : 0;
    const char *second = first != NULL ? memchr(first + 1, ' ', size - method - 1) : NULL;
    if (!lullb_http_is_token(base, method) || second == NULL)
        return lullb_http_refuse(parser, 400, "the request line is malformed");
    size_t target = (size_t)(second - first) - 1;
    int status = take_version(second + 1, size - method - target - 2, head);
    if (status != 0)
        return lullb_http_refuse(parser, status,
                                 status == 505 ? "only HTTP/1.0 and HTTP/1.1 are served"
                                               : "the request line is malformed");
    head->method = (struct lullb_http_span){0, (uint32_t)method};
    head->target = (struct lullb_http_span){(uint32_t)method + 1, (uint32_t)target};
    head->is_head = method == 4 && memcmp(base, "HEAD", 4) == 0;
    head->is_connect = method == 7 && memcmp(base, "CONNECT", 7) == 0;
    const char *reason = take_target(base, head);
    if (reason == NULL &&
        !lullb_http_path_is_sound(base + head->path.at, head->path.size))
        reason = "the encoding of the path is broken";
    return reason == NULL ? LULLB_HTTP_DONE : lullb_http_refuse(parser, 400, reason);
}

/* ---- what fields say ------------------------------------------------------------------ */

/* What has been met of those fields that count. */
struct met {
    const char *base;
    struct lullb_http_head *head;
    bool has_host;
    bool has_upgrade;
    bool says_close;
    bool says_keep_alive;
    bool says_upgrade;
};

static const char *meet_host(struct met *met, const char *value,
                             struct lullb_http_span span)
{
    if (met->has_host)
        return "there is more than one Host";
    met->has_host = true;
    if (!lullb_http_is_host(value, span.size, false))
        return "Host is not valid";
    if (met->head->host.size == 0)
        met->head->host = span;
    return NULL;
}

static const char *meet_length(struct met *met, const char *value, size_t size)
{
    struct lullb_http_head *head = met->head;
    if (head->has_length)
        return "there is more than one Content-Length";
    head->has_length = true;
    return lullb_http_number(value, size, &head->length) ? NULL
                                                         : "Content-Length is not valid";
}

static const char *meet_coding(struct met *met, const char *value, size_t size)
{
    struct lullb_http_head *head = met->head;
    if (head->chunked)
        return "there is more than one Transfer-Encoding";
    head->chunked = true;
    if (head->minor == 0)
        return "there is no Transfer-Encoding in HTTP/1.0";
    return lullb_http_is_name(value, size, "chunked")
               ? NULL
               : "Transfer-Encoding may be chunked, nothing else";
}

static void meet_connection(struct met *met, const char *value, size_t size)
{
    if (lullb_http_has_token(value, size, "close"))
        met->says_close = true;
    if (lullb_http_has_token(value, size, "keep-alive"))
        met->says_keep_alive = true;
    if (lullb_http_has_token(value, size, "upgrade"))
        met->says_upgrade = true;
}

static const char *meet(struct met *met, const struct lullb_http_field *field)
{
    const char *name = met->base + field->name.at;
    const char *value = met->base + field->value.at;
    size_t size = field->value.size;
    switch (field->name.size) {
    case 4:
        if (lullb_http_is_name(name, 4, "host"))
            return meet_host(met, value, field->value);
        break;
    case 6:
        if (lullb_http_is_name(name, 6, "expect"))
            met->head->expect = lullb_http_is_name(value, size, "100-continue")
                                    ? LULLB_HTTP_EXPECT_CONTINUE
                                    : LULLB_HTTP_EXPECT_OTHER;
        break;
    case 7:
        if (lullb_http_is_name(name, 7, "upgrade"))
            met->has_upgrade = true;
        break;
    case 10:
        if (lullb_http_is_name(name, 10, "connection"))
            meet_connection(met, value, size);
        break;
    case 14:
        if (lullb_http_is_name(name, 14, "content-length"))
            return meet_length(met, value, size);
        break;
    case 17:
        if (lullb_http_is_name(name, 17, "transfer-encoding"))
            return meet_coding(met, value, size);
        break;
    default:
        break;
    }
    return NULL;
}

static const char *conclude(const struct met *met)
{
    struct lullb_http_head *head = met->head;
    if (!met->has_host && head->minor == 1)
        return "there is no Host";
    if (head->chunked && head->has_length)
        return "there are both Content-Length and Transfer-Encoding";
    if (head->is_connect && (head->chunked || head->has_length))
        return "CONNECT has no body";
    head->keep_alive = !met->says_close && (head->minor == 1 || met->says_keep_alive);
    head->upgrade = head->minor == 1 && met->has_upgrade && met->says_upgrade;
    if (head->minor == 0)
        head->expect = LULLB_HTTP_EXPECT_NOTHING; /* RFC 9110, 10.1.1 */
    return NULL;
}

static const char *take_fields(const char *base, size_t at, struct lullb_http_head *head,
                               struct lullb_http_fields *fields)
{
    struct met met = {.base = base, .head = head};
    for (;;) {
        const char *end = memchr(base + at, '\r', head->size - at); /* there is one */
        size_t size = (size_t)(end - (base + at));
        if (size == 0)
            return conclude(&met);
        const char *reason = lullb_http_take_field(base, at, size, fields);
        if (reason == NULL)
            reason = meet(&met, &fields->list[fields->count - 1]);
        if (reason != NULL)
            return reason;
        at += size + 2;
    }
}

/* ---- the second opinion ------------------------------------------------------------------ */

/* What llhttp made of a head; it forgets with the end of the message. */
struct opinion {
    bool complete;
    bool chunked;
    uint64_t length;
};

static int on_headers_complete(llhttp_t *machine)
{
    struct opinion *opinion = machine->data;
    opinion->complete = true;
    opinion->chunked = (machine->flags & F_CHUNKED) != 0;
    opinion->length = machine->content_length;
    return 0;
}

static const llhttp_settings_t settings = {.on_headers_complete = on_headers_complete};

/* Have llhttp read a head whose first `skip` bytes are those of a method it need not know. */
static llhttp_errno_t ask_llhttp(llhttp_t *machine, struct opinion *opinion,
                                 const char *base, uint32_t size, uint32_t skip)
{
    *opinion = (struct opinion){0};
    llhttp_init(machine, HTTP_REQUEST, &settings);
    machine->data = opinion;
    llhttp_errno_t error = skip > 0 ? llhttp_execute(machine, "PUT", 3) : HPE_OK;
    if (error == HPE_OK)
        error = llhttp_execute(machine, base + skip, size - skip);
    machine->data = NULL;
    return error;
}

static enum lullb_http_verdict compare(struct lullb_http_parser *parser, const char *base,
                                       const struct lullb_http_head *head)
{
    struct opinion opinion;
    llhttp_t *machine = &parser->machine;
    llhttp_errno_t error = ask_llhttp(machine, &opinion, base, head->size, 0);
    if (error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT)
        error = ask_llhttp(machine, &opinion, base, head->size, head->method.size);
    if (error != HPE_OK && error != HPE_PAUSED_UPGRADE)
        return lullb_http_refuse(parser, 400, "the request is malformed");
    bool agrees = opinion.complete && opinion.chunked == head->chunked &&
                  (head->chunked || opinion.length == head->length);
    if (!agrees)
        return lullb_http_refuse(parser, 400, "the request can be read in two ways");
    return LULLB_HTTP_DONE;
}

/* ---- all together --------------------------------------------------------------------------- */

static enum lullb_http_verdict parse(struct lullb_http_parser *parser, const char *base,
                                     struct lullb_http_head *head,
                                     struct lullb_http_fields *fields)
{
    const char *end = memchr(base, '\r', head->size);
    size_t line = (size_t)(end - base);
    if (take_request_line(parser, base, line, head) == LULLB_HTTP_BAD)
        return LULLB_HTTP_BAD;
    const char *reason = take_fields(base, line + 2, head, fields);
    if (reason != NULL)
        return lullb_http_refuse(parser, 400, reason);
    return compare(parser, base, head);
}

enum lullb_http_verdict lullb_http_parse_head(struct lullb_http_parser *parser,
                                              const char *bytes, size_t size,
                                              struct lullb_http_head *head,
                                              struct lullb_http_fields *fields)
{
    uint32_t skipped = size >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
    if (parser->stage != LULLB_HTTP_IN_HEAD)
        return LULLB_HTTP_BAD;
    if (size == skipped || (size == 1 && bytes[0] == '\r'))
        return LULLB_HTTP_MORE;
    if (parser->scanned == 0) {
        if (!lullb_http_is_token(bytes + skipped, 1))
            return lullb_http_refuse(parser, 400, "this is not HTTP");
        parser->scanned = skipped;
    }
    enum lullb_http_verdict verdict = lullb_http_find_end(parser, bytes, size, true);
    if (verdict != LULLB_HTTP_DONE)
        return verdict;
    *head =
        (struct lullb_http_head){.skipped = skipped, .size = parser->scanned - skipped};
    fields->count = 0;
    parser->scanned = parser->lines = 0;
    if (parse(parser, bytes + skipped, head, fields) == LULLB_HTTP_BAD)
        return LULLB_HTTP_BAD;
    parser->left = head->length;
    parser->extensions = 0;
    if (head->chunked)
        parser->stage = LULLB_HTTP_IN_LINE;
    else if (head->length > 0)
        parser->stage = LULLB_HTTP_IN_LENGTH;
    return LULLB_HTTP_DONE;
}
