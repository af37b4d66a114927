/* SPDX-License-Identifier: MIT */
/*
 * wsdeflate.c -- zlib streams on the codec's memory.
 */
#include "websocket/wsdeflate.h"

#include <limits.h>
#include <string.h>

#define BLOCK_HEAD  16u /* before what zlib asked for: how large it is */
#define OUT_ROOM    1024u
#define TAIL_SIZE   4u
#define WINDOW      32768u
#define MAX_FINALS  16u  /* each costs as much as a large message */
#define MIN_BITS    9    /* zlib has no raw window of 8 bits */
#define AT_BLOCK    0x80 /* of z_stream.data_type: a block has just ended... */
#define UNUSED_BITS 0x3F /* ...and so many bits of the last byte are not used */

/* What ends every flushed block, and is left out (RFC 7692, section 7.2.1). */
static const uint8_t tail[TAIL_SIZE] = {0x00, 0x00, 0xFF, 0xFF};

/* ---- memory ------------------------------------------------------------- */

static voidpf allocate(voidpf owner, uInt items, uInt size)
{
    const struct lullb_wsmemory *memory = owner;
    size_t total = (size_t)items * size + BLOCK_HEAD;
    uint8_t *block = memory->resize(memory->owner, NULL, 0, total);
    if (block == NULL)
        return Z_NULL;
    memcpy(block, &total, sizeof total);
    return block + BLOCK_HEAD;
}

static void release(voidpf owner, voidpf address)
{
    const struct lullb_wsmemory *memory = owner;
    uint8_t *block = (uint8_t *)address - BLOCK_HEAD;
    size_t total;
    memcpy(&total, block, sizeof total);
    memory->resize(memory->owner, block, total, 0);
}

static z_stream *new_stream(struct lullb_wsdeflate *zip)
{
    const struct lullb_wsmemory *memory = &zip->memory;
    z_stream *stream = memory->resize(memory->owner, NULL, 0, sizeof *stream);
    if (stream != NULL)
        *stream =
            (z_stream){.zalloc = allocate, .zfree = release, .opaque = &zip->memory};
    return stream;
}

static void free_stream(struct lullb_wsdeflate *zip, z_stream **stream,
                        int (*end)(z_stream *stream))
{
    if (*stream == NULL)
        return;
    end(*stream);
    zip->memory.resize(zip->memory.owner, *stream, sizeof **stream, 0);
    *stream = NULL;
}

void lullb_wsdeflate_deinit(struct lullb_wsdeflate *zip)
{
    free_stream(zip, &zip->sender, deflateEnd);
    free_stream(zip, &zip->receiver, inflateEnd);
}

/* ---- receiving ---------------------------------------------------------- */

static bool open_receiver(struct lullb_wsdeflate *zip)
{
    int bits = zip->options.receive_bits;
    if (zip->receiver != NULL)
        return true;
    zip->receiver = new_stream(zip);
    if (zip->receiver == NULL)
        return false;
    if (inflateInit2(zip->receiver, bits > MIN_BITS ? -bits : -MIN_BITS) == Z_OK)
        return true;
    free_stream(zip, &zip->receiver, inflateEnd);
    return false;
}

/*
 * A block said to be the last one is only the last before the next message, or
 * before the tail (RFC 7692, section 7.2.3.4): begin anew, with what may be referred to.
 */
static bool begin_anew(struct lullb_wsdeflate *zip)
{
    const struct lullb_wsmemory *memory = &zip->memory;
    uInt size = 0;
    uint8_t *window = memory->resize(memory->owner, NULL, 0, WINDOW);
    if (window == NULL)
        return false;
    bool done = inflateGetDictionary(zip->receiver, window, &size) == Z_OK &&
                inflateReset(zip->receiver) == Z_OK &&
                inflateSetDictionary(zip->receiver, window, size) == Z_OK;
    memory->resize(memory->owner, window, WINDOW, 0);
    return done;
}

/* Make room for what zlib has, one byte more than is allowed to see if there is more. */
static bool make_room(struct lullb_wsdeflate *zip, struct lullb_wsbytes *out,
                      size_t limit)
{
    size_t room = out->size < limit && limit - out->size < OUT_ROOM
                      ? limit - out->size + 1
                      : OUT_ROOM;
    if (!lullb_wsbytes_reserve(&zip->memory, out, room))
        return false;
    size_t free_room = out->capacity - out->size;
    if (free_room > limit - out->size)
        free_room = limit - out->size + 1;
    zip->receiver->next_out = out->bytes + out->size;
    zip->receiver->avail_out = free_room < UINT_MAX ? (uInt)free_room : UINT_MAX;
    return true;
}

