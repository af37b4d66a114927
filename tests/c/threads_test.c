/* SPDX-License-Identifier: MIT */
/*
 * threads_test.c -- a runtime on each of 8 threads, posting to one another.
 */
#include "check.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 40, POSTS = 50 };

static const char script[] =
    "local lull = require 'lull'\n"
    "local ch = lull.sync.channel()\n"
    "lull.spawn(function() for i = 1, 50 do ch:send(i) end ch:close() end)\n"
    "local sum = 0 for v in ch:items() do sum = sum + v lull.yield() end\n"
    "assert(sum == 1275)";

struct mailbox {
    pthread_mutex_t mutex;
    struct lull_runtime *rt; /* NULL: not there now */
};

static struct mailbox boxes[THREADS];

struct worker {
    int index;
    int received; /* only its own thread counts */
};

static void received(struct lull_runtime *rt, void *arg)
{
    (void)rt;
    ++((struct worker *)arg)->received;
}

static struct worker workers[THREADS];

static void post_to(int other)
{
    pthread_mutex_lock(&boxes[other].mutex);
    if (boxes[other].rt != NULL)
        lull_post(boxes[other].rt, received, &workers[other]);
    pthread_mutex_unlock(&boxes[other].mutex);
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct mailbox *box = &boxes[self->index];
    for (int round = 0; round < ROUNDS; round++) {
        struct told told;
        struct lull_runtime *rt = lull_new(NULL);
        CHECK(rt != NULL);
        pthread_mutex_lock(&box->mutex);
        box->rt = rt;
        pthread_mutex_unlock(&box->mutex);
        CHECK(start(rt, script, &told));
        for (int i = 0; i < POSTS; i++)
            post_to((self->index + i) % THREADS);
        CHECK(lull_run(rt) == LULL_DONE);
        CHECK(told.times == 1 && told.status == LULL_DONE);
        pthread_mutex_lock(&box->mutex);
        box->rt = NULL;
        pthread_mutex_unlock(&box->mutex);
        lull_free(rt, 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_mutex_init(&boxes[i].mutex, NULL);
        workers[i].index = i;
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    int total = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += workers[i].received;
    }
    CHECK(total > 0);
    printf("%d runtimes on %d threads, %d posts\n", THREADS * ROUNDS, THREADS, total);
    return 0;
}
