/* SPDX-License-Identifier: MIT */
/*
 * httpparse.h -- requests of HTTP/1.1: from bytes to heads and bodies.
 *
 * No Lua, no sockets, no memory of its own: the caller has the bytes in one
 * piece and asks again when there are more of them.  A head is parsed at once,
 * when all of it is there; a body comes in whatever pieces arrive.
 *
 *   1. Two parsers read every head and every chunk: ours, which is stricter
 *      than RFC 9112 wants, and llhttp in its strict mode.  What they do not
 *      agree on is refused, so what lull accepts, llhttp accepts too.
 *   2. What is refused is refused for good: the connection cannot be used any
 *      more, because nobody knows where the next request would begin.
 *   3. Everything is bounded: the line, the head, the fields, a chunk's line,
 *      what chunk extensions add up to, the trailers.
 *
 * Any token is a method (RFC 9110, 9.1).  Where llhttp does not know it, it reads the
 * same head with PUT in its place; what begins like HTTP/2 (PRI) it refuses.
 */
#ifndef LULLB_HTTPPARSE_H
#define LULLB_HTTPPARSE_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LULLB_HTTP_FIELDS     256u            /* limits.max_fields may be no more */
#define LULLB_HTTP_MAX_HEAD   (1024u * 1024u) /* nor limits.max_head */
#define LULLB_HTTP_CHUNK_LINE 256u            /* bytes of a chunk's first line */
#define LULLB_HTTP_EXTENSIONS 4096u /* bytes of all chunk extensions of a body */

struct lullb_http_limits {
    size_t max_line;     /* bytes of the request line, without its end */
    size_t max_head;     /* bytes of a head; and of trailers */
    unsigned max_fields; /* of a head; and of trailers */
};

/* Bytes of a head, counted from where the head begins. */
struct lullb_http_span {
    uint32_t at;
    uint32_t size;
};

struct lullb_http_field {
    struct lullb_http_span name;
    struct lullb_http_span value; /* without blanks around it */
};

/* In the order in which they came. */
struct lullb_http_fields {
    unsigned count;
    struct lullb_http_field list[LULLB_HTTP_FIELDS];
};

enum lullb_http_expect {
    LULLB_HTTP_EXPECT_NOTHING,
    LULLB_HTTP_EXPECT_CONTINUE,
    LULLB_HTTP_EXPECT_OTHER
};

/* What a head says. */
struct lullb_http_head {
    uint32_t skipped; /* bytes before it: an empty line (RFC 9112, 2.2) */
    uint32_t size;    /* bytes of it */
    struct lullb_http_span method;
    struct lullb_http_span target; /* as it came */
    struct lullb_http_span host;   /* of the target, else of Host; with the port */
    struct lullb_http_span path;   /* of the target, still encoded; of "*": that */
    struct lullb_http_span query;  /* without the question mark */
    uint64_t length;               /* Content-Length; 0 without */
    uint8_t minor;                 /* HTTP/1.minor: 0 or 1 */
    uint8_t expect;                /* enum lullb_http_expect */
    bool has_length;
    bool chunked;
    bool keep_alive; /* the client would send another request */
    bool upgrade;    /* Upgrade, and Connection says so */
    bool is_head;
    bool is_connect;
};

enum lullb_http_verdict {
    LULLB_HTTP_MORE,  /* more bytes are needed */
    LULLB_HTTP_PIECE, /* some bytes of the body */
    LULLB_HTTP_DONE,  /* the head, or the body, is complete */
    LULLB_HTTP_BAD    /* refused: parser.status and parser.reason */
};

enum lullb_http_stage {
    LULLB_HTTP_IN_HEAD,
    LULLB_HTTP_IN_LENGTH, /* a body of so many bytes */
    LULLB_HTTP_IN_LINE,   /* the first line of a chunk */
    LULLB_HTTP_IN_CHUNK,
    LULLB_HTTP_IN_CHUNK_END,
    LULLB_HTTP_IN_TRAILERS,
    LULLB_HTTP_REFUSED
};

/* One connection's. */
struct lullb_http_parser {
    const struct lullb_http_limits *limits; /* borrowed */
    uint8_t stage;                          /* enum lullb_http_stage */
    uint16_t status;                        /* of a refusal: 400, 414, 431 or 505 */
    const char *reason;                     /* of a refusal; static */
    uint32_t scanned;    /* bytes in which the end of the head is not */
    uint32_t lines;      /* in these */
    uint32_t extensions; /* bytes of chunk extensions so far */
    uint64_t left;       /* bytes of the body, or of the chunk, to come */
    llhttp_t machine;
};

/* What lullb_http_parse_body() has found. */
struct lullb_http_piece {
    size_t used;    /* bytes that are done with: consume them in any case */
    const char *at; /* LULLB_HTTP_PIECE: the bytes */
    size_t size;
    const char *trailers; /* LULLB_HTTP_DONE: where the spans of trailers count from */
};

void lullb_http_parser_init(struct lullb_http_parser *parser,
                            const struct lullb_http_limits *limits);

/*
 * Look for a head at `bytes`, where it begins, however often it is called.
 * LULLB_HTTP_DONE: head and fields are filled, and head->skipped + head->size
 * bytes are to be consumed before the body is asked for.
 */
enum lullb_http_verdict lullb_http_parse_head(struct lullb_http_parser *parser,
                                              const char *bytes, size_t size,
                                              struct lullb_http_head *head,
                                              struct lullb_http_fields *fields);

/*
 * Go on with the body; at most `most` bytes of it at once.  With LULLB_HTTP_DONE
 * the parser is ready for the next head, and `trailers` is filled: without the
 * names that must not be there (RFC 9110, 6.5.1).
 */
enum lullb_http_verdict lullb_http_parse_body(struct lullb_http_parser *parser,
                                              const char *bytes, size_t size, size_t most,
                                              struct lullb_http_piece *piece,
                                              struct lullb_http_fields *trailers);

/* Is something of the body still to come? */
static inline bool lullb_http_in_body(const struct lullb_http_parser *parser)
{
    return parser->stage > LULLB_HTTP_IN_HEAD && parser->stage < LULLB_HTTP_REFUSED;
}

/* ---- what it is made of, for those who send (httptoken.c) ------------------ */

bool lullb_http_is_token(const char *bytes, size_t size);
/* May be the value of a field: no control bytes but tabs. */
bool lullb_http_is_value(const char *bytes, size_t size);
/* Host with an optional port, as RFC 9112, 3.2 wants it; may be empty. */
bool lullb_http_is_host(const char *bytes, size_t size, bool needs_port);
/* Are these the letters of a name that is given in lower case? */
bool lullb_http_is_name(const char *bytes, size_t size, const char *lower);
/* Does a list of tokens ("close, upgrade") have this one, given in lower case? */
bool lullb_http_has_token(const char *bytes, size_t size, const char *lower);
/* Digits only; false when it is anything else, or too large. */
bool lullb_http_number(const char *bytes, size_t size, uint64_t *value);

/* Can it be decoded, and is no NUL in it? */
bool lullb_http_path_is_sound(const char *bytes, size_t size);

/* Is there nothing to decode or resolve in it? */
bool lullb_http_path_is_plain(const char *bytes, size_t size);

/*
 * Decode a sound path and resolve its dot segments, in that order, so that an
 * encoded ".." goes no further than a plain one; "%2F" is a slash afterwards.
 * `out` has room for `size` bytes.  Returns how many there are.
 */
size_t lullb_http_decode_path(const char *bytes, size_t size, char *out);

#endif
