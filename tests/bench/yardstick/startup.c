/* SPDX-License-Identifier: MIT */
/*
 * startup.c -- runs a program again and again and times it from outside.
 *
 *   startup TIMES PROGRAM ARGS...
 *
 * prints "ns=... rss=..." : median wall nanoseconds from spawn to exit and the
 * largest peak RSS in bytes.  This program stays smaller than what it
 * measures: a child's peak counts from the image it was spawned from.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

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

/* Returns the wall time, or a negative number when the program failed. */
static double run_once(char **argv, long *peak_kib)
{
    posix_spawn_file_actions_t files;
    struct rusage usage;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    double start = wall_ns();
    int failed = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed || wait4(pid, &status, 0, &usage) != pid || status != 0)
        return -1;
    if (usage.ru_maxrss > *peak_kib)
        *peak_kib = usage.ru_maxrss;
    return wall_ns() - start;
}

int main(int argc, char **argv)
{
    long times = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    double *walls = times > 0 ? calloc((size_t)times, sizeof *walls) : NULL;
    long peak_kib = 0;
    if (!walls) {
        fprintf(stderr, "usage: startup TIMES PROGRAM ARGS...\n");
        return EXIT_FAILURE;
    }
    if (times > 1) /* a program that leaves something is not run before */
        run_once(argv + 2, &peak_kib);
    for (long i = 0; i < times; i++) {
        walls[i] = run_once(argv + 2, &peak_kib);
        if (walls[i] < 0) {
            fprintf(stderr, "%s failed\n", argv[2]);
            return EXIT_FAILURE;
        }
    }
    qsort(walls, (size_t)times, sizeof *walls, by_value);
    printf("ns=%.0f rss=%ld\n", walls[times / 2], peak_kib * 1024);
    free(walls);
    return EXIT_SUCCESS;
}
