/* SPDX-License-Identifier: MIT */
/*
 * fsjob.c -- the way of a job to a thread and back.
 */
#include "fs/fsjob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- on a pool thread ----------------------------------------------------------- */

static void free_job(struct lullb_fs_job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    if (job->source != NULL)
        lullb_release_fd(job->source);
    lull_policy_unref(job->policy);
    free(job->bytes);
    free(job);
}

static void run(struct lull_job *base)
{
    struct lullb_fs_job *job = (struct lullb_fs_job *)base;
    int queued = LULLB_FS_QUEUED;
    if (atomic_compare_exchange_strong(&job->stage, &queued, LULLB_FS_BEGUN))
        job->work(job);
}

static void drop(struct lull_job *base)
{
    free_job((struct lullb_fs_job *)base);
}

bool lullb_fs_commit(struct lullb_fs_job *job)
{
    int begun = LULLB_FS_BEGUN;
    if (atomic_compare_exchange_strong(&job->stage, &begun, LULLB_FS_COMMITTED) ||
        begun == LULLB_FS_COMMITTED)
        return true;
    job->error = ECANCELED; /* nobody sees it */
    return false;
}

int lullb_fs_open(struct lullb_fs_job *job, const char *path, int flags, unsigned mode)
{
    int fd;
    job->about = path;
    if (*path == '\0')
        return -ENOENT;
    do {
        fd = lull_policy_open(job->policy, path, flags, mode, &job->denied);
    } while (fd == -EINTR);
    return fd;
}

int lullb_fs_open_parent(struct lullb_fs_job *job, const char *path,
                         enum lull_permission permission, char name[256])
{
    const char *last;
    struct stat status;
    job->about = path;
    if (*path == '\0')
        return -ENOENT;
    int folder =
        lull_policy_open_parent(job->policy, path, permission, &last, &job->denied);
    if (folder < 0)
        return folder;
    size_t size = strcspn(last, "/");
    if (size > 255) {
        close(folder);
        return -ENAMETOOLONG;
    }
    memcpy(name, last, size);
    name[size] = '\0';
    if (size == 0)
        memcpy(name, ".", 2);
    else if (last[size] == '/' &&
             fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
             !S_ISDIR(status.st_mode)) {
        close(folder);
        return -ENOTDIR;
    }
    return folder;
}

bool lullb_fs_reserve(struct lullb_fs_job *job, size_t size)
{
    if (job->capacity - job->size >= size)
        return true;
    size_t capacity = job->capacity * 2;
    if (capacity < job->size + size)
        capacity = job->size + size;
    char *bytes = realloc(job->bytes, capacity);
    if (bytes == NULL) {
        job->error = ENOMEM;
        return false;
    }
    job->bytes = bytes;
    job->capacity = capacity;
    return true;
}

/* ---- loop side: no Lua ----------------------------------------------------------- */

static void done(struct lull_job *base)
{
    struct lullb_fs_wait *wait = ((struct lullb_fs_job *)base)->wait;
    wait->in_flight = false;
    if (wait->done != NULL)
        wait->done(wait);
    if (!wait->in_flight)
        lullb_op_complete(&wait->timed);
}

int lullb_fs_submit(struct lullb_fs_wait *wait)
{
    atomic_store(&wait->job->stage, LULLB_FS_QUEUED);
    int error = lull_job_submit(wait->timed.rt, LULL_POOL_FILES, &wait->job->base);
    wait->in_flight = error == 0;
    return error;
}

bool lullb_fs_charge(struct lullb_fs_wait *wait, size_t size)
{
    if (!lull_buffer_charge(wait->timed.rt, size))
        return false;
    wait->charged += size;
    return true;
}

void lullb_fs_let_go(struct lullb_fs_wait *wait)
{
    struct lullb_fs_job *job = wait->job;
    wait->job = NULL;
    if (wait->charged != 0)
        lull_buffer_release(wait->timed.rt, wait->charged);
    wait->charged = 0;
    if (job == NULL)
        return;
    if (wait->in_flight) {
        atomic_store(&job->stage, LULLB_FS_GIVEN_UP);
        lull_job_abandon(wait->timed.rt, &job->base);
    } else {
        free_job(job);
    }
    wait->in_flight = false;
}

/* Can it still be taken back?  Then it is. */
static bool take_back(struct lullb_fs_job *job)
{
    int stage = atomic_load(&job->stage);
    while (stage != LULLB_FS_COMMITTED) {
        if (atomic_compare_exchange_weak(&job->stage, &stage, LULLB_FS_GIVEN_UP))
            return true;
    }
    return false;
}

enum lull_cancel lullb_fs_cancel(struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    if (wait->in_flight && !take_back(wait->job))
        return LULL_WILL_REPORT;
    lullb_op_release(&wait->timed);
    lullb_fs_let_go(wait);
    return LULL_DETACHED;
}

