/* SPDX-License-Identifier: MIT */
/*
 * fdio.h -- reading and writing a descriptor without ever blocking, whatever
 * it is, and without SIGPIPE.
 */
#ifndef LULLB_FDIO_H
#define LULLB_FDIO_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

enum lullb_fd_kind {
    LULLB_FD_SOCKET,      /* told per call not to block, not to signal */
    LULLB_FD_NONBLOCKING, /* O_NONBLOCK is set: a pipe of our own */
    LULLB_FD_SHARED, /* O_NONBLOCK may not be set, since others share it: polled first */
    LULLB_FD_TERMINAL, /* our side of one: O_NONBLOCK is set, EIO is the end */
    LULLB_FD_FILE      /* a regular file or the like: always ready, cannot be watched */
};

/* What an open descriptor is; -1 and errno when it is none. */
int lullb_fd_kind_of(int fd);

/* Like read; -1 and EAGAIN: nothing now. */
ssize_t lullb_fd_read(int fd, enum lullb_fd_kind kind, void *bytes, size_t size);

/*
 * Like writev; -1 and EAGAIN: not now.  A short count means that the
 * descriptor takes no more now, unless it is a shared one: those take a little
 * at a time and are to be tried until EAGAIN.
 */
ssize_t lullb_fd_write(int fd, enum lullb_fd_kind kind, const struct iovec *parts,
                       int count);

#endif
