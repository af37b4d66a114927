/* SPDX-License-Identifier: MIT */
/*
 * answer_test.c -- lull_answer(): what it writes to, and what it leaves alone.
 */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lull_runtime *make(void)
{
    const struct lull_options options = {
        .size = sizeof options, .report = ignore_report, .permissions = ALLOW_ALL};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    return rt;
}

/* A question of this very process. */
static siginfo_t ask(int file, int done)
{
    siginfo_t about;
    memset(&about, 0, sizeof about);
    about.si_signo = LULL_ASK_SIGNAL;
    about.si_code = SI_QUEUE;
    about.si_pid = getpid();
    about.si_uid = getuid();
    about.si_value.sival_int = LULL_QUESTION << 16 | file << 8 | done;
    return about;
}

static off_t size_of(int fd)
{
    struct stat status;
    CHECK(fstat(fd, &status) == 0);
    return status.st_size;
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A question is answered in the next turn, and the descriptors are given back. */
static void is_answered(void)
{
    struct told told;
    char text[64] = "";
    int done[2];
    int file = memfd_create("test", MFD_CLOEXEC);
    CHECK(file >= 0 && pipe2(done, O_NONBLOCK | O_CLOEXEC) == 0);
    struct lull_runtime *rt = make();
    CHECK(start(rt, "require'lull'.sleep(60)", &told));
    lull_step(rt, 0);
    int before = count_descriptors();
    siginfo_t about = ask(file, done[1]);
    CHECK(lull_answer(rt, &about));
    CHECK(!lull_answer(rt, &about)); /* one at a time */
    CHECK(size_of(file) == 0);
    while (read(done[0], text, 1) != 1)
        lull_step(rt, 0.01);
    CHECK(pread(file, text, sizeof text - 1, 0) > 0);
    CHECK(strstr(text, " waiting for sleep since ") != NULL);
    CHECK(count_descriptors() == before);
    lull_free(rt, 0);
    close(file);
    close(done[0]);
    close(done[1]);
}

/* What goes with the runtime is given back, too. */
static void is_dropped(void)
{
    int done[2];
    int before = count_descriptors();
    int file = memfd_create("test", MFD_CLOEXEC);
    CHECK(file >= 0 && pipe2(done, O_NONBLOCK | O_CLOEXEC) == 0);
    struct lull_runtime *rt = make();
    siginfo_t about = ask(file, done[1]);
    CHECK(lull_answer(rt, &about));
    lull_free(rt, 0);
    close(file);
    close(done[0]);
    close(done[1]);
    CHECK(count_descriptors() == before);
}

/* Signals that mean something else, and descriptors that are no place for a tree. */
static void is_refused(void)
{
    char path[] = "/tmp/lull-answer-XXXXXX";
    int done[2];
    int memory = memfd_create("test", MFD_CLOEXEC);
    int named = mkstemp(path);
    CHECK(named >= 0 && memory >= 0 && pipe2(done, O_NONBLOCK | O_CLOEXEC) == 0);
    struct lull_runtime *rt = make();
    int before = count_descriptors();
    siginfo_t wrong[] = {
        ask(named, done[1]),  ask(memory, named),   ask(memory, 250),
        ask(250, done[1]),    ask(done[1], memory), ask(memory, done[1]),
        ask(memory, done[1]), ask(memory, done[1]), ask(memory, done[1])};
    wrong[5].si_code = SI_USER;
    wrong[6].si_value.sival_int = 7;
    wrong[7].si_uid = getuid() + 1;
    wrong[8].si_pid = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!lull_answer(rt, &wrong[i]));
    CHECK(write(memory, "full", 4) == 4);
    siginfo_t about = ask(memory, done[1]);
    CHECK(!lull_answer(rt, &about));
    lull_step(rt, 0);
    CHECK(size_of(named) == 0 && size_of(memory) == 4);
    CHECK(count_descriptors() == before);
    lull_free(rt, 0);
    close(memory);
    close(named);
    close(done[0]);
    close(done[1]);
    unlink(path);
}

int main(void)
{
    is_answered();
    is_dropped();
    is_refused();
    return 0;
}
