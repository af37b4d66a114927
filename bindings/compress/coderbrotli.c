/* SPDX-License-Identifier: MIT */
/*
 * coderbrotli.c -- br (RFC 7932), by brotli's two libraries, where they are.
 *
 * The window is small for what is compressed on the way: at the usual level it
 * decides about the memory, and hardly about the size.
 */
#include "compress/coder.h"

#if LULL_WITH_LIBBROTLIENC
#include <brotli/encode.h>
#endif
#if LULL_WITH_LIBBROTLIDEC
#include <brotli/decode.h>
#endif

#define WINDOW_BITS 18

#if LULL_WITH_LIBBROTLIENC
static bool open_encoder(struct lullb_coder *coder, int level)
{
    BrotliEncoderState *state = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (state == NULL)
        return false;
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, (uint32_t)level);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, WINDOW_BITS);
    coder->state = state;
    return true;
}

static enum lullb_coder_result encode(struct lullb_coder *coder,
                                      struct lullb_coder_io *io, enum lullb_coder_aim aim)
{
    static const BrotliEncoderOperation operations[] = {
        BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
    BrotliEncoderState *state = coder->state;
    if (!BrotliEncoderCompressStream(state, operations[aim], &io->in_left, &io->in,
                                     &io->out_left, &io->out, NULL))
        return LULLB_CODER_MEMORY; /* nothing else can go wrong here */
    bool done = io->in_left == 0 && !BrotliEncoderHasMoreOutput(state) &&
                (aim != LULLB_CODER_FINISH || BrotliEncoderIsFinished(state));
    return done ? LULLB_CODER_DONE : LULLB_CODER_MORE;
}
#endif

#if LULL_WITH_LIBBROTLIDEC
static bool open_decoder(struct lullb_coder *coder)
{
    coder->state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    return coder->state != NULL;
}

static enum lullb_coder_result decode(struct lullb_coder *coder,
                                      struct lullb_coder_io *io)
{
    BrotliDecoderState *state = coder->state;
    switch (BrotliDecoderDecompressStream(state, &io->in_left, &io->in, &io->out_left,
                                          &io->out, NULL)) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return LULLB_CODER_ENDED;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return LULLB_CODER_DONE;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return LULLB_CODER_MORE;
    default:
        break;
    }
    BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state);
    bool memory = code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                  code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
    return memory ? LULLB_CODER_MEMORY : LULLB_CODER_BROKEN;
}
#endif

static bool open_coder(struct lullb_coder *coder, int level)
{
#if LULL_WITH_LIBBROTLIDEC
    if (coder->expands)
        return open_decoder(coder);
#endif
#if LULL_WITH_LIBBROTLIENC
    return open_encoder(coder, level);
#else
    (void)coder;
    (void)level;
    return false;
#endif
}

static enum lullb_coder_result step(struct lullb_coder *coder, struct lullb_coder_io *io,
                                    enum lullb_coder_aim aim)
{
#if LULL_WITH_LIBBROTLIDEC
    if (coder->expands)
        return decode(coder, io);
#endif
#if LULL_WITH_LIBBROTLIENC
    return encode(coder, io, aim);
#else
    (void)coder;
    (void)io;
    (void)aim;
    return LULLB_CODER_BROKEN;
#endif
}

static void close_coder(struct lullb_coder *coder)
{
    void *state = coder->state;
    coder->state = NULL;
    if (state == NULL)
        return;
#if LULL_WITH_LIBBROTLIDEC
    if (coder->expands)
        BrotliDecoderDestroyInstance(state);
#endif
#if LULL_WITH_LIBBROTLIENC
    if (!coder->expands)
        BrotliEncoderDestroyInstance(state);
#endif
}

const struct lullb_coder_type lullb_coder_brotli = {
    .name = "br",
    .lowest = 0,
    .highest = 11,
    .usual = 4,
    .open = open_coder,
    .step = step,
    .close = close_coder,
#if LULL_WITH_LIBBROTLIENC
    .can_compress = true,
#endif
#if LULL_WITH_LIBBROTLIDEC
    .can_expand = true,
#endif
};
