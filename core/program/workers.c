/* SPDX-License-Identifier: MIT */
/*
 * workers.c -- a parent that forks, passes signals on, and starts again what fails.
 *
 * The parent never has a runtime.  Workers are in process groups of their own:
 * Ctrl-C reaches the parent only, and each worker once.  One whose parent is
 * gone ends as if by SIGTERM (Linux).
 */
#include "program/workers.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#define EARLY 1 /* seconds: who fails sooner will fail again */

struct worker {
    pid_t pid; /* 0: ended */
    struct timespec since;
};

struct crew {
    struct worker *workers;
    unsigned count;
    unsigned running;
    bool stopping;
    int code; /* to exit with */
    sigset_t before;
    int (*work)(void *arg);
    void *arg;
};

static void become_worker(const struct crew *crew, unsigned number, pid_t parent)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    setenv("LULL_WORKER", text, 1);
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    sigprocmask(SIG_SETMASK, &crew->before, NULL);
    if (getppid() != parent) /* it was gone before we asked to be told */
        exit(EXIT_FAILURE);
    exit(crew->work(crew->arg));
}

static void start(struct crew *crew, unsigned i)
{
    pid_t parent = getpid();
    fflush(NULL); /* what is buffered would be printed by each */
    pid_t pid = fork();
    if (pid == 0)
        become_worker(crew, i + 1, parent);
    if (pid < 0) {
        perror("lull: cannot start a worker");
        crew->code = EXIT_FAILURE;
        return;
    }
    crew->workers[i].pid = pid;
    clock_gettime(CLOCK_MONOTONIC, &crew->workers[i].since);
    crew->running++;
}

static void signal_all(const struct crew *crew, int number)
{
    for (unsigned i = 0; i < crew->count; i++) {
        if (crew->workers[i].pid > 0)
            kill(crew->workers[i].pid, number);
    }
}

static bool is_early(const struct worker *worker)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - worker->since.tv_sec <= EARLY;
}

static void worker_ended(struct crew *crew, unsigned i, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    crew->workers[i].pid = 0;
    crew->running--;
    if (code == 0)
        return;
    if (crew->stopping || is_early(&crew->workers[i])) {
        crew->code = code;
        if (!crew->stopping)
            fprintf(stderr,
                    "lull: worker %u ended with %d at once and is not started again\n",
                    i + 1, code);
        return;
    }
    fprintf(stderr, "lull: worker %u ended with %d and is started again\n", i + 1, code);
    start(crew, i);
}

static void reap(struct crew *crew)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < crew->count; i++) {
            if (crew->workers[i].pid == pid)
                worker_ended(crew, i, status);
        }
    }
}

int lull__run_workers(unsigned count, int (*work)(void *arg), void *arg)
{
    struct crew crew = {.count = count, .work = work, .arg = arg};
    sigset_t taken;
    int number;
    crew.workers = calloc(count, sizeof *crew.workers);
    if (crew.workers == NULL) {
        fputs("lull: not enough memory\n", stderr);
        return EXIT_FAILURE;
    }
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGHUP);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigprocmask(SIG_BLOCK, &taken, &crew.before);
    for (unsigned i = 0; i < count; i++)
        start(&crew, i);
    while (crew.running > 0) {
        if (sigwait(&taken, &number) != 0)
            continue;
        if (number == SIGCHLD) {
            reap(&crew);
        } else {
            crew.stopping = true;
            signal_all(&crew, number);
        }
    }
    free(crew.workers);
    return crew.code;
}
