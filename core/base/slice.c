/* SPDX-License-Identifier: MIT */
/*
 * slice.c -- ticking, arming and firing the hook.
 */
#include "base/slice.h"

#include "lull.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#ifndef sigev_notify_thread_id /* the name of timer_create(2); glibc's is another */
#define sigev_notify_thread_id _sigev_un._tid
#endif
#endif

#define NS_PER_S         1000000000u
#define SOON             64     /* instructions, about, until the hook looks again */
#define LEAST_SLICE      0.0001 /* seconds */
#define LONGEST_SLICE    1.0
#define ARMING_SHARE     20u /* arming may take this part of a tick */
#define SAMPLE_EVENTS    (LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT)
#define INTERRUPT_EVENTS (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)

static const char slice_key = 's';

void lull__slice_init(struct lull_slice *slice,
                      enum lull_fire (*fire)(lua_State *L, lua_Debug *ar, bool may_yield,
                                             void *arg),
                      void *arg)
{
    memset(slice, 0, sizeof *slice);
    slice->fire = fire;
    slice->arg = arg;
}

void lull__slice_register(lua_State *L, struct lull_slice *slice)
{
    lua_pushlightuserdata(L, slice);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &slice_key);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t lull__slice_overrun(const struct lull_slice *slice)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID) - slice->due_cpu;
}

/* ---- the hook ---------------------------------------------------------------------- */

static void on_hook(lua_State *L, lua_Debug *ar);

/* Is our hook on the thread that runs? */
static bool is_on(const struct lull_slice *slice)
{
    return slice->armed && slice->armed_thread == slice->running &&
           lua_gethook(slice->armed_thread) == on_hook;
}

/* Put our hook on the running thread, unless a signal has done that meanwhile. */
static void put_hook(struct lull_slice *slice, int mask, int count)
{
    lua_State *L = slice->running;
    slice->busy++;
    if (is_on(slice)) {
        slice->busy--;
        return;
    }
    slice->saved_hook = lua_gethook(L);
    slice->saved_mask = lua_gethookmask(L);
    slice->saved_count = lua_gethookcount(L);
    if (slice->saved_hook == on_hook) { /* inherited from whoever made the thread */
        slice->saved_hook = slice->base;
        slice->saved_mask = slice->base_mask;
    }
    if (slice->saved_hook != NULL)
        mask |= slice->saved_mask & ~LUA_MASKCOUNT;
    slice->armed_thread = L;
    slice->armed = 1;
    lua_sethook(L, on_hook, mask, count);
    slice->busy--;
}

void lull__slice_base(struct lull_slice *slice, lua_Hook hook, int mask)
{
    slice->base = hook;
    slice->base_mask = mask;
}

/*
 * Only count events can yield, so a slice asks for no others.  A sample is to find the C
 * function that was running still there, when it returns.
 */
static void put_hook_for(struct lull_slice *slice, int due)
{
    int mask = LUA_MASKCOUNT;
    if (due & LULL_DUE_SAMPLE)
        mask = SAMPLE_EVENTS;
    if (due & LULL_DUE_INTERRUPT)
        mask = INTERRUPT_EVENTS;
    put_hook(slice, mask, 1);
}

void lull__slice_arm(struct lull_slice *slice, int due)
{
    slice->due |= due;
    if (slice->running == NULL || slice->busy) /* who is busy looks at `due` next */
        return;
    /* debug.sethook may have been in the middle of replacing ours. */
    if (slice->armed && lua_gethook(slice->armed_thread) == on_hook) {
        if (due & LULL_DUE_SAMPLE) /* it may be waiting for a count only */
            lua_sethook(slice->armed_thread, on_hook,
                        lua_gethookmask(slice->armed_thread) | SAMPLE_EVENTS, 1);
        return;
    }
    put_hook_for(slice, due);
}

void lull__slice_disarm(struct lull_slice *slice)
{
    if (!slice->armed)
        return;
    slice->busy++;
    if (lua_gethook(slice->armed_thread) == on_hook)
        lua_sethook(slice->armed_thread, slice->saved_hook, slice->saved_mask,
                    slice->saved_count);
    slice->armed = 0;
    slice->armed_thread = NULL;
    slice->busy--;
}

void lull__slice_settle(struct lull_slice *slice)
{
    lull__slice_disarm(slice);
    slice->due = 0;
}

void lull__slice_run(struct lull_slice *slice, lua_State *L)
{
    /* First: a signal that comes now arms this one, or finds it armed. */
    slice->running = L;
    if (slice->armed && slice->armed_thread != L) {
        lull__slice_disarm(slice);
        if (L != NULL)
            put_hook_for(slice, slice->due);
    }
}

