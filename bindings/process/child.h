/* SPDX-License-Identifier: MIT */
/*
 * child.h -- a process that we started: its end, and how it is brought about.
 *
 * The end is told by a pidfd, which the loop watches like any descriptor.  Where
 * there is none (an old kernel, a sandbox, no descriptors left) a timer asks
 * waitpid for this one child, at first after a millisecond, then less and less
 * often, up to every 50 ms.  Not SIGCHLD: it is the host's, with its handler.  Nor
 * a pipe that the child holds open: programs close what they do not know, and
 * their children keep it.  Only our own children are waited for, each by its
 * number; until that has happened the number is nobody else's, so signals always
 * reach who was meant.
 *
 * A child lives on after its handle is closed: it is killed, unless it may stay,
 * and a background handle waits for its end, so that there is no zombie.  At
 * teardown that waits for a moment.
 *
 * Ownership: a heap block with two holders, the object in Lua and the process.
 * Thread: the runtime's.
 */
#ifndef LULLB_CHILD_H
#define LULLB_CHILD_H

#include "common/bind.h"
#include "common/timedop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/types.h>

struct lullb_child {
    struct lull_handle handle; /* first; open while it runs and the script may know it */
    struct lull_handle reaper; /* open while it runs and nobody else cares */
    struct lull_runtime *rt;
    struct event event;       /* of the pidfd */
    struct lull_timer poll;   /* in its place */
    struct lull_timer grace;  /* until it is killed */
    struct lull_line waiters; /* for its end */
    double pause;             /* seconds until the next poll */
    pid_t pid;
    int pidfd;        /* -1: polled */
    int status;       /* once it is over, as waitpid says */
    int error;        /* in the place of that: somebody else has waited for it */
    unsigned holders; /* of the block */
    bool over;
    bool group;    /* it leads a process group */
    bool stays;    /* it is not killed when it is forgotten */
    bool expected; /* virtual time does not jump while it runs */
    bool doomed;   /* its group goes with it */
};

/* Memory for one, before there is a process; NULL when refused.  One holder. */
struct lullb_child *lullb_child_new(struct lull_runtime *rt);

/*
 * The process runs: watch it.  `polls`: without pidfd.  False when memory is refused: then
 * it has been killed.
 */
bool lullb_child_open(struct lullb_child *child, pid_t pid, bool polls);

/* Give up one's hold. */
void lullb_child_drop(struct lullb_child *child);

/*
 * Send a signal to the child, or to its group if it has one of its own.  0 or an errno
 * value; ESRCH when it is over.
 */
int lullb_child_kill(const struct lullb_child *child, int number, bool group);

/*
 * End it and its group: TERM now, KILL after `grace` seconds or, for the rest of the
 * group, when the child itself has ended.
 */
void lullb_child_terminate(struct lullb_child *child, double grace);

/* Kill it unless it may stay, and let go.  Who waits gets `closed`.  Idempotent. */
void lullb_child_forget(struct lullb_child *child);

#endif
