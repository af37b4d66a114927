/* SPDX-License-Identifier: MIT */
/*
 * jsonpath.c -- where in a value an error is: "$.users[3].name".
 *
 * The writer keeps no path; what it has on its levels and the stack is enough
 * to tell one.  Indices are Lua's, from 1.  A key that is no name stands in
 * brackets and quotes, its odd bytes as Lua writes them; a long one is cut.
 */
#include "json/json.h"

#include <stdio.h>

#define KEY_SIZE 64 /* bytes of a key that are shown */
#define SHOWN    16 /* levels at either end that are */

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static bool is_name(const char *bytes, size_t size)
{
    bool name = size > 0 && size <= KEY_SIZE;
    for (size_t i = 0; name && i < size; i++)
        name = is_name_byte(bytes[i], i == 0);
    return name;
}

static void add_key(luaL_Buffer *path, const char *bytes, size_t size)
{
    if (is_name(bytes, size)) {
        luaL_addchar(path, '.');
        luaL_addlstring(path, bytes, size);
        return;
    }
    luaL_addstring(path, "[\"");
    for (size_t i = 0; i < size && i < KEY_SIZE; i++) {
        char odd[8];
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
            luaL_addchar(path, bytes[i]);
        } else {
            snprintf(odd, sizeof odd, "\\%03u", (unsigned)byte);
            luaL_addstring(path, odd);
        }
    }
    luaL_addstring(path, size > KEY_SIZE ? "...\"]" : "\"]");
}

/* Push the key that an object is at. */
static void push_key(lua_State *L, const struct lullb_json_level *level)
{
    if (level->shape == LULLB_JSON_IS_OBJECT) {
        lua_pushvalue(L, level->table + 1);
    } else {
        const struct lullb_json_key *keys = lua_touserdata(L, level->table + 2);
        lua_rawgeti(L, level->table + 1, (lua_Integer)keys[level->index - 1].index);
    }
}

/* Push one step of the path as a string. */
static void push_step(lua_State *L, const struct lullb_json_level *level)
{
    if (level->shape == LULLB_JSON_IS_ARRAY) {
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)level->index);
        return;
    }
    size_t size;
    luaL_Buffer step;
    push_key(L, level);
    const char *bytes = lua_tolstring(L, -1, &size);
    luaL_buffinit(L, &step);
    add_key(&step, bytes, size);
    luaL_pushresult(&step);
    lua_remove(L, -2);
}

void lullb_json_push_path(lua_State *L, const struct lullb_json_writer *writer,
                          int levels)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_pushliteral(L, "$");
    for (int i = 0; i < levels; i++) {
        if (i == SHOWN && levels - i > SHOWN) {
            lua_pushliteral(L, "...");
            i = levels - SHOWN - 1;
        } else {
            push_step(L, &writer->levels[i]);
        }
        lua_concat(L, 2);
    }
}
