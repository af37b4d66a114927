/* SPDX-License-Identifier: MIT */
/*
 * find.c -- searching without replacing.
 *
 * A text without special characters is searched for by memchr(), which is fast as
 * long as the first character is rare; then by memmem(), whose time does not depend
 * on what the texts are: long subjects go through it in windows that overlap by the
 * needle's length less one.
 *
 * The iterator of gmatch has as upvalues the runtime, subject, pattern and, in a
 * userdata, where it stands.
 */
#include "stdlib/find.h"

#include "lull_ext.h"
#include "stdlib/match.h"

#include <stdbool.h>
#include <string.h>

#define SPECIALS "^$*+?.([%-"
#define WINDOW   ((size_t)64 * 1024)
#define TRIES    64 /* first characters looked at before memmem takes over */

/* ---- plain text ---- */

/* In time proportional to the text. */
static const char *find_steadily(lua_State *L, const char *text, size_t length,
                                 const char *needle, size_t needle_length)
{
    size_t window = needle_length > WINDOW / 4 ? needle_length * 4 : WINDOW;
    while (length > window) {
        const char *found = memmem(text, window, needle, needle_length);
        if (found != NULL)
            return found;
        size_t step = window - (needle_length - 1);
        text += step;
        length -= step;
        lull_check_time(L);
    }
    return memmem(text, length, needle, needle_length);
}

const char *lull__find_plain(lua_State *L, const char *text, size_t length,
                             const char *needle, size_t needle_length)
{
    if (needle_length == 0)
        return text;
    const char *end = text + length;
    for (int i = 0; i < TRIES; i++) {
        if ((size_t)(end - text) < needle_length)
            return NULL;
        text = memchr(text, *needle, (size_t)(end - text) - needle_length + 1);
        if (text == NULL || memcmp(text, needle, needle_length) == 0)
            return text;
        text++;
    }
    return find_steadily(L, text, (size_t)(end - text), needle, needle_length);
}

/* Whether a pattern is just text.  It may contain zero bytes. */
static bool is_plain(const char *pattern, size_t length)
{
    for (size_t at = 0; at <= length; at += strlen(pattern + at) + 1) {
        if (strpbrk(pattern + at, SPECIALS) != NULL)
            return false;
    }
    return true;
}

/* ---- find and match ---- */

/* Where argument `arg` says to begin, from 0; may be greater than length. */
static size_t start_at(lua_State *L, int arg, size_t length)
{
    lua_Integer position = luaL_optinteger(L, arg, 1);
    if (position > 0)
        return (size_t)position - 1;
    if (position == 0 || position < -(lua_Integer)length)
        return 0;
    return length + (size_t)position;
}

static int push_range(lua_State *L, const char *subject, const char *from, const char *to)
{
    lua_pushinteger(L, from - subject + 1);
    lua_pushinteger(L, to - subject);
    return 2;
}

static int search(lua_State *L, bool find)
{
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t start = start_at(L, 3, length);
    if (start > length) {
        luaL_pushfail(L);
        return 1;
    }
    const char *at = subject + start;
    if (find && (lua_toboolean(L, 4) || is_plain(pattern, pattern_length))) {
        at = lull__find_plain(L, at, length - start, pattern, pattern_length);
        if (at != NULL)
            return push_range(L, subject, at, at + pattern_length);
        luaL_pushfail(L);
        return 1;
    }
    struct lull__matcher m;
    lull__match_subject(&m, subject, length);
    bool anchored = lull__match_pattern(&m, pattern, pattern_length);
    do {
        const char *end = lull__match_at(L, &m, at);
        if (end == NULL)
            continue;
        if (!find)
            return lull__match_push_all(L, &m);
        push_range(L, subject, at, end);
        return 2 + (m.captures > 0 ? lull__match_push_all(L, &m) : 0);
    } while (at++ < m.subject_end && !anchored);
    luaL_pushfail(L);
    return 1;
}

/* find(s, pattern [, init [, plain]]) */
static int l_find(lua_State *L)
{
    return search(L, true);
}

/* match(s, pattern [, init]) */
static int l_match(lua_State *L)
{
    return search(L, false);
}

/* ---- gmatch ---- */

struct gmatch {
    const char *at;   /* where the next attempt starts */
    const char *last; /* end of the last match; an empty one there is none */
    struct lull__matcher match;
};

static int gmatch_next(lua_State *L)
{
    struct gmatch *g = lua_touserdata(L, lua_upvalueindex(4));
    for (const char *at = g->at; at <= g->match.subject_end; at++) {
        const char *end = lull__match_at(L, &g->match, at);
        if (end != NULL && end != g->last) {
            g->at = g->last = end;
            return lull__match_push_all(L, &g->match);
        }
    }
    return 0;
}

/* gmatch(s, pattern [, init]) -> iterator.  A '^' has no meaning in it. */
static int l_gmatch(lua_State *L)
{
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t start = start_at(L, 3, length);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    struct gmatch *g = lua_newuserdatauv(L, sizeof *g, 0);
    lull__match_subject(&g->match, subject, length);
    lull__match_pattern(&g->match, pattern, pattern_length);
    g->match.pattern = pattern;
    g->at = subject + (start > length ? length + 1 : start);
    g->last = NULL;
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

const luaL_Reg lull__find_functions[] = {
    {"find", l_find}, {"match", l_match}, {"gmatch", l_gmatch}, {NULL, NULL}};
