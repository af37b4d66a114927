/* SPDX-License-Identifier: MIT */
/*
 * shadow.c -- setmetatable, getmetatable and rawset with shadows.
 *
 * A shadow has the metamethods by name; at the key `origin` the script's table; at 1
 * the set of those that the table had when it was last looked at, as bits.  These are
 * compared at each setmetatable; the others only when no guard has watched.
 *
 * The functions share their upvalues: the runtime, the places below, and the names.
 */
#include "stdlib/shadow.h"

#include "task/class.h"

#include <string.h>

/* In the order in which they are upvalues, from NAMES on. */
static const char *const names[] = {
    "__index",  "__newindex", "__gc",   "__mode",     "__call",  "__metatable",
    "__len",    "__eq",       "__add",  "__sub",      "__mul",   "__mod",
    "__pow",    "__div",      "__idiv", "__band",     "__bor",   "__bxor",
    "__shl",    "__shr",      "__unm",  "__bnot",     "__lt",    "__le",
    "__concat", "__close",    "__name", "__tostring", "__pairs", "__await",
};

enum metamethod { INDEX, NEWINDEX, GC, MODE, CALL, METATABLE };

#define EVENTS ((int)(sizeof names / sizeof names[0]))
#define ALL    (((lua_Integer)1 << EVENTS) - 1)

enum upvalue { RUNTIME = 1, SHADOWS, GUARD, FINALIZER, NAMES };

#define UP(i)   lua_upvalueindex(i)
#define NAME(i) lua_upvalueindex(NAMES + (int)(i))

static const char origin_key = 'o'; /* in shadows */
static const char view_key = 'v';   /* in metatables of views: what is viewed */
static const char shared_key = 's'; /* registry: a table of SHADOWS and GUARD */

/* What a table has in SHADOWS: keys are its address and this. */
enum kind { PLAIN, GUARDED, VIEW };

static const void *key_of(lua_State *L, int table, enum kind kind)
{
    return (const char *)lua_topointer(L, table) + kind;
}

/* The script's table of the metatable on top, pushed; or nil. */
static bool push_origin(lua_State *L)
{
    return lua_rawgetp(L, -1, &origin_key) == LUA_TTABLE;
}

bool lull__shadow_origin(lua_State *L, int arg)
{
    if (!lua_getmetatable(L, arg))
        return false;
    bool found = push_origin(L);
    lua_remove(L, -2);
    if (!found)
        lua_pop(L, 1);
    return found;
}

bool lull__shadow_is_guard(lua_State *L)
{
    int top = lua_gettop(L);
    bool guard = lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key) == LUA_TTABLE &&
                 lua_rawgeti(L, -1, 2) == LUA_TTABLE && lua_rawequal(L, -1, top);
    lua_settop(L, top);
    return guard;
}

/* ---- single metamethods ---------------------------------------------------------- */

static int call_k(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    return lua_gettop(L);
}

/* __call that is no function: upvalue 1 called with the same arguments. */
static int call_through(lua_State *L)
{
    luaL_checkstack(L, 1, NULL);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, call_k);
    return call_k(L, LUA_OK, 0);
}

/* A shadow being brought up to date: indices on the stack. */
struct shadow {
    int table; /* the script's */
    int self;
    enum kind kind;
    bool is_new; /* it has nothing yet */
};

/* The callable on top, as a function. */
static void make_function(lua_State *L, const struct shadow *shadow)
{
    lua_pushvalue(L, NAME(CALL));
    lua_rawget(L, shadow->self);
    if (lua_tocfunction(L, -1) == call_through && lua_getupvalue(L, -1, 1) != NULL) {
        bool same = lua_rawequal(L, -1, -3);
        lua_pop(L, 1);
        if (same) { /* the one it has */
            lua_replace(L, -2);
            return;
        }
    }
    lua_pop(L, 1);
    lua_pushcclosure(L, call_through, 1);
}

