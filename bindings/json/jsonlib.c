/* SPDX-License-Identifier: MIT */
/*
 * jsonlib.c -- Lua module "lull.json.native": decode, encode, null, array.
 *
 * What is JSON is read and written here without a tree in between.  jansson, where
 * lull is built with it, finds the words for what is wrong with a text that was
 * refused.  It could read, too, but only into a tree of its own, one block of
 * malloc's per value and outside the runtime's account: of a text of 1 KB that
 * took 19 us, before the first Lua value; the reader here makes them all in 4.
 *
 * null is a userdata, the only value of a type of its own: light userdata share
 * one metatable, and a table could be written to.
 */
#include "json/json.h"

#ifdef LULL_WITH_JANSSON
#include <jansson.h>
#endif

#define DEFAULT_DEPTH 128
#define DEFAULT_SIZE  ((size_t)64 << 20)
#define MAX_DEPTH     10000 /* Lua's stack has room for this */
#define MAX_INDENT    16

/* jansson recurses, and takes memory that nobody counts: it sees no more than this. */
#define EXPLAINED       (1 << 16) /* bytes up to the error... */
#define LOOK_AHEAD      64        /* ...and behind it */
#define EXPLAINED_DEPTH 1000      /* levels */

int luaopen_lull_json_native(lua_State *L);

/* ---- options ------------------------------------------------------------ */

static lua_Integer check_integer(lua_State *L, int table, const char *name,
                                 lua_Integer least, lua_Integer most)
{
    int is_integer;
    lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || lua_type(L, -1) != LUA_TNUMBER || value < least || value > most)
        luaL_argerror(L, table,
                      lua_pushfstring(L, "%s must be an integer from %I to %I", name,
                                      (LUAI_UACINT)least, (LUAI_UACINT)most));
    return value;
}

static bool check_flag(lua_State *L, int table, const char *name)
{
    if (!lua_isboolean(L, -1))
        luaL_argerror(L, table, lua_pushfstring(L, "%s must be a boolean", name));
    return lua_toboolean(L, -1);
}

/* Set one option: its name and value are on top. */
static void set_option(lua_State *L, int table, bool encode,
                       struct lullb_json_options *options)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(name, "depth") == 0)
        options->depth = (int)check_integer(L, table, name, 1, MAX_DEPTH);
    else if (strcmp(name, "size") == 0)
        options->size = (size_t)check_integer(L, table, name, 1, LUA_MAXINTEGER);
    else if (encode && strcmp(name, "indent") == 0)
        options->indent = (int)check_integer(L, table, name, 0, MAX_INDENT);
    else if (encode && strcmp(name, "sort") == 0)
        options->sort = check_flag(L, table, name);
    else if (!encode && strcmp(name, "unique") == 0)
        options->unique = check_flag(L, table, name);
    else
        luaL_argerror(L, table, lua_pushfstring(L, "unknown option '%s'", name));
}

static void check_options(lua_State *L, int table, bool encode,
                          struct lullb_json_options *options)
{
    *options = (struct lullb_json_options){.size = DEFAULT_SIZE, .depth = DEFAULT_DEPTH};
    if (lua_isnoneornil(L, table))
        return;
    luaL_checktype(L, table, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        set_option(L, table, encode, options);
        lua_pop(L, 1);
    }
}

/* ---- errors ------------------------------------------------------------- */

