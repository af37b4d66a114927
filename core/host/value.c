/* SPDX-License-Identifier: MIT */
/*
 * value.c -- pushing and reading values by a format, packing them as bytes.
 *
 * A format is checked as a whole before anything is done with it, so that the
 * functions behind the check need not think of wrong ones.  Pushing takes its
 * values from a list of arguments or from packed bytes: struct source is either.
 * Packed are the format with its zero, then the arguments in turn, unaligned.
 */
#include "host/value.h"

#include "base/compat.h"

#include <limits.h>
#include <string.h>

#define MAX_DEPTH 16
#define IS_NULL   SIZE_MAX /* the length of a packed string that was NULL */

/* ---- formats --------------------------------------------------------------------- */

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Past what is for the eye. */
static const char *skip(const char *format)
{
    while (is_one_of(*format, " ,:"))
        format++;
    return format;
}

/*
 * Check values up to `end`: '\0', ']' or '}', which stays.  NULL: wrong.
 * `plain` are the letters of single values.
 */
static const char *check_items(const char *format, char end, const char *plain, int depth)
{
    unsigned long count = 0;
    for (format = skip(format); *format != end; format = skip(format), count++) {
        bool is_key = end == '}' && count % 2 == 0;
        char letter = *format++;
        if (letter == '*' && !is_key && is_one_of(*format, "iInbs")) {
            format++;
        } else if ((letter == '[' || letter == '{') && !is_key && depth < MAX_DEPTH) {
            format = check_items(format, letter == '[' ? ']' : '}', plain, depth + 1);
            if (format == NULL)
                return NULL;
            format++;
        } else if (!is_one_of(letter, is_key ? "iIsS" : plain)) {
            return NULL;
        }
    }
    return end == '}' && count % 2 != 0 ? NULL : format;
}

bool lull__values_check(const char *format)
{
    return check_items(format, '\0', "iIbnsSp-", 0) != NULL;
}

/* ---- where values come from ---------------------------------------------------------- */

struct source {
    const char *format;     /* what is left of it */
    struct lull_args *args; /* NULL: packed */
    const char *bytes;      /* packed: what is left */
    int base;               /* indices of `v` below 0 count from here */
};

static void take(struct source *source, void *to, size_t size)
{
    memcpy(to, source->bytes, size);
    source->bytes += size;
}

static long long next_integer(struct source *source, char letter)
{
    long long value;
    if (source->bytes == NULL)
        return letter == 'I' ? va_arg(source->args->list, long long)
                             : va_arg(source->args->list, int);
    take(source, &value, sizeof value);
    return value;
}

static double next_number(struct source *source)
{
    double value;
    if (source->bytes == NULL)
        return va_arg(source->args->list, double);
    take(source, &value, sizeof value);
    return value;
}

static void *next_pointer(struct source *source)
{
    void *value;
    if (source->bytes == NULL)
        return va_arg(source->args->list, void *);
    take(source, &value, sizeof value);
    return value;
}

/* A packed string, or NULL. */
static const char *take_string(struct source *source, size_t *size)
{
    take(source, size, sizeof *size);
    if (*size == IS_NULL)
        return NULL;
    const char *text = source->bytes;
    source->bytes += *size;
    return text;
}

static const char *next_string(struct source *source, char letter, size_t *size)
{
    if (source->bytes != NULL)
        return take_string(source, size);
    const char *text = va_arg(source->args->list, const char *);
    if (letter == 'S')
        *size = va_arg(source->args->list, size_t);
    else
        *size = text != NULL ? strlen(text) : 0;
    return text;
}

/* ---- pushing ------------------------------------------------------------------------------ */

static void push_text(lua_State *L, const char *text, size_t size)
{
    if (text != NULL)
        lua_pushlstring(L, text, size);
    else
        lua_pushnil(L);
}

/* Push item `i` of an array, which need not be aligned. */
static void push_item(lua_State *L, char letter, const void *array, size_t i)
{
    union {
        int i;
        long long I;
        double n;
        bool b;
        const char *s;
    } item;
    size_t size = lull__value_size(letter);
    memcpy(&item, (const char *)array + i * size, size);
    switch (letter) {
    case 'i':
        lua_pushinteger(L, item.i);
        break;
    case 'I':
        lua_pushinteger(L, item.I);
        break;
    case 'n':
        lua_pushnumber(L, item.n);
        break;
    case 'b':
        lua_pushboolean(L, item.b);
        break;
    default:
        lua_pushstring(L, item.s);
        break;
    }
}

