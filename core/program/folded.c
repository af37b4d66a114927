/* SPDX-License-Identifier: MIT */
/*
 * folded.c -- writing the profile, and adding up functions for the summary.
 *
 * A function's own time is what it was innermost for; its total time counts once
 * for each stack that it is in, however often.
 */
#include "program/folded.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOTTEST 10

struct function {
    char *name;
    unsigned long long own;
    unsigned long long total;
    unsigned long long stack; /* the last that counted for `total` */
};

struct folded {
    FILE *file;
    char *path;
    double interval;
    unsigned long long stacks;
    unsigned long long samples;
    struct function *functions; /* open addressing by name */
    size_t capacity;            /* a power of two, or 0 */
    size_t count;
    bool failed; /* the file cannot be written; errno is in `error` */
    int error;
};

/* The name with the number of the worker that this process is, if it is one; owned. */
static char *path_of(const char *path)
{
    const char *worker = getenv("LULL_WORKER");
    size_t size = strlen(path) + (worker != NULL ? strlen(worker) : 0) + 2;
    char *own = malloc(size);
    if (own != NULL)
        snprintf(own, size, "%s%s%s", path, worker != NULL ? "." : "",
                 worker != NULL ? worker : "");
    return own;
}

static void free_folded(struct folded *folded)
{
    for (size_t i = 0; i < folded->capacity; i++)
        free(folded->functions[i].name);
    free(folded->functions);
    free(folded->path);
    free(folded);
}

struct folded *lull__folded_start(struct lull_runtime *rt, const char *path,
                                  double interval)
{
    struct folded *folded = calloc(1, sizeof *folded);
    if (folded == NULL || (folded->path = path_of(path)) == NULL) {
        free(folded);
        fputs("lull: not enough memory\n", stderr);
        return NULL;
    }
    folded->interval = interval > 0 ? interval : 0.001;
    folded->file = fopen(folded->path, "we");
    if (folded->file == NULL) {
        fprintf(stderr, "lull: --profile: %s: %s\n", folded->path, strerror(errno));
        free_folded(folded);
        return NULL;
    }
    int error = lull_profile_start(rt, folded->interval);
    if (error == 0)
        return folded;
    fprintf(stderr, "lull: --profile: %s\n", strerror(error));
    fclose(folded->file);
    free_folded(folded);
    return NULL;
}

/* ---- functions -------------------------------------------------------------------------- */

static struct function *place_of(struct function *functions, size_t capacity,
                                 const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    for (size_t i = hash & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
        struct function *function = &functions[i];
        if (function->name == NULL ||
            (strncmp(function->name, name, size) == 0 && function->name[size] == '\0'))
            return function;
    }
}

static bool make_room(struct folded *folded)
{
    if (folded->count < folded->capacity / 2)
        return true;
    size_t capacity = folded->capacity > 0 ? folded->capacity * 2 : 256;
    struct function *functions = calloc(capacity, sizeof *functions);
    if (functions == NULL)
        return false;
    for (size_t i = 0; i < folded->capacity; i++) {
        const char *name = folded->functions[i].name;
        if (name != NULL)
            *place_of(functions, capacity, name, strlen(name)) = folded->functions[i];
    }
    free(folded->functions);
    folded->functions = functions;
    folded->capacity = capacity;
    return true;
}

/* The entry of a function; NULL: there is no memory. */
static struct function *find_function(struct folded *folded, const char *name,
                                      size_t size)
{
    if (!make_room(folded))
        return NULL;
    struct function *function = place_of(folded->functions, folded->capacity, name, size);
    if (function->name == NULL) {
        function->name = strndup(name, size);
        if (function->name == NULL)
            return NULL;
        folded->count++;
    }
    return function;
}

static void on_stack(void *arg, const char *stack, unsigned long long count)
{
    struct folded *folded = arg;
    folded->stacks++;
    folded->samples += count;
    if (fprintf(folded->file, "%s %llu\n", stack, count) < 0 && !folded->failed) {
        folded->failed = true;
        folded->error = errno;
    }
    const char *name = strchr(stack, ';'); /* the task is no function */
    while (name != NULL) {
        size_t size = strcspn(++name, ";");
        struct function *function = find_function(folded, name, size);
        if (function != NULL && function->stack != folded->stacks) {
            function->stack = folded->stacks;
            function->total += count;
        }
        if (name[size] == '\0') {
            if (function != NULL)
                function->own += count;
            return;
        }
        name += size;
    }
}

static int compare(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->own != y->own)
        return x->own < y->own ? 1 : -1;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return 0;
}

static void print_hottest(struct folded *folded)
{
    if (folded->capacity > 0)
        qsort(folded->functions, folded->capacity, sizeof *folded->functions, compare);
    fprintf(stderr, "%8s %8s  function\n", "self", "total");
    for (size_t i = 0; i < HOTTEST && i < folded->capacity; i++) {
        const struct function *function = &folded->functions[i];
        if (function->own == 0)
            return;
        fprintf(stderr, "%7.1f%% %7.1f%%  %s\n",
                100.0 * (double)function->own / (double)folded->samples,
                100.0 * (double)function->total / (double)folded->samples,
                function->name);
    }
}

void lull__folded_end(struct folded *folded, struct lull_runtime *rt)
{
    if (folded == NULL)
        return;
    lull_profile_stop(rt, on_stack, folded);
    if (fclose(folded->file) != 0 && !folded->failed) {
        folded->failed = true;
        folded->error = errno;
    }
    if (folded->failed)
        fprintf(stderr, "lull: --profile: %s: %s\n", folded->path,
                strerror(folded->error));
    else
        fprintf(stderr, "lull: profile: %.3f s of CPU time, %llu stacks in %s\n",
                (double)folded->samples * folded->interval, folded->stacks, folded->path);
    if (folded->samples > 0)
        print_hottest(folded);
    free_folded(folded);
}
