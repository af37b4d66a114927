/* SPDX-License-Identifier: MIT */
/*
 * bound.c -- bind, once more where a dead socket's file is in the way.
 */
#include "net/bound.h"

#include "net/connect.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Does the address stand for a file? */
static bool is_file(const struct lullb_addr *addr)
{
    return addr->as.any.sa_family == AF_UNIX && addr->as.un.sun_path[0] != '\0';
}

/* Does nobody answer at the socket with this path?  Then its file may go. */
static bool is_stale(const struct lullb_addr *addr, int type)
{
    struct stat status;
    if (!is_file(addr) || lstat(addr->as.un.sun_path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return false;
    int fd = lullb_socket(AF_UNIX, type);
    if (fd < 0)
        return false;
    /* A live socket of another type says EPROTOTYPE. */
    bool refused = connect(fd, &addr->as.any, addr->size) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

int lullb_bind(int fd, const struct lullb_addr *addr, int type)
{
    int result = bind(fd, &addr->as.any, addr->size);
    if (result < 0 && errno == EADDRINUSE && addr->as.any.sa_family == AF_UNIX) {
        if (is_stale(addr, type) && unlink(addr->as.un.sun_path) == 0)
            return bind(fd, &addr->as.any, addr->size);
        errno = EADDRINUSE;
    }
    return result;
}

void lullb_bound_note(struct lullb_bound_file *file, const struct lullb_addr *addr)
{
    struct stat status;
    if (!is_file(addr) || lstat(addr->as.un.sun_path, &status) < 0)
        return;
    file->device = status.st_dev;
    file->inode = status.st_ino;
}

void lullb_bound_remove(const struct lullb_bound_file *file,
                        const struct lullb_addr *addr)
{
    struct stat status;
    if (file->inode != 0 && lstat(addr->as.un.sun_path, &status) == 0 &&
        status.st_dev == file->device && status.st_ino == file->inode)
        unlink(addr->as.un.sun_path);
}
