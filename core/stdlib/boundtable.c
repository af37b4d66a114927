/* SPDX-License-Identifier: MIT */
/*
 * boundtable.c -- functions of the table library that look at the time.
 *
 * Stock's loop over what __len says, or the caller, for as long as that is; each
 * access may pass through 2,000 tables by __index.
 */
#include "stdlib/bounded.h"

#include "lull_ext.h"

#include <limits.h>

#define STEPS 256 /* accesses between two looks at the time */

enum use { READ = 1, WRITE = 2, LENGTH = 4 };

/* Go from index i of the table at `from` to index j of the one at `to`. */
static inline void move_one(lua_State *L, int from, lua_Integer i, int to, lua_Integer j)
{
    lua_geti(L, from, i);
    lua_seti(L, to, j);
}

/* Called once for each step of a loop. */
static inline void step(lua_State *L, unsigned *steps)
{
    if (++*steps % STEPS == 0)
        lull_check_time(L);
}

/* A table, or what has the metamethods to be used like one. */
static void check_list(lua_State *L, int arg, int use)
{
    static const char *const fields[] = {"__index", "__newindex", "__len"};
    if (lua_type(L, arg) == LUA_TTABLE)
        return;
    for (int i = 0; i < 3; i++) {
        if (!(use & 1 << i))
            continue;
        if (luaL_getmetafield(L, arg, fields[i]) == LUA_TNIL)
            luaL_checktype(L, arg, LUA_TTABLE); /* raises */
        lua_pop(L, 1);
    }
}

static lua_Integer check_length(lua_State *L, int use)
{
    check_list(L, 1, use | LENGTH);
    return luaL_len(L, 1);
}

/* insert(list, [position,] value) */
static int l_insert(lua_State *L)
{
    unsigned steps = 0;
    lua_Unsigned length = (lua_Unsigned)check_length(L, READ | WRITE);
    lua_Integer end = (lua_Integer)(length + 1); /* may wrap around, as in stock */
    lua_Integer position = end;
    switch (lua_gettop(L)) {
    case 2:
        break;
    case 3:
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1 < (lua_Unsigned)end, 2,
                      "position out of bounds");
        for (lua_Integer i = end; i > position; i--) {
            move_one(L, 1, i - 1, 1, i);
            step(L, &steps);
        }
        break;
    default:
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, position);
    return 0;
}

/* remove(list [, position]) -> value */
static int l_remove(lua_State *L)
{
    unsigned steps = 0;
    lua_Integer length = check_length(L, READ | WRITE);
    lua_Integer position = luaL_optinteger(L, 2, length);
    if (position != length)
        luaL_argcheck(L, (lua_Unsigned)position - 1 <= (lua_Unsigned)length, 2,
                      "position out of bounds");
    lua_geti(L, 1, position);
    for (; position < length; position++) {
        move_one(L, 1, position + 1, 1, position);
        step(L, &steps);
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

/* move(from, first, last, at [, to]) -> to */
static int l_move(lua_State *L)
{
    unsigned steps = 0;
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    check_list(L, 1, READ);
    check_list(L, to, WRITE);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3,
                      "too many elements to move");
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool apart =
            at > last || at <= first || (to != 1 && !lua_compare(L, 1, to, LUA_OPEQ));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer next = apart ? i : count - 1 - i;
            move_one(L, 1, first + next, to, at + next);
            step(L, &steps);
        }
    }
    lua_pushvalue(L, to);
    return 1;
}

static void add_field(lua_State *L, luaL_Buffer *buffer, lua_Integer i)
{
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
                   luaL_typename(L, -1), (LUAI_UACINT)i);
    luaL_addvalue(buffer);
}

/* concat(list [, separator [, first [, last]]]) */
static int l_concat(lua_State *L)
{
    unsigned steps = 0;
    size_t length;
    luaL_Buffer buffer;
    lua_Integer last = check_length(L, READ);
    const char *separator = luaL_optlstring(L, 2, "", &length);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_buffinit(L, &buffer);
    for (; i < last; i++) {
        add_field(L, &buffer, i);
        luaL_addlstring(&buffer, separator, length);
        step(L, &steps);
    }
    if (i == last)
        add_field(L, &buffer, i);
    luaL_pushresult(&buffer);
    return 1;
}

/* unpack(list [, first [, last]]) -> ... */
static int l_unpack(lua_State *L)
{
    unsigned steps = 0;
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (first > last)
        return 0;
    lua_Unsigned more = (lua_Unsigned)last - (lua_Unsigned)first; /* less one */
    if (more >= (unsigned)INT_MAX || !lua_checkstack(L, (int)more + 1))
        return luaL_error(L, "too many results to unpack");
    for (lua_Integer i = first; i < last; i++) {
        lua_geti(L, 1, i);
        step(L, &steps);
    }
    lua_geti(L, 1, last);
    return (int)more + 1;
}

const luaL_Reg lull__bounded_table[] = {{"concat", l_concat}, {"insert", l_insert},
                                        {"move", l_move},     {"remove", l_remove},
                                        {"unpack", l_unpack}, {NULL, NULL}};