#ifdef LULL_WITH_JANSSON
/* Push jansson's words for what is wrong with a text that the reader refused. */
static void push_words(lua_State *L, const struct lullb_json_reader *reader)
{
    json_error_t error;
    size_t size = (size_t)(reader->at - reader->text);
    size_t all = (size_t)(reader->end - reader->text);
    size_t length = all - size > LOOK_AHEAD ? size + LOOK_AHEAD : all;
    error.text[0] = '\0';
    if (size <= EXPLAINED && reader->options->depth <= EXPLAINED_DEPTH)
        json_decref(json_loadb(reader->text, length,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
                               &error));
    for (char *c = error.text; *c != '\0'; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7F ? '?' : *c;
    lua_pushstring(L, error.text[0] != '\0' ? error.text : "not JSON");
}
#else
static void push_words(lua_State *L, const struct lullb_json_reader *reader)
{
    lua_pushstring(L, reader->at == reader->end ? "the text ends too soon" : "not JSON");
}
#endif

/* Line and column (of characters) of the byte where the reader stopped. */
static void find_place(const struct lullb_json_reader *reader, lua_Integer *line,
                       lua_Integer *column)
{
    *line = 1;
    *column = 1;
    for (const char *at = reader->text; at < reader->at; at++) {
        if (*at == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*at & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

static int raise_refused(lua_State *L, const struct lullb_json_reader *reader)
{
    lua_Integer line;
    lua_Integer column;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    find_place(reader, &line, &column);
    if (reader->reason != NULL)
        lua_pushstring(L, reader->reason);
    else
        push_words(L, reader);
    lull_push_error(L, LULL_KIND_JSON, "line %I, column %I: %s", (LUAI_UACINT)line,
                    (LUAI_UACINT)column, lua_tostring(L, -1));
    lull_error_detail(L, "json.decode", 0);
    lua_pushinteger(L, line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, column);
    lua_setfield(L, -2, "column");
    lua_pushinteger(L, reader->at - reader->text + 1);
    lua_setfield(L, -2, "position");
    return lua_error(L);
}

/* ---- functions ---------------------------------------------------------- */

/* decode(text, opts) -> value */
static int l_decode(lua_State *L)
{
    struct lullb_json_options options;
    struct lullb_json_reader reader;
    size_t size;
    luaL_checktype(L, 1, LUA_TSTRING);
    check_options(L, 2, false, &options);
    lua_settop(L, 2);
    reader.L = L;
    reader.text = lua_tolstring(L, 1, &size);
    reader.end = reader.text + size;
    reader.at = reader.text;
    reader.options = &options;
    reader.reason = NULL;
    reader.frame_slot = 2;
    if (size > options.size)
        return lull_raise(L, LULL_KIND_LIMIT, "JSON of more than %I bytes",
                          (LUAI_UACINT)options.size);
    if (!lullb_json_read(&reader))
        return raise_refused(L, &reader);
    return 1;
}

/* encode(value, opts) -> text */
static int l_encode(lua_State *L)
{
    struct lullb_json_options options;
    struct lullb_json_writer writer;
    luaL_checkany(L, 1);
    check_options(L, 2, true, &options);
    lua_settop(L, 3);
    lullb_json_out_init(&writer.out, L, 3, options.size);
    writer.options = &options;
    writer.slot = 2;
    lua_pushvalue(L, 1);
    lullb_json_write(&writer);
    lullb_json_out_push(&writer.out);
    return 1;
}

/* array(t) -> t, marked as an array; without t a new one */
static int l_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1)) {
        luaL_argcheck(L, lua_rawequal(L, -1, LULLB_JSON_ARRAY), 1,
                      "a table without a metatable expected");
        lua_pop(L, 1);
    }
    lua_settop(L, 1);
    lua_pushvalue(L, LULLB_JSON_ARRAY);
    lua_setmetatable(L, 1);
    return 1;
}

/* is_array(value) -> whether it is a table that is marked as an array */
static int l_is_array(lua_State *L)
{
    luaL_checkany(L, 1);
    bool marked = lua_istable(L, 1) && lua_getmetatable(L, 1) &&
                  lua_rawequal(L, -1, LULLB_JSON_ARRAY);
    lua_pushboolean(L, marked);
    return 1;
}

static int m_null_tostring(lua_State *L)
{
    lua_pushliteral(L, "null");
    return 1;
}

static const struct luaL_Reg no_methods[] = {
    {NULL, NULL},
};

static const struct luaL_Reg null_meta[] = {
    {"__tostring", m_null_tostring},
    {NULL, NULL},
};

static const struct luaL_Reg spill_meta[] = {
    {"__gc", lullb_json_spill_free},
    {NULL, NULL},
};

static const struct luaL_Reg functions[] = {
    {"array", l_array},       {"decode", l_decode}, {"encode", l_encode},
    {"is_array", l_is_array}, {NULL, NULL},
};

int luaopen_lull_json_native(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lua_newtable(L);
    lua_pushlightuserdata(L, rt);
    lua_newuserdatauv(L, 0, 0);
    lull_push_class(L, rt, "lull.json.null", no_methods, null_meta);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "null");
    lua_newtable(L);
    lua_pushliteral(L, "lull.json.array");
    lua_setfield(L, -2, "__name");
    lull_push_class(L, rt, "lull.json.spill", no_methods, spill_meta);
    luaL_setfuncs(L, functions, 4);
    return 1;
}
