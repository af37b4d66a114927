/* SPDX-License-Identifier: MIT */
/*
 * job.c -- the pools.
 *
 * A pool's block is from malloc and lives until both the runtime has let go of
 * it and its last thread has ended; each thread holds a reference to the inbox
 * that results go to.  Everything in the block is guarded by its lock.
 */
#include "base/job.h"

#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct thread {
    pthread_t id;
    bool ended; /* it is about to return: joining takes no time */
    struct lull_threads *threads;
};

struct lull_threads {
    struct lull_jobs *jobs;   /* the runtime's thread only */
    struct lull_inbox *inbox; /* a reference of the pool's own */
    pthread_mutex_t lock;
    pthread_cond_t work;   /* a job was queued, or the pool is closing */
    pthread_cond_t over;   /* a thread has ended */
    struct lull_job *head; /* not begun yet; linked by message.next */
    struct lull_job *tail;
    unsigned queued;
    unsigned idle;    /* threads that wait for work */
    unsigned started; /* of `each` */
    unsigned live;    /* started and not ended */
    bool closing;     /* threads are to end */
    bool let_go;      /* the runtime is gone: the last thread frees */
    struct thread each[LULL_POOL_THREADS];
};

static struct lull_job *job_of(struct lull_message *message)
{
    return (struct lull_job *)(void *)message; /* its first member */
}

static struct lull_job *next_of(const struct lull_job *job)
{
    return job_of(job->message.next);
}

/* ---- the queue, under the lock --------------------------------------------- */

static void put(struct lull_threads *threads, struct lull_job *job)
{
    job->message.next = NULL;
    if (threads->head == NULL)
        threads->head = job;
    else
        threads->tail->message.next = &job->message;
    threads->tail = job;
    threads->queued++;
}

/* Take out the job after `before`; NULL: the first one. */
static struct lull_job *take_after(struct lull_threads *threads, struct lull_job *before)
{
    struct lull_job *job = before != NULL ? next_of(before) : threads->head;
    if (before != NULL)
        before->message.next = job->message.next;
    else
        threads->head = next_of(job);
    if (threads->tail == job)
        threads->tail = before;
    threads->queued--;
    return job;
}

/* Take a job out wherever it is; false when it is not in the queue. */
static bool take(struct lull_threads *threads, const struct lull_job *wanted)
{
    struct lull_job *before = NULL;
    for (struct lull_job *job = threads->head; job != NULL; job = next_of(job)) {
        if (job == wanted) {
            take_after(threads, before);
            return true;
        }
        before = job;
    }
    return false;
}

/* ---- threads ---------------------------------------------------------------- */

static void free_threads(struct lull_threads *threads)
{
    pthread_cond_destroy(&threads->over);
    pthread_cond_destroy(&threads->work);
    pthread_mutex_destroy(&threads->lock);
    lull__inbox_unref(threads->inbox);
    free(threads);
}

/* The next job; NULL when the thread is to end. */
static struct lull_job *wait_for_job(struct lull_threads *threads)
{
    while (threads->head == NULL && !threads->closing) {
        threads->idle++;
        pthread_cond_wait(&threads->work, &threads->lock);
        threads->idle--;
    }
    return threads->closing ? NULL : take_after(threads, NULL);
}

static void *thread_main(void *arg)
{
    struct thread *self = arg;
    struct lull_threads *threads = self->threads;
    struct lull_job *job;
    pthread_mutex_lock(&threads->lock);
    while ((job = wait_for_job(threads)) != NULL) {
        pthread_mutex_unlock(&threads->lock);
        job->run(job);
        lull__inbox_post(threads->inbox, &job->message);
        pthread_mutex_lock(&threads->lock);
    }
    self->ended = true;
    threads->live--;
    bool last = threads->let_go && threads->live == 0;
    pthread_cond_signal(&threads->over);
    pthread_mutex_unlock(&threads->lock);
    if (last)
        free_threads(threads);
    return NULL;
}

/* Start one more thread, if there may be one more; under the lock.  An errno value. */
static int start_thread(struct lull_threads *threads)
{
    if (threads->started == LULL_POOL_THREADS)
        return 0;
    struct thread *thread = &threads->each[threads->started];
    thread->threads = threads;
    int error = lull__thread_start(&thread->id, 0, thread_main, thread);
    if (error == 0) {
        threads->started++;
        threads->live++;
    }
    return error;
}

