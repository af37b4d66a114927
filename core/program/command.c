/* SPDX-License-Identifier: MIT */
/*
 * command.c -- the command line of the program `lull`.
 *
 * Options come first and are those of `lua5.4` where it has them; the first other
 * argument is a script or a subcommand, and what follows is its own.
 */
#include "program/command.h"

#include "program/option.h"

#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * A subcommand: the function `main` of a module of lull's, which gets the arguments
 * after its name, --help among them.  A new one is a row.
 */
struct subcommand {
    const char *name;
    const char *module; /* NULL: it is done here */
    const char *usage;  /* what follows the name */
    const char *about;
};

static const struct subcommand subcommands[] = {
    {"bundle", "lull.bundle.command", "script -o program",
     "one program out of a script and its modules"},
    {"check", "lull.lint", "[paths]", "look for mistakes in scripts"},
    {"doc", "lull.doc.command", "[name]", "show what the reference says about a name"},
    {"run", NULL, "script [args]", "run a script, whatever its name"},
    {"repl", "lull.repl", "[--connect=PATH]",
     "the prompt, with await; also without any argument"},
    {"serve", "lull.serve", "[folder]", "serve a folder by HTTP"},
    {"ps", "lull.programs.ps", "", "show the lull programs that run"},
    {"test", "lull.test", "[paths]", "run busted specs, each test a task"},
    {"tree", "lull.programs.tree", "[PID]", "show the tasks of a program that runs"},
    {"help", NULL, "[command]", "show how a command is used"},
};

#define COUNT (sizeof subcommands / sizeof subcommands[0])

void lull__print_version(void)
{
    printf("lull %s (%s, libevent %s)\n", LULL_VERSION, LUA_RELEASE,
           lull_libevent_version());
}

static void print_help(void)
{
    puts("usage: lull [options] [script [args]]\n"
         "       lull [options] command [args]    (lull help command)\n\n"
         "Options:");
    lull__print_options(stdout);
    puts("\nCommands:");
    for (size_t i = 0; i < COUNT; i++) {
        char head[64];
        snprintf(head, sizeof head, "%s %s", subcommands[i].name, subcommands[i].usage);
        lull__print_row(stdout, head, subcommands[i].about);
    }
    puts(
        "\nExit codes: 0, 1 after an error, 13 after a deadlock, 130 after Ctrl-C, 143 after\n"
        "SIGTERM, 129 after SIGHUP, 152 when the time to compute was over, or what the script\n"
        "gives to os.exit.");
}

/* ---- subcommands ------------------------------------------------------------------------ */

static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    }
    return NULL;
}

const char *lull__nearest_subcommand(const char *name)
{
    const char *nearest = NULL;
    unsigned least = lull__tolerance(name) + 1;
    for (size_t i = 0; i < COUNT; i++) {
        unsigned distance = lull__word_distance(name, subcommands[i].name, 2);
        if (distance < least) {
            least = distance;
            nearest = subcommands[i].name;
        }
    }
    return nearest;
}

/* Has its module a text of its own for --help? */
static bool has_help(const struct subcommand *subcommand)
{
    return subcommand->module != NULL;
}

static int show_usage(const struct subcommand *subcommand)
{
    printf("usage: lull [options] %s%s%s\n\n%c%s.  'lull --help' lists the options.\n",
           subcommand->name, *subcommand->usage != '\0' ? " " : "", subcommand->usage,
           subcommand->about[0] & ~0x20, subcommand->about + 1);
    return 1;
}

/* `lull run script`: whatever the script is called. */
static int take_run(struct command *command, int first)
{
    const char *script = command->argv[first + 1];
    if (script == NULL) {
        fputs("lull: 'run' needs a script\n", stderr);
        return 2;
    }
    command->script = first + 1;
    return 0;
}

