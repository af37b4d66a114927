/* SPDX-License-Identifier: MIT */
/*
 * sort.c -- table.sort whose comparator may wait.
 *
 * Quicksort with the median of three as pivot, as in stock.  It is cut where it
 * compares: a step takes the answer to the last question, moves elements, and
 * asks the next one.  Parts still to be sorted are on a stack of their own, the
 * larger one first, so it stays as low as the logarithm of the length.
 *
 * With P the pivot, steps and what is on the Lua stack above the state:
 *
 *   ENDS     a[up] < a[lo] ?      a[lo] a[up]
 *   LOWER    a[mid] < a[lo] ?     a[mid] a[lo]
 *   UPPER    a[up] < a[mid] ?     a[mid] a[up]
 *   FORWARD  a[i] < P ?           P a[i]
 *   BACKWARD P < a[j] ?           P a[i] a[j]
 *
 * Then a[lo .. i-1] <= P <= a[j+1 .. up] holds while i and j approach.
 */
#include "stdlib/iter.h"

#include "lull_ext.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <time.h>

#define PARTS_MAX    32  /* more than the logarithm of the longest list */
#define QUESTIONS    256 /* between two looks at the time */
#define MEDIAN_BELOW 100 /* shorter parts always take their middle as pivot */

enum slot { LIST = 1, COMPARATOR, STATE };

enum step { ENDS, LOWER, UPPER, FORWARD, BACKWARD, DONE };

struct part {
    unsigned lo, up; /* both included */
    unsigned seed;   /* not 0: splits were bad, choose pivots at random */
};

struct sort {
    struct lull__scratch base;
    struct part now; /* being sorted */
    enum step step;  /* the question that is being answered */
    unsigned mid;    /* where the pivot came from */
    unsigned i, j;   /* next to be compared from the left, the right */
    bool has_comparator;
    bool plain;         /* what is to be compared can have no __lt */
    unsigned questions; /* asked so far */
    int pivot_type;
    int waiting; /* parts in use below */
    struct part parts[PARTS_MAX];
};

static int sort_k(lua_State *L, int status, lua_KContext kept);

/* ---- questions ---- */

