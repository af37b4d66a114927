/* SPDX-License-Identifier: MIT */
/*
 * process_test.c -- lull.process in a host: it leaves no process, no descriptor and no
 * byte behind, whenever the runtime is freed and whatever memory is refused.
 */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static const luaL_Reg no_functions[] = {{NULL, NULL}};

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Every child has ended, and been waited for. */
static void check_no_children(void)
{
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* Freed while the script is somewhere in the middle. */
static void test_free(const char *script, double grace)
{
    int before = descriptors();
    for (int turns = 0; turns < 12; turns++) {
        struct host host = {.rt = NULL};
        CHECK(open_host(&host, no_functions));
        CHECK(start(host.rt, script, &host.told));
        for (int i = 0; i < turns; i++)
            lull_step(host.rt, 0.001);
        close_host(&host, grace);
        check_no_children();
        CHECK(descriptors() == before);
    }
}

/* Without memory nothing is left behind either. */
static void test_memory(void)
{
    refuse_each(
        no_functions,
        "local process = require 'lull.process'\n"
        "local p <close> = process.open({'cat'}, {env = {A = 1, inherit = true}})\n"
        "p.stdin:write 'x' p.stdin:close() p:wait()\n",
        check_no_children);
}

/* Where the host has its children waited for by nobody, the codes are lost, not the ends. */
static void test_ignored(void)
{
    struct sigaction ignore, before;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    CHECK(sigaction(SIGCHLD, &ignore, &before) == 0);
    run_script(no_functions,
               "local process = require 'lull.process'\n"
               "local ok, e = pcall(process.run, {'true'})\n"
               "assert(not ok and e.kind == 'process' and e.code == 'ECHILD', e)\n");
    CHECK(sigaction(SIGCHLD, &before, NULL) == 0);
}

/* The host's own children are the host's. */
static void test_others(void)
{
    pid_t own = fork();
    CHECK(own >= 0);
    if (own == 0)
        _exit(3);
    run_script(no_functions, "local process = require 'lull.process'\n"
                             "for _ = 1, 5 do process.run {'true'} end\n");
    int status;
    CHECK(waitpid(own, &status, 0) == own);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

int main(void)
{
    static const char run[] = "local process = require 'lull.process'\n"
                              "process.run({'sh', '-c', 'sleep 60 & cat; wait'}, "
                              "{input = ('x'):rep(1000000)})\n";
    static const char open[] = "local process = require 'lull.process'\n"
                               "local p = process.open({'sleep', '60'}, {pty = true})\n"
                               "require('lull').spawn(p.wait, p)\n"
                               "p.stdout:read 'a'\n";
    test_free(run, 0);
    test_free(run, 0.2);
    test_free(open, 0);
    test_free(open, 0.2);
    test_memory();
    test_ignored();
    test_others();
    return 0;
}
