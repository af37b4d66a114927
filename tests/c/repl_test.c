/* SPDX-License-Identifier: MIT */
/*
 * repl_test.c -- the prompt on a dumb terminal: prompts, Ctrl-C, Ctrl-D, and what
 * runs in the background while it waits; and on any when keys come in a storm.
 *
 * Each test starts the program under a pty, types, and waits for output with a
 * deadline.  It types only after a prompt, and sends Ctrl-C only after the line
 * has said that it runs; so nothing here depends on time.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 20 /* seconds until output is missed */
#define CTRL_C   "\003"
#define CTRL_D   "\004"

struct terminal {
    pid_t pid;
    int fd;        /* our side of the pty */
    size_t length; /* of what the program has shown */
    size_t seen;   /* how much of it was expected */
    char shown[65536];
};

static const char *program(void)
{
    static char path[4096];
    const char *build = getenv("LULL_BUILD");
    snprintf(path, sizeof path, "%s/lull", build != NULL ? build : "build");
    return path;
}

static void give_up(struct terminal *terminal, const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n---- the terminal:\n%.*s\n---- of which new:\n%.*s\n", what,
            text, (int)terminal->length, terminal->shown,
            (int)(terminal->length - terminal->seen), terminal->shown + terminal->seen);
    kill(terminal->pid, SIGKILL);
    exit(1);
}

/* Start the program with up to three arguments, NULL where there is none. */
static void start_program(struct terminal *terminal, const char *a, const char *b,
                          const char *c)
{
    memset(terminal, 0, sizeof *terminal);
    terminal->pid = forkpty(&terminal->fd, NULL, NULL, NULL);
    CHECK(terminal->pid >= 0);
    if (terminal->pid == 0) {
        alarm(10 * PATIENCE);
        execl(program(), "lull", a, b, c, (char *)NULL);
        perror(program());
        _exit(127);
    }
}

/* Read more of what is shown; 0 at the end. */
static int read_more(struct terminal *terminal)
{
    struct pollfd item = {.fd = terminal->fd, .events = POLLIN};
    size_t room = sizeof terminal->shown - terminal->length - 1;
    if (poll(&item, 1, PATIENCE * 1000) <= 0)
        give_up(terminal, "nothing more is shown", "");
    ssize_t count = read(terminal->fd, terminal->shown + terminal->length, room);
    if (count <= 0)
        return 0;
    terminal->length += (size_t)count;
    terminal->shown[terminal->length] = '\0';
    return 1;
}

/* Wait until `text` is shown after all that was expected before. */
static void expect(struct terminal *terminal, const char *text)
{
    time_t until = time(NULL) + PATIENCE;
    const char *found;
    while ((found = strstr(terminal->shown + terminal->seen, text)) == NULL) {
        if (time(NULL) > until || !read_more(terminal))
            give_up(terminal, "not shown", text);
    }
    terminal->seen = (size_t)(found - terminal->shown) + strlen(text);
}

