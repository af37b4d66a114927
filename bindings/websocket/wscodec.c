/* SPDX-License-Identifier: MIT */
/*
 * wscodec.c -- what the frames mean.
 *
 * A message that is whole in one piece of one frame, as short ones are, is
 * handed out where it lies; all others are put together.
 */
#include "websocket/wscodec.h"

#include <errno.h>
#include <string.h>

/* Compressed data may be longer than what it stands for, by this. */
#define EXPANSION(size) ((size) / 1024 + 64)

void lullb_wscodec_init(struct lullb_wscodec *codec,
                        const struct lullb_wscodec_options *options,
                        struct lullb_wspool *pool, const struct lullb_wsmemory *memory)
{
    *codec = (struct lullb_wscodec){
        .memory = *memory,
        .parser = {.pool = pool},
        .zip = {.options = options->deflate, .memory = *memory},
        .max_message = options->max_message,
        .max_frame = options->max_frame,
        .server = options->server,
    };
}

void lullb_wscodec_deinit(struct lullb_wscodec *codec)
{
    lullb_wsparser_deinit(&codec->parser);
    lullb_wsdeflate_deinit(&codec->zip);
    lullb_wsbytes_free(&codec->memory, &codec->message);
    codec->over = true;
}

bool lullb_wscode_is_valid(unsigned code)
{
    if (code >= 3000)
        return code <= 4999;
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/* ---- receiving ---------------------------------------------------------- */

static enum lullb_wsevent fail(struct lullb_wscodec *codec,
                               struct lullb_wsmessage *message, unsigned code,
                               const char *text)
{
    codec->over = true;
    lullb_wsbytes_free(&codec->memory, &codec->message);
    *message = (struct lullb_wsmessage){.code = code, .text = text};
    return LULLB_WSEVENT_FAILED;
}

/* What is wrong with a frame, by its header; NULL: nothing. */
static const char *judge_header(const struct lullb_wscodec *codec,
                                const struct lullb_wspiece *piece)
{
    bool starts = piece->opcode == LULLB_WSOP_TEXT || piece->opcode == LULLB_WSOP_BINARY;
    bool may_be_compressed = starts && codec->zip.options.enabled;
    if (piece->masked != codec->server)
        return codec->server ? "a frame without a mask" : "a frame with a mask";
    if ((piece->rsv & ~(may_be_compressed ? LULLB_WSRSV1 : 0u)) != 0)
        return "a reserved bit is set";
    if (starts)
        return codec->opcode != 0 ? "a message inside of another" : NULL;
    switch (piece->opcode) {
    case LULLB_WSOP_CONTINUATION:
        return codec->opcode == 0 ? "a continuation of nothing" : NULL;
    case LULLB_WSOP_CLOSE:
    case LULLB_WSOP_PING:
    case LULLB_WSOP_PONG:
        return NULL;
    default:
        return "a reserved opcode";
    }
}

static bool is_too_long(const struct lullb_wscodec *codec,
                        const struct lullb_wspiece *piece)
{
    uint64_t room = codec->max_message - codec->message.size;
    uint64_t frame = codec->max_frame;
    if (codec->compressed)
        return piece->length > frame + EXPANSION(frame);
    return piece->length > frame || piece->length > room;
}

/* A frame begins.  LULLB_WSEVENT_NONE: it may. */
static enum lullb_wsevent begin_frame(struct lullb_wscodec *codec,
                                      const struct lullb_wspiece *piece,
                                      struct lullb_wsmessage *message)
{
    const char *wrong = judge_header(codec, piece);
    if (wrong != NULL)
        return fail(codec, message, LULLB_WSCODE_PROTOCOL, wrong);
    codec->frame = piece->opcode;
    if (piece->opcode >= LULLB_WSOP_CLOSE) {
        codec->control_size = 0;
        return LULLB_WSEVENT_NONE;
    }
    if (piece->opcode != LULLB_WSOP_CONTINUATION) {
        codec->opcode = piece->opcode;
        codec->compressed = piece->rsv != 0;
        codec->utf8 = (struct lullb_wsutf8){0};
    }
    if (is_too_long(codec, piece))
        return fail(codec, message, LULLB_WSCODE_TOO_BIG, "a message too long");
    return LULLB_WSEVENT_NONE;
}

static enum lullb_wsevent end_close(struct lullb_wscodec *codec,
                                    struct lullb_wsmessage *message)
{
    struct lullb_wsutf8 utf8 = {0};
    codec->over = true;
    *message = (struct lullb_wsmessage){.code = LULLB_WSCODE_NONE};
    if (codec->control_size == 0)
        return LULLB_WSEVENT_CLOSE;
    if (codec->control_size == 1)
        return fail(codec, message, LULLB_WSCODE_PROTOCOL, "half a close code");
    message->code = (unsigned)codec->control[0] << 8 | codec->control[1];
    message->bytes = codec->control + 2;
    message->size = codec->control_size - 2u;
    if (!lullb_wscode_is_valid(message->code))
        return fail(codec, message, LULLB_WSCODE_PROTOCOL, "a close code not to be used");
    if (!lullb_wsutf8_feed(&utf8, message->bytes, message->size) ||
        !lullb_wsutf8_is_whole(&utf8))
        return fail(codec, message, LULLB_WSCODE_INVALID, "a reason that is no UTF-8");
    return LULLB_WSEVENT_CLOSE;
}

/* A piece of a control frame: never longer than its buffer, as wslay makes sure. */
static enum lullb_wsevent take_control(struct lullb_wscodec *codec,
                                       const struct lullb_wspiece *piece,
                                       struct lullb_wsmessage *message)
{
    if (piece->size > 0)
        memcpy(codec->control + codec->control_size, piece->bytes, piece->size);
    codec->control_size += (uint8_t)piece->size;
    if (!piece->last)
        return LULLB_WSEVENT_NONE;
    if (codec->frame == LULLB_WSOP_CLOSE)
        return end_close(codec, message);
    *message = (struct lullb_wsmessage){codec->control, codec->control_size, 0, NULL};
    return codec->frame == LULLB_WSOP_PING ? LULLB_WSEVENT_PING : LULLB_WSEVENT_PONG;
}

/* Memory was refused, or counting it was. */
static enum lullb_wsevent fail_refused(struct lullb_wscodec *codec,
                                       struct lullb_wsmessage *message)
{
    return fail(codec, message, LULLB_WSCODE_INTERNAL,
                errno == EDQUOT ? "more bytes than may be buffered"
                                : "not enough memory");
}

static enum lullb_wsevent fail_inflating(struct lullb_wscodec *codec,
                                         enum lullb_wsinflated inflated,
                                         struct lullb_wsmessage *message)
{
    if (inflated == LULLB_WSINFLATE_INVALID)
        return fail(codec, message, LULLB_WSCODE_INVALID, "compressed data that is none");
    if (inflated == LULLB_WSINFLATE_TOO_LONG)
        return fail(codec, message, LULLB_WSCODE_TOO_BIG, "a message too long");
    return fail_refused(codec, message);
}

/* Add a piece to the message, or only look at it where it lies when that is enough. */
static enum lullb_wsevent add_piece(struct lullb_wscodec *codec,
                                    const struct lullb_wspiece *piece, bool whole,
                                    struct lullb_wsmessage *message)
{
    struct lullb_wsbytes *all = &codec->message;
    const uint8_t *fresh = piece->bytes;
    size_t fresh_size = piece->size;
    if (codec->compressed) {
        size_t before = all->size;
        enum lullb_wsinflated inflated = lullb_wsinflate(
            &codec->zip, piece->bytes, piece->size, all, codec->max_message);
        if (inflated == LULLB_WSINFLATED && piece->last && piece->fin)
            inflated = lullb_wsinflate_end(&codec->zip, all, codec->max_message);
        if (inflated != LULLB_WSINFLATED)
            return fail_inflating(codec, inflated, message);
        fresh_size = all->size - before;
        fresh = fresh_size > 0 ? all->bytes + before : NULL;
    } else if (!whole &&
               !lullb_wsbytes_append(&codec->memory, all, piece->bytes, piece->size)) {
        return fail_refused(codec, message);
    }
    if (codec->opcode == LULLB_WSOP_TEXT && fresh_size > 0 &&
        !lullb_wsutf8_feed(&codec->utf8, fresh, fresh_size))
        return fail(codec, message, LULLB_WSCODE_INVALID, "text that is no UTF-8");
    return LULLB_WSEVENT_NONE;
}

static enum lullb_wsevent take_data(struct lullb_wscodec *codec,
                                    const struct lullb_wspiece *piece,
                                    struct lullb_wsmessage *message)
{
    bool ends = piece->last && piece->fin;
    bool whole = ends && piece->first && piece->opcode != LULLB_WSOP_CONTINUATION &&
                 !codec->compressed;
    enum lullb_wsevent event = add_piece(codec, piece, whole, message);
    if (event != LULLB_WSEVENT_NONE || !ends)
        return event;
    event = codec->opcode == LULLB_WSOP_TEXT ? LULLB_WSEVENT_TEXT : LULLB_WSEVENT_BINARY;
    if (event == LULLB_WSEVENT_TEXT && !lullb_wsutf8_is_whole(&codec->utf8))
        return fail(codec, message, LULLB_WSCODE_INVALID,
                    "text that ends in a character");
    codec->opcode = 0;
    if (whole)
        *message = (struct lullb_wsmessage){piece->bytes, piece->size, 0, NULL};
    else
        *message =
            (struct lullb_wsmessage){codec->message.bytes, codec->message.size, 0, NULL};
    return event;
}

enum lullb_wsevent lullb_wscodec_next(struct lullb_wscodec *codec,
                                      struct lullb_wsmessage *message)
{
    struct lullb_wspiece piece;
    if (codec->opcode == 0)
        lullb_wsbytes_clear(&codec->memory, &codec->message);
    while (!codec->over) {
        switch (lullb_wsparser_next(&codec->parser, &piece)) {
        case LULLB_WSGOT_NOTHING:
            return LULLB_WSEVENT_NONE;
        case LULLB_WSGOT_BROKEN:
            return fail(codec, message, LULLB_WSCODE_PROTOCOL, "a malformed frame");
        case LULLB_WSGOT_NO_MEMORY:
            return fail(codec, message, LULLB_WSCODE_INTERNAL, "not enough memory");
        case LULLB_WSGOT_PIECE:
            break;
        }
        enum lullb_wsevent event = LULLB_WSEVENT_NONE;
        if (piece.first)
            event = begin_frame(codec, &piece, message);
        if (event == LULLB_WSEVENT_NONE)
            event = codec->frame >= LULLB_WSOP_CLOSE
                        ? take_control(codec, &piece, message)
                        : take_data(codec, &piece, message);
        if (event != LULLB_WSEVENT_NONE)
            return event;
    }
    codec->parser.input_size = 0;
    return LULLB_WSEVENT_NONE;
}

/* ---- sending ------------------------------------------------------------ */

bool lullb_wscodec_send(struct lullb_wscodec *codec, enum lullb_wsopcode opcode,
                        const void *bytes, size_t size, struct lullb_wssend *send)
{
    bool masked = !codec->server;
    bool compressed =
        opcode < LULLB_WSOP_CLOSE && lullb_wsdeflate_is_wanted(&codec->zip, size);
    *send = (struct lullb_wssend){.payload = bytes, .size = size};
    if (compressed) {
        if (!lullb_wsdeflate(&codec->zip, bytes, size, &send->block))
            goto no_memory;
        send->size = send->block.size;
    }
    if (masked && !lullb_wsbytes_reserve(&codec->memory, &send->block, send->size))
        goto no_memory;
    if (compressed)
        send->payload = send->block.bytes;
    send->frame = (struct lullb_wsframe){
        .fin = true,
        .masked = masked,
        .rsv = compressed ? LULLB_WSRSV1 : 0,
        .opcode = (uint8_t)opcode,
        .payload = send->payload,
        .size = send->size,
        .room = masked && send->size > 0 ? send->block.bytes + send->block.size : NULL,
    };
    if (!lullb_wsframe_make(codec->parser.pool, &send->frame))
        goto no_memory;
    if (masked)
        send->payload = send->frame.room;
    return true;

no_memory:
    lullb_wsdeflate_forget(&codec->zip);
    lullb_wssend_deinit(codec, send);
    return false;
}

void lullb_wssend_deinit(struct lullb_wscodec *codec, struct lullb_wssend *send)
{
    lullb_wsbytes_free(&codec->memory, &send->block);
}
