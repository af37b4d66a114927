/* SPDX-License-Identifier: MIT */
/*
 * fspath.c -- jobs on names: stat, folders, links, renaming.
 *
 * All go through the folder that a name is in, opened as the policy allows.
 */
#include "fs/fswork.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAMES ((size_t)256 * 1024 * 1024) /* bytes of all names of a folder */
#define TRIES     100                         /* to find a name that is free */

void lullb_fs_random_name(char name[32])
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* 32 */
    unsigned char random[16];
    if (getentropy(random, sizeof random) != 0)
        memset(random, 0, sizeof random);
    memcpy(name, ".lull-", 6);
    for (size_t i = 0; i < sizeof random; i++)
        name[6 + i] = letters[random[i] % 32];
    name[6 + sizeof random] = '\0';
}

void lullb_fs_work_stat(struct lullb_fs_job *job)
{
    char name[256];
    bool follows = (job->flags & LULLB_FS_FOLLOW) != 0 || lullb_fs_says_folder(job->path);
    int fd = follows ? lullb_fs_open(job, job->path, O_PATH, 0)
                     : lullb_fs_open_parent(job, job->path, LULL_MAY_READ, name);
    if (fd < 0) {
        job->error = -fd;
        return;
    }
    int result = follows ? fstat(fd, &job->status)
                         : fstatat(fd, name, &job->status, AT_SYMLINK_NOFOLLOW);
    job->error = result != 0 ? errno : 0;
    close(fd);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Put the names in order. */
static void sort_names(struct lullb_fs_job *job)
{
    if (job->count < 2)
        return;
    const char **each = malloc(job->count * sizeof *each);
    char *sorted = malloc(job->size);
    if (each == NULL || sorted == NULL) {
        job->error = ENOMEM;
    } else {
        const char *name = job->bytes;
        for (size_t i = 0; i < job->count; i++, name += strlen(name) + 1)
            each[i] = name;
        qsort(each, job->count, sizeof *each, compare_names);
        char *to = sorted;
        for (size_t i = 0; i < job->count; i++) {
            size_t size = strlen(each[i]) + 1;
            memcpy(to, each[i], size);
            to += size;
        }
        char *unsorted = job->bytes;
        job->bytes = sorted;
        job->capacity = job->size;
        sorted = unsorted;
    }
    free(sorted);
    free(each);
}

static bool add_name(struct lullb_fs_job *job, const char *name)
{
    size_t size = strlen(name) + 1;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    if (job->size + size > MAX_NAMES) {
        job->error = EOVERFLOW;
        return false;
    }
    if (!lullb_fs_reserve(job, size))
        return false;
    memcpy(job->bytes + job->size, name, size);
    job->size += size;
    job->count++;
    return true;
}

void lullb_fs_work_list(struct lullb_fs_job *job)
{
    int fd = lullb_fs_open(job, job->path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        job->error = fd < 0 ? -fd : errno;
        if (fd >= 0)
            close(fd);
        return;
    }
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(folder);
    } while (entry != NULL && add_name(job, entry->d_name) && !lullb_fs_given_up(job));
    if (entry == NULL)
        job->error = errno;
    closedir(folder);
    if (job->error == 0)
        sort_names(job);
}

/* ---- folders ----------------------------------------------------------------------- */

/* One folder: 0, or an errno value. */
static int make_folder(struct lullb_fs_job *job, const char *path)
{
    char name[256];
    int parent = lullb_fs_open_parent(job, path, LULL_MAY_WRITE, name);
    if (parent < 0)
        return -parent;
    unsigned mode = job->mode != UINT_MAX ? job->mode : 0777;
    int error = mkdirat(parent, name, (mode_t)mode) != 0 ? errno : 0;
    close(parent);
    return error;
}

/* Where the last component of path[0..size) begins, without slashes before it: the size
   of what is above. */
static size_t size_above(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    return size;
}

/* Make it and those above that are missing: from the end, so that nothing is asked of
   folders that are there. */
static int make_folders(struct lullb_fs_job *job)
{
    char *path = strdup(job->path);
    if (path == NULL)
        return ENOMEM;
    size_t whole = strlen(path), size = whole;
    int error = make_folder(job, path);
    while (error == ENOENT) { /* up to one whose folder is there */
        size = size_above(path, size);
        if (size == 0)
            break;
        path[size] = '\0';
        error = make_folder(job, path);
    }
    while ((error == 0 || error == EEXIST) && size < whole) { /* and down again */
        path[size] = job->path[size];
        size += strspn(path + size, "/");
        size += strcspn(job->path + size, "/");
        memcpy(path, job->path, size);
        path[size] = '\0';
        error = make_folder(job, path);
    }
    free(path);
    job->about = job->path;
    return error;
}

