/* SPDX-License-Identifier: MIT */
/*
 * fswatch.c -- inotify as it is: watches, and the events that come.
 *
 * What they mean is scripts/fs/watch.lua's.  Watches are added by jobs, for the path has
 * to be opened as the policy allows; events are read when they are asked for, so that
 * one that is cancelled has taken none.
 */
#include "fs/fsfile.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CLASS_NAME "lull.fs.NativeWatch"
#define EVENTS     ((size_t)16 * 1024) /* bytes of events at once */
#define MASK                                                                            \
    (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)

static const char watch_tag = 'w';

struct watch {
    struct lullb_object object;     /* first */
    struct lullb_shared_fd *shared; /* NULL: closed */
    struct lull_timed_op *reader;   /* NULL: nobody waits for events */
    struct event event;
};

struct next_wait {
    struct lull_timed_op timed; /* first */
    struct watch *watch;
    bool waits; /* for events; else there may be none */
};

static int next_push(lua_State *L, struct lull_op *op);
static enum lull_cancel next_cancel(struct lull_op *op);
static void next_abandon(struct lull_op *op);

static const struct lull_op_type add_type = {
    .name = "fs.watch",
    .cancel = lullb_fs_cancel,
    .push = lullb_fs_push,
    .abandon = lullb_fs_abandon,
};

static const struct lull_op_type next_type = {
    .name = "fs.watch.next",
    .cancel = next_cancel,
    .push = next_push,
    .abandon = next_abandon,
};

/* ---- on a pool thread -------------------------------------------------------------------- */

static void work_add(struct lullb_fs_job *job)
{
    char link[64];
    int fd = lullb_fs_open(job, job->path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        job->error = -fd;
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int number = inotify_add_watch(job->source->fd, link, MASK);
    job->error = number < 0 ? errno : 0;
    job->offset = number;
    close(fd);
}

/* ---- loop side: no Lua --------------------------------------------------------------------- */

static void stop_waiting(struct watch *watch)
{
    if (watch->reader != NULL)
        event_del(&watch->event);
    watch->reader = NULL;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct lull_timed_op *reader = watch->reader;
    (void)fd;
    (void)what;
    watch->reader = NULL;
    if (reader != NULL)
        lullb_op_complete(reader);
}

static enum lull_cancel next_cancel(struct lull_op *op)
{
    struct next_wait *wait = (struct next_wait *)(void *)op;
    if (wait->watch->reader == &wait->timed)
        stop_waiting(wait->watch);
    lullb_op_release(&wait->timed);
    return LULL_DETACHED;
}

static void next_abandon(struct lull_op *op)
{
    next_cancel(op);
}

static void close_watch(struct lull_handle *handle)
{
    struct watch *watch = (struct watch *)(void *)handle;
    struct lullb_shared_fd *shared = watch->shared;
    struct lull_timed_op *reader = watch->reader;
    watch->shared = NULL;
    stop_waiting(watch);
    if (reader != NULL)
        lullb_op_fail(reader, LULL_KIND_CLOSED, 0);
    lullb_release_fd(shared);
}

static const struct lull_handle_type handle_type = {
    .name = "fs.watch",
    .close = close_watch,
};

/* ---- Lua side ---------------------------------------------------------------------------------- */

static struct watch *check_watch(lua_State *L, const char *op)
{
    struct watch *watch = lullb_check_object(L, 1, &watch_tag, CLASS_NAME);
    if (watch->shared == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, op, "closed");
    return watch;
}

/* What happened, in one word. */
static const char *kind_of(unsigned mask)
{
    return mask & IN_Q_OVERFLOW                     ? "overflow"
           : mask & IN_IGNORED                      ? "ignored"
           : mask & (IN_DELETE_SELF | IN_MOVE_SELF) ? "gone"
           : mask & IN_CREATE                       ? "created"
           : mask & IN_MOVED_TO                     ? "arrived"
           : mask & (IN_DELETE | IN_MOVED_FROM)     ? "removed"
                                                    : "changed";
}

/* { number, kind, name, is_folder, ... }: four values for each event. */
static void push_events(lua_State *L, const char *bytes, size_t size)
{
    struct inotify_event event;
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t at = 0; at + sizeof event <= size; at += sizeof event + event.len) {
        memcpy(&event, bytes + at, sizeof event);
        lua_pushinteger(L, event.wd);
        lua_rawseti(L, -2, ++count);
        lua_pushstring(L, kind_of(event.mask));
        lua_rawseti(L, -2, ++count);
        lua_pushstring(L, event.len > 0 ? bytes + at + sizeof event : "");
        lua_rawseti(L, -2, ++count);
        lua_pushboolean(L, (event.mask & IN_ISDIR) != 0);
        lua_rawseti(L, -2, ++count);
    }
}

