/* SPDX-License-Identifier: MIT */
/*
 * pack.c -- Lua values to bytes.
 *
 * A table or function gets a number when it comes up first, and goes to the end
 * of a queue; what is in it is written when its turn comes.  The queue also
 * keeps where each came up: the path of what cannot travel.
 *
 * The bytes are in a userdata that is replaced by one twice as large: whatever
 * raises, there is nothing to give back.
 */
#include "worker/pack.h"

#include "base/error.h"
#include "lull_ext.h"
#include "stdlib/shadow.h"
#include "worker/packname.h"

#include <string.h>

#define FIRST_SIZE 256
#define LONG_PATH  50   /* steps */
#define VALUES     1024 /* between two looks at the time */
#define SLOTS      3    /* of the queue, per object: itself, where it came up, as what */

struct writer {
    lua_State *L;
    const struct lull_packing *what;
    uint8_t *bytes; /* in the userdata at `box` */
    size_t size;
    size_t capacity;
    int box;             /* stack indices: the userdata, */
    int seen;            /* object -> number; upvalue id -> function * 256 + upvalue */
    int queue;           /* the objects, SLOTS each */
    int modules;         /* name -> its place in the list, and the list */
    lua_Integer objects; /* in the queue */
    lua_Integer current; /* whose contents are being written; 0: the values given */
    lua_Integer listed;  /* modules */
    unsigned values;     /* so far, for looking at the time */
    struct lull_names names;
};

/* ---- bytes -------------------------------------------------------------------- */

static void grow(struct writer *w, size_t size)
{
    lua_State *L = w->L;
    if (size > LULL_PACK_LIMIT - w->size)
        lull_raise(L, LULL_KIND_LIMIT, "more than %d MiB cannot travel at once",
                   (int)(LULL_PACK_LIMIT >> 20));
    size_t capacity = w->capacity != 0 ? w->capacity : FIRST_SIZE;
    while (capacity < w->size + size)
        capacity *= 2;
    uint8_t *bytes = lua_newuserdatauv(L, capacity, 1);
    if (w->size > 0)
        memcpy(bytes, w->bytes, w->size);
    lua_replace(L, w->box);
    w->bytes = bytes;
    w->capacity = capacity;
}

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (size > w->capacity - w->size)
        grow(w, size);
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void put_byte(struct writer *w, unsigned byte)
{
    if (w->size == w->capacity)
        grow(w, 1);
    w->bytes[w->size++] = (uint8_t)byte;
}

static void put_number(struct writer *w, uint64_t number)
{
    for (; number > 127; number >>= 7)
        put_byte(w, (unsigned)(number & 127) | 128);
    put_byte(w, (unsigned)number);
}

/* The string at `index`, without a tag. */
static void put_string(struct writer *w, int index)
{
    size_t size;
    const char *text = lua_tolstring(w->L, index, &size);
    put_number(w, size);
    put(w, text, size);
}

/* ---- what cannot travel --------------------------------------------------------- */

/* Push the path to field `key` (at that stack index) of the object being written. */
static const char *push_path(struct writer *w, int key)
{
    lua_State *L = w->L;
    luaL_checkstack(L, 12, NULL);
    lua_pushvalue(L, key);
    lua_pushliteral(L, "");
    int path = lua_gettop(L); /* with the key before it below */
    lua_Integer at = w->current;
    for (int steps = 0; at != 0; steps++) {
        lua_pushvalue(L, path - 1);
        lua_rawgeti(L, w->queue, (at - 1) * SLOTS + 1);
        lull__push_step(L);
        lua_pushvalue(L, path);
        if (steps < LONG_PATH)
            lua_concat(L, 2);
        else if (steps == LONG_PATH)
            lua_pushfstring(L, "...%s", lua_tostring(L, path));
        lua_replace(L, path);
        lua_rawgeti(L, w->queue, (at - 1) * SLOTS + 3);
        lua_replace(L, path - 1);
        lua_rawgeti(L, w->queue, (at - 1) * SLOTS + 2);
        at = lua_tointeger(L, -1);
        lua_settop(L, path);
    }
    lua_Integer number = lua_tointeger(L, path - 1) + w->what->base;
    return lua_pushfstring(L, "%s %I%s", w->what->label, (LUAI_UACINT)number,
                           lua_tostring(L, path));
}

