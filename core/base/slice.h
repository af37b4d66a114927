/* SPDX-License-Identifier: MIT */
/*
 * slice.h -- which Lua state runs, and the one owner of the debug hook.
 *
 * `running` is the one truth about the innermost lua_State that lull itself
 * resumed: the scheduler and coroutine.resume write it, waits and the hook
 * read it.  A wait may only be made in it.
 *
 * The hook is off until something is due: an interrupt (Ctrl-C), or a time
 * slice that is over.  Only a signal on the runtime's own thread may put it on
 * besides Lua itself.  When it fires it puts back what the script had set and
 * asks `fire` what is to become of the script.  While it is on it hears lines, calls
 * and returns for the script's own hook, too, and hands them on; it fires at them as
 * well: put on in the middle of a step from line to line, it may miss its count.
 *
 * Ticks.  With a signal lent, a one-shot POSIX timer ticks every half slice
 * while steps are taken.  A step that two ticks in a row have found running has
 * had its slice.  Whoever begins a step counts it (lull__slice_step); there is
 * no system call per step, and none at all while nothing runs.
 *
 *   1. The handler finds the record through the signal's value: no statics.
 *   2. It calls lua_sethook, timer_settime and clock_gettime, nothing else.
 *   3. Arming walks the chain of calls.  If that took over a twentieth of a
 *      tick, the ticks that follow are made longer.
 *   4. A profiler has a timer of its own, on CPU time, with the same signal: what it
 *      sends points one byte into the record.
 *   5. Before the record goes, the timer is deleted and what it had sent is taken
 *      out of the thread's queue.
 */
#ifndef LULL_SLICE_H
#define LULL_SLICE_H

#include "base/compat.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What is due at the next instruction: bits of slice->due. */
#define LULL_DUE_INTERRUPT 1
#define LULL_DUE_SLICE     2
#define LULL_DUE_KILL      4  /* whoever runs has been killed: until it is gone */
#define LULL_DUE_DUMP      8  /* the tree of tasks is asked for */
#define LULL_DUE_SAMPLE    16 /* the profiler wants to know where the script is */

enum lull_fire {
    LULL_FIRE_GO_ON, /* nothing more, for now */
    LULL_FIRE_SOON,  /* look again after some instructions */
    LULL_FIRE_YIELD, /* set the script aside */
    LULL_FIRE_RAISE  /* raise the value on top; look again at the next instruction */
};

struct lull_slice {
    lua_State *volatile running; /* NULL: no script is running */
    bool waiting;                /* the yield under way is a wait, not a script's */
    unsigned blocked;            /* resumes made below a frame that cannot yield */

    atomic_int due;              /* LULL_DUE_ bits; the handler adds some at any time */
    volatile sig_atomic_t busy;  /* our hook is being put on or taken off */
    volatile sig_atomic_t armed; /* our hook is on `armed_thread` */
    lua_State *volatile armed_thread;
    lua_Hook saved_hook; /* what the script had there */
    int saved_mask;
    int saved_count;
    lua_Hook base; /* what new threads have from the first on; NULL: none */
    int base_mask;
    uint32_t seed; /* for when the hook looks again */

    int signal;                    /* 0: no ticks */
    volatile sig_atomic_t ticking; /* the timer is running */
    volatile uint32_t step;        /* counts the steps that were begun */
    volatile uint32_t seen;        /* the one that the last tick found */
    uint64_t tick;                 /* ns: half a slice, or longer while arming is slow */
    uint64_t least_tick;           /* half a slice */
    volatile uint64_t due_cpu; /* CPU time of the thread when the slice was over, ns */
    bool has_timer;
    volatile sig_atomic_t *late; /* set at every tick: the turn is to end soon */
    atomic_uint sampled; /* intervals of the profiler that no sample stands for yet */
    atomic_uint aside;   /* those in which no script was running */
    int sample_signal;   /* 0: no profiler */
#ifdef __linux__
    timer_t timer;
    timer_t sample_timer;
#endif

