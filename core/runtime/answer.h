/* SPDX-License-Identifier: MIT */
/*
 * answer.h -- giving the tree of tasks to another process that asks for it.
 *
 * Who asks sends a signal with a value (sigqueue), which holds two of its descriptors:
 * a memory file for the tree, and a pipe for the byte that says that it is all there.
 * They are opened through /proc/PID/fd: there is no name that others could take, no
 * link to follow, nothing to be left behind, and the kernel lets only the same user
 * (and root) in.  What is no unnamed, empty file and no pipe is not written to, so a
 * value that means something else does no harm.
 *
 * Nothing here blocks: the file is memory, the pipe has room for a byte, and who
 * asked may have gone.  One question at a time; those that come meanwhile are not
 * heard, and may be asked again.  Linux only.
 */
#ifndef LULL_ANSWER_H
#define LULL_ANSWER_H

#include <signal.h>
#include <stdbool.h>

/* A question, in the runtime.  The runtime's thread, and signal handlers on it. */
struct lull_question {
    volatile sig_atomic_t asked; /* the rest counts */
    int file;
    int done;
};

/*
 * Is this siginfo_t a question, the only one?  Then its descriptors are open.
 * Async-signal-safe.
 */
bool lull__answer_hear(struct lull_question *question, const void *siginfo);

/* Say that the file is written, if it is, and let go of the question, if there is one. */
void lull__answer_end(struct lull_question *question, bool written);

#endif
