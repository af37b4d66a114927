/* SPDX-License-Identifier: MIT */
/*
 * work.c -- long work with one call: a job whose end ends a token.
 *
 * The block travels with the job and has the token's hold.  When the script does
 * not wait any more the job is abandoned, and whoever drops it gives up the hold.
 */
#include "host/token.h"
#include "task/await.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The job owns the block; the token's hold is in it. */
struct work {
    struct lull_job job; /* first */
    struct lull_runtime *rt;
    struct lull_token *token;
    void (*fn)(void *arg);
    lull_push_fn push;
    lull_release_fn release;
    void *arg;
};

static void work_run(struct lull_job *job)
{
    const struct work *work = (struct work *)(void *)job;
    work->fn(work->arg);
}

static void work_done(struct lull_job *job)
{
    struct work work = *(struct work *)(void *)job;
    free(job);
    lull_token_complete(work.token, work.push, work.release, work.arg);
}

static void work_drop(struct lull_job *job)
{
    struct work work = *(struct work *)(void *)job;
    free(job);
    if (work.release != NULL)
        work.release(work.arg);
    lull_token_drop(work.token);
}

static void work_cancel(struct lull_token *token, void *arg)
{
    struct work *work = arg;
    (void)token;
    lull_job_abandon(work->rt, &work->job);
}

/* Will lull_checkpoint() let it wait? */
static bool may_wait(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (!lull__can_wait(L, tasks))
        return false;
    const struct lull_strand *strand = &tasks->running->strand;
    return !strand->alert || lull__scope_cancelled(strand->innermost) == NULL;
}

/* Start the work.  0, or an errno value: then nothing is left of it. */
static int start_work(struct lull_runtime *rt, const char *op, const struct work *work,
                      struct lull_token **token)
{
    int error = ENOMEM;
    struct work *block = malloc(sizeof *block);
    *token = block != NULL ? lull__token_make(rt, op, work_cancel, block) : NULL;
    if (*token != NULL) {
        *block = *work;
        block->token = *token;
        error = lull_job_submit(rt, LULL_POOL_FILES, &block->job);
    }
    if (error == 0)
        return 0;
    if (*token != NULL) {
        lull_token_drop(*token); /* ended: so work_cancel is not called */
        lull__tokens_close(lull__tokens_of(rt));
    }
    free(block);
    return error;
}

int lull_work(lua_State *L, const char *op, void (*fn)(void *arg), lull_push_fn push,
              lull_release_fn release, void *arg)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    const struct work work = {
        .job = {.run = work_run, .done = work_done, .drop = work_drop},
        .rt = rt,
        .fn = fn,
        .push = push,
        .release = release,
        .arg = arg};
    struct lull_token *token;
    bool waits = may_wait(L);
    int error = waits ? start_work(rt, op, &work, &token) : 0;
    if (waits && error == 0)
        return lull_token_await(L, token);
    if (release != NULL)
        release(arg);
    lull_checkpoint(L); /* says why it may not wait */
    lull_push_error(L, error == ENOMEM ? LULL_KIND_MEMORY : LULL_KIND_IO, "%s",
                    strerror(error));
    lull_error_detail(L, op, error);
    return lua_error(L);
}
