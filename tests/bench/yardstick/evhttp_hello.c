/* SPDX-License-Identifier: MIT */
/*
 * evhttp_hello.c -- the HTTP server that comes with libevent, answering hello.
 *
 * evhttp adds Date, Content-Length and Content-Type by itself.  Prints
 * "port=..." and serves until it is killed.
 */
#define _GNU_SOURCE
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void on_request(struct evhttp_request *request, void *unused)
{
    struct evbuffer *body = evbuffer_new();
    (void)unused;
    if (!body)
        exit(EXIT_FAILURE);
    evbuffer_add(body, "hello", 5);
    evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
}

int main(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    if (!http)
        return EXIT_FAILURE;
    evhttp_set_timeout(http, 60);
    evhttp_set_gencb(http, on_request, NULL);
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (!bound || getsockname(evhttp_bound_socket_get_fd(bound),
                              (struct sockaddr *)&address, &length) < 0)
        return EXIT_FAILURE;
    printf("port=%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return event_base_dispatch(base);
}
