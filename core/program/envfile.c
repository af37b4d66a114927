/* SPDX-License-Identifier: MIT */
/*
 * envfile.c -- reading variables of the environment from a file, and setting them.
 *
 * The text is parsed where it stands: names and values end in zero bytes put into it.
 * It is read twice, first to find mistakes, so that a wrong file sets nothing.
 */
#include "program/envfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST ((size_t)1024 * 1024) /* bytes */

/* What is still to be read. */
struct text {
    char *at;
    unsigned line;
};

#define BLANKS " \t\r"

static bool is_name(char byte, bool first)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (!first && byte >= '0' && byte <= '9');
}

static void skip_blanks(struct text *text)
{
    text->at += strspn(text->at, BLANKS);
}

/* To the start of the next line. */
static void skip_line(struct text *text)
{
    text->at += strcspn(text->at, "\n");
    if (*text->at != '\0') {
        text->at++;
        text->line++;
    }
}

/* ---- values ------------------------------------------------------------------------------ */

/* The byte that a backslash and this one stand for; 0: themselves. */
static char unescape(char byte)
{
    switch (byte) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '\\':
    case '"':
    case '$':
        return byte;
    default:
        return '\0';
    }
}

/* A value in quotes, up to the next one; NULL or what is wrong. */
static const char *take_quoted(struct text *text, char **value)
{
    const unsigned first = text->line;
    char quote = *text->at++;
    char *end = *value = text->at;
    for (; *text->at != quote; text->at++) {
        char byte = *text->at;
        if (byte == '\0') {
            text->line = first;
            return quote == '"' ? "no \" ends the value" : "no ' ends the value";
        }
        text->line += byte == '\n';
        if (byte == '\\' && quote == '"' && unescape(text->at[1]) != '\0')
            byte = unescape(*++text->at);
        *end++ = byte;
    }
    text->at++;
    skip_blanks(text);
    if (*text->at != '\0' && *text->at != '\n' && *text->at != '#')
        return "something follows the quotes";
    *end = '\0'; /* the quote, or before it */
    return NULL;
}

/* A value without quotes, up to the end of the line or a comment. */
static void take_plain(struct text *text, char **value)
{
    char *start = *value = text->at;
    char *end = start + strcspn(start, "\n");
    text->at = end;
    for (char *mark = start; (mark = memchr(mark, '#', (size_t)(end - mark))) != NULL;
         mark++) {
        if (mark == start || strchr(BLANKS, mark[-1]) != NULL) {
            end = mark;
            break;
        }
    }
    while (end > start && strchr(BLANKS, end[-1]) != NULL)
        end--;
    if (*text->at == '\n') { /* the end of the value may be the end of the line */
        text->at++;
        text->line++;
    }
    *end = '\0';
}

/* ---- lines -------------------------------------------------------------------------------- */

/* The next variable; *name NULL: there is none.  NULL, or what is wrong. */
static const char *take_variable(struct text *text, char **name, char **value)
{
    *name = NULL;
    for (;; skip_line(text)) {
        skip_blanks(text);
        if (*text->at == '\0')
            return NULL;
        if (*text->at != '\n' && *text->at != '#')
            break;
    }
    if (strncmp(text->at, "export", 6) == 0 && strchr(BLANKS, text->at[6]) != NULL &&
        text->at[6] != '\0') {
        text->at += 6;
        skip_blanks(text);
    }
    char *start = text->at;
    while (is_name(*text->at, text->at == start))
        text->at++;
    char *end = text->at;
    skip_blanks(text);
    if (end == start || *text->at != '=')
        return "NAME=VALUE expected";
    text->at++;
    *end = '\0';
    skip_blanks(text);
    if (*text->at == '"' || *text->at == '\'') {
        const char *fault = take_quoted(text, value);
        if (fault != NULL)
            return fault;
        skip_line(text);
    } else {
        take_plain(text, value);
    }
    *name = start;
    return NULL;
}

/* Go through the text, which is spoilt; false: it has a mistake, which was printed. */
static bool take_all(char *start, const char *path, bool set)
{
    struct text text = {start, 1};
    char *name, *value;
    for (;;) {
        const char *fault = take_variable(&text, &name, &value);
        if (fault != NULL) {
            fprintf(stderr, "lull: %s:%u: %s\n", path, text.line, fault);
            return false;
        }
        if (name == NULL)
            return true;
        if (set && setenv(name, value, 0) != 0) {
            perror("lull: --env-file");
            return false;
        }
    }
}

/* ---- files -------------------------------------------------------------------------------- */

/* Read up to `size` bytes, and say how many, or -1. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t count = read(fd, bytes + have, size - have);
        if (count == 0)
            break;
        if (count < 0 && errno != EINTR)
            return -1;
        have += count > 0 ? (size_t)count : 0;
    }
    return (ssize_t)have;
}

/* Both rounds, over a text of `size` bytes with room for two. */
static bool take_both(char *text, size_t size, const char *path)
{
    char *copy = text + size + 1;
    text[size] = '\0';
    if (memchr(text, '\0', size) != NULL) {
        fprintf(stderr, "lull: %s: it has a zero byte\n", path);
        return false;
    }
    memcpy(copy, text, size + 1);
    return take_all(copy, path, false) && take_all(text, path, true);
}

bool lull__load_environment(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = malloc(2 * (MOST + 2));
    ssize_t size = fd >= 0 && text != NULL ? read_all(fd, text, MOST + 1) : -1;
    bool good = false;
    if (size < 0)
        fprintf(stderr, "lull: cannot read %s: %s\n", path, strerror(errno));
    else if ((size_t)size > MOST)
        fprintf(stderr, "lull: %s: larger than 1 MiB\n", path);
    else
        good = take_both(text, (size_t)size, path);
    if (fd >= 0)
        close(fd);
    free(text);
    return good;
}
