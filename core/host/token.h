/* SPDX-License-Identifier: MIT */
/*
 * token.h -- what a runtime knows of its tokens.
 *
 * Tokens are public, in lull_ext.h.  One that is between its making and its wait,
 * or whose results are being pushed, is in C's hands: if a raise takes it from
 * there, it is found here.  As no script runs in between, there is at most one.
 */
#ifndef LULL_TOKEN_H
#define LULL_TOKEN_H

#include "lull_ext.h"

struct lull_inbox;

struct lull_tokens {
    struct lull_inbox *inbox; /* borrowed from the runtime */
    struct lull_token *held;  /* in C's hands; NULL: none */
};

/* Implemented by the runtime, which embeds it. */
struct lull_tokens *lull__tokens_of(struct lull_runtime *rt);

/*
 * Make a token, in C's hands, with a hold, as lull_token_new() does; NULL: no
 * memory.  Whoever was in C's hands is let go of.
 */
struct lull_token *lull__token_make(struct lull_runtime *rt, const char *op,
                                    lull_token_cancel_fn on_cancel, void *arg);

/* Let go of the one in C's hands, if any.  Idempotent. */
void lull__tokens_close(struct lull_tokens *tokens);

#endif