/* Raise that field `key` of the object being written cannot travel. */
static void refuse(struct writer *w, int key, const char *why)
{
    lua_State *L = w->L;
    const char *path = push_path(w, key);
    lull_push_error(L, LULL_KIND_USAGE, "%s: %s cannot travel", path, why);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "path");
    lua_error(L);
}

/* ---- values ------------------------------------------------------------------------ */

/* Write the reference that the pair on top is, and pop it. */
static void put_name(struct writer *w)
{
    lua_State *L = w->L;
    int pair = lua_gettop(L);
    bool member = lua_rawgeti(L, pair, 2) != LUA_TNIL;
    lua_rawgeti(L, pair, 1);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, w->modules) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushinteger(L, w->listed);
        lua_rawset(L, w->modules);
        lua_pushvalue(L, -1);
        lua_rawseti(L, w->modules, ++w->listed);
        lua_pushinteger(L, w->listed - 1);
    }
    put_byte(w, member ? LULL_PACK_MEMBER : LULL_PACK_MODULE);
    put_number(w, (uint64_t)lua_tointeger(L, -1));
    if (member)
        put_string(w, pair + 1);
    lua_settop(L, pair - 1);
}

/* Number the object at `index`, which came up as `key` of the one being written. */
static void enqueue(struct writer *w, int index, int key)
{
    lua_State *L = w->L;
    lua_Integer at = w->objects++ * SLOTS;
    lua_pushvalue(L, index);
    lua_rawseti(L, w->queue, at + 1);
    lua_pushinteger(L, w->current);
    lua_rawseti(L, w->queue, at + 2);
    lua_pushvalue(L, key);
    lua_rawseti(L, w->queue, at + 3);
    lua_pushvalue(L, index);
    lua_pushinteger(L, w->objects);
    lua_rawset(L, w->seen);
}

/* Did lull.json.array mark the table at `index`? */
static bool is_json_array(struct writer *w, int index)
{
    lua_State *L = w->L;
    bool marked = false;
    int top = lua_gettop(L);
    if (lua_rawgeti(L, w->what->home, LULL_HOME_OWN_LOADED) == LUA_TTABLE &&
        lua_getfield(L, -1, LULL_PACK_JSON) == LUA_TTABLE &&
        lua_getfield(L, -1, "is_array") == LUA_TFUNCTION) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        marked = lua_toboolean(L, -1);
    }
    lua_settop(L, top);
    return marked;
}

static void put_table(struct writer *w, int index, int key)
{
    lua_State *L = w->L;
    unsigned tag = LULL_PACK_TABLE;
    lua_rawgeti(L, w->what->home, LULL_HOME_GLOBALS);
    bool globals = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    if (globals) {
        put_byte(w, LULL_PACK_GLOBALS);
        return;
    }
    if (lull__push_name(w->L, &w->names, index)) {
        put_name(w);
        return;
    }
    if (lull__is_error(L, index))
        tag = LULL_PACK_ERROR;
    else if (lua_getmetatable(L, index)) {
        bool none = lull__shadow_is_guard(L);
        lua_pop(L, 1);
        if (none)
            tag = LULL_PACK_TABLE;
        else if (is_json_array(w, index))
            tag = LULL_PACK_ARRAY;
        else
            refuse(w, key, "a table with a metatable");
    }
    put_byte(w, tag);
    enqueue(w, index, key);
}

static int on_dumped(lua_State *L, const void *bytes, size_t size, void *box)
{
    (void)L;
    put(box, bytes, size);
    return 0;
}

/* Is the upvalue on top one that is found over there: globals, what a module has? */
static bool is_elsewhere(struct writer *w, const char *name)
{
    lua_State *L = w->L;
    int type = lua_type(L, -1);
    if (strcmp(name, "_ENV") == 0)
        return true;
    if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA)
        return false;
    lua_rawgeti(L, w->what->home, LULL_HOME_GLOBALS);
    bool globals = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    bool named = !globals && lull__push_name(w->L, &w->names, lua_gettop(L));
    lua_pop(L, named ? 1 : 0);
    return globals || named;
}

