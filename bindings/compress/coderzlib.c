/* SPDX-License-Identifier: MIT */
/*
 * coderzlib.c -- gzip and deflate (the zlib format, RFC 9110, 8.4.1), by zlib.
 */
#include "compress/coder.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define WINDOW    15
#define WITH_GZIP 16 /* zlib's way to ask for gzip's header and trailer */
#define MEMORY    8

static bool open_with(struct lullb_coder *coder, int level, int window)
{
    z_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return false;
    int result = coder->expands ? inflateInit2(stream, window)
                                : deflateInit2(stream, level, Z_DEFLATED, window, MEMORY,
                                               Z_DEFAULT_STRATEGY);
    if (result != Z_OK) {
        free(stream);
        return false;
    }
    coder->state = stream;
    return true;
}

static bool open_gzip(struct lullb_coder *coder, int level)
{
    return open_with(coder, level, WINDOW + WITH_GZIP);
}

static bool open_deflate(struct lullb_coder *coder, int level)
{
    return open_with(coder, level, WINDOW);
}

static enum lullb_coder_result expand(z_stream *stream)
{
    switch (inflate(stream, Z_NO_FLUSH)) {
    case Z_OK:
        return stream->avail_in == 0 && stream->avail_out > 0 ? LULLB_CODER_DONE
                                                              : LULLB_CODER_MORE;
    case Z_BUF_ERROR: /* nothing could be done: no input, or no room */
        return stream->avail_out > 0 ? LULLB_CODER_DONE : LULLB_CODER_MORE;
    case Z_STREAM_END:
        return LULLB_CODER_ENDED;
    case Z_MEM_ERROR:
        return LULLB_CODER_MEMORY;
    default:
        return LULLB_CODER_BROKEN;
    }
}

static enum lullb_coder_result compress_bytes(z_stream *stream, enum lullb_coder_aim aim)
{
    static const int flags[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    int result = deflate(stream, flags[aim]);
    if (result == Z_STREAM_END)
        return LULLB_CODER_DONE;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return LULLB_CODER_BROKEN;
    bool done = stream->avail_in == 0 && stream->avail_out > 0;
    return done && aim != LULLB_CODER_FINISH ? LULLB_CODER_DONE : LULLB_CODER_MORE;
}

static uInt at_most(size_t size)
{
    return size < UINT_MAX ? (uInt)size : UINT_MAX;
}

static enum lullb_coder_result step(struct lullb_coder *coder, struct lullb_coder_io *io,
                                    enum lullb_coder_aim aim)
{
    z_stream *stream = coder->state;
    uInt given = at_most(io->in_left);
    uInt room = at_most(io->out_left);
    stream->next_in = (z_const Bytef *)io->in;
    stream->avail_in = given;
    stream->next_out = io->out;
    stream->avail_out = room;
    bool is_all = given == io->in_left;
    enum lullb_coder_result result =
        coder->expands ? expand(stream)
                       : compress_bytes(stream, is_all ? aim : LULLB_CODER_TAKE);
    io->in += given - stream->avail_in;
    io->in_left -= given - stream->avail_in;
    io->out += room - stream->avail_out;
    io->out_left -= room - stream->avail_out;
    return result == LULLB_CODER_DONE && !is_all ? LULLB_CODER_MORE : result;
}

static void close_coder(struct lullb_coder *coder)
{
    z_stream *stream = coder->state;
    if (stream == NULL)
        return;
    coder->state = NULL;
    if (coder->expands)
        inflateEnd(stream);
    else
        deflateEnd(stream);
    free(stream);
}

const struct lullb_coder_type lullb_coder_gzip = {
    .name = "gzip",
    .lowest = 1,
    .highest = 9,
    .usual = 6,
    .open = open_gzip,
    .step = step,
    .close = close_coder,
    .can_compress = true,
    .can_expand = true,
};

const struct lullb_coder_type lullb_coder_deflate = {
    .name = "deflate",
    .lowest = 1,
    .highest = 9,
    .usual = 6,
    .open = open_deflate,
    .step = step,
    .close = close_coder,
    .can_compress = true,
    .can_expand = true,
};