static void type(struct terminal *terminal, const char *text)
{
    CHECK(write(terminal->fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Type a line at the prompt and wait for all that it shows, up to the next prompt. */
static void answer(struct terminal *terminal, const char *line, const char *shown)
{
    char expected[1024];
    type(terminal, line);
    type(terminal, "\n");
    snprintf(expected, sizeof expected, "%s\r\n%s> ", line, shown);
    expect(terminal, expected);
}

/* Type a line that shows "running", and press Ctrl-C then. */
static void interrupt(struct terminal *terminal, const char *line)
{
    type(terminal, "print 'running' ");
    type(terminal, line);
    type(terminal, "\n");
    expect(terminal, "\r\nrunning\r\n");
    type(terminal, CTRL_C);
    expect(terminal, "^C\r\ninterrupted\r\n> ");
}

/* Wait for the end of the program. */
static void expect_exit(struct terminal *terminal, int code)
{
    int status;
    while (read_more(terminal))
        continue;
    CHECK(waitpid(terminal->pid, &status, 0) == terminal->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        fprintf(stderr, "status %x, expected exit %d\n", (unsigned)status, code);
        give_up(terminal, "wrong end", "");
    }
    close(terminal->fd);
}

static void finish(struct terminal *terminal)
{
    answer(terminal, "1 + 1", "2\r\n");
    type(terminal, CTRL_D);
    expect_exit(terminal, 0);
}

/* ---- the tests -------------------------------------------------------------------- */

static void greets_and_prompts(void)
{
    struct terminal terminal;
    start_program(&terminal, NULL, NULL, NULL);
    expect(&terminal, "lull " LULL_VERSION);
    expect(&terminal, "\r\n> ");
    CHECK(strstr(terminal.shown, "lull ") == terminal.shown);
    type(&terminal, "function twice(x)\n");
    expect(&terminal, "\r\n. ");
    type(&terminal, "return 2 * x end\n");
    expect(&terminal, "\r\n> ");
    answer(&terminal, "twice(21)", "42\r\n");
    answer(&terminal, "_PROMPT, _PROMPT2 = '1> ', '2> '", "1");
    type(&terminal, "twice(\n");
    expect(&terminal, "\r\n2> ");
    type(&terminal, "4)\n");
    expect(&terminal, "\r\n8\r\n1> ");
    type(&terminal, CTRL_D);
    expect(&terminal, "\r\n");
    expect_exit(&terminal, 0);
}

static void goes_on_after_a_script(void)
{
    struct terminal terminal;
    start_program(&terminal, "-i", "-e", "x = 3");
    expect(&terminal, "lull ");
    expect(&terminal, "> ");
    CHECK(strstr(strstr(terminal.shown, "lull ") + 1, "lull ") ==
          NULL); /* one greeting */
    answer(&terminal, "x", "3\r\n");
    finish(&terminal);
}

static void interrupts_the_line(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    answer(&terminal, "local n = 1", "");
    interrupt(&terminal, "lull.sleep(1000)");
    interrupt(&terminal, "while true do end");
    interrupt(&terminal, "while true do pcall(error) end");
    interrupt(&terminal, "coroutine.wrap(function() while true do end end)()");
    interrupt(&terminal,
              "lull.gather(lull.sleep_forever, function() lull.sleep(1000) end)");
    interrupt(&terminal, "lull.sleep_forever()"); /* no deadlock */
    interrupt(&terminal, "pcall(lull.sleep_forever) lull.sleep_forever()");
    interrupt(&terminal,
              "return setmetatable({}, {__tostring = function() while true do end end})");
    interrupt(&terminal,
              "error(setmetatable({}, {__tostring = function() while true do end end}))");
    answer(&terminal, "n", "1\r\n");
    finish(&terminal);
}

/* The line cleans up, and what it had declared stays. */
static void leaves_an_interrupted_line(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    type(&terminal,
         "local n = 5 local _ <close> = lull.finally(function() lull.sleep(0) n = 6 end) "
         "print 'running' lull.sleep(1000)\n");
    expect(&terminal, "\r\nrunning\r\n");
    type(&terminal, CTRL_C);
    expect(&terminal, "^C\r\ninterrupted\r\n> ");
    answer(&terminal, "n", "6\r\n");
    finish(&terminal);
}

static void clears_the_line(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    type(&terminal, "print 'never'");
    expect(&terminal, "print 'never'");
    type(&terminal, CTRL_C);
    expect(&terminal, "^C\r\n> ");
    type(&terminal, CTRL_C);
    expect(&terminal, "^C\r\n> ");
    type(&terminal, "if true then\n");
    expect(&terminal, "\r\n. ");
    type(&terminal, CTRL_C);
    expect(&terminal, "^C\r\n> ");
    finish(&terminal);
    CHECK(strstr(terminal.shown, "\r\nnever") == NULL);
}

static void goes_on_in_the_background(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    answer(&terminal,
           "beats = 0; beat = lull.every(0.001, function() beats = beats + 1 end)", "");
    answer(&terminal, "go = lull.future()", "");
    type(&terminal, "t = lull.spawn(function() go:await() print 'from behind' end)\n");
    expect(&terminal, "\r\n> ");
    answer(&terminal, "go:set()", "from behind\r\n");
    answer(&terminal, "idle = require 'lull.testing'.settle -- until all wait", "");
    type(&terminal,
         "lull.after(0, function() idle() print 'unasked' end) return 'typed'\n");
    expect(&terminal, "\r\n\"typed\"\r\n> ");
    expect(&terminal, "unasked\r\n");
    type(&terminal,
         "lull.after(0, function() idle() error 'background' end) return 'typed'\n");
    expect(&terminal, "\r\n\"typed\"\r\n> ");
    expect(&terminal, "stdin:1: background");
    expect(&terminal, "stack traceback:\r\n");
    type(&terminal, CTRL_C);
    expect(&terminal, "^C\r\n> ");
    interrupt(&terminal, "lull.sleep_forever()");
    answer(&terminal,
           "local before = beats repeat lull.sleep(0.001) until beats > before", "");
    answer(&terminal, "beat:status()", "\"pending\"\r\n");
    finish(&terminal);
}

static void shares_stdin_with_the_line(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    type(&terminal, "print 'running' x = io.read()\n");
    expect(&terminal, "\r\nrunning\r\n");
    type(&terminal, "typed\n");
    expect(&terminal, "\r\n> ");
    answer(&terminal, "x", "\"typed\"\r\n");
    interrupt(&terminal, "io.read()");
    finish(&terminal);
}

/* Wait at most so long for `text` among what is shown meanwhile; forget the rest.
   1: it was shown; 0: not; -1: nothing more will be. */
static int look_for(struct terminal *terminal, const char *text, int milliseconds)
{
    struct pollfd item = {.fd = terminal->fd, .events = POLLIN};
    while (poll(&item, 1, milliseconds) > 0) {
        if (!read_more(terminal))
            return -1;
        if (strstr(terminal->shown, text) != NULL)
            return 1;
        if (terminal->length > sizeof terminal->shown / 2)
            terminal->length = 0;
    }
    return 0;
}

/* Type as much as the pty takes now: in a storm it may take nothing for ever. */
static void try_type(struct terminal *terminal, const char *text)
{
    ssize_t count = write(terminal->fd, text, strlen(text));
    CHECK(count >= 0 || errno == EAGAIN);
}

/* Interrupt until a line is answered: the last Ctrl-C may still hit what is typed after it.
   Then all that was typed before has been read. */
static int comes_back(struct terminal *terminal, int round)
{
    char line[64], answer[64];
    int found = 0;
    snprintf(line, sizeof line, CTRL_C "'al' .. 'ive in %d'\n", round);
    snprintf(answer, sizeof answer, "alive in %d", round);
    terminal->length = 0;
    for (int i = 1; i < PATIENCE && found == 0; i++) {
        try_type(terminal, line);
        found = look_for(terminal, answer, 200 * i); /* it may be slow */
    }
    return found;
}

/* Ctrl-C at any moment ends a line or gives a new one, and never the program. */
static void survives_a_storm(const char *name)
{
    static const char *const lines[] = {
        "lull.sleep(0.001)\n",
        "while true do end\n",
        "while true do coroutine.wrap(function() for i = 1, 9 do end end)() end\n",
        "error 'x'\n",
        "lull.spawn(lull.sleep, 0.001)\n",
        "if x then\n",
        "setmetatable({}, {__tostring = function() while true do end end})\n",
        "error(setmetatable({}, {__tostring = function() while true do end end}))\n",
    };
    unsigned random = 1;
    int found = 0;
    struct terminal terminal;
    setenv("TERM", name, 1);
    start_program(&terminal, "repl", NULL, NULL);
    setenv("TERM", "dumb", 1);
    expect(&terminal, "> ");
    fcntl(terminal.fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 1000; i++) {
        random = random * 1103515245u + 12345u;
        try_type(&terminal, lines[random / 65536 % (sizeof lines / sizeof lines[0])]);
        for (unsigned j = random / 1048576 % 4; j > 0; j--)
            try_type(&terminal, CTRL_C);
        /* With 4096 bytes ahead of it Ctrl-C would not be looked at. */
        found = i % 40 == 39 ? comes_back(&terminal, i) : look_for(&terminal, "never", 0);
        if (found < 0)
            give_up(&terminal, "it has ended", name);
    }
    if (found <= 0)
        give_up(&terminal, "it answers no more", name);
    for (int i = 0; i < PATIENCE && found >= 0; i++) {
        try_type(&terminal, CTRL_D);
        found = look_for(&terminal, "never", 1000);
    }
    expect_exit(&terminal, 0);
}

static void exits_when_told(void)
{
    struct terminal terminal;
    start_program(&terminal, "repl", NULL, NULL);
    expect(&terminal, "> ");
    type(&terminal,
         "local _ <close> = lull.finally(function() print 'closed' end) os.exit(7)\n");
    expect(&terminal, "\r\nclosed\r\n");
    expect_exit(&terminal, 7);
}

int main(void)
{
    setenv("TERM", "dumb", 1); /* lines are shown as they are typed */
    setenv("LULL_HISTORY", "", 1);
    setenv("LULL_REPL", "", 1);
    greets_and_prompts();
    goes_on_after_a_script();
    interrupts_the_line();
    leaves_an_interrupted_line();
    clears_the_line();
    goes_on_in_the_background();
    shares_stdin_with_the_line();
    survives_a_storm("dumb");
    survives_a_storm("xterm");
    exits_when_told();
    puts("the prompt: ok");
    return 0;
}