/*
 * Write what the upvalues of the function at `index` are, if each is elsewhere: then the
 * receiver may keep the function for the next time, told by its bytecode with this
 * behind it.  Not if it takes along what is a copy for this time only.
 */
static bool put_relations(struct writer *w, int index)
{
    lua_State *L = w->L;
    int value = lua_gettop(L) + 1;
    size_t start = w->size;
    bool kept = true;
    const char *name;
    for (int i = 1; kept && (name = lua_getupvalue(L, index, i)) != NULL; i++) {
        kept = is_elsewhere(w, name);
        bool named =
            kept && strcmp(name, "_ENV") != 0 && lull__push_name(L, &w->names, value);
        put_byte(w, named);
        for (int part = 1; named && part <= 2; part++) {
            bool there = lua_rawgeti(L, value + 1, part) != LUA_TNIL;
            put_byte(w, there);
            if (there)
                put_string(w, lua_gettop(L));
        }
        lua_settop(L, value - 1);
    }
    if (!kept)
        w->size = start;
    return kept;
}

static void put_function(struct writer *w, int index, int key)
{
    lua_State *L = w->L;
    if (lull__push_name(w->L, &w->names, index)) {
        put_name(w);
        return;
    }
    if (lua_iscfunction(L, index))
        refuse(w, key, "a C function that no module has");
    put_byte(w, LULL_PACK_FUNCTION);
    put_byte(w, false);
    uint32_t length = 0;
    size_t at = w->size;
    put(w, &length, sizeof length);
    lua_pushvalue(L, index);
    lua_dump(L, on_dumped, w, 0);
    lua_pop(L, 1);
    bool kept = put_relations(w, index);
    w->bytes[at - 1] = kept;
    length = (uint32_t)(w->size - at - sizeof length);
    memcpy(w->bytes + at, &length, sizeof length);
    enqueue(w, index, key);
}

/* Write a userdata, thread or light userdata, if a module has it. */
static void put_named(struct writer *w, int index, int key)
{
    lua_State *L = w->L;
    if (lull__push_name(w->L, &w->names, index)) {
        put_name(w);
        return;
    }
    if (lua_isthread(L, index))
        refuse(w, key, "a coroutine");
    if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING)
        refuse(w, key, "a userdata");
    refuse(w, key, lua_pushfstring(L, "a userdata (%s)", lua_tostring(L, -1)));
}

