/* SPDX-License-Identifier: MIT */
/*
 * match.c -- Lua patterns by backtracking.
 *
 * match_here() walks the pattern item by item.  What can only succeed in one way
 * (a plain character, a back reference, %b, %f) advances within its loop; what
 * leaves a choice (repetitions, captures, which must be undone) asks match_here()
 * about the rest of the pattern and tries the next choice if that fails.
 *
 * The number of nested questions is limited, as it is the C stack that holds
 * them.  The work is counted (burn) in match_here() and in every loop that can be
 * long: over the subject, over a set, over what a back reference compares.
 *
 * Reading one character past an end is safe (see match.h): it yields the zero
 * byte that ends every Lua string, and that is no pattern character.
 */
#include "stdlib/match.h"

#include "lull_ext.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define ESCAPE    '%'
#define DEPTH_MAX 200
#define LOWER_BIT 0x20 /* what makes an ASCII letter lower case */
#define STRETCH   4096 /* characters passed between two counts of steps */

/* A pattern item that stands for one character, such as `x`, `%a` or `[^0-9]`. */
struct item {
    const char *start;
    const char *end; /* just after it, where its repetition mark would be */
};

static const char *match_here(lua_State *L, struct lull__matcher *m, const char *s,
                              const char *p);

/* ---- one character ---- */

/* Whether c is in the class named by a letter; any other name means itself. */
static bool in_class(int c, int name)
{
    bool negated = !(name & LOWER_BIT);
    switch (name | LOWER_BIT) {
    case 'a':
        return !isalpha(c) == negated;
    case 'c':
        return !iscntrl(c) == negated;
    case 'd':
        return !isdigit(c) == negated;
    case 'g':
        return !isgraph(c) == negated;
    case 'l':
        return !islower(c) == negated;
    case 'p':
        return !ispunct(c) == negated;
    case 's':
        return !isspace(c) == negated;
    case 'u':
        return !isupper(c) == negated;
    case 'w':
        return !isalnum(c) == negated;
    case 'x':
        return !isxdigit(c) == negated;
    case 'z': /* not in the manual, but stock has it */
        return (c != 0) == negated;
    default:
        return name == c;
    }
}

/* Whether c is in the set that is written from `[` to just after `]`. */
static bool in_set(int c, struct item set)
{
    const unsigned char *p = (const unsigned char *)set.start + 1;
    const unsigned char *close = (const unsigned char *)set.end - 1;
    bool wanted = *p != '^';
    if (!wanted)
        p++;
    while (p < close) {
        if (*p == ESCAPE) {
            if (in_class(c, p[1]))
                return wanted;
            p += 2;
        } else if (p[1] == '-' && p + 2 < close) {
            if (p[0] <= c && c <= p[2])
                return wanted;
            p += 3;
        } else if (*p++ == c) {
            return wanted;
        }
    }
    return !wanted;
}

static inline bool item_has(int c, struct item it)
{
    switch (*it.start) {
    case '.':
        return true;
    case ESCAPE:
        return in_class(c, (unsigned char)it.start[1]);
    case '[':
        return in_set(c, it);
    default:
        return (unsigned char)*it.start == c;
    }
}

static inline bool item_matches(const struct lull__matcher *m, const char *s,
                                struct item it)
{
    return s < m->subject_end && item_has((unsigned char)*s, it);
}

/* Steps that comparing one character with this item takes. */
static inline ptrdiff_t item_cost(struct item it)
{
    return 1 + (it.end - it.start) / 4;
}

/* The end of the set at `start`.  The last one is remembered, as most
 * attempts begin with the same set. */
static const char *set_end(lua_State *L, struct lull__matcher *m, const char *start)
{
    if (start == m->set_start)
        return m->set_end;
    const char *p = start + 1;
    p += *p == '^';
    p += *p == ']'; /* as the first member it means itself */
    while (p < m->pattern_end && *p != ']')
        p += *p == ESCAPE ? 2 : 1;
    if (p >= m->pattern_end)
        luaL_error(L, "malformed pattern (missing ']')");
    m->set_start = start;
    m->set_end = p + 1;
    lull__match_burn(L, m, (p - start) / 4);
    return p + 1;
}

