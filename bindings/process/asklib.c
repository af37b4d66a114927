/* SPDX-License-Identifier: MIT */
/*
 * asklib.c -- Lua module "lull.ask.native": asking another program for its tasks.
 *
 * A question is what core/runtime/answer.h wants: a memory file for the answer, a pipe for the
 * byte that says that it is there, and the process, held by a descriptor so that its
 * number cannot come to mean another.  Scripts need to be allowed everything.
 */
#include "common/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/mman.h>
#include <sys/syscall.h>
#endif

#ifdef __linux__
#define SIGNAL LULL_ASK_SIGNAL
#else
#define SIGNAL 0 /* nobody can be asked */
#endif

#define ASK     "ask"
#define MAX_FD  255
#define MAX_ALL ((size_t)256 << 20) /* bytes of an answer */

int luaopen_lull_ask_native(lua_State *L);

static const char question_tag = 'q';

struct question {
    struct lullb_object base;
    int process; /* -1: closed, likewise the others */
    int file;
    int done[2];
};

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_question(struct lull_handle *handle)
{
    struct question *question = (struct question *)(void *)handle;
    close_one(&question->process);
    close_one(&question->file);
    close_one(&question->done[0]);
    close_one(&question->done[1]);
}

static const struct lull_handle_type question_type = {
    .name = "ask.question",
    .close = close_question,
};

#ifdef __linux__

/* 0, or an errno value: what was opened is closed with the question. */
static int open_question(struct question *question, pid_t pid)
{
    question->process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (question->process < 0)
        return errno;
    question->file = memfd_create("lull tree", MFD_CLOEXEC);
    if (question->file < 0 || pipe2(question->done, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    return question->file > MAX_FD || question->done[1] > MAX_FD ? EMFILE : 0;
}

static int send_question(const struct question *question)
{
    siginfo_t about;
    memset(&about, 0, sizeof about);
    about.si_signo = LULL_ASK_SIGNAL;
    about.si_code = SI_QUEUE;
    about.si_pid = getpid();
    about.si_uid = getuid();
    about.si_value.sival_int =
        LULL_QUESTION << 16 | question->file << 8 | question->done[1];
    return syscall(SYS_pidfd_send_signal, question->process, LULL_ASK_SIGNAL, &about,
                   0) == 0
               ? 0
               : errno;
}

#else

static int open_question(struct question *question, pid_t pid)
{
    (void)question;
    (void)pid;
    return ENOSYS;
}

static int send_question(const struct question *question)
{
    (void)question;
    return ENOSYS;
}

#endif

static struct question *check_question(lua_State *L)
{
    struct question *question = lullb_check_object(L, 1, &question_tag, "question");
    if (!lull_handle_is_open(&question->base.handle))
        lullb_raise(L, LULL_KIND_CLOSED, ASK, "the question is closed");
    return question;
}

/* q:send() -> nothing.  Raises io: ESRCH when the process has ended, EPERM. */
static int m_send(lua_State *L)
{
    int error = send_question(check_question(L));
    return error == 0 ? 0 : lullb_raise_io(L, ASK, error, NULL);
}

/* q:watched() -> the descriptor that is readable when there is an answer, and the one
   that is when the process has ended */
static int m_watched(lua_State *L)
{
    const struct question *question = check_question(L);
    lua_pushinteger(L, question->done[0]);
    lua_pushinteger(L, question->process);
    return 2;
}

/* Append the file to the buffer; 0 or an errno value. */
static int read_all(int file, luaL_Buffer *text)
{
    size_t all = 0;
    for (;;) {
        char *room = luaL_prepbuffer(text);
        ssize_t got = pread(file, room, LUAL_BUFFERSIZE, (off_t)all);
        if (got <= 0)
            return got == 0 ? 0 : errno;
        all += (size_t)got;
        luaL_addsize(text, (size_t)got);
        if (all > MAX_ALL)
            return EFBIG;
    }
}

/* q:take() -> the answer; nil: there is none yet */
static int m_take(lua_State *L)
{
    const struct question *question = check_question(L);
    char byte;
    luaL_Buffer text;
    if (read(question->done[0], &byte, 1) != 1)
        return 0;
    luaL_buffinit(L, &text);
    int error = read_all(question->file, &text);
    if (error != 0)
        return lullb_raise_io(L, ASK, error, NULL);
    luaL_pushresult(&text);
    return 1;
}

static int m_close(lua_State *L)
{
    struct question *question = lullb_check_object(L, 1, &question_tag, "question");
    lull_handle_close(&question->base.handle);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"send", m_send},   {"watched", m_watched}, {"take", m_take},
    {"close", m_close}, {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

/* question(pid) -> a question, not yet sent.  Raises io: ESRCH, ENOSYS. */
static int l_question(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lua_Integer pid = luaL_checkinteger(L, 1);
    luaL_argcheck(L, pid > 0 && pid <= INT_MAX, 1, "not the number of a process");
    lull_check_permission(L, LULL_MAY_ALL, ASK, NULL);
    lull_check_handles(L, ASK);
    lull_push_class(L, rt, "lull.ask.Question", methods, meta);
    struct question *question = lullb_push_object(L, sizeof *question, &question_tag);
    question->process = question->file = question->done[0] = question->done[1] = -1;
    lull_handle_open(rt, &question->base.handle, &question_type);
    int error = open_question(question, (pid_t)pid);
    if (error == 0)
        return 1;
    lull_handle_close(&question->base.handle);
    return lullb_raise_io(L, ASK, error, NULL);
}

static const struct luaL_Reg functions[] = {
    {"question", l_question},
    {NULL, NULL},
};

/* Besides: pid and uid, ours; signal, by which is asked; ticks, the kernel's in a second. */
int luaopen_lull_ask_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    lua_pushinteger(L, getpid());
    lua_setfield(L, -2, "pid");
    lua_pushinteger(L, getuid());
    lua_setfield(L, -2, "uid");
    lua_pushinteger(L, SIGNAL);
    lua_setfield(L, -2, "signal");
    lua_pushinteger(L, sysconf(_SC_CLK_TCK));
    lua_setfield(L, -2, "ticks");
    return 1;
}