static void put_integer(struct writer *w, lua_Integer value)
{
    uint64_t bits = (uint64_t)value;
    put_byte(w, LULL_PACK_INTEGER);
    put_number(w, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

/*
 * Write the value at `index`, which is field `key` (a stack index) of the object
 * being written.  Leaves the stack as it was.
 */
static void put_value(struct writer *w, int index, int key)
{
    lua_State *L = w->L;
    int type = lua_type(L, index);
    if (++w->values % VALUES == 0 && w->what->timed)
        lull_check_time(L);
    switch (type) {
    case LUA_TNIL:
        put_byte(w, LULL_PACK_NIL);
        return;
    case LUA_TBOOLEAN:
        put_byte(w, lua_toboolean(L, index) ? LULL_PACK_TRUE : LULL_PACK_FALSE);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            put_integer(w, lua_tointeger(L, index));
        } else {
            lua_Number number = lua_tonumber(L, index);
            put_byte(w, LULL_PACK_FLOAT);
            put(w, &number, sizeof number);
        }
        return;
    case LUA_TSTRING:
        put_byte(w, LULL_PACK_STRING);
        put_string(w, index);
        return;
    default:
        break;
    }
    lua_pushvalue(L, index);
    bool object = type == LUA_TTABLE || type == LUA_TFUNCTION;
    if (lua_rawget(L, w->seen) == LUA_TNUMBER && object) {
        put_byte(w, LULL_PACK_REF);
        put_number(w, (uint64_t)lua_tointeger(L, -1));
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    if (type == LUA_TTABLE)
        put_table(w, index, key);
    else if (type == LUA_TFUNCTION)
        put_function(w, index, key);
    else
        put_named(w, index, key);
}

/* ---- contents ------------------------------------------------------------------------ */

/*
 * Write what is in the table on top: its list, as far as it has no holes, then its other
 * fields.  The length that Lua gives may be far greater than what there is.
 */
static void put_fields(struct writer *w)
{
    lua_State *L = w->L;
    int table = lua_gettop(L);
    lua_Integer length = 0;
    lua_pushinteger(L, 1);
    while (lua_rawgeti(L, table, length + 1) != LUA_TNIL) {
        put_value(w, table + 2, table + 1);
        lua_settop(L, table);
        lua_pushinteger(L, ++length + 1);
    }
    put_byte(w, LULL_PACK_END);
    lua_settop(L, table);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (i < 1 || i > length) {
            put_value(w, table + 1, table + 1);
            put_value(w, table + 2, table + 1);
        }
        lua_pop(L, 1);
    }
    put_byte(w, LULL_PACK_END);
}

/* Write upvalue `i`, on top, of the function below it: number `w->current`. */
static void put_upvalue(struct writer *w, int i, const char *name)
{
    lua_State *L = w->L;
    int function = lua_gettop(L) - 1;
    void *id = lua_upvalueid(L, function, i);
    if (strcmp(name, "_ENV") == 0) {
        put_byte(w, LULL_PACK_GLOBALS);
    } else if (is_elsewhere(w, name)) { /* functions that are kept share no variables */
        put_value(w, function + 1, function + 1);
    } else if (lua_rawgetp(L, w->seen, id) == LUA_TNUMBER) {
        lua_Integer at = lua_tointeger(L, -1);
        put_byte(w, LULL_PACK_JOIN);
        put_number(w, (uint64_t)(at / 256));
        put_number(w, (uint64_t)(at % 256));
    } else {
        lua_pushinteger(L, w->current * 256 + i);
        lua_rawsetp(L, w->seen, id);
        lua_pushstring(L, name);
        put_value(w, function + 1, lua_gettop(L));
    }
    lua_settop(L, function);
}

static void put_upvalues(struct writer *w)
{
    lua_State *L = w->L;
    lua_Debug about;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &about);
    put_number(w, about.nups);
    for (int i = 1; i <= about.nups; i++) {
        const char *name = lua_getupvalue(L, -1, i);
        put_upvalue(w, i, name);
    }
}

static void put_objects(struct writer *w)
{
    lua_State *L = w->L;
    while (w->current < w->objects) {
        lua_rawgeti(L, w->queue, w->current++ * SLOTS + 1);
        if (lua_istable(L, -1))
            put_fields(w);
        else
            put_upvalues(w);
        lua_pop(L, 1);
    }
}

const void *lull__pack(lua_State *L, const struct lull_packing *what, size_t *size)
{
    struct writer w = {.L = L, .what = what};
    uint64_t at = 0;
    luaL_checkstack(L, 24, NULL);
    w.box = lua_gettop(L) + 1;
    w.seen = w.box + 1;
    w.queue = w.box + 2;
    w.names.home = what->home;
    w.names.table = w.box + 3;
    w.modules = w.box + 4;
    lua_pushnil(L);
    for (int i = 0; i < 4; i++)
        lua_newtable(L);
    put(&w, &at, sizeof at);
    put_number(&w, (uint64_t)what->count);
    for (int i = 0; i < what->count; i++) {
        lua_pushinteger(L, i + 1);
        put_value(&w, what->first + i, lua_gettop(L));
        lua_settop(L, w.modules);
    }
    put_objects(&w);
    at = w.size;
    put_number(&w, (uint64_t)w.listed);
    for (lua_Integer i = 1; i <= w.listed; i++) {
        lua_rawgeti(L, w.modules, i);
        put_string(&w, -1);
        lua_pop(L, 1);
    }
    memcpy(w.bytes, &at, sizeof at);
    lua_settop(L, w.box);
    *size = w.size;
    return w.bytes;
}
