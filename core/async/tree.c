/* SPDX-License-Identifier: MIT */
/*
 * tree.c -- current, tasks, tree: looking at what is there.
 *
 * Trees of owners may be as deep as memory lasts, so nothing recurses: the
 * list of tasks is its own queue, and the tree keeps a stack in a Lua table.
 */
#include "async/taskclass.h"
#include "task/trace.h"

#include <stdio.h>

static int l_current(lua_State *L)
{
    struct lull_task *task = lull__tasks(L)->running;
    if (task == NULL)
        lua_pushnil(L);
    else
        lull__task_push(L, task);
    return 1;
}

typedef void (*visit_fn)(lua_State *L, struct lull_task *child, void *arg);

/* Everything the scope owns, the newest first: as a stack wants it. */
static void each_owned(lua_State *L, struct lull_scope *scope, visit_fn visit, void *arg)
{
    for (struct lull_list *node = scope->owned.prev; node != &scope->owned;
         node = node->prev) {
        struct lull_strand *strand = LULL_CONTAINER(node, struct lull_strand, link);
        if (!strand->ended)
            visit(L, lull__strand_task(strand), arg);
    }
}

/* Everything the task owns, the innermost scope first. */
static void each_child(lua_State *L, struct lull_task *task, visit_fn visit, void *arg)
{
    for (struct lull_scope *s = task->strand.innermost; s != NULL; s = s->parent) {
        each_owned(L, s, visit, arg);
        if (s->kind == LULL_SCOPE_RUN)
            each_owned(L, LULL_CONTAINER(s, struct lull_frame, scope)->detached, visit,
                       arg);
    }
}

/* What the host started; for a plugin: its own part of that. */
static void each_root(lua_State *L, struct lull_tasks *tasks, visit_fn visit, void *arg)
{
    for (struct lull_list *node = tasks->root.owned.prev; node != &tasks->root.owned;
         node = node->prev) {
        struct lull_strand *strand = LULL_CONTAINER(node, struct lull_strand, link);
        struct lull_task *task = lull__strand_task(strand);
        if (!strand->ended && (tasks->realm->own || task->realm == tasks->realm))
            visit(L, task, arg);
    }
}

/* ---- tasks ------------------------------------------------------------------------ */

static void append(lua_State *L, struct lull_task *child, void *arg)
{
    lua_Integer *count = arg;
    lull__task_push(L, child);
    lua_rawseti(L, 1, ++*count);
}

static int l_tasks(lua_State *L)
{
    struct lull_tasks *tasks = lull__tasks(L);
    lua_Integer count = 0;
    lua_settop(L, 0);
    lua_newtable(L);
    each_root(L, tasks, append, &count);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        struct lull_task *task = lua_touserdata(L, -1);
        lua_pop(L, 1);
        each_child(L, task, append, &count);
    }
    return 1;
}

/* ---- tree --------------------------------------------------------------------------- */

struct stack {
    int table;         /* index of the table: task, depth, task, depth ... */
    lua_Integer top;   /* entries in it */
    lua_Integer depth; /* of what is pushed now */
};

static void push_child(lua_State *L, struct lull_task *child, void *arg)
{
    struct stack *stack = arg;
    lull__task_push(L, child);
    lua_rawseti(L, stack->table, ++stack->top);
    lua_pushinteger(L, stack->depth);
    lua_rawseti(L, stack->table, ++stack->top);
}

/* Where in the script a suspended task is: the first Lua frame. */
static void add_place(lua_State *L, struct lull_task *task, luaL_Buffer *text)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(task->co, level, &ar); level++) {
        lua_getinfo(task->co, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, " at %s:%d", ar.short_src, ar.currentline);
            luaL_addvalue(text);
            return;
        }
    }
}

