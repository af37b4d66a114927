/* SPDX-License-Identifier: MIT */
/*
 * http_load.c -- drives an HTTP server and reads the CPU time the server spent.
 *
 *   http_load [-s] [-c CONNECTIONS] [-n REQUESTS] [-w WARMUP] [-p PATH] [-l LENGTH]
 *             [-d FILE] PROGRAM ARGS...
 *
 * starts the server (which prints "port=..."), keeps one request on its way per
 * connection, and kills the server.  It asks for PATH; with -d it posts FILE as
 * JSON; with -s it speaks TLS 1.3 (AES-128-GCM), for any certificate.  Every
 * response must be a 200 that keeps the connection, framed by Content-Length,
 * with LENGTH bytes of body, and the same body as the first one had.
 * Prints "ns=... wall=..." : server CPU (user and system, all threads) and wall
 * nanoseconds per request, after WARMUP requests, or those of half a second of
 * CPU time, that do not count.
 *
 * One thread, level-triggered epoll.
 */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 256,
    STALL_MS = 20000,
    HEAD_MAX = 8192,
    BODY_MAX = 256 * 1024,
    WARM_UP_STEP = 250
};

static const double WARM_UP_SECONDS = 0.5;

struct connection {
    int fd;
    SSL *tls;             /* NULL without TLS */
    int busy;             /* a request of it is on its way */
    size_t head_length;   /* bytes in head; all of it once body_length is known */
    size_t body_received; /* bytes of the body so far */
    char head[HEAD_MAX];
};

struct load {
    int poll;
    int count; /* connections */
    SSL_CTX *tls;
    const char *path;
    long to_start; /* requests of this phase not yet begun */
    long to_end;   /* requests of this phase not yet answered */
    size_t request_length;
    size_t body_length; /* of every response; 0: as the first */
    int body_known;     /* body holds that of the first response */
    char *request;
    char *body;
    char *chunk; /* what one read brings */
    struct connection *conns;
};

/* ---- bytes ---- */

/* Returns the bytes read, or -1 when there are none yet. */
static ssize_t receive(const struct load *load, struct connection *conn)
{
    ssize_t got;
    errno = 0;
    if (conn->tls) {
        got = SSL_read(conn->tls, load->chunk, BODY_MAX);
        if (got <= 0 && SSL_get_error(conn->tls, (int)got) == SSL_ERROR_WANT_READ)
            return -1;
    } else {
        got = recv(conn->fd, load->chunk, BODY_MAX, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return -1;
    }
    if (got <= 0)
        fail("the server closed a connection");
    return got;
}

/* Begins the next request, if there is one left in this phase. */
static void begin_request(struct load *load, struct connection *conn)
{
    if (load->to_start == 0)
        return;
    load->to_start--;
    conn->busy = 1;
    conn->head_length = conn->body_received = 0;
    ssize_t length = (ssize_t)load->request_length;
    ssize_t sent = conn->tls
                       ? SSL_write(conn->tls, load->request, (int)length)
                       : send(conn->fd, load->request, (size_t)length, MSG_NOSIGNAL);
    if (sent != length)
        fail("send"); /* requests are small and the peer waits for this one */
}

/* ---- responses ---- */

/* The value of a field of a head that ends in an empty line, or NULL. */
static const char *head_field(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

/* The length of the body that follows, after all that a head must say. */
static size_t check_head(const char *head)
{
    const char *length = head_field(head, "Content-Length");
    const char *connection = head_field(head, "Connection");
    char *end;
    errno = 0;
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0)
        fail("the status is not 200 of HTTP/1.1");
    if (!length || head_field(head, "Transfer-Encoding"))
        fail("the body is not framed by Content-Length");
    if (connection && strncasecmp(connection, "close", 5) == 0)
        fail("the server does not keep the connection");
    unsigned long value = strtoul(length, &end, 10);
    if (*length < '0' || *length > '9' || *end != '\r' || value > BODY_MAX)
        fail("Content-Length is no number that fits");
    return value;
}

/* Takes what belongs to the head; returns how much of the chunk that was. */
static size_t take_head(struct load *load, struct connection *conn, size_t got)
{
    size_t before = conn->head_length, room = HEAD_MAX - 1 - before;
    size_t taken = got < room ? got : room;
    memcpy(conn->head + before, load->chunk, taken);
    conn->head[before + taken] = '\0';
    char *end = strstr(conn->head, "\r\n\r\n");
    errno = 0;
    if (!end && taken < got)
        fail("the head of a response is too long");
    if (!end) {
        conn->head_length += taken;
        return got;
    }
    end[2] = '\0';
    conn->head_length = HEAD_MAX;
    size_t length = check_head(conn->head);
    if (load->body_length == 0 && !load->body_known)
        load->body_length = length;
    if (length != load->body_length)
        fail("the body does not have the length expected");
    return (size_t)(end + 4 - conn->head) - before;
}

static void take_body(struct load *load, struct connection *conn, const char *bytes,
                      size_t count)
{
    errno = 0;
    if (conn->body_received + count > load->body_length)
        fail("more bytes than Content-Length says");
    if (!load->body_known)
        memcpy(load->body + conn->body_received, bytes, count);
    else if (memcmp(load->body + conn->body_received, bytes, count) != 0)
        fail("a body differs from the first one");
    conn->body_received += count;
}

/* What one read brings; returns whether there may be more to read at once. */
static int take_response(struct load *load, struct connection *conn)
{
    ssize_t got = receive(load, conn);
    errno = 0;
    if (got > 0 && !conn->busy)
        fail("bytes that nobody asked for");
    if (got < 0)
        return 0;
    size_t taken = conn->head_length < HEAD_MAX ? take_head(load, conn, (size_t)got) : 0;
    take_body(load, conn, load->chunk + taken, (size_t)got - taken);
    if (conn->head_length < HEAD_MAX || conn->body_received < load->body_length)
        return 1;
    load->body_known = 1;
    conn->busy = 0;
    load->to_end--;
    begin_request(load, conn);
    return 0;
}

/* ---- the run ---- */

static void answer_events(struct load *load)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(load->poll, events, BATCH, STALL_MS);
    errno = count == 0 ? ETIMEDOUT : errno;
    if (count <= 0)
        fail("waiting for the server");
    for (int i = 0; i < count; i++) {
        struct connection *conn = events[i].data.ptr;
        while (take_response(load, conn))
            continue;
    }
}