    enum lull_fire (*fire)(lua_State *L, lua_Debug *ar, bool may_yield, void *arg);
    void *arg;
};

/* fire(L, ar, may_yield, arg) may raise, and leaves a value on top for RAISE only. */
void lull__slice_init(struct lull_slice *slice,
                      enum lull_fire (*fire)(lua_State *L, lua_Debug *ar, bool may_yield,
                                             void *arg),
                      void *arg);

/*
 * Tick every half of `seconds` on this thread, by this signal.  0, or an errno
 * value: EINVAL when the signal is not handled by lull_on_slice_signal().
 */
int lull__slice_open(struct lull_slice *slice, int signal, double seconds);

/* The signal that lull_lend_signal() was given; 0: none. */
int lull__slice_lent(void);

/* No more ticks.  Idempotent. */
void lull__slice_close(struct lull_slice *slice);

/*
 * Fire with LULL_DUE_SAMPLE for every `seconds` of CPU time of this thread, by the lent
 * signal: `sampled` says how many intervals it is for.  0, or an errno value: EINVAL
 * when no signal was lent.
 */
int lull__slice_sample(struct lull_slice *slice, double seconds);

/* No more of these.  Idempotent. */
void lull__slice_sample_end(struct lull_slice *slice);

/* Find the slice from a hook: it is stored in L's registry. */
void lull__slice_register(lua_State *L, struct lull_slice *slice);

/*
 * Have `fire` called at the next instruction of the running script, because of
 * these LULL_DUE_ bits.  Async-signal-safe, on the runtime's thread only.
 */
void lull__slice_arm(struct lull_slice *slice, int due);

/* `L` runs from now on; NULL: no script.  An armed hook goes with it. */
void lull__slice_run(struct lull_slice *slice, lua_State *L);

/*
 * From here on threads have this hook, for lines and calls, when ours is off.  Threads
 * inherit it; whoever calls sets it in those that there are.
 */
void lull__slice_base(struct lull_slice *slice, lua_Hook hook, int mask);

/* Take our hook off again, if it is on. */
void lull__slice_disarm(struct lull_slice *slice);

/* Nothing is due any more; the hook is off. */
void lull__slice_settle(struct lull_slice *slice);

/* Take what hook there is off a thread that does not run, but for `base`. */
static inline void lull__slice_bare(const struct lull_slice *slice, lua_State *L)
{
    if (lua_gethook(L) != slice->base)
        lua_sethook(L, slice->base, slice->base_mask, 0);
}

/* The slow half of lull__slice_step(): start the timer. */
void lull__slice_tick(struct lull_slice *slice);

/* A step begins: `L` is resumed. */
static inline void lull__slice_step(struct lull_slice *slice, lua_State *L)
{
    slice->step = slice->step + 1;
    slice->waiting = false;
    slice->running = L;
    if (!slice->ticking && slice->signal != 0)
        lull__slice_tick(slice);
}

/* The step is over. */
static inline void lull__slice_step_over(struct lull_slice *slice)
{
    slice->running = NULL;
    if (slice->armed || slice->due)
        lull__slice_settle(slice);
}

/*
 * Script code runs outside tasks, in L, until unguarded with what this returns.
 * Inside a step it is part of the step.
 */
static inline lua_State *lull__slice_guard(struct lull_slice *slice, lua_State *L)
{
    lua_State *outer = slice->running;
    if (outer == NULL)
        lull__slice_step(slice, L);
    else
        lull__slice_run(slice, L);
    return outer;
}

static inline void lull__slice_unguard(struct lull_slice *slice, lua_State *outer)
{
    if (outer == NULL)
        lull__slice_step_over(slice);
    else
        lull__slice_run(slice, outer);
}

/* CPU time that the thread has used since the slice was over, ns. */
uint64_t lull__slice_overrun(const struct lull_slice *slice);

#endif
