/* SPDX-License-Identifier: MIT */
/*
 * signame.c -- the table of signals that POSIX knows.
 */
#include "process/signame.h"

#include <signal.h>
#include <string.h>

struct signame {
    const char *name;
    int number;
};

static const struct signame names[] = {
    {"ABRT", SIGABRT},   {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},   {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
    {"INT", SIGINT},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"PROF", SIGPROF},
    {"QUIT", SIGQUIT},   {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"SYS", SIGSYS},
    {"TERM", SIGTERM},   {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM},
};

#define COUNT (sizeof names / sizeof names[0])

int lullb_signal_number(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].number;
    }
    return 0;
}

const char *lullb_signal_name(int number)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    return NULL;
}

int lullb_check_signal(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    int number = lullb_signal_number(name);
    if (number == 0)
        luaL_argerror(L, index, lua_pushfstring(L, "no signal is called '%s'", name));
    return number;
}

void lullb_push_signal(lua_State *L, int number)
{
    const char *name = lullb_signal_name(number);
    if (name != NULL)
        lua_pushstring(L, name);
    else
        lua_pushfstring(L, "%d", number);
}
