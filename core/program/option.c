/* SPDX-License-Identifier: MIT */
/*
 * option.c -- the options of the program `lull`: what they are called, what is said
 * of them, what they do.
 *
 * The help is printed from the table, and completions and the manual page have to name
 * what it names (tests/spec/program_help_spec.lua).
 */
#include "program/option.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORKERS 1024
#define MAX_COUNT   1000000000

/*
 * What takes an option: `option` as it was written, `value` what belongs to it (NULL:
 * nothing).  False: refused, and why was printed.
 */
typedef bool (*take_fn)(struct command *command, const char *option, const char *value);

struct option {
    const char *name;
    /* "N"; "=PATH": only with the equals sign; "[=PATH]": likewise, or none; NULL: none */
    const char *argument;
    take_fn take;
    const char *about;
};

static bool refuse(const char *option, const char *needs, const char *value)
{
    fprintf(stderr, "lull: %.*s needs %s, not '%s'\n", (int)strcspn(option, "="), option,
            needs, value);
    return false;
}

/* ---- code and scripts ------------------------------------------------------------------- */

static bool take_code(struct command *command, const char *option, const char *value)
{
    (void)value;
    command->has_code |= option[1] == 'e';
    return true;
}

static bool take_letter(struct command *command, const char *option, const char *value)
{
    (void)value;
    command->no_environment |= option[1] == 'E';
    command->interactive |= option[1] == 'i';
    command->version |= option[1] == 'i' || option[1] == 'v';
    return true; /* -W comes when the options are run */
}

/* ---- how it is run ---------------------------------------------------------------------- */

/* A whole number from 1 to `most`; 0: it is none. */
static unsigned long whole_number(const char *value, unsigned long most)
{
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || number > most)
        return 0;
    return number;
}

static bool take_workers(struct command *command, const char *option, const char *value)
{
    command->workers = (unsigned)whole_number(value, MAX_WORKERS);
    return command->workers > 0 || refuse(option, "a number from 1 to 1024", value);
}

static bool take_watch(struct command *command, const char *option, const char *value)
{
    (void)option, (void)value;
    return command->watch = true;
}

static bool take_env_file(struct command *command, const char *option, const char *value)
{
    if (command->env_count == MAX_ENV_FILES) {
        fprintf(stderr, "lull: %s: too many files, at most %d\n", option, MAX_ENV_FILES);
        return false;
    }
    command->env_files[command->env_count++] = value;
    return true;
}

static bool take_profile(struct command *command, const char *option, const char *value)
{
    (void)option;
    command->profile = value != NULL ? value : "lull.folded";
    return true;
}

static bool take_interval(struct command *command, const char *option, const char *value)
{
    char *end = NULL;
    double seconds = strtod(value, &end);
    bool plain = value[strspn(value, "0123456789.")] == '\0' && *end == '\0';
    if (!plain || seconds < 0.0001 || seconds > 1)
        return refuse(option, "seconds from 0.0001 to 1", value);
    command->profile_interval = seconds;
    if (command->profile == NULL)
        command->profile = "lull.folded";
    return true;
}

/* ---- limits ----------------------------------------------------------------------------- */