static struct lull_threads *threads_of(struct lull_jobs *jobs, enum lull_pool pool)
{
    struct lull_threads *threads = jobs->threads[pool];
    if (threads != NULL)
        return threads;
    threads = calloc(1, sizeof *threads);
    if (threads == NULL)
        return NULL;
    if (pthread_mutex_init(&threads->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&threads->work, NULL) != 0)
        goto no_work;
    if (lull__thread_condition(&threads->over) != 0)
        goto no_over;
    lull__inbox_ref(jobs->inbox);
    threads->inbox = jobs->inbox;
    threads->jobs = jobs;
    jobs->threads[pool] = threads;
    return threads;
no_over:
    pthread_cond_destroy(&threads->work);
no_work:
    pthread_mutex_destroy(&threads->lock);
no_lock:
    free(threads);
    return NULL;
}

/* ---- jobs -------------------------------------------------------------------- */

void lull_expect(struct lull_runtime *rt)
{
    lull__jobs_of(rt)->loop->busy++;
}

void lull_unexpect(struct lull_runtime *rt)
{
    lull__jobs_of(rt)->loop->busy--;
}

static void begin_hold(struct lull_loop *loop)
{
    loop->holds++;
    loop->busy++;
}

static void end_hold(struct lull_loop *loop)
{
    loop->holds--;
    loop->busy--;
}

/* The job came back: on the runtime's thread, in a turn. */
static void deliver(struct lull_message *message)
{
    struct lull_job *job = job_of(message);
    if (job->abandoned) {
        job->drop(job);
        return;
    }
    end_hold(job->threads->jobs->loop);
    job->done(job);
}

static void drop(struct lull_message *message)
{
    struct lull_job *job = job_of(message);
    job->drop(job);
}

int lull_job_submit(struct lull_runtime *rt, enum lull_pool pool, struct lull_job *job)
{
    struct lull_jobs *jobs = lull__jobs_of(rt);
    struct lull_threads *threads = threads_of(jobs, pool);
    int error = 0;
    if (threads == NULL)
        return ENOMEM;
    job->message.deliver = deliver;
    job->message.drop = drop;
    job->threads = threads;
    job->abandoned = false;
    pthread_mutex_lock(&threads->lock);
    put(threads, job);
    if (threads->queued > threads->idle)
        error = start_thread(threads);
    if (error != 0 && threads->live == 0)
        take(threads, job); /* there is no thread that could run it */
    else
        error = 0;
    pthread_mutex_unlock(&threads->lock);
    pthread_cond_signal(&threads->work); /* whom it wakes does not find the lock held */
    if (error == 0)
        begin_hold(jobs->loop);
    return error;
}

void lull_job_abandon(struct lull_runtime *rt, struct lull_job *job)
{
    struct lull_threads *threads = job->threads;
    end_hold(lull__jobs_of(rt)->loop);
    job->abandoned = true;
    pthread_mutex_lock(&threads->lock);
    bool taken = take(threads, job);
    pthread_mutex_unlock(&threads->lock);
    if (taken)
        job->drop(job);
}

/* ---- the end ------------------------------------------------------------------- */

void lull__jobs_init(struct lull_jobs *jobs, struct lull_loop *loop,
                     struct lull_inbox *inbox)
{
    *jobs = (struct lull_jobs){.loop = loop, .inbox = inbox};
}

/* Wait until every thread has ended, but not for long; under the lock. */
static void wait_for_threads(struct lull_threads *threads)
{
    struct timespec until = lull__thread_deadline(LULL_POOL_PATIENCE_MS);
    while (threads->live > 0) {
        if (pthread_cond_timedwait(&threads->over, &threads->lock, &until) != 0)
            break;
    }
}

static void close_threads(struct lull_threads *threads)
{
    bool ended[LULL_POOL_THREADS];
    pthread_t id[LULL_POOL_THREADS];
    pthread_mutex_lock(&threads->lock);
    struct lull_job *job = threads->head;
    threads->head = threads->tail = NULL;
    threads->closing = true;
    pthread_cond_broadcast(&threads->work);
    wait_for_threads(threads);
    unsigned started = threads->started;
    for (unsigned i = 0; i < started; i++) {
        ended[i] = threads->each[i].ended;
        id[i] = threads->each[i].id;
    }
    threads->let_go = true;
    bool last = threads->live == 0;
    pthread_mutex_unlock(&threads->lock);
    /* From here the block may be gone, unless we are the last. */
    for (unsigned i = 0; i < started; i++) {
        if (ended[i])
            pthread_join(id[i], NULL);
        else
            pthread_detach(id[i]);
    }
    if (last)
        free_threads(threads);
    while (job != NULL) {
        struct lull_job *next = next_of(job);
        job->drop(job);
        job = next;
    }
}

void lull__jobs_close(struct lull_jobs *jobs)
{
    for (unsigned i = 0; i < 2; i++) {
        if (jobs->threads[i] != NULL)
            close_threads(jobs->threads[i]);
        jobs->threads[i] = NULL;
    }
}
