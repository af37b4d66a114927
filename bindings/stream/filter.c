/* SPDX-License-Identifier: MIT */
/*
 * filter.c -- what stands between a stream and its descriptor.
 *
 * The filters of a stream are a stack; the one on top is what readers and
 * writers of the stream meet.  All of them read into the chunk that the
 * streams of a runtime share: each takes everything before the next fills it
 * again.
 */
#include "stream/stream.h"

#include <errno.h>

#define LEAST_FED  1024u
#define MAX_RECORD (2u * 17u * 1024u)
#define WHOLE_READ 4096u /* read_some of less fills the chunk all the same */
#define PULLS      1 /* of one read: what brings nothing must not keep the others waiting */

/* ---- upwards ------------------------------------------------------------------ */

/* From the descriptor; EAGAIN at once while it is known to be empty. */
static ssize_t receive(struct lull_stream *stream, char *bytes, size_t room)
{
    struct lullb_reader *in = &stream->in;
    if (in->fd_drained) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t count = lullb_fd_read(stream->fd, stream->kind, bytes, room);
    if (count < 0 ? errno == EAGAIN
                  : (size_t)count < room && stream->kind != LULLB_FD_FILE && count > 0)
        in->fd_drained = true;
    return count;
}

/* Decoded bytes of one filter, which is fed if it has none. */
static ssize_t read_filter(struct lull_filter *filter, char *bytes, size_t room)
{
    bool ended = false;
    for (int pulls = 0;; pulls++) {
        ssize_t count = filter->type->read(filter, bytes, room);
        if (count < 0 && errno == EPROTO)
            filter->stream->failed = filter;
        if (count >= 0 || errno != EAGAIN)
            return count;
        if (ended) { /* it waits for what cannot come */
            errno = ECONNABORTED;
            return -1;
        }
        if (pulls == PULLS) {
            errno = EAGAIN; /* the descriptor tells if there is more */
            return -1;
        }
        switch (lull_filter_pull(filter)) {
        case LULL_FILL_MORE:
            break;
        case LULL_FILL_END:
            ended = true;
            break;
        case LULL_FILL_EMPTY:
            errno = EAGAIN;
            return -1;
        case LULL_FILL_FAILED:
            errno = filter->stream->in.error;
            if (errno == 0)
                errno = filter->stream->in.refused;
            return -1;
        }
    }
}

/*
 * How much a filter may be fed for sure.  Where it keeps that behind what it has
 * not decoded yet, less than a record, its buffer is at most twice as large.
 */
static size_t room_to_feed(struct lull_runtime *rt)
{
    for (size_t room = LULLB_CHUNK; room >= LEAST_FED; room /= 2) {
        if (lull_buffer_charge(rt, 2 * room + MAX_RECORD)) {
            lull_buffer_release(rt, 2 * room + MAX_RECORD);
            return room;
        }
    }
    return 0;
}

enum lull_fill lull_filter_pull(struct lull_filter *filter)
{
    struct lull_stream *stream = filter->stream;
    char *chunk = stream->shared->chunk;
    size_t room = room_to_feed(stream->shared->rt);
    if (room == 0) {
        stream->in.refused = EDQUOT;
        return LULL_FILL_FAILED;
    }
    ssize_t count = filter->below != NULL ? read_filter(filter->below, chunk, room)
                                          : receive(stream, chunk, room);
    if (count < 0) {
        if (errno == EAGAIN)
            return LULL_FILL_EMPTY;
        if (errno == EDQUOT) {
            stream->in.refused = EDQUOT;
            return LULL_FILL_FAILED;
        }
        stream->in.error = errno;
        return LULL_FILL_FAILED;
    }
    int error = filter->type->feed(filter, chunk, (size_t)count);
    if (error != 0) {
        if (error == EPROTO)
            stream->failed = filter;
        stream->in.error = error;
        return LULL_FILL_FAILED;
    }
    return count > 0 ? LULL_FILL_MORE : LULL_FILL_END;
}

size_t lullb_stream_room(struct lull_stream *stream, const struct lullb_request *request,
                         bool keeps)
{
    bool is_some = request->want == LULLB_WANT_SOME && !keeps;
    size_t room = LULLB_CHUNK;
    if (is_some && request->count >= WHOLE_READ && request->count < room)
        room = request->count;
    if (is_some && request->count >= room)
        return room;
    size_t kept = lullb_buffer_room(stream->shared->rt, &stream->in.buffer, room);
    return is_some && kept < request->count ? request->count : kept;
}

ssize_t lullb_stream_receive(struct lull_stream *stream, char *bytes, size_t room)
{
    if (stream->filter == NULL)
        return lullb_fd_read(stream->fd, stream->kind, bytes, room);
    ssize_t count = read_filter(stream->filter, bytes, room);
    int error = errno;
    lull_stream_push_out(stream); /* what the filters had to answer */
    errno = error;
    return count;
}

/* ---- downwards ------------------------------------------------------------------ */

int lull_filter_emit(struct lull_filter *filter, const char *bytes, size_t size)
{
    struct lull_stream *stream = filter->stream;
    if (filter->below != NULL) {
        struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
        return filter->below->type->write(filter->below, &part, 1);
    }
    if (stream->out.error != 0)
        return stream->out.error;
    return lullb_buffer_append(stream->shared->rt, &stream->out.queue, bytes, size)
               ? 0
               : errno;
}

/* ---- coming and going ------------------------------------------------------------- */

bool lull_stream_is_quiet(const struct lull_stream *stream)
{
    return stream->in.reader == NULL && stream->out.holder == NULL &&
           stream->out.poller == NULL;
}

struct lull_filter *lull_stream_filter(const struct lull_stream *stream)
{
    return stream->filter;
}

int lull_stream_push_filter(struct lull_stream *stream, struct lull_filter *filter)
{
    struct lullb_reader *in = &stream->in;
    size_t size = lullb_buffer_size(&in->buffer);
    filter->stream = stream;
    filter->below = stream->filter;
    stream->filter = filter;
    in->drained = false;
    in->small_reads = 0; /* nothing is read ahead while a handshake takes it in */
    int error = 0;
    if (size > 0)
        error = filter->type->feed(filter, lullb_buffer_bytes(&in->buffer), size);
    if (error == 0 && in->ended)
        error = filter->type->feed(filter, NULL, 0);
    in->ended = false;
    lullb_buffer_consume(stream->shared->rt, &in->buffer, size);
    return error;
}

void lullb_finish_filters(struct lull_stream *stream)
{
    if (stream->out.error != 0 || stream->out.shut)
        return;
    for (struct lull_filter *filter = stream->filter; filter != NULL;
         filter = filter->below)
        filter->type->finish(filter);
    if (stream->filter != NULL)
        lull_stream_push_out(stream);
}

void lullb_release_filters(struct lull_stream *stream)
{
    while (stream->filter != NULL) {
        struct lull_filter *filter = stream->filter;
        stream->filter = filter->below;
        filter->type->release(filter);
    }
    stream->failed = NULL;
}
