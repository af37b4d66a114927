/* SPDX-License-Identifier: MIT */
/*
 * nginx_at.c -- starts nginx at a port that the kernel chose.
 *
 *   nginx_at TEMPLATE DIR
 *
 * nginx neither takes port 0 nor prints a port.  So a socket is bound here and
 * stays bound, which keeps the port from others; with SO_REUSEADDR on both
 * sides nginx may listen there all the same.  (Handing it over in NGINX=, as
 * nginx does for its next version, crashes nginx 1.22 without a master.)
 * TEMPLATE is its configuration with {port} and {dir} in it; the result goes to
 * DIR, which also takes all nginx writes.
 *
 * This process becomes nginx, one process in the foreground.  A child prints
 * "port=..." once nginx accepts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* Takes a port; the socket is left to this process until its end. */
static struct sockaddr_in take_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&address, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        fail("bind");
    return address;
}

/* Waits until somebody listens there, then tells the port. */
static void announce(const struct sockaddr_in *address)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int tries = 0; tries < 5000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) {
            printf("port=%d\n", ntohs(address->sin_port));
            exit(EXIT_SUCCESS);
        }
        close(fd);
        nanosleep(&pause, NULL);
    }
    exit(EXIT_FAILURE);
}

static void copy_template(FILE *from, FILE *to, int port, const char *dir)
{
    char line[1024];
    while (fgets(line, sizeof line, from)) {
        const char *rest = line;
        for (char *mark; (mark = strchr(rest, '{')) != NULL;) {
            fwrite(rest, 1, (size_t)(mark - rest), to);
            if (strncmp(mark, "{port}", 6) == 0) {
                fprintf(to, "127.0.0.1:%d", port);
                rest = mark + 6;
            } else if (strncmp(mark, "{dir}", 5) == 0) {
                fputs(dir, to);
                rest = mark + 5;
            } else {
                fputc('{', to);
                rest = mark + 1;
            }
        }
        fputs(rest, to);
    }
}

int main(int argc, char **argv)
{
    char path[1024];
    FILE *from = argc == 3 ? fopen(argv[1], "r") : NULL;
    if (!from)
        fail(argc == 3 ? argv[1] : "usage: nginx_at TEMPLATE DIR");
    const struct sockaddr_in address = take_port();
    snprintf(path, sizeof path, "%s/nginx-%d.conf", argv[2], ntohs(address.sin_port));
    FILE *to = fopen(path, "w");
    if (!to)
        fail(path);
    copy_template(from, to, ntohs(address.sin_port), argv[2]);
    if (fclose(to) != 0)
        fail(path);
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        announce(&address);
    execlp("nginx", "nginx", "-p", argv[2], "-c", path, (char *)NULL);
    execl("/usr/sbin/nginx", "nginx", "-p", argv[2], "-c", path, (char *)NULL);
    fail("nginx");
}
