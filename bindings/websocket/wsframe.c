/* SPDX-License-Identifier: MIT */
/*
 * wsframe.c -- frames by wslay's frame layer, over memory.
 *
 * wslay reads up to its own 4 KiB ahead.  What it was given and what came out
 * as headers and payloads is counted, so that a context goes back to the pool
 * as soon as there is nothing in it.
 */
#include "websocket/wsframe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define MASK_KEY 4u

struct lullb_wscontext {
    wslay_frame_context_ptr wslay;
    struct lullb_wspool *pool;
    struct lullb_wsparser *parser; /* who reads with it */
    struct lullb_wsframe *frame;   /* what is being made */
    size_t made;                   /* bytes of that which are there */
};

/* ---- wslay's callbacks -------------------------------------------------- */

static ssize_t on_recv(uint8_t *room, size_t size, int flags, void *arg)
{
    struct lullb_wsparser *parser = ((struct lullb_wscontext *)arg)->parser;
    (void)flags;
    if (parser->input_size == 0)
        return -1;
    if (size > parser->input_size)
        size = parser->input_size;
    memcpy(room, parser->input, size);
    parser->input += size;
    parser->input_size -= size;
    parser->held += size;
    return (ssize_t)size;
}

/* The header first, then the payload: a copy of it only where it was masked. */
static ssize_t on_send(const uint8_t *bytes, size_t size, int flags, void *arg)
{
    struct lullb_wscontext *context = arg;
    struct lullb_wsframe *frame = context->frame;
    (void)flags;
    for (size_t done = 0; done < size;) {
        size_t count = size - done;
        if (context->made < frame->header_size) {
            if (count > frame->header_size - context->made)
                count = frame->header_size - context->made;
            memcpy(frame->header + context->made, bytes + done, count);
        } else if (frame->masked) {
            memcpy(frame->room + (context->made - frame->header_size), bytes + done,
                   count);
        }
        context->made += count;
        done += count;
    }
    return (ssize_t)size;
}

static int on_mask(uint8_t *key, size_t size, void *arg)
{
    struct lullb_wspool *pool = ((struct lullb_wscontext *)arg)->pool;
    if (pool->unused < size) {
        if (getentropy(pool->random, sizeof pool->random) != 0)
            return -1;
        pool->unused = sizeof pool->random;
    }
    pool->unused -= size;
    memcpy(key, pool->random + pool->unused, size);
    return 0;
}

/* ---- contexts ----------------------------------------------------------- */

static void free_context(struct lullb_wscontext *context)
{
    if (context == NULL)
        return;
    wslay_frame_context_free(context->wslay);
    free(context);
}

static struct lullb_wscontext *new_context(struct lullb_wspool *pool)
{
    static const struct wslay_frame_callbacks callbacks = {
        .send_callback = on_send,
        .recv_callback = on_recv,
        .genmask_callback = on_mask,
    };
    struct lullb_wscontext *context = calloc(1, sizeof *context);
    if (context == NULL)
        return NULL;
    context->pool = pool;
    if (wslay_frame_context_init(&context->wslay, &callbacks, context) != 0) {
        free(context);
        return NULL;
    }
    return context;
}

static bool take_context(struct lullb_wsparser *parser)
{
    struct lullb_wspool *pool = parser->pool;
    parser->context = pool->spare;
    pool->spare = NULL;
    if (parser->context == NULL)
        parser->context = new_context(pool);
    if (parser->context == NULL)
        return false;
    parser->context->parser = parser;
    return true;
}

/* It is as new: for the next one. */
static void return_context(struct lullb_wsparser *parser)
{
    struct lullb_wspool *pool = parser->pool;
    if (pool->spare == NULL && !pool->closed)
        pool->spare = parser->context;
    else
        free_context(parser->context);
    parser->context = NULL;
}

void lullb_wspool_deinit(struct lullb_wspool *pool)
{
    free_context(pool->spare);
    free_context(pool->sender);
    memset(pool, 0, sizeof *pool);
    pool->closed = true;
}

/* ---- receiving ---------------------------------------------------------- */

static size_t header_size(uint64_t length, bool masked)
{
    size_t extended = length > UINT16_MAX ? 8 : length > LULLB_WSCONTROL ? 2 : 0;
    return 2 + extended + (masked ? MASK_KEY : 0);
}

static void describe(struct lullb_wsparser *parser, const struct wslay_frame_iocb *from,
                     struct lullb_wspiece *piece)
{
    *piece = (struct lullb_wspiece){
        .first = parser->left == 0,
        .fin = from->fin,
        .masked = from->mask,
        .rsv = from->rsv,
        .opcode = from->opcode,
        .length = from->payload_length,
        .bytes = from->data,
        .size = from->data_length,
    };
    if (piece->first) {
        parser->left = piece->length;
        parser->held -= header_size(piece->length, piece->masked);
    }
    parser->left -= piece->size;
    parser->held -= piece->size;
    piece->last = parser->left == 0;
}

enum lullb_wsgot lullb_wsparser_next(struct lullb_wsparser *parser,
                                     struct lullb_wspiece *piece)
{
    struct wslay_frame_iocb iocb;
    if (parser->context == NULL) {
        if (parser->input_size == 0)
            return LULLB_WSGOT_NOTHING;
        if (!take_context(parser))
            return LULLB_WSGOT_NO_MEMORY;
    }
    ssize_t got;
    do
        got = wslay_frame_recv(parser->context->wslay, &iocb);
    while (got == WSLAY_ERR_WANT_READ && parser->input_size > 0);
    if (got >= 0) {
        describe(parser, &iocb, piece);
        return LULLB_WSGOT_PIECE;
    }
    if (got == WSLAY_ERR_WANT_READ) {
        if (parser->held == 0 && parser->left == 0)
            return_context(parser);
        return LULLB_WSGOT_NOTHING;
    }
    lullb_wsparser_deinit(parser);
    return LULLB_WSGOT_BROKEN;
}

void lullb_wsparser_deinit(struct lullb_wsparser *parser)
{
    free_context(parser->context);
    *parser = (struct lullb_wsparser){.pool = parser->pool};
}

/* ---- sending ------------------------------------------------------------ */

bool lullb_wsframe_make(struct lullb_wspool *pool, struct lullb_wsframe *frame)
{
    if (pool->sender == NULL && (pool->sender = new_context(pool)) == NULL)
        return false;
    struct lullb_wscontext *context = pool->sender;
    struct wslay_frame_iocb iocb = {
        .fin = frame->fin,
        .rsv = frame->rsv,
        .opcode = frame->opcode,
        .payload_length = frame->size,
        .mask = frame->masked,
        .data = frame->payload,
        .data_length = frame->size,
    };
    frame->header_size = (uint8_t)header_size(frame->size, frame->masked);
    context->frame = frame;
    context->made = 0;
    do {
        ssize_t sent = wslay_frame_send(context->wslay, &iocb);
        if (sent < 0) { /* it is in the middle of a frame: never again */
            free_context(context);
            pool->sender = NULL;
            return false;
        }
        iocb.data += sent;
        iocb.data_length -= (size_t)sent;
    } while (iocb.data_length > 0);
    return true;
}
