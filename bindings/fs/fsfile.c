/* SPDX-License-Identifier: MIT */
/*
 * fsfile.c -- open files: opening, seeking, what is asked of them, closing.
 */
#include "fs/fsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define CLASS_NAME "lull.fs.File"

static const char file_tag = 'f';

enum verb { SEEK, SYNC, TRUNCATE, STAT };

static const struct lull_op_type open_type = {
    .name = "fs.open",
    .cancel = lullb_fs_cancel,
    .push = lullb_fs_push,
    .abandon = lullb_fs_abandon,
};

#define HOOKS                                                   \
    .cancel = lullb_fs_turn_cancel, .push = lullb_fs_turn_push, \
    .abandon = lullb_fs_turn_abandon

static const struct lull_op_type types[] = {
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

/* ---- loop side: no Lua ----------------------------------------------------------------------- */

static void close_file(struct lull_handle *handle)
{
    struct lullb_fs_file *file = (struct lullb_fs_file *)(void *)handle;
    struct lullb_shared_fd *shared = file->shared;
    file->shared = NULL;
    lullb_fs_end_turns(file);
    if (file->behind != NULL)
        lullb_fs_leave_behind(file);
    lullb_fs_let_go(&file->own);
    lullb_buffer_clear(file->rt, &file->buffer);
    lullb_release_fd(shared);
}

static const struct lull_handle_type handle_type = {
    .name = "fs.file",
    .close = close_file,
};

/* ---- Lua side ------------------------------------------------------------------------------------ */

/* sync() -> file: what was written is on the disk */
static int m_sync(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &types[SYNC], &task);
    wait->push = lullb_fs_push_file;
    wait->job->work = work_sync;
    return lullb_fs_take_turn(L, wait, task, &types[SYNC]);
}

/* truncate(size) -> file */
static int m_truncate(lua_State *L)
{
    struct lull_task *task;
    lullb_check_fs_file(L, 1);
    lua_Integer size = luaL_checkinteger(L, 2);
    luaL_argcheck(L, size >= 0, 2, "must not be negative");
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &types[TRUNCATE], &task);
    wait->push = lullb_fs_push_file;
    wait->job->offset = (off_t)size;
    wait->job->work = lullb_fs_work_truncate;
    return lullb_fs_take_turn(L, wait, task, &types[TRUNCATE]);
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
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &types[STAT], &task);
    wait->push = push_status;
    wait->job->work = work_stat;
    return lullb_fs_take_turn(L, wait, task, &types[STAT]);
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

/* Where the next byte that is asked for comes from. */
static lua_Integer position_of(const struct lullb_fs_file *file)
{
    return (lua_Integer)file->position - (lua_Integer)lullb_buffer_size(&file->buffer);
}

static const char *const whences[] = {"set", "cur", "end", NULL};

static int push_position(lua_State *L, struct lullb_fs_wait *wait)
{
    struct lullb_fs_file *file = wait->file;
    int whence = luaL_checkoption(L, 2, "cur", whences);
    lullb_check_fs_open(L, file, "fs.file.seek");
    return seek_to(L, file,
                   whence == 0   ? 0
                   : whence == 1 ? position_of(file)
                                 : (lua_Integer)wait->job->status.st_size);
}

/* seek(whence, offset) -> position, as file:seek.  Waits for what is queued, and from "end". */
static int m_seek(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    int whence = luaL_checkoption(L, 2, "cur", whences);
    luaL_optinteger(L, 3, 0);
    lua_settop(L, 3);
    lullb_check_fs_open(L, file, "fs.file.seek");
    if (!file->can_seek)
        return lullb_raise_io(L, "fs.file.seek", ESPIPE, file->path);
    bool waits = whence == 2 || (file->behind != NULL && file->current != NULL);
    if (file->reader != NULL || (file->current != NULL && !waits))
        return lullb_raise(L, LULL_KIND_BUSY, "fs.file.seek",
                           "another task is working on the file");
    if (!waits)
        return seek_to(L, file, whence == 0 ? 0 : position_of(file));
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &types[SEEK], &task);
    wait->push = push_position;
    wait->job->work = whence == 2 ? work_stat : NULL;
    return lullb_fs_take_turn(L, wait, task, &types[SEEK]);
}

static int file_gc(lua_State *L)
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
    {"close", lullb_m_fs_close},
    {"fd", m_fd},
    {"flush", lullb_m_fs_flush},
    {"lines", lullb_m_fs_lines},
    {"read", lullb_m_fs_read},
    {"read_exact", lullb_m_fs_read_exact},
    {"read_some", lullb_m_fs_read_some},
    {"read_until", lullb_m_fs_read_until},
    {"seek", m_seek},
    {"stat", m_stat},
    {"sync", m_sync},
    {"truncate", m_truncate},
    {"write", lullb_m_fs_write},
    {NULL, NULL},
};
static const struct luaL_Reg meta[] = {{"__gc", file_gc},
                                       {"__close", lullb_m_fs_close},
                                       {"__tostring", file_tostring},
                                       {NULL, NULL}};

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
    size_t high_water = (size_t)lua_tointeger(L, 5);
    bool is_queued =
        high_water > 0 && file->can_seek && (job->flags & O_ACCMODE) == O_WRONLY;
    if (is_queued && !lullb_fs_open_behind(file, high_water)) {
        lullb_release_fd(file->shared);
        file->shared = NULL;
        return lullb_raise_memory(L, "fs.open");
    }
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
    luaL_checkinteger(L, 5);
    lua_settop(L, 5);
    struct lull_task *task = lull_checkpoint(L);
    lull_check_handles(L, "fs.open");
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, path, NULL);
    wait->push = open_push;
    wait->job->flags = (unsigned)flags;
    wait->job->work = work_open;
    return lullb_fs_await(L, wait, task, &open_type);
}
