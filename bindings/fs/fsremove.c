/* SPDX-License-Identifier: MIT */
/*
 * fsremove.c -- the job that removes, and removes folders with all that is in them.
 *
 * A tree is walked with one folder open at a time, however deep it is: down by the name
 * (never through a link), up by "..", which must be the folder we came from: somebody
 * may move folders meanwhile, and nothing outside may be removed.
 */
#include "fs/fswork.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOWN (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A folder above the one that is open, and the name it was left by. */
struct level {
    dev_t device;
    ino_t inode;
    char name[256];
};

struct tree {
    struct lullb_fs_job *job;
    struct level *levels;
    size_t depth;
    size_t room;
    DIR *folder; /* the innermost */
};

/* A folder by a name that is not its own, and that cannot be removed. */
static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* As remove(3): a file, or an empty folder.  An errno value. */
static int remove_one(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0)
        return 0;
    int error = errno;
    if (error != EISDIR && error != EPERM)
        return error;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOTDIR ? error : errno;
}

static int enter(struct tree *tree, int fd)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        int error = errno;
        close(fd);
        return error;
    }
    if (tree->folder != NULL)
        closedir(tree->folder);
    tree->folder = folder;
    return 0;
}

static int go_down(struct tree *tree, const char *name)
{
    struct stat status;
    if (tree->depth == tree->room) {
        size_t room = tree->room * 2 + 8;
        struct level *levels = realloc(tree->levels, room * sizeof *levels);
        if (levels == NULL)
            return ENOMEM;
        tree->levels = levels;
        tree->room = room;
    }
    if (fstat(dirfd(tree->folder), &status) != 0)
        return errno;
    struct level *level = &tree->levels[tree->depth];
    level->device = status.st_dev;
    level->inode = status.st_ino;
    memcpy(level->name, name, strlen(name) + 1);
    int fd = openat(dirfd(tree->folder), name, DOWN);
    if (fd < 0)
        return errno;
    int error = enter(tree, fd);
    tree->depth += error == 0;
    return error;
}

/* Leave the innermost folder, which is empty, and remove it. */
static int go_up(struct tree *tree)
{
    struct stat status;
    const struct level *level = &tree->levels[tree->depth - 1];
    int fd = openat(dirfd(tree->folder), "..", DOWN);
    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0 || status.st_dev != level->device ||
        status.st_ino != level->inode) {
        close(fd);
        return ESTALE;
    }
    int error = enter(tree, fd);
    if (error != 0)
        return error;
    tree->depth--;
    error = unlinkat(fd, level->name, AT_REMOVEDIR) != 0 ? errno : 0;
    /* What came into it meanwhile is found again, from above. */
    return error == ENOTEMPTY || error == EEXIST || error == ENOENT ? 0 : error;
}

/* Remove an entry, or go down into it: then the folder is another one. */
static int take_entry(struct tree *tree, const struct dirent *entry)
{
    char name[256];
    if (is_dots(entry->d_name))
        return 0;
    memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
    int error = entry->d_type == DT_DIR ? EISDIR : remove_one(dirfd(tree->folder), name);
    if (error == EISDIR || error == ENOTEMPTY || error == EEXIST)
        error = go_down(tree, name);
    return error == ENOENT ? 0 : error; /* somebody else was there first */
}

/* All that is in the open folder. */
static int empty(struct tree *tree)
{
    for (;;) {
        if (lullb_fs_given_up(tree->job))
            return ECANCELED;
        errno = 0;
        const struct dirent *entry = readdir(tree->folder);
        int error = entry != NULL ? take_entry(tree, entry) : errno;
        if (error == 0 && entry == NULL) {
            if (tree->depth == 0)
                return 0;
            error = go_up(tree);
        }
        if (error != 0)
            return error;
    }
}

static int remove_tree(struct lullb_fs_job *job, int parent, const char *name)
{
    struct tree tree = {.job = job};
    int fd = openat(parent, name, DOWN);
    int error = fd < 0 ? errno : enter(&tree, fd);
    if (error == 0 && tree.folder != NULL)
        error = empty(&tree);
    if (tree.folder != NULL)
        closedir(tree.folder);
    free(tree.levels);
    if (error == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0)
        error = errno;
    return error;
}

void lullb_fs_work_remove(struct lullb_fs_job *job)
{
    char name[256];
    int parent = lullb_fs_open_parent(job, job->path, LULL_MAY_WRITE, name);
    int error = parent < 0 ? -parent : is_dots(name) ? EINVAL : 0;
    bool recursive = (job->flags & LULLB_FS_RECURSIVE) != 0;
    if (error == 0 && (recursive || lullb_fs_commit(job))) {
        struct stat status;
        if (recursive && fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode))
            error = remove_tree(job, parent, name);
        else if (!recursive || lullb_fs_commit(job))
            error = remove_one(parent, name);
    }
    if (parent >= 0)
        close(parent);
    if (error == ENOENT && (job->flags & LULLB_FS_MISSING) != 0 && job->denied < 0)
        error = 0;
    if (error != 0)
        job->error = error;
}
