/* SPDX-License-Identifier: MIT */
/*
 * jsonread.c -- JSON text straight to the Lua stack.
 *
 * Values wait on the stack until their array or object ends: then its table is
 * made in the size it needs, which saves growing it.  Only a long one is made
 * before, and filled in portions.  A placeholder keeps its place on the stack.
 *
 * What comes here is anybody's: the depth is bounded by an option, frames beyond
 * the first few are a userdata, and what is made is Lua's, so a text that ends
 * in an error leaves only garbage.
 */
#include "json/json.h"

#define PORTION     128 /* slots of values that wait on the stack... */
#define PORTION_LOW 8   /* ...and on the levels beyond LULLB_JSON_LEVELS */
#define SHOWN_KEY   64  /* bytes of a key in an error */

static inline void skip_space(struct lullb_json_reader *reader)
{
    const char *at = reader->at;
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    reader->at = at;
}

static inline struct lullb_json_frame *top_frame(struct lullb_json_reader *reader)
{
    return &reader->frames[reader->level - 1];
}

/* ---- containers --------------------------------------------------------- */

/* Twice as many frames, in a userdata. */
static void grow_frames(struct lullb_json_reader *reader)
{
    lua_State *L = reader->L;
    size_t size = (size_t)reader->capacity * sizeof *reader->frames;
    void *frames = lua_newuserdatauv(L, 2 * size, 0);
    memcpy(frames, reader->frames, size);
    lua_replace(L, reader->frame_slot);
    reader->frames = frames;
    reader->capacity *= 2;
}

static bool open_container(struct lullb_json_reader *reader, bool object)
{
    lua_State *L = reader->L;
    if (reader->level >= reader->options->depth) {
        reader->reason = "nested too deep";
        return false;
    }
    if (!lua_checkstack(L, PORTION + LUA_MINSTACK)) {
        reader->reason = "nested too deep for Lua's stack";
        return false;
    }
    if (reader->level == reader->capacity)
        grow_frames(reader);
    lua_pushnil(L);
    reader->frames[reader->level++] =
        (struct lullb_json_frame){.table = lua_gettop(L), .object = object};
    return true;
}

/* Put the values that wait into the table of an array. */
static void store_elements(lua_State *L, struct lullb_json_frame *frame, int count)
{
    if (!frame->made) {
        lua_createtable(L, count, 0);
        lua_replace(L, frame->table);
        frame->made = true;
        for (int i = count; i > 0; i--)
            lua_rawseti(L, frame->table, i);
        frame->count = (size_t)count;
        return;
    }
    for (int i = 1; i <= count; i++) { /* upwards, so that the table grows as it should */
        lua_pushvalue(L, frame->table + i);
        lua_rawseti(L, frame->table, (lua_Integer)++frame->count);
    }
    lua_settop(L, frame->table);
}

