/* SPDX-License-Identifier: MIT */
/*
 * epoll_echo.c -- the yardstick for echo: an echo server on bare epoll.
 *
 * One thread, level-triggered.  Every connection stays registered for reading;
 * what one recv brings is sent at once.  Only when the peer does not take all
 * of it is the rest kept, and reading stops until it is gone.  Prints
 * "port=..." and serves until it is killed; running out of anything ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, BATCH = 256 };

struct connection {
    int fd;
    size_t from;   /* first byte of rest not yet sent */
    size_t length; /* bytes in rest, 0 when all was sent */
    char *rest;    /* allocated at the first partial send */
};

static char chunk[CHUNK];

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void watch(int poll, struct connection *conn, int op, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(poll, op, conn->fd, &event) < 0)
        fail("epoll_ctl");
}

static struct connection *connection_new(int fd)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (!conn)
        fail("calloc");
    conn->fd = fd;
    return conn;
}

static void connection_free(struct connection *conn)
{
    close(conn->fd);
    free(conn->rest);
    free(conn);
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
        listen(fd, 1024) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        fail("listen");
    printf("port=%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void on_incoming(int poll, int listener)
{
    int on = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(poll, connection_new(fd), EPOLL_CTL_ADD, EPOLLIN);
    }
    if (errno != EAGAIN)
        fail("accept4");
}

static void keep_rest(int poll, struct connection *conn, const char *bytes, size_t length)
{
    if (!conn->rest && !(conn->rest = malloc(CHUNK)))
        fail("malloc");
    memcpy(conn->rest, bytes, length);
    conn->from = 0;
    conn->length = length;
    watch(poll, conn, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_readable(int poll, struct connection *conn)
{
    ssize_t got = recv(conn->fd, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    ssize_t sent = got > 0 ? send(conn->fd, chunk, (size_t)got, MSG_NOSIGNAL) : -1;
    if (sent < 0 && got > 0 && errno == EAGAIN)
        sent = 0;
    if (sent < 0)
        connection_free(conn);
    else if (sent < got)
        keep_rest(poll, conn, chunk + sent, (size_t)(got - sent));
}

static void on_writable(int poll, struct connection *conn)
{
    size_t left = conn->length - conn->from;
    ssize_t sent = send(conn->fd, conn->rest + conn->from, left, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN)
        return;
    if (sent < 0) {
        connection_free(conn);
        return;
    }
    conn->from += (size_t)sent;
    if (conn->from == conn->length) {
        conn->length = 0;
        watch(poll, conn, EPOLL_CTL_MOD, EPOLLIN);
    }
}

int main(void)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *listener = connection_new(open_listener());
    struct epoll_event events[BATCH];
    watch(poll, listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poll, events, BATCH, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *conn = events[i].data.ptr;
            if (conn == listener)
                on_incoming(poll, listener->fd);
            else if (conn->length)
                on_writable(poll, conn);
            else
                on_readable(poll, conn);
        }
    }
}
