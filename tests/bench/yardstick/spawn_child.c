/* SPDX-License-Identifier: MIT */
/*
 * spawn_child.c -- /bin/true with its output in a pipe, OPS times: posix_spawn, read to the
 * end, waitpid.  Prints the wall time of one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* What went wrong is told by the name of the call. */
static void need(int is_good, const char *call)
{
    if (is_good)
        return;
    perror(call);
    exit(1);
}

static void run(void)
{
    static char *const argv[] = {"/bin/true", NULL};
    posix_spawn_file_actions_t actions;
    char buffer[4096];
    int fds[2], status;
    pid_t pid;
    need(pipe2(fds, O_CLOEXEC) == 0, "pipe2");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    need(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) == 0, "posix_spawn");
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    while (read(fds[0], buffer, sizeof buffer) > 0)
        continue;
    close(fds[0]);
    need(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

static double measure(long ops)
{
    double start = now();
    for (long i = 0; i < ops; i++)
        run();
    return (now() - start) / (double)ops;
}

int main(int argc, char **argv)
{
    long ops = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    measure(ops / 10 + 1);
    printf("ns=%.2f\n", measure(ops));
    return 0;
}
