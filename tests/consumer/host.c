/* SPDX-License-Identifier: MIT */
/*
 * host.c -- a host as a user of the installed lull would write it, in C or C++.
 *
 * Its argument names one scenario; it prints what came of it.  A script returns one
 * string; LUA_CPATH says where the native module is.
 */
#include <lull.h>

#include <event2/event.h>
#include <lull_ext.h>
#include <stdio.h>
#include <string.h>

static const char own_script[] = "local lull = require 'lull'\n"
                                 "lull.sleep(0.01)\n"
                                 "return 'slept'";
static const char native_script[] = "local wait = require('consumer_native').wait\n"
                                    "return wait(0.01, 'a value that travelled')";
static const char shared_script[] = "return require('lull.json').encode { 1, 2 }";

static void report(void *arg, const char *text)
{
    (void)arg;
    printf("report: %s\n", text);
}

static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    int *failed = (int *)arg;
    (void)rt;
    *failed = outcome->status != LULL_DONE;
    if (*failed)
        printf("failed: %s\n", outcome->message);
    else
        printf("%s\n", lua_tostring(outcome->L, -1));
}

/* Run one script; on a base of the host's, unless that is NULL. */
static int play(struct event_base *base, const char *script, const char *permission)
{
    const char *permissions[] = {permission, NULL};
    struct lull_options options;
    int failed = 1;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.base = base;
    options.report = report;
    options.permissions = permissions;
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL)
        return 1;
    if (lull_load(rt, script, strlen(script), "=script") == LULL_DONE &&
        lull_call(rt, 0, on_outcome, &failed) != NULL) {
        if (base != NULL)
            event_base_dispatch(base);
        else
            lull_run(rt);
    }
    lull_free(rt, 1);
    return failed;
}

static void leave_loop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak((struct event_base *)arg);
}

static int play_on_own_base(void)
{
    const struct timeval half_a_second = {0, 500000};
    struct event_base *base = event_base_new();
    if (base == NULL)
        return 1;
    event_base_once(base, -1, EV_TIMEOUT, leave_loop, base, &half_a_second);
    int failed = play(base, own_script, NULL);
    event_base_free(base);
    return failed;
}

int main(int argc, char **argv)
{
    const char *scenario = argc > 1 ? argv[1] : "own";
    if (strcmp(scenario, "borrowed") == 0)
        return play_on_own_base();
    if (strcmp(scenario, "native") == 0)
        return play(NULL, native_script, "native");
    if (strcmp(scenario, "shared") == 0)
        return play(NULL, shared_script, NULL);
    return play(NULL, own_script, NULL);
}
