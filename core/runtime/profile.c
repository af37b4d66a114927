/* SPDX-License-Identifier: MIT */
/*
 * profile.c -- taking samples, and counting the stacks.
 *
 * The text of a stack is made from its end, where the innermost function is: so the
 * innermost are kept when there are too many.
 */
#include "runtime/profile.h"

#include "stdlib/coro.h"
#include "task/trace.h"

#include <stdio.h>
#include <string.h>

#define MAX_FRAMES  128
#define MAX_THREADS 200                           /* Lua allows no more nested resumes */
#define MAX_NAME    256                           /* of a function or a task, in bytes */
#define MAX_TEXT    ((MAX_FRAMES + 1) * MAX_NAME) /* and the task */
#define MAX_BYTES   ((size_t)16 << 20)
#define MIN_ROWS    256u

struct row {
    unsigned long long count;
    uint32_t hash;
    uint32_t size; /* of the text, without its zero */
    char text[];
};

struct lull_profile {
    struct lull_mem *mem;
    struct row **rows; /* open addressing; NULL: free */
    uint32_t capacity; /* a power of two */
    uint32_t used;
    size_t bytes;
    unsigned long long more; /* intervals there was no room for */
    int frames;              /* of the sample that is being taken */
    char *at;                /* where its text begins, in `text` */
    char text[MAX_TEXT];
    char task[MAX_NAME];
};

/* ---- the table ----------------------------------------------------------------------- */

struct lull_profile *lull__profile_new(struct lull_mem *mem)
{
    struct lull_profile *profile = lull__mem_new(mem, sizeof *profile);
    if (profile == NULL)
        return NULL;
    memset(profile, 0, sizeof *profile);
    profile->mem = mem;
    profile->capacity = MIN_ROWS;
    profile->rows = lull__mem_new(mem, MIN_ROWS * sizeof(struct row *));
    if (profile->rows != NULL) {
        memset(profile->rows, 0, MIN_ROWS * sizeof(struct row *));
        return profile;
    }
    lull__mem_free(mem, profile, sizeof *profile);
    return NULL;
}

static size_t row_size(size_t text)
{
    return sizeof(struct row) + text + 1;
}

void lull__profile_free(struct lull_profile *profile, struct lull_mem *mem)
{
    for (uint32_t i = 0; i < profile->capacity; i++) {
        if (profile->rows[i] != NULL)
            lull__mem_free(mem, profile->rows[i], row_size(profile->rows[i]->size));
    }
    lull__mem_free(mem, profile->rows, profile->capacity * sizeof(struct row *));
    lull__mem_free(mem, profile, sizeof *profile);
}

static uint32_t hash_of(const char *text, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* The place of a text: where it is, or may be put. */
static struct row **place_of(struct row **rows, uint32_t capacity, uint32_t hash,
                             const char *text, size_t size)
{
    uint32_t i = hash & (capacity - 1);
    while (rows[i] != NULL && (rows[i]->hash != hash || rows[i]->size != size ||
                               memcmp(rows[i]->text, text, size) != 0))
        i = (i + 1) & (capacity - 1);
    return &rows[i];
}

/* Room for one more row; false: there is no memory. */
static bool make_room(struct lull_profile *profile)
{
    if (profile->used < profile->capacity / 2)
        return true;
    uint32_t capacity = profile->capacity * 2;
    struct row **rows = lull__mem_new(profile->mem, capacity * sizeof(struct row *));
    if (rows == NULL)
        return false;
    memset(rows, 0, capacity * sizeof(struct row *));
    for (uint32_t i = 0; i < profile->capacity; i++) {
        struct row *row = profile->rows[i];
        if (row != NULL)
            *place_of(rows, capacity, row->hash, row->text, row->size) = row;
    }
    lull__mem_free(profile->mem, profile->rows, profile->capacity * sizeof(struct row *));
    profile->rows = rows;
    profile->capacity = capacity;
    return true;
}

static struct row *new_row(struct lull_profile *profile, uint32_t hash, const char *text,
                           size_t size)
{
    if (profile->bytes + row_size(size) > MAX_BYTES)
        return NULL;
    struct row *row = lull__mem_new(profile->mem, row_size(size));
    if (row == NULL)
        return NULL;
    *row = (struct row){.hash = hash, .size = (uint32_t)size};
    memcpy(row->text, text, size);
    row->text[size] = '\0';
    profile->bytes += row_size(size);
    profile->used++;
    return row;
}

static void count_text(struct lull_profile *profile, const char *text, size_t size,
                       unsigned intervals)
{
    uint32_t hash = hash_of(text, size);
    struct row **place = NULL;
    if (make_room(profile)) {
        place = place_of(profile->rows, profile->capacity, hash, text, size);
        if (*place == NULL)
            *place = new_row(profile, hash, text, size);
    }
    if (place != NULL && *place != NULL)
        (*place)->count += intervals;
    else
        profile->more += intervals;
}

void lull__profile_tell(const struct lull_profile *profile,
                        const struct lull_slice *slice, lull_profile_fn fn, void *arg)
{
    for (uint32_t i = 0; i < profile->capacity; i++) {
        if (profile->rows[i] != NULL)
            fn(arg, profile->rows[i]->text, profile->rows[i]->count);
    }
    if (profile->more > 0)
        fn(arg, "(more stacks)", profile->more);
    unsigned long long aside = slice->aside;
    aside += slice->sampled;
    if (aside > 0)
        fn(arg, "(outside scripts)", aside);
}

/* ---- one sample ---------------------------------------------------------------------- */

/* Put a name before what there is; what would break a line or a stack is replaced. */
static void prepend(struct lull_profile *profile, const char *name)
{
    size_t size = strnlen(name, MAX_NAME - 1);
    bool first = profile->at == profile->text + MAX_TEXT;
    if ((size_t)(profile->at - profile->text) <= size)
        return;
    if (!first)
        *--profile->at = ';';
    profile->at -= size;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        profile->at[i] = (char)(c == ';' ? ':' : c < ' ' || c == 127 ? '?' : c);
    }
}

