/* SPDX-License-Identifier: MIT */
/*
 * boundtext.c -- functions on texts and numbers that look at the time.
 *
 * What makes stock's slow is one long string given as many arguments: "%.1s" measures
 * it each time, and a numeral is read each time.  These stand-ins go over the long
 * arguments first, replace them by what stock makes of them (a prefix, a number), and
 * leave the rest to the stock function, which they call in their own frame: its
 * messages are theirs.
 */
#include "stdlib/bounded.h"

#include "lull_ext.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define LONG       1000u              /* bytes: from there on it matters */
#define STRETCH    ((size_t)1 << 20)  /* bytes handled between two looks at the time */
#define DATE_MAX   ((size_t)16 << 10) /* of a format of os.date */
#define FORMAT_MAX 10000              /* arguments: a number may take microseconds */
#define NUMERALS   4                  /* long ones that string.pack may be given */

/* The stock function, in this frame. */
static int call_stock(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(2))(L);
}

static bool is_long(lua_State *L, int arg)
{
    return lua_type(L, arg) == LUA_TSTRING && lua_rawlen(L, arg) > LONG;
}

/* Push the number that the long string at `arg` stands for; false if for none. */
static bool push_numeral(lua_State *L, int arg)
{
    lull_check_time(L);
    size_t read = lua_stringtonumber(L, lua_tostring(L, arg));
    if (read == lua_rawlen(L, arg) + 1)
        return true;
    if (read != 0)
        lua_pop(L, 1); /* a zero byte ended it */
    return false;
}

/* Replace a long numeral at `arg` by its number. */
static void read_numeral(lua_State *L, int arg)
{
    if (is_long(L, arg) && push_numeral(L, arg))
        lua_replace(L, arg);
}

/* Functions all of whose arguments are numbers: char, max, min. */
static int l_numbers(lua_State *L)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 1, NULL);
    for (int i = 1; i <= top; i++)
        read_numeral(L, i);
    return call_stock(L);
}

/* ---- rep ---- */

/* rep(s, n [, separator]) */
static int l_rep(lua_State *L)
{
    size_t length, between;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &between);
    size_t unit = length + between;
    if (count <= 0 || unit == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (unit < length || unit > (size_t)INT_MAX / (lua_Unsigned)count)
        return luaL_error(L, "resulting string too large");
    size_t total = (size_t)count * unit - between;
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, total);
    memcpy(out, text, length);
    size_t done = length; /* then doubled, as long as that is not much at once */
    if (count > 1) {
        memcpy(out + length, separator, between);
        done = unit;
    }
    size_t most = unit > STRETCH ? unit : STRETCH / unit * unit;
    while (done < total) {
        size_t piece = done < most ? done : most;
        if (piece > total - done)
            piece = total - done;
        memcpy(out + done, out, piece);
        done += piece;
        if (piece >= STRETCH / 2)
            lull_check_time(L);
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* ---- format ---- */

/* Is there a zero byte?  Then stock raises an error. */
static bool has_zero(lua_State *L, const char *text, size_t length)
{
    for (size_t at = 0; at < length; at += STRETCH) {
        size_t left = length - at;
        if (memchr(text + at, 0, left < STRETCH ? left : STRETCH) != NULL)
            return true;
        lull_check_time(L);
    }
    return false;
}

/* The argument of a %s with modifiers: no more of it than can be printed. */
static void cut_text(lua_State *L, int arg, bool precise)
{
    size_t length;
    lull_check_time(L);
    const char *text = luaL_tolstring(L, arg, &length);
    if (precise && length > LONG && !has_zero(L, text, length)) {
        lua_pushlstring(L, text, LONG);
        lua_replace(L, -2);
    }
    lua_replace(L, arg);
}

/* Make the arguments of a format short, as far as the format can be read. */
static void cut_arguments(lua_State *L, const char *format, const char *end)
{
    int top = lua_gettop(L);
    int arg = 1;
    while ((format = memchr(format, '%', (size_t)(end - format))) != NULL) {
        const char *spec = ++format;
        if (*format++ == '%')
            continue;
        format = spec + strspn(spec, "-+ #0123456789.");
        if (++arg > top)
            return;
        switch (*format++) {
        case 's':
            if (format - 1 > spec)
                cut_text(L, arg, memchr(spec, '.', (size_t)(format - spec)) != NULL);
            break;
        case 'q':
        case 'p':
            break;
        case '\0':
            return;
        default:
            read_numeral(L, arg);
            break;
        }
        if (arg % 64 == 0)
            lull_check_time(L);
    }
}

/* format(format, ...) */
static int l_format(lua_State *L)
{
    size_t length;
    const char *format = luaL_checklstring(L, 1, &length);
    int top = lua_gettop(L);
    luaL_argcheck(L, top <= FORMAT_MAX, FORMAT_MAX + 1, "too many arguments");
    luaL_checkstack(L, 2, NULL);
    for (int i = 2; i <= top; i++) {
        int type = lua_type(L, i);
        if (type == LUA_TTABLE || type == LUA_TUSERDATA || is_long(L, i)) {
            cut_arguments(L, format, format + length);
            break;
        }
    }
    return call_stock(L);
}

/* ---- others ---- */

/* pack(format, ...) */
static int l_pack(lua_State *L)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 1, NULL);
    int numerals = 0;
    for (int i = 2; i <= top; i++) {
        if (!is_long(L, i))
            continue;
        if (!push_numeral(L, i))
            continue;
        lua_pop(L, 1);
        luaL_argcheck(L, ++numerals <= NUMERALS, i, "too many long numerals");
    }
    return call_stock(L);
}

/* date([format [, time]]) */
static int l_date(lua_State *L)
{
    size_t length;
    luaL_optlstring(L, 1, "", &length);
    luaL_argcheck(L, length <= DATE_MAX, 1, "format too long");
    return call_stock(L);
}

const struct lull__bounded lull__bounded_texts[] = {{LUA_STRLIBNAME, "rep", l_rep},
                                                    {LUA_STRLIBNAME, "format", l_format},
                                                    {LUA_STRLIBNAME, "pack", l_pack},
                                                    {LUA_STRLIBNAME, "char", l_numbers},
                                                    {LUA_UTF8LIBNAME, "char", l_numbers},
                                                    {LUA_MATHLIBNAME, "max", l_numbers},
                                                    {LUA_MATHLIBNAME, "min", l_numbers},
                                                    {LUA_OSLIBNAME, "date", l_date},
                                                    {NULL, NULL, NULL}};
