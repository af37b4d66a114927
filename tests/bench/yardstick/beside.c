/* SPDX-License-Identifier: MIT */
/*
 * beside.c -- runs a client beside a server, each on a processor of its own.
 *
 *   beside TIMES SERVER ARGS... -- CLIENT ARGS...
 *
 * starts the server (which prints "port=..."), puts the port in place of
 * {port} in the arguments of the client, and runs the client.  With TIMES 0
 * the client runs once and prints its own measurement.  Otherwise it runs once
 * to warm up and TIMES times, silently, and this prints "ns=... cpu=..." :
 * median wall and CPU nanoseconds from spawn to exit.
 */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct sample {
    double wall; /* nanoseconds */
    double cpu;
};

extern char **environ;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Puts the port into every argument that asks for it. */
static void fill_in_port(char **argv, int port)
{
    for (; *argv; argv++) {
        char *mark = strstr(*argv, "{port}"), *filled;
        if (!mark)
            continue;
        *mark = '\0';
        if (asprintf(&filled, "%s%d%s", *argv, port, mark + strlen("{port}")) < 0)
            fail("out of memory");
        *argv = filled;
    }
}

static double cpu_ns(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e9 +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1e3;
}

static struct sample run_once(char **argv, int silent)
{
    posix_spawn_file_actions_t files;
    struct rusage usage;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&files);
    if (silent)
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    double start = seconds(CLOCK_MONOTONIC);
    errno = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    if (errno)
        fail(argv[0]);
    if (wait4(pid, &status, 0, &usage) != pid)
        fail("wait4");
    double wall = seconds(CLOCK_MONOTONIC) - start;
    posix_spawn_file_actions_destroy(&files);
    errno = 0;
    if (status != 0)
        fail("the client failed");
    return (struct sample){.wall = wall * 1e9, .cpu = cpu_ns(&usage)};
}

static void run_times(char **argv, size_t times)
{
    double *walls = calloc(times, sizeof *walls), *cpus = calloc(times, sizeof *cpus);
    if (!walls || !cpus)
        fail("out of memory");
    run_once(argv, 1);
    for (size_t i = 0; i < times; i++) {
        struct sample sample = run_once(argv, 1);
        walls[i] = sample.wall;
        cpus[i] = sample.cpu;
    }
    qsort(walls, times, sizeof *walls, by_value);
    qsort(cpus, times, sizeof *cpus, by_value);
    printf("ns=%.0f cpu=%.0f\n", walls[times / 2], cpus[times / 2]);
}

int main(int argc, char **argv)
{
    char **client = argv;
    while (*client && strcmp(*client, "--") != 0)
        client++;
    if (argc < 5 || client < argv + 3 || !*client || !client[1])
        fail("usage: beside TIMES SERVER ARGS... -- CLIENT ARGS...");
    long times = strtol(argv[1], NULL, 10);
    *client++ = NULL;
    fill_in_port(client, server_start(argv + 2));
    pin(LOAD_PROCESSOR);
    if (times > 0)
        run_times(client, (size_t)times);
    else
        run_once(client, 0);
    server_stop();
    return EXIT_SUCCESS;
}
