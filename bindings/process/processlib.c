/* SPDX-License-Identifier: MIT */
/*
 * processlib.c -- Lua module "lull.process.native": what scripts/process.lua stands on.
 *
 * One call starts a process and gives the streams at our ends of its pipes; its
 * object is waited for and signalled.  Input, output, time limits and pipelines are
 * made of these, in Lua.  The permission `run` is asked for here.
 */
#include "process/child.h"
#include "process/signame.h"
#include "process/spawnspec.h"
#include "stream/stream.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT "process.wait"
#define KILL "process.kill"

int luaopen_lull_process_native(lua_State *L);

static const char object_tag = 'p';

/* What the script has of a child. */
struct object {
    struct lullb_object base;  /* its handle is never opened: the child has one */
    struct lullb_child *child; /* NULL: it never started */
};

static struct lullb_child *check_child(lua_State *L)
{
    struct object *object = lullb_check_object(L, 1, &object_tag, "process");
    luaL_argcheck(L, object->child != NULL, 1, "it never started");
    return object->child;
}

/* ---- waiting ------------------------------------------------------------------------ */

struct wait_op {
    struct lull_timed_op timed; /* first */
    struct lullb_child *child;  /* its object is on the waiter's stack */
};

/* Push how it has ended: code | nil, signal. */
static int push_end(lua_State *L, const struct lullb_child *child, const char *op)
{
    if (child->error != 0) {
        lull_push_error(L, LULL_KIND_PROCESS, "somebody else has waited for process %d",
                        (int)child->pid);
        lull_error_detail(L, op, child->error);
        return lua_error(L);
    }
    if (!WIFSIGNALED(child->status)) {
        lua_pushinteger(L, WEXITSTATUS(child->status));
        return 1;
    }
    lua_pushnil(L);
    lullb_push_signal(L, WTERMSIG(child->status));
    return 2;
}

static enum lull_cancel wait_cancel(struct lull_op *op)
{
    lullb_op_release((struct lull_timed_op *)(void *)op);
    return LULL_DETACHED;
}

static int wait_push(lua_State *L, struct lull_op *op)
{
    return push_end(L, ((struct wait_op *)(void *)op)->child, WAIT);
}

static const struct lull_op_type wait_type = {
    .name = WAIT,
    .cancel = wait_cancel,
    .push = wait_push,
};

/* p:wait() -> code | nil, signal */
static int m_wait(lua_State *L)
{
    struct lullb_child *child = check_child(L);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (!child->over && !lull_handle_is_open(&child->handle))
        return lullb_raise(L, LULL_KIND_CLOSED, WAIT, "the process is closed");
    struct wait_op *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct wait_op){.child = child};
    if (child->over) {
        lullb_op_begin_complete(&wait->timed, task, &wait_type);
        return lull_await(L, &wait->timed.op);
    }
    lullb_op_begin(&wait->timed, child->rt, task, &wait_type,
                   (double)INFINITY); /* no timer: cannot fail */
    lullb_line_append(&child->waiters, &wait->timed);
    return lull_await(L, &wait->timed.op);
}

/* ---- the other methods ----------------------------------------------------------------- */

/* p:status() -> false while it runs; then true, code | nil, signal */
static int m_status(lua_State *L)
{
    struct lullb_child *child = check_child(L);
    lua_pushboolean(L, child->over);
    return child->over ? 1 + push_end(L, child, "process.status") : 1;
}

/* p:kill(name, group?) -> was there something to send it to? */
static int m_kill(lua_State *L)
{
    struct lullb_child *child = check_child(L);
    int number = lullb_check_signal(L, 2);
    int error = lullb_child_kill(child, number, lua_toboolean(L, 3));
    if (error != 0 && error != ESRCH)
        return lullb_raise_io(L, KILL, error, NULL);
    lua_pushboolean(L, error == 0);
    return 1;
}

/* p:terminate(grace) -> nothing */
static int m_terminate(lua_State *L)
{
    struct lullb_child *child = check_child(L);
    lullb_child_terminate(child, luaL_checknumber(L, 2));
    return 0;
}

/* p:close() -> nothing; kills it, unless it may stay */
static int m_close(lua_State *L)
{
    struct object *object = lullb_check_object(L, 1, &object_tag, "process");
    if (object->child != NULL)
        lullb_child_forget(object->child);
    return 0;
}

static int m_gc(lua_State *L)
{
    struct object *object = lullb_check_object(L, 1, &object_tag, "process");
    struct lullb_child *child = object->child;
    object->child = NULL;
    if (child != NULL) {
        lullb_child_forget(child);
        lullb_child_drop(child);
    }
    return 0;
}

/* p:pid() -> its number, which is another's some time after its end */
static int m_pid(lua_State *L)
{
    lua_pushinteger(L, check_child(L)->pid);
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close},         {"kill", m_kill}, {"pid", m_pid}, {"status", m_status},
    {"terminate", m_terminate}, {"wait", m_wait}, {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_gc},
    {NULL, NULL},
};

/* ---- starting ----------------------------------------------------------------------------- */

static int raise_spawn(lua_State *L, const char *op, const struct lullb_spawn *spawn,
                       int error)
{
    if (spawn->failed != NULL &&
        spawn->denied >= 0) { /* this raises it, and tells the host */
        int fd = lull_open_file(L, op, spawn->failed, spawn->failed_flags, 0666);
        close(fd); /* allowed meanwhile */
    }
    if (spawn->failed != NULL)
        return lullb_raise_io(L, op, error, spawn->failed);
    lull_push_error(L, LULL_KIND_PROCESS, "%s: %s", spawn->argv[0], strerror(error));
    lull_error_detail(L, op, error);
    return lua_error(L);
}

