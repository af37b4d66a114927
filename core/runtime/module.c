/* SPDX-License-Identifier: MIT */
/*
 * module.c -- the module `lull`, the replaced standard functions, and the
 * searcher for modules inside the library.
 */
#include "runtime/module.h"

#include "async/combine.h"
#include "async/scopelib.h"
#include "async/start.h"
#include "async/taskclass.h"
#include "base/error.h"
#include "runtime/corelib.h"
#include "runtime/drive.h"
#include "runtime/native.h"
#include "runtime/offer.h"
#include "sched/handle.h"
#include "stdlib/bounded.h"
#include "stdlib/coro.h"
#include "stdlib/find.h"
#include "stdlib/fresh.h"
#include "stdlib/iolib.h"
#include "stdlib/iter.h"
#include "stdlib/protect.h"
#include "stdlib/require.h"
#include "stdlib/sandbox.h"
#include "sync/sync.h"
#include "task/output.h"
#include "task/permission.h"
#include "task/promise.h"
#include "task/sink.h"
#include "task/view.h"
#include "worker/packname.h"
#include "worker/worker.h"

#include <string.h>

static int open_modules(lua_State *L);

/* Natives of the core itself. */
static const struct lull_builtin core_natives[] = {
    {.name = "lull.bundle.native", .open = lull__open_offer},
    {.name = "lull.core", .open = lull__open_core},
    {.name = "lull.core.modules", .open = open_modules},
    {.name = "lull.doc.native", .open = lull__open_reference},
    {.name = "lull.sync", .open = lull__open_sync},
    {.name = "lull.worker.native", .open = lull__open_worker},
    {.name = NULL},
};

static const luaL_Reg module_functions[] = {
    {"run", lull__l_run},
    {"await", lull__l_await},
    {"future", lull__l_future},
    {"is_error", lull__l_is_error},
    {"new_error", lull__l_new_error},
    {"on_error", lull__l_on_error},
    {"select", lull__l_select},
    {NULL, NULL},
};

/* ---- modules inside ------------------------------------------------------------- */

static const struct lull_builtin *find_builtin(const char *name)
{
    for (const struct lull_builtin *b = core_natives; b->name != NULL; b++) {
        if (strcmp(b->name, name) == 0)
            return b;
    }
    for (const struct lull_builtin *b = lull__builtins; b->name != NULL; b++) {
        if (strcmp(b->name, name) == 0)
            return b;
    }
    return NULL;
}

/* searcher(name) -> loader, ":lull:" | message.  Upvalue 2: globals, or nil for the own. */
static int l_searcher(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct lull_builtin *builtin = find_builtin(name);
    if (builtin == NULL) {
        lua_pushfstring(L, "no module '%s' in lull", name);
        return 1;
    }
    if (builtin->missing != NULL)
        return luaL_error(L, "%s needs %s, which this build of lull was made without",
                          name, builtin->missing);
    if (builtin->shared != NULL) {
        lull__push_shared_native(L, name, builtin->shared, builtin->package);
    } else if (builtin->open != NULL) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushcclosure(L, builtin->open, 1);
    } else {
        lua_pushfstring(L, "=[%s]", name);
        if (luaL_loadbufferx(L, builtin->source, builtin->size, lua_tostring(L, -1),
                             "t") != LUA_OK)
            return lua_error(L);
        if (lua_istable(L, lua_upvalueindex(2))) {
            lua_pushvalue(L, lua_upvalueindex(2));
            lua_setupvalue(L, -2, 1);
        }
    }
    lua_pushliteral(L, ":lull:");
    return 2;
}

