/* SPDX-License-Identifier: MIT */
/*
 * spawn.h -- a program becomes a process: descriptors, directory, environment.
 *
 * posix_spawn does not copy the memory of a large host, and says in the parent
 * what went wrong in the child.  The child gets its three standard descriptors
 * and no other, whatever the host has open: ours are all close-on-exec, and what
 * others left open is closed in the child where the C library can.  It starts
 * with no signal blocked, and with SIGPIPE as usual, which programs expect.
 *
 * A program without a slash in its name is looked for in the PATH of this process,
 * never in one that the script made up: permissions name programs.
 *
 * Plain C, nothing here raises.
 */
#ifndef LULLB_SPAWN_H
#define LULLB_SPAWN_H

#include "lull_ext.h"

#include <sys/ioctl.h>
#include <sys/types.h>

/* What one of the standard descriptors is to be in the child. */
enum lullb_stdio {
    LULLB_STDIO_INHERIT, /* what it is here */
    LULLB_STDIO_NULL,    /* /dev/null */
    LULLB_STDIO_PIPE,    /* a pipe, whose other end is for us */
    LULLB_STDIO_FILE,    /* `path`, opened with `flags` */
    LULLB_STDIO_FD,      /* a copy of `fd`, the descriptor of `stream` */
    LULLB_STDIO_OUT      /* of stderr: what stdout is */
};

struct lullb_stdio_choice {
    enum lullb_stdio kind;
    int fd;
    int flags;
    const char *path;
    struct lull_stream *stream;
};

/* What to start; borrows everything.  The last five fields are the outcome. */
struct lullb_spawn {
    char *const *argv;                /* ends with NULL, as does: */
    char *const *envp;                /* NULL: the environment of this process */
    const char *cwd;                  /* NULL: ours */
    const struct lull_policy *policy; /* what opening files asks */
    struct lullb_stdio_choice stdio[3];
    bool preloads; /* `envp` tells the system's loader what to do: code of all kinds */
    bool group;    /* a process group of its own */
    bool terminal; /* a session of its own at a new terminal; `stdio` is unused */
    struct winsize size; /* of that */

    pid_t pid;
    int ends[3]; /* our ends of pipes, not blocking; -1: none.  Of a terminal: [0] */
    const char
        *failed;      /* the file or folder that a failure is about; NULL: the program */
    int failed_flags; /* how it was to be opened */
    int denied;       /* >= 0: the permission that was missing for it */
};

/* 0, or an errno value: then there is no process, and nothing is open. */
int lullb_spawn(struct lullb_spawn *spawn);

#endif
