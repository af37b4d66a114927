/* SPDX-License-Identifier: MIT */
/*
 * signallib.c -- Lua module "lull.signal.native": listeners, and waiting for signals.
 *
 * A listener collects the signals that it names, each at most once until it is taken,
 * as the system does.  All listeners of a runtime share one post (signals.h), which is
 * there while any of them is open.  Each listener gets every signal; of several tasks
 * that wait on one listener, the first in line does.
 *
 * Signals are the process's: scripts need to be allowed everything.
 */
#include "common/bind.h"
#include "common/timedop.h"
#include "process/signals.h"
#include "process/signame.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define LISTEN "signal.listen"
#define WAIT   "signal.wait"

int luaopen_lull_signal_native(lua_State *L);

static const char listener_tag = 'l';
static const char home_key = 'h'; /* of struct home, in the registry */

/* Those that a script may take from whoever has them. */
static const int offered[] = {SIGALRM, SIGCHLD, SIGCONT, SIGHUP,  SIGINT,  SIGQUIT,
                              SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH};

/* What the listeners of a runtime share; a userdata in the registry. */
struct home {
    struct lullb_post *post; /* NULL: nobody listens */
    struct event event;
    struct listener *first;
    unsigned counts[LULLB_MAX_SIGNAL + 1]; /* of listeners, by signal */
};

struct listener {
    struct lullb_object base;
    struct home *home;
    struct listener *next;
    uint64_t named;   /* bits by number */
    uint64_t arrived; /* and not yet taken */
    struct lull_line waiters;
};

struct wait_op {
    struct lull_timed_op timed; /* first */
    int number;                 /* what has arrived; 0: the listener was closed */
    bool iterates;              /* then that is the end, and no error */
};

/* ---- loop side --------------------------------------------------------------------- */

/* The first of what has arrived, taken; 0: nothing has. */
static int take(struct listener *listener)
{
    for (int number = 1; number <= LULLB_MAX_SIGNAL; number++) {
        uint64_t bit = (uint64_t)1 << number;
        if ((listener->arrived & bit) != 0) {
            listener->arrived &= ~bit;
            return number;
        }
    }
    return 0;
}

static void on_arrival(evutil_socket_t fd, short what, void *arg)
{
    struct home *home = arg;
    (void)fd;
    (void)what;
    uint64_t arrived = lullb_post_take(home->post);
    for (struct listener *each = home->first; each != NULL; each = each->next) {
        each->arrived |= arrived & each->named;
        while (each->arrived != 0 && each->waiters.head != NULL) {
            struct wait_op *wait = (struct wait_op *)(void *)each->waiters.head;
            wait->number = take(each);
            lullb_op_complete(&wait->timed);
        }
    }
}

/* Nobody listens any more. */
static void close_home(struct home *home)
{
    event_del(&home->event);
    lullb_post_close(home->post);
    home->post = NULL;
}

static void unlink_listener(struct listener *listener)
{
    struct listener **place = &listener->home->first;
    while (*place != listener)
        place = &(*place)->next;
    *place = listener->next;
}

static void close_listener(struct lull_handle *handle)
{
    struct listener *listener = (struct listener *)(void *)handle;
    struct home *home = listener->home;
    unlink_listener(listener);
    for (int number = 1; number <= LULLB_MAX_SIGNAL; number++) {
        if ((listener->named >> number & 1) != 0 && --home->counts[number] == 0)
            lullb_post_unwant(home->post, number);
    }
    if (home->first == NULL)
        close_home(home);
    while (listener->waiters.head != NULL) {
        struct wait_op *wait = (struct wait_op *)(void *)listener->waiters.head;
        if (wait->iterates)
            lullb_op_complete(&wait->timed);
        else
            lullb_op_fail(&wait->timed, LULL_KIND_CLOSED, 0);
    }
}

static const struct lull_handle_type listener_type = {
    .name = "signal.listener",
    .close = close_listener,
};

/* 0, or an errno value: then the home is as it was. */
static int open_home(struct lull_runtime *rt, struct home *home)
{
    int fd;
    home->post = lullb_post_open(&fd);
    if (home->post == NULL)
        return errno;
    event_assign(&home->event, lull_base(rt), fd, EV_READ | EV_PERSIST, on_arrival, home);
    if (event_add(&home->event, NULL) == 0)
        return 0;
    lullb_post_close(home->post);
    home->post = NULL;
    return ENOMEM;
}