static int returned_k(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

/* lull.name for a module lull.name: require it.  Upvalue 2 is require. */
static int lazy_module(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushfstring(L, "lull.%s", lua_tostring(L, 2));
    if (find_builtin(lua_tostring(L, -1)) == NULL)
        return 0;
    lua_callk(L, 1, 1, 0, returned_k);
    return returned_k(L, LUA_OK, 0);
}

/* ---- modules where not everything is allowed ------------------------------------------ */

/*
 * lull's own modules require each other by a `require` of their own, with a table of
 * loaded modules and globals of its own: what a script puts in the place of `pcall` would
 * be handed the require that asks for nothing.  Scripts get in by this gate only: their
 * rules say which modules they may have, and what these need is no matter of theirs.
 *
 * Most scripts need none of these modules, so the inner require is made for the first
 * that does.  A realm's home table, of packname.h, holds it and what making it needs.
 */
static const char inner_key = 'i'; /* of a home table: the inner require, once made */
static const char realm_key = 'r'; /* and its realm, a light userdata */

static int build_inner(lua_State *L);

/* Push the inner require.  Upvalue 2 is the home table of the gate's realm. */
static void push_inner_require(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    if (lua_rawgetp(L, -1, &inner_key) == LUA_TNIL) {
        lua_rawgetp(L, -2, &realm_key);
        struct lull_realm *realm = lua_touserdata(L, -1);
        lua_pop(L, 2);
        lua_pushvalue(L, -1);
        lull__fresh_call(L, lull__tasks(L), realm, build_inner);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, &inner_key);
    }
    lua_remove(L, -2);
}

/*
 * The loader that the gate gives for a module: it asks the inner require for that one
 * (upvalue 3), whatever name a script calls it with.
 */
static int load_inner(lua_State *L)
{
    lua_settop(L, 0);
    push_inner_require(L);
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_callk(L, 1, 1, 0, returned_k);
    return returned_k(L, LUA_OK, 0);
}

/* Is it a tool of the program's, or the inner half of a module? */
static bool is_internal(const char *name)
{
    static const char *const heads[] = {"check",    "core", "doc",  "lint",   "program",
                                        "programs", "repl", "test", "testing"};
    const char *head = strchr(name, '.');
    const char *tail = strrchr(name, '.');
    if (head == NULL)
        return false;
    size_t size = strcspn(++head, ".");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (strlen(heads[i]) == size && strncmp(heads[i], head, size) == 0)
            return true;
    }
    return strcmp(tail, ".native") == 0;
}

/* Module "lull.core.modules": the names of those that scripts use, each with true. */
static int open_modules(lua_State *L)
{
    const struct lull_builtin *const lists[] = {core_natives, lull__builtins};
    lua_createtable(L, 0, 64);
    for (int i = 0; i < 2; i++) {
        for (const struct lull_builtin *b = lists[i]; b->name != NULL; b++) {
            const char *tail = strchr(b->name, '.');
            if (tail != NULL && strncmp(tail, ".compat.", 8) == 0)
                tail += 7;
            if (is_internal(b->name) || (tail != NULL && strchr(tail + 1, '.') != NULL))
                continue;
            lua_pushboolean(L, true);
            lua_setfield(L, -2, b->name);
        }
    }
    return 1;
}

/* gate(name) -> loader, ":lull:" | message.  Upvalue 2 is the home table. */
static int l_gate(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct lull_realm *realm = lull__tasks(L)->realm;
    if (find_builtin(name) == NULL) {
        lua_pushfstring(L, "no module '%s' in lull", name);
        return 1;
    }
    if (is_internal(name) && !realm->all)
        return lull__deny(L, "require", LULL_MAY_ALL, NULL);
    if (!lull__policy_allows_module(realm->policy, name))
        return lull__deny_rule(L, "require", lua_pushfstring(L, "module=%s", name));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, load_inner, 3);
    lua_pushliteral(L, ":lull:");
    return 2;
}

/* Put the searcher on top into the list at 2, and pop it. */
static void add_searcher(lua_State *L, const struct lull_places *at)
{
    lua_getfield(L, at->package, "searchers");
    for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_insert(L, -2);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
}

/* Push a searcher of lull's modules, or the gate to them, with an upvalue at `index`. */
static void push_searcher(lua_State *L, struct lull_tasks *tasks, lua_CFunction fn,
                          int index)
{
    lua_pushlightuserdata(L, tasks);
    if (index != 0)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
    lua_pushcclosure(L, fn, 2);
}

