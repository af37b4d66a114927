/* SPDX-License-Identifier: MIT */
/*
 * inbox.h -- the mailbox of a runtime: how other threads reach it.
 *
 * Any thread posts messages; the runtime's thread is woken through a
 * descriptor of our own (so that a borrowed event_base needs no locking),
 * takes all that has come, and delivers it in a turn.
 *
 *   1. A message ends exactly once: delivered on the runtime's thread, or
 *      dropped, on whichever thread finds that the runtime is gone.
 *   2. The descriptor is written once per batch, not per message.
 *   3. The mailbox outlives its runtime for as long as somebody holds a
 *      reference; whoever posts must hold one.  After lull__inbox_close()
 *      nothing in it but the lock, the flag and the count is used.
 *
 * Ownership: messages are intrusive and belong to the mailbox between post
 * and their end.  The block is from malloc: no runtime's account may be
 * charged from other threads.
 */
#ifndef LULL_INBOX_H
#define LULL_INBOX_H

#include "lull_ext.h"

struct event_base;
struct lull_inbox;

/*
 * A mailbox with one reference, listening on `base`: on_wake(arg) is called
 * from there when something may have come.  NULL: no memory or descriptor.
 */
struct lull_inbox *lull__inbox_new(struct event_base *base, void (*on_wake)(void *arg),
                                   void *arg);

/* Count references, from any thread. */
void lull__inbox_ref(struct lull_inbox *inbox);
void lull__inbox_unref(struct lull_inbox *inbox);

/*
 * The runtime goes: stop listening, drop what has come and all that will.
 * Idempotent.  The runtime's thread; its reference is still to be given up.
 */
void lull__inbox_close(struct lull_inbox *inbox);

/*
 * Post a message, from any thread.  False when the mailbox is closed: then the
 * message was dropped.
 */
bool lull__inbox_post(struct lull_inbox *inbox, struct lull_message *message);

/* Take out what has come, in order; NULL: nothing.  The runtime's thread. */
struct lull_message *lull__inbox_take(struct lull_inbox *inbox);

/* Take out and deliver what has come.  In a turn. */
void lull__inbox_deliver(struct lull_inbox *inbox);

/* Wait at most `ns` for something to come, without the base; on_wake is called then. */
void lull__inbox_wait(struct lull_inbox *inbox, uint64_t ns);

/* Wake the runtime without a message.  Async-signal-safe; the runtime must exist. */
void lull__inbox_signal(struct lull_inbox *inbox);

#endif
