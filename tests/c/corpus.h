/* SPDX-License-Identifier: MIT */
/*
 * corpus.h -- the scripts of tests/corpus/hostile, and what their headers say.
 */
#ifndef LULL_TESTS_CORPUS_H
#define LULL_TESTS_CORPUS_H

#include "check.h"

#include <dirent.h>

#define CPU  0.2 /* seconds */
#define MOST 400 /* scripts */
#define TEXT 160 /* of a line of a header */

/* What is not there yet. */
static const char *const missing[] = {NULL};

struct script {
    char name[64];
    char *source;
    size_t size;
    char expect[TEXT];
    char message[TEXT];
    char host[TEXT];
    char needs[TEXT];
    char known[TEXT];
    double within;
    double delay;        /* ms */
    unsigned long calls; /* of the allocator, in a whole run */
};

static inline int header_line(struct script *script, const char *line, size_t length)
{
    char text[256], key[16], value[TEXT];
    snprintf(text, sizeof text, "%.*s", (int)length, line);
    if (strncmp(text, "--", 2) != 0)
        return 0;
    if (sscanf(text, "-- %15[a-z]: %159[^\n]", key, value) != 2)
        return 1;
    struct {
        const char *key;
        char *field;
    } const texts[] = {{"expect", script->expect},
                       {"message", script->message},
                       {"host", script->host},
                       {"needs", script->needs},
                       {"known", script->known}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(key, texts[i].key) == 0)
            memcpy(texts[i].field, value, TEXT);
    if (strcmp(key, "within") == 0)
        script->within = strtod(value, NULL);
    else if (strcmp(key, "delay") == 0)
        script->delay = strtod(value, NULL);
    return 1;
}

static inline void read_script(struct script *script, const char *folder,
                               const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    memset(script, 0, sizeof *script);
    snprintf(script->name, sizeof script->name, "%.*s", (int)strcspn(name, "."), name);
    script->source = malloc(65536);
    CHECK(script->source != NULL);
    script->size = fread(script->source, 1, 65535, file);
    script->source[script->size] = '\0';
    fclose(file);
    script->within = 2 + CPU;
    script->delay = 250;
    for (const char *line = script->source; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (!header_line(script, line, length))
            break;
        line += length + (line[length] == '\n');
    }
    CHECK(script->expect[0] != '\0');
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(((const struct script *)a)->name, ((const struct script *)b)->name);
}

static inline int is_wanted(const char *name, char **names)
{
    size_t length = strlen(name);
    if (length < 5 || strcmp(name + length - 4, ".lua") != 0)
        return 0;
    if (*names == NULL)
        return 1;
    for (; *names != NULL; names++)
        if (strlen(*names) == length - 4 && strncmp(*names, name, length - 4) == 0)
            return 1;
    return 0;
}

static inline int lacks(const struct script *script)
{
    for (const char *const *word = missing; *word != NULL; word++)
        if (strcmp(*word, script->needs) == 0)
            return 1;
    return 0;
}

/* All scripts of the folder, or those named, in order; how many. */
static inline size_t read_scripts(struct script *scripts, const char *folder,
                                  char **names)
{
    size_t count = 0, skipped = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!is_wanted(entry->d_name, names))
            continue;
        CHECK(count < MOST);
        read_script(&scripts[count], folder, entry->d_name);
        if (lacks(&scripts[count]) && *names == NULL) {
            printf("%s: skipped, it needs %s\n", scripts[count].name,
                   scripts[count].needs);
            free(scripts[count].source);
            skipped++;
        } else {
            count++;
        }
    }
    closedir(dir);
    qsort(scripts, count, sizeof *scripts, by_name);
    printf("%zu scripts, %zu skipped\n", count, skipped);
    return count;
}

#endif