static bool is_folder(struct lullb_fs_job *job)
{
    struct stat status;
    int denied = job->denied;
    int fd = lullb_fs_open(job, job->path, O_PATH | O_DIRECTORY, 0);
    job->denied = denied; /* who may only write is not told */
    bool is = fd >= 0 && fstat(fd, &status) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

void lullb_fs_work_mkdir(struct lullb_fs_job *job)
{
    if (!lullb_fs_commit(job))
        return;
    bool parents = (job->flags & LULLB_FS_PARENTS) != 0;
    job->error = parents ? make_folders(job) : make_folder(job, job->path);
    if (parents && job->error == EEXIST && is_folder(job))
        job->error = 0;
}

void lullb_fs_work_temp_dir(struct lullb_fs_job *job)
{
    char last[256], name[32];
    if (*job->path == '\0') { /* else it would be "/" */
        job->error = ENOENT;
        return;
    }
    if (!lullb_fs_reserve(job, strlen(job->path) + 40) || !lullb_fs_commit(job))
        return;
    for (int tries = 0; tries < TRIES; tries++) {
        lullb_fs_random_name(name);
        /* name + 1: a folder for its user to see is not hidden */
        job->size = (size_t)sprintf(job->bytes, "%s/%s", job->path, name + 1);
        int parent = lullb_fs_open_parent(job, job->bytes, LULL_MAY_WRITE, last);
        job->about = job->path;
        if (parent < 0) {
            job->error = -parent;
            return;
        }
        job->error = mkdirat(parent, last, 0700) != 0 ? errno : 0;
        close(parent);
        if (job->error != EEXIST)
            return;
    }
}

/* ---- moving ------------------------------------------------------------------------- */

static int rename_between(struct lullb_fs_job *job, int from, const char *old_name)
{
    char name[256];
    int to = lullb_fs_open_parent(job, job->other, LULL_MAY_WRITE, name);
    if (to < 0)
        return -to;
    job->about = job->path;
    unsigned how = (job->flags & LULLB_FS_EXCLUSIVE) != 0 ? RENAME_NOREPLACE : 0;
    int error = 0;
    if (lullb_fs_says_folder(job->other) &&
        fstatat(from, old_name, &job->status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISDIR(job->status.st_mode))
        error = ENOTDIR;
    else if (lullb_fs_commit(job) && renameat2(from, old_name, to, name, how) != 0)
        error = errno;
    if (error == EEXIST || error == ENOTEMPTY || error == EISDIR)
        job->about = job->other;
    close(to);
    return error;
}

static bool is_same(int one, int other)
{
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/*
 * What is moved must be readable besides: moving is no way to read, and a folder may
 * bring something to where one may read.  Both are asked of one folder: a link on the
 * way may be another one when the second is asked.
 */
static int open_moved(struct lullb_fs_job *job, char name[256])
{
    int from = lullb_fs_open_parent(job, job->path, LULL_MAY_READ, name);
    if (from < 0)
        return from;
    int again = lullb_fs_open_parent(job, job->path, LULL_MAY_WRITE, name);
    if (again >= 0 && !is_same(from, again)) {
        close(again);
        again = -ESTALE;
    }
    close(from);
    return again;
}

void lullb_fs_work_rename(struct lullb_fs_job *job)
{
    char name[256];
    int from = open_moved(job, name);
    if (from < 0) {
        job->error = -from;
        return;
    }
    int error = rename_between(job, from, name);
    if (error != 0)
        job->error = error;
    close(from);
}

/* ---- links, modes ---------------------------------------------------------------------- */

void lullb_fs_work_symlink(struct lullb_fs_job *job)
{
    char name[256];
    int parent = lullb_fs_open_parent(job, job->path, LULL_MAY_WRITE, name);
    if (parent < 0) {
        job->error = -parent;
        return;
    }
    int error = 0;
    if (lullb_fs_says_folder(job->path))
        error = faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST : ENOENT;
    else if (lullb_fs_commit(job) && symlinkat(job->other, parent, name) != 0)
        error = errno;
    if (error != 0)
        job->error = error;
    close(parent);
}

void lullb_fs_work_readlink(struct lullb_fs_job *job)
{
    char name[256];
    int parent = lullb_fs_open_parent(job, job->path, LULL_MAY_READ, name);
    if (parent < 0) {
        job->error = -parent;
        return;
    }
    if (lullb_fs_reserve(job, PATH_MAX)) {
        ssize_t size = readlinkat(parent, name, job->bytes, PATH_MAX);
        job->error = size < 0 ? errno : 0;
        job->size = size < 0 ? 0 : (size_t)size;
    }
    close(parent);
}

void lullb_fs_work_chmod(struct lullb_fs_job *job)
{
    char link[64];
    /* O_WRONLY has the policy ask for "write"; with O_PATH the system ignores it. */
    int fd = lullb_fs_open(job, job->path, O_PATH | O_WRONLY, 0);
    if (fd < 0) {
        job->error = -fd;
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (lullb_fs_commit(job) && chmod(link, (mode_t)job->mode) != 0)
        job->error = errno;
    close(fd);
}