enum lullb_wsinflated lullb_wsinflate(struct lullb_wsdeflate *zip, const uint8_t *bytes,
                                      size_t size, struct lullb_wsbytes *out,
                                      size_t limit)
{
    if (!open_receiver(zip))
        return LULLB_WSINFLATE_NO_MEMORY;
    z_stream *stream = zip->receiver;
    stream->next_in = (Bytef *)(uintptr_t)bytes; /* zlib only reads it */
    stream->avail_in = (uInt)size;
    for (;;) {
        if (!make_room(zip, out, limit))
            return LULLB_WSINFLATE_NO_MEMORY;
        uInt room = stream->avail_out;
        int status = inflate(stream, Z_SYNC_FLUSH);
        out->size += room - stream->avail_out;
        if (out->size > limit)
            return LULLB_WSINFLATE_TOO_LONG;
        if (status == Z_MEM_ERROR)
            return LULLB_WSINFLATE_NO_MEMORY;
        if (status == Z_STREAM_END) {
            if (++zip->finals > MAX_FINALS)
                return LULLB_WSINFLATE_INVALID;
            if (!begin_anew(zip))
                return LULLB_WSINFLATE_NO_MEMORY;
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return LULLB_WSINFLATE_INVALID;
        } else if (stream->avail_out > 0) {
            break; /* nothing was left inside */
        }
    }
    return stream->avail_in == 0 ? LULLB_WSINFLATED : LULLB_WSINFLATE_INVALID;
}

enum lullb_wsinflated lullb_wsinflate_end(struct lullb_wsdeflate *zip,
                                          struct lullb_wsbytes *out, size_t limit)
{
    enum lullb_wsinflated inflated = lullb_wsinflate(zip, tail, sizeof tail, out, limit);
    if (inflated != LULLB_WSINFLATED)
        return inflated;
    /* A message that was cut off has eaten the tail as its own. */
    int type = zip->receiver->data_type;
    if ((type & AT_BLOCK) == 0 || (type & UNUSED_BITS) != 0)
        return LULLB_WSINFLATE_INVALID;
    zip->finals = 0;
    if (zip->options.receive_reset)
        free_stream(zip, &zip->receiver, inflateEnd);
    return LULLB_WSINFLATED;
}

/* ---- sending ------------------------------------------------------------ */

static bool open_sender(struct lullb_wsdeflate *zip)
{
    const struct lullb_wsdeflate_options *options = &zip->options;
    if (zip->sender != NULL)
        return true;
    zip->sender = new_stream(zip);
    if (zip->sender == NULL)
        return false;
    if (deflateInit2(zip->sender, options->level, Z_DEFLATED, -options->send_bits,
                     options->memory_level, Z_DEFAULT_STRATEGY) == Z_OK)
        return true;
    free_stream(zip, &zip->sender, deflateEnd);
    return false;
}

void lullb_wsdeflate_forget(struct lullb_wsdeflate *zip)
{
    if (zip->sender != NULL)
        deflateReset(zip->sender);
}

bool lullb_wsdeflate(struct lullb_wsdeflate *zip, const uint8_t *bytes, size_t size,
                     struct lullb_wsbytes *out)
{
    if (!open_sender(zip))
        return false;
    z_stream *stream = zip->sender;
    stream->next_in = (Bytef *)(uintptr_t)bytes; /* zlib only reads it */
    do {
        size_t part = size < UINT_MAX ? size : UINT_MAX;
        stream->avail_in = (uInt)part;
        size -= part;
        do {
            if (!lullb_wsbytes_reserve(&zip->memory, out, OUT_ROOM)) {
                lullb_wsdeflate_forget(zip);
                return false;
            }
            size_t room = out->capacity - out->size;
            uInt given = room < UINT_MAX ? (uInt)room : UINT_MAX;
            stream->next_out = out->bytes + out->size;
            stream->avail_out = given;
            deflate(stream, size == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH);
            out->size += given - stream->avail_out;
        } while (stream->avail_out == 0);
    } while (size > 0);
    out->size -= TAIL_SIZE;
    if (zip->options.send_reset)
        free_stream(zip, &zip->sender, deflateEnd);
    return true;
}
