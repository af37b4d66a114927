/* SPDX-License-Identifier: MIT */
/*
 * trace.c -- noting frames, and making text of them.
 */
#include "task/trace.h"

#include "task/await.h"

#include <stdio.h>
#include <string.h>

#define TOP_FRAMES 11
#define MAX_FRAMES 22
#define NAME_SIZE  80

struct frame {
    char source[LUA_IDSIZE];
    char name[NAME_SIZE];
    int line;
};

struct lull_trace {
    const void *error; /* identity of the value; NULL: not known */
    uint32_t cause;    /* anchor of the trace of the task it came from; 0: none */
    bool noted;        /* the frames are in */
    int count;         /* frames noted */
    int skipped;       /* frames left out in the middle */
    char task[NAME_SIZE * 2];
    char owner[NAME_SIZE * 2]; /* "": none */
    struct frame frames[MAX_FRAMES];
};

/* ---- names ------------------------------------------------------------------ */

/* Push user value 2 as the table {fn=, name=, trace=}, making it one.  May raise. */
static void push_about(lua_State *L, int index)
{
    struct lull_task *task = lua_touserdata(L, index);
    index = lua_absindex(L, index);
    lua_getiuservalue(L, index, 2);
    if (task->waker.flags & LULL_TASK_ABOUT)
        return;
    lua_createtable(L, 0, 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "fn");
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, 2);
    task->waker.flags |= LULL_TASK_ABOUT;
}

