/* SPDX-License-Identifier: MIT */
/*
 * jsonwrite.c -- Lua values to JSON text.
 *
 * Tables are read raw: no metamethod is called.  A table is an array when it is
 * marked as one or its keys are 1 to n, and an object when they are strings; an
 * empty one without mark is an object.  Everything else is refused, with the
 * path to it.
 */
#include "json/json.h"

#include <stdlib.h>

static struct lullb_json_level *top_level(struct lullb_json_writer *writer)
{
    return &writer->levels[writer->level - 1];
}

/* Raise kind `json`: what is wrong with the value `levels` deep.  Text on top. */
static int raise_wrong(struct lullb_json_writer *writer, int levels)
{
    lua_State *L = writer->out.L;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    int message = lua_gettop(L);
    lullb_json_push_path(L, writer, levels);
    lull_push_error(L, LULL_KIND_JSON, "%s at %s", lua_tostring(L, message),
                    lua_tostring(L, message + 1));
    lull_error_detail(L, "json.encode", 0);
    lua_pushvalue(L, message + 1);
    lua_setfield(L, -2, "path");
    return lua_error(L);
}

/* The value being written is wrong. */
static int raise_value(struct lullb_json_writer *writer, const char *what)
{
    lua_pushstring(writer->out.L, what);
    return raise_wrong(writer, writer->level);
}

/* ---- what a table is ---------------------------------------------------- */

static bool is_marked(lua_State *L, int table)
{
    if (!lua_getmetatable(L, table))
        return false;
    bool marked = lua_rawequal(L, -1, LULLB_JSON_ARRAY);
    lua_pop(L, 1);
    return marked;
}

/* Push "a string", "a float": what a key is. */
static const char *key_kind(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        return lua_pushfstring(L, "%s", luaL_typename(L, index));
    return lua_isinteger(L, index) ? "integer" : "float";
}

/* How many values the array has at the top; its keys are 1 to that. */
static size_t check_array(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    int table = lua_gettop(L);
    lua_Integer count = 0;
    lua_Integer most = 0;
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1)) {
            lua_pushfstring(L, "an array with a key that is a %s", key_kind(L, -1));
            raise_wrong(writer, writer->level);
        }
        lua_Integer key = lua_tointeger(L, -1);
        if (key < 1) {
            lua_pushfstring(L, "an array with the index %I", (LUAI_UACINT)key);
            raise_wrong(writer, writer->level);
        }
        count++;
        most = key > most ? key : most;
    }
    if (most != count) {
        lua_pushfstring(L, "an array with holes (%I values, but an index of %I)",
                        (LUAI_UACINT)count, (LUAI_UACINT)most);
        raise_wrong(writer, writer->level);
    }
    return (size_t)count;
}

/* Whether the table on top has keys, the first of them a number. */
static bool begins_as_array(lua_State *L)
{
    lua_pushnil(L);
    if (lua_next(L, -2) == 0)
        return false;
    bool number = lua_type(L, -2) == LUA_TNUMBER;
    lua_pop(L, 2);
    return number;
}

/* Raise unless the key at `index`, of the table on `levels`, is a string. */
static void check_key(struct lullb_json_writer *writer, int index, int levels)
{
    lua_State *L = writer->out.L;
    if (lua_type(L, index) == LUA_TSTRING)
        return;
    lua_pushfstring(L, "an object with a key that is a %s", key_kind(L, index));
    raise_wrong(writer, levels);
}

/* ---- sorted keys -------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    const struct lullb_json_key *one = a;
    const struct lullb_json_key *other = b;
    size_t size = one->size < other->size ? one->size : other->size;
    int order = memcmp(one->bytes, other->bytes, size);
    if (order != 0)
        return order;
    return one->size < other->size ? -1 : one->size > other->size;
}

/* Push the keys of the object at the top, in a table and as sorted records. */
static size_t push_sorted(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    int table = lua_gettop(L);
    size_t count = 0;
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        lua_pop(L, 1);
        check_key(writer, -1, writer->level);
        lua_pushvalue(L, -1);
        lua_rawseti(L, table + 1, (lua_Integer)++count);
    }
    struct lullb_json_key *keys =
        lua_newuserdatauv(L, (count > 0 ? count : 1) * sizeof *keys, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, table + 1, (lua_Integer)i + 1);
        keys[i].bytes = lua_tolstring(L, -1, &keys[i].size);
        keys[i].index = i + 1;
        lua_pop(L, 1);
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    return count;
}

/* ---- levels ------------------------------------------------------------- */

static void grow_levels(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    size_t size = (size_t)writer->capacity * sizeof *writer->levels;
    void *levels = lua_newuserdatauv(L, 2 * size, 0);
    memcpy(levels, writer->levels, size);
    lua_replace(L, writer->slot);
    writer->levels = levels;
    writer->capacity *= 2;
}

static void put_byte(struct lullb_json_out *out, char byte)
{
    lullb_json_out_room(out, 1);
    *out->at++ = byte;
}

static void put_line(struct lullb_json_writer *writer)
{
    size_t spaces = (size_t)writer->level * (size_t)writer->options->indent;
    lullb_json_out_room(&writer->out, spaces + 1);
    *writer->out.at++ = '\n';
    memset(writer->out.at, ' ', spaces);
    writer->out.at += spaces;
}

