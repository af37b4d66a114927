/* SPDX-License-Identifier: MIT */
/*
 * embed_minimal.c -- the smallest host: create, run a string, free.
 *
 *   cc embed_minimal.c $(pkg-config --cflags --libs lull) -o embed_minimal
 */
#include <lull.h>

#include <lua.h>
#include <stdio.h>
#include <string.h>

/* Called once, when the task has ended; what it is given is borrowed. */
static void on_outcome(struct lull_runtime *rt, const struct lull_outcome *outcome,
                       void *arg)
{
    int *failed = arg;
    (void)rt;
    *failed = outcome->status != LULL_DONE;
    if (*failed)
        fprintf(stderr, "script: %s\n", outcome->message);
}

int main(void)
{
    static const char script[] =
        "local lull = require 'lull'\n"
        "local function greet(name, seconds)\n"
        "  lull.sleep(seconds)\n"
        "  print('hello from ' .. name)\n"
        "end\n"
        "lull.gather(function() greet('one', 0.02) end, function() greet('two', 0.01) end)\n";
    int failed = 1;
    /* No options: the script may compute, wait and print.  For more, name permissions. */
    struct lull_runtime *rt = lull_new(NULL);
    if (rt == NULL)
        return 1;
    if (lull_load(rt, script, strlen(script), "=script") == LULL_DONE)
        lull_call(rt, 0, on_outcome, &failed); /* starts it: nothing has run yet */
    else
        fprintf(stderr, "script: %s\n", lua_tostring(lull_state(rt), -1));
    lull_run(rt); /* until no task is left */
    lull_free(rt, 1);
    return failed;
}