/* `lull help serve` is `lull serve --help`. */
static int take_help(struct command *command, int first)
{
    static char help[] = "--help";
    const char *name = command->argv[first + 1];
    if (name == NULL || name[0] == '-') {
        print_help();
        return 1;
    }
    const struct subcommand *about = find_subcommand(name);
    if (about == NULL) {
        const char *nearest = lull__nearest_subcommand(name);
        fprintf(stderr, "lull: there is no command '%s'%s%s%s\n", name,
                nearest != NULL ? "; did you mean '" : "; 'lull --help' lists them",
                nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
        return 2;
    }
    if (!has_help(about))
        return show_usage(about);
    command->module = about->module;
    command->argv[first] = command->argv[first + 1]; /* as if it were written so */
    command->argv[first + 1] = help;
    command->argc = first + 2;
    return 0;
}

/* The first argument that is no option; 0, or what to exit with plus one. */
static int take_first(struct command *command, int first)
{
    const struct subcommand *subcommand = find_subcommand(command->argv[first]);
    command->script = first;
    command->is_named = subcommand == NULL;
    if (subcommand == NULL)
        return 0;
    command->module = subcommand->module;
    const char *next = command->argv[first + 1];
    if (next != NULL && strcmp(next, "--help") == 0 && !has_help(subcommand))
        return show_usage(subcommand);
    if (strcmp(subcommand->name, "run") == 0)
        return take_run(command, first);
    if (strcmp(subcommand->name, "help") == 0)
        return take_help(command, first);
    return 0;
}

/* ---- the command line ------------------------------------------------------------------- */

/* The options up to what is to be run, and that. */
static int take_all(struct command *command)
{
    char **argv = command->argv;
    for (int i = 1; i < command->argc; i++) {
        if (argv[i][0] != '-')
            return take_first(command, i);
        if (argv[i][1] == '\0') {
            command->script = i;
            return 0;
        }
        if (strcmp(argv[i], "--") == 0) {
            command->script = argv[i + 1] != NULL ? i + 1 : 0;
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            lull__print_version();
            return 1;
        }
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return 1;
        }
        int end = lull__take_option(command, &i);
        if (end != 0)
            return end;
        command->last_option = i;
    }
    return 0;
}

bool lull__wants_prompt(const struct command *command)
{
    if (command->interactive)
        return true;
    if (command->module != NULL)
        return strcmp(command->module, "lull.repl") == 0;
    return command->script == 0 && !command->has_code && !command->version &&
           command->bundle == NULL && isatty(STDIN_FILENO);
}

/* Who types at the prompt may do everything: there is none with less. */
static int check_prompt(const struct command *command)
{
    for (unsigned i = 0; i < command->rule_count; i++) {
        if (strcmp(command->rules[i], "all") == 0)
            return 0;
    }
    fputs("lull: --sandbox and --allow-... need a script: the prompt may do everything\n",
          stderr);
    return 2;
}

/* What is run more than once must be there each time, and come to an end. */
static int check_repeated(const struct command *command, const char *option)
{
    const char *script = command->script != 0 ? command->argv[command->script] : NULL;
    if (script == NULL && !command->has_code && !command->interactive)
        fprintf(stderr, "lull: %s needs a script\n", option);
    else if (script != NULL && strcmp(script, "-") == 0)
        fprintf(stderr, "lull: %s cannot read the script from stdin\n", option);
    else if (lull__wants_prompt(command))
        fprintf(stderr, "lull: %s and the prompt exclude each other\n", option);
    else
        return 0;
    return 2;
}

int lull__take_command(struct command *command, int argc, char **argv)
{
    memset(command, 0, sizeof *command);
    command->argc = argc;
    command->argv = argv;
    command->limits.size = sizeof command->limits;
    command->watcher = -1;
    int end = take_all(command);
    if (end == 0 && command->watch)
        end = check_repeated(command, "--watch");
    if (end == 0 && command->workers > 0)
        end = check_repeated(command, "--workers");
    if (end == 0 && command->narrowed && lull__wants_prompt(command))
        end = check_prompt(command);
    return end;
}