static bool flag(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/*
 * May the task start it?  A relative path is one from cwd: what is named is there.  Who
 * has the loader load things into the program runs these, whatever the program.
 */
static void check_permission(lua_State *L, const char *op,
                             const struct lullb_spawn *spawn)
{
    const char *name = spawn->argv[0];
    if (spawn->cwd != NULL && name[0] != '/' && strchr(name, '/') != NULL)
        name = lua_pushfstring(L, "%s/%s", spawn->cwd, name);
    lull_check_permission(L, LULL_MAY_RUN, op, name);
    if (spawn->preloads)
        lull_check_permission(L, LULL_MAY_NATIVE, op, NULL);
}

/*
 * spawn(argv, spec, op, stream options?) -> process, stdin | nil, stdout | nil, stderr | nil; see
 * spawnspec.h.  Besides: stays, polls.  At a terminal one stream is the first two.
 */
static int l_spawn(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lullb_spawn spawn;
    struct lullb_stream_options options;
    struct lull_stream *streams[3];
    const char *op = luaL_checkstring(L, 3);
    lua_settop(L, 4);
    lullb_check_stream_options(L, 4, &options);
    lullb_check_spawn(L, 1, 2, &spawn);
    bool stays = flag(L, 2, "stays");
    bool polls = flag(L, 2, "polls");
    check_permission(L, op, &spawn);
    lull_check_handles(L, op);
    lull_push_class(L, rt, "lull.process", methods, meta);
    struct object *object = lullb_push_object(L, sizeof *object, &object_tag);
    for (int i = 0; i < 3; i++) {
        streams[i] = NULL;
        if (spawn.terminal ? i == 0 : spawn.stdio[i].kind == LULLB_STDIO_PIPE)
            streams[i] = lullb_push_stream(L, rt, &options);
        else if (spawn.terminal && i == 1)
            lua_pushvalue(L, -1); /* the same */
        else
            lua_pushnil(L);
    }
    spawn.policy = lull_policy_of(L);
    object->child = lullb_child_new(rt);
    if (object->child == NULL)
        return lullb_raise_memory(L, op);
    lullb_share_streams(L, 2, &spawn); /* nothing may raise, or run, between these two */
    int error = lullb_spawn(&spawn);
    if (error != 0)
        return raise_spawn(L, op, &spawn, error);
    object->child->group = spawn.group || spawn.terminal;
    object->child->stays = stays;
    for (int i = 0; i < 3; i++) {
        if (streams[i] != NULL)
            lullb_stream_open(streams[i], spawn.ends[i],
                              spawn.terminal ? LULLB_FD_TERMINAL : LULLB_FD_NONBLOCKING);
    }
    if (!lullb_child_open(object->child, spawn.pid, polls))
        return lullb_raise_memory(L, op);
    return 4;
}

/*
 * drain(stream, most) -> what can be read without waiting, and no more than about so many
 * bytes; has it ended?  Nobody else may be reading.
 */
static int l_drain(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    size_t most = (size_t)luaL_checkinteger(L, 2);
    const char *bytes;
    enum lull_fill fill = LULL_FILL_END;
    while (lull_stream_is_open(stream) && lull_stream_peek(stream, &bytes) <= most) {
        stream->in.drained = false; /* what it said was then: look */
        stream->in.unwaited = 0;
        fill = lull_stream_fill(stream);
        if (fill != LULL_FILL_MORE)
            break;
    }
    size_t size = lull_stream_is_open(stream) ? lull_stream_peek(stream, &bytes) : 0;
    lua_pushlstring(L, size > 0 ? bytes : "", size);
    if (size > 0)
        lull_stream_consume(stream, size);
    lua_pushboolean(L, fill == LULL_FILL_END);
    return 2;
}

/* resize(stream, rows, columns) -> nothing; of the terminal that the stream is our side of */
static int l_resize(lua_State *L)
{
    struct lull_stream *stream = lull_check_stream(L, 1);
    lua_Integer rows = luaL_checkinteger(L, 2);
    lua_Integer columns = luaL_checkinteger(L, 3);
    luaL_argcheck(L, rows > 0 && rows <= UINT16_MAX, 2, "not a number of rows");
    luaL_argcheck(L, columns > 0 && columns <= UINT16_MAX, 3, "not a number of columns");
    luaL_argcheck(L, stream->kind == LULLB_FD_TERMINAL, 1, "not a terminal");
    struct winsize size = {.ws_row = (unsigned short)rows,
                           .ws_col = (unsigned short)columns};
    if (!lull_stream_is_open(stream))
        return lullb_raise(L, LULL_KIND_CLOSED, "process.resize",
                           "the terminal is closed");
    if (ioctl(stream->fd, TIOCSWINSZ, &size) < 0)
        return lullb_raise_io(L, "process.resize", errno, NULL);
    return 0;
}

/* own_pid() -> the number of this process */
static int l_own_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"drain", l_drain}, {"own_pid", l_own_pid}, {"resize", l_resize},
    {"spawn", l_spawn}, {NULL, NULL},
};

int luaopen_lull_process_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