/* Whether the table of an object has the key at `index`; says so. */
static bool is_repeated(struct lullb_json_reader *reader, int table, int index)
{
    lua_State *L = reader->L;
    lua_pushvalue(L, index);
    if (lua_rawget(L, table) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    lua_pop(L, 1);
    reader->reason = lua_rawlen(L, index) <= SHOWN_KEY
                         ? lua_pushfstring(L, "key \"%s\" twice", lua_tostring(L, index))
                         : "a long key twice";
    return true;
}

/* Put the keys and values that wait into the table of an object: the last wins. */
static bool store_fields(struct lullb_json_reader *reader, struct lullb_json_frame *frame,
                         int count)
{
    lua_State *L = reader->L;
    if (!frame->made) {
        lua_createtable(L, 0, count / 2);
        lua_replace(L, frame->table);
        frame->made = true;
    }
    int end = frame->table + count;
    for (int key = frame->table + 1; key < end; key += 2) {
        if (reader->options->unique && is_repeated(reader, frame->table, key))
            return false;
        lua_pushvalue(L, key);
        lua_pushvalue(L, key + 1);
        lua_rawset(L, frame->table);
    }
    lua_settop(L, frame->table);
    return true;
}

static bool store(struct lullb_json_reader *reader, struct lullb_json_frame *frame,
                  int count)
{
    if (frame->object)
        return store_fields(reader, frame, count);
    store_elements(reader->L, frame, count);
    return true;
}

/* One more value is to come: see that not too many wait. */
static inline bool keep_portion(struct lullb_json_reader *reader,
                                struct lullb_json_frame *frame)
{
    int waiting = lua_gettop(reader->L) - frame->table;
    int most = reader->level <= LULLB_JSON_LEVELS ? PORTION : PORTION_LOW;
    return waiting < most || store(reader, frame, waiting);
}

/* The container on top has ended: its table is a value now. */
static bool close_container(struct lullb_json_reader *reader)
{
    lua_State *L = reader->L;
    struct lullb_json_frame *frame = top_frame(reader);
    if (!store(reader, frame, lua_gettop(L) - frame->table))
        return false;
    if (!frame->object) {
        lua_pushvalue(L, LULLB_JSON_ARRAY);
        lua_setmetatable(L, frame->table);
    }
    reader->level--;
    return true;
}

/* ---- values ------------------------------------------------------------- */

static inline bool read_word(struct lullb_json_reader *reader, const char *word,
                             size_t size)
{
    /* the text ends with a NUL, so this stops in it */
    if (strncmp(reader->at, word, size) != 0)
        return false;
    reader->at += size;
    return true;
}

static bool read_scalar(struct lullb_json_reader *reader)
{
    lua_State *L = reader->L;
    switch (*reader->at) {
    case '"':
        return lullb_json_read_string(reader);
    case 't':
        lua_pushboolean(L, 1);
        return read_word(reader, "true", 4);
    case 'f':
        lua_pushboolean(L, 0);
        return read_word(reader, "false", 5);
    case 'n':
        lua_pushvalue(L, LULLB_JSON_NULL);
        return read_word(reader, "null", 4);
    default:
        return lullb_json_read_number(reader);
    }
}

/* Read a key and its colon. */
static bool read_key(struct lullb_json_reader *reader)
{
    skip_space(reader);
    if (*reader->at != '"' || !lullb_json_read_string(reader))
        return false;
    skip_space(reader);
    if (*reader->at != ':')
        return false;
    reader->at++;
    return true;
}

/*
 * A value has ended.  Close what ends with it; true: another value is due, or
 * reader->level is 0 and it was the last.
 */
static bool read_ends(struct lullb_json_reader *reader)
{
    while (reader->level > 0) {
        struct lullb_json_frame *frame = top_frame(reader);
        skip_space(reader);
        if (*reader->at == ',') {
            reader->at++;
            return keep_portion(reader, frame) && (!frame->object || read_key(reader));
        }
        if (*reader->at != (frame->object ? '}' : ']'))
            return false;
        reader->at++;
        if (!close_container(reader))
            return false;
    }
    return true;
}

/* Begin a container; *empty: it has ended at once. */
static bool read_begin(struct lullb_json_reader *reader, bool *empty)
{
    bool object = *reader->at == '{';
    if (!open_container(reader, object))
        return false;
    reader->at++;
    skip_space(reader);
    *empty = *reader->at == (object ? '}' : ']');
    if (*empty) {
        reader->at++;
        return close_container(reader);
    }
    return !object || read_key(reader);
}

bool lullb_json_read(struct lullb_json_reader *reader)
{
    reader->frames = reader->own_frames;
    reader->capacity = LULLB_JSON_LEVELS;
    reader->level = 0;
    do {
        skip_space(reader);
        if (*reader->at == '{' || *reader->at == '[') {
            bool empty;
            if (!read_begin(reader, &empty))
                return false;
            if (!empty)
                continue;
        } else if (!read_scalar(reader)) {
            return false;
        }
        if (!read_ends(reader))
            return false;
    } while (reader->level > 0);
    skip_space(reader);
    return reader->at == reader->end;
}
