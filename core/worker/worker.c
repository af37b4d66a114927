/* SPDX-License-Identifier: MIT */
/*
 * worker.c -- the thread of a worker: its life, and how it is spoken to.
 */
#include "worker/worker.h"

#include "base/job.h"
#include "base/list.h"
#include "base/thread.h"
#include "sched/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 300 /* for workers to end when their owner is freed */

void lull__work_free(struct lull_work *work)
{
    if (work == NULL)
        return;
    free(work->bytes);
    free(work->traceback);
    free(work);
}

static void work_delivered(struct lull_message *message)
{
    lull__work_done((struct lull_work *)(void *)message);
}

static void work_dropped(struct lull_message *message)
{
    lull__work_free((struct lull_work *)(void *)message);
}

/* ---- the block ------------------------------------------------------------------- */

static void free_worker(struct lull_worker *worker)
{
    pthread_cond_destroy(&worker->over);
    pthread_cond_destroy(&worker->work);
    pthread_mutex_destroy(&worker->lock);
    lull__inbox_unref(worker->home);
    lull_policy_unref(worker->policy);
    free(worker->entry);
    free(worker->config);
    free(worker->why);
    free(worker);
}

static void unref(struct lull_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool last = --worker->refs == 0;
    pthread_mutex_unlock(&worker->lock);
    if (last)
        free_worker(worker);
}

/* ---- the worker's thread ----------------------------------------------------------- */

/* Something has changed: what runs may have to end. */
static void knocked(struct lull_message *message)
{
    struct lull_worker *worker = LULL_CONTAINER(message, struct lull_worker, knock);
    pthread_mutex_lock(&worker->lock);
    worker->knocking = false;
    bool hurry = worker->hurry;
    bool end = worker->ending ||
               (worker->doing != NULL && worker->cancelled == worker->doing->number);
    pthread_mutex_unlock(&worker->lock);
    if (end && worker->doing != NULL)
        lull__side_cancel(worker, hurry ? 0 : worker->grace);
}

static void knock_dropped(struct lull_message *message)
{
    (void)message;
}

/* The next piece of work, which is not cancelled already; NULL: the end. */
static struct lull_work *wait_for_work(struct lull_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->next == NULL && !worker->ending)
        pthread_cond_wait(&worker->work, &worker->lock);
    struct lull_work *work = worker->next;
    bool wanted = work != NULL && !worker->ending && worker->cancelled != work->number;
    worker->next = NULL;
    bool ending = worker->ending;
    pthread_mutex_unlock(&worker->lock);
    if (work == NULL)
        return NULL;
    worker->doing = work;
    work->died = ending;
    work->status = LULL_CANCELLED;
    if (wanted) {
        lull__side_do(worker);
    } else {
        free(work->bytes);
        work->bytes = NULL;
    }
    worker->doing = NULL;
    return work;
}

static void set_inbox(struct lull_worker *worker, struct lull_inbox *inbox)
{
    pthread_mutex_lock(&worker->lock);
    worker->inbox = inbox;
    pthread_mutex_unlock(&worker->lock);
}

static void *worker_main(void *arg)
{
    struct lull_worker *worker = arg;
    struct lull_work *work;
    bool died = false;
    lull__side_open(worker);
    if (worker->rt != NULL)
        set_inbox(worker, lull__jobs_of(worker->rt)->inbox);
    while (!died && (work = wait_for_work(worker)) != NULL) {
        died = work->died;
        lull__inbox_post(worker->home, &work->message);
    }
    set_inbox(worker, NULL);
    lull_free(worker->rt, 0);
    pthread_mutex_lock(&worker->lock);
    worker->ended = true;
    pthread_cond_signal(&worker->over);
    pthread_mutex_unlock(&worker->lock);
    lull__inbox_post(worker->home, &worker->gone);
    return NULL;
}

/* ---- the owner's thread: starting ---------------------------------------------------- */

/* The thread has ended, or is about to return. */
static void gone(struct lull_message *message)
{
    struct lull_worker *worker = LULL_CONTAINER(message, struct lull_worker, gone);
    pthread_join(worker->thread, NULL);
    worker->joined = true;
    lull_handle_close(&worker->handle);
    unref(worker);
}

/* The same, when nobody is there any more. */
static void gone_dropped(struct lull_message *message)
{
    unref(LULL_CONTAINER(message, struct lull_worker, gone));
}

static void close_handle(struct lull_handle *handle);

static const struct lull_handle_type thread_type = {
    .name = "worker.thread", .close = close_handle, .background = true};

