/* SPDX-License-Identifier: MIT */
/*
 * cover.c -- counting lines and calls.
 */
#include "runtime/cover.h"

#include "base/mem.h"
#include "task/task.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EVENTS   (LUA_MASKLINE | LUA_MASKCALL)
#define MAX_LINE 1000000 /* lines after it are not counted */
#define LEAST    64      /* lines that there is room for at first */
#define SLOTS    256     /* of the cache, a power of two */

/* How often each line was reached; times[0] is of line 1. */
struct counts {
    uint32_t *times;
    size_t room;
};

struct file {
    struct file *next;
    struct counts lines;
    struct counts calls; /* by the line where the function begins */
    size_t size;         /* of this block */
    char name[];
};

/* Where the name of a chunk was, and what it was: checked each time, since strings go. */
struct slot {
    const char *source;
    struct file *file;
};

struct cover {
    struct lull_mem *mem; /* NULL: collected */
    struct file *files;
    struct slot slots[SLOTS];
};

static const char cover_key = 'c'; /* registry: the struct cover */

/* ---- counting: in the hook, raises nothing ------------------------------------------ */

static void count(struct lull_mem *mem, struct counts *counts, int line)
{
    if (line <= 0 || line > MAX_LINE)
        return;
    if ((size_t)line > counts->room) {
        size_t room = counts->room > 0 ? counts->room : LEAST;
        while (room < (size_t)line)
            room *= 2;
        size_t before = counts->room * sizeof *counts->times;
        uint32_t *times =
            lull__mem_resize(mem, counts->times, before, room * sizeof *times);
        if (times == NULL)
            return;
        memset(times + counts->room, 0, (room - counts->room) * sizeof *times);
        counts->times = times;
        counts->room = room;
    }
    if (counts->times[line - 1] != UINT32_MAX)
        counts->times[line - 1]++;
}

static struct file *find_file(struct cover *cover, const char *name)
{
    for (struct file *file = cover->files; file != NULL; file = file->next) {
        if (strcmp(file->name, name) == 0)
            return file;
    }
    size_t length = strlen(name);
    size_t size = sizeof(struct file) + length + 1;
    struct file *file = lull__mem_new(cover->mem, size);
    if (file == NULL)
        return NULL;
    memset(file, 0, sizeof *file);
    memcpy(file->name, name, length + 1);
    file->size = size;
    file->next = cover->files;
    cover->files = file;
    return file;
}

/* The file of a chunk's name; NULL: no memory. */
static struct file *file_of(struct cover *cover, const char *source)
{
    struct slot *slot = &cover->slots[((uintptr_t)source >> 4) % SLOTS];
    if (slot->source == source && strcmp(slot->file->name, source + 1) == 0)
        return slot->file;
    struct file *file = find_file(cover, source + 1);
    if (file != NULL)
        *slot = (struct slot){.source = source, .file = file};
    return file;
}

static struct cover *cover_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cover_key);
    struct cover *cover = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return cover;
}

/* Code of files, and lull's own modules. */
static bool is_counted(const char *source)
{
    return source[0] == '@' || strncmp(source, "=[lull.", 7) == 0;
}

static void on_event(lua_State *L, lua_Debug *ar)
{
    if (!lua_getinfo(L, "S", ar) || !is_counted(ar->source))
        return;
    struct cover *cover = cover_of(L);
    struct file *file =
        cover != NULL && cover->mem != NULL ? file_of(cover, ar->source) : NULL;
    if (file == NULL)
        return;
    if (ar->event == LUA_HOOKLINE)
        count(cover->mem, &file->lines, ar->currentline);
    else
        count(cover->mem, &file->calls, ar->linedefined);
}

/* ---- Lua side ------------------------------------------------------------------------- */

static void free_counts(struct lull_mem *mem, struct counts *counts)
{
    lull__mem_free(mem, counts->times, counts->room * sizeof *counts->times);
}

/* __gc: the runtime is going; the hook may still run. */
static int cover_gc(lua_State *L)
{
    struct cover *cover = lua_touserdata(L, 1);
    struct lull_mem *mem = cover->mem;
    struct file *file = cover->files;
    cover->mem = NULL;
    cover->files = NULL;
    while (mem != NULL && file != NULL) {
        struct file *next = file->next;
        free_counts(mem, &file->lines);
        free_counts(mem, &file->calls);
        lull__mem_free(mem, file, file->size);
        file = next;
    }
    return 0;
}

int lull__l_cover(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    if (cover_of(L) != NULL)
        return 0;
    struct cover *cover = lua_newuserdatauv(L, sizeof *cover, 0);
    memset(cover, 0, sizeof *cover);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, cover_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cover_key);
    cover->mem = tasks->mem;
    lull__slice_disarm(&tasks->slice);
    lull__slice_base(&tasks->slice, on_event, EVENTS);
    lua_sethook(tasks->L, on_event, EVENTS, 0);
    lua_sethook(L, on_event, EVENTS, 0);
    for (unsigned i = 0; i < tasks->pooled; i++)
        lua_sethook(tasks->pool[i].co, on_event, EVENTS, 0);
    return 0;
}

static void push_counts(lua_State *L, const struct counts *counts)
{
    lua_newtable(L);
    for (size_t i = 0; i < counts->room; i++) {
        if (counts->times[i] == 0)
            continue;
        lua_pushinteger(L, (lua_Integer)counts->times[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

int lull__l_covered(lua_State *L)
{
    const struct cover *cover = cover_of(L);
    lua_newtable(L);
    for (const struct file *file = cover != NULL ? cover->files : NULL; file != NULL;
         file = file->next) {
        lua_createtable(L, 0, 2);
        push_counts(L, &file->lines);
        lua_setfield(L, -2, "lines");
        push_counts(L, &file->calls);
        lua_setfield(L, -2, "calls");
        lua_setfield(L, -2, file->name);
    }
    return 1;
}
