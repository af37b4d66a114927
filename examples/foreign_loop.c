/* SPDX-License-Identifier: MIT */
/*
 * foreign_loop.c -- a host that has a loop already, of poll(2), and keeps it.
 *
 * The host reads lines from a program and hands each to a script, which takes its time;
 * meanwhile the host reads on.  lull is a guest in the loop: a step that never waits in
 * each round, and lull_next_deadline() says how long poll(2) may sleep.
 *
 *   cc foreign_loop.c $(pkg-config --cflags --libs lull) -o foreign_loop
 */
#define _POSIX_C_SOURCE 200809L

#include <lull.h>

#include <lua.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What scripts wait for on descriptors of their own, poll(2) does not see. */
#define LOOK_EVERY_MS 10

static const char script[] = "local line = ...\n"
                             "require('lull').sleep(0.05)\n"
                             "print('script: ' .. line)\n";

static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    (void)rt;
    (void)arg;
    if (outcome->status != LULL_DONE)
        fprintf(stderr, "script: %s\n", outcome->message);
}

/* Pushing a string allocates, and raises when memory is short: so it is done protected. */
static int push_line(lua_State *L)
{
    lua_pushstring(L, lua_touserdata(L, 1));
    return 1;
}

/* A task for each line; it begins in the next step.  False: there is no memory. */
static bool start_script(struct lull_runtime *rt, char *line)
{
    lua_State *L = lull_state(rt);
    if (lull_load(rt, script, strlen(script), "=script") == LULL_DONE) {
        lua_pushcfunction(L, push_line);
        lua_pushlightuserdata(L, line);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK)
            return lull_call(rt, 1, on_outcome, NULL) != NULL;
        lua_pop(L, 1); /* the message */
    }
    lua_pop(L, 1);
    return false;
}

/* What one read brought; a real host would join what was cut in two. */
static void take_lines(struct lull_runtime *rt, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        printf("host: %s\n", line);
        if (!start_script(rt, line))
            fprintf(stderr, "%s: not enough memory\n", line);
    }
}

/* How long poll(2) may sleep: not past what a script waits for. */
static int patience(struct lull_runtime *rt)
{
    if (lull_is_idle(rt))
        return -1;
    double seconds = lull_next_deadline(rt); /* HUGE_VAL: no timer is set */
    return seconds * 1000 < LOOK_EVERY_MS ? (int)(seconds * 1000) + (seconds > 0)
                                          : LOOK_EVERY_MS;
}

static void loop(struct lull_runtime *rt, int input)
{
    struct pollfd watched = {.fd = input, .events = POLLIN};
    while (watched.fd >= 0 || !lull_is_idle(rt)) {
        if (poll(&watched, 1, patience(rt)) > 0) {
            char text[512];
            ssize_t size = read(input, text, sizeof text - 1);
            text[size > 0 ? size : 0] = '\0';
            if (size <= 0)
                watched.fd = -1; /* the end: poll(2) skips it from here on */
            take_lines(rt, text);
        }
        lull_step(rt, 0); /* scripts run in here, and only here */
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    FILE *program = popen("echo one; sleep 0.5; echo two; echo three", "r");
    struct lull_runtime *rt = lull_new(NULL);
    if (program != NULL && rt != NULL)
        loop(rt, fileno(program));
    lull_free(rt, 1);
    return program == NULL || rt == NULL || pclose(program) != 0;
}