/* Push require for the package and the loaded modules at these indices. */
static void push_require(lua_State *L, struct lull_tasks *tasks, int package, int loaded)
{
    lua_pushlightuserdata(L, tasks);
    lua_pushvalue(L, package);
    lua_pushvalue(L, loaded);
    lua_newtable(L);
    lua_pushcclosure(L, lull__l_require, 4);
}

/* ---- the Lua layer ------------------------------------------------------------------ */

/* Set field `name` of the table on top to `fn` with `upvalues`, the runtime first. */
static void set_function(lua_State *L, struct lull_tasks *tasks, const char *name,
                         lua_CFunction fn, int upvalues)
{
    lua_pushlightuserdata(L, tasks);
    for (int i = 1; i < upvalues; i++)
        lua_pushnil(L);
    lua_pushcclosure(L, fn, upvalues);
    lua_setfield(L, -2, name);
}

/* Into the table of this library, where Lua finds names for messages. */
static bool push_library(lua_State *L, const struct lull_places *at, const char *name)
{
    lua_getfield(L, at->loaded, name);
    if (lua_istable(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

static void replace_libraries(lua_State *L, struct lull_tasks *tasks,
                              const struct lull_places *at)
{
    if (push_library(L, at, LUA_COLIBNAME)) {
        lull_set_functions(L, lull__runtime_of(tasks), lull__coro_functions);
        lua_pop(L, 1);
    }
    if (push_library(L, at, LUA_STRLIBNAME)) {
        set_function(L, tasks, "gsub", lull__l_gsub, LULL__ITER_UPVALUES);
        lull_set_functions(L, lull__runtime_of(tasks), lull__find_functions);
        lua_pop(L, 1);
    }
    if (push_library(L, at, LUA_TABLIBNAME)) {
        set_function(L, tasks, "sort", lull__l_sort, LULL__ITER_UPVALUES);
        lua_pop(L, 1);
    }
    if (push_library(L, at, LUA_OSLIBNAME)) {
        set_function(L, tasks, "exit", lull__l_os_exit, 1);
        lua_pop(L, 1);
    }
    if (tasks->outlets.print != NULL && push_library(L, at, LUA_IOLIBNAME)) {
        lull__redirect_io(L, tasks);
        lua_pop(L, 1);
    }
    lull__bounded_init(L, tasks, at);
}

static void replace_globals(lua_State *L, struct lull_tasks *tasks,
                            const struct lull_places *at)
{
    lua_pushvalue(L, at->globals);
    set_function(L, tasks, "pcall", lull__l_pcall, 1);
    set_function(L, tasks, "xpcall", lull__l_xpcall, 1);
    lua_pushlightuserdata(L, tasks);
    lua_pushnil(L);
    if (tasks->realm->own)
        lua_pushnil(L); /* what lua_load gives is right */
    else
        lua_pushvalue(L, at->scripts);
    lua_pushcclosure(L, lull__l_load, LULL__LOAD_GLOBALS);
    lua_setfield(L, -2, "load");
    if (tasks->outlets.print != NULL)
        set_function(L, tasks, "print", lull__l_print, 1);
    lua_pop(L, 1);
}

/* Make the table on top load submodules with the require at `require`. */
static void load_lazily(lua_State *L, struct lull_tasks *tasks, int require)
{
    lua_createtable(L, 0, 1);
    push_searcher(L, tasks, lazy_module, require);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Push a table `lull`. */
static void push_lull(lua_State *L, struct lull_tasks *tasks, int require)
{
    static const luaL_Reg *const parts[] = {
        module_functions,      lull__start_functions,   lull__task_functions,
        lull__scope_functions, lull__combine_functions, lull__wait_functions};
    lua_createtable(L, 0, 64);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        lull_set_functions(L, lull__runtime_of(tasks), parts[i]);
    lua_pushliteral(L, LULL_VERSION);
    lua_setfield(L, -2, "version");
    load_lazily(L, tasks, require);
}

/* ---- environments ----------------------------------------------------------------------- */

/* The libraries are stock's: make them lull's, as far as the current realm is allowed. */
static void replace(lua_State *L, struct lull_tasks *tasks, const struct lull_places *at)
{
    replace_globals(L, tasks, at);
    replace_libraries(L, tasks, at);
}

/* Push what `at` tells the places of, but `scripts`. */
static void push_places(lua_State *L, struct lull_places *at)
{
    at->globals = lua_gettop(L) + 1;
    at->loaded = at->globals + 1;
    at->package = at->globals + 2;
    at->preload = at->globals + 3;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
}

/* Push `package` of lull's own modules, whose package.loaded is at `loaded`. */
static void push_inner_package(lua_State *L, int home, int loaded)
{
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, home); /* for lull.worker: where the realm's scripts are */
    lua_setfield(L, -2, "home");
    lua_newtable(L); /* package.loaded, as they see it: what they set is for everybody */
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, loaded);
    lua_setfield(L, -2, "__index");
    lua_rawgeti(L, home, LULL_HOME_LOADED);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "loaded");
}

/* build(tasks, home) -> the require of lull's own modules, in libraries that are new */
static int build_inner(lua_State *L)
{
    struct lull_tasks *tasks = lua_touserdata(L, 1);
    struct lull_places at = {.scripts = 3};
    luaL_openlibs(L);
    luaL_checkstack(L, 24, NULL);
    lua_rawgeti(L, 2, LULL_HOME_GLOBALS);
    push_places(L, &at);
    replace(L, tasks, &at);
    lull__sandbox_cut(L, tasks, &at);
    lua_createtable(L, 0, 16); /* loaded */
    int loaded = lua_gettop(L);
    push_inner_package(L, 2, loaded);
    push_require(L, tasks, loaded + 1, loaded);
    lua_createtable(L, 1, 0);
    push_searcher(L, tasks, l_searcher, at.globals);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, loaded + 1, "searchers");
    push_lull(L, tasks, loaded + 2);
    lua_setfield(L, loaded, "lull");
    lua_pushvalue(L, loaded + 1);
    lua_setfield(L, at.globals, "package");
    lua_pushvalue(L, loaded + 2);
    lua_setfield(L, at.globals, "require");
    return 1;
}

