/* SPDX-License-Identifier: MIT */
/*
 * load.c -- drives an echo server and reads the CPU time the server spent.
 *
 *   load CONNECTIONS SIZE TRIPS PROGRAM ARGS...
 *
 * starts the server (which prints "port=..."), keeps one message of SIZE bytes
 * on its way per connection, checks every echoed byte, and kills the server.
 * Prints "ns=... wall=..." : server CPU (user and system, all threads) and wall
 * nanoseconds per round trip, after a third of the trips as warm-up.
 *
 * One thread, edge-triggered epoll.
 */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 256, STALL_MS = 20000 };

struct connection {
    int fd;
    size_t sent;     /* bytes of the current message handed to the kernel */
    size_t received; /* bytes of it that came back */
};

struct load {
    int poll;
    int count;     /* connections */
    size_t size;   /* bytes per message */
    long to_start; /* messages of this phase not yet begun */
    long to_end;   /* messages of this phase not yet echoed */
    char *message; /* what is sent, size bytes */
    char *echo;    /* receive buffer, size bytes */
    struct connection *conns;
};

static void open_connection(struct load *load, struct connection *conn, int port)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    event.data.ptr = conn;
    conn->fd = server_connect(port);
    conn->sent = conn->received = load->size;
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        fail("epoll_ctl");
}

static void send_rest(const struct load *load, struct connection *conn)
{
    while (conn->sent < load->size) {
        ssize_t sent = send(conn->fd, load->message + conn->sent, load->size - conn->sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0)
            fail("send");
        conn->sent += (size_t)sent;
    }
}

/* Begins the next message, if there is one left in this phase. */
static void begin_trip(struct load *load, struct connection *conn)
{
    if (load->to_start == 0)
        return;
    load->to_start--;
    conn->sent = conn->received = 0;
    send_rest(load, conn);
}

static void receive(struct load *load, struct connection *conn)
{
    while (conn->received < load->size) {
        size_t want = load->size - conn->received;
        ssize_t got = recv(conn->fd, load->echo, want, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            fail("the server closed a connection");
        if (memcmp(load->echo, load->message + conn->received, (size_t)got) != 0)
            fail("the echo differs");
        conn->received += (size_t)got;
        if (conn->received < load->size && (size_t)got < want)
            return;
    }
    load->to_end--;
    begin_trip(load, conn);
}

static void run_phase(struct load *load, long trips)
{
    struct epoll_event events[BATCH];
    load->to_start = load->to_end = trips;
    for (int i = 0; i < load->count; i++)
        begin_trip(load, &load->conns[i]);
    while (load->to_end > 0) {
        int count = epoll_wait(load->poll, events, BATCH, STALL_MS);
        errno = count == 0 ? ETIMEDOUT : errno;
        if (count <= 0)
            fail("waiting for the server");
        for (int i = 0; i < count; i++) {
            struct connection *conn = events[i].data.ptr;
            send_rest(load, conn);
            if (conn->received < load->size && (events[i].events & ~(unsigned)EPOLLOUT))
                receive(load, conn);
        }
    }
}

static void load_open(struct load *load, int port)
{
    load->poll = epoll_create1(EPOLL_CLOEXEC);
    load->message = malloc(load->size);
    load->echo = malloc(load->size);
    load->conns = calloc((size_t)load->count, sizeof *load->conns);
    if (load->poll < 0 || !load->message || !load->echo || !load->conns)
        fail("load_open");
    for (size_t i = 0; i < load->size; i++)
        load->message[i] = (char)('a' + i % 23);
    for (int i = 0; i < load->count; i++)
        open_connection(load, &load->conns[i], port);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    long trips = argc > 4 ? strtol(argv[3], NULL, 10) : 0;
    if (trips <= 0)
        fail("usage: load CONNECTIONS SIZE TRIPS PROGRAM ARGS...");
    load.count = (int)strtol(argv[1], NULL, 10);
    load.size = (size_t)strtol(argv[2], NULL, 10);
    int port = server_start(argv + 4);
    pin(LOAD_PROCESSOR);
    load_open(&load, port);
    run_phase(&load, trips / 3 > load.count ? trips / 3 : load.count);
    double cpu = server_seconds(), wall = seconds(CLOCK_MONOTONIC);
    run_phase(&load, trips);
    cpu = server_seconds() - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    server_stop();
    printf("ns=%.1f wall=%.1f\n", cpu / (double)trips * 1e9, wall / (double)trips * 1e9);
    return EXIT_SUCCESS;
}
