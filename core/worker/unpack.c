/* SPDX-License-Identifier: MIT */
/*
 * unpack.c -- bytes to Lua values; pack.h says what they are.
 *
 * Functions that say that they may be kept are loaded once: the home table has them by
 * their bytecode and what their upvalues are.  Those are set each time.
 */
#include "worker/pack.h"

#include "base/error.h"

#include <string.h>

#define KEPT_FUNCTIONS 256 /* then it begins anew */

static const char kept_key =
    'K'; /* of the home table: bytecode -> function; 1 -> how many */

struct reader {
    lua_State *L;
    const uint8_t *at;
    const uint8_t *end;
    int home;            /* stack indices: whose the values are, pack.h; */
    int list;            /* the names of modules, */
    int objects;         /* number -> table or function */
    int used;            /* kept function -> true: it is in this message */
    lua_Integer modules; /* in the list */
    lua_Integer count;   /* of objects */
};

static void broken(lua_State *L)
{
    luaL_error(L, "what came from another thread is broken");
}

/* ---- bytes ---------------------------------------------------------------------- */

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static const void *take(struct reader *r, size_t size)
{
    if (size > left(r))
        broken(r->L);
    const void *bytes = r->at;
    r->at += size;
    return bytes;
}

static unsigned take_byte(struct reader *r)
{
    return *(const uint8_t *)take(r, 1);
}

static uint64_t take_number(struct reader *r)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned byte = take_byte(r);
        if (shift > 63)
            broken(r->L);
        number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return number;
    }
}

/* A number from `least` to `most`. */
static lua_Integer take_index(struct reader *r, lua_Integer least, lua_Integer most)
{
    uint64_t number = take_number(r);
    if (number > (uint64_t)INT64_MAX || (lua_Integer)number < least ||
        (lua_Integer)number > most)
        broken(r->L);
    return (lua_Integer)number;
}

static void push_string(struct reader *r)
{
    uint64_t size = take_number(r);
    if (size > left(r))
        broken(r->L);
    lua_pushlstring(r->L, take(r, (size_t)size), (size_t)size);
}

/* ---- modules ---------------------------------------------------------------------- */

/* Push the list of their names; `r` is at the beginning and stays there. */
static void push_list(struct reader *r)
{
    uint64_t at;
    const uint8_t *start = r->at;
    memcpy(&at, take(r, sizeof at), sizeof at);
    if (at < sizeof at || at > left(r) + sizeof at)
        broken(r->L);
    r->at = start + at;
    lua_newtable(r->L);
    r->modules = take_index(r, 0, (lua_Integer)left(r));
    for (lua_Integer i = 0; i < r->modules; i++) {
        push_string(r);
        lua_rawseti(r->L, -2, i + 1);
    }
    r->end = start + at;
    r->at = start + sizeof at;
}

/* Is there a `require` for whom this is? */
static bool has_modules(struct reader *r)
{
    bool has = lua_rawgeti(r->L, r->home, LULL_HOME_REQUIRE) != LUA_TNIL;
    lua_pop(r->L, 1);
    return has;
}

/* Push the module that comes next. */
static void push_module(struct reader *r)
{
    lua_State *L = r->L;
    lua_Integer number = take_index(r, 0, r->modules - 1);
    if (!has_modules(r)) {
        lua_rawgeti(L, r->list, number + 1);
        return;
    }
    lua_rawgeti(L, r->home, LULL_HOME_LOADED);
    int loaded = lua_gettop(L);
    lua_rawgeti(L, r->list, number + 1);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, loaded) == LUA_TNIL) { /* on its way back: it is loaded here */
        lua_rawgeti(L, r->home, LULL_HOME_REQUIRE);
        lua_pushvalue(L, loaded + 1);
        lua_call(L, 1, 1);
    }
    lua_replace(L, loaded);
    lua_settop(L, loaded);
}

