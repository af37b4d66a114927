/* SPDX-License-Identifier: MIT */
/*
 * threads.c -- a runtime per thread, and work that is posted between them.
 *
 * Each worker says that it is there; the main thread gives it a number, gets the result,
 * gives it the next.  lull_post() is the only way across: it calls in the other's turn.
 *
 *   cc threads.c $(pkg-config --cflags --libs lull libevent_core) -pthread -o threads
 */
#include <lull.h>

#include <event2/event.h>
#include <lua.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 3
#define NUMBERS 12

/* The main thread's.  A worker reads `home` and writes the result of its number. */
struct work {
    struct lull_runtime *home;
    int given;
    int working; /* workers that have not been sent home */
    lua_Integer results[NUMBERS + 1];
};

/* The main thread's or the worker's: whose it is changes with each post. */
struct worker {
    pthread_t thread;
    struct work *work;
    struct lull_runtime *rt; /* the worker's */
    int number;              /* what it works on */
};

static const char script[] = "local s = 0; for i = 1, ... do s = s + i * i end; return s";
static void on_ready(struct lull_runtime *home, void *arg);

static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    struct worker *worker = arg;
    (void)rt;
    if (outcome->status == LULL_DONE)
        worker->work->results[worker->number] = lua_tointeger(outcome->L, -1);
    lull_post(worker->work->home, on_ready, worker);
}

/* Posted to a worker: here is a number. */
static void on_number(struct lull_runtime *rt, void *arg)
{
    struct worker *worker = arg;
    enum lull_status status = lull_load(rt, script, strlen(script), "=script");
    lua_pushinteger(lull_state(rt), worker->number);
    if (status != LULL_DONE || lull_call(rt, 1, on_outcome, worker) == NULL)
        abort(); /* there is no memory */
}

static void on_leave(struct lull_runtime *rt, void *arg)
{
    (void)arg;
    event_base_loopbreak(lull_base(rt));
}

/* Posted to the main thread: a worker is there, or has a result.  Give it the next. */
static void on_ready(struct lull_runtime *home, void *arg)
{
    struct worker *worker = arg;
    struct work *work = worker->work;
    int more = work->given < NUMBERS;
    if (more)
        worker->number = ++work->given;
    lull_post(worker->rt, more ? on_number : on_leave, worker);
    if (!more && --work->working == 0)
        on_leave(home, NULL);
}

/* A runtime of the calling thread, on a base of its own. */
static struct lull_runtime *new_runtime(void)
{
    struct lull_options options = {.size = sizeof options, .base = event_base_new()};
    struct lull_runtime *rt = options.base != NULL ? lull_new(&options) : NULL;
    if (rt == NULL)
        abort();
    return rt;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct lull_runtime *rt = worker->rt = new_runtime();
    struct event_base *base = lull_base(rt);
    lull_post(worker->work->home, on_ready, worker); /* now the worker is the main's */
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);  /* until on_leave() */
    lull_free(rt, 0);
    event_base_free(base); /* it was lent */
    return NULL;
}

int main(void)
{
    struct worker workers[WORKERS] = {{0}};
    struct work work = {.home = new_runtime(), .working = WORKERS};
    struct event_base *base = lull_base(work.home);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].work = &work;
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
            abort();
    }
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL); /* first: a post needs a runtime */
    lull_free(work.home, 0);
    event_base_free(base);
    for (int n = 1; n <= NUMBERS; n++)
        printf("%d: %lld\n", n, (long long)work.results[n]);
}
