/* SPDX-License-Identifier: MIT */
/*
 * combine.c -- the block, its watches, and what may be put into it.
 */
#include "async/combine.h"

#include <string.h>

#define MAX_ENTRIES 10000000
#define MAX_CHAIN   64 /* waiters looked at when searching for a cycle */

/* ---- the block ------------------------------------------------------------------ */

struct lull_combine *lull__combine_new(lua_State *L, struct lull_tasks *tasks,
                                       uint32_t count)
{
    size_t size = sizeof(struct lull_combine) + count * sizeof(struct lull_entry);
    struct lull_combine *combine = lua_newuserdatauv(L, size, 1);
    memset(combine, 0, size);
    combine->task = tasks->running;
    combine->count = count;
    combine->limit = UINT32_MAX;
    combine->first = -1;
    for (uint32_t i = 0; i < count; i++) {
        combine->entries[i].index = i;
        lull__list_init(&combine->entries[i].watch.link);
    }
    return combine;
}

void lull__combine_watch(struct lull_combine *combine, uint32_t i,
                         void (*fired)(struct lull_watch *watch))
{
    struct lull_entry *entry = &combine->entries[i];
    lull__watch(entry->future, &entry->watch, fired, &combine->waiting, combine->task);
    combine->watched++;
}

void lull__combine_unwatch(struct lull_combine *combine, bool adopted)
{
    for (uint32_t i = 0; i < combine->count; i++) {
        struct lull_entry *entry = &combine->entries[i];
        lull__list_remove(&entry->watch.link);
        if (!entry->over || !entry->future->is_task)
            continue;
        struct lull_task *task = lull__future_task(entry->future);
        if (!adopted)
            lull__task_unclaimed(task);
        else if (task->future.status == LULL_FUTURE_FAILED)
            lull__task_to_sink(task);
    }
    combine->watched = 0;
}

/* ---- what may be adopted ---------------------------------------------------------- */

/* Does `target` wait, directly or through others, for `task`? */
static bool waits_for(struct lull_task *target, struct lull_task *task)
{
    struct lull_task *seen[MAX_CHAIN];
    int count = 1;
    seen[0] = task;
    for (int i = 0; i < count; i++) {
        struct lull_list *head = &seen[i]->future.watchers;
        for (struct lull_list *node = head->next; node != head; node = node->next) {
            struct lull_task *waiter =
                LULL_CONTAINER(node, struct lull_watch, link)->waiter;
            if (waiter == target)
                return true;
            if (waiter != NULL && count < MAX_CHAIN)
                seen[count++] = waiter;
        }
    }
    return false;
}

static bool owns(const struct lull_task *owner, const struct lull_task *task)
{
    const struct lull_scope *scope = task->strand.owner;
    while (scope != NULL && scope->strand != NULL) {
        if (scope->strand == &owner->strand)
            return true;
        scope = scope->strand->owner;
    }
    return false;
}

void lull__check_adoptable(lua_State *L, struct lull_future *future,
                           struct lull_task *task)
{
    struct lull_task *target = lull__future_task(future);
    if (target == NULL || future->status != LULL_FUTURE_PENDING)
        return;
    if (target == task)
        lull_raise(L, LULL_KIND_USAGE, "a task cannot wait for itself");
    if (owns(target, task))
        lull_raise(L, LULL_KIND_USAGE, "a task cannot wait for its owner");
    if (waits_for(target, task))
        lull_raise(L, LULL_KIND_USAGE, "the task waits for the running task");
}

uint32_t lull__check_list(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_getfield(L, arg, "n");
    lua_Integer count;
    if (lua_isnil(L, -1)) {
        count = luaL_len(L, arg);
    } else {
        int ok;
        count = lua_tointegerx(L, -1, &ok);
        luaL_argcheck(L, ok, arg, "field 'n' must be a count");
    }
    luaL_argcheck(L, count >= 0, arg, "the list has a negative length");
    luaL_argcheck(L, count <= MAX_ENTRIES, arg, "too many entries");
    lua_pop(L, 1);
    return (uint32_t)count;
}