static void run_phase(struct load *load, long requests)
{
    load->to_start = load->to_end = requests;
    for (int i = 0; i < load->count; i++)
        begin_request(load, &load->conns[i]);
    while (load->to_end > 0)
        answer_events(load);
}

static void warm_up(struct load *load, long requests)
{
    double end = server_seconds() + WARM_UP_SECONDS;
    for (; requests > 0 && server_seconds() < end; requests -= WARM_UP_STEP)
        run_phase(load, WARM_UP_STEP);
}

static SSL_CTX *new_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256"))
        fail("setting up TLS");
    SSL_CTX_set_read_ahead(tls, 1);
    return tls;
}

static void open_connection(struct load *load, struct connection *conn, int port)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.ptr = conn;
    conn->fd = server_connect(port);
    if (load->tls) {
        conn->tls = SSL_new(load->tls);
        errno = 0;
        if (!conn->tls || !SSL_set_fd(conn->tls, conn->fd) || SSL_connect(conn->tls) != 1)
            fail("the TLS handshake");
        if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) < 0)
            fail("fcntl");
    }
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        fail("epoll_ctl");
}

/* The request, the same every time. */
static void make_request(struct load *load, const char *file, int port)
{
    static char body[BODY_MAX], head[HEAD_MAX];
    size_t length = 0;
    FILE *input = file ? fopen(file, "rb") : NULL;
    if (file && !input)
        fail(file);
    if (input) {
        length = fread(body, 1, sizeof body, input);
        fclose(input);
    }
    int head_length = snprintf(head, sizeof head,
                               "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                               "User-Agent: http_load\r\nAccept: */*\r\n",
                               file ? "POST" : "GET", load->path, port);
    if (file)
        head_length +=
            snprintf(head + head_length, sizeof head - (size_t)head_length,
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    load->request = malloc((size_t)head_length + 2 + length);
    if (!load->request)
        fail("malloc");
    memcpy(load->request, head, (size_t)head_length);
    memcpy(load->request + head_length, "\r\n", 2);
    memcpy(load->request + head_length + 2, body, length);
    load->request_length = (size_t)head_length + 2 + length;
}

static void load_open(struct load *load, int port)
{
    load->poll = epoll_create1(EPOLL_CLOEXEC);
    load->body = malloc(BODY_MAX);
    load->chunk = malloc(BODY_MAX);
    load->conns = calloc((size_t)load->count, sizeof *load->conns);
    if (load->poll < 0 || !load->body || !load->chunk || !load->conns)
        fail("load_open");
    for (int i = 0; i < load->count; i++)
        open_connection(load, &load->conns[i], port);
}

int main(int argc, char **argv)
{
    struct load load = {.count = 1, .path = "/"};
    const char *file = NULL;
    long requests = 1, warmup = 1;
    for (int option; (option = getopt(argc, argv, "+sc:n:w:p:l:d:")) >= 0;) {
        switch (option) {
        case 's':
            load.tls = new_tls();
            break;
        case 'c':
            load.count = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            requests = strtol(optarg, NULL, 10);
            break;
        case 'w':
            warmup = strtol(optarg, NULL, 10);
            break;
        case 'p':
            load.path = optarg;
            break;
        case 'l':
            load.body_length = strtoul(optarg, NULL, 10);
            break;
        case 'd':
            file = optarg;
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind == argc || load.count <= 0 || requests <= 0 || warmup <= 0)
        fail(
            "usage: http_load [-s] [-c N] [-n N] [-w N] [-p PATH] [-l N] [-d FILE] PROGRAM ...");
    int port = server_start(argv + optind);
    pin(LOAD_PROCESSOR);
    make_request(&load, file, port);
    load_open(&load, port);
    warm_up(&load, warmup);
    double cpu = server_seconds(), wall = seconds(CLOCK_MONOTONIC);
    run_phase(&load, requests);
    cpu = server_seconds() - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    server_stop();
    printf("ns=%.1f wall=%.1f\n", cpu / (double)requests * 1e9,
           wall / (double)requests * 1e9);
    return EXIT_SUCCESS;
}
