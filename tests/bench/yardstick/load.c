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
 * One thread, edge-triggered epoll.  With two processors or more the server
 * and the load each get their own, so that neither waits for the other's
 * time slice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static pid_t server; /* 0 until started; fail() must not leave it behind */

static _Noreturn void fail(const char *what)
{
    if (errno)
        perror(what);
    else
        fprintf(stderr, "%s\n", what);
    if (server > 0)
        kill(server, SIGKILL);
    exit(EXIT_FAILURE);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) < 0)
        fail("clock_gettime");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the server ---- */

/* Binds this process to the n-th processor it may use, if there are several. */
static void pin(int nth)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0 || CPU_COUNT(&allowed) < 2)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && nth-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

/* Starts the server and returns the port it prints. */
static int start_server(char **argv)
{
    int ends[2], port;
    if (pipe(ends) < 0 || (server = fork()) < 0)
        fail("starting the server");
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(1);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    errno = 0;
    if (!output || fscanf(output, "port=%d", &port) != 1)
        fail("the server printed no port");
    return port;
}

/* ---- the connections ---- */

static void open_connection(struct load *load, struct connection *conn, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    event.data.ptr = conn;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
    clockid_t server_clock;
    if (trips <= 0)
        fail("usage: load CONNECTIONS SIZE TRIPS PROGRAM ARGS...");
    load.count = (int)strtol(argv[1], NULL, 10);
    load.size = (size_t)strtol(argv[2], NULL, 10);
    int port = start_server(argv + 4);
    pin(0);
    load_open(&load, port);
    if (clock_getcpuclockid(server, &server_clock) != 0)
        fail("clock_getcpuclockid");
    run_phase(&load, trips / 3 > load.count ? trips / 3 : load.count);
    double cpu = seconds(server_clock), wall = seconds(CLOCK_MONOTONIC);
    run_phase(&load, trips);
    cpu = seconds(server_clock) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    printf("ns=%.1f wall=%.1f\n", cpu / (double)trips * 1e9, wall / (double)trips * 1e9);
    return EXIT_SUCCESS;
}