static void add_state(lua_State *L, struct lull_tasks *tasks, struct lull_task *task,
                      luaL_Buffer *text)
{
    const struct lull_op *op = task->strand.op;
    if (task->strand.root.cancelled)
        luaL_addstring(text, " (cancelled)");
    if (task == tasks->running) {
        luaL_addstring(text, " running");
        return;
    }
    if (op == NULL || op->state != LULL_OP_PENDING) {
        luaL_addstring(text, " ready");
        return;
    }
    double since = (double)(lull__clock_now() - op->since) * 1e-9;
    char seconds[32];
    lua_Number number = since > 0 ? since : 0;
    snprintf(seconds, sizeof seconds, "%.1f", number);
    lua_pushfstring(L, " waiting for %s since %s s", op->type->name, seconds);
    luaL_addvalue(text);
    add_place(L, task, text);
}

/* The next task of the tree in reading order, or NULL; what it owns comes next. */
static struct lull_task *next_task(lua_State *L, struct stack *stack)
{
    if (stack->top == 0)
        return NULL;
    lua_rawgeti(L, stack->table, stack->top--);
    stack->depth = lua_tointeger(L, -1);
    lua_pop(L, 1);
    lua_rawgeti(L, stack->table, stack->top--);
    struct lull_task *task = lua_touserdata(L, -1);
    lua_pop(L, 1); /* it is anchored; a buffer wants the top */
    return task;
}

static void push_owned(lua_State *L, struct lull_task *task, struct stack *stack)
{
    stack->depth++;
    each_child(L, task, push_child, stack);
}

void lull__push_tree(lua_State *L, struct lull_tasks *tasks)
{
    luaL_Buffer text;
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    struct stack stack = {.table = lua_gettop(L), .top = 0, .depth = 0};
    each_root(L, tasks, push_child, &stack);
    luaL_buffinit(L, &text);
    for (struct lull_task *task; (task = next_task(L, &stack)) != NULL;) {
        for (lua_Integer i = 0; i < stack.depth; i++)
            luaL_addstring(&text, "  ");
        lull__task_push(L, task);
        lull__push_task_name(L, -1);
        lua_remove(L, -2);
        luaL_addvalue(&text);
        add_state(L, tasks, task, &text);
        luaL_addchar(&text, '\n');
        push_owned(L, task, &stack);
    }
    luaL_pushresult(&text);
    lua_remove(L, stack.table);
}

/* ---- views ------------------------------------------------------------------------------ */

void lull__push_view(lua_State *L, struct lull_task *task, struct lull_task_view *view)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    struct lull_strand *owner =
        task->strand.owner != NULL ? task->strand.owner->strand : NULL;
    const struct lull_op *op = task->strand.op;
    bool waits = op != NULL && op->state == LULL_OP_PENDING;
    luaL_checkstack(L, 8, NULL);
    lull__task_push(L, task);
    lull__push_task_name(L, -1);
    view->task = task;
    view->owner = owner != NULL ? lull__strand_task(owner) : NULL;
    view->name = lua_tostring(L, -1);
    view->waits_for = task == tasks->running ? "running"
                      : waits                ? op->type->name
                                             : "ready";
    view->since = waits ? (double)(lull__clock_now() - op->since) / 1e9 : 0;
    view->cpu = (double)task->ran / 1e9;
    lua_remove(L, -2);
}

void lull__each_view(lua_State *L, struct lull_tasks *tasks,
                     int (*fn)(const struct lull_task_view *view, void *arg), void *arg)
{
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    struct stack stack = {.table = lua_gettop(L), .top = 0, .depth = 0};
    each_owned(L, &tasks->root, push_child, &stack);
    for (struct lull_task *task; (task = next_task(L, &stack)) != NULL;) {
        struct lull_task_view view = {.depth = (int)stack.depth};
        lull__push_view(L, task, &view);
        if (fn(&view, arg) != 0)
            return;
        lua_pop(L, 1);
        push_owned(L, task, &stack);
    }
}

static int l_tree(lua_State *L)
{
    lull__push_tree(L, lull__tasks(L));
    return 1;
}

const luaL_Reg lull__task_functions[] = {
    {"current", l_current},
    {"tasks", l_tasks},
    {"tree", l_tree},
    {NULL, NULL},
};