/* Always the same number would find a loop of that length always at one place. */
static int soon(struct lull_slice *slice)
{
    slice->seed = slice->seed * 1664525u + 1013904223u;
    return SOON / 2 + (int)(slice->seed >> 26);
}

static struct lull_slice *slice_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &slice_key);
    struct lull_slice *slice = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return slice;
}

/* May L be set aside here, so that the yield reaches the scheduler? */
static bool may_yield(const struct lull_slice *slice, lua_State *L, const lua_Debug *ar)
{
    bool event = ar->event == LUA_HOOKCOUNT || ar->event == LUA_HOOKLINE;
    return event && slice->blocked == 0 && L == slice->running && lua_isyieldable(L);
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
    struct lull_slice *slice = slice_of(L);
    /* Threads made meanwhile inherit the hook; they only drop it. */
    if (slice == NULL || L != slice->armed_thread) {
        lua_sethook(L, slice != NULL ? slice->base : NULL,
                    slice != NULL ? slice->base_mask : 0, 0);
        return;
    }
    int event = ar->event == LUA_HOOKTAILCALL ? LUA_MASKCALL : 1 << ar->event;
    bool is_its = slice->saved_hook != NULL && slice->saved_mask & event & ~LUA_MASKCOUNT;
    if (is_its && (lua_status(L) != LUA_YIELD || slice->saved_hook == slice->base))
        slice->saved_hook(L, ar); /* it may raise: then ours fires at the next event */
    if (lua_status(L) == LUA_YIELD)
        return;
    lull__slice_disarm(slice);
    switch (slice->fire(L, ar, may_yield(slice, L, ar), slice->arg)) {
    case LULL_FIRE_SOON:
        /* Nobody is set aside at a call or return, but at the next instruction. */
        put_hook(slice, LUA_MASKCOUNT, ar->event == LUA_HOOKCOUNT ? soon(slice) : 1);
        return;
    case LULL_FIRE_YIELD:
        /* A line may begin here, too: a hook in Lua cannot run when a yield is under way,
           and ours keeps it from that. */
        if (slice->saved_hook != NULL && slice->saved_hook != slice->base)
            put_hook(slice, LUA_MASKCOUNT, 1);
        slice->waiting = true;
        lua_yield(L, 0);
        return;
    case LULL_FIRE_RAISE:
        put_hook(slice, LUA_MASKCOUNT, 1);
        lua_error(L);
        return;
    default:
        return;
    }
}

/* ---- ticks ----------------------------------------------------------------------------- */

#ifdef __linux__

static void set_timer(struct lull_slice *slice)
{
    const struct itimerspec once = {
        .it_value = {.tv_sec = (time_t)(slice->tick / NS_PER_S),
                     .tv_nsec = (long)(slice->tick % NS_PER_S)}};
    slice->ticking = 1;
    timer_settime(slice->timer, 0, &once, NULL);
}

void lull__slice_tick(struct lull_slice *slice)
{
    slice->seen = slice->step - 1;
    set_timer(slice);
}

/* In the signal handler, on the runtime's thread. */
static void on_tick(struct lull_slice *slice)
{
    if (slice->running == NULL) {
        slice->ticking = 0;
        return;
    }
    *slice->late = 1;
    if (slice->step != slice->seen) {
        slice->seen = slice->step;
    } else {
        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID); /* others' time is not ours */
        if (!(slice->due & LULL_DUE_SLICE))
            slice->due_cpu = start;
        lull__slice_arm(slice, LULL_DUE_SLICE);
        uint64_t took = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) * ARMING_SHARE;
        slice->tick = took > slice->least_tick ? took : slice->least_tick;
    }
    set_timer(slice);
}

/* What the profiler's timer sends for this slice: no address of anything. */
static void *sample_value(struct lull_slice *slice)
{
    return (char *)slice + 1;
}

/* Likewise for the profiler's timer. */
static void on_sample(struct lull_slice *slice, unsigned intervals)
{
    lua_State *L = slice->running;
    bool counts = L != NULL && lua_gethook(L) != on_hook && lua_gethook(L) != NULL &&
                  lua_gethookmask(L) & LUA_MASKCOUNT;
    if (L == NULL || counts) { /* a script's hook would count from 0 again and again */
        atomic_fetch_add(&slice->aside, intervals);
        return;
    }
    atomic_fetch_add(&slice->sampled, intervals);
    lull__slice_arm(slice, LULL_DUE_SAMPLE);
}

