/* SPDX-License-Identifier: MIT */
/*
 * plugin.c -- making, loading, retiring and freeing plugins.
 */
#include "runtime/plugin.h"

#include "runtime/force.h"
#include "runtime/module.h"
#include "stdlib/chunk.h"
#include "stdlib/fresh.h"
#include "stdlib/sandbox.h"
#include "task/view.h"

#include <string.h>

/* A plugin's realm; lives until the runtime ends. */
struct life {
    struct lull_realm realm; /* first */
    struct lull_list link;   /* in tasks->lives */
    struct lull_tasks *tasks;
    struct lull_timer grace; /* its tasks have that long to end */
};

struct lull_plugin {
    struct lull_list link; /* in tasks->plugins */
    struct lull_tasks *tasks;
    struct lull_realm *realm;
    int globals_ref; /* registry references: its globals, */
    int shared_ref;  /* and what is shared with it: name -> view */
    size_t size;     /* of this block */
    char name[];
};

const char *lull__plugin_name(const struct lull_plugin *plugin)
{
    return plugin->name;
}

void lull__plugin_adopt(struct lull_plugin *plugin, struct lull_task *task)
{
    task->realm->live--;
    task->realm = plugin->realm;
    task->realm->live++;
}

/* ---- environments ------------------------------------------------------------------ */

/* build(tasks) -> globals, of the current realm */
static int build_globals(lua_State *L)
{
    luaL_openlibs(L);
    lull__module_build(L, lua_touserdata(L, 1));
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 1;
}

/* environment(tasks, realm) -> globals, of a realm that is new */
static int new_environment(lua_State *L)
{
    struct lull_tasks *tasks = lua_touserdata(L, 1);
    struct lull_realm *realm = lua_touserdata(L, 2);
    lull__sandbox_freeze_strings(L);
    lua_pushnil(L);
    lull__fresh_call(L, tasks, realm, build_globals);
    return 1;
}

/* Make a realm and push its globals; NULL, and nothing pushed, without memory. */
static struct life *new_life(struct lull_tasks *tasks, struct lull_policy *policy)
{
    lua_State *L = tasks->L;
    struct life *life = lull__mem_new(tasks->mem, sizeof *life);
    if (life == NULL)
        return NULL;
    *life = (struct life){.tasks = tasks};
    life->realm = (struct lull_realm){
        .policy = policy, .all = lull__policy_is_all(policy), .handler_ref = LUA_NOREF};
    if (lua_checkstack(L, 4)) {
        lua_pushcfunction(L, new_environment);
        lua_pushlightuserdata(L, tasks);
        lua_pushlightuserdata(L, &life->realm);
        if (lua_pcall(L, 2, 1, 0) == LUA_OK) {
            lull_policy_ref(policy);
            lull__list_append(&tasks->lives, &life->link);
            return life;
        }
        lua_pop(L, 1);
    }
    lull__mem_free(tasks->mem, life, sizeof *life);
    return NULL;
}

/* ---- retiring ------------------------------------------------------------------------ */

typedef void (*task_fn)(struct lull_task *task);

/* Do it to every task of the realm that the host started and that has not ended. */
static void each_root(struct lull_tasks *tasks, const struct lull_realm *realm,
                      task_fn fn)
{
    struct lull_list *owned = &tasks->root.owned;
    for (struct lull_list *node = owned->next; node != owned; node = node->next) {
        struct lull_task *task =
            lull__strand_task(LULL_CONTAINER(node, struct lull_strand, link));
        if (task->realm == realm && !lull__task_ended(task))
            fn(task);
    }
}

static void cancel(struct lull_task *task)
{
    static const struct lull_reason unloaded = {.text = "unloaded"};
    lull__scope_cancel(&task->strand.root, &unloaded);
}

static void end(struct lull_task *task)
{
    lull__task_kill(task, LULL_KILL_HOST);
}

static void on_grace(struct lull_timer *timer)
{
    struct life *life = LULL_CONTAINER(timer, struct life, grace);
    each_root(life->tasks, &life->realm, end);
}

/* Cancel what the realm does; what is left after `grace` seconds is killed. */
static void retire(struct lull_realm *realm, double grace)
{
    struct life *life = (struct life *)realm;
    struct lull_tasks *tasks = life->tasks;
    realm->plugin = NULL;
    luaL_unref(tasks->L, LUA_REGISTRYINDEX, realm->handler_ref);
    realm->handler_ref = LUA_NOREF; /* what is left to tell is the host's */
    each_root(tasks, realm, cancel);
    if (realm->live > 0 &&
        !(grace > 0 &&
          lull_timer_start_real(lull__runtime_of(tasks), &life->grace, grace, on_grace)))
        each_root(tasks, realm, end);
}

/* ---- lull.h ---------------------------------------------------------------------------- */

/* share(shared, globals): set all that is shared. */
static int share_all(lua_State *L)
{
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 2);
    }
    return 0;
}

/* begin() -> a table for what is shared, made a reference with the globals at 1. */
static int begin(lua_State *L)
{
    struct lull_plugin *plugin = lua_touserdata(L, 1);
    lua_newtable(L);
    plugin->shared_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, 2);
    plugin->globals_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void free_plugin(struct lull_plugin *plugin)
{
    lua_State *L = plugin->tasks->L;
    luaL_unref(L, LUA_REGISTRYINDEX, plugin->globals_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, plugin->shared_ref);
    lull__list_remove(&plugin->link);
    lull__mem_free(plugin->tasks->mem, plugin, plugin->size);
}

