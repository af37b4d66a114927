/* SPDX-License-Identifier: MIT */
/*
 * fsfile.c -- open files: opening, writing, taking turns, closing.
 */
#include "fsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define CLASS_NAME "lull.fs.File"

static const char file_tag = 'f';

enum verb { WRITE, SEEK, SYNC, TRUNCATE, STAT };

static enum lull_cancel turn_cancel(struct lull_op *op);
static void turn_abandon(struct lull_op *op);
static int turn_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type open_type = {
    .name = "fs.open",
    .cancel = lullb_fs_cancel,
    .push = lullb_fs_push,
    .abandon = lullb_fs_abandon,
};

#define HOOKS .cancel = turn_cancel, .push = turn_push, .abandon = turn_abandon

static const struct lull_op_type types[] = {
    [WRITE] = {.name = "fs.file.write", HOOKS},
    [SEEK] = {.name = "fs.file.seek", HOOKS},
    [SYNC] = {.name = "fs.file.sync", HOOKS},
    [TRUNCATE] = {.name = "fs.file.truncate", HOOKS},
    [STAT] = {.name = "fs.file.stat", HOOKS},
};

struct lullb_fs_file *lullb_check_fs_file(lua_State *L, int index)
{
    return lullb_check_object(L, index, &file_tag, CLASS_NAME);
}

void lullb_check_fs_open(lua_State *L, const struct lullb_fs_file *file, const char *op)
{
    if (file->shared == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, op, "the file is closed");
}

/* ---- on a pool thread ------------------------------------------------------------------ */

static void work_open(struct lullb_fs_job *job)
{
    if ((job->flags & (O_CREAT | O_TRUNC)) != 0 && !lullb_fs_commit(job))
        return;
    int fd = lullb_fs_open(job, job->path, (int)job->flags | O_NONBLOCK, 0666);
    job->error = fd < 0 ? -fd : 0;
    if (fd < 0)
        return;
    job->fd = fd;
    if (fstat(fd, &job->status) != 0)
        job->error = errno;
    else
        job->error = lullb_fs_refusal(&job->status);
    job->more = lseek(fd, 0, SEEK_CUR) >= 0; /* it has positions */
    if (S_ISCHR(job->status.st_mode))
        job->more = false; /* devices say so, too */
}

/* From `offset`; -1: at the end, or wherever a device is. */
static void work_write(struct lullb_fs_job *job)
{
    size_t done = 0;
    int fd = job->source->fd;
    if (!lullb_fs_commit(job))
        return;
    while (done < job->size && job->error == 0) {
        const char *bytes = job->bytes + done;
        size_t left = job->size - done;
        ssize_t put = job->offset >= 0
                          ? pwrite(fd, bytes, left, job->offset + (off_t)done)
                          : write(fd, bytes, left);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            job->error = errno;
    }
    job->size = done;
    if (job->offset < 0)
        job->offset = lseek(fd, 0, SEEK_CUR) - (off_t)done;
}

static void work_stat(struct lullb_fs_job *job)
{
    if (fstat(job->source->fd, &job->status) != 0)
        job->error = errno;
}

static void work_sync(struct lullb_fs_job *job)
{
    if (fsync(job->source->fd) != 0 && errno != EINVAL) /* devices have no disk */
        job->error = errno;
}

static void work_truncate(struct lullb_fs_job *job)
{
    if (lullb_fs_commit(job) && ftruncate(job->source->fd, job->offset) != 0)
        job->error = errno;
}

/* ---- loop side: no Lua ----------------------------------------------------------------------- */

static struct lullb_fs_wait *wait_of(struct lull_op *op)
{
    return (struct lullb_fs_wait *)(void *)op;
}

/* What is in the buffer was not read: what is written goes before it. */
static void give_up_buffer(struct lullb_fs_file *file)
{
    file->position -= (off_t)lullb_buffer_size(&file->buffer);
    lullb_buffer_clear(file->rt, &file->buffer);
}

/* It is this one's turn.  0, or an errno value. */
static int begin_turn(struct lullb_fs_file *file, struct lullb_fs_wait *wait)
{
    if (wait->job->work == work_write || wait->job->work == work_truncate)
        give_up_buffer(file);
    if (wait->job->work == work_write)
        wait->job->offset = file->appends || !file->can_seek ? -1 : file->position;
    file->current = wait;
    return lullb_fs_submit(wait);
}