static void push_member(struct reader *r)
{
    lua_State *L = r->L;
    push_module(r);
    push_string(r);
    if (!has_modules(r)) {
        lua_pushfstring(L, "%s.%s", lua_tostring(L, -2), lua_tostring(L, -1));
        lua_replace(L, -3);
        lua_pop(L, 1);
        return;
    }
    bool table = lua_istable(L, -2);
    if (table) {
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
    }
    if (!table || lua_isnil(L, -1))
        luaL_error(L, "the module that has '%s' has it not on this thread",
                   lua_tostring(L, table ? -2 : -1));
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* ---- objects ---------------------------------------------------------------------- */

/* Number the object on top. */
static void note_object(struct reader *r)
{
    lua_pushvalue(r->L, -1);
    lua_rawseti(r->L, r->objects, ++r->count);
}

static void push_error_object(lua_State *L)
{
    lua_newtable(L);
    lull_push_error(L, LULL_KIND_NONE, "%s", "");
    lua_getmetatable(L, -1);
    lua_setmetatable(L, -3);
    lua_pop(L, 1);
}

static void push_json_array(struct reader *r)
{
    lua_State *L = r->L;
    if (!has_modules(r)) {
        lua_newtable(L);
        return;
    }
    lua_rawgeti(L, r->home, LULL_HOME_OWN_REQUIRE);
    lua_pushliteral(L, LULL_PACK_JSON);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "array");
    lua_replace(L, -2);
    lua_call(L, 0, 1);
}

/* Push the table of kept functions. */
static void push_kept(lua_State *L, int home)
{
    if (lua_rawgetp(L, home, &kept_key) == LUA_TTABLE) {
        lua_rawgeti(L, -1, 1);
        bool full = lua_tointeger(L, -1) >= KEPT_FUNCTIONS;
        lua_pop(L, 1);
        if (!full)
            return;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, home, &kept_key);
}

static void load_function(lua_State *L, const char *code, size_t size)
{
    if (luaL_loadbufferx(L, code, size, "=worker", "b") != LUA_OK)
        lua_error(L);
    lua_pushnil(L); /* not the globals that lua_load knows */
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
}

/* Push a function that is kept, or will be from now on. */
static void push_kept_function(struct reader *r, const char *code, size_t size)
{
    lua_State *L = r->L;
    push_kept(L, r->home);
    int kept = lua_gettop(L);
    lua_pushlstring(L, code, size);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, kept) == LUA_TFUNCTION) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, r->used) != LUA_TNIL) { /* with other upvalues, maybe */
            lua_settop(L, kept - 1);
            load_function(L, code, size);
            return;
        }
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        load_function(L, code, size);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, kept);
        lua_rawgeti(L, kept, 1);
        lua_pushinteger(L, lua_tointeger(L, -1) + 1);
        lua_rawseti(L, kept, 1);
        lua_pop(L, 1);
    }
    lua_replace(L, kept);
    lua_settop(L, kept);
    lua_pushvalue(L, kept);
    lua_pushboolean(L, 1);
    lua_rawset(L, r->used);
}

static void push_function(struct reader *r)
{
    uint32_t size;
    unsigned keep = take_byte(r);
    memcpy(&size, take(r, sizeof size), sizeof size);
    const char *code = take(r, size);
    if (keep != 0)
        push_kept_function(r, code, size);
    else
        load_function(r->L, code, size);
}

/* ---- values ------------------------------------------------------------------------ */

static void push_number(struct reader *r, unsigned tag)
{
    if (tag == LULL_PACK_INTEGER) {
        uint64_t bits = take_number(r);
        lua_pushinteger(r->L, (lua_Integer)(bits >> 1 ^ (0 - (bits & 1))));
    } else {
        lua_Number number;
        memcpy(&number, take(r, sizeof number), sizeof number);
        lua_pushnumber(r->L, number);
    }
}

/* Push an object that comes up first. */
static void push_object(struct reader *r, unsigned tag)
{
    if (tag == LULL_PACK_TABLE)
        lua_newtable(r->L);
    else if (tag == LULL_PACK_ERROR)
        push_error_object(r->L);
    else if (tag == LULL_PACK_ARRAY)
        push_json_array(r);
    else
        push_function(r);
    note_object(r);
}

