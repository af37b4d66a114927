/* SPDX-License-Identifier: MIT */
/*
 * http_floor.c -- the yardstick for HTTP: a server on bare epoll and llhttp.
 *
 * What one may ask of the least C server that is still honest: every request
 * is parsed in full by llhttp, wherever the network cuts it, and may follow
 * another without waiting for its answer; heads and targets are bounded;
 * answers carry a Date; and a connection that is silent for too long is closed.
 *
 * One thread, level-triggered.  The connections stand in the order of their
 * last bytes, so the first is the next to time out.  A peer that does not take
 * its answers is not read from.  Prints "port=..." and serves until killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 64 * 1024, /* read at once */
    BATCH = 256,
    HEAD_MAX = 16 * 1024, /* bytes of names and values in one request */
    TARGET_MAX = 2048,
    IDLE_SECONDS = 60,
};

struct answers {
    size_t from;   /* first byte not yet sent */
    size_t length; /* bytes in all */
    size_t room;
    char *bytes;
};

struct connection {
    llhttp_t parser;
    struct connection *before, *after; /* in the order of last_heard */
    time_t last_heard;
    struct answers rest; /* what the peer has not taken yet */
    size_t head_length;
    size_t target_length;
    int fd;
    int closing; /* the last answer is in, close once it is sent */
    char target[TARGET_MAX];
};

struct server {
    int poll;
    int listener;
    time_t now;             /* monotonic, of this turn */
    time_t date_second;     /* the second the date is of */
    struct connection idle; /* head of the ring: after it the longest silent */
    llhttp_settings_t settings;
    struct answers answers; /* to the requests of the chunk at hand */
    size_t date_length;
    char date[128];
};

static struct server server;
static char chunk[CHUNK];

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* ---- connections ---- */

static void idle_remove(struct connection *conn)
{
    conn->before->after = conn->after;
    conn->after->before = conn->before;
}

static void idle_append(struct connection *conn)
{
    conn->last_heard = server.now;
    conn->before = server.idle.before;
    conn->after = &server.idle;
    conn->before->after = server.idle.before = conn;
}

static void watch(int fd, void *what, int op, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(server.poll, op, fd, &event) < 0)
        fail("epoll_ctl");
}

static void connection_new(int fd)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (!conn)
        fail("calloc");
    conn->fd = fd;
    llhttp_init(&conn->parser, HTTP_REQUEST, &server.settings);
    idle_append(conn);
    watch(fd, conn, EPOLL_CTL_ADD, EPOLLIN);
}

static void connection_free(struct connection *conn)
{
    idle_remove(conn);
    close(conn->fd);
    free(conn->rest.bytes);
    free(conn);
}

/* ---- answers ---- */

static void answers_append(struct answers *answers, const char *bytes, size_t length)
{
    if (answers->room - answers->length < length) {
        answers->room = (answers->length + length) * 2;
        answers->bytes = realloc(answers->bytes, answers->room);
        if (!answers->bytes)
            fail("realloc");
    }
    memcpy(answers->bytes + answers->length, bytes, length);
    answers->length += length;
}

/* The date and what follows it up to the length, made once a second. */
static void append_date(struct answers *answers)
{
    time_t second = time(NULL);
    if (second != server.date_second) {
        struct tm parts;
        gmtime_r(&second, &parts);
        server.date_length = strftime(server.date, sizeof server.date,
                                      "Date: %a, %d %b %Y %H:%M:%S GMT\r\n"
                                      "Content-Type: text/plain\r\nContent-Length: ",
                                      &parts);
        server.date_second = second;
    }
    answers_append(answers, server.date, server.date_length);
}

static void append_number(struct answers *answers, size_t number)
{
    char digits[20], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    answers_append(answers, first, (size_t)(digits + sizeof digits - first));
}

static void append_text(struct answers *answers, const char *text)
{
    answers_append(answers, text, strlen(text));
}