static void push_array(lua_State *L, struct source *source, char letter)
{
    const void *array;
    size_t count;
    if (source->args != NULL) {
        array = va_arg(source->args->list, const void *);
        count = va_arg(source->args->list, size_t);
    } else {
        take(source, &count, sizeof count);
        array = source->bytes;
        if (letter != 's')
            source->bytes += count * lull__value_size(letter);
    }
    lua_createtable(L, count < INT_MAX ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        if (letter == 's' && source->args == NULL) {
            size_t size;
            const char *text = take_string(source, &size);
            push_text(L, text, size);
        } else {
            push_item(L, letter, array, i);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_value(lua_State *L, struct source *source);

static void push_list(lua_State *L, struct source *source)
{
    lua_newtable(L);
    for (lua_Integer i = 1; *(source->format = skip(source->format)) != ']'; i++) {
        push_value(L, source);
        lua_rawseti(L, -2, i);
    }
    source->format++;
}

static void push_table(lua_State *L, struct source *source)
{
    lua_newtable(L);
    while (*(source->format = skip(source->format)) != '}') {
        push_value(L, source);
        if (lua_isnil(L, -1))
            luaL_error(L, "a key is NULL");
        source->format = skip(source->format);
        push_value(L, source);
        lua_rawset(L, -3);
    }
    source->format++;
}

static void push_copy(lua_State *L, struct source *source)
{
    int index = va_arg(source->args->list, int);
    bool counts_back = index < 0 && index > LUA_REGISTRYINDEX;
    lua_pushvalue(L, counts_back ? source->base + 1 + index : index);
}

static void push_value(lua_State *L, struct source *source)
{
    char letter = *source->format++;
    size_t size;
    const char *text;
    void *pointer;
    switch (letter) {
    case 'i':
    case 'I':
        lua_pushinteger(L, next_integer(source, letter));
        break;
    case 'b':
        lua_pushboolean(L, next_integer(source, letter) != 0);
        break;
    case 'n':
        lua_pushnumber(L, next_number(source));
        break;
    case 's':
    case 'S':
        text = next_string(source, letter, &size);
        push_text(L, text, size);
        break;
    case 'p':
        pointer = next_pointer(source);
        if (pointer != NULL)
            lua_pushlightuserdata(L, pointer);
        else
            lua_pushnil(L);
        break;
    case 'v':
        push_copy(L, source);
        break;
    case '*':
        push_array(L, source, *source->format++);
        break;
    case '[':
        push_list(L, source);
        break;
    case '{':
        push_table(L, source);
        break;
    default:
        lua_pushnil(L);
        break;
    }
}

static int push_all(lua_State *L, struct source *source)
{
    int count = 0;
    source->base = lua_gettop(L);
    for (; *(source->format = skip(source->format)) != '\0'; count++) {
        /* what tables need beside the value itself, too */
        luaL_checkstack(L, 2 * MAX_DEPTH + 4, "too many values");
        push_value(L, source);
    }
    return count;
}

/* Push the values of a format that nobody has checked. */
static int push_args(lua_State *L, const char *format, struct lull_args *args)
{
    struct source source = {.format = format, .args = args};
    if (check_items(format, '\0', "iIbnsSpv-", 0) == NULL)
        luaL_error(L, "wrong format '%s'", format);
    return push_all(L, &source);
}

int lull_push_values(lua_State *L, const char *format, ...)
{
    struct lull_args args;
    va_start(args.list, format);
    int count = push_args(L, format, &args);
    va_end(args.list);
    return count;
}

int lull__values_push(lua_State *L, const char *bytes)
{
    struct source source = {.format = bytes, .bytes = bytes + strlen(bytes) + 1};
    return push_all(L, &source);
}

struct call {
    const char *format;
    struct lull_args args;
};

/* (call) -> values... */
static int push_protected(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    return push_args(L, call->format, &call->args);
}

struct lull_task *lull_call_values(struct lull_runtime *rt, lull_outcome_fn done,
                                   void *arg, const char *format, ...)
{
    lua_State *L = lull_state(rt);
    struct call call = {.format = format};
    int top = lua_gettop(L); /* of the function */
    int status = LUA_ERRMEM;
    va_start(call.args.list, format);
    if (strchr(format, 'v') == NULL && lua_checkstack(L, 4)) {
        lua_pushcfunction(L, push_protected);
        lua_pushlightuserdata(L, &call);
        status = lua_pcall(L, 1, LUA_MULTRET, 0);
    }
    va_end(call.args.list);
    if (status == LUA_OK)
        return lull_call(rt, lua_gettop(L) - top, done, arg);
    lua_settop(L, top - 1);
    return NULL;
}

/* ---- packing --------------------------------------------------------------------------------- */

struct packer {
    char *bytes; /* NULL: only count */
    size_t size;
};

static void put(struct packer *packer, const void *from, size_t size)
{
    if (packer->bytes != NULL && size > 0)
        memcpy(packer->bytes + packer->size, from, size);
    packer->size += size;
}

static void put_string(struct packer *packer, const char *text, size_t size)
{
    if (text == NULL)
        size = IS_NULL;
    put(packer, &size, sizeof size);
    if (text != NULL)
        put(packer, text, size);
}

static void put_array(struct packer *packer, char letter, const void *array, size_t count)
{
    put(packer, &count, sizeof count);
    if (letter != 's') {
        put(packer, array, count * lull__value_size(letter));
        return;
    }
    const char *const *texts = array;
    for (size_t i = 0; i < count; i++)
        put_string(packer, texts[i], texts[i] != NULL ? strlen(texts[i]) : 0);
}

static void put_value(struct packer *packer, struct source *source, char letter)
{
    long long integer;
    double number;
    size_t size;
    const void *pointer;
    switch (letter) {
    case 'i':
    case 'I':
    case 'b':
        integer = next_integer(source, letter);
        put(packer, &integer, sizeof integer);
        break;
    case 'n':
        number = next_number(source);
        put(packer, &number, sizeof number);
        break;
    case 's':
    case 'S':
        pointer = next_string(source, letter, &size);
        put_string(packer, pointer, size);
        break;
    case 'p':
        pointer = next_pointer(source);
        put(packer, &pointer, sizeof pointer);
        break;
    case '*':
        pointer = va_arg(source->args->list, const void *);
        size = va_arg(source->args->list, size_t);
        put_array(packer, *source->format++, pointer, size);
        break;
    default: /* brackets are in the format */
        break;
    }
}

size_t lull__values_pack(char *bytes, const char *format, struct lull_args *args)
{
    struct packer packer = {.bytes = bytes};
    struct source source = {.format = format, .args = args};
    put(&packer, format, strlen(format) + 1);
    while (*source.format != '\0')
        put_value(&packer, &source, *source.format++);
    return packer.size;
}
