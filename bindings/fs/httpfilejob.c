/* SPDX-License-Identifier: MIT */
/*
 * httpfilejob.c -- the works; plain C, on whatever thread.
 */
#include "fs/httpfilejob.h"

#include "fs/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_NAMES ((size_t)1024 * 1024) /* bytes of all names of a folder */

void lullb_release_fd(struct lullb_shared_fd *shared)
{
    if (atomic_fetch_sub(&shared->holders, 1) != 1)
        return;
    close(shared->fd);
    free(shared);
}

struct lullb_shared_fd *lullb_share_fd(int fd)
{
    struct lullb_shared_fd *shared = malloc(sizeof *shared);
    if (shared != NULL) {
        atomic_init(&shared->holders, 1);
        shared->fd = fd;
    }
    return shared;
}

struct lullb_file_job *lullb_new_file_job(struct lullb_shared_fd *source, size_t size)
{
    struct lullb_file_job *job = malloc(sizeof *job + size);
    if (job == NULL)
        return NULL;
    memset(job, 0, sizeof *job);
    job->fd = -1;
    job->source = source;
    atomic_fetch_add(&source->holders, 1);
    return job;
}

void lullb_free_file_job(struct lullb_file_job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    lullb_release_fd(job->source);
    free(job->names);
    free(job);
}

void lullb_job_open(struct lullb_file_job *job, bool now)
{
    int fd = lullb_open_beneath(job->source->fd, job->bytes, O_RDONLY, now);
    job->error = fd < 0 ? -fd : 0;
    if (fd < 0)
        return;
    job->fd = fd;
    if (fstat(fd, &job->status) != 0)
        job->error = errno;
    else if (S_ISDIR(job->status.st_mode))
        job->error = EISDIR;
    else if (!S_ISREG(job->status.st_mode))
        job->error = ENXIO;
}

static ssize_t read_at(struct lullb_file_job *job, bool now)
{
    struct iovec into = {.iov_base = job->bytes, .iov_len = job->size};
#ifdef RWF_NOWAIT
    if (now)
        return preadv2(job->source->fd, &into, 1, job->offset, RWF_NOWAIT);
#endif
    if (!now)
        return preadv(job->source->fd, &into, 1, job->offset);
    errno = EAGAIN;
    return -1;
}

void lullb_job_read(struct lullb_file_job *job, bool now)
{
    ssize_t got;
    do {
        got = read_at(job, now);
    } while (got < 0 && errno == EINTR);
    job->error = got < 0 ? errno : 0;
    if (job->error == EOPNOTSUPP && now) /* a file system that cannot say */
        job->error = EAGAIN;
    if (got >= 0)
        job->size = (size_t)got;
}

/* Add a name with its type in front; false when there is no room. */
static bool add_name(struct lullb_file_job *job, const struct dirent *entry)
{
    size_t length = strlen(entry->d_name) + 1;
    if (job->size + length + 1 > MAX_NAMES)
        return false;
    job->names[job->size++] = entry->d_type == DT_DIR ? 'd' : 'f';
    memcpy(job->names + job->size, entry->d_name, length);
    job->size += length;
    return true;
}

void lullb_job_list(struct lullb_file_job *job, bool now)
{
    job->error = EAGAIN;
    if (now)
        return;
    int fd =
        lullb_open_beneath(job->source->fd, job->bytes, O_RDONLY | O_DIRECTORY, false);
    job->error = fd < 0 ? -fd : 0;
    if (fd < 0)
        return;
    job->names = malloc(MAX_NAMES);
    DIR *folder = job->names != NULL ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        job->error = job->names != NULL ? errno : ENOMEM;
        close(fd);
        return;
    }
    const struct dirent *entry = readdir(folder);
    while (entry != NULL && add_name(job, entry))
        entry = readdir(folder);
    closedir(folder);
}
