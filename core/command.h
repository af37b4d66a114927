/* SPDX-License-Identifier: MIT */
/*
 * command.h -- the command line of the program `lull`.
 */
#ifndef LULL_COMMAND_H
#define LULL_COMMAND_H

#include <stdbool.h>

#define MAX_RULES 128

/* What the command line asks for. */
struct command {
    char **argv;
    int argc;
    int script;          /* index of the script's name; 0: none */
    int last_option;     /* options are argv[1] .. argv[last_option] */
    bool interactive;    /* -i */
    bool version;        /* -v */
    bool no_environment; /* -E */
    bool has_code;       /* -e */
    bool narrowed;       /* --sandbox, or --allow-X: only what `rules` name is allowed */
    unsigned rule_count;
    const char *rules[MAX_RULES + 1]; /* as lull_options.permissions */
    unsigned workers;   /* --workers: processes to run it in; 0: this one alone */
    const char *module; /* a subcommand: the module that does it; NULL: none */
    bool unloadable; /* what to run could not be loaded: that is no traceback's matter */
};

/*
 * Read the command line.  0, or what to exit with plus one: help was asked for and printed,
 * or an option was refused and why was printed.
 */
int lull__take_command(struct command *command, int argc, char **argv);

/* Print the line with the versions. */
void lull__print_version(void);

#endif