static int next_push(lua_State *L, struct lull_op *op)
{
    struct next_wait *wait = (struct next_wait *)(void *)op;
    struct watch *watch = wait->watch;
    char bytes[EVENTS];
    ssize_t got;
    if (watch->shared == NULL)
        return lullb_raise(L, LULL_KIND_CLOSED, next_type.name, "closed");
    do {
        got = read(watch->shared->fd, bytes, sizeof bytes);
    } while (got < 0 && errno == EINTR);
    luaL_checkstack(L, 10, NULL);
    if (got > 0) {
        push_events(L, bytes, (size_t)got);
        return 1;
    }
    if (got < 0 && errno != EAGAIN)
        return lullb_raise_io(L, next_type.name, errno, NULL);
    if (!wait->waits)
        return 0;
    if (event_add(&watch->event, NULL) != 0)
        return lullb_raise_memory(L, next_type.name);
    watch->reader = &wait->timed;
    lullb_op_begin(&wait->timed, lull_runtime_of(L), op->task, &next_type,
                   (double)INFINITY);
    return lull_await(L, op);
}

/* next(waits) -> { number, kind, name, is_folder, ... } | nothing.  Suspends. */
static int m_next(lua_State *L)
{
    struct watch *watch = check_watch(L, next_type.name);
    bool waits = lua_toboolean(L, 2) != 0;
    struct lull_task *task = lull_checkpoint(L);
    if (watch->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, next_type.name, "another task is waiting");
    lua_settop(L, 1);
    struct next_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct next_wait){.watch = watch, .waits = waits};
    lullb_op_begin_complete(&wait->timed, task, &next_type);
    return lull_await(L, &wait->timed.op);
}

static int push_number(lua_State *L, struct lullb_fs_wait *wait)
{
    lua_pushinteger(L, (lua_Integer)wait->job->offset);
    return 1;
}

/* add(path) -> number of the watch; the same for the same folder.  Suspends. */
static int m_add(lua_State *L)
{
    struct watch *watch = check_watch(L, add_type.name);
    const char *path = lullb_fs_check_path(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, path, NULL);
    wait->job->source = watch->shared;
    atomic_fetch_add(&watch->shared->holders, 1);
    wait->job->work = work_add;
    wait->push = push_number;
    return lullb_fs_await(L, wait, task, &add_type);
}

/* remove(number): a watch that is not there any more is none */
static int m_remove(lua_State *L)
{
    const struct watch *watch = check_watch(L, "fs.watch");
    inotify_rm_watch(watch->shared->fd, (int)luaL_checkinteger(L, 2));
    return 0;
}

static int m_close(lua_State *L)
{
    struct watch *watch = lullb_check_object(L, 1, &watch_tag, CLASS_NAME);
    lull_handle_close(&watch->object.handle);
    return 0;
}

static const struct luaL_Reg methods[] = {{"add", m_add},
                                          {"close", m_close},
                                          {"next", m_next},
                                          {"remove", m_remove},
                                          {NULL, NULL}};
static const struct luaL_Reg meta[] = {
    {"__gc", m_close}, {"__close", m_close}, {NULL, NULL}};

int lullb_l_fs_watcher(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lull_check_handles(L, "fs.watch");
    lull_push_class(L, rt, CLASS_NAME, methods, meta);
    struct watch *watch = lullb_push_object(L, sizeof *watch, &watch_tag);
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return lullb_raise_io(L, "fs.watch", errno, NULL);
    watch->shared = lullb_share_fd(fd);
    if (watch->shared == NULL) {
        close(fd);
        return lullb_raise_memory(L, "fs.watch");
    }
    event_assign(&watch->event, lull_base(rt), fd, EV_READ, on_events, watch);
    lull_handle_open(rt, &watch->object.handle, &handle_type);
    return 1;
}
