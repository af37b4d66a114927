/* SPDX-License-Identifier: MIT */
/*
 * linger.h -- sending on after a stream was closed.
 *
 * What a script has written it need not wait for before it closes: the bytes
 * that the peer has not taken yet are sent in the background, for at most
 * LULLB_LINGER_S seconds.  When the runtime ends sooner they are lost, but for
 * a last try; who must be certain calls flush() or shutdown() before.
 */
#ifndef LULLB_LINGER_H
#define LULLB_LINGER_H

#include "common/buffer.h"
#include "common/fdio.h"

#define LULLB_LINGER_S 10.0

/*
 * Take the descriptor and what is queued for it.  False, and nothing taken,
 * when memory is refused.  `owned`: close it at the end.
 */
bool lullb_linger(struct lull_runtime *rt, int fd, enum lullb_fd_kind kind, bool owned,
                  struct lullb_buffer *queue);

#endif