/* Push the value that comes next and has this tag. */
static void push_tagged(struct reader *r, unsigned tag)
{
    lua_State *L = r->L;
    switch (tag) {
    case LULL_PACK_NIL:
        lua_pushnil(L);
        break;
    case LULL_PACK_FALSE:
    case LULL_PACK_TRUE:
        lua_pushboolean(L, tag == LULL_PACK_TRUE);
        break;
    case LULL_PACK_INTEGER:
    case LULL_PACK_FLOAT:
        push_number(r, tag);
        break;
    case LULL_PACK_STRING:
        push_string(r);
        break;
    case LULL_PACK_TABLE:
    case LULL_PACK_ERROR:
    case LULL_PACK_ARRAY:
    case LULL_PACK_FUNCTION:
        push_object(r, tag);
        break;
    case LULL_PACK_REF:
        lua_rawgeti(L, r->objects, take_index(r, 1, r->count));
        break;
    case LULL_PACK_GLOBALS:
        lua_rawgeti(L, r->home, LULL_HOME_GLOBALS);
        break;
    case LULL_PACK_MODULE:
        push_module(r);
        break;
    case LULL_PACK_MEMBER:
        push_member(r);
        break;
    default:
        broken(L);
    }
}

static void push_value(struct reader *r)
{
    push_tagged(r, take_byte(r));
}

/* ---- contents ------------------------------------------------------------------------ */

/* Read what is in the table on top. */
static void take_fields(struct reader *r)
{
    lua_State *L = r->L;
    int table = lua_gettop(L);
    lua_Integer length = 0;
    for (unsigned tag; (tag = take_byte(r)) != LULL_PACK_END;) {
        push_tagged(r, tag);
        lua_rawseti(L, table, ++length);
    }
    for (unsigned tag; (tag = take_byte(r)) != LULL_PACK_END;) {
        push_tagged(r, tag);
        if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER &&
                                 lua_tonumber(L, -1) != lua_tonumber(L, -1)))
            broken(L);
        push_value(r);
        lua_rawset(L, table);
    }
}

/* Make upvalue `i` of the function on top the same variable as another's. */
static void join_upvalue(struct reader *r, int i)
{
    lua_State *L = r->L;
    lua_rawgeti(L, r->objects, take_index(r, 1, r->count));
    int other = (int)take_index(r, 1, 255);
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1) ||
        lua_getupvalue(L, -1, other) == NULL)
        broken(L);
    lua_pop(L, 1);
    if (lua_getupvalue(L, -2, i) == NULL)
        broken(L);
    lua_pop(L, 1);
    lua_upvaluejoin(L, -2, i, -1, other);
    lua_pop(L, 1);
}

/* Read the upvalues of the function on top. */
static void take_upvalues(struct reader *r)
{
    lua_State *L = r->L;
    int function = lua_gettop(L);
    int count = (int)take_index(r, 0, 255);
    for (int i = 1; i <= count; i++) {
        unsigned tag = take_byte(r);
        if (tag == LULL_PACK_JOIN) {
            join_upvalue(r, i);
            continue;
        }
        push_tagged(r, tag);
        if (lua_setupvalue(L, function, i) == NULL)
            broken(L);
    }
}

int lull__unpack(lua_State *L, int home, const void *bytes, size_t size)
{
    struct reader r = {
        .L = L, .at = bytes, .end = (const uint8_t *)bytes + size, .home = home};
    luaL_checkstack(L, 16, NULL);
    push_list(&r);
    r.list = lua_gettop(L);
    lua_newtable(L);
    lua_newtable(L);
    r.objects = r.list + 1;
    r.used = r.list + 2;
    int count =
        (int)take_index(&r, 0, (lua_Integer)(left(&r) < 1000000 ? left(&r) : 1000000));
    luaL_checkstack(L, count + 16, "too many values");
    for (int i = 0; i < count; i++)
        push_value(&r);
    for (lua_Integer i = 1; i <= r.count; i++) {
        lua_rawgeti(L, r.objects, i);
        if (lua_istable(L, -1))
            take_fields(&r);
        else
            take_upvalues(&r);
        lua_pop(L, 1);
    }
    for (int i = 0; i < 3; i++)
        lua_remove(L, r.list);
    return count;
}

void lull__unpack_modules(lua_State *L, const void *bytes, size_t size)
{
    struct reader r = {.L = L, .at = bytes, .end = (const uint8_t *)bytes + size};
    luaL_checkstack(L, 8, NULL);
    push_list(&r);
}
