/* SPDX-License-Identifier: MIT */
/*
 * command.h -- the command line of the program `lull`.
 */
#ifndef LULL_COMMAND_H
#define LULL_COMMAND_H

#include "lull.h"

#include <stdbool.h>

#define MAX_RULES     128
#define MAX_ENV_FILES 16

/* What the command line asks for. */
struct command {
    char **argv;
    int argc;
    int script;          /* index of the script's or subcommand's name; 0: none */
    int last_option;     /* options are argv[1] .. argv[last_option] */
    bool interactive;    /* -i */
    bool version;        /* -v */
    bool no_environment; /* -E */
    bool has_code;       /* -e */
    bool watch;          /* --watch: run it again whenever a file of its changes */
    bool narrowed;       /* --sandbox, or --allow-X: only what `rules` name is allowed */
    unsigned rule_count;
    const char *rules[MAX_RULES + 1]; /* as lull_options.permissions */
    unsigned env_count;
    const char *env_files[MAX_ENV_FILES]; /* --env-file */
    unsigned workers;           /* --workers: processes to run it in; 0: this one alone */
    struct lull_options limits; /* --max-X; else all zero */
    const char *module;         /* a subcommand: the module that does it; NULL: none */
    const char *profile;        /* --profile: the file; NULL: no profile */
    double profile_interval;    /* seconds; 0: the default */
    struct bundle *bundle; /* the program has its script in itself; NULL: it has none */
    int watcher;           /* where to tell what is loaded, see loads.h; -1: nobody */
    bool
        is_named; /* run as a script by its name alone: it may be a misspelt subcommand */
    bool unloadable; /* what to run could not be loaded: that is no traceback's matter */
};

/*
 * Read the command line.  0, or what to exit with plus one: help was asked for and printed,
 * or something was refused and why was printed.
 */
int lull__take_command(struct command *command, int argc, char **argv);

/* Is the prompt what runs, or what comes last? */
bool lull__wants_prompt(const struct command *command);

/* The name of the subcommand that `name` is a misspelling of, or NULL. */
const char *lull__nearest_subcommand(const char *name);

/* Print the line with the versions. */
void lull__print_version(void);

#endif
