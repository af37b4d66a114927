/* SPDX-License-Identifier: MIT */
/*
 * fsfolder.c -- an open folder, read in batches: what lull.fs.walk stands on.
 *
 * A batch is what the system gives at once, some hundred entries, and their stats.  The
 * descriptor keeps the place, so a batch that a thread has begun is not taken back.
 */
#include "fs/fsfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASS_NAME "lull.fs.Folder"
#define BATCH      ((size_t)32 * 1024) /* bytes of entries */

static const char folder_tag = 'd';

struct folder {
    struct lullb_object object;     /* first */
    struct lullb_shared_fd *shared; /* NULL: closed */
    struct lullb_fs_wait *reader;   /* NULL: nobody waits for a batch */
};

static enum lull_cancel next_cancel(struct lull_op *op);
static void next_abandon(struct lull_op *op);

static const struct lull_op_type open_type = {
    .name = "fs.walk",
    .cancel = lullb_fs_cancel,
    .push = lullb_fs_push,
    .abandon = lullb_fs_abandon,
};

static const struct lull_op_type next_type = {
    .name = "fs.walk.next",
    .cancel = next_cancel,
    .push = lullb_fs_push,
    .abandon = next_abandon,
};

/* ---- on a pool thread -------------------------------------------------------------------- */

static void work_open(struct lullb_fs_job *job)
{
    int how = (job->flags & LULLB_FS_FOLLOW) != 0 ? 0 : O_NOFOLLOW;
    int fd = lullb_fs_open(job, job->path, O_RDONLY | O_DIRECTORY | how, 0);
    job->error = fd < 0 ? -fd : 0;
    job->fd = fd < 0 ? -1 : fd;
}

/* Add an entry: its stat, then its name and a zero.  What is gone already is left out. */
static bool add_entry(struct lullb_fs_job *job, const char *name)
{
    struct stat status;
    size_t size = strlen(name) + 1;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    if (fstatat(job->source->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        job->error = errno == ENOENT ? 0 : errno;
        return job->error == 0;
    }
    if (!lullb_fs_reserve(job, sizeof status + size))
        return false;
    memcpy(job->bytes + job->size, &status, sizeof status);
    memcpy(job->bytes + job->size + sizeof status, name, size);
    job->size += sizeof status + size;
    job->count++;
    return true;
}

static void work_next(struct lullb_fs_job *job)
{
    char *entries = malloc(BATCH);
    ssize_t got = 0;
    if (entries == NULL) {
        job->error = ENOMEM;
        return;
    }
    while (job->count == 0 && job->error == 0 && lullb_fs_commit(job)) {
        got = getdents64(job->source->fd, entries, BATCH);
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (void *)(entries + at);
            if (!add_entry(job, entry->d_name))
                break;
            at += entry->d_reclen;
        }
        if (got <= 0)
            break;
    }
    if (got < 0)
        job->error = errno == ENOENT ? 0 : errno; /* removed: that is the end */
    free(entries);
}

/* ---- loop side: no Lua --------------------------------------------------------------------- */

static struct folder *folder_of(struct lull_op *op)
{
    return ((struct lullb_fs_wait *)(void *)op)->file;
}

static void next_done(struct lullb_fs_wait *wait)
{
    ((struct folder *)wait->file)->reader = NULL;
    if (wait->job->error == 0 && !lullb_fs_charge(wait, wait->job->size))
        wait->refused = LULLB_FS_NO_BUFFER;
}

static enum lull_cancel next_cancel(struct lull_op *op)
{
    enum lull_cancel answer = lullb_fs_cancel(op);
    if (answer == LULL_DETACHED)
        folder_of(op)->reader = NULL;
    return answer;
}

static void next_abandon(struct lull_op *op)
{
    folder_of(op)->reader = NULL;
    lullb_fs_abandon(op);
}

static void close_folder(struct lull_handle *handle)
{
    struct folder *folder = (struct folder *)(void *)handle;
    struct lullb_shared_fd *shared = folder->shared;
    struct lullb_fs_wait *reader = folder->reader;
    folder->shared = NULL;
    folder->reader = NULL;
    if (reader != NULL) {
        lullb_fs_let_go(reader);
        lullb_op_fail(&reader->timed, LULL_KIND_CLOSED, 0);
    }
    lullb_release_fd(shared);
}

static const struct lull_handle_type handle_type = {
    .name = "fs.folder",
    .close = close_folder,
};

/* ---- Lua side ---------------------------------------------------------------------------------- */

static int push_batch(lua_State *L, struct lullb_fs_wait *wait)
{
    const struct lullb_fs_job *job = wait->job;
    const char *at = job->bytes;
    if (job->count == 0)
        return 0;
    lua_createtable(L, (int)job->count * 2, 0);
    for (size_t i = 0; i < job->count; i++) {
        struct stat status;
        memcpy(&status, at, sizeof status);
        at += sizeof status;
        lua_pushstring(L, at);
        lua_rawseti(L, -2, (lua_Integer)i * 2 + 1);
        lullb_fs_push_stat(L, &status);
        lua_rawseti(L, -2, (lua_Integer)i * 2 + 2);
        at += strlen(at) + 1;
    }
    return 1;
}

/* next(path) -> { name, stat, name, stat, ... } | nothing at the end.  Errors are about
   the path.  Suspends. */
static int m_next(lua_State *L)
{
    struct folder *folder = lullb_check_object(L, 1, &folder_tag, CLASS_NAME);
    const char *path = lullb_fs_check_path(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    if (folder->shared == NULL)
        return lullb_raise(L, LULL_KIND_CLOSED, next_type.name, "closed");
    if (folder->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, next_type.name, "another task is walking");
    lua_settop(L, 2);
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, path, NULL);
    wait->job->source = folder->shared;
    atomic_fetch_add(&folder->shared->holders, 1);
    wait->job->work = work_next;
    wait->file = folder;
    wait->push = push_batch;
    wait->done = next_done;
    folder->reader = wait;
    return lullb_fs_await(L, wait, task, &next_type);
}

static int m_close(lua_State *L)
{
    struct folder *folder = lullb_check_object(L, 1, &folder_tag, CLASS_NAME);
    lull_handle_close(&folder->object.handle);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close}, {"next", m_next}, {NULL, NULL}};
static const struct luaL_Reg meta[] = {
    {"__gc", m_close}, {"__close", m_close}, {NULL, NULL}};

static int open_push(lua_State *L, struct lullb_fs_wait *wait)
{
    struct lull_runtime *rt = wait->timed.rt;
    lull_check_handles(L, open_type.name);
    lull_push_class(L, rt, CLASS_NAME, methods, meta);
    struct folder *folder = lullb_push_object(L, sizeof *folder, &folder_tag);
    folder->shared = lullb_share_fd(wait->job->fd);
    if (folder->shared == NULL)
        return lullb_raise_memory(L, open_type.name);
    wait->job->fd = -1;
    lull_handle_open(rt, &folder->object.handle, &handle_type);
    return 1;
}

int lullb_l_fs_folder(lua_State *L)
{
    const char *path = lullb_fs_check_path(L, 1);
    unsigned flags = (unsigned)luaL_checkinteger(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    lull_check_handles(L, open_type.name);
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, path, NULL);
    wait->push = open_push;
    wait->job->flags = flags;
    wait->job->work = work_open;
    return lullb_fs_await(L, wait, task, &open_type);
}
