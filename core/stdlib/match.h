/* SPDX-License-Identifier: MIT */
/*
 * match.h -- Lua patterns: one attempt to match, and what it captured.
 *
 * The language is that of section 6.4.1 of the reference manual, with stock's
 * limits and messages.  The caller walks the subject and strips a leading '^'.
 *
 *   1. A matcher holds no memory of its own.  It may live on the C stack or in
 *      a userdata, and survives a yield in the latter.
 *   2. It borrows subject and pattern.  Both must stay where they are and be
 *      followed by a zero byte, as every Lua string is.
 *   3. Lua is entered only to raise: for a malformed pattern, for one that nests
 *      too deeply, for captures that do not exist, and for a task that is to be
 *      killed: work is counted, and every so often lull_check_time() is asked.
 */
#ifndef LULL_MATCH_H
#define LULL_MATCH_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define LULL__CAPTURES_MAX     32
#define LULL__MATCH_FUEL       8192 /* steps between two looks at the time */
#define LULL__CAPTURE_OPEN     (-1) /* length of a capture not closed yet */
#define LULL__CAPTURE_POSITION (-2) /* length of a position capture, "()" */

struct lull__capture {
    const char *start;
    ptrdiff_t length; /* or one of the two marks above */
};

struct lull__matcher {
    const char *subject;
    const char *subject_end;
    const char *pattern;
    const char *pattern_end;
    const char *set_start; /* a set in the pattern whose end is known, or NULL */
    const char *set_end;
    const char *start; /* of the last match found */
    const char *end;   /* just after it */
    ptrdiff_t fuel;    /* steps left until the next look at the time */
    int depth;         /* nested attempts still allowed */
    int captures;      /* how many of the next field are in use */
    struct lull__capture capture[LULL__CAPTURES_MAX];
};

/* Sets the text to be searched. */
static inline void lull__match_subject(struct lull__matcher *m, const char *text,
                                       size_t length)
{
    m->subject = text;
    m->subject_end = text + length;
    m->fuel = LULL__MATCH_FUEL;
}

/* Asks for the time, which may raise, and counts anew. */
void lull__match_refuel(lua_State *L, struct lull__matcher *m);

/* Counts work that was done, or is about to be: a step is some nanoseconds. */
static inline void lull__match_burn(lua_State *L, struct lull__matcher *m,
                                    ptrdiff_t steps)
{
    if ((m->fuel -= steps) < 0)
        lull__match_refuel(L, m);
}

/* Sets the pattern, without its anchor.  Returns whether there was one, a `^`. */
static inline bool lull__match_pattern(struct lull__matcher *m, const char *text,
                                       size_t length)
{
    bool anchored = *text == '^';
    m->pattern = anchored ? text + 1 : text;
    m->pattern_end = text + length;
    m->set_start = NULL;
    return anchored;
}

/* Tries to match the pattern at `at`.  Returns the end of the match, or NULL.
 * Raises for a malformed pattern. */
const char *lull__match_at(lua_State *L, struct lull__matcher *m, const char *at);

/* Finds capture `i` (from 0) of the last match, or the whole match as capture 0
 * of a pattern without captures.  Returns its length or LULL__CAPTURE_POSITION,
 * and sets *start.  Raises if there is no such capture or it was left open. */
ptrdiff_t lull__match_capture(lua_State *L, const struct lull__matcher *m, int i,
                              const char **start);

/* Pushes that capture: a string, or the position as an integer. */
void lull__match_push(lua_State *L, const struct lull__matcher *m, int i);

/* Pushes all captures, or the whole match if there are none; returns how many.
 * The caller has left room for one. */
int lull__match_push_all(lua_State *L, const struct lull__matcher *m);

#endif