/* Begin the table on top. */
static void open_level(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    const void *identity = lua_topointer(L, -1);
    for (int i = 0; i < writer->level; i++) {
        if (writer->levels[i].identity == identity) {
            lua_pushliteral(L, "a cycle: it contains the table at ");
            lullb_json_push_path(L, writer, i);
            lua_pushliteral(L, ",");
            lua_concat(L, 3);
            raise_wrong(writer, writer->level);
        }
    }
    if (writer->level >= writer->options->depth)
        raise_value(writer, "nested too deep");
    if (!lua_checkstack(L, LUA_MINSTACK))
        raise_value(writer, "nested too deep for Lua's stack");
    if (writer->level == writer->capacity)
        grow_levels(writer);
    struct lullb_json_level level = {.identity = identity, .table = lua_gettop(L)};
    if (is_marked(L, -1) || begins_as_array(L)) {
        level.shape = LULLB_JSON_IS_ARRAY;
        level.count = check_array(writer);
    } else if (writer->options->sort) {
        level.shape = LULLB_JSON_IS_SORTED;
        level.count = push_sorted(writer);
    } else {
        level.shape = LULLB_JSON_IS_OBJECT;
        lua_pushnil(L);
    }
    put_byte(&writer->out, level.shape == LULLB_JSON_IS_ARRAY ? '[' : '{');
    writer->levels[writer->level++] = level;
}

/* Write the key at `index` of the stack, which is at top. */
static void put_key(struct lullb_json_writer *writer, int index)
{
    lua_State *L = writer->out.L;
    struct lullb_json_out *out = &writer->out;
    size_t size;
    const char *bytes = lua_tolstring(L, index, &size);
    if (!lullb_json_out_string(out, bytes, size))
        raise_value(writer, "a key that is no UTF-8");
    put_byte(out, ':');
    if (writer->options->indent > 0)
        put_byte(out, ' ');
}

/* The next entry: what stands before its value, and the value on the stack. */
static bool next_entry(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    struct lullb_json_level *level = top_level(writer);
    if (level->shape == LULLB_JSON_IS_OBJECT) {
        if (lua_next(L, level->table) == 0)
            return false;
        check_key(writer, -2, writer->level - 1);
    } else if (level->index == level->count) {
        return false;
    }
    if (level->index++ > 0)
        put_byte(&writer->out, ',');
    if (writer->options->indent > 0)
        put_line(writer);
    if (level->shape == LULLB_JSON_IS_OBJECT) {
        put_key(writer, -2);
    } else if (level->shape == LULLB_JSON_IS_ARRAY) {
        lua_rawgeti(L, level->table, (lua_Integer)level->index);
    } else {
        const struct lullb_json_key *keys = lua_touserdata(L, level->table + 2);
        lua_rawgeti(L, level->table + 1, (lua_Integer)keys[level->index - 1].index);
        put_key(writer, -1);
        lua_rawget(L, level->table);
    }
    return true;
}

static void close_level(struct lullb_json_writer *writer)
{
    struct lullb_json_level *level = top_level(writer);
    lua_settop(writer->out.L, level->table - 1);
    writer->level--;
    if (level->index > 0 && writer->options->indent > 0)
        put_line(writer);
    put_byte(&writer->out, level->shape == LULLB_JSON_IS_ARRAY ? ']' : '}');
}

/* ---- values ------------------------------------------------------------- */

static void put_word(struct lullb_json_out *out, const char *word, size_t size)
{
    lullb_json_out_room(out, size);
    memcpy(out->at, word, size);
    out->at += size;
}

static void put_number(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    if (lua_isinteger(L, -1))
        lullb_json_out_integer(&writer->out, lua_tointeger(L, -1));
    else if (!lullb_json_out_float(&writer->out, lua_tonumber(L, -1)))
        raise_value(writer, "a number that is not finite");
}

/* Write the scalar on top and pop it. */
static void put_scalar(struct lullb_json_writer *writer)
{
    lua_State *L = writer->out.L;
    size_t size;
    const char *bytes;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, -1, &size);
        if (!lullb_json_out_string(&writer->out, bytes, size))
            raise_value(writer, "a string that is no UTF-8");
        break;
    case LUA_TNUMBER:
        put_number(writer);
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(L, -1))
            put_word(&writer->out, "true", 4);
        else
            put_word(&writer->out, "false", 5);
        break;
    default:
        if (!lua_rawequal(L, -1, LULLB_JSON_NULL)) {
            lua_pushfstring(L, "a value of type %s", luaL_typename(L, -1));
            raise_wrong(writer, writer->level);
        }
        put_word(&writer->out, "null", 4);
    }
    lua_pop(L, 1);
}

void lullb_json_write(struct lullb_json_writer *writer)
{
    writer->levels = writer->own_levels;
    writer->capacity = LULLB_JSON_LEVELS;
    writer->level = 0;
    do {
        if (lua_type(writer->out.L, -1) == LUA_TTABLE)
            open_level(writer);
        else
            put_scalar(writer);
        while (writer->level > 0 && !next_entry(writer))
            close_level(writer);
    } while (writer->level > 0);
}