/* Make of the metamethod on top, nil or not, what the shadow is to have. */
static void adapt(lua_State *L, const struct shadow *shadow, int event)
{
    bool there = !lua_isnil(L, -1);
    if (event == NEWINDEX && !there && shadow->kind == GUARDED) {
        lua_pop(L, 1);
        lua_pushvalue(L, NAME(NEWINDEX));
        lua_rawget(L, UP(GUARD));
    } else if (event == GC && there) {
        lua_pop(L, 1);
        lua_pushvalue(L, UP(FINALIZER));
    } else if (event == MODE && lua_type(L, -1) == LUA_TSTRING) {
        const char *mode = lua_tostring(L, -1);
        if (strchr(mode, 'k') != NULL && strchr(mode, 'v') == NULL) {
            lua_pop(L, 1);
            lua_pushnil(L);
        }
    } else if (event == CALL && there && !lua_isfunction(L, -1)) {
        make_function(L, shadow);
    }
}

/* Bring one metamethod up to date.  Returns whether the table has it. */
static bool update_event(lua_State *L, const struct shadow *shadow, int event)
{
    lua_pushvalue(L, NAME(event));
    bool there = lua_rawget(L, shadow->table) != LUA_TNIL;
    if (event <= CALL)
        adapt(L, shadow, event);
    if (shadow->is_new && lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return there;
    }
    lua_pushvalue(L, NAME(event));
    lua_rawget(L, shadow->self);
    if (lua_rawequal(L, -1, -2)) {
        lua_pop(L, 2);
        return there;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, NAME(event));
    lua_insert(L, -2);
    lua_rawset(L, shadow->self);
    return there;
}

static lua_Integer get_bits(lua_State *L, int shadow)
{
    lua_rawgeti(L, shadow, 1);
    lua_Integer bits = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return bits;
}

static void set_bits(lua_State *L, int shadow, lua_Integer bits)
{
    lua_pushinteger(L, bits);
    lua_rawseti(L, shadow, 1);
}

/* watched: no metamethod was added unseen. */
static void update(lua_State *L, const struct shadow *shadow, bool watched)
{
    lua_Integer had = get_bits(L, shadow->self);
    lua_Integer has = had == ALL ? 0 : had;
    lua_Integer look_at = watched ? had : ALL;
    for (int event = 0; look_at >> event != 0; event++) {
        lua_Integer bit = (lua_Integer)1 << event;
        if (look_at & bit && update_event(L, shadow, event))
            has |= bit;
    }
    if (has != had)
        set_bits(L, shadow->self, has);
}

/* Push the shadow of the table, up to date.  Until it is, it is marked as in need. */
static void push_shadow(lua_State *L, int table, enum kind kind, bool watched)
{
    const void *key = key_of(L, table, kind);
    struct shadow shadow = {table, lua_gettop(L) + 1, kind, false};
    if (lua_rawgetp(L, UP(SHADOWS), key) != LUA_TTABLE) {
        shadow.is_new = true;
        lua_pop(L, 1);
        lua_createtable(L, 1, 3);
        lua_pushvalue(L, table);
        lua_rawsetp(L, -2, &origin_key);
        set_bits(L, shadow.self, ALL);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, UP(SHADOWS), key);
    }
    update(L, &shadow, watched);
}

/* Does the table have a shadow of this kind?  Pushes it, or nil. */
static bool find_shadow(lua_State *L, int table, enum kind kind)
{
    return lua_rawgetp(L, UP(SHADOWS), key_of(L, table, kind)) == LUA_TTABLE;
}

/* ---- guards ------------------------------------------------------------------------ */

/*
 * Set field 2 of the table at 1 to 3, and those of its shadows.  Of __gc they only note
 * that it is there: it counts from the next setmetatable on.
 */
