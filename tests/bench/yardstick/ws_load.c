/* SPDX-License-Identifier: MIT */
/*
 * ws_load.c -- drives a WebSocket echo server and reads the CPU time it spent.
 *
 *   ws_load CONNECTIONS SIZE TRIPS WARMUP PROGRAM ARGS...
 *
 * starts the server (which prints "port=..."), shakes hands (RFC 6455), keeps
 * one text message of SIZE bytes on its way per connection, every one masked
 * with another key, checks every frame and every byte that comes back, and
 * kills the server.  No extension is offered.  Prints "ns=... wall=..." :
 * server CPU (user and system, all threads) and wall nanoseconds per round
 * trip, after WARMUP trips, or those of half a second of CPU time, that do
 * not count.
 *
 * One thread, level-triggered epoll.
 */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    BATCH = 256,
    STALL_MS = 20000,
    WARM_UP_STEP = 250,
    LONGEST = 65535, /* what a length of two bytes holds */
    FRAME_HEAD = 8,  /* at most: two bytes, the length, the mask */
    HEAD_MAX = 4096,
    FINAL_TEXT = 0x81, /* FIN and opcode 1 */
    MASKED = 0x80,
    LENGTH_16 = 126, /* the length follows in two bytes */
};

static const double WARM_UP_SECONDS = 0.5;

/* The key of RFC 6455, section 1.3, and the answer it gives to it. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct connection {
    int fd;
    int busy;        /* a message of it is on its way */
    size_t received; /* bytes of the frame that came back */
    char *frame;     /* that frame */
};

struct load {
    int poll;
    int count;         /* connections */
    size_t size;       /* bytes per message */
    size_t reply_size; /* bytes of the frame that comes back, which has no mask */
    long to_start;     /* messages of this phase not yet begun */
    long to_end;       /* messages of this phase not yet echoed */
    uint32_t mask;     /* of the message before */
    char *message;
    char *frame; /* what is sent */
    struct connection *conns;
};

/* ---- the handshake ---- */

static void send_all(int fd, const char *bytes, size_t length)
{
    if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("send"); /* messages are small and the peer waits for this one */
}

/* Reads a head byte by byte, as a frame could follow it at once. */
static void read_head(int fd, char *head)
{
    size_t length = 0;
    while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
        errno = 0;
        if (length + 1 == HEAD_MAX || recv(fd, head + length, 1, 0) != 1)
            fail("the answer to the handshake");
        length++;
    }
    head[length] = '\0';
}

static void shake_hands(int fd, int port)
{
    char head[HEAD_MAX];
    int length =
        snprintf(head, sizeof head,
                 "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: %s\r\n\r\n",
                 port, KEY);
    send_all(fd, head, (size_t)length);
    read_head(fd, head);
    errno = 0;
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || !strstr(head, ACCEPT))
        fail("the server does not switch to WebSocket");
    if (strcasestr(head, "Sec-WebSocket-Extensions"))
        fail("the server uses an extension nobody offered");
}

/* ---- messages ---- */

/* A masked text frame with the message; returns its length. */
static size_t make_frame(struct load *load)
{
    char *frame = load->frame, mask[4];
    size_t at = 0;
    load->mask = load->mask * 1664525u + 1013904223u;
    memcpy(mask, &load->mask, sizeof mask);
    frame[at++] = (char)FINAL_TEXT;
    if (load->size < LENGTH_16) {
        frame[at++] = (char)(MASKED | load->size);
    } else {
        frame[at++] = (char)(MASKED | LENGTH_16);
        frame[at++] = (char)(load->size >> 8);
        frame[at++] = (char)load->size;
    }
    memcpy(frame + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < load->size; i++)
        frame[at + i] = (char)(load->message[i] ^ mask[i % 4]);
    return at + load->size;
}

/* Begins the next message, if there is one left in this phase. */
static void begin_trip(struct load *load, struct connection *conn)
{
    if (load->to_start == 0)
        return;
    load->to_start--;
    conn->busy = 1;
    conn->received = 0;
    send_all(conn->fd, load->frame, make_frame(load));
}

static void check_frame(const struct load *load, const char *frame)
{
    size_t head = load->reply_size - load->size;
    size_t length = (unsigned char)frame[1];
    if (length == LENGTH_16)
        length = (size_t)(unsigned char)frame[2] << 8 | (unsigned char)frame[3];
    errno = 0;
    if ((unsigned char)frame[0] != FINAL_TEXT || length != load->size)
        fail("no text frame of that length");
    if (memcmp(frame + head, load->message, load->size) != 0)
        fail("the echo differs");
}

static void receive(struct load *load, struct connection *conn)
{
    /* one byte more than fits: nobody asked for it */
    size_t want = load->reply_size + 1 - conn->received;
    ssize_t got = recv(conn->fd, conn->frame + conn->received, want, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    errno = got < 0 ? errno : 0;
    if (got <= 0)
        fail("the server closed a connection");
    conn->received += (size_t)got;
    if (!conn->busy || conn->received > load->reply_size)
        fail("bytes that nobody asked for");
    if (conn->received < load->reply_size)
        return;
    check_frame(load, conn->frame);
    conn->busy = 0;
    load->to_end--;
    begin_trip(load, conn);
}

/* ---- the run ---- */

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
        for (int i = 0; i < count; i++)
            receive(load, events[i].data.ptr);
    }
}

static void warm_up(struct load *load, long trips)
{
    double end = server_seconds() + WARM_UP_SECONDS;
    for (; trips > 0 && server_seconds() < end; trips -= WARM_UP_STEP)
        run_phase(load, WARM_UP_STEP);
}

static void open_connection(struct load *load, struct connection *conn, int port)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.ptr = conn;
    conn->fd = server_connect(port);
    conn->frame = malloc(load->reply_size + 1);
    if (!conn->frame)
        fail("malloc");
    shake_hands(conn->fd, port);
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        fail("epoll_ctl");
}

static void load_open(struct load *load, int port)
{
    load->poll = epoll_create1(EPOLL_CLOEXEC);
    load->message = malloc(load->size);
    load->frame = malloc(FRAME_HEAD + load->size);
    load->conns = calloc((size_t)load->count, sizeof *load->conns);
    if (load->poll < 0 || !load->message || !load->frame || !load->conns)
        fail("load_open");
    for (size_t i = 0; i < load->size; i++)
        load->message[i] = (char)('a' + i % 23);
    for (int i = 0; i < load->count; i++)
        open_connection(load, &load->conns[i], port);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    long trips = argc > 5 ? strtol(argv[3], NULL, 10) : 0;
    if (trips <= 0)
        fail("usage: ws_load CONNECTIONS SIZE TRIPS WARMUP PROGRAM ARGS...");
    load.count = (int)strtol(argv[1], NULL, 10);
    load.size = strtoul(argv[2], NULL, 10);
    load.reply_size = load.size + (load.size < LENGTH_16 ? 2 : 4);
    if (load.count <= 0 || load.size == 0 || load.size > LONGEST)
        fail("CONNECTIONS or SIZE is out of range");
    int port = server_start(argv + 5);
    pin(LOAD_PROCESSOR);
    load_open(&load, port);
    warm_up(&load, strtol(argv[4], NULL, 10));
    double cpu = server_seconds(), wall = seconds(CLOCK_MONOTONIC);
    run_phase(&load, trips);
    cpu = server_seconds() - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    server_stop();
    printf("ns=%.1f wall=%.1f\n", cpu / (double)trips * 1e9, wall / (double)trips * 1e9);
    return EXIT_SUCCESS;
}
