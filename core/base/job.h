/* SPDX-License-Identifier: MIT */
/*
 * job.h -- blocking calls, on threads of the runtime's own.
 *
 * Two pools, so that names that take long to resolve do not hold up files.
 * Threads are started when there is work for them and stay until the runtime
 * ends; there are at most LULL_POOL_THREADS in each.  They block all signals.
 *
 *   1. A job runs to its end once a thread has begun it.  One that has not
 *      been begun can still be abandoned at once.
 *   2. When the runtime goes, idle threads are joined.  One that is inside a
 *      call gets LULL_POOL_PATIENCE to come out of it and is then left alone:
 *      its result is dropped, and the last thread frees the pool.
 *
 * A library with such a thread must not be unloaded: it is linked -z nodelete.
 * Thread: the runtime's, for all that is declared here.
 */
#ifndef LULL_JOB_H
#define LULL_JOB_H

#include "base/inbox.h"
#include "base/loop.h"

#define LULL_POOL_THREADS     4u
#define LULL_POOL_PATIENCE_MS 100u

struct lull_jobs {
    struct lull_loop *loop;          /* holds are counted there */
    struct lull_inbox *inbox;        /* where jobs come back; borrowed */
    struct lull_threads *threads[2]; /* by enum lull_pool; NULL: never needed */
};

/* Implemented by the runtime, which embeds it. */
struct lull_jobs *lull__jobs_of(struct lull_runtime *rt);

/* Starts nothing yet. */
void lull__jobs_init(struct lull_jobs *jobs, struct lull_loop *loop,
                     struct lull_inbox *inbox);

/* End the pools: drop what no thread has begun.  Idempotent. */
void lull__jobs_close(struct lull_jobs *jobs);

#endif