/* Whoever had its turn is done: the next. */
static void next_turn(struct lullb_fs_file *file)
{
    file->current = NULL;
    while (file->line.head != NULL && file->current == NULL) {
        struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)file->line.head;
        struct lull_line *line = wait->timed.line;
        int error = 0;
        if (line != NULL) { /* its hold and its place are kept together: out, and on */
            line->head = wait->timed.next;
            if (line->head != NULL)
                line->head->prev = NULL;
            else
                line->tail = NULL;
            wait->timed.line = NULL;
        }
        error = begin_turn(file, wait);
        if (error != 0) {
            file->current = NULL;
            wait->job->error = error;
            lullb_op_complete(&wait->timed);
        }
    }
}

static void turn_done(struct lullb_fs_wait *wait)
{
    struct lullb_fs_file *file = wait->file;
    const struct lullb_fs_job *job = wait->job;
    if (job->work == work_write && file->can_seek)
        file->position = job->offset + (off_t)job->size;
    if (file->current == wait)
        next_turn(file);
}

static enum lull_cancel turn_cancel(struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    struct lullb_fs_file *file = wait->file;
    enum lull_cancel answer = lullb_fs_cancel(op);
    if (answer == LULL_DETACHED && file->current == wait)
        next_turn(file);
    return answer;
}

static void turn_abandon(struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    struct lullb_fs_file *file = wait->file;
    lullb_fs_abandon(op);
    if (file->current == wait)
        next_turn(file);
}

/* Its job goes on by itself, if a thread has it; who waits gets `closed`. */
static void fail_closed(struct lullb_fs_wait *wait)
{
    lullb_fs_let_go(wait);
    lullb_op_fail(&wait->timed, LULL_KIND_CLOSED, 0);
}

static void close_file(struct lull_handle *handle)
{
    struct lullb_fs_file *file = (struct lullb_fs_file *)(void *)handle;
    struct lullb_shared_fd *shared = file->shared;
    struct lullb_fs_wait *reader = file->reader, *current = file->current;
    file->shared = NULL;
    file->reader = NULL;
    file->current = NULL;
    if (reader != NULL && reader->timed.op.state == LULL_OP_PENDING)
        fail_closed(reader);
    if (current != NULL)
        fail_closed(current);
    while (file->line.head != NULL)
        fail_closed((struct lullb_fs_wait *)(void *)file->line.head);
    lullb_fs_let_go(&file->own);
    lullb_buffer_clear(file->rt, &file->buffer);
    lullb_release_fd(shared);
}

static const struct lull_handle_type handle_type = {
    .name = "fs.file",
    .close = close_file,
};

/* ---- Lua side ------------------------------------------------------------------------------------ */

static int turn_push(lua_State *L, struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    if (wait->job == NULL) /* closed, after it had ended well */
        return lullb_raise(L, LULL_KIND_CLOSED, op->type->name, "the file is closed");
    return lullb_fs_push(L, op);
}

/* A checkpoint, and what waits for a job on the file at 1. */
static struct lullb_fs_wait *begin(lua_State *L, const struct lull_op_type *type,
                                   struct lull_task **task)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    *task = lull_checkpoint(L);
    lullb_check_fs_open(L, file, type->name);
    luaL_checkstack(L, 10, NULL);
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, file->path, NULL);
    wait->job->source = file->shared;
    atomic_fetch_add(&file->shared->holders, 1);
    wait->file = file;
    wait->done = turn_done;
    return wait;
}

/* Take its turn, or wait for it. */
static int take_turn(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                     const struct lull_op_type *type)
{
    struct lullb_fs_file *file = wait->file;
    if (file->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, type->name,
                           "another task is reading from the file");
    lullb_op_begin(&wait->timed, file->rt, task, type, (double)INFINITY);
    if (file->current != NULL) {
        lullb_line_append(&file->line, &wait->timed);
        return lull_await(L, &wait->timed.op);
    }
    int error = begin_turn(file, wait);
    if (error != 0) {
        file->current = NULL;
        lullb_op_fail(&wait->timed, LULL_KIND_IO, error);
    }
    return lull_await(L, &wait->timed.op);
}