static void set_raw(lua_State *L)
{
    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_rawset(L, 1);
    if (lua_type(L, 2) != LUA_TSTRING || strncmp(lua_tostring(L, 2), "__", 2) != 0)
        return;
    for (int event = 0; event < EVENTS; event++) {
        if (!lua_rawequal(L, 2, NAME(event)))
            continue;
        for (int kind = PLAIN; kind <= GUARDED; kind++) {
            struct shadow shadow = {1, 4, (enum kind)kind, false};
            if (find_shadow(L, 1, shadow.kind)) {
                set_bits(L, 4, get_bits(L, 4) | (lua_Integer)1 << event);
                if (event != GC)
                    update_event(L, &shadow, event);
            }
            lua_settop(L, 3);
        }
    }
}

/* __newindex of guarded metatables: a new key has come. */
static int guard_newindex(lua_State *L)
{
    if (lua_isnil(L, 2))
        return luaL_error(L, "table index is nil");
    if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2))
        return luaL_error(L, "table index is NaN");
    set_raw(L);
    return 0;
}

/* Have new keys of the table watched, if that can be: the table has been looked at. */
static void watch(lua_State *L, int table)
{
    if (!lua_getmetatable(L, table)) {
        lua_pushvalue(L, UP(GUARD));
        lua_setmetatable(L, table);
        return;
    }
    lua_pushvalue(L, NAME(NEWINDEX));
    bool free = lua_rawget(L, -2) == LUA_TNIL;
    lua_pop(L, 1);
    if (free && push_origin(L)) {
        push_shadow(L, lua_gettop(L), GUARDED, false);
        lua_setmetatable(L, table);
    }
}

/* Are new keys of the table watched? */
static bool is_watched(lua_State *L, int table)
{
    if (!lua_getmetatable(L, table))
        return false;
    lua_pushvalue(L, NAME(NEWINDEX));
    lua_rawget(L, -2);
    bool watched = lua_tocfunction(L, -1) == guard_newindex;
    lua_pop(L, 2);
    return watched;
}

/* ---- what scripts call ---------------------------------------------------------------- */

static int view_newindex(lua_State *L)
{
    return luaL_error(L, "this metatable is not the script's to change");
}

/* Replace the metatable on top, made in C, by a view of it. */
static void make_view(lua_State *L)
{
    int real = lua_gettop(L);
    if (!find_shadow(L, real, VIEW)) {
        lua_settop(L, real);
        lua_newtable(L);
        lua_createtable(L, 0, 3);
        lua_pushvalue(L, real);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, view_newindex);
        lua_setfield(L, -2, "__newindex");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, real);
        lua_rawsetp(L, -2, &view_key);
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, UP(SHADOWS), key_of(L, real, VIEW));
    }
    lua_replace(L, real);
}

/* getmetatable(value) */
static int l_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (!lua_getmetatable(L, 1) || lua_rawequal(L, -1, UP(GUARD))) {
        lua_pushnil(L);
        return 1;
    }
    bool own = push_origin(L);
    lua_pushvalue(L, NAME(METATABLE));
    if (lua_rawget(L, own ? 3 : 2) != LUA_TNIL)
        return 1;
    lua_pop(L, own ? 1 : 2);
    if (!own)
        make_view(L);
    return 1;
}

static void check_unprotected(lua_State *L)
{
    if (!lua_getmetatable(L, 1))
        return;
    bool own = push_origin(L);
    lua_pushvalue(L, NAME(METATABLE));
    if (lua_rawget(L, own ? -2 : -3) != LUA_TNIL)
        luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
}

/* If what is at 2 is a view: give the value at 1 what it shows, with __gc only if `any`. */
static bool set_viewed(lua_State *L, bool any)
{
    bool set = false;
    if (!lua_getmetatable(L, 2))
        return false;
    if (lua_rawgetp(L, -1, &view_key) == LUA_TTABLE) {
        lua_pushvalue(L, NAME(GC));
        set = lua_rawget(L, -2) == LUA_TNIL || any;
        lua_pop(L, 1);
    }
    if (set)
        lua_setmetatable(L, 1);
    lua_settop(L, set ? 1 : 2);
    return set;
}

