/* SPDX-License-Identifier: MIT */
/*
 * slice.h -- which Lua state runs, and the one owner of the debug hook.
 *
 * `running` is the one truth about the innermost lua_State that lull itself
 * resumed: the scheduler and coroutine.resume write it, waits and the hook
 * read it.  A wait may only be made in it.
 *
 * The hook is off until something asks for it.  An interrupt (Ctrl-C) arms it
 * from a signal handler on the runtime's own thread, the only safe place
 * besides Lua itself; when it fires it puts back what the script had set and
 * calls `on_fire`.
 */
#ifndef LULL_SLICE_H
#define LULL_SLICE_H

#include "compat.h"

#include <signal.h>
#include <stdbool.h>

struct lull_slice {
    lua_State *volatile running; /* NULL: no script is running */
    bool waiting;                /* the yield under way is a wait, not a script's */
    unsigned blocked;            /* resumes made below a frame that cannot yield */

    volatile sig_atomic_t armed; /* our hook is on `armed_thread` */
    lua_State *volatile armed_thread;
    lua_Hook saved_hook; /* what the script had there */
    int saved_mask;
    int saved_count;

    void (*on_fire)(lua_State *L, void *arg); /* may raise */
    void *arg;
};

void lull__slice_init(struct lull_slice *slice, void (*on_fire)(lua_State *L, void *arg),
                      void *arg);

/* Find the slice from a hook: it is stored in L's registry. */
void lull__slice_register(lua_State *L, struct lull_slice *slice);

/*
 * Have on_fire called at the next instruction of the running script.
 * Async-signal-safe, on the runtime's thread only.  No-op when none runs.
 */
void lull__slice_arm(struct lull_slice *slice);

/* `L` runs from now on; NULL: no script.  An armed hook goes with it. */
void lull__slice_run(struct lull_slice *slice, lua_State *L);

/* Take our hook off again, if it is on. */
void lull__slice_disarm(struct lull_slice *slice);

#endif