static int push_file(lua_State *L, struct lullb_fs_wait *wait)
{
    (void)wait;
    lua_pushvalue(L, 1);
    return 1;
}

/* write(...) -> file: strings and numbers, all at once */
static int m_write(lua_State *L)
{
    struct lull_task *task;
    int top = lua_gettop(L);
    size_t size = 0, length, at = 0;
    for (int i = 2; i <= top; i++) {
        luaL_checklstring(L, i, &length);
        size += length;
    }
    struct lullb_fs_wait *wait = begin(L, &types[WRITE], &task);
    wait->push = push_file;
    wait->job->work = work_write;
    if (!lullb_fs_charge(wait, size))
        return lullb_raise_refused(L, "fs.file.write", EDQUOT);
    if (size > 0 && !lullb_fs_reserve(wait->job, size))
        return lullb_raise_memory(L, "fs.file.write");
    for (int i = 2; i <= top; i++) {
        const char *bytes = lua_tolstring(L, i, &length);
        if (length > 0)
            memcpy(wait->job->bytes + at, bytes, length);
        at += length;
    }
    wait->job->size = size;
    return take_turn(L, wait, task, &types[WRITE]);
}

/* flush() -> file: nothing is held back */
static int m_flush(lua_State *L)
{
    lullb_check_fs_open(L, lullb_check_fs_file(L, 1), "fs.file.flush");
    lull_checkpoint(L);
    lua_settop(L, 1);
    return 1;
}

/* sync() -> file: what was written is on the disk */
static int m_sync(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, &types[SYNC], &task);
    wait->push = push_file;
    wait->job->work = work_sync;
    return take_turn(L, wait, task, &types[SYNC]);
}

/* truncate(size) -> file */
static int m_truncate(lua_State *L)
{
    struct lull_task *task;
    lua_Integer size = luaL_checkinteger(L, 2);
    luaL_argcheck(L, size >= 0, 2, "must not be negative");
    struct lullb_fs_wait *wait = begin(L, &types[TRUNCATE], &task);
    wait->push = push_file;
    wait->job->offset = (off_t)size;
    wait->job->work = work_truncate;
    return take_turn(L, wait, task, &types[TRUNCATE]);
}

static int push_status(lua_State *L, struct lullb_fs_wait *wait)
{
    lullb_fs_push_stat(L, &wait->job->status);
    return 1;
}

/* stat() -> table */
static int m_stat(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, &types[STAT], &task);
    wait->push = push_status;
    wait->job->work = work_stat;
    return take_turn(L, wait, task, &types[STAT]);
}

/* Go to `base` and the offset at 3.  Raises EINVAL, EOVERFLOW. */
static int seek_to(lua_State *L, struct lullb_fs_file *file, lua_Integer base)
{
    lua_Integer offset = luaL_optinteger(L, 3, 0);
    if (offset > 0 && base > LUA_MAXINTEGER - offset)
        return lullb_raise_io(L, "fs.file.seek", EOVERFLOW, file->path);
    if (base + offset < 0)
        return lullb_raise_io(L, "fs.file.seek", EINVAL, file->path);
    lullb_buffer_clear(file->rt, &file->buffer);
    file->position = (off_t)(base + offset);
    lua_pushinteger(L, base + offset);
    return 1;
}

static int push_from_end(lua_State *L, struct lullb_fs_wait *wait)
{
    lullb_check_fs_open(L, wait->file, "fs.file.seek");
    return seek_to(L, wait->file, (lua_Integer)wait->job->status.st_size);
}

