/* SPDX-License-Identifier: MIT */
/*
 * ready.c -- starts a program at a terminal of its own, again and again, and times how long
 * it takes until it shows a prompt.
 *
 *   ready TIMES PROGRAM ARGS...
 *
 * prints "ns=... rss=..." : median wall nanoseconds from fork to "> ", and the largest
 * peak RSS in bytes.  The home is a folder that is not there, so that nobody's files count.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10000 /* milliseconds */

static double wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Read until there is a prompt; 0 when there is none. */
static int await_prompt(int fd)
{
    char shown[8192];
    size_t length = 0;
    struct pollfd item = {.fd = fd, .events = POLLIN};
    while (length < sizeof shown - 1 && poll(&item, 1, PATIENCE) > 0) {
        ssize_t count = read(fd, shown + length, sizeof shown - 1 - length);
        if (count <= 0)
            return 0;
        length += (size_t)count;
        shown[length] = '\0';
        if (strstr(shown, "> ") != NULL)
            return 1;
    }
    return 0;
}

/* Returns the wall time, or a negative number when no prompt came. */
static double run_once(char **argv, long *peak_kib)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    struct rusage usage;
    int fd, status;
    double start = wall_ns();
    pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid < 0)
        return -1;
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("HOME", "/nonexistent", 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    int ready = await_prompt(fd);
    double took = wall_ns() - start;
    kill(pid, SIGKILL);
    wait4(pid, &status, 0, &usage);
    close(fd);
    if (usage.ru_maxrss > *peak_kib)
        *peak_kib = usage.ru_maxrss;
    return ready ? took : -1;
}

int main(int argc, char **argv)
{
    long times = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    double *walls = times > 0 ? calloc((size_t)times, sizeof *walls) : NULL;
    long peak_kib = 0;
    if (walls == NULL) {
        fprintf(stderr, "usage: ready TIMES PROGRAM ARGS...\n");
        return EXIT_FAILURE;
    }
    run_once(argv + 2, &peak_kib);
    for (long i = 0; i < times; i++) {
        walls[i] = run_once(argv + 2, &peak_kib);
        if (walls[i] < 0) {
            fprintf(stderr, "%s showed no prompt\n", argv[2]);
            return EXIT_FAILURE;
        }
    }
    qsort(walls, (size_t)times, sizeof *walls, by_value);
    printf("ns=%.0f rss=%ld\n", walls[times / 2], peak_kib * 1024);
    free(walls);
    return EXIT_SUCCESS;
}
