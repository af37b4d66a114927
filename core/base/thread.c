/* SPDX-License-Identifier: MIT */
/*
 * thread.c -- starting threads, and waiting for their end.
 */
#include "base/thread.h"

#include <signal.h>

#ifdef __linux__
#define WAIT_CLOCK CLOCK_MONOTONIC
#else
#define WAIT_CLOCK CLOCK_REALTIME
#endif

int lull__thread_start(pthread_t *thread, int signal, void *(*main)(void *), void *arg)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    if (signal != 0)
        sigdelset(&blocked, signal);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int error = pthread_create(thread, NULL, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int lull__thread_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error != 0)
        return error;
#ifdef __linux__
    pthread_condattr_setclock(&attributes, WAIT_CLOCK);
#endif
    error = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

struct timespec lull__thread_deadline(long ms)
{
    struct timespec until;
    clock_gettime(WAIT_CLOCK, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return until;
}