/* Push the home table of the current realm, with the require on top, which is popped. */
static void push_home(lua_State *L, struct lull_tasks *tasks,
                      const struct lull_places *at)
{
    lua_createtable(L, LULL_HOME_REQUIRE, 2);
    lua_insert(L, -2);
    lua_rawseti(L, -2, LULL_HOME_REQUIRE);
    lua_pushvalue(L, at->loaded);
    lua_rawseti(L, -2, LULL_HOME_LOADED);
    lua_pushvalue(L, at->globals);
    lua_rawseti(L, -2, LULL_HOME_GLOBALS);
    lua_pushlightuserdata(L, tasks->realm);
    lua_rawsetp(L, -2, &realm_key);
}

void lull__module_build(lua_State *L, struct lull_tasks *tasks)
{
    bool cut = !tasks->realm->all || !tasks->realm->own;
    struct lull_places at;
    luaL_checkstack(L, 24, NULL);
    push_places(L, &at);
    at.scripts = at.globals;
    int require = at.preload + 1;
    replace(L, tasks, &at);
    push_require(L, tasks, at.package, at.loaded);
    lua_pushvalue(L, require);
    lua_setfield(L, at.globals, "require");
    push_lull(L, tasks, require);
    lua_setfield(L, at.loaded, "lull");
    if (cut) {
        push_home(L, tasks, &at);
        push_searcher(L, tasks, l_gate, require);
        add_searcher(L, &at);
        lull__sandbox_cut(L, tasks, &at);
    } else {
        push_searcher(L, tasks, l_searcher, 0);
        add_searcher(L, &at);
        if (lull__handles_limited(lull__runtime_of(tasks))) {
            lua_getfield(L, at.loaded, LUA_IOLIBNAME);
            lull__cut_io(L, tasks);
        }
    }
    lull__offer_init(L, tasks, &at);
    lua_settop(L, at.globals - 1);
}

void lull__module_init(lua_State *L, struct lull_tasks *tasks)
{
    lull__require_init(L, tasks);
    lull__view_init(L, tasks);
    lull__module_build(L, tasks);
}
