/* SPDX-License-Identifier: MIT */
/*
 * curlsocket.c -- the sockets that curl opens.
 *
 * Children of the program do not get them.  And what a server sends on a
 * connection that is kept, before it is asked again, is the answer to nothing
 * (RFC 9112, 9.2): curl before 8 would take it for the answer to the next
 * request.  Such a connection is shut down when it is about to be used again;
 * curl then fails to send, and takes another.
 *
 * Curl says which socket it closes only if that was connected, so the list may hold
 * some that are long gone; their numbers may be others'.
 *
 * This is for HTTP/1 without TLS alone: what is on other connections may be the rest
 * of a record, or meant for requests that share them.
 */
#include "curl/curlclient.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct lullb_curl_opened {
    struct lullb_curl_opened *next;
    curl_socket_t fd;
    int port; /* of our end; 0: not asked for yet */
};

/* By its number; NULL: not there. */
static struct lullb_curl_opened *find_fd(struct lullb_curl_client *client,
                                         curl_socket_t fd)
{
    struct lullb_curl_opened *opened = client->opened;
    while (opened != NULL && opened->fd != fd)
        opened = opened->next;
    return opened;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct lullb_curl_client *client = arg;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct lullb_curl_opened *opened = find_fd(client, fd); /* closed behind our back */
    if (opened == NULL) {
        opened = lull_alloc(client->rt, sizeof *opened);
        if (opened == NULL) {
            close(fd);
            return CURL_SOCKET_BAD;
        }
        opened->next = client->opened;
        client->opened = opened;
    }
    opened->fd = fd;
    opened->port = 0;
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    struct lullb_curl_client *client = arg;
    struct lullb_curl_opened **place = &client->opened;
    while (*place != NULL && (*place)->fd != fd)
        place = &(*place)->next;
    struct lullb_curl_opened *opened = *place;
    if (opened != NULL) {
        *place = opened->next;
        lull_release(client->rt, opened, sizeof *opened);
    }
    return close(fd);
}

void lullb_curl_set_sockets(struct lullb_curl_client *client, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, client);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
}

void lullb_curl_forget_sockets(struct lullb_curl_client *client)
{
    while (client->opened != NULL) {
        struct lullb_curl_opened *opened = client->opened;
        client->opened = opened->next;
        lull_release(client->rt, opened, sizeof *opened);
    }
}

/* The port of our end, or of the other; -1: it has none. */
static int port_of(curl_socket_t fd, bool is_ours)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int failed = is_ours ? getsockname(fd, (struct sockaddr *)&address, &size)
                         : getpeername(fd, (struct sockaddr *)&address, &size);
    if (failed == 0 && address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
    if (failed == 0 && address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return -1;
}

/* By the port of our end; NULL: not found. */
static struct lullb_curl_opened *find_port(struct lullb_curl_client *client, int port)
{
    struct lullb_curl_opened *opened = client->opened;
    for (; opened != NULL; opened = opened->next) {
        if (opened->port == 0)
            opened->port = port_of(opened->fd, true);
        if (opened->port == port)
            break;
    }
    return opened;
}

void lullb_curl_refuse_unasked(struct lullb_curl_client *client, int own_port,
                               int peer_port)
{
    char bytes[4096];
    struct lullb_curl_opened *opened = own_port > 0 ? find_port(client, own_port) : NULL;
    if (opened == NULL || recv(opened->fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
        return;
    /* Is it still this connection, or did somebody else get the number? */
    if (port_of(opened->fd, true) != own_port || port_of(opened->fd, false) != peer_port)
        return;
    shutdown(opened->fd, SHUT_RDWR);
    while (recv(opened->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
}