static inline const char *item_end(lua_State *L, struct lull__matcher *m, const char *p)
{
    if (*p == '[')
        return set_end(L, m, p);
    if (*p != ESCAPE)
        return p + 1;
    if (p + 1 == m->pattern_end)
        luaL_error(L, "malformed pattern (ends with '%%')");
    return p + 2;
}

/* ---- items longer than one character ---- */

/* %bxy, with p at x.  Returns where the match ends, or NULL. */
static const char *match_balanced(lua_State *L, struct lull__matcher *m, const char *s,
                                  const char *p)
{
    if (m->pattern_end - p < 2)
        luaL_error(L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != p[0])
        return NULL;
    size_t open = 1;
    while (++s < m->subject_end) {
        lull__match_burn(L, m, 1);
        if (*s == p[1]) { /* first, so that %bxx ends at the next x */
            if (--open == 0)
                return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* %f[set], with p at the set.  Returns where the pattern goes on, or NULL. */
static const char *match_frontier(lua_State *L, struct lull__matcher *m, const char *s,
                                  const char *p)
{
    if (*p != '[')
        luaL_error(L, "missing '[' after '%%f' in pattern");
    struct item set = {p, item_end(L, m, p)};
    lull__match_burn(L, m, item_cost(set) * 2);
    int before = s == m->subject ? 0 : (unsigned char)s[-1];
    return !in_set(before, set) && in_set((unsigned char)*s, set) ? set.end : NULL;
}

/* %1 to %9: the same text again.  Returns where the match ends, or NULL. */
static const char *match_again(lua_State *L, struct lull__matcher *m, const char *s,
                               char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->captures || m->capture[i].length == LULL__CAPTURE_OPEN)
        luaL_error(L, "invalid capture index %%%d", i + 1);
    ptrdiff_t length = m->capture[i].length;
    if (length < 0 || m->subject_end - s < length) /* a position never matches */
        return NULL;
    lull__match_burn(L, m, length / 16);
    return memcmp(m->capture[i].start, s, (size_t)length) == 0 ? s + length : NULL;
}

/* ---- choices ---- */

/* `*` and `+`: as many as there are, then fewer. */
static const char *repeat_most(lua_State *L, struct lull__matcher *m, const char *s,
                               struct item it)
{
    const char *tail = s;
    ptrdiff_t passed;
    do {
        const char *from = tail;
        const char *stop =
            m->subject_end - tail > STRETCH ? tail + STRETCH : m->subject_end;
        while (tail < stop && item_has((unsigned char)*tail, it))
            tail++;
        passed = tail - from;
        lull__match_burn(L, m, passed * item_cost(it));
    } while (passed == STRETCH);
    for (; tail >= s; tail--) {
        const char *end = match_here(L, m, tail, it.end + 1);
        if (end != NULL)
            return end;
    }
    return NULL;
}

/* `-`: none, then more. */
static const char *repeat_least(lua_State *L, struct lull__matcher *m, const char *s,
                                struct item it)
{
    for (;; s++) {
        const char *end = match_here(L, m, s, it.end + 1);
        if (end != NULL)
            return end;
        lull__match_burn(L, m, item_cost(it));
        if (!item_matches(m, s, it))
            return NULL;
    }
}

/* p is at the `(`. */
static const char *open_capture(lua_State *L, struct lull__matcher *m, const char *s,
                                const char *p)
{
    if (m->captures >= LULL__CAPTURES_MAX)
        luaL_error(L, "too many captures");
    bool position = p[1] == ')';
    struct lull__capture *capture = &m->capture[m->captures++];
    capture->start = s;
    capture->length = position ? LULL__CAPTURE_POSITION : LULL__CAPTURE_OPEN;
    const char *end = match_here(L, m, s, position ? p + 2 : p + 1);
    if (end == NULL)
        m->captures--;
    return end;
}

/* p is after the `)`, which closes the innermost open capture. */
static const char *close_capture(lua_State *L, struct lull__matcher *m, const char *s,
                                 const char *p)
{
    int i = m->captures - 1;
    while (i >= 0 && m->capture[i].length != LULL__CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(L, "invalid pattern capture");
    m->capture[i].length = s - m->capture[i].start;
    const char *end = match_here(L, m, s, p);
    if (end == NULL)
        m->capture[i].length = LULL__CAPTURE_OPEN;
    return end;
}

/* ---- the walk ---- */

/*
 * One single-character item with its repetition mark.  Returns where the match
 * goes on and sets *rest to the pattern left, or to NULL if the rest has been
 * matched as well.
 */
static inline const char *match_item(lua_State *L, struct lull__matcher *m, const char *s,
                                     const char **rest)
{
    struct item it = {*rest, item_end(L, m, *rest)};
    if (**rest == '[')
        lull__match_burn(L, m, item_cost(it));
    bool hit = item_matches(m, s, it);
    char mark = *it.end;
    if (mark != '*' && mark != '+' && mark != '?' && mark != '-') {
        *rest = it.end;
        return hit ? s + 1 : NULL;
    }
    *rest = it.end + 1;
    if (!hit)
        return mark == '+' ? NULL : s; /* may be left out, then no choice is left */
    if (mark == '?') {
        const char *end = match_here(L, m, s + 1, it.end + 1);
        if (end == NULL)
            return s;
        *rest = NULL;
        return end;
    }
    *rest = NULL;
    if (mark == '-')
        return repeat_least(L, m, s, it);
    return repeat_most(L, m, mark == '+' ? s + 1 : s, it);
}

/* Matches the pattern from p on at s.  Returns the end of the match, or NULL. */
static const char *match_here(lua_State *L, struct lull__matcher *m, const char *s,
                              const char *p)
{
    if (m->depth-- == 0)
        luaL_error(L, "pattern too complex");
    while (s != NULL && p != NULL && p != m->pattern_end) {
        lull__match_burn(L, m, 1);
        switch (*p) {
        case '(':
            s = open_capture(L, m, s, p);
            p = NULL;
            continue;
        case ')':
            s = close_capture(L, m, s, p + 1);
            p = NULL;
            continue;
        case '$':
            if (p + 1 != m->pattern_end)
                break; /* elsewhere it means itself */
            s = s == m->subject_end ? s : NULL;
            p = NULL;
            continue;
        case ESCAPE:
            if (p[1] == 'b') {
                s = match_balanced(L, m, s, p + 2);
                p += 4;
                continue;
            }
            if (p[1] == 'f') {
                p = match_frontier(L, m, s, p + 2);
                s = p != NULL ? s : NULL;
                continue;
            }
            if (isdigit((unsigned char)p[1])) {
                s = match_again(L, m, s, p[1]);
                p += 2;
                continue;
            }
            break;
        default:
            break;
        }
        s = match_item(L, m, s, &p);
    }
    m->depth++;
    return s;
}

/* ---- for the callers ---- */

void lull__match_refuel(lua_State *L, struct lull__matcher *m)
{
    m->fuel = LULL__MATCH_FUEL;
    lull_check_time(L);
}

const char *lull__match_at(lua_State *L, struct lull__matcher *m, const char *at)
{
    m->depth = DEPTH_MAX;
    m->captures = 0;
    lull__match_burn(L, m, 1);
    const char *end = match_here(L, m, at, m->pattern);
    if (end != NULL) {
        m->start = at;
        m->end = end;
    }
    return end;
}

ptrdiff_t lull__match_capture(lua_State *L, const struct lull__matcher *m, int i,
                              const char **start)
{
    if (i >= m->captures) {
        if (i != 0)
            luaL_error(L, "invalid capture index %%%d", i + 1);
        *start = m->start;
        return m->end - m->start;
    }
    if (m->capture[i].length == LULL__CAPTURE_OPEN)
        luaL_error(L, "unfinished capture");
    *start = m->capture[i].start;
    return m->capture[i].length;
}

void lull__match_push(lua_State *L, const struct lull__matcher *m, int i)
{
    const char *start;
    ptrdiff_t length = lull__match_capture(L, m, i, &start);
    if (length == LULL__CAPTURE_POSITION)
        lua_pushinteger(L, start - m->subject + 1);
    else
        lua_pushlstring(L, start, (size_t)length);
}

int lull__match_push_all(lua_State *L, const struct lull__matcher *m)
{
    int count = m->captures > 0 ? m->captures : 1;
    if (count > 1)
        luaL_checkstack(L, count, "too many captures");
    for (int i = 0; i < count; i++)
        lull__match_push(L, m, i);
    return count;
}