/* Push a field of the table, if it is one; else the function for "fn", or nil. */
static void push_about_field(lua_State *L, int index, const char *field)
{
    const struct lull_task *task = lua_touserdata(L, index);
    lua_getiuservalue(L, index, 2);
    if (task->waker.flags & LULL_TASK_ABOUT) {
        lua_getfield(L, -1, field);
        lua_remove(L, -2);
    } else if (strcmp(field, "fn") != 0) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

/* Describe the function on top, and pop it. */
static void describe_function(lua_State *L, char *text, size_t size)
{
    lua_Debug ar;
    if (!lua_isfunction(L, -1)) {
        snprintf(text, size, "%s", luaL_typename(L, -1));
        lua_pop(L, 1);
        return;
    }
    lua_getinfo(L, ">S", &ar);
    if (ar.what[0] == 'C')
        snprintf(text, size, "C function");
    else if (ar.what[0] == 'm')
        snprintf(text, size, "main chunk %s", ar.short_src);
    else
        snprintf(text, size, "function %s:%d", ar.short_src, ar.linedefined);
}

/* The name of the task at `index` as C text; raises nothing. */
static void name_text(lua_State *L, int index, char *text, size_t size)
{
    index = lua_absindex(L, index);
    push_about_field(L, index, "name");
    if (lua_type(L, -1) == LUA_TSTRING) {
        snprintf(text, size, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    push_about_field(L, index, "fn");
    describe_function(L, text, size);
}

bool lull__push_task_title(lua_State *L, int index)
{
    char text[NAME_SIZE * 2];
    index = lua_absindex(L, index);
    push_about_field(L, index, "name");
    if (lua_type(L, -1) == LUA_TSTRING)
        return true;
    lua_pop(L, 1);
    name_text(L, index, text, sizeof text);
    lua_pushstring(L, text);
    return false;
}

void lull__push_task_name(lua_State *L, int index)
{
    const struct lull_task *task = lua_touserdata(L, index);
    if (lull__push_task_title(L, index))
        return;
    lua_pushfstring(L, "%s #%d", lua_tostring(L, -1), (int)task->waker.id);
    lua_remove(L, -2);
}

void lull__set_task_name(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_about(L, index);
    lua_insert(L, -2);
    lua_setfield(L, -2, "name");
    lua_pop(L, 1);
}

/* ---- noting ------------------------------------------------------------------- */

static struct lull_trace *note_of(struct lull_task *task)
{
    if (task->trace == NULL) {
        task->trace = lull__mem_new(lull__task_tasks(task)->mem, sizeof *task->trace);
        if (task->trace != NULL)
            memset(task->trace, 0, offsetof(struct lull_trace, frames));
    }
    return task->trace;
}

void lull__trace_drop(struct lull_task *task)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    if (task->trace == NULL)
        return;
    lull__anchor_release(tasks->from, &tasks->anchors, task->trace->cause);
    lull__mem_free(tasks->mem, task->trace, sizeof *task->trace);
    task->trace = NULL;
}

static void note_frame(lua_State *L, struct frame *frame, lua_Debug *ar)
{
    lua_getinfo(L, "Sln", ar);
    frame->line = ar->currentline;
    memcpy(frame->source, ar->short_src, sizeof frame->source);
    if (ar->name != NULL && strcmp(ar->namewhat, "global") == 0)
        snprintf(frame->name, sizeof frame->name, "function '%s'", ar->name);
    else if (ar->name != NULL && *ar->namewhat != '\0')
        snprintf(frame->name, sizeof frame->name, "%s '%s'", ar->namewhat, ar->name);
    else if (ar->what[0] == 'm')
        snprintf(frame->name, sizeof frame->name, "main chunk");
    else if (ar->what[0] != 'C')
        snprintf(frame->name, sizeof frame->name, "function <%s:%d>", ar->short_src,
                 ar->linedefined);
    else
        snprintf(frame->name, sizeof frame->name, "?");
}

/* Note L's frames from `level` on; the base of a task's coroutine is ours. */
static void note_frames(lua_State *L, struct lull_trace *trace, int level, bool base)
{
    lua_Debug ar;
    int depth = lull__stack_depth(L) - (base ? 1 : 0);
    int bottom = depth - TOP_FRAMES;
    while (level < depth && trace->count < MAX_FRAMES && lua_getstack(L, level, &ar)) {
        if (trace->count == TOP_FRAMES && level < bottom) {
            trace->skipped = bottom - level;
            level = bottom;
            continue;
        }
        note_frame(L, &trace->frames[trace->count++], &ar);
        level++;
    }
    /* The host's own functions at the bottom say nothing. */
    while (base && trace->count > 0 &&
           strcmp(trace->frames[trace->count - 1].name, "?") == 0)
        trace->count--;
}

/* Note who the task is, and who started it. */
static void note_names(lua_State *L, struct lull_task *task, struct lull_trace *trace)
{
    struct lull_strand *owner =
        task->strand.owner != NULL ? task->strand.owner->strand : NULL;
    lull__task_push(L, task);
    name_text(L, -1, trace->task, sizeof trace->task);
    lua_pop(L, 1);
    if (owner != NULL && !lull__task_is_loose(lull__strand_task(owner))) {
        lull__task_push(L, lull__strand_task(owner));
        name_text(L, -1, trace->owner, sizeof trace->owner);
        lua_pop(L, 1);
    }
}

void lull__trace_suspended(lua_State *L, struct lull_task *task)
{
    lull__trace_drop(task);
    struct lull_trace *trace = note_of(task);
    if (trace == NULL)
        return;
    trace->error = lua_topointer(L, -1);
    trace->noted = true;
    note_names(L, task, trace);
    if (task->waker.flags & LULL_TASK_STARTED)
        note_frames(task->co, trace, 0, true);
}

int lull__l_trace(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    struct lull_task *task = tasks->running;
    if (task == NULL || !lua_checkstack(L, 8) || lull__is_own(L, tasks, 1))
        return 1;
    const void *error = lua_topointer(L, 1);
    struct lull_trace *trace = note_of(task);
    if (trace == NULL || (trace->noted && trace->error == error))
        return 1;
    if (trace->error != error || trace->noted) {
        lull__trace_drop(task);
        trace = note_of(task);
        if (trace == NULL)
            return 1;
    }
    trace->error = error;
    trace->noted = true;
    note_names(L, task, trace);
    note_frames(L, trace, 1, L == task->co);
    return 1;
}

void lull__trace_coroutine(lua_State *L, struct lull_tasks *tasks, lua_State *co)
{
    struct lull_task *task = tasks->running;
    if (task == NULL)
        return;
    lull__trace_drop(task);
    struct lull_trace *trace = note_of(task);
    if (trace == NULL)
        return;
    trace->error = lua_topointer(L, -1);
    note_frames(co, trace, 0, false);
}

void lull__trace_adopt(lua_State *L, struct lull_tasks *tasks, int index)
{
    struct lull_task *task = tasks->running;
    if (task == NULL)
        return;
    index = lua_absindex(L, index);
    push_about_field(L, index, "trace");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lull__trace_drop(task);
    struct lull_trace *trace = note_of(task);
    if (trace == NULL) {
        lua_pop(L, 1);
        return;
    }
    trace->cause = lull__anchor(L, &tasks->anchors);
    trace->error = lua_topointer(L, -1);
}

void lull__trace_foreign(lua_State *L, struct lull_tasks *tasks, int error)
{
    struct lull_task *task = tasks->running;
    const void *value = lua_topointer(L, error);
    if (task != NULL)
        lull__trace_drop(task);
    struct lull_trace *trace = task != NULL ? note_of(task) : NULL;
    if (trace == NULL) {
        lua_pop(L, 1);
        return;
    }
    trace->cause = lull__anchor(L, &tasks->anchors);
    trace->error = value;
}

void lull__trace_keep(lua_State *L, struct lull_task *task, int index)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    struct lull_trace *trace = task->trace;
    if (trace == NULL || trace->error != lua_topointer(L, -1))
        return;
    push_about(L, index);
    if (!trace->noted && trace->cause != 0) { /* nothing of our own to add */
        lull__anchor_push(L, &tasks->anchors, trace->cause);
    } else {
        size_t size = offsetof(struct lull_trace, frames) +
                      (size_t)trace->count * sizeof trace->frames[0];
        memcpy(lua_newuserdatauv(L, size, 1), trace, size);
        if (trace->cause != 0) {
            lull__anchor_push(L, &tasks->anchors, trace->cause);
            lua_setiuservalue(L, -2, 1);
        }
    }
    lua_setfield(L, -2, "trace");
    lua_pop(L, 1);
    lull__trace_drop(task);
}

/* ---- text ---------------------------------------------------------------------- */

static void add_frames(luaL_Buffer *text, const struct lull_trace *trace)
{
    char line[LUA_IDSIZE + NAME_SIZE + 64];
    for (int i = 0; i < trace->count; i++) {
        const struct frame *frame = &trace->frames[i];
        if (trace->skipped > 0 && i == TOP_FRAMES) {
            snprintf(line, sizeof line, "\n\t...\t(skipping %d levels)", trace->skipped);
            luaL_addstring(text, line);
        }
        if (frame->line > 0)
            snprintf(line, sizeof line, "\n\t%s:%d: in %s", frame->source, frame->line,
                     frame->name);
        else
            snprintf(line, sizeof line, "\n\t%s: in %s", frame->source, frame->name);
        luaL_addstring(text, line);
    }
}

static void add_trace(luaL_Buffer *text, const struct lull_trace *trace)
{
    add_frames(text, trace);
    luaL_addstring(text, "\n\t[task] ");
    luaL_addstring(text, trace->task);
    if (trace->owner[0] != '\0') {
        luaL_addstring(text, ", started by ");
        luaL_addstring(text, trace->owner);
    }
}

/* Replace the trace userdata on top by its text: causes first. */
static void trace_to_text(lua_State *L)
{
    int top = lua_gettop(L);
    /* Causes are few: each is a task that passed the error on. */
    while (lua_gettop(L) < top + 32 && lua_getiuservalue(L, -1, 1) == LUA_TUSERDATA)
        luaL_checkstack(L, 8, NULL);
    if (lua_type(L, -1) == LUA_TNIL)
        lua_pop(L, 1);
    int last = lua_gettop(L);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    if (lua_type(L, last) == LUA_TSTRING) /* from another thread */
        luaL_addstring(&text, lua_tostring(L, last--));
    else
        luaL_addstring(&text, "stack traceback:");
    for (int i = last; i >= top; i--)
        add_trace(&text, lua_touserdata(L, i));
    luaL_pushresult(&text);
    lua_replace(L, top);
    lua_settop(L, top);
}

void lull__push_trace(lua_State *L, int index)
{
    push_about_field(L, index, "trace");
    if (lua_type(L, -1) == LUA_TUSERDATA)
        trace_to_text(L);
}

void lull__push_note(lua_State *L, struct lull_task *task, int error)
{
    struct lull_trace *trace = task->trace;
    if (trace == NULL || trace->error != lua_topointer(L, error)) {
        lua_pushnil(L);
        return;
    }
    size_t size = offsetof(struct lull_trace, frames) +
                  (size_t)trace->count * sizeof trace->frames[0];
    memcpy(lua_newuserdatauv(L, size, 1), trace, size);
    if (trace->cause != 0) {
        lull__anchor_push(L, &lull__task_tasks(task)->anchors, trace->cause);
        lua_setiuservalue(L, -2, 1);
    }
    trace_to_text(L);
}

void lull__push_where(lua_State *L, struct lull_task *task)
{
    struct lull_trace trace;
    memset(&trace, 0, offsetof(struct lull_trace, frames));
    note_frames(task->co, &trace, 0, true);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "stack traceback:");
    add_frames(&text, &trace);
    luaL_pushresult(&text);
}
