/* SPDX-License-Identifier: MIT */
/*
 * gsub.c -- string.gsub whose replacement functions may wait.
 *
 * Everything the loop knows is in one block: the matcher, where it stands in the
 * subject, and the output.  It is a userdata, unless the replacement is a string
 * and nothing can wait.  The output starts in the block and moves to a userdata of
 * its own when it outgrows that.  Text that stays as it is is copied late, in one
 * piece, when the next replacement or the end comes.
 *
 * Stack: the four arguments, the block (or nil), the larger output (or nil), and above
 * them only what one replacement needs.
 */
#include "stdlib/iter.h"
#include "stdlib/match.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ESCAPE          '%'
#define INDEX_CHAIN_MAX 2000 /* Lua's own limit for chains of __index */

enum slot { SUBJECT = 1, PATTERN, REPLACEMENT, LIMIT, STATE, OUTPUT };

struct gsub {
    struct lull__scratch base;
    struct lull__matcher match;
    const char *at;    /* where the next attempt starts */
    const char *kept;  /* the subject before this is in the output or replaced */
    const char *last;  /* end of the last match; an empty one there is none */
    lua_Integer count; /* matches so far */
    lua_Integer limit; /* and how many there may be */
    int type;          /* Lua type of the replacement */
    bool anchored;
    bool changed;    /* a match has been replaced */
    char *out;       /* `first` or the userdata in OUTPUT */
    size_t length;   /* bytes used */
    size_t capacity; /* bytes there are */
    char first[512];
};

/* ---- the output ---- */

static void grow(lua_State *L, struct gsub *g, size_t more)
{
    if (more > SIZE_MAX / 2 - g->length)
        luaL_error(L, "buffer too large");
    size_t capacity = g->length + more;
    if (capacity < g->capacity * 2)
        capacity = g->capacity * 2;
    char *out = lua_newuserdatauv(L, capacity, 0);
    memcpy(out, g->out, g->length);
    lua_replace(L, OUTPUT);
    g->out = out;
    g->capacity = capacity;
}

static inline void add(lua_State *L, struct gsub *g, const char *bytes, size_t length)
{
    if (length > g->capacity - g->length)
        grow(L, g, length);
    memcpy(g->out + g->length, bytes, length);
    g->length += length;
}

/* Adds the text up to the match, which is going to be replaced. */
static inline void add_skipped(lua_State *L, struct gsub *g)
{
    if (g->match.start > g->kept)
        add(L, g, g->kept, (size_t)(g->match.start - g->kept));
    g->kept = g->match.end;
    g->changed = true;
}

/* ---- a string as replacement ---- */

static void add_capture(lua_State *L, struct gsub *g, int i)
{
    const char *start;
    ptrdiff_t length = lull__match_capture(L, &g->match, i, &start);
    if (length != LULL__CAPTURE_POSITION) {
        add(L, g, start, (size_t)length);
        return;
    }
    size_t digits;
    lua_pushinteger(L, start - g->match.subject + 1);
    start = lua_tolstring(L, -1, &digits);
    add(L, g, start, digits);
    lua_pop(L, 1);
}

static void add_expanded(lua_State *L, struct gsub *g)
{
    size_t length;
    const char *text = lua_tolstring(L, REPLACEMENT, &length);
    const char *end = text + length;
    const char *mark;
    add_skipped(L, g);
    while ((mark = memchr(text, ESCAPE, (size_t)(end - text))) != NULL) {
        lull__match_burn(L, &g->match, 8);
        add(L, g, text, (size_t)(mark - text));
        mark++;
        if (*mark == ESCAPE)
            add(L, g, mark, 1);
        else if (*mark == '0')
            add(L, g, g->match.start, (size_t)(g->match.end - g->match.start));
        else if (*mark >= '1' && *mark <= '9')
            add_capture(L, g, *mark - '1');
        else
            luaL_error(L, "invalid use of '%c' in replacement string", ESCAPE);
        text = mark + 1;
    }
    add(L, g, text, (size_t)(end - text));
}

/* ---- a function or a table ---- */

static int gsub_k(lua_State *L, int status, lua_KContext kept);

/*
 * Replaces the key on the top by what REPLACEMENT has for it.  A function met as
 * __index is called from here, as lua_gettable would not let it wait; whatever
 * else may happen on the way is left to lua_gettable.
 */
