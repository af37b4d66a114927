/* SPDX-License-Identifier: MIT */
/*
 * within.c -- opening files within what a policy allows.
 *
 * A path is walked from the root of the file system, component by component, from
 * descriptor to descriptor, and no component is followed that is a link.  A link is
 * read instead, and its text put in its place; the path that comes of it must be
 * allowed, and is walked from the beginning.  So what is opened in the end lies at
 * a path without links that a rule names, whoever renames what meanwhile; and ".."
 * is gone before the walk begins.
 *
 * The links of /proc/self/fd and the like are texts, too, and lead where the text
 * says: never to what a descriptor stands for.
 */
#include "base/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#ifdef O_PATH
#define SEARCH O_PATH
#else
#define SEARCH O_RDONLY
#endif
#define FOLDER    (SEARCH | O_DIRECTORY | O_CLOEXEC)
#define MAX_LINKS 40

struct walk {
    const struct lull_policy *policy;
    unsigned needs; /* 1u << LULL_MAY_READ, 1u << LULL_MAY_WRITE */
    int flags;
    unsigned mode;
    bool parent;         /* the folder of the last component is wanted */
    bool again;          /* a link was put into the path */
    int links;           /* followed so far */
    char path[PATH_MAX]; /* normal */
    struct lull_denial *denial;
};

static unsigned needs_of(int flags)
{
    unsigned needs = 0;
    int access = flags & O_ACCMODE;
    if (access != O_WRONLY)
        needs |= 1u << LULL_MAY_READ;
    if (access != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0)
        needs |= 1u << LULL_MAY_WRITE;
    return needs;
}

static int deny(struct lull_denial *denial, enum lull_permission permission,
                const char *path)
{
    denial->permission = (int)permission;
    memcpy(denial->path, path, strlen(path) + 1); /* of the same size */
    return -EACCES;
}

/* Do the rules name the path?  0, or -EACCES, noted. */
static int check(struct walk *walk, bool real)
{
    static const enum lull_permission all[] = {LULL_MAY_READ, LULL_MAY_WRITE};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((walk->needs & 1u << all[i]) != 0 &&
            !lull__policy_covers(walk->policy, all[i], walk->path, real))
            return deny(walk->denial, all[i], walk->path);
    }
    return 0;
}

/*
 * The component at `name`, `size` long, in the folder could not be opened: if it is
 * a link, put its text in its place.  Returns what the walk returns.
 */
static int take_link(struct walk *walk, int folder, const char *name, size_t size,
                     int failure)
{
    char component[NAME_MAX + 1], text[PATH_MAX], whole[PATH_MAX];
    memcpy(component, name, size);
    component[size] = '\0';
    ssize_t length = readlinkat(folder, component, text, sizeof text - 1);
    if (length <= 0)
        return failure;
    text[length] = '\0';
    if (++walk->links > MAX_LINKS)
        return -ELOOP;
    size_t before = text[0] == '/' ? 0 : (size_t)(name - walk->path);
    int filled = snprintf(whole, sizeof whole, "%.*s%s%s", (int)before, walk->path, text,
                          name + size);
    if (filled < 0 || (size_t)filled >= sizeof whole)
        return -ENAMETOOLONG;
    walk->again = true;
    return lull__path_normalise(whole, walk->path);
}

/* Writing there changes the process and the system, not a file. */
static bool goes_around(const struct walk *walk, int fd)
{
#ifdef __linux__
    struct statfs about;
    return (walk->needs & 1u << LULL_MAY_WRITE) != 0 && fstatfs(fd, &about) == 0 &&
           about.f_type == PROC_SUPER_MAGIC &&
           !lull__policy_allows(walk->policy, LULL_MAY_NATIVE, NULL);
#else
    (void)walk, (void)fd;
    return false;
#endif
}

/* The last component, in its folder. */
static int open_last(struct walk *walk, int folder, const char *name)
{
    struct stat about;
    int fd = openat(folder, *name != '\0' ? name : ".", walk->flags | O_NOFOLLOW,
                    (mode_t)walk->mode);
    if (fd < 0) {
        int failure = -errno;
        if ((failure != -ELOOP && failure != -ENOTDIR) || walk->flags & O_NOFOLLOW)
            return failure;
        return take_link(walk, folder, name, strlen(name), failure);
    }
    if ((walk->flags & SEARCH) == SEARCH && SEARCH != O_RDONLY &&
        (walk->flags & O_NOFOLLOW) == 0 && fstat(fd, &about) == 0 &&
        S_ISLNK(about.st_mode)) {
        close(fd);
        return take_link(walk, folder, name, strlen(name), -ELOOP);
    }
    if (goes_around(walk, fd)) {
        close(fd);
        return deny(walk->denial, LULL_MAY_NATIVE, walk->path);
    }
    return fd;
}

