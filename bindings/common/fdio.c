/* SPDX-License-Identifier: MIT */
/*
 * fdio.c -- one read or write, for each kind of descriptor.
 *
 * A write to a pipe without a reader raises SIGPIPE, and only sockets can be
 * told otherwise.  A library may not ignore a signal for its host, so the
 * signal is blocked in this thread for the length of the call, and the one
 * that the call made is consumed before it is unblocked.
 */
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/sysmacros.h> /* major */
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* there SO_NOSIGPIPE is set when a socket is made */
#endif

#define MEMORY_DEVICES 1 /* /dev/null, /dev/zero and the like */

int lullb_fd_kind_of(int fd)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &status) < 0)
        return -1;
    if (S_ISSOCK(status.st_mode))
        return LULLB_FD_SOCKET;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
        return LULLB_FD_FILE;
    if (S_ISCHR(status.st_mode) && major(status.st_rdev) == MEMORY_DEVICES)
        return LULLB_FD_FILE;
    return (flags & O_NONBLOCK) != 0 ? LULLB_FD_NONBLOCKING : LULLB_FD_SHARED;
}

/* 0 when the descriptor is ready, else -1 and errno. */
static int poll_now(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};
    int ready;
    do {
        ready = poll(&item, 1, 0);
    } while (ready < 0 && errno == EINTR);
    if (ready > 0 && (item.revents & POLLNVAL) != 0) {
        errno = EBADF;
        return -1;
    }
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0 ? 0 : -1;
}

/* EAGAIN has two names where they differ. */
static ssize_t result(ssize_t count)
{
    if (count < 0 && errno == EWOULDBLOCK)
        errno = EAGAIN;
    return count;
}

ssize_t lullb_fd_read(int fd, enum lullb_fd_kind kind, void *bytes, size_t size)
{
    ssize_t count;
    if (kind == LULLB_FD_SHARED && poll_now(fd, POLLIN) < 0)
        return -1;
    do {
        count = kind == LULLB_FD_SOCKET ? recv(fd, bytes, size, MSG_DONTWAIT)
                                        : read(fd, bytes, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EIO && kind == LULLB_FD_TERMINAL)
        return 0; /* nobody has the other side open any more */
    return result(count);
}

static ssize_t send_parts(int fd, const struct iovec *parts, int count)
{
    if (count == 1)
        return send(fd, parts->iov_base, parts->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = (struct iovec *)parts};
    message.msg_iovlen = (size_t)count;
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Not there where the host ignores it. */
static void consume_sigpipe(const sigset_t *only_pipe)
{
    sigset_t pending;
    int number;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE))
        sigwait(only_pipe, &number);
}

static ssize_t write_guarded(int fd, const struct iovec *parts, int count)
{
    sigset_t only_pipe, pending, before;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &only_pipe, &before);
    ssize_t written = writev(fd, parts, count);
    int error = errno;
    /* One that was pending before is not ours to take. */
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        consume_sigpipe(&only_pipe);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

ssize_t lullb_fd_write(int fd, enum lullb_fd_kind kind, const struct iovec *parts,
                       int count)
{
    struct iovec little;
    ssize_t written;
    if (kind == LULLB_FD_SHARED) {
        if (poll_now(fd, POLLOUT) < 0)
            return -1;
        /* What is writable takes this much without blocking, and maybe no more. */
        little = parts[0];
        if (little.iov_len > PIPE_BUF)
            little.iov_len = PIPE_BUF;
        parts = &little;
        count = 1;
    }
    do {
        written = kind == LULLB_FD_SOCKET ? send_parts(fd, parts, count)
                                          : write_guarded(fd, parts, count);
    } while (written < 0 && errno == EINTR);
    return result(written);
}