/* From now on the listener gets what it names.  0 or an errno value. */
static int open_listener(struct lull_runtime *rt, struct listener *listener)
{
    struct home *home = listener->home;
    int error = home->post == NULL ? open_home(rt, home) : 0;
    if (error != 0)
        return error;
    uint64_t named = listener->named;
    listener->named = 0;
    listener->next = home->first;
    home->first = listener;
    lull_handle_open(rt, &listener->base.handle, &listener_type);
    for (int number = 1; number <= LULLB_MAX_SIGNAL && error == 0; number++) {
        if ((named >> number & 1) == 0)
            continue;
        error = home->counts[number] == 0 ? lullb_post_want(home->post, number) : 0;
        if (error != 0)
            break;
        home->counts[number]++;
        listener->named |= (uint64_t)1 << number;
    }
    if (error != 0)
        lull_handle_close(&listener->base.handle);
    return error;
}

static enum lull_cancel wait_cancel(struct lull_op *op)
{
    lullb_op_release((struct lull_timed_op *)(void *)op);
    return LULL_DETACHED;
}

/* ---- Lua side ------------------------------------------------------------------------ */

static int wait_push(lua_State *L, struct lull_op *op)
{
    int number = ((struct wait_op *)(void *)op)->number;
    if (number != 0)
        lullb_push_signal(L, number);
    else
        lua_pushnil(L);
    return 1;
}

static const struct lull_op_type wait_type = {
    .name = WAIT,
    .cancel = wait_cancel,
    .push = wait_push,
};

static struct listener *check_listener(lua_State *L)
{
    return lullb_check_object(L, 1, &listener_tag, "signal listener");
}

static int wait_for(lua_State *L, bool iterates)
{
    struct listener *listener = check_listener(L);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    bool is_open = lull_handle_is_open(&listener->base.handle);
    if (!is_open && !iterates)
        return lullb_raise(L, LULL_KIND_CLOSED, WAIT, "the listener is closed");
    struct wait_op *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct wait_op){.iterates = iterates};
    wait->number = is_open ? take(listener) : 0;
    if (!is_open || wait->number != 0) {
        lullb_op_begin_complete(&wait->timed, task, &wait_type);
        return lull_await(L, &wait->timed.op);
    }
    lullb_op_begin(&wait->timed, lull_runtime_of(L), task, &wait_type,
                   (double)INFINITY); /* no timer: cannot fail */
    lullb_line_append(&listener->waiters, &wait->timed);
    return lull_await(L, &wait->timed.op);
}

/* l:wait() -> name */
static int m_wait(lua_State *L)
{
    return wait_for(L, false);
}

/* l() -> name, or nil when it was closed: what a generic for calls */
static int m_call(lua_State *L)
{
    return wait_for(L, true);
}

/* l:close() -> nothing */
static int m_close(lua_State *L)
{
    lull_handle_close(&check_listener(L)->base.handle);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close},
    {"wait", m_wait},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__call", m_call},
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

static struct home *home_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &home_key);
    struct home *home = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (home == NULL) {
        home = lua_newuserdatauv(L, sizeof *home, 0);
        memset(home, 0, sizeof *home);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &home_key);
    }
    return home;
}

static uint64_t check_names(lua_State *L, int count)
{
    uint64_t named = 0;
    luaL_argcheck(L, count > 0, 1, "the name of a signal expected");
    for (int i = 1; i <= count; i++) {
        int number = lullb_check_signal(L, i);
        bool found = false;
        for (size_t k = 0; k < sizeof offered / sizeof offered[0]; k++)
            found = found || offered[k] == number;
        luaL_argcheck(L, found, i, "this signal cannot be listened to");
        named |= (uint64_t)1 << number;
    }
    return named;
}

/* listen(name...) -> listener */
static int l_listen(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    uint64_t named = check_names(L, lua_gettop(L));
    lull_check_permission(L, LULL_MAY_ALL, LISTEN, NULL);
    lull_check_handles(L, LISTEN);
    struct home *home = home_of(L);
    lull_push_class(L, rt, "lull.signal.Listener", methods, meta);
    struct listener *listener = lullb_push_object(L, sizeof *listener, &listener_tag);
    listener->home = home;
    listener->named = named;
    int error = open_listener(rt, listener);
    return error == 0 ? 1 : lullb_raise_io(L, LISTEN, error, NULL);
}

static const struct luaL_Reg functions[] = {
    {"listen", l_listen},
    {NULL, NULL},
};

int luaopen_lull_signal_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
