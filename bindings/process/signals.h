/* SPDX-License-Identifier: MIT */
/*
 * signals.h -- the process's signals, brought to the runtimes that asked for them.
 *
 * What happens at a signal is set for the whole process, and a handler is told nothing
 * but the number: whoever shares it between runtimes has to share something.  So here
 * is what may be nowhere else, one static object (tests/check/symbols knows it).  The
 * other ways do not lead there:
 *
 *   - libevent's evsignal keeps the one base that gets signals in a static of its
 *     own; the last base to ask takes them all from the others.
 *   - A signalfd needs the signal blocked in every thread, which no library can see
 *     to: any other thread gets the handler, or the default action.  And where several
 *     read, one of them gets it.
 *
 * A runtime that listens has a post: a descriptor for its loop, and bits.  The handler
 * sets the bits of all posts that want the signal and makes their descriptors readable.
 * It uses atomics and write(2), and may run on any thread.
 *
 * The handler is there from the first who wants a signal to the last; then what was
 * there before is put back, unless somebody else has replaced it meanwhile.  What was
 * there before is not called.
 *
 * Thread: a post belongs to one, and there may be others on others.
 */
#ifndef LULLB_SIGNALS_H
#define LULLB_SIGNALS_H

#include <stdint.h>

#define LULLB_MAX_SIGNAL 63 /* bits of a set: those that have names are far below */

struct lullb_post;

/*
 * A new post; *fd, borrowed, is readable when signals have arrived.  NULL and errno:
 * EMFILE also when too many runtimes listen.
 */
struct lullb_post *lullb_post_open(int *fd);

/* Nothing is wanted any more. */
void lullb_post_close(struct lullb_post *post);

/* From now on this signal comes here.  0 or an errno value.  Calls do not count. */
int lullb_post_want(struct lullb_post *post, int number);
void lullb_post_unwant(struct lullb_post *post, int number);

/* What has arrived since the last call: a set of bits by number. */
uint64_t lullb_post_take(struct lullb_post *post);

#endif