static void look_up(lua_State *L, struct gsub *g)
{
    if (!lua_getmetatable(L, REPLACEMENT)) {
        lua_rawget(L, REPLACEMENT);
        return;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, REPLACEMENT); /* key, place to look */
    for (int i = 0; i < INDEX_CHAIN_MAX; i++) {
        if (lua_type(L, -1) == LUA_TTABLE) {
            lua_pushvalue(L, -2);
            if (lua_rawget(L, -2) != LUA_TNIL) {
                lua_replace(L, -3);
                lua_pop(L, 1);
                return;
            }
            lua_pop(L, 1);
        }
        int handler = luaL_getmetafield(L, -1, "__index");
        if (handler == LUA_TNIL)
            break; /* the end: nil, or an error */
        lua_insert(L, -2);
        if (handler == LUA_TFUNCTION) {
            lua_rotate(L, -3, 2); /* handler, place, key */
            lua_callk(L, 2, 1, (lua_KContext)g, gsub_k);
            return;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_gettable(L, REPLACEMENT);
}

/* Takes the result of a function or table from the top of the stack. */
static inline void take_result(lua_State *L, struct gsub *g)
{
    if (lua_toboolean(L, -1)) {
        size_t length;
        const char *text = lua_tolstring(L, -1, &length);
        if (text == NULL) {
            luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
            return;
        }
        add_skipped(L, g);
        add(L, g, text, length);
    }
    lua_pop(L, 1);
}

/* ---- the loop ---- */

static void replace(lua_State *L, struct gsub *g)
{
    if (g->type == LUA_TFUNCTION) {
        lua_pushvalue(L, REPLACEMENT);
        int captures = lull__match_push_all(L, &g->match);
        lua_callk(L, captures, 1, (lua_KContext)g, gsub_k);
    } else if (g->type == LUA_TTABLE) {
        lull__match_push(L, &g->match, 0);
        look_up(L, g);
    } else {
        add_expanded(L, g);
        return;
    }
    take_result(L, g);
}

static int push_results(lua_State *L, struct gsub *g)
{
    if (g->changed) {
        add(L, g, g->kept, (size_t)(g->match.subject_end - g->kept));
        lua_pushlstring(L, g->out, g->length);
    } else {
        lua_pushvalue(L, SUBJECT);
    }
    lua_pushinteger(L, g->count);
    g->base.busy = false;
    return 2;
}

static int run(lua_State *L, struct gsub *g)
{
    const char *at = g->at;
    while (g->count < g->limit) {
        const char *end = lull__match_at(L, &g->match, at);
        if (end != NULL && end != g->last) {
            lull__match_burn(L, &g->match, g->type == LUA_TTABLE ? 64 : 8);
            g->count++;
            g->at = g->last = at = end;
            replace(L, g);
        } else if (at < g->match.subject_end) {
            at++;
        } else {
            break;
        }
        if (g->anchored)
            break;
    }
    return push_results(L, g);
}

/* Goes on after a replacement that has waited. */
static int gsub_k(lua_State *L, int status, lua_KContext kept)
{
    struct gsub *g = (struct gsub *)kept; /* on the stack, in STATE */
    (void)status;
    take_result(L, g);
    return g->anchored ? push_results(L, g) : run(L, g);
}

int lull__l_gsub(lua_State *L)
{
    size_t subject_length, pattern_length;
    const char *subject = luaL_checklstring(L, SUBJECT, &subject_length);
    const char *pattern = luaL_checklstring(L, PATTERN, &pattern_length);
    int type = lua_type(L, REPLACEMENT);
    lua_Integer limit = luaL_optinteger(L, LIMIT, (lua_Integer)subject_length + 1);
    bool text = type == LUA_TSTRING || type == LUA_TNUMBER;
    luaL_argexpected(L, text || type == LUA_TTABLE || type == LUA_TFUNCTION, REPLACEMENT,
                     "string/function/table");
    lua_settop(L, OUTPUT);

    struct gsub passing; /* for a string, with which nothing can wait */
    struct gsub *g = text ? &passing : lull__scratch_take(L, sizeof *g, STATE);
    lull__match_subject(&g->match, subject, subject_length);
    g->anchored = lull__match_pattern(&g->match, pattern, pattern_length);
    g->at = g->kept = subject;
    g->last = NULL;
    g->count = 0;
    g->limit = limit;
    g->type = type;
    g->changed = false;
    g->out = g->first;
    g->length = 0;
    g->capacity = sizeof g->first;
    return run(L, g);
}
