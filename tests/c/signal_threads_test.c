/* SPDX-License-Identifier: MIT */
/*
 * signal_threads_test.c -- lull.signal in a host: runtimes on one base, on several, on
 * several threads; and that the host has its handlers back.
 */
#include "host.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define THREADS 3
#define ROUNDS  100

static const luaL_Reg no_functions[] = {{NULL, NULL}};

static int host_got; /* atomic */
static int stopped;  /* atomic */

static void on_host_signal(int number)
{
    (void)number;
    __atomic_add_fetch(&host_got, 1, __ATOMIC_RELAXED);
}

static void take(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_host_signal;
    CHECK(sigaction(number, &action, NULL) == 0);
}

static bool is_hosts(int number)
{
    struct sigaction now;
    CHECK(sigaction(number, NULL, &now) == 0);
    return now.sa_handler == on_host_signal;
}

static struct lull_runtime *make(struct event_base *base)
{
    const struct lull_options options = {.size = sizeof options,
                                         .base = base,
                                         .report = ignore_report,
                                         .permissions = ALLOW_ALL};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

/* Two runtimes on the host's base and one on its own: each gets the signal, the host not. */
static void test_bases(void)
{
    static const char script[] = "local signal = require 'lull.signal'\n"
                                 "assert(signal.wait('USR1') == 'USR1')\n";
    struct event_base *base = event_base_new();
    struct lull_runtime *shared[2] = {make(base), make(base)}, *own = make(NULL);
    struct told told[3];
    take(SIGUSR1);
    for (int i = 0; i < 2; i++)
        CHECK(start(shared[i], script, &told[i]));
    CHECK(start(own, script, &told[2]));
    for (int i = 0; i < 10; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        lull_step(own, 0);
    }
    CHECK(!is_hosts(SIGUSR1));
    CHECK(raise(SIGUSR1) == 0);
    for (int i = 0; i < 100; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        lull_step(own, 0);
    }
    for (int i = 0; i < 3; i++)
        CHECK(told[i].times == 1 && told[i].status == LULL_DONE);
    CHECK(is_hosts(SIGUSR1));
    CHECK(host_got == 0);
    CHECK(raise(SIGUSR1) == 0 && host_got == 1);
    lull_free(shared[0], 0);
    lull_free(shared[1], 0);
    lull_free(own, 0);
    event_base_free(base);
}

/* Who is freed while it listens listens no more. */
static void test_free(void)
{
    struct host host = {.rt = NULL};
    take(SIGUSR1);
    CHECK(open_host(&host, no_functions));
    CHECK(start(host.rt, "for _ in require('lull.signal').listen('USR1') do end",
                &host.told));
    for (int i = 0; i < 10; i++)
        lull_step(host.rt, 0);
    CHECK(!is_hosts(SIGUSR1));
    CHECK(raise(SIGUSR1) == 0);
    close_host(&host, 0);
    CHECK(is_hosts(SIGUSR1));
}

/* What the host has set meanwhile stays. */
static void test_replaced(void)
{
    struct host host = {.rt = NULL};
    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    CHECK(open_host(&host, no_functions));
    CHECK(start(host.rt, "for _ in require('lull.signal').listen('USR1') do end",
                &host.told));
    for (int i = 0; i < 10; i++)
        lull_step(host.rt, 0);
    take(SIGUSR1);
    close_host(&host, 0);
    CHECK(is_hosts(SIGUSR1));
}

/* Listeners come and go; a round takes what has come. */
static void *keep_listening(void *arg)
{
    static const char script[] =
        "local lull, signal = require 'lull', require 'lull.signal'\n"
        "for _ = 1, 5 do\n"
        "  lull.move_on_after(0.002, signal.wait, 'USR1', 'USR2')\n"
        "end\n";
    struct host host = {.rt = NULL};
    (void)arg;
    for (int i = 0; i < ROUNDS / 5; i++) {
        CHECK(open_host(&host, no_functions));
        CHECK(start(host.rt, script, &host.told));
        CHECK(lull_run(host.rt) == LULL_DONE);
        CHECK(host.told.status == LULL_DONE);
        close_host(&host, 0);
    }
    return NULL;
}

static void *rain(void *arg)
{
    static const struct timespec pause = {.tv_nsec = 20000};
    (void)arg;
    while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS], sender;
    take(SIGUSR1);
    take(SIGUSR2);
    CHECK(pthread_create(&sender, NULL, rain, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, keep_listening, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
    pthread_join(sender, NULL);
    CHECK(is_hosts(SIGUSR1) && is_hosts(SIGUSR2));
}

int main(void)
{
    test_bases();
    test_free();
    test_replaced();
    test_threads();
    return 0;
}