/* Give a new plugin its realm and environment.  False: there is no memory. */
static bool begin_plugin(struct lull_plugin *plugin, struct lull_policy *policy)
{
    struct lull_tasks *tasks = plugin->tasks;
    lua_State *L = tasks->L;
    struct life *life = new_life(tasks, policy);
    if (life == NULL)
        return false;
    plugin->realm = &life->realm;
    plugin->realm->plugin = plugin;
    if (!lua_checkstack(L, 3)) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushcfunction(L, begin);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, plugin);
    lua_insert(L, -2);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

struct lull_plugin *lull_plugin_new(struct lull_runtime *rt,
                                    const struct lull_plugin_options *options)
{
    struct lull_tasks *tasks = lull__tasks_of(rt);
    struct lull_bad_rule bad;
    if (options == NULL || options->size != sizeof *options)
        return NULL;
    const char *name = options->name != NULL ? options->name : "plugin";
    size_t size = sizeof(struct lull_plugin) + strlen(name) + 1;
    struct lull_policy *policy =
        lull__policy_new(options->permissions, tasks->own.policy, &bad);
    if (policy == NULL)
        return NULL;
    struct lull_plugin *plugin = lull__mem_new(tasks->mem, size);
    if (plugin != NULL) {
        *plugin = (struct lull_plugin){.tasks = tasks,
                                       .globals_ref = LUA_NOREF,
                                       .shared_ref = LUA_NOREF,
                                       .size = size};
        memcpy(plugin->name, name, strlen(name) + 1);
        lull__list_append(&tasks->plugins, &plugin->link);
        if (!begin_plugin(plugin, policy)) {
            if (plugin->realm != NULL)
                plugin->realm->plugin = NULL;
            free_plugin(plugin);
            plugin = NULL;
        }
    }
    lull_policy_unref(policy);
    return plugin;
}

void lull__plugin_push_globals(lua_State *L, const struct lull_plugin *plugin)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->globals_ref);
}

/* Give the function on top the plugin's globals, if there is one. */
static enum lull_status set_globals(struct lull_plugin *plugin, enum lull_status status)
{
    lua_State *L = plugin->tasks->L;
    if (status != LULL_DONE)
        return status;
    lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->globals_ref);
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
    return LULL_DONE;
}

enum lull_status lull_plugin_load(struct lull_plugin *plugin, const char *source,
                                  size_t size, const char *chunkname)
{
    return set_globals(plugin, lull__load_source(plugin->tasks, plugin->realm->all,
                                                 source, size, chunkname));
}

enum lull_status lull_plugin_load_file(struct lull_plugin *plugin, const char *path)
{
    return set_globals(plugin, lull__load_file(plugin->tasks, plugin->realm->all, path));
}

/* share(shared, globals, name, value) */
static int share(lua_State *L)
{
    const char *name = lua_touserdata(L, 3);
    lua_pushstring(L, name);
    lull__view_push(L, 4);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    lua_rawset(L, 2);
    return 0;
}

enum lull_status lull_plugin_share(struct lull_plugin *plugin, const char *name)
{
    lua_State *L = plugin->tasks->L;
    if (!lua_checkstack(L, 5)) {
        lua_pop(L, 1);
        return LULL_NO_MEMORY;
    }
    lua_pushcfunction(L, share);
    lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->shared_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->globals_ref);
    lua_pushlightuserdata(L, (void *)name);
    lua_rotate(L, -5, -1); /* the value comes last */
    if (lua_pcall(L, 4, 0, 0) == LUA_OK)
        return LULL_DONE;
    lua_pop(L, 1);
    return LULL_NO_MEMORY;
}

enum lull_status lull_plugin_reload(struct lull_plugin *plugin, double grace)
{
    lua_State *L = plugin->tasks->L;
    struct lull_realm *old = plugin->realm;
    struct life *life = new_life(plugin->tasks, old->policy);
    if (life == NULL)
        return LULL_NO_MEMORY;
    if (!lua_checkstack(L, 5)) {
        lua_pop(L, 1);
        return LULL_NO_MEMORY;
    }
    lua_pushcfunction(L, share_all);
    lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->shared_ref);
    lua_pushvalue(L, -3);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        lua_pop(L, 2);
        return LULL_NO_MEMORY;
    }
    lua_rawseti(L, LUA_REGISTRYINDEX, plugin->globals_ref); /* it is there: no memory */
    plugin->realm = &life->realm;
    plugin->realm->plugin = plugin;
    retire(old, grace);
    return LULL_DONE;
}

void lull_plugin_free(struct lull_plugin *plugin, double grace)
{
    if (plugin == NULL)
        return;
    struct lull_realm *realm = plugin->realm;
    free_plugin(plugin);
    retire(realm, grace);
}

void lull__plugins_deinit(struct lull_tasks *tasks)
{
    while (!lull__list_empty(&tasks->plugins)) {
        struct lull_plugin *plugin =
            LULL_CONTAINER(tasks->plugins.next, struct lull_plugin, link);
        lull__list_remove(&plugin->link);
        lull__mem_free(tasks->mem, plugin, plugin->size);
    }
    while (!lull__list_empty(&tasks->lives)) {
        struct life *life = LULL_CONTAINER(tasks->lives.next, struct life, link);
        lull__list_remove(&life->link);
        lull_policy_unref(life->realm.policy);
        lull__mem_free(tasks->mem, life, sizeof *life);
    }
}
