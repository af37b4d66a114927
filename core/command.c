/* SPDX-License-Identifier: MIT */
/*
 * command.c -- options and subcommands of the program `lull`.
 *
 * Options come first and are those of `lua5.4` where it has them; the first other
 * argument is a script or a subcommand, and what follows is its own.
 */
#include "command.h"

#include "lull.h"

#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNRECOGNIZED "lull: unrecognized option '%s'\n"
#define MAX_WORKERS  1024

void lull__print_version(void)
{
    printf("lull %s (%s, libevent %s)\n", LULL_VERSION, LUA_RELEASE,
           lull_libevent_version());
}

static void print_usage(FILE *out)
{
    fputs(
        "usage: lull [options] [script [args]]\n"
        "       lull run script [args] | repl | serve [folder] | test [paths]\n"
        "\n"
        "  -e code    run code\n"
        "  -i         go on with the prompt after the script\n"
        "  -l mod     require mod into the global mod\n"
        "  -l g=mod   require mod into the global g\n"
        "  -v         show version information\n"
        "  -E         ignore environment variables\n"
        "  -W         turn warnings on\n"
        "  --         stop handling options\n"
        "  -          stop handling options and run stdin\n"
        "  --workers N  run it in N processes, which share what they listen on if they say\n"
        "             reuse_port; one that fails is started again\n"
        "  --sandbox  allow nothing but to compute and to wait\n"
        "  --allow-read=PATH --allow-write=PATH --allow-net=HOST:PORT --allow-connect=HOST:PORT\n"
        "  --allow-listen=HOST:PORT --allow-env=NAME --allow-run=NAME --allow-native\n"
        "  --allow-threads\n"
        "             allow only what is named so; PATH is a file or a folder, HOST may be\n"
        "             *.NAME or *, :PORT may be missing, NAME may be *.  The script itself is\n"
        "             read in any case; modules beside it need --allow-read, and the\n"
        "             prompt and the tests need everything\n"
        "  --version  show version information and end\n"
        "  --help     show this text and end\n"
        "\n"
        "  run        run a script, whatever its name\n"
        "  repl       the prompt, with await; also without any argument\n"
        "  serve      serve a folder by HTTP; lull serve --help\n"
        "  test       run busted specs, each test a task; lull test --help\n"
        "\n"
        "Exit codes: 0, 1 after an error, 13 after a deadlock, 130 after Ctrl-C,\n"
        "143 after SIGTERM, or what the script gives to os.exit.\n",
        out);
}

/* Complain about an option; `format` has a place for it. */
static int refuse_option(const char *option, const char *format)
{
    fprintf(stderr, format, option);
    print_usage(stderr);
    return 1;
}

/* --workers N or --workers=N at argv[*i]; 0, or what to exit with. */
static int take_workers(struct command *command, int *i)
{
    const char *value = command->argv[*i] + strlen("--workers");
    char *end = NULL;
    if (*value == '=')
        value++;
    else
        value = command->argv[*i + 1] != NULL ? command->argv[++*i] : "";
    unsigned long count = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || count == 0 || count > MAX_WORKERS)
        return refuse_option(value,
                             "lull: --workers needs a number from 1 to 1024, not '%s'\n");
    command->workers = (unsigned)count;
    return 0;
}

/* --sandbox, or --allow-RULE, a rule of lull.h; 0, or what to exit with. */
static int take_permission(struct command *command, const char *option)
{
    command->narrowed = true;
    if (strcmp(option, "--sandbox") == 0)
        return 0;
    if (command->rule_count == MAX_RULES)
        return refuse_option(option, "lull: too many permissions: '%s'\n");
    command->rules[command->rule_count++] = option + strlen("--allow-");
    return 0;
}

/* Take one option at argv[*i]; 0, or what to exit with plus one. */
static int take_option(struct command *command, int *i)
{
    const char *option = command->argv[*i];
    if (strcmp(option, "--version") == 0) {
        lull__print_version();
        return 1;
    }
    if (strcmp(option, "--help") == 0) {
        print_usage(stdout);
        return 1;
    }
    if (strncmp(option, "--workers", 9) == 0 && (option[9] == '\0' || option[9] == '='))
        return take_workers(command, i) + (command->workers == 0);
    if (strcmp(option, "--sandbox") == 0 || strncmp(option, "--allow-", 8) == 0) {
        int refused = take_permission(command, option);
        return refused != 0 ? refused + 1 : 0;
    }
    if (option[1] != 'e' && option[1] != 'l' && option[2] != '\0')
        return refuse_option(option, UNRECOGNIZED) + 1;
    switch (option[1]) {
    case 'E':
        command->no_environment = true;
        return 0;
    case 'W':
        return 0;
    case 'i':
        command->interactive = command->version = true;
        return 0;
    case 'v':
        command->version = true;
        return 0;
    case 'e':
        command->has_code = true;
        break;
    case 'l':
        break;
    default:
        return refuse_option(option, UNRECOGNIZED) + 1;
    }
    if (option[2] == '\0') {
        ++*i;
        if (command->argv[*i] == NULL || command->argv[*i][0] == '-')
            return refuse_option(option, "lull: '%s' needs argument\n") + 1;
    }
    return 0;
}

static void take_subcommand(struct command *command, int first)
{
    static const char *const subcommands[][2] = {{"repl", "lull.repl"},
                                                 {"serve", "lull.serve"},
                                                 {"test", "lull.test"},
                                                 {"run", NULL}};
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (strcmp(command->argv[first], subcommands[i][0]) != 0)
            continue;
        command->module = subcommands[i][1];
        if (command->module == NULL)
            command->script = command->argv[first + 1] != NULL ? first + 1 : 0;
        return;
    }
}

int lull__take_command(struct command *command, int argc, char **argv)
{
    memset(command, 0, sizeof *command);
    command->argc = argc;
    command->argv = argv;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            command->script = i;
            take_subcommand(command, i);
            return 0;
        }
        if (argv[i][1] == '\0') {
            command->script = i;
            return 0;
        }
        if (strcmp(argv[i], "--") == 0) {
            command->script = argv[i + 1] != NULL ? i + 1 : 0;
            return 0;
        }
        int end = take_option(command, &i);
        if (end != 0)
            return end;
        command->last_option = i;
    }
    return 0;
}
