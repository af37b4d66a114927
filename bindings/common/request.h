/* SPDX-License-Identifier: MIT */
/*
 * request.h -- what one read asks for, and whether bytes at hand answer it.
 *
 * Knows neither streams nor Lua: bytes in, verdict out.
 */
#ifndef LULLB_REQUEST_H
#define LULLB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum lullb_want {
    LULLB_WANT_SOME,      /* 1 to `count` bytes, as they come */
    LULLB_WANT_LINE,      /* up to a newline, without it */
    LULLB_WANT_LINE_KEEP, /* with it */
    LULLB_WANT_COUNT,     /* `count` bytes, fewer at the end */
    LULLB_WANT_EXACT,     /* `count` bytes; fewer are an error */
    LULLB_WANT_UNTIL,     /* up to and with a separator */
    LULLB_WANT_ALL        /* up to the end */
};

struct lullb_request {
    enum lullb_want want;
    size_t count;          /* of SOME, COUNT and EXACT */
    size_t limit;          /* bytes a LINE, UNTIL or ALL may have */
    const char *separator; /* of UNTIL; borrowed */
    size_t separator_size;
    size_t scanned; /* bytes known to hold no newline or separator */
};

enum lullb_verdict {
    LULLB_NEED_MORE,
    LULLB_ANSWERED,
    LULLB_AT_END,  /* clean: nothing was there */
    LULLB_CUT_OFF, /* the end came in the middle */
    LULLB_TOO_LONG /* past the limit */
};

struct lullb_answer {
    size_t length; /* bytes from the front that are the result, or what was cut off */
    size_t used;   /* bytes from the front that are done with */
};

/* Judge what is there; with `ended` nothing will follow. */
enum lullb_verdict lullb_request_judge(struct lullb_request *request, const char *bytes,
                                       size_t size, bool ended,
                                       struct lullb_answer *answer);

/* How many more bytes it needs for sure, having `size`. */
size_t lullb_request_missing(const struct lullb_request *request, size_t size);

#endif
