/* SPDX-License-Identifier: MIT */
/*
 * thread.h -- threads of the library's own: they take no signals, and are waited for
 * with a limit.
 */
#ifndef LULL_THREAD_H
#define LULL_THREAD_H

#include <pthread.h>
#include <time.h>

/*
 * Start a thread with every signal blocked but this one (0: every one).  0, or an
 * errno value.
 */
int lull__thread_start(pthread_t *thread, int signal, void *(*main)(void *), void *arg);

/*
 * A condition that is waited for until a time of lull__thread_deadline(): by a clock
 * that nobody sets, where there is one.  0, or an errno value.
 */
int lull__thread_condition(pthread_cond_t *condition);

/* The time in `ms` milliseconds, for pthread_cond_timedwait() on such a condition. */
struct timespec lull__thread_deadline(long ms);

#endif
