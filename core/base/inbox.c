/* SPDX-License-Identifier: MIT */
/*
 * inbox.c -- a locked list, and a descriptor to wake its reader.
 *
 * The descriptor is written under the lock, and only into an empty list: so
 * it is never written after it was closed, and at most one wake-up is under
 * way however many messages come.
 */
#include "base/inbox.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

struct lull_inbox {
    atomic_uint refs;
    pthread_mutex_t lock; /* guards the next three */
    struct lull_message *head;
    struct lull_message *tail;
    bool closed;
    int reader; /* descriptors; the same one where there is eventfd */
    int writer;
    struct event event; /* the runtime's thread only, as is all below */
    void (*on_wake)(void *arg);
    void *arg;
};

static int open_descriptors(struct lull_inbox *inbox)
{
#ifdef __linux__
    inbox->reader = inbox->writer = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return inbox->reader < 0 ? -1 : 0;
#else
    int fds[2];
    if (pipe(fds) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    inbox->reader = fds[0];
    inbox->writer = fds[1];
    return 0;
#endif
}

static void close_descriptors(struct lull_inbox *inbox)
{
    close(inbox->reader);
    if (inbox->writer != inbox->reader)
        close(inbox->writer);
}

/* Empty the descriptor; the messages stay for lull__inbox_take. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct lull_inbox *inbox = arg;
    char bytes[64]; /* a whole eventfd, or what signals wrote to a pipe */
    (void)what;
    while (read((int)fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        ;
    inbox->on_wake(inbox->arg);
}

struct lull_inbox *lull__inbox_new(struct event_base *base, void (*on_wake)(void *arg),
                                   void *arg)
{
    struct lull_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL)
        return NULL;
    if (open_descriptors(inbox) < 0)
        goto no_descriptors;
    if (pthread_mutex_init(&inbox->lock, NULL) != 0)
        goto no_lock;
    atomic_init(&inbox->refs, 1);
    inbox->on_wake = on_wake;
    inbox->arg = arg;
    event_assign(&inbox->event, base, inbox->reader, EV_READ | EV_PERSIST, on_readable,
                 inbox);
    if (event_add(&inbox->event, NULL) == 0)
        return inbox;
    pthread_mutex_destroy(&inbox->lock);
no_lock:
    close_descriptors(inbox);
no_descriptors:
    free(inbox);
    return NULL;
}

void lull__inbox_wait(struct lull_inbox *inbox, uint64_t ns)
{
    struct pollfd watched = {.fd = inbox->reader, .events = POLLIN};
    uint64_t ms = (ns + 999999u) / 1000000u;
    if (poll(&watched, 1, ms < 60000u ? (int)ms : 60000) > 0)
        on_readable(inbox->reader, EV_READ, inbox);
}

void lull__inbox_ref(struct lull_inbox *inbox)
{
    atomic_fetch_add_explicit(&inbox->refs, 1, memory_order_relaxed);
}

void lull__inbox_unref(struct lull_inbox *inbox)
{
    if (atomic_fetch_sub_explicit(&inbox->refs, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

static void drop_all(struct lull_message *message)
{
    while (message != NULL) {
        struct lull_message *next = message->next;
        message->drop(message);
        message = next;
    }
}

void lull__inbox_close(struct lull_inbox *inbox)
{
    if (inbox->closed) /* written on this thread only */
        return;
    event_del(&inbox->event);
    pthread_mutex_lock(&inbox->lock);
    struct lull_message *left = inbox->head;
    inbox->head = inbox->tail = NULL;
    inbox->closed = true;
    close_descriptors(inbox);
    pthread_mutex_unlock(&inbox->lock);
    drop_all(left);
}

void lull__inbox_signal(struct lull_inbox *inbox)
{
    static const uint64_t one = 1; /* an eventfd takes eight bytes */
    int saved = errno;
    /* A full descriptor has woken the reader already. */
    if (write(inbox->writer, &one, sizeof one) < 0)
        errno = saved;
}

bool lull__inbox_post(struct lull_inbox *inbox, struct lull_message *message)
{
    message->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    bool closed = inbox->closed;
    if (!closed) {
        bool was_empty = inbox->head == NULL;
        if (was_empty)
            inbox->head = message;
        else
            inbox->tail->next = message;
        inbox->tail = message;
        if (was_empty)
            lull__inbox_signal(inbox);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (closed)
        message->drop(message);
    return !closed;
}

struct lull_message *lull__inbox_take(struct lull_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct lull_message *first = inbox->head;
    inbox->head = inbox->tail = NULL;
    pthread_mutex_unlock(&inbox->lock);
    return first;
}

void lull__inbox_deliver(struct lull_inbox *inbox)
{
    struct lull_message *message = lull__inbox_take(inbox);
    while (message != NULL) {
        struct lull_message *next = message->next;
        message->deliver(message);
        message = next;
    }
}