/* Give the value at 1 the table at 2, or nil, as its metatable. */
static int set_metatable(lua_State *L)
{
    bool is_table = lua_type(L, 1) == LUA_TTABLE;
    bool guarded = is_table && (lua_rawequal(L, 1, 2) || find_shadow(L, 1, PLAIN) ||
                                find_shadow(L, 1, GUARDED));
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        if (guarded)
            lua_pushvalue(L, UP(GUARD));
    } else {
        bool watched = is_watched(L, 2);
        push_shadow(L, 2, guarded ? GUARDED : PLAIN, watched);
        if (!watched) {
            watch(L, 2);
            lua_settop(L, 3);
        }
    }
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static void check_metatable(lua_State *L)
{
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
}

/* setmetatable(table, metatable | nil) -> table */
static int l_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    check_metatable(L);
    check_unprotected(L);
    return set_viewed(L, false) ? 1 : set_metatable(L);
}

/* rawset(table, key, value) -> table */
static int l_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    set_raw(L);
    lua_settop(L, 1);
    return 1;
}

/* debug.getmetatable(value): however it is protected, and whoever made it */
static int l_debug_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1) || lua_rawequal(L, -1, UP(GUARD)))
        lua_pushnil(L);
    else if (!push_origin(L))
        lua_pop(L, 1);
    return 1;
}

/* debug.setmetatable(value, metatable | nil) -> value */
static int l_debug_setmetatable(lua_State *L)
{
    check_metatable(L);
    return set_viewed(L, true) ? 1 : set_metatable(L);
}

/* ---- setting up ------------------------------------------------------------------------ */

/* A function with the upvalues that are at the top of the stack, which stay. */
static void push_function(lua_State *L, lua_CFunction fn)
{
    int first = lua_gettop(L) - (NAMES - 1 + EVENTS) + 1;
    for (int i = 0; i < NAMES - 1 + EVENTS; i++)
        lua_pushvalue(L, first + i);
    lua_pushcclosure(L, fn, NAMES - 1 + EVENTS);
}

/* In a library, if it is there and has the function. */
static void replace(lua_State *L, int library, const char *name, lua_CFunction fn)
{
    if (!lua_istable(L, library))
        return;
    bool there = lua_getfield(L, library, name) != LUA_TNIL;
    lua_pop(L, 1);
    if (there) {
        push_function(L, fn);
        lua_setfield(L, library, name);
    }
}

/* Push what all realms have in common: SHADOWS and GUARD, which is yet to be filled. */
static bool push_shared(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key) == LUA_TTABLE) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        lua_remove(L, -3);
        return true;
    }
    lua_pop(L, 1);
    lua_createtable(L, 2, 0);
    lull__push_weak(L, "v");
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, 1);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -4, 2);
    lua_pushvalue(L, -3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &shared_key);
    lua_remove(L, -3);
    return false;
}

void lull__shadow_init(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 2 * (NAMES + EVENTS) + 8, NULL);
    lua_getfield(L, at->loaded, LUA_DBLIBNAME);
    lua_pushlightuserdata(L, tasks);
    bool shared = push_shared(L);
    int guard = lua_gettop(L);
    lua_pushvalue(L, top);
    for (int i = 0; i < EVENTS; i++)
        lua_pushstring(L, names[i]);
    if (!shared) {
        push_function(L, guard_newindex);
        lua_setfield(L, guard, names[NEWINDEX]);
    }
    replace(L, at->globals, "setmetatable", l_setmetatable);
    replace(L, at->globals, "getmetatable", l_getmetatable);
    replace(L, at->globals, "rawset", l_rawset);
    replace(L, top + 1, "setmetatable", l_debug_setmetatable);
    replace(L, top + 1, "getmetatable", l_debug_getmetatable);
    lua_settop(L, top - 1);
}
