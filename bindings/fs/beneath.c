/* SPDX-License-Identifier: MIT */
/*
 * beneath.c -- openat2 where there is one, else a walk from folder to folder.
 */
#include "fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__) && defined(SYS_openat2) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define HAS_OPENAT2 1
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#else
#define HAS_OPENAT2 0
#endif

#define ALWAYS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* opening a fifo must not wait */
#define TRIES  8 /* when the tree changes under a look-up that has to be safe */

/* Open the component that ends before `end`; `folder` stays the caller's. */
static int open_component(int folder, const char *name, size_t length, int flags)
{
    char text[256];
    if (length == 0 || length >= sizeof text)
        return length == 0 ? -ENOENT : -ENAMETOOLONG;
    memcpy(text, name, length);
    text[length] = '\0';
    if (strcmp(text, "..") == 0)
        return -EXDEV;
    int fd = openat(folder, text, flags | O_NOFOLLOW | ALWAYS);
    return fd >= 0 ? fd : -errno;
}

int lullb_open_walking(int folder, const char *path, int flags)
{
    int at = folder;
    for (;;) {
        const char *slash = strchr(path, '/');
        size_t length = slash != NULL ? (size_t)(slash - path) : strlen(path);
        int fd = open_component(at, path, length,
                                slash != NULL ? O_RDONLY | O_DIRECTORY : flags);
        if (at != folder)
            close(at);
        if (slash == NULL || fd < 0)
            return fd;
        at = fd;
        path = slash + 1;
    }
}

#if HAS_OPENAT2
static int open_by_kernel(int folder, const char *path, int flags, bool now)
{
    struct open_how how = {
        .flags = (unsigned long long)(flags | ALWAYS),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (now ? RESOLVE_CACHED : 0),
    };
    for (int i = 0; i < TRIES; i++) {
        long fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EINTR && (errno != EAGAIN || now))
            break;
    }
    return -errno;
}
#endif

int lullb_open_beneath(int folder, const char *path, int flags, bool now)
{
#if HAS_OPENAT2
    int fd = open_by_kernel(folder, path, flags, now);
    /* EINVAL: a kernel without RESOLVE_CACHED.  EPERM: sandboxes that do not know the call. */
    if (fd != -ENOSYS && fd != -EPERM && !(fd == -EINVAL && now))
        return fd;
#endif
    return now ? -EAGAIN : lullb_open_walking(folder, path, flags);
}
