/* SPDX-License-Identifier: MIT */
/*
 * request.c -- judging bytes.  Nothing is scanned twice for one request.
 */
#include "common/request.h"

#include <stdint.h>
#include <string.h>

static enum lullb_verdict answer_with(struct lullb_answer *answer, size_t length,
                                      size_t used)
{
    answer->length = length;
    answer->used = used;
    return LULLB_ANSWERED;
}

static enum lullb_verdict judge_line(struct lullb_request *request, const char *bytes,
                                     size_t size, bool ended, struct lullb_answer *answer)
{
    size_t rest = size - request->scanned;
    const char *newline = rest > 0 ? memchr(bytes + request->scanned, '\n', rest) : NULL;
    size_t length = newline != NULL ? (size_t)(newline - bytes) : size;
    if (length > request->limit)
        return LULLB_TOO_LONG;
    if (newline != NULL)
        return answer_with(answer, length + (request->want == LULLB_WANT_LINE_KEEP),
                           length + 1);
    request->scanned = size;
    if (!ended)
        return LULLB_NEED_MORE;
    return size > 0 ? answer_with(answer, size, size) : LULLB_AT_END;
}

/* COUNT and EXACT.  For a count of zero COUNT asks whether the end is there. */
static enum lullb_verdict judge_count(const struct lullb_request *request, size_t size,
                                      bool ended, struct lullb_answer *answer)
{
    bool probes = request->want == LULLB_WANT_COUNT && request->count == 0;
    if (size >= request->count && !(probes && size == 0))
        return answer_with(answer, request->count, request->count);
    if (!ended)
        return LULLB_NEED_MORE;
    if (size == 0)
        return LULLB_AT_END;
    answer_with(answer, size, size);
    return request->want == LULLB_WANT_COUNT ? LULLB_ANSWERED : LULLB_CUT_OFF;
}

/* The first separator that begins at `from` or later; NULL: none. */
static const char *find_separator(const struct lullb_request *request, const char *bytes,
                                  size_t size, size_t from)
{
    size_t length = request->separator_size;
    while (size - from >= length) {
        const char *first =
            memchr(bytes + from, request->separator[0], size - from - length + 1);
        if (first == NULL)
            return NULL;
        if (memcmp(first, request->separator, length) == 0)
            return first;
        from = (size_t)(first - bytes) + 1;
    }
    return NULL;
}

static enum lullb_verdict judge_until(struct lullb_request *request, const char *bytes,
                                      size_t size, bool ended,
                                      struct lullb_answer *answer)
{
    size_t length = request->separator_size;
    const char *found = find_separator(request, bytes, size, request->scanned);
    if (found != NULL) {
        size_t whole = (size_t)(found - bytes) + length;
        return whole > request->limit ? LULLB_TOO_LONG
                                      : answer_with(answer, whole, whole);
    }
    if (size >= request->limit)
        return LULLB_TOO_LONG;
    /* The beginning of a separator may be at the end. */
    if (size >= length)
        request->scanned = size - length + 1;
    if (!ended)
        return LULLB_NEED_MORE;
    answer_with(answer, size, size);
    return size > 0 ? LULLB_CUT_OFF : LULLB_AT_END;
}

static enum lullb_verdict judge_some(const struct lullb_request *request, size_t size,
                                     bool ended, struct lullb_answer *answer)
{
    size_t length = size < request->count ? size : request->count;
    if (size > 0)
        return answer_with(answer, length, length);
    return ended ? LULLB_AT_END : LULLB_NEED_MORE;
}

enum lullb_verdict lullb_request_judge(struct lullb_request *request, const char *bytes,
                                       size_t size, bool ended,
                                       struct lullb_answer *answer)
{
    switch (request->want) {
    case LULLB_WANT_SOME:
        return judge_some(request, size, ended, answer);
    case LULLB_WANT_LINE:
    case LULLB_WANT_LINE_KEEP:
        return judge_line(request, bytes, size, ended, answer);
    case LULLB_WANT_COUNT:
    case LULLB_WANT_EXACT:
        return judge_count(request, size, ended, answer);
    case LULLB_WANT_UNTIL:
        return judge_until(request, bytes, size, ended, answer);
    case LULLB_WANT_ALL:
        break;
    }
    if (size > request->limit)
        return LULLB_TOO_LONG;
    return ended ? answer_with(answer, size, size) : LULLB_NEED_MORE;
}

size_t lullb_request_missing(const struct lullb_request *request, size_t size)
{
    bool is_count =
        request->want == LULLB_WANT_COUNT || request->want == LULLB_WANT_EXACT;
    if (request->want == LULLB_WANT_ALL)
        return SIZE_MAX;
    return is_count && request->count > size ? request->count - size : 1;
}
