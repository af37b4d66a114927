/* SPDX-License-Identifier: MIT */
/*
 * complain.c -- errors as the program shows them.
 *
 * All is done on the text, as it is printed where there is no terminal: the first place
 * of the form FILE:LINE: whose file can be read is where the error came from.
 */
#include "program/complain.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RED   "\033[1;31m"
#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

#define PREFIX    "lull: "
#define TRACEBACK "\nstack traceback:"
#define LONGEST   400 /* bytes of a line of source that are shown */

static bool takes_colors(void)
{
    const char *forced = getenv("FORCE_COLOR");
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (forced != NULL)
        return strcmp(forced, "0") != 0 && strcmp(forced, "false") != 0;
    if (refused != NULL && *refused != '\0')
        return false;
    return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

/* ---- the line of the source ------------------------------------------------------------- */

static FILE *open_source(const char *path)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *file = NULL;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        file = fdopen(fd, "r");
    if (file == NULL && fd >= 0)
        close(fd);
    return file;
}

static void print_source(const char *text, unsigned long number)
{
    fprintf(stderr, DIM "%5lu |" PLAIN " ", number);
    for (; *text != '\0'; text++)
        putc((unsigned char)*text < ' ' && *text != '\t' ? '?' : *text, stderr);
    putc('\n', stderr);
}

/* Show a line of a file; false: it cannot be read, or has not so many. */
static bool show_line(const char *path, unsigned long number)
{
    FILE *file = open_source(path);
    char text[LONGEST];
    unsigned long line = 1;
    bool found = false, whole = true;
    if (file == NULL)
        return false;
    while (!found && fgets(text, sizeof text, file) != NULL) {
        found = line == number && whole;
        whole = strchr(text, '\n') != NULL;
        line += whole;
    }
    fclose(file);
    if (found) {
        text[strcspn(text, "\r\n")] = '\0';
        print_source(text, number);
    }
    return found;
}

/* Show the line that a text of the form FILE:LINE: begins with, from `start` to `colon`. */
static bool show_place(const char *start, const char *colon)
{
    char path[PATH_MAX];
    char *end;
    unsigned long number = strtoul(colon + 1, &end, 10);
    size_t size = (size_t)(colon - start);
    if (end == colon + 1 || *end != ':' || number == 0 || size == 0 ||
        size >= sizeof path)
        return false;
    memcpy(path, start, size);
    path[size] = '\0';
    return show_line(path, number);
}

/* Show the line of the first place in a text that there is. */
static void show_source(const char *text)
{
    static const char lost[] = PREFIX "error nobody received: ";
    if (strncmp(text, lost, sizeof lost - 1) == 0)
        text += sizeof lost - 1;
    else if (strncmp(text, PREFIX, sizeof PREFIX - 1) == 0)
        text += sizeof PREFIX - 1;
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text != '\0') {
        text += strspn(text, "\t");
        size_t size = strcspn(text, "\n");
        for (const char *at = text; (at = memchr(at, ':', size - (size_t)(at - text)));
             at++) {
            if (show_place(text, at))
                return;
        }
    }
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void print_message(const char *text, size_t size)
{
    size_t line = strcspn(text, "\n");
    line = line < size ? line : size;
    if (strncmp(text, PREFIX, sizeof PREFIX - 1) == 0 && line >= sizeof PREFIX - 1) {
        fputs(RED PREFIX PLAIN, stderr);
        text += sizeof PREFIX - 1;
        size -= sizeof PREFIX - 1;
        line -= sizeof PREFIX - 1;
    }
    fprintf(stderr, BOLD "%.*s" PLAIN "%.*s\n", (int)line, text, (int)(size - line),
            text + line);
}

/* A line of a traceback: is it of the script's? */
static bool is_scripts(const char *line)
{
    return line[0] == '\t' && strncmp(line, "\t[C]", 4) != 0 &&
           strncmp(line, "\t[lull", 6) != 0 && strncmp(line, "\t...", 4) != 0 &&
           strncmp(line, "\tlull:", 6) != 0;
}

static void print_traceback(const char *text)
{
    while (*text != '\0') {
        int size = (int)strcspn(text, "\n");
        const char *style = is_scripts(text) ? "" : DIM;
        if (strncmp(text, PREFIX, sizeof PREFIX - 1) == 0) /* another error */
            style = BOLD;
        fprintf(stderr, "%s%.*s%s\n", style, size, text, *style != '\0' ? PLAIN : "");
        text += size;
        text += *text != '\0';
    }
}

void lull__complain(const char *text, bool with_source)
{
    const char *traceback = strstr(text, TRACEBACK);
    if (!takes_colors()) {
        fprintf(stderr, "%s\n", text);
    } else {
        print_message(text,
                      traceback != NULL ? (size_t)(traceback - text) : strlen(text));
        if (with_source)
            show_source(text);
        print_traceback(traceback != NULL ? traceback + 1 : "");
    }
    fflush(stderr);
}