/* Without comparator.  Calls __lt from here, for lua_compare would not let it wait. */
static bool ask_metamethod(lua_State *L, struct sort *s, int a, int b)
{
    lua_pushvalue(L, a);
    lua_pushvalue(L, b - 1);
    if (luaL_getmetafield(L, -2, "__lt") == LUA_TNIL &&
        luaL_getmetafield(L, -1, "__lt") == LUA_TNIL) {
        bool less = lua_compare(L, -2, -1, LUA_OPLT); /* an error, mostly */
        lua_pop(L, 2);
        return less;
    }
    lua_insert(L, -3);
    lua_callk(L, 2, 1, (lua_KContext)s, sort_k);
    bool less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

/* Whether the value at a is less than the one at b; both indices are negative. */
static inline bool ask(lua_State *L, struct sort *s, int a, int b)
{
    if (++s->questions % QUESTIONS == 0)
        lull_check_time(L);
    if (s->has_comparator) {
        lua_pushvalue(L, COMPARATOR);
        lua_pushvalue(L, a - 1);
        lua_pushvalue(L, b - 2);
        lua_callk(L, 2, 1, (lua_KContext)s, sort_k);
        bool less = lua_toboolean(L, -1);
        lua_pop(L, 1);
        return less;
    }
    if (s->plain)
        return lua_compare(L, a, b, LUA_OPLT);
    return ask_metamethod(L, s, a, b);
}

/* Pushes an element and notes whether it compares with `type` without __lt. */
static inline int push_element(lua_State *L, struct sort *s, unsigned i, int type)
{
    int own = lua_geti(L, LIST, i);
    s->plain = own == type && (own == LUA_TNUMBER || own == LUA_TSTRING);
    return own;
}

/* a[i] = top, a[j] = the one below it; pops both. */
static void set_two(lua_State *L, unsigned i, unsigned j)
{
    lua_seti(L, LIST, i);
    lua_seti(L, LIST, j);
}

/* ---- parts ---- */

static bool next_part(struct sort *s)
{
    while (s->now.lo >= s->now.up) {
        if (s->waiting == 0)
            return false;
        s->now = s->parts[--s->waiting];
    }
    return true;
}

static bool ask_ends(lua_State *L, struct sort *s)
{
    if (!next_part(s)) {
        s->step = DONE;
        return false;
    }
    s->step = ENDS;
    int type = lua_geti(L, LIST, s->now.lo);
    push_element(L, s, s->now.up, type);
    return ask(L, s, -1, -2);
}

/* Nothing more to do in this part. */
static bool leave_part(lua_State *L, struct sort *s)
{
    s->now.up = s->now.lo;
    return ask_ends(L, s);
}

/* Goes on with the smaller side of a[i]; the other one waits. */
static bool split_part(lua_State *L, struct sort *s)
{
    struct part left = {s->now.lo, s->i - 1, s->now.seed};
    struct part right = {s->i + 1, s->now.up, s->now.seed};
    bool left_is_smaller = s->i - s->now.lo < s->now.up - s->i;
    s->now = left_is_smaller ? left : right;
    struct part *larger = &s->parts[s->waiting++];
    *larger = left_is_smaller ? right : left;

    unsigned done = left_is_smaller ? s->i - left.lo : right.up - s->i;
    if ((larger->up - larger->lo) / 128 > done)
        larger->seed = (unsigned)clock() * 31 + (unsigned)time(NULL) + larger->up;
    return ask_ends(L, s);
}

/* ---- the pivot ---- */

static unsigned choose_pivot(const struct part *now)
{
    unsigned length = now->up - now->lo;
    if (length < MEDIAN_BELOW || now->seed == 0)
        return now->lo + length / 2;
    unsigned quarter = length / 4; /* of the middle half, any */
    return now->lo + quarter + now->seed % (quarter * 2);
}

static bool ask_forward(lua_State *L, struct sort *s)
{
    s->step = FORWARD;
    push_element(L, s, ++s->i, s->pivot_type);
    return ask(L, s, -1, -2);
}

static bool after_ends(lua_State *L, struct sort *s, bool swap)
{
    if (swap)
        set_two(L, s->now.lo, s->now.up);
    else
        lua_pop(L, 2);
    if (s->now.up - s->now.lo == 1)
        return leave_part(L, s);
    s->mid = choose_pivot(&s->now);
    s->step = LOWER;
    int type = lua_geti(L, LIST, s->mid);
    push_element(L, s, s->now.lo, type);
    return ask(L, s, -2, -1);
}

/* The three are in order.  Puts the pivot before a[up], out of the way. */
static bool begin_partition(lua_State *L, struct sort *s)
{
    if (s->now.up - s->now.lo == 2)
        return leave_part(L, s);
    s->pivot_type = lua_geti(L, LIST, s->mid);
    lua_pushvalue(L, -1);
    lua_geti(L, LIST, s->now.up - 1);
    set_two(L, s->mid, s->now.up - 1);
    s->i = s->now.lo;
    s->j = s->now.up - 1;
    return ask_forward(L, s);
}

static bool after_lower(lua_State *L, struct sort *s, bool swap)
{
    if (swap) {
        set_two(L, s->mid, s->now.lo);
        return begin_partition(L, s);
    }
    lua_pop(L, 1);
    s->step = UPPER;
    push_element(L, s, s->now.up, lua_type(L, -1));
    return ask(L, s, -1, -2);
}

static bool after_upper(lua_State *L, struct sort *s, bool swap)
{
    if (swap)
        set_two(L, s->mid, s->now.up);
    else
        lua_pop(L, 2);
    return begin_partition(L, s);
}

/* ---- the partition ---- */

static bool after_forward(lua_State *L, struct sort *s, bool less)
{
    while (less) {
        if (s->i == s->now.up - 1) /* the pivot itself stands there */
            luaL_error(L, "invalid order function for sorting");
        lua_pop(L, 1);
        push_element(L, s, ++s->i, s->pivot_type);
        less = ask(L, s, -1, -2);
    }
    s->step = BACKWARD;
    push_element(L, s, --s->j, s->pivot_type);
    return ask(L, s, -3, -1);
}

static bool after_backward(lua_State *L, struct sort *s, bool less)
{
    while (less) {
        if (s->j < s->i)
            luaL_error(L, "invalid order function for sorting");
        lua_pop(L, 1);
        push_element(L, s, --s->j, s->pivot_type);
        less = ask(L, s, -3, -1);
    }
    if (s->j >= s->i) {
        set_two(L, s->i, s->j);
        return ask_forward(L, s);
    }
    /* They have met: the pivot goes to its place between them. */
    lua_pop(L, 1);
    set_two(L, s->now.up - 1, s->i);
    return split_part(L, s);
}

/* ---- the walk ---- */

static int run(lua_State *L, struct sort *s, bool answer)
{
    for (;;) {
        switch (s->step) {
        case ENDS:
            answer = after_ends(L, s, answer);
            break;
        case LOWER:
            answer = after_lower(L, s, answer);
            break;
        case UPPER:
            answer = after_upper(L, s, answer);
            break;
        case FORWARD:
            answer = after_forward(L, s, answer);
            break;
        case BACKWARD:
            answer = after_backward(L, s, answer);
            break;
        case DONE:
            s->base.busy = false;
            return 0;
        }
    }
}

/* Goes on after a comparison that has waited. */
static int sort_k(lua_State *L, int status, lua_KContext kept)
{
    struct sort *s = (struct sort *)kept; /* on the stack, in STATE */
    (void)status;
    bool answer = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return run(L, s, answer);
}

/* Anything is a list that can be read, written and measured. */
static void check_list(lua_State *L)
{
    static const char *const fields[] = {"__index", "__newindex", "__len"};
    if (lua_type(L, LIST) == LUA_TTABLE)
        return;
    for (int i = 0; i < 3; i++) {
        if (luaL_getmetafield(L, LIST, fields[i]) == LUA_TNIL)
            luaL_checktype(L, LIST, LUA_TTABLE); /* raises */
        lua_pop(L, 1);
    }
}

int lull__l_sort(lua_State *L)
{
    check_list(L);
    lua_Integer length = luaL_len(L, LIST);
    if (length < 2)
        return 0;
    luaL_argcheck(L, length < INT_MAX, LIST, "array too big");
    bool has_comparator = !lua_isnoneornil(L, COMPARATOR);
    if (has_comparator)
        luaL_checktype(L, COMPARATOR, LUA_TFUNCTION);
    lua_settop(L, STATE);

    struct sort *s = lull__scratch_take(L, sizeof *s, STATE);
    s->now = (struct part){1, (unsigned)length, 0};
    s->has_comparator = has_comparator;
    s->waiting = 0;
    s->questions = 0;
    return run(L, s, ask_ends(L, s));
}
