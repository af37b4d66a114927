/* SPDX-License-Identifier: MIT */
/*
 * loop.c -- the runtime's two events, and the clock.
 */
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  1000000000u
#define NS_PER_US 1000u
#define NS_PER_MS 1000000u

#define BASE_DESCRIPTORS 5 /* epoll, a timer, libevent's pipe for signals, and ours */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t lull__clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t lull__clock_cpu(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct lull_loop *loop = arg;
    (void)fd;
    (void)what;
    if (!evtimer_pending(&loop->alarm, NULL))
        loop->alarm_at = LULL_NEVER;
    if (loop->drivers == 0)
        loop->on_turn(loop->arg);
}

/*
 * Are there descriptors for a base?  When there are not, libevent ends the
 * process: so look before.
 */
static bool has_descriptors(void)
{
    int fds[BASE_DESCRIPTORS];
    int count = 0;
    fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fds[0] < 0 && errno != EMFILE && errno != ENFILE) /* an empty tree has none */
        fds[0] = open("/", O_RDONLY | O_CLOEXEC);
    while (fds[count] >= 0 && ++count < BASE_DESCRIPTORS)
        fds[count] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    return count == BASE_DESCRIPTORS;
}

static struct event_base *new_base(void)
{
    if (!has_descriptors())
        return NULL;
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int lull__loop_init(struct lull_loop *loop, struct event_base *base,
                    void (*on_turn)(void *), void *arg)
{
    loop->owned = base == NULL;
    loop->base = base != NULL ? base : new_base();
    if (loop->base == NULL)
        return -1;
    loop->alarm_at = LULL_NEVER;
    loop->holds = 0;
    loop->busy = 0;
    loop->glances = 0;
    loop->drivers = 0;
    loop->tired = false;
    loop->polling = false;
    loop->gave_way = 0;
    loop->on_turn = on_turn;
    loop->arg = arg;
    evtimer_assign(&loop->turn, loop->base, on_event, loop);
    evtimer_assign(&loop->alarm, loop->base, on_event, loop);
    return 0;
}

void lull__loop_deinit(struct lull_loop *loop)
{
    if (loop->base == NULL)
        return;
    event_del(&loop->turn);
    event_del(&loop->alarm);
    if (loop->owned)
        event_base_free(loop->base);
    loop->base = NULL;
}

/*
 * libevent says it only by a line on stderr, when it is too late.  But it caches the
 * time while callbacks run, and only then.
 */
bool lull__loop_is_running(const struct lull_loop *loop)
{
    struct timeval first, again, now;
    if (loop->owned)
        return loop->polling;
    event_base_gettimeofday_cached(loop->base, &first);
    do {
        evutil_gettimeofday(&now, NULL);
    } while (evutil_timercmp(&now, &first, ==));
    event_base_gettimeofday_cached(loop->base, &again);
    return evutil_timercmp(&first, &again, ==);
}

/* Delays of turns, in microseconds: only their order matters. */
#define TIRED_US 16

void lull__loop_wake(struct lull_loop *loop)
{
    struct timeval delay = {0, loop->tired ? TIRED_US >> loop->gave_way : 0};
    if (loop->drivers == 0 && !evtimer_pending(&loop->turn, NULL))
        evtimer_add(&loop->turn, &delay);
}

bool lull__loop_give_way(struct lull_loop *loop, uint64_t limit)
{
    struct timeval begun, now, took;
    event_base_gettimeofday_cached(loop->base, &begun);
    evutil_gettimeofday(&now, NULL);
    evutil_timersub(&now, &begun, &took);
    /* Whoever sets the clock while we look is not to stop us. */
    bool late =
        took.tv_sec >= 0 && took.tv_sec < 60 &&
        (uint64_t)took.tv_sec * NS_PER_S + (uint64_t)took.tv_usec * NS_PER_US > limit;
    if (!late) {
        loop->gave_way = 0;
        loop->tired = false;
        return false;
    }
    if (loop->gave_way < 8)
        loop->gave_way++;
    loop->tired = true;
    lull__loop_wake(loop);
    return true;
}

void lull__loop_set_alarm(struct lull_loop *loop, uint64_t at)
{
    if (at == loop->alarm_at)
        return;
    loop->alarm_at = at;
    if (at == LULL_NEVER) {
        evtimer_del(&loop->alarm);
        return;
    }
    uint64_t now = lull__clock_now();
    uint64_t delay = at > now ? at - now : 0;
    /* Up to the next millisecond: at most 1,000 wake-ups a second for timers. */
    uint64_t ms = (delay + NS_PER_MS - 1) / NS_PER_MS;
    struct timeval wait = {
        .tv_sec = (time_t)(ms / 1000u),
        .tv_usec = (suseconds_t)(ms % 1000u * NS_PER_US),
    };
    evtimer_add(&loop->alarm, &wait);
}

int lull__loop_poll(struct lull_loop *loop, bool block)
{
    loop->drivers++;
    bool outer = loop->polling;
    loop->polling = true;
    /* ONCE in either case: without it libevent polls again while events fire. */
    int flags = EVLOOP_ONCE | (block ? 0 : EVLOOP_NONBLOCK);
    int result = event_base_loop(loop->base, flags);
    loop->drivers--;
    loop->polling = outer;
    return result < 0 ? -1 : 0;
}

/* What the runtime itself has on its base: the inbox and perhaps the alarm. */
#define OWN_EVENTS 1

int lull__loop_glance(struct lull_loop *loop)
{
    int own = OWN_EVENTS + (loop->alarm_at != LULL_NEVER ? 1 : 0);
    if (loop->owned && ++loop->glances % 8 != 0 &&
        event_base_get_num_events(loop->base, EVENT_BASE_COUNT_ADDED) <= own)
        return 0;
    return lull__loop_poll(loop, false);
}

static void on_sigint(evutil_socket_t fd, short what, void *arg)
{
    struct lull_loop *loop = arg;
    (void)fd;
    (void)what;
    loop->on_sigint(loop->arg);
}

void lull__loop_take_sigint(struct lull_loop *loop, void (*fn)(void *))
{
    loop->on_sigint = fn;
    evsignal_assign(&loop->sigint, loop->base, SIGINT, on_sigint, loop);
    evsignal_add(&loop->sigint, NULL);
}

void lull__loop_give_sigint_back(struct lull_loop *loop)
{
    evsignal_del(&loop->sigint);
}

const char *lull__loop_version(void)
{
    return event_get_version();
}
