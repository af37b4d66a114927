/* SPDX-License-Identifier: MIT */
/*
 * handle.h -- the runtime's list of open native objects.
 *
 * Streams, listeners and the like are handles (lull_ext.h): born closed,
 * opened once, closed once.  The list is what teardown closes, newest first,
 * and what the tests count to find leaks.
 *
 * Thread: the runtime's.
 */
#ifndef LULL_HANDLE_H
#define LULL_HANDLE_H

#include "lull_ext.h"

struct lull_handles {
    struct lull_handle head; /* of a ring; no handle itself */
    unsigned open;           /* how many scripts have open */
    unsigned background;     /* how many finish by themselves, beside these */
};

/* Implemented by the runtime, which embeds it. */
struct lull_handles *lull__handles_of(struct lull_runtime *rt);

/* Has the host set a limit on how many there may be? */
bool lull__handles_limited(const struct lull_runtime *rt);

void lull__handles_init(struct lull_handles *handles);

/* Close what scripts have open; what finishes by itself goes on. */
void lull__handles_close_open(struct lull_handles *handles);

/* Close whatever is open.  What a close hook opens is closed, too. */
void lull__handles_close_all(struct lull_handles *handles);

#endif
