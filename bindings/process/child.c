/* SPDX-License-Identifier: MIT */
/*
 * child.c -- watching, signalling, reaping.
 */
#include "process/child.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PAUSE 0.001
#define LAST_PAUSE  0.05
#define PATIENCE_MS 1000 /* at teardown, for the end of a process that was killed */

#define CHILD_OF(pointer, member)                                                  \
    ((struct lullb_child *)(void *)((char *)(pointer)-offsetof(struct lullb_child, \
                                                               member)))

struct lullb_child *lullb_child_new(struct lull_runtime *rt)
{
    struct lullb_child *child = lull_alloc(rt, sizeof *child);
    if (child != NULL)
        *child = (struct lullb_child){.rt = rt, .pidfd = -1, .holders = 1, .over = true};
    return child;
}

void lullb_child_drop(struct lullb_child *child)
{
    if (--child->holders == 0)
        lull_release(child->rt, child, sizeof *child);
}

int lullb_child_kill(const struct lullb_child *child, int number, bool group)
{
    if (child->over)
        return ESRCH;
    return kill(group && child->group ? -child->pid : child->pid, number) == 0 ? 0
                                                                               : errno;
}

/* ---- the end --------------------------------------------------------------------- */

/* Nothing is watched any more. */
static void stop_watching(struct lullb_child *child)
{
    if (child->pidfd >= 0) {
        event_del(&child->event);
        close(child->pidfd);
        child->pidfd = -1;
    }
    if (child->poll.slot != 0)
        lull_timer_stop(&child->poll);
    if (child->grace.slot != 0)
        lull_timer_stop(&child->grace);
}

static void stop_expecting(struct lullb_child *child)
{
    if (child->expected)
        lull_unexpect(child->rt);
    child->expected = false;
}

/* The process is no more, or no longer ours: tell who waits, and close up. */
static void finish(struct lullb_child *child)
{
    child->over = true;
    stop_watching(child);
    stop_expecting(child);
    while (child->waiters.head != NULL)
        lullb_op_complete(child->waiters.head);
    lull_handle_close(&child->handle);
    lull_handle_close(&child->reaper);
    lullb_child_drop(child);
}

/*
 * Has it ended?  What is doomed with it is killed while its number, which is the
 * group's, cannot be another's: before it is waited for.
 */
static bool reap(struct lullb_child *child)
{
    siginfo_t about = {0};
    int result;
    if (child->doomed && child->group &&
        waitid(P_PID, (id_t)child->pid, &about, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        about.si_pid == child->pid)
        kill(-child->pid, SIGKILL);
    do {
        result = waitpid(child->pid, &child->status, WNOHANG);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        child->error = errno;
    return result != 0;
}

/* Likewise, within so many milliseconds: blocks. */
static bool reap_soon(struct lullb_child *child, int patience)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    while (!reap(child)) {
        if (patience-- <= 0)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_child *child = arg;
    (void)fd;
    (void)what;
    if (reap(child))
        finish(child);
}

static void on_poll(struct lull_timer *timer)
{
    struct lullb_child *child = CHILD_OF(timer, poll);
    if (reap(child)) {
        finish(child);
        return;
    }
    child->pause = child->pause * 2 < LAST_PAUSE ? child->pause * 2 : LAST_PAUSE;
    lull_timer_start_real(child->rt, &child->poll, child->pause, on_poll);
}

static void on_grace(struct lull_timer *timer)
{
    lullb_child_kill(CHILD_OF(timer, grace), SIGKILL, true);
}

/* ---- handles ------------------------------------------------------------------------ */

/* Forgotten, by the script or at teardown: the reaper waits for the end. */
static void close_child(struct lull_handle *handle);

/* Teardown is over: what was killed ends at any moment, what stays is left alone. */
static void close_reaper(struct lull_handle *handle)
{
    struct lullb_child *child = CHILD_OF(handle, reaper);
    if (child->over)
        return;
    if (!child->stays)
        lullb_child_kill(child, SIGKILL, true);
    if (!reap_soon(child, child->stays ? 0 : PATIENCE_MS))
        child->error = ECHILD;
    finish(child);
}

static const struct lull_handle_type child_type = {
    .name = "process",
    .close = close_child,
};

static const struct lull_handle_type reaper_type = {
    .name = "process.reaper",
    .close = close_reaper,
    .background = true,
};

/* What stays may take any time: nobody is to wait for it. */
static const struct lull_handle_type staying_type = {
    .name = "process.staying",
    .close = close_reaper,
};

static void close_child(struct lull_handle *handle)
{
    struct lullb_child *child = CHILD_OF(handle, handle);
    lullb_line_close(&child->waiters);
    if (child->over)
        return;
    if (!child->stays) {
        child->doomed = true;
        lullb_child_kill(child, SIGKILL, true);
    } else {
        stop_expecting(child); /* it may take any time */
    }
    lull_handle_open(child->rt, &child->reaper,
                     child->stays ? &staying_type : &reaper_type);
}

void lullb_child_forget(struct lullb_child *child)
{
    lull_handle_close(&child->handle);
}

void lullb_child_terminate(struct lullb_child *child, double grace)
{
    if (child->over || child->doomed)
        return;
    child->doomed = true;
    bool waits =
        grace > 0 && lull_timer_start_real(child->rt, &child->grace, grace, on_grace);
    lullb_child_kill(child, waits ? SIGTERM : SIGKILL, true);
}

/* ---- the beginning ----------------------------------------------------------------- */

static bool watch(struct lullb_child *child)
{
#ifdef SYS_pidfd_open
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0); /* close-on-exec */
    if (child->pidfd < 0)
        return false;
    event_assign(&child->event, lull_base(child->rt), child->pidfd, EV_READ | EV_PERSIST,
                 on_exit_event, child);
    if (event_add(&child->event, NULL) == 0)
        return true;
    close(child->pidfd);
    child->pidfd = -1;
#endif
    return false;
}

bool lullb_child_open(struct lullb_child *child, pid_t pid, bool polls)
{
    child->pid = pid;
    child->over = false;
    child->pause = FIRST_PAUSE;
    child->holders++;
    child->expected = true;
    lull_expect(child->rt);
    bool watched = (!polls && watch(child)) ||
                   lull_timer_start_real(child->rt, &child->poll, child->pause, on_poll);
    lull_handle_open(child->rt, &child->handle, &child_type);
    if (watched)
        return true;
    child->stays = false;
    lull_handle_close(&child->handle);
    lull_handle_close(&child->reaper); /* nobody would: now */
    return false;
}
