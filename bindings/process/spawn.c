/* SPDX-License-Identifier: MIT */
/*
 * spawn.c -- descriptors are made, the process is started, they are closed again.
 *
 * What becomes 0, 1 or 2 in the child is first brought above 2: then no step of
 * the child's takes away what a later one needs.
 */
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
#define HAS_CLOSE_FROM 1
#endif

#define FILE_MODE     0666
#define TERMINAL_NAME 128

/* What is on its way into a child. */
struct passage {
    struct lullb_spawn *spawn;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int theirs[3]; /* what becomes 0 to 2; -1: nothing of ours */
    int cwd;
    char terminal[TERMINAL_NAME];
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Bring a descriptor that we own above the standard ones.  0 or an errno value. */
static int lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = higher < 0 ? errno : 0;
    close_fd(fd);
    *fd = higher;
    return error;
}

/* O_NONBLOCK is of the end, not of the descriptor: only ours may have it. */
static int set_blocking(int fd, bool blocks)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted = blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return flags >= 0 && (flags == wanted || fcntl(fd, F_SETFL, wanted) == 0) ? 0 : errno;
}

static int make_pipe(struct passage *passage, int i)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return errno;
    int ours = i == STDIN_FILENO;
    passage->theirs[i] = fds[1 - ours];
    passage->spawn->ends[i] = fds[ours];
    int error = lift(&passage->theirs[i]);
    return error != 0 ? error : set_blocking(fds[ours], false);
}

static int open_path(struct passage *passage, const char *path, int flags, int *fd)
{
    struct lullb_spawn *spawn = passage->spawn;
    int opened = lull_policy_open(spawn->policy, path, flags, FILE_MODE, &spawn->denied);
    if (opened < 0) {
        spawn->failed = path;
        spawn->failed_flags = flags;
        return -opened;
    }
    *fd = opened;
    return lift(fd);
}

static int prepare(struct passage *passage, int i)
{
    const struct lullb_stdio_choice *choice = &passage->spawn->stdio[i];
    int *theirs = &passage->theirs[i];
    int error;
    switch (choice->kind) {
    case LULLB_STDIO_PIPE:
        return make_pipe(passage, i);
    case LULLB_STDIO_FILE: /* no FIFO may make us wait for its other end */
        error = open_path(passage, choice->path, choice->flags | O_NONBLOCK | O_NOCTTY,
                          theirs);
        return error != 0 ? error : set_blocking(*theirs, true);
    case LULLB_STDIO_FD:
        *theirs = fcntl(choice->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return *theirs < 0 ? errno : 0;
    default:
        return 0;
    }
}

/* Our side of a new terminal. */
static int open_terminal(struct passage *passage)
{
    struct lullb_spawn *spawn = passage->spawn;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    spawn->ends[0] = fd;
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ioctl(fd, TIOCSWINSZ, &spawn->size) < 0)
        return errno;
    int error = ptsname_r(fd, passage->terminal, sizeof passage->terminal);
    return error != 0 ? error : set_blocking(fd, false);
}

static int prepare_all(struct passage *passage)
{
    struct lullb_spawn *spawn = passage->spawn;
    int error = 0;
    if (spawn->terminal)
        error = open_terminal(passage);
    for (int i = 0; i < 3 && error == 0 && !spawn->terminal; i++)
        error = prepare(passage, i);
    if (error == 0 && spawn->cwd != NULL)
        error = open_path(passage, spawn->cwd, O_PATH | O_DIRECTORY, &passage->cwd);
    return error;
}

/* What the child does to have its standard descriptor i. */
static int add_stdio(struct passage *passage, int i)
{
    posix_spawn_file_actions_t *actions = &passage->actions;
    if (passage->spawn->terminal) /* the first one opened is the session's terminal */
        return i == 0 ? posix_spawn_file_actions_addopen(actions, 0, passage->terminal,
                                                         O_RDWR, 0)
                      : posix_spawn_file_actions_adddup2(actions, 0, i);
    switch (passage->spawn->stdio[i].kind) {
    case LULLB_STDIO_INHERIT: /* also takes close-on-exec off */
        return posix_spawn_file_actions_adddup2(actions, i, i);
    case LULLB_STDIO_NULL:
        return posix_spawn_file_actions_addopen(actions, i, "/dev/null",
                                                i == 0 ? O_RDONLY : O_WRONLY, 0);
    case LULLB_STDIO_OUT:
        return posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, i);
    default:
        return posix_spawn_file_actions_adddup2(actions, passage->theirs[i], i);
    }
}

static int add_actions(struct passage *passage)
{
    posix_spawn_file_actions_t *actions = &passage->actions;
    int error = 0;
    for (int i = 0; i < 3 && error == 0; i++)
        error = add_stdio(passage, i);
    if (error == 0 && passage->cwd >= 0)
        error = posix_spawn_file_actions_addfchdir_np(actions, passage->cwd);
#ifdef HAS_CLOSE_FROM
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
    return error;
}

static int set_attributes(struct passage *passage)
{
    posix_spawnattr_t *attributes = &passage->attributes;
    sigset_t none, usual;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    if (passage->spawn->terminal)
        flags |= POSIX_SPAWN_SETSID; /* and by that a group */
    else if (passage->spawn->group)
        flags |= POSIX_SPAWN_SETPGROUP; /* its own: the attribute is 0 by default */
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &usual);
    return error != 0 ? error : posix_spawnattr_setflags(attributes, flags);
}

static int start(struct passage *passage)
{
    struct lullb_spawn *spawn = passage->spawn;
    int error = posix_spawn_file_actions_init(&passage->actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&passage->attributes);
    if (error == 0) {
        error = add_actions(passage);
        if (error == 0)
            error = set_attributes(passage);
        if (error == 0)
            error = posix_spawnp(&spawn->pid, spawn->argv[0], &passage->actions,
                                 &passage->attributes, spawn->argv,
                                 spawn->envp != NULL ? spawn->envp : environ);
        posix_spawnattr_destroy(&passage->attributes);
    }
    posix_spawn_file_actions_destroy(&passage->actions);
    return error;
}

/*
 * Is there a program of this name in PATH?  A folder there that we may not enter makes
 * posix_spawnp say EACCES for what is nowhere.
 */
static bool is_in_path(const char *name)
{
    char candidate[PATH_MAX];
    const char *folder = getenv("PATH");
    while (folder != NULL) {
        int length = (int)strcspn(folder, ":");
        int size = snprintf(candidate, sizeof candidate, "%.*s/%s", length, folder, name);
        if (size < (int)sizeof candidate && access(candidate, F_OK) == 0)
            return true;
        folder = folder[length] == ':' ? folder + length + 1 : NULL;
    }
    return false;
}

int lullb_spawn(struct lullb_spawn *spawn)
{
    struct passage passage = {.spawn = spawn, .theirs = {-1, -1, -1}, .cwd = -1};
    for (int i = 0; i < 3; i++)
        spawn->ends[i] = -1;
    spawn->failed = NULL;
    spawn->denied = -1;
    int error = prepare_all(&passage);
    if (error == 0)
        error = start(&passage);
    if (error == EACCES && spawn->failed == NULL && strchr(spawn->argv[0], '/') == NULL &&
        !is_in_path(spawn->argv[0]))
        error = ENOENT;
    for (int i = 0; i < 3; i++) {
        close_fd(&passage.theirs[i]);
        if (error != 0)
            close_fd(&spawn->ends[i]);
    }
    close_fd(&passage.cwd);
    return error;
}