void lull_on_slice_signal(int number, siginfo_t *about, void *machine)
{
    int saved = errno;
    char *value = about->si_value.sival_ptr;
    (void)number;
    (void)machine;
    if (about->si_code == SI_TIMER && value != NULL) {
        if ((uintptr_t)value % 2 == 0)
            on_tick((void *)value);
        else
            on_sample((void *)(value - 1), 1 + (unsigned)about->si_overrun);
    }
    errno = saved;
}

int lull_lend_signal(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = lull_on_slice_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    return sigaction(number, &action, NULL) == 0 ? 0 : errno;
}

/* Shorter ones would leave the thread no time, longer ones overflow. */
static double clamp(double seconds)
{
    if (seconds < LEAST_SLICE)
        return LEAST_SLICE;
    return seconds < LONGEST_SLICE ? seconds : LONGEST_SLICE;
}

/* Is the signal handled by lull_on_slice_signal()?  0, or an errno value. */
static int check_lent(int signal)
{
    struct sigaction current;
    if (sigaction(signal, NULL, &current) != 0)
        return errno;
    if (!(current.sa_flags & SA_SIGINFO) || current.sa_sigaction != lull_on_slice_signal)
        return EINVAL;
    return 0;
}

int lull__slice_lent(void)
{
    for (int signal = SIGRTMAX; signal > 0; signal--) {
        if (check_lent(signal) == 0)
            return signal;
    }
    return 0;
}

/* A timer for this thread, not started.  0, or an errno value. */
static int make_timer(clockid_t clock, int signal, void *value, timer_t *timer)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_value.sival_ptr = value;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    return timer_create(clock, &event, timer) == 0 ? 0 : errno;
}

int lull__slice_open(struct lull_slice *slice, int signal, double seconds)
{
    int error = check_lent(signal);
    if (error != 0)
        return error;
    error = make_timer(CLOCK_MONOTONIC, signal, slice, &slice->timer);
    if (error != 0)
        return error;
    slice->has_timer = true;
    slice->least_tick = slice->tick = (uint64_t)(clamp(seconds) * 1e9 / 2);
    slice->signal = signal;
    return 0;
}

/* What the timer with this value had sent is dropped; the others' are acted upon. */
static void drain(int signal, const void *value)
{
    static const struct timespec now = {0, 0};
    sigset_t ours, before;
    siginfo_t about;
    sigemptyset(&ours);
    sigaddset(&ours, signal);
    pthread_sigmask(SIG_BLOCK, &ours, &before);
    while (sigtimedwait(&ours, &about, &now) > 0) {
        if (about.si_value.sival_ptr != value)
            lull_on_slice_signal(signal, &about, NULL);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void lull__slice_close(struct lull_slice *slice)
{
    if (!slice->has_timer)
        return;
    timer_delete(slice->timer);
    drain(slice->signal, slice);
    slice->has_timer = false;
    slice->signal = 0;
}

int lull__slice_sample(struct lull_slice *slice, double seconds)
{
    double interval = clamp(seconds);
    const struct timespec period = {.tv_sec = (time_t)interval,
                                    .tv_nsec =
                                        (long)((interval - (time_t)interval) * 1e9)};
    const struct itimerspec often = {.it_interval = period, .it_value = period};
    int signal = lull__slice_lent();
    if (signal == 0)
        return EINVAL;
    int error = make_timer(CLOCK_THREAD_CPUTIME_ID, signal, sample_value(slice),
                           &slice->sample_timer);
    if (error != 0)
        return error;
    slice->sampled = slice->aside = 0;
    slice->sample_signal = signal;
    timer_settime(slice->sample_timer, 0, &often, NULL);
    return 0;
}

void lull__slice_sample_end(struct lull_slice *slice)
{
    if (slice->sample_signal == 0)
        return;
    timer_delete(slice->sample_timer);
    drain(slice->sample_signal, sample_value(slice));
    slice->sample_signal = 0;
}

#else

void lull__slice_tick(struct lull_slice *slice)
{
    (void)slice;
}

int lull__slice_sample(struct lull_slice *slice, double seconds)
{
    (void)slice;
    (void)seconds;
    return ENOTSUP;
}

void lull__slice_sample_end(struct lull_slice *slice)
{
    (void)slice;
}

int lull_lend_signal(int number)
{
    (void)number;
    return ENOTSUP;
}

int lull__slice_lent(void)
{
    return 0;
}

int lull__slice_open(struct lull_slice *slice, int signal, double seconds)
{
    (void)slice, (void)signal, (void)seconds;
    return ENOTSUP;
}

void lull__slice_close(struct lull_slice *slice)
{
    (void)slice;
}

#endif