/* Walk once; with walk->again set, a link was met and it is to be walked anew. */
static int walk_once(struct walk *walk)
{
    const char *name = walk->path + 1;
    int result = check(walk, false);
    walk->again = false;
    if (result != 0)
        return result;
    int folder = open("/", FOLDER);
    for (; folder >= 0;) {
        size_t size = strcspn(name, "/");
        if (size > NAME_MAX) {
            close(folder);
            return -ENAMETOOLONG;
        }
        if (name[size] == '\0')
            break;
        char component[NAME_MAX + 1];
        memcpy(component, name, size);
        component[size] = '\0';
        int next = openat(folder, component, FOLDER | O_NOFOLLOW);
        if (next < 0) {
            result = -errno;
            if (result == -ELOOP || result == -ENOTDIR)
                result = take_link(walk, folder, name, size, result);
            close(folder);
            return result;
        }
        close(folder);
        folder = next;
        name += size + 1;
    }
    if (folder < 0)
        return -errno;
    result = check(walk, true); /* before anything is made or cut */
    if (result == 0 && walk->parent)
        return folder;
    if (result == 0)
        result = open_last(walk, folder, name);
    close(folder);
    return result;
}

static int walk_all(struct walk *walk)
{
    int result;
    do {
        result = walk_once(walk);
    } while (walk->again && result == 0);
    return result;
}

/* Does the path say that it is a folder's?  "x/", "x/." */
static bool says_folder(const char *path)
{
    size_t length = strlen(path);
    return path[length - 1] == '/' ||
           (length > 1 && path[length - 1] == '.' &&
            (path[length - 2] == '/' ||
             (path[length - 2] == '.' && (length == 2 || path[length - 3] == '/'))));
}

int lull__policy_open(const struct lull_policy *policy, const char *path, int flags,
                      unsigned mode, struct lull_denial *denial)
{
    denial->permission = -1;
    flags |= O_CLOEXEC | O_NOCTTY;
    if (lull__policy_is_all(policy)) {
        int fd = open(path, flags, (mode_t)mode);
        return fd >= 0 ? fd : -errno;
    }
    struct walk walk = {.policy = policy,
                        .needs = needs_of(flags),
                        .flags = flags,
                        .mode = mode,
                        .denial = denial};
    int result = lull__path_normalise(path, walk.path);
    if (result == 0)
        result = check(&walk, false); /* what is denied is not looked at */
    if (result == 0 && says_folder(path)) {
        if (flags & O_CREAT)
            return -EISDIR;
        walk.flags |= O_DIRECTORY;
    }
    return result == 0 ? walk_all(&walk) : result;
}

/* Where the last component of a path begins; trailing slashes are its own. */
static const char *last_component(const char *path)
{
    const char *end = path + strlen(path);
    while (end > path && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    return end;
}

static int open_parent_plainly(const char *path, const char *name)
{
    char folder[PATH_MAX];
    size_t length = (size_t)(name - path);
    if (length >= sizeof folder)
        return -ENAMETOOLONG;
    memcpy(folder, path, length);
    folder[length] = '\0';
    int fd = open(length > 0 ? folder : ".", FOLDER);
    return fd >= 0 ? fd : -errno;
}

/* "." at the end of a path whose last component is "." or ".."; else NULL. */
static const char *last_dot(const char *name)
{
    size_t size = strcspn(name, "/");
    if (size == 1 && name[0] == '.')
        return name;
    return size == 2 && name[0] == '.' && name[1] == '.' ? name + 1 : NULL;
}

int lull__policy_open_parent(const struct lull_policy *policy, const char *path,
                             enum lull_permission permission, const char **name,
                             struct lull_denial *denial)
{
    denial->permission = -1;
    *name = last_component(path);
    if (*path == '\0')
        return -ENOENT;
    if (lull__policy_is_all(policy))
        return open_parent_plainly(path, *name);
    struct walk walk = {.policy = policy,
                        .needs = 1u << permission,
                        .flags = FOLDER,
                        .parent = true,
                        .denial = denial};
    int result = lull__path_normalise(path, walk.path);
    if (result == 0)
        result = check(&walk, false);
    if (result != 0)
        return result;
    const char *dot = last_dot(*name);
    if (dot != NULL || strcmp(walk.path, "/") == 0) { /* the folder itself, as "." */
        if (dot != NULL)
            *name = dot;
        walk.parent = false;
    }
    result = walk_all(&walk);
    if (result >= 0)
        memcpy(denial->path, walk.path, strlen(walk.path) + 1); /* of the same size */
    return result;
}

/* ---- lull_ext.h ------------------------------------------------------------------- */

int lull_policy_open(const struct lull_policy *policy, const char *path, int flags,
                     unsigned mode, int *denied)
{
    struct lull_denial denial;
    int fd = lull__policy_open(policy, path, flags, mode, &denial);
    *denied = denial.permission;
    return fd;
}

int lull_policy_open_parent(const struct lull_policy *policy, const char *path,
                            enum lull_permission permission, const char **name,
                            int *denied)
{
    struct lull_denial denial;
    int fd = lull__policy_open_parent(policy, path, permission, name, &denial);
    *denied = denial.permission;
    return fd;
}