static void answer(const struct connection *conn, const char *status_line,
                   const char *body)
{
    struct answers *answers = &server.answers;
    size_t length = strlen(body);
    append_text(answers, status_line);
    append_date(answers);
    append_number(answers, length);
    append_text(answers, conn->closing ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    answers_append(answers, body, length);
}

/* Sends what it can, keeps the rest.  The connection may be gone afterwards. */
static void send_answers(struct connection *conn, struct answers *answers)
{
    size_t left = answers->length - answers->from;
    ssize_t sent =
        left ? send(conn->fd, answers->bytes + answers->from, left, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN) {
        answers->from = answers->length = 0;
        connection_free(conn);
        return;
    }
    left -= sent > 0 ? (size_t)sent : 0;
    answers->from = answers->length - left;
    if (left && answers != &conn->rest) {
        conn->rest.from = conn->rest.length = 0;
        answers_append(&conn->rest, answers->bytes + answers->from, left);
        watch(conn->fd, conn, EPOLL_CTL_MOD, EPOLLOUT);
    } else if (!left && answers == &conn->rest) {
        watch(conn->fd, conn, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (!left || answers != &conn->rest)
        answers->from = answers->length = 0;
    if (!left && conn->closing)
        connection_free(conn);
}

/* ---- requests ---- */

static int on_begin(llhttp_t *parser)
{
    struct connection *conn = (struct connection *)parser;
    conn->head_length = conn->target_length = 0;
    return 0;
}

static int on_target(llhttp_t *parser, const char *at, size_t length)
{
    struct connection *conn = (struct connection *)parser;
    if (sizeof conn->target - conn->target_length < length)
        return -1;
    memcpy(conn->target + conn->target_length, at, length);
    conn->target_length += length;
    return 0;
}

static int on_head_bytes(llhttp_t *parser, const char *at, size_t length)
{
    struct connection *conn = (struct connection *)parser;
    (void)at;
    conn->head_length += length;
    return conn->head_length > HEAD_MAX ? -1 : 0;
}

static int on_complete(llhttp_t *parser)
{
    struct connection *conn = (struct connection *)parser;
    conn->closing = !llhttp_should_keep_alive(parser) || parser->upgrade;
    if (parser->method == HTTP_GET && conn->target_length == 1 && conn->target[0] == '/')
        answer(conn, "HTTP/1.1 200 OK\r\n", "hello");
    else
        answer(conn, "HTTP/1.1 404 Not Found\r\n", "not found");
    return conn->closing ? HPE_PAUSED : 0;
}

static void on_readable(struct connection *conn)
{
    ssize_t got = recv(conn->fd, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        connection_free(conn);
        return;
    }
    idle_remove(conn);
    idle_append(conn);
    if (llhttp_execute(&conn->parser, chunk, (size_t)got) != HPE_OK && !conn->closing) {
        conn->closing = 1;
        answer(conn, "HTTP/1.1 400 Bad Request\r\n", "bad request");
    }
    if (server.answers.length)
        send_answers(conn, &server.answers);
}

/* ---- the loop ---- */

static void open_listener(void)
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
    server.listener = fd;
    watch(fd, NULL, EPOLL_CTL_ADD, EPOLLIN);
}

static void on_incoming(void)
{
    int on = 1, fd;
    while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection_new(fd);
    }
    if (errno != EAGAIN)
        fail("accept4");
}

static void read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    server.now = now.tv_sec;
}

/* Closes who was silent for too long; returns the milliseconds to the next. */
static int expire_idle(void)
{
    struct connection *first = server.idle.after;
    while (first != &server.idle && server.now - first->last_heard >= IDLE_SECONDS) {
        connection_free(first);
        first = server.idle.after;
    }
    if (first == &server.idle)
        return -1;
    return (int)(first->last_heard + IDLE_SECONDS - server.now) * 1000;
}

static void turn(int timeout_ms)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(server.poll, events, BATCH, timeout_ms);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait");
    read_clock();
    for (int i = 0; i < count; i++) {
        struct connection *conn = events[i].data.ptr;
        if (!conn)
            on_incoming();
        else if (conn->rest.length)
            send_answers(conn, &conn->rest);
        else
            on_readable(conn);
    }
}

int main(void)
{
    server.poll = epoll_create1(EPOLL_CLOEXEC);
    server.idle.before = server.idle.after = &server.idle;
    llhttp_settings_init(&server.settings);
    server.settings.on_message_begin = on_begin;
    server.settings.on_url = on_target;
    server.settings.on_header_field = on_head_bytes;
    server.settings.on_header_value = on_head_bytes;
    server.settings.on_message_complete = on_complete;
    read_clock();
    open_listener();
    for (;;)
        turn(expire_idle());
}
