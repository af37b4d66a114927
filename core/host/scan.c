/* SPDX-License-Identifier: MIT */
/*
 * scan.c -- reading values by a format: results in callbacks, arguments in functions.
 *
 * One walk for both.  It raises nothing and converts nothing; what it does not
 * like it describes in struct problem, for whoever may raise.
 */
#include "host/value.h"

#include "base/compat.h"

#include <limits.h>
#include <string.h>

struct problem {
    int index;            /* of the value */
    size_t item;          /* of a list; 0: the value itself */
    const char *expected; /* "integer" */
    const char *wrong;    /* instead of what type it has; or NULL */
};

static bool refuse(struct problem *problem, const char *expected, const char *wrong)
{
    problem->expected = expected;
    problem->wrong = wrong;
    return false;
}

static bool read_integer(lua_State *L, int index, long long *to, struct problem *problem)
{
    int exact = 0;
    if (lua_type(L, index) != LUA_TNUMBER)
        return refuse(problem, "integer", NULL);
    *to = lua_tointegerx(L, index, &exact);
    return exact || refuse(problem, "integer", "a number that is none");
}

static bool read_text(lua_State *L, int index, const char **to, size_t *size,
                      struct problem *problem)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return refuse(problem, "string", NULL);
    *to = lua_tolstring(L, index, size);
    return true;
}

/* Read one value to `to`. */
static bool read_value(lua_State *L, int index, char letter, void *to,
                       struct problem *problem)
{
    long long integer;
    size_t size;
    switch (letter) {
    case 'i':
        if (!read_integer(L, index, &integer, problem))
            return false;
        if (integer < INT_MIN || integer > INT_MAX)
            return refuse(problem, "integer", "out of range");
        *(int *)to = (int)integer;
        return true;
    case 'I':
        return read_integer(L, index, to, problem);
    case 'n':
        if (lua_type(L, index) != LUA_TNUMBER)
            return refuse(problem, "number", NULL);
        *(double *)to = lua_tonumber(L, index);
        return true;
    case 'b':
        if (!lua_isboolean(L, index))
            return refuse(problem, "boolean", NULL);
        *(bool *)to = lua_toboolean(L, index);
        return true;
    case 'p':
        if (!lua_islightuserdata(L, index))
            return refuse(problem, "light userdata", NULL);
        *(void **)to = lua_touserdata(L, index);
        return true;
    default: /* s */
        if (!read_text(L, index, to, &size, problem))
            return false;
        return strlen(*(const char **)to) == size ||
               refuse(problem, "string", "a string with a zero in it");
    }
}

static bool read_array(lua_State *L, int index, char letter, struct lull_args *args,
                       struct problem *problem)
{
    char *to = va_arg(args->list, void *);
    size_t *places = va_arg(args->list, size_t *);
    if (!lua_istable(L, index))
        return refuse(problem, "list", NULL);
    size_t count = lua_rawlen(L, index);
    if (count > *places)
        return refuse(problem, "list", "too many values");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        bool good = read_value(L, -1, letter, to + i * lull__value_size(letter), problem);
        if (!good) {
            problem->item = i + 1;
            if (problem->wrong == NULL)
                problem->wrong = luaL_typename(L, -1);
        }
        lua_pop(L, 1); /* the list has it still */
        if (!good)
            return false;
    }
    *places = count;
    return true;
}

/* Pass the arguments by that belong to a value that is not there. */
static void pass_by(char letter, struct lull_args *args)
{
    (void)va_arg(args->list, void *);
    if (letter == '*' || letter == 'S')
        (void)va_arg(args->list, size_t *);
}

static bool is_letter(char letter, const char *set)
{
    return letter != '\0' && strchr(set, letter) != NULL;
}

static bool check_format(const char *format)
{
    for (; *format != '\0'; format++) {
        if (*format == '*' && !is_letter(*++format, "iInbs"))
            return false;
        if (!is_letter(*format, "iInbsSp-| ,:"))
            return false;
    }
    return true;
}

static bool read_one(lua_State *L, int index, const char **format, char letter,
                     struct lull_args *args, struct problem *problem)
{
    if (letter == '*')
        return read_array(L, index, *(*format)++, args, problem);
    void *to = va_arg(args->list, void *);
    if (letter != 'S')
        return read_value(L, index, letter, to, problem);
    size_t *size = va_arg(args->list, size_t *);
    return read_text(L, index, to, size, problem);
}

static bool read_all(lua_State *L, int index, const char *format, struct lull_args *args,
                     struct problem *problem)
{
    bool optional = false;
    index = lua_absindex(L, index);
    for (char letter; (letter = *format++) != '\0';) {
        if (letter == '|')
            optional = true;
        if (is_letter(letter, "| ,:"))
            continue;
        problem->index = index;
        if (optional && letter != '-' && lua_isnoneornil(L, index)) {
            pass_by(letter, args);
            format += letter == '*';
        } else if (letter != '-' && !read_one(L, index, &format, letter, args, problem)) {
            return false;
        }
        index++;
    }
    return true;
}

bool lull_read(lua_State *L, int index, const char *format, ...)
{
    struct problem problem = {0};
    struct lull_args args;
    if (!check_format(format) || !lua_checkstack(L, 1))
        return false;
    va_start(args.list, format);
    bool good = read_all(L, index, format, &args, &problem);
    va_end(args.list);
    return good;
}

void lull_check_values(lua_State *L, int index, const char *format, ...)
{
    struct problem problem = {0};
    struct lull_args args;
    if (!check_format(format))
        luaL_error(L, "wrong format '%s'", format);
    luaL_checkstack(L, 4, NULL);
    va_start(args.list, format);
    bool good = read_all(L, index, format, &args, &problem);
    va_end(args.list);
    if (good)
        return;
    const char *wrong = problem.wrong;
    if (wrong == NULL)
        wrong = luaL_typename(L, problem.index);
    if (problem.item > 0)
        luaL_argerror(L, problem.index,
                      lua_pushfstring(L, "item %I: %s expected, got %s",
                                      (lua_Integer)problem.item, problem.expected,
                                      wrong));
    luaL_argerror(L, problem.index,
                  lua_pushfstring(L, "%s expected, got %s", problem.expected, wrong));
}
