/* SPDX-License-Identifier: MIT */
/*
 * answer.c -- hearing a question in a signal handler, and letting go of it.
 */
#include "runtime/answer.h"

#include "lull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__

/* Append the digits of a number; snprintf is not for signal handlers. */
static char *put_number(char *at, unsigned number)
{
    char digits[12];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static char *put_text(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    return at;
}

/* Open the asker's descriptor for writing; -1: it cannot be. */
static int open_theirs(pid_t pid, unsigned fd)
{
    char path[64];
    char *end = put_text(path, "/proc/");
    end = put_number(end, (unsigned)pid);
    end = put_text(end, "/fd/");
    *put_number(end, fd) = '\0';
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_ours_to_fill(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_nlink == 0 && status.st_size == 0;
}

static bool is_pipe(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void close_both(int file, int done)
{
    if (file >= 0)
        close(file);
    if (done >= 0)
        close(done);
}

bool lull__answer_hear(struct lull_question *question, const void *siginfo)
{
    const siginfo_t *about = siginfo;
    uint32_t value = (uint32_t)about->si_value.sival_int;
    int saved = errno;
    if (about->si_code != SI_QUEUE || value >> 16 != LULL_QUESTION || question->asked ||
        (about->si_uid != getuid() && about->si_uid != 0))
        return false;
    int file = open_theirs(about->si_pid, value >> 8 & 0xff);
    int done = open_theirs(about->si_pid, value & 0xff);
    bool heard = is_ours_to_fill(file) && is_pipe(done);
    if (heard) {
        question->file = file;
        question->done = done;
        question->asked = 1;
    } else {
        close_both(file, done);
    }
    errno = saved;
    return heard;
}

void lull__answer_end(struct lull_question *question, bool written)
{
    if (!question->asked)
        return;
    int done = question->done;
    close(question->file);
    question->asked = 0; /* before it is told: who knows the answer may ask again */
    ssize_t told = written ? write(done, "", 1) : 0;
    (void)told; /* nobody may wait any more */
    close(done);
}

#else

bool lull__answer_hear(struct lull_question *question, const void *siginfo)
{
    (void)question;
    (void)siginfo;
    return false;
}

void lull__answer_end(struct lull_question *question, bool written)
{
    (void)question;
    (void)written;
}

#endif