static struct lull_worker *new_worker(const struct lull_worker_start *start)
{
    struct lull_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->entry = strdup(start->entry);
    worker->config = malloc(start->config_size);
    if (worker->entry == NULL || worker->config == NULL)
        goto no_memory;
    memcpy(worker->config, start->config, start->config_size);
    worker->config_size = start->config_size;
    if (pthread_mutex_init(&worker->lock, NULL) != 0)
        goto no_memory;
    if (pthread_cond_init(&worker->work, NULL) != 0)
        goto no_work;
    if (lull__thread_condition(&worker->over) != 0)
        goto no_over;
    worker->options = start->options;
    worker->realm = start->realm;
    worker->policy = lull_policy_ref(start->policy);
    worker->grace = start->grace;
    worker->knock.deliver = knocked;
    worker->knock.drop = knock_dropped;
    worker->gone.deliver = gone;
    worker->gone.drop = gone_dropped;
    worker->refs = 3; /* the handle's, the thread's, the caller's */
    return worker;
no_over:
    pthread_cond_destroy(&worker->work);
no_work:
    pthread_mutex_destroy(&worker->lock);
no_memory:
    free(worker->config);
    free(worker->entry);
    free(worker);
    return NULL;
}

int lull__worker_start(struct lull_runtime *rt, const struct lull_worker_start *start,
                       struct lull_worker **started)
{
    struct lull_worker *worker = new_worker(start);
    if (worker == NULL)
        return ENOMEM;
    worker->owner = rt;
    worker->home = lull__jobs_of(rt)->inbox;
    lull__inbox_ref(worker->home);
    int error = lull__thread_start(&worker->thread, worker->options.slice_signal,
                                   worker_main, worker);
    if (error != 0) {
        free_worker(worker);
        return error;
    }
    lull_handle_open(rt, &worker->handle, &thread_type);
    *started = worker;
    return 0;
}

/* ---- the owner's thread: work -------------------------------------------------------- */

struct lull_work *lull__worker_give(struct lull_worker *worker, const void *bytes,
                                    size_t size, void *waiter)
{
    struct lull_work *work = calloc(1, sizeof *work);
    if (work == NULL || (work->bytes = malloc(size)) == NULL) {
        free(work);
        return NULL;
    }
    memcpy(work->bytes, bytes, size);
    work->size = size;
    work->message.deliver = work_delivered;
    work->message.drop = work_dropped;
    work->worker = worker;
    work->waiter = waiter;
    work->number = ++worker->numbered;
    pthread_mutex_lock(&worker->lock);
    worker->next = work;
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->lock);
    return work;
}

/* Have the worker look; under the lock. */
static void knock(struct lull_worker *worker)
{
    pthread_cond_signal(&worker->work);
    if (worker->inbox == NULL || worker->knocking)
        return;
    worker->knocking = true;
    lull__inbox_post(worker->inbox, &worker->knock);
}

void lull__worker_cancel(struct lull_work *work)
{
    struct lull_worker *worker = work->worker;
    pthread_mutex_lock(&worker->lock);
    worker->cancelled = worker->numbered; /* it is the last that was given */
    knock(worker);
    pthread_mutex_unlock(&worker->lock);
}

static void stop(struct lull_worker *worker, bool hurry)
{
    pthread_mutex_lock(&worker->lock);
    worker->ending = true;
    worker->hurry = worker->hurry || hurry;
    knock(worker);
    pthread_mutex_unlock(&worker->lock);
}

void lull__worker_stop(struct lull_worker *worker)
{
    stop(worker, false);
    unref(worker);
}

/* ---- the owner's end ------------------------------------------------------------------ */

/* End it at once. */
static void hurry(struct lull_worker *worker)
{
    if (worker->hurried)
        return;
    worker->hurried = true;
    worker->until = lull__thread_deadline(PATIENCE_MS);
    stop(worker, true);
}

/* Tell all workers of the runtime at once, so that they end at the same time. */
static void hurry_all(struct lull_runtime *rt)
{
    struct lull_handles *handles = lull__handles_of(rt);
    for (struct lull_handle *h = handles->head.next; h != &handles->head; h = h->next) {
        if (h->type == &thread_type)
            hurry(LULL_CONTAINER(h, struct lull_worker, handle));
    }
}

/* Wait until it has ended, but not for long. */
static bool wait_for_end(struct lull_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->ended) {
        if (pthread_cond_timedwait(&worker->over, &worker->lock, &worker->until) != 0)
            break;
    }
    bool ended = worker->ended;
    pthread_mutex_unlock(&worker->lock);
    return ended;
}

/* The thread was joined; or the owner goes, and takes its other workers along. */
static void close_handle(struct lull_handle *handle)
{
    struct lull_worker *worker = LULL_CONTAINER(handle, struct lull_worker, handle);
    if (!worker->joined) {
        hurry(worker);
        hurry_all(worker->owner);
        if (wait_for_end(worker))
            pthread_join(worker->thread, NULL);
        else
            pthread_detach(worker->thread);
    }
    unref(worker);
}
