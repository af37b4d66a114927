/* SPDX-License-Identifier: MIT */
/*
 * fscontent.c -- jobs on whole files: read, write, copy.
 *
 * What is replaced is replaced at once: a file with a name of its own is written in the
 * same folder, and renamed.  Whatever goes wrong before, cancellation included, leaves
 * what was there, and the other file is removed.
 */
#include "fs/fswork.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE      ((size_t)4 * 1024 * 1024) /* between two looks at who waits */
#define COPY_PIECE ((size_t)256 * 1024)      /* where the system cannot copy by itself */

/* Pipes and sockets would keep a thread; nobody knows for how long. */
int lullb_fs_refusal(const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return EISDIR;
    return S_ISFIFO(status->st_mode) || S_ISSOCK(status->st_mode) ? EOPNOTSUPP : 0;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool open_source(struct lullb_fs_job *job)
{
    int fd = lullb_fs_open(job, job->path, O_RDONLY | O_NONBLOCK, 0);
    job->error = fd < 0 ? -fd : 0;
    if (fd < 0)
        return false;
    job->fd = fd;
    if (fstat(fd, &job->status) != 0)
        job->error = errno;
    else
        job->error = lullb_fs_refusal(&job->status);
    return job->error == 0;
}

/* Results that nobody has taken yet may be many: they are not to hold descriptors. */
static void close_source(struct lullb_fs_job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    job->fd = -1;
}

/* Fill what is wanted; with `more` there may be more. */
static void read_wanted(struct lullb_fs_job *job)
{
    if (job->wanted > job->size && !lullb_fs_reserve(job, job->wanted - job->size))
        return;
    while (job->size < job->wanted && !lullb_fs_given_up(job)) {
        size_t room = job->wanted - job->size;
        ssize_t got = read(job->fd, job->bytes + job->size, room < PIECE ? room : PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            job->error = errno;
        if (got <= 0)
            return;
        job->size += (size_t)got;
    }
    job->more = true;
    size_t whole = (size_t)job->status.st_size;
    bool known = S_ISREG(job->status.st_mode) && whole >= job->size;
    job->wanted = known ? whole + 1 : job->size * 2; /* one more, to see the end */
}

void lullb_fs_work_read(struct lullb_fs_job *job)
{
    job->more = false;
    if (job->fd < 0 && open_source(job)) {
        size_t whole = (size_t)job->status.st_size; /* of those of /proc: none */
        if (S_ISREG(job->status.st_mode) && whole > 0 && whole < job->wanted)
            job->wanted = whole + 1; /* one more, to see the end */
    }
    if (job->error == 0)
        read_wanted(job);
    if (!job->more)
        close_source(job);
}

/* ---- replacing a file ------------------------------------------------------------------ */

/* A file that is being made, to replace another. */
struct substitute {
    int folder;
    int fd;
    char name[256]; /* of what is replaced */
    char temporary[32];
};

/* Begin; `mode` of a new one.  An errno value: then there is nothing to end. */
static int begin_substitute(struct lullb_fs_job *job, const char *path, unsigned mode,
                            struct substitute *new)
{
    struct stat old;
    new->folder = lullb_fs_open_parent(job, path, LULL_MAY_WRITE, new->name);
    if (new->folder < 0)
        return -new->folder;
    int error = lullb_fs_says_folder(path) ? EISDIR : 0;
    bool replaces = fstatat(new->folder, new->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (error == 0 && replaces && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
        error = S_ISDIR(old.st_mode) ? EISDIR : EOPNOTSUPP; /* no device is replaced */
    if (error == 0 && replaces && (job->flags & LULLB_FS_EXCLUSIVE) != 0)
        error = EEXIST;
    bool keeps_mode = mode == UINT_MAX && replaces && S_ISREG(old.st_mode);
    if (keeps_mode) /* from the beginning: who may not read the old one opens no new one */
        mode = old.st_mode & 0777;
    if (error == 0) {
        lullb_fs_random_name(new->temporary);
        new->fd = openat(new->folder, new->temporary,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         (mode_t)(mode != UINT_MAX ? mode : 0666));
        error = new->fd < 0 ? errno : 0;
    }
    if (error == 0 && keeps_mode)
        fchmod(new->fd, (mode_t)mode); /* the umask has no say */
    if (error != 0)
        close(new->folder);
    return error;
}

/* Renaming is only safe on the disk when the folder is. */
static void sync_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return; /* who may not list it can do no more */
    fsync(fd);
    close(fd);
}

/* Put it in its place, or with an error take it away.  An errno value. */
static int end_substitute(struct lullb_fs_job *job, struct substitute *new, int error)
{
    bool syncs = (job->flags & (LULLB_FS_ATOMIC | LULLB_FS_SYNC)) != 0;
    unsigned how = (job->flags & LULLB_FS_EXCLUSIVE) != 0 ? RENAME_NOREPLACE : 0;
    if (error == 0 && syncs && fsync(new->fd) != 0)
        error = errno;
    if (close(new->fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && !lullb_fs_commit(job))
        error = ECANCELED;
    if (error == 0 &&
        renameat2(new->folder, new->temporary, new->folder, new->name, how) != 0)
        error = errno;
    if (error != 0)
        unlinkat(new->folder, new->temporary, 0);
    else if (syncs)
        sync_folder(new->folder);
    close(new->folder);
    return error;
}

/* ---- writing ----------------------------------------------------------------------------- */

int lullb_fs_write_all(struct lullb_fs_job *job, int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        if (lullb_fs_given_up(job))
            return ECANCELED;
        ssize_t put = write(fd, bytes, size < PIECE ? size : PIECE);
        if (put < 0 && errno != EINTR)
            return errno;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return 0;
}

/* In place: once begun it goes on to its end, whoever is cancelled. */
static int write_in_place(struct lullb_fs_job *job)
{
    struct stat status;
    bool appends = (job->flags & LULLB_FS_APPEND) != 0;
    if (!lullb_fs_commit(job))
        return ECANCELED;
    int fd = lullb_fs_open(
        job, job->path, O_WRONLY | O_CREAT | O_NONBLOCK | (appends ? O_APPEND : O_TRUNC),
        job->mode != UINT_MAX ? job->mode : 0666);
    if (fd < 0)
        return -fd;
    int error = fstat(fd, &status) != 0 ? errno : lullb_fs_refusal(&status);
    if (error == 0)
        error = lullb_fs_write_all(job, fd, job->bytes, job->size);
    if (error == 0 && (job->flags & LULLB_FS_SYNC) != 0 && fsync(fd) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

void lullb_fs_work_write(struct lullb_fs_job *job)
{
    struct substitute new;
    if ((job->flags & LULLB_FS_ATOMIC) == 0) {
        job->error = write_in_place(job);
        return;
    }
    job->error = begin_substitute(job, job->path, job->mode, &new);
    if (job->error != 0)
        return;
    int error = lullb_fs_write_all(job, new.fd, job->bytes, job->size);
    job->error = end_substitute(job, &new, error);
}

/* ---- copying ------------------------------------------------------------------------------ */

/* By reading and writing.  An errno value. */
static int copy_plainly(struct lullb_fs_job *job, int from, int to)
{
    char *bytes = malloc(COPY_PIECE);
    int error = bytes != NULL ? 0 : ENOMEM;
    while (error == 0) {
        ssize_t got = read(from, bytes, COPY_PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = errno;
        if (got <= 0)
            break;
        error = lullb_fs_write_all(job, to, bytes, (size_t)got);
    }
    free(bytes);
    return error;
}

/* Is this how a system says that it cannot copy these two by itself? */
static bool cannot_copy(int error)
{
    return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
           error == EPERM || error == EBADF;
}

static int copy_all(struct lullb_fs_job *job, int from, int to)
{
    for (bool first = true;; first = false) {
        if (lullb_fs_given_up(job))
            return ECANCELED;
        ssize_t copied = copy_file_range(from, NULL, to, NULL, 4 * PIECE, 0);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            return cannot_copy(errno) ? copy_plainly(job, from, to) : errno;
        if (copied == 0) /* files of /proc have a size of 0, and bytes */
            return first ? copy_plainly(job, from, to) : 0;
    }
}

void lullb_fs_work_copy(struct lullb_fs_job *job)
{
    struct substitute new;
    if (open_source(job) && !S_ISREG(job->status.st_mode))
        job->error = EOPNOTSUPP;
    if (job->error == 0) {
        unsigned mode = job->mode != UINT_MAX ? job->mode : job->status.st_mode & 0777;
        job->error = begin_substitute(job, job->other, mode, &new);
    }
    if (job->error == 0) {
        int error = copy_all(job, job->fd, new.fd);
        job->error = end_substitute(job, &new, error);
    }
    close_source(job);
}
