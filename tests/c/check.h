/* SPDX-License-Identifier: MIT */
/*
 * check.h -- the little that the C tests share: a check that names its place,
 * an allocator that counts and fails at will, and a runtime for a script.
 */
#ifndef LULL_TESTS_CHECK_H
#define LULL_TESTS_CHECK_H

#include "lull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

/* lull_options.permissions of what is not about permissions. */
#define ALLOW_ALL ((const char *const[]){"all", NULL})

/* Counts bytes and calls; call number `fail_at` is refused, and (not once) later ones. */
struct counted {
    size_t used;
    unsigned long calls;
    unsigned long fail_at; /* 0: never */
    int once;
};

static inline void *counted_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct counted *counted = ud;
    if (nsize == 0) {
        counted->used -= ptr != NULL ? osize : 0;
        free(ptr);
        return NULL;
    }
    counted->calls++;
    int refused = counted->once ? counted->calls == counted->fail_at
                                : counted->calls >= counted->fail_at;
    if (counted->fail_at != 0 && refused && nsize > osize)
        return NULL;
    void *block = realloc(ptr, nsize);
    if (block != NULL)
        counted->used += nsize - (ptr != NULL ? osize : 0);
    return block;
}

static inline void ignore_report(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

/* What the callback of a call was told. */
struct told {
    int times;
    enum lull_status status;
    char message[256];
};

static inline void tell(struct lull_runtime *rt, const struct lull_outcome *outcome,
                        void *arg)
{
    struct told *told = arg;
    (void)rt;
    told->times++;
    told->status = outcome->status;
    snprintf(told->message, sizeof told->message, "%s",
             outcome->message != NULL ? outcome->message : "");
}

/* Load a script and start it; 0 when either was refused. */
static inline int start(struct lull_runtime *rt, const char *source, struct told *told)
{
    memset(told, 0, sizeof *told);
    if (lull_load(rt, source, strlen(source), "=script") != LULL_DONE)
        return 0;
    return lull_call(rt, 0, tell, told) != NULL;
}

#endif
