/* SPDX-License-Identifier: MIT */
/*
 * httphead.h -- what heads and trailers have in common: lines and fields.
 */
#ifndef LULLB_HTTPHEAD_H
#define LULLB_HTTPHEAD_H

#include "http/httpparse.h"

/* Nothing more is accepted; LULLB_HTTP_BAD.  `reason` is static. */
enum lullb_http_verdict lullb_http_refuse(struct lullb_http_parser *parser, int status,
                                          const char *reason);

enum lullb_http_line {
    LULLB_HTTP_LINE_OPEN, /* its end has not come */
    LULLB_HTTP_LINE_WHOLE,
    LULLB_HTTP_LINE_BROKEN /* it ends in LF alone, or there is a CR in it */
};

/* The line at `bytes`; *end: where its CR LF is, or the LF of a broken one. */
enum lullb_http_line lullb_http_next_line(const char *bytes, size_t size, size_t *end);

/*
 * Go on from parser->scanned, line by line, to the end of an empty one, where
 * parser->scanned is then: LULLB_HTTP_DONE.  The first line of a head is none of
 * the fields.
 */
enum lullb_http_verdict lullb_http_find_end(struct lullb_http_parser *parser,
                                            const char *bytes, size_t size, bool in_head);

/*
 * Add the field that is in `size` bytes from `at` on, at least one; there is room
 * for it.  NULL, or what is wrong with it.
 */
const char *lullb_http_take_field(const char *base, size_t at, size_t size,
                                  struct lullb_http_fields *fields);

#endif
