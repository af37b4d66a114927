/* SPDX-License-Identifier: MIT */
/*
 * signals.c -- one handler, many posts.
 *
 * A descriptor must not be closed while a handler on another thread is about to write
 * to its number.  So handlers count themselves in and out, and whoever closes a post
 * has first made its bits say that nothing is wanted, and then waits until none is in.
 */
#include "process/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_POSTS 256

struct lullb_post {
    _Atomic uint64_t wanted;
    _Atomic uint64_t arrived;
    _Atomic int fd;
    bool used; /* under the lock */
};

static struct {
    pthread_mutex_t lock; /* never taken by the handler */
    atomic_uint inside;   /* handlers that run now */
    atomic_int posts_end; /* no post at or above this was ever used */
    struct lullb_post posts[MAX_POSTS];
    unsigned wants[LULLB_MAX_SIGNAL + 1]; /* how many posts want it */
    struct sigaction before[LULLB_MAX_SIGNAL + 1];
} signals = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_signal(int number)
{
    static const uint64_t one = 1;
    int error = errno;
    uint64_t bit = (uint64_t)1 << number;
    atomic_fetch_add(&signals.inside, 1);
    int end = atomic_load(&signals.posts_end);
    for (int i = 0; i < end; i++) {
        struct lullb_post *post = &signals.posts[i];
        if ((atomic_load(&post->wanted) & bit) == 0)
            continue;
        atomic_fetch_or(&post->arrived, bit);
        ssize_t written = write(atomic_load(&post->fd), &one, sizeof one);
        (void)written; /* full: it is readable */
    }
    atomic_fetch_sub(&signals.inside, 1);
    errno = error;
}

static struct lullb_post *find_free(void)
{
    for (int i = 0; i < MAX_POSTS; i++) {
        if (!signals.posts[i].used)
            return &signals.posts[i];
    }
    return NULL;
}

struct lullb_post *lullb_post_open(int *fd)
{
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (*fd < 0)
        return NULL;
    pthread_mutex_lock(&signals.lock);
    struct lullb_post *post = find_free();
    if (post != NULL) {
        int end = (int)(post - signals.posts) + 1;
        post->used = true;
        atomic_store(&post->arrived, 0);
        atomic_store(&post->fd, *fd);
        if (end > atomic_load(&signals.posts_end))
            atomic_store(&signals.posts_end, end);
    }
    pthread_mutex_unlock(&signals.lock);
    if (post == NULL) {
        close(*fd);
        errno = EMFILE;
    }
    return post;
}

static int install(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, &signals.before[number]) == 0 ? 0 : errno;
}

/* Put back what was there, unless somebody has taken the signal from us. */
static void restore(int number)
{
    struct sigaction current;
    if (sigaction(number, NULL, &current) == 0 && current.sa_handler == on_signal)
        sigaction(number, &signals.before[number], NULL);
}

int lullb_post_want(struct lullb_post *post, int number)
{
    uint64_t bit = (uint64_t)1 << number;
    int error = 0;
    pthread_mutex_lock(&signals.lock);
    if ((atomic_fetch_or(&post->wanted, bit) & bit) == 0) {
        if (signals.wants[number] == 0)
            error = install(number);
        if (error == 0)
            signals.wants[number]++;
        else
            atomic_fetch_and(&post->wanted, ~bit);
    }
    pthread_mutex_unlock(&signals.lock);
    return error;
}

void lullb_post_unwant(struct lullb_post *post, int number)
{
    uint64_t bit = (uint64_t)1 << number;
    pthread_mutex_lock(&signals.lock);
    if ((atomic_load(&post->wanted) & bit) != 0) {
        if (--signals.wants[number] == 0)
            restore(number);
        atomic_fetch_and(&post->wanted, ~bit);
    }
    pthread_mutex_unlock(&signals.lock);
}

void lullb_post_close(struct lullb_post *post)
{
    static const struct timespec moment = {.tv_nsec = 10000};
    for (int number = 1; number <= LULLB_MAX_SIGNAL; number++)
        lullb_post_unwant(post, number);
    while (atomic_load(&signals.inside) != 0)
        nanosleep(&moment, NULL);
    close(atomic_load(&post->fd));
    pthread_mutex_lock(&signals.lock);
    post->used = false;
    pthread_mutex_unlock(&signals.lock);
}

uint64_t lullb_post_take(struct lullb_post *post)
{
    uint64_t count;
    ssize_t got = read(atomic_load(&post->fd), &count, sizeof count);
    (void)got; /* nothing there: nothing has arrived */
    return atomic_exchange(&post->arrived, 0);
}