void lullb_fs_abandon(struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    lullb_op_release(&wait->timed);
    lullb_fs_let_go(wait);
}

/* ---- Lua side --------------------------------------------------------------------- */

static int wait_gc(lua_State *L)
{
    lullb_fs_let_go(lua_touserdata(L, 1));
    return 0;
}

static const struct luaL_Reg no_methods[] = {{NULL, NULL}};
static const struct luaL_Reg wait_meta[] = {{"__gc", wait_gc}, {NULL, NULL}};

const char *lullb_fs_check_path(lua_State *L, int index)
{
    size_t length;
    const char *path = luaL_checklstring(L, index, &length);
    luaL_argcheck(L, strlen(path) == length, index, "a path has no zero byte");
    return path;
}

void lullb_fs_make_job(lua_State *L, struct lullb_fs_wait *wait, const char *path,
                       const char *other)
{
    size_t size = strlen(path) + 1;
    size_t other_size = other != NULL ? strlen(other) + 1 : 0;
    struct lullb_fs_job *job = malloc(sizeof *job + size + other_size);
    if (job == NULL) {
        lullb_raise_memory(L, "fs");
        return;
    }
    memset(job, 0, sizeof *job);
    memcpy(job->text, path, size);
    if (other != NULL)
        memcpy(job->text + size, other, other_size);
    job->base.run = run;
    job->base.done = done;
    job->base.drop = drop;
    job->wait = wait;
    job->policy = lull_policy_ref(lull_policy_of(L));
    job->path = job->about = job->text;
    job->other = other != NULL ? job->text + size : NULL;
    job->mode = UINT_MAX;
    job->denied = -1;
    job->fd = -1;
    atomic_init(&job->stage, LULLB_FS_QUEUED);
    wait->job = job;
}

struct lullb_fs_wait *lullb_fs_push_wait(lua_State *L, const char *path,
                                         const char *other)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lullb_fs_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    memset(wait, 0, sizeof *wait);
    wait->timed.rt = rt;
    wait->max = SIZE_MAX;
    lull_push_class(L, rt, "lull.fs.Wait", no_methods, wait_meta);
    lua_setmetatable(L, -2);
    lullb_fs_make_job(L, wait, path, other);
    return wait;
}

int lullb_fs_await(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                   const struct lull_op_type *type)
{
    lullb_op_begin(&wait->timed, wait->timed.rt, task, type, (double)INFINITY);
    int error = lullb_fs_submit(wait);
    if (error != 0) { /* as if the job had come back with it */
        wait->job->error = error;
        if (wait->done != NULL)
            wait->done(wait);
        lullb_op_complete(&wait->timed);
    }
    return lull_await(L, &wait->timed.op);
}

int lullb_fs_raise(lua_State *L, struct lullb_fs_wait *wait)
{
    const struct lullb_fs_job *job = wait->job;
    const char *op = wait->timed.op.type->name;
    luaL_checkstack(L, 10, NULL);
    if (job->denied >= 0)
        lull_raise_denied(L, op, (enum lull_permission)job->denied, job->about);
    if (wait->refused == LULLB_FS_TOO_LONG) {
        lull_push_error(L, LULL_KIND_LIMIT, "%s: more than %I bytes", job->about,
                        (LUAI_UACINT)wait->max);
        lull_error_detail(L, op, 0);
        return lua_error(L);
    }
    if (wait->refused == LULLB_FS_NO_BUFFER)
        return lullb_raise_refused(L, op, EDQUOT);
    if (wait->refused == LULLB_FS_NO_MEMORY || job->error == ENOMEM)
        return lullb_raise_memory(L, op);
    if (*job->about != '\0')
        lull_push_error(L, LULL_KIND_IO, "%s: %s", job->about, strerror(job->error));
    else
        lull_push_error(L, LULL_KIND_IO, "%s", strerror(job->error));
    lull_error_detail(L, op, job->error);
    lua_pushstring(L, job->about);
    lua_setfield(L, -2, "path");
    if (job->other != NULL) {
        lua_pushstring(L, job->about == job->other ? job->path : job->other);
        lua_setfield(L, -2, "other");
    }
    lullb_fs_let_go(wait);
    return lua_error(L);
}

int lullb_fs_push(lua_State *L, struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    if (wait->job->error != 0 || wait->refused != LULLB_FS_NOT_REFUSED)
        return lullb_fs_raise(L, wait);
    if (wait->push == NULL) {
        lullb_fs_let_go(wait);
        return 0;
    }
    luaL_checkstack(L, 10, NULL);
    int results = wait->push(L, wait);
    lullb_fs_let_go(wait);
    return results;
}