/* The name of a function, as it was called, and where it is. */
static void name_frame(const lua_Debug *ar, char text[MAX_NAME])
{
    if (*ar->what == 'C')
        snprintf(text, MAX_NAME, "[C] %s", ar->name != NULL ? ar->name : "?");
    else if (*ar->what == 'm')
        snprintf(text, MAX_NAME, "main chunk (%s)", ar->short_src);
    else
        snprintf(text, MAX_NAME, "%s (%s:%d)", ar->name != NULL ? ar->name : "function",
                 ar->short_src, ar->linedefined);
}

/* The functions of one thread, but for C functions that C has called: they have no name. */
static void add_frames(struct lull_profile *profile, lua_State *L)
{
    lua_Debug ar;
    char text[MAX_NAME];
    for (int level = 0; profile->frames < MAX_FRAMES && lua_getstack(L, level, &ar);
         level++) {
        lua_getinfo(L, "nS", &ar);
        if (*ar.what == 'C' && ar.name == NULL)
            continue;
        name_frame(&ar, text);
        prepend(profile, text);
        profile->frames++;
    }
}

/* name(profile, task): keep the task's name */
static int keep_name(lua_State *L)
{
    struct lull_profile *profile = lua_touserdata(L, 1);
    lull__task_push(L, lua_touserdata(L, 2));
    lull__push_task_title(L, -1);
    snprintf(profile->task, sizeof profile->task, "%s", lua_tostring(L, -1));
    return 0;
}

static void name_task(lua_State *L, struct lull_profile *profile, struct lull_task *task)
{
    snprintf(profile->task, sizeof profile->task, "%s",
             task != NULL ? "(a task)" : "(no task)");
    if (task == NULL)
        return;
    lua_pushcfunction(L, keep_name);
    lua_pushlightuserdata(L, profile);
    lua_pushlightuserdata(L, task);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) /* memory */
        lua_pop(L, 1);
}

void lull__profile_take(lua_State *L, struct lull_profile *profile,
                        struct lull_tasks *tasks)
{
    lua_State *threads[MAX_THREADS];
    struct lull_task *task = tasks->running;
    int count = 0;
    unsigned intervals = atomic_exchange(&tasks->slice.sampled, 0);
    if (intervals == 0 || !lua_checkstack(L, 8))
        return;
    for (lua_State *t = task != NULL ? task->co : NULL;
         t != NULL && t != L && count < MAX_THREADS; t = lull__coro_resumed(t))
        threads[count++] = t;
    profile->at = profile->text + MAX_TEXT;
    profile->frames = 0;
    add_frames(profile, L);
    while (count > 0)
        add_frames(profile, threads[--count]);
    if (profile->frames == 0)
        prepend(profile, "[C] ?");
    name_task(L, profile, task);
    prepend(profile, profile->task);
    count_text(profile, profile->at, (size_t)(profile->text + MAX_TEXT - profile->at),
               intervals);
}
