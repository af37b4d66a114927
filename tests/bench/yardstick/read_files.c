/* SPDX-License-Identifier: MIT */
/*
 * read_files.c -- DIR/1 to DIR/COUNT, one after the other: open, fstat, read to the end,
 * close.  Prints the wall time of one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static void read_file(const char *path)
{
    char buffer[4097]; /* one more, to see the end */
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0 && fstat(fd, &status) == 0, path);
    need(read(fd, buffer, sizeof buffer) == 4096 && read(fd, buffer, 1) == 0, "read");
    close(fd);
}

static double measure(const char *dir, int count, int times)
{
    char path[4096];
    double start = now();
    for (int i = 0; i < times * count; i++) {
        snprintf(path, sizeof path, "%s/%d", dir, i % count + 1);
        read_file(path);
    }
    return (now() - start) / times / count;
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: read_files DIR COUNT");
    int count = (int)strtol(argv[2], NULL, 10);
    measure(argv[1], count, 1);
    printf("ns=%.2f\n", measure(argv[1], count, 5));
    return 0;
}