/* Bytes, also with k, M or G; 0: it is no size. */
static size_t byte_size(const char *value)
{
    static const char units[] = "kKmMgG";
    char *end = NULL;
    unsigned long long number = strtoull(value, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * ((unsigned)(unit - units) / 2 + 1) : 0;
    if (*value < '0' || *value > '9' || end[unit != NULL] != '\0')
        return 0;
    if (number >= SIZE_MAX >> shift) /* what is too large for strtoull, too */
        return 0;
    return (size_t)number << shift;
}

static bool take_memory(struct command *command, const char *option, const char *value)
{
    command->limits.memory_limit = byte_size(value);
    return command->limits.memory_limit > 0 ||
           refuse(option, "a size such as 64M, with k, M, G or in bytes", value);
}

static bool take_cpu(struct command *command, const char *option, const char *value)
{
    char *end = NULL;
    double seconds = strtod(value, &end);
    bool plain = *value != '\0' && value[strspn(value, "0123456789.")] == '\0';
    if (!plain || *end != '\0' || seconds <= 0 || seconds > MAX_COUNT)
        return refuse(option, "a number of seconds", value);
    command->limits.cpu_limit = seconds;
    return true;
}

static bool take_count(struct command *command, const char *option, const char *value)
{
    unsigned count = (unsigned)whole_number(value, MAX_COUNT);
    if (strncmp(option, "--max-tasks", strlen("--max-tasks")) == 0)
        command->limits.max_tasks = count;
    else
        command->limits.max_handles = count;
    return count > 0 || refuse(option, "a number from 1 on", value);
}

/* ---- permissions ------------------------------------------------------------------------ */

/* --sandbox, or --allow-RULE, a rule of lull.h. */
static bool take_permission(struct command *command, const char *option,
                            const char *value)
{
    (void)value;
    command->narrowed = true;
    if (strcmp(option, "--sandbox") == 0)
        return true;
    if (command->rule_count == MAX_RULES) {
        fprintf(stderr, "lull: too many permissions: '%s'\n", option);
        return false;
    }
    command->rules[command->rule_count++] = option + strlen("--allow-");
    return true;
}

/* ---- the table -------------------------------------------------------------------------- */

static const struct option options[] = {
    {"-e", "code", take_code, "run code"},
    {"-i", NULL, take_letter, "go on with the prompt after the script"},
    {"-l", "mod", take_code, "require mod into the global mod; g=mod: into the global g"},
    {"-v", NULL, take_letter, "show version information"},
    {"-E", NULL, take_letter, "ignore environment variables of Lua"},
    {"-W", NULL, take_letter, "turn warnings on"},
    {"--watch", NULL, take_watch, "run it again whenever a file that it loaded changes"},
    {"--workers", "N", take_workers,
     "run it in N processes, which share what they listen on if they\n"
     "say reuse_port; one that fails is started again"},
    {"--env-file", "PATH", take_env_file,
     "set variables of the environment that are not set: NAME=VALUE"},
    {"--max-memory", "SIZE", take_memory, "memory it may use: 64M; k, M, G or bytes"},
    {"--max-cpu", "SECONDS", take_cpu, "time it may compute; then it ends with 152"},
    {"--max-tasks", "N", take_count, "tasks that it may have at a time"},
    {"--max-handles", "N", take_count, "files, sockets and the like, at a time"},
    {"--profile", NULL, take_profile, "like --profile=lull.folded"},
    {"--profile", "=FILE", take_profile,
     "where it spends CPU time: stacks for flame graphs, by task; the\n"
     "hottest functions to stderr"},
    {"--profile-interval", "SEC", take_interval,
     "seconds of CPU time between samples (0.001)"},
    {"--sandbox", NULL, take_permission,
     "allow nothing but to compute and to wait, and what is named so:"},
    {"--allow-read", "=PATH", take_permission, "a file or a folder, to read"},
    {"--allow-write", "=PATH", take_permission, "to write, make and remove"},
    {"--allow-connect", "=HOST:PORT", take_permission,
     "HOST may be *.NAME or *, :PORT may be missing"},
    {"--allow-listen", "=HOST:PORT", take_permission, "likewise"},
    {"--allow-net", "=HOST:PORT", take_permission, "both"},
    {"--allow-env", "=NAME", take_permission, "a variable of the environment; *: all"},
    {"--allow-run", "=NAME", take_permission, "a program; *: all"},
    {"--allow-native", NULL, take_permission, "C modules"},
    {"--allow-threads", NULL, take_permission, "lull.worker"},
    {"--allow-module", "=NAME", take_permission,
     "of lull's modules, only those named so"},
    {"--version", NULL, NULL, "show version information and end"},
    {"--help", NULL, NULL, "show this text and end"},
};

#define COUNT (sizeof options / sizeof options[0])

void lull__print_row(FILE *out, const char *head, const char *about)
{
    fprintf(out, "  %-27s", head);
    for (const char *end; (end = strchr(about, '\n')) != NULL; about = end + 1)
        fprintf(out, "%.*s\n%29s", (int)(end - about), about, "");
    fprintf(out, "%s\n", about);
}

void lull__print_options(FILE *out)
{
    for (size_t i = 0; i < COUNT; i++) {
        const struct option *option = &options[i];
        const char *argument = option->argument != NULL ? option->argument : "";
        const char *between = strchr("[=", *argument) != NULL ? "" /* or no argument */
                              : option->name[1] == '-'        ? "="
                                                              : " ";
        char head[64];
        snprintf(head, sizeof head, "%s%s%s", option->name, between, argument);
        lull__print_row(out, head, option->about);
    }
    lull__print_row(out, "--", "stop handling options");
    lull__print_row(out, "-", "stop handling options and run stdin");
}

/* ---- taking ----------------------------------------------------------------------------- */

/* Is it written so?  A letter that takes something may have it attached. */
static bool is_named(const struct option *option, const char *text)
{
    size_t size = strlen(option->name);
    if (strncmp(text, option->name, size) != 0)
        return false;
    if (text[size] == '\0')
        return true;
    return option->argument != NULL && (size == 2 || text[size] == '=');
}

static int refuse_unknown(const char *text)
{
    char name[64];
    const char *nearest = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    unsigned least =
        text[1] == '-' && text[2] != '\0' ? lull__tolerance(name + 2) + 1 : 0;
    for (size_t i = 0; i < COUNT; i++) {
        unsigned distance = lull__word_distance(name, options[i].name, 2);
        if (distance < least) {
            least = distance;
            nearest = options[i].name;
        }
    }
    fprintf(stderr, "lull: unrecognized option '%s'", text);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?\n", nearest);
    else
        fputs("; 'lull --help' lists the options\n", stderr);
    return 2;
}

/* The value of the option at argv[*i], which may be the next argument; NULL: it is missing. */
static const char *value_of(const struct option *option, const struct command *command,
                            int *i)
{
    const char *value = command->argv[*i] + strlen(option->name);
    if (*value != '\0')
        return option->name[1] == '-' ? value + 1 : value;
    if (*option->argument == '[')
        return "";
    if (*option->argument == '=' || command->argv[*i + 1] == NULL ||
        command->argv[*i + 1][0] == '-')
        return NULL;
    return command->argv[++*i];
}

int lull__take_option(struct command *command, int *i)
{
    const char *text = command->argv[*i];
    const struct option *option = NULL;
    const char *value = NULL;
    for (size_t j = 0; j < COUNT && option == NULL; j++)
        option = is_named(&options[j], text) ? &options[j] : NULL;
    if (option == NULL)
        return refuse_unknown(text);
    if (option->argument != NULL) {
        value = value_of(option, command, i);
        bool optional = *option->argument == '[';
        if (value == NULL || (*value == '\0' && text[1] == '-' && !optional)) {
            fprintf(stderr, "lull: '%s' needs argument %s\n", text,
                    option->argument + (*option->argument == '='));
            return 2;
        }
    }
    return option->take(command, text, value) ? 0 : 2;
}
