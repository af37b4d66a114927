/* SPDX-License-Identifier: MIT */
/*
 * bounded.c -- putting it in place.
 */
#include "stdlib/bounded.h"

#include "lull_ext.h"
#include "stdlib/final.h"
#include "stdlib/shadow.h"

/* Push the table of a library; false, and nothing pushed, if it is not there. */
static bool push_library(lua_State *L, const struct lull_places *at, const char *name)
{
    if (lua_getfield(L, at->loaded, name) == LUA_TTABLE)
        return true;
    lua_pop(L, 1);
    return false;
}

/* In the library on top. */
static void replace_text(lua_State *L, struct lull_tasks *tasks,
                         const struct lull__bounded *with)
{
    lua_pushlightuserdata(L, tasks);
    lua_getfield(L, -2, with->name);
    if (lua_iscfunction(L, -1)) {
        lua_pushcclosure(L, with->fn, 2);
        lua_setfield(L, -2, with->name);
    } else {
        lua_pop(L, 2); /* it was taken away */
    }
}

void lull__bounded_init(lua_State *L, struct lull_tasks *tasks,
                        const struct lull_places *at)
{
    if (!lull__is_limited(tasks))
        return;
    for (const struct lull__bounded *b = lull__bounded_texts; b->name != NULL; b++) {
        if (push_library(L, at, b->library)) {
            replace_text(L, tasks, b);
            lua_pop(L, 1);
        }
    }
    if (push_library(L, at, LUA_TABLIBNAME)) {
        lull_set_functions(L, lull__runtime_of(tasks), lull__bounded_table);
        lua_pop(L, 1);
    }
    if (tasks->realm->own)
        lull__final_push(L, tasks);
    else
        lua_pushnil(L); /* in plugins __gc does not count: sandbox.h */
    lull__shadow_init(L, tasks, at);
}