/* seek(whence, offset) -> position, as file:seek.  Suspends from "end" only. */
static int m_seek(lua_State *L)
{
    static const char *const names[] = {"set", "cur", "end", NULL};
    struct lull_task *task;
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    int whence = luaL_checkoption(L, 2, "cur", names);
    luaL_optinteger(L, 3, 0);
    lua_settop(L, 3);
    lullb_check_fs_open(L, file, "fs.file.seek");
    if (!file->can_seek)
        return lullb_raise_io(L, "fs.file.seek", ESPIPE, file->path);
    if (file->reader != NULL || (file->current != NULL && whence < 2))
        return lullb_raise(L, LULL_KIND_BUSY, "fs.file.seek",
                           "another task is working on the file");
    lua_Integer here =
        (lua_Integer)file->position - (lua_Integer)lullb_buffer_size(&file->buffer);
    if (whence < 2)
        return seek_to(L, file, whence == 0 ? 0 : here);
    struct lullb_fs_wait *wait = begin(L, &types[SEEK], &task);
    wait->push = push_from_end;
    wait->job->work = work_stat;
    return take_turn(L, wait, task, &types[SEEK]);
}

/* close() -> nothing.  Idempotent; who waits gets `closed`. */
static int m_close(lua_State *L)
{
    lull_handle_close(&lullb_check_fs_file(L, 1)->object.handle);
    return 0;
}

static int m_fd(lua_State *L)
{
    const struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    lua_pushinteger(L, file->shared != NULL ? file->shared->fd : -1);
    return 1;
}

static int file_tostring(lua_State *L)
{
    const struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    lua_pushfstring(L, "file (%s%s)", file->path, file->shared == NULL ? ", closed" : "");
    return 1;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close},
    {"fd", m_fd},
    {"flush", m_flush},
    {"lines", lullb_m_fs_lines},
    {"read", lullb_m_fs_read},
    {"read_exact", lullb_m_fs_read_exact},
    {"read_some", lullb_m_fs_read_some},
    {"read_until", lullb_m_fs_read_until},
    {"seek", m_seek},
    {"stat", m_stat},
    {"sync", m_sync},
    {"truncate", m_truncate},
    {"write", m_write},
    {NULL, NULL},
};
static const struct luaL_Reg meta[] = {
    {"__gc", m_close}, {"__close", m_close}, {"__tostring", file_tostring}, {NULL, NULL}};

/* ---- opening ---------------------------------------------------------------------------- */

static int open_push(lua_State *L, struct lullb_fs_wait *wait)
{
    struct lull_runtime *rt = wait->timed.rt;
    struct lullb_fs_job *job = wait->job;
    size_t size = strlen(job->path) + 1;
    lull_check_handles(L, "fs.open");
    lull_push_class(L, rt, CLASS_NAME, methods, meta);
    struct lullb_fs_file *file = lullb_push_object(L, sizeof *file + size, &file_tag);
    memcpy(file->path, job->path, size);
    file->rt = rt;
    file->max_line = (size_t)lua_tointeger(L, 3);
    file->max_all = (size_t)lua_tointeger(L, 4);
    file->can_seek = job->more;
    file->is_slow = !file->can_seek;
    file->appends = (job->flags & O_APPEND) != 0;
    file->shared = lullb_share_fd(job->fd);
    if (file->shared == NULL)
        return lullb_raise_memory(L, "fs.open");
    job->fd = -1;
    lull_handle_open(rt, &file->object.handle, &handle_type);
    return 1;
}

/* The flags of a mode as fopen(3) has them; -1: it is none. */
static int flags_of(const char *mode)
{
    int made = *mode == 'r'   ? 0
               : *mode == 'w' ? O_CREAT | O_TRUNC
               : *mode == 'a' ? O_CREAT | O_APPEND
                              : -1;
    if (made < 0)
        return -1;
    const char *rest = mode + 1;
    bool both = *rest == '+';
    rest += both;
    rest += *rest == 'b';
    if (*rest != '\0')
        return -1;
    return made | (both ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY);
}

int lullb_l_fs_open(lua_State *L)
{
    const char *path = lullb_fs_check_path(L, 1);
    int flags = flags_of(luaL_checkstring(L, 2));
    luaL_argcheck(L, flags >= 0, 2, "invalid mode");
    luaL_checkinteger(L, 3);
    luaL_checkinteger(L, 4);
    lua_settop(L, 4);
    struct lull_task *task = lull_checkpoint(L);
    lull_check_handles(L, "fs.open");
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, path, NULL);
    wait->push = open_push;
    wait->job->flags = (unsigned)flags;
    wait->job->work = work_open;
    return lullb_fs_await(L, wait, task, &open_type);
}
