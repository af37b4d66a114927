/* SPDX-License-Identifier: MIT */
/*
 * coderzstd.c -- zstd (RFC 8878), by libzstd, where it is.
 *
 * Windows of up to 8 MiB are accepted and made (RFC 9659).
 */
#include "compress/coder.h"

#if LULL_WITH_LIBZSTD

#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_BITS 23

static bool open_coder(struct lullb_coder *coder, int level)
{
    if (coder->expands) {
        ZSTD_DCtx *state = ZSTD_createDCtx();
        if (state != NULL)
            ZSTD_DCtx_setParameter(state, ZSTD_d_windowLogMax, WINDOW_BITS);
        coder->state = state;
    } else {
        ZSTD_CCtx *state = ZSTD_createCCtx();
        if (state != NULL)
            ZSTD_CCtx_setParameter(state, ZSTD_c_compressionLevel, level);
        coder->state = state;
    }
    return coder->state != NULL;
}

static enum lullb_coder_result failure(size_t result)
{
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? LULLB_CODER_MEMORY
                                                                     : LULLB_CODER_BROKEN;
}

static enum lullb_coder_result step(struct lullb_coder *coder, struct lullb_coder_io *io,
                                    enum lullb_coder_aim aim)
{
    static const ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush,
                                                   ZSTD_e_end};
    ZSTD_inBuffer in = {.src = io->in, .size = io->in_left};
    ZSTD_outBuffer out = {.dst = io->out, .size = io->out_left};
    size_t left = coder->expands
                      ? ZSTD_decompressStream(coder->state, &out, &in)
                      : ZSTD_compressStream2(coder->state, &out, &in, directives[aim]);
    io->in += in.pos;
    io->in_left -= in.pos;
    io->out += out.pos;
    io->out_left -= out.pos;
    if (ZSTD_isError(left))
        return failure(left);
    if (coder->expands && left == 0)
        return LULLB_CODER_ENDED;
    bool taken = io->in_left == 0 && io->out_left > 0;
    return taken && (coder->expands || aim == LULLB_CODER_TAKE || left == 0)
               ? LULLB_CODER_DONE
               : LULLB_CODER_MORE;
}

static void close_coder(struct lullb_coder *coder)
{
    void *state = coder->state;
    coder->state = NULL;
    if (coder->expands)
        ZSTD_freeDCtx(state);
    else
        ZSTD_freeCCtx(state);
}

const struct lullb_coder_type lullb_coder_zstd = {
    .name = "zstd",
    .lowest = 1,
    .highest = 19,
    .usual = 3,
    .open = open_coder,
    .step = step,
    .close = close_coder,
    .can_compress = true,
    .can_expand = true,
};

#else

const struct lullb_coder_type lullb_coder_zstd = {.name = "zstd"};

#endif
