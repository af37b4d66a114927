/* SPDX-License-Identifier: MIT */
/*
 * jsontoken.c -- reading the strings and numbers of JSON.
 *
 * What most texts hold is taken without a copy: a string without escapes goes
 * from the text to Lua as it is, once its bytes are known to be UTF-8; a float
 * of few digits is one multiplication or division of two exact numbers, whose
 * result IEEE 754 rounds correctly.  Others are left to strtod.
 *
 * Thread: the runtime's.  Ownership: none, but for Lua values.
 */
#include "json/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#define EXACT_POWERS  22           /* up to here a power of ten is exact */
#define EXACT_INTEGER (1ull << 53) /* and up to here an integer */
#define FAR_EXPONENT  100000       /* beyond every float, however many its digits */
#define MAX_DIGITS    19           /* that any uint64_t can hold */

static const double powers[EXACT_POWERS + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* ---- strings ------------------------------------------------------------ */

static inline bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t lullb_utf8_length(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    unsigned char first = (unsigned char)at[0];
    unsigned char second = left > 1 ? (unsigned char)at[1] : 0;
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4 || left < 2 || !is_continuation(at[1]))
        return 0;
    if (first < 0xE0)
        return 2;
    if (left < 3 || !is_continuation(at[2]))
        return 0;
    if (first < 0xF0) {
        bool overlong = first == 0xE0 && second < 0xA0;
        bool surrogate = first == 0xED && second > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    bool outside = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return left < 4 || !is_continuation(at[3]) || outside ? 0 : 4;
}

/*
 * Go from behind the first quote to the last, past escapes whose second byte
 * is not looked at, and say whether there are any.  False: it stops before.
 */
static bool find_quote(struct lullb_json_reader *reader, bool *escapes)
{
    const char *at = reader->at;
    const char *end = reader->end;
    *escapes = false;
    for (;;) {
        uint64_t mask = 0;
        while (end - at >= 8 && mask == 0) {
            mask = lullb_special_bytes(lullb_load_bytes(at));
            at += mask != 0 ? lullb_first_byte(mask) : 8;
        }
        while (!lullb_is_special((unsigned char)*at))
            at++;
        reader->at = at;
        if (*at == '"')
            return true;
        if (*at == '\\' && end - at > 1) {
            *escapes = true;
            at += 2;
            continue;
        }
        if ((unsigned char)*at < 0x80)
            return false; /* a control, which has to be escaped, or the end */
        while ((unsigned char)*at >= 0x80) {
            size_t length = lullb_utf8_length(at, end);
            if (length == 0) {
                reader->at = at;
                return false;
            }
            at += length;
        }
    }
}

/* The value of four hexadecimal digits, or -1. */
static int hex_value(const char *at, const char *end)
{
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *to, int code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/*
 * The code point of \uXXXX at *at, or of the two that are a surrogate pair
 * (RFC 8259, section 7), and go past it; -1: half a pair, or no digits.
 */
static int read_code(const char **at, const char *end)
{
    int code = hex_value(*at + 2, end);
    if (code < 0)
        return -1;
    *at += 6;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    if (code > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    int low = hex_value(*at + 2, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *at += 6;
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/* The byte that an escape of two bytes stands for, or 0. */
static char simple_escape(char letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* Push what the text between two quotes stands for. */
static bool push_unescaped(struct lullb_json_reader *reader, const char *from,
                           const char *end)
{
    luaL_Buffer buffer;
    char *start = luaL_buffinitsize(reader->L, &buffer, (size_t)(end - from));
    char *to = start;
    while (from < end) {
        const char *plain = memchr(from, '\\', (size_t)(end - from));
        size_t run = (size_t)((plain != NULL ? plain : end) - from);
        memcpy(to, from, run);
        to += run;
        from += run;
        if (from == end)
            break;
        const char *escape = from;
        int code = from[1] == 'u' ? read_code(&from, end) : simple_escape(from[1]);
        if (code < 0 || (code == 0 && escape[1] != 'u')) {
            reader->at = escape;
            return false;
        }
        if (escape[1] != 'u')
            from += 2;
        to = put_utf8(to, code);
    }
    luaL_pushresultsize(&buffer, (size_t)(to - start));
    return true;
}

bool lullb_json_read_string(struct lullb_json_reader *reader)
{
    const char *from = ++reader->at;
    bool escapes;
    if (!find_quote(reader, &escapes))
        return false;
    const char *quote = reader->at++;
    if (escapes)
        return push_unescaped(reader, from, quote);
    lua_pushlstring(reader->L, from, (size_t)(quote - from));
    return true;
}

/* ---- numbers ------------------------------------------------------------ */

struct decimal {
    uint64_t digits; /* the number is digits * 10^exponent... */
    long exponent;
    int count; /* ...unless there are more than MAX_DIGITS of them */
    bool negative;
};

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static const char *scan_digits(const char *at, struct decimal *number)
{
    for (; is_digit(*at); at++) {
        if (number->count > 0 || *at != '0')
            number->count += number->count <= MAX_DIGITS;
        number->digits = number->digits * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

/* Go past an exponent, from behind its e; NULL: it has no digits. */
static const char *scan_exponent(const char *at, struct decimal *number)
{
    bool negative = *at == '-';
    long value = 0;
    at += *at == '-' || *at == '+';
    if (!is_digit(*at))
        return NULL;
    for (; is_digit(*at); at++)
        value = value < FAR_EXPONENT ? value * 10 + (*at - '0') : value;
    number->exponent += negative ? -value : value;
    return at;
}

/* The float of a number's text by strtod, whose decimal point is the locale's. */
static double read_by_library(lua_State *L, const char *from, const char *end)
{
    char *stopped;
    double value = strtod(from, &stopped);
    if (stopped == end)
        return value;
    const char *point = localeconv()->decimal_point;
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (; from < end; from++) {
        if (*from == '.')
            luaL_addstring(&buffer, point);
        else
            luaL_addchar(&buffer, *from);
    }
    luaL_pushresult(&buffer);
    value = strtod(lua_tostring(L, -1), NULL);
    lua_pop(L, 1);
    return value;
}

static bool push_float(struct lullb_json_reader *reader, const struct decimal *number,
                       const char *end)
{
    const char *from = reader->at;
    double value;
    if (FLT_EVAL_METHOD == 0 && number->count <= MAX_DIGITS &&
        number->digits <= EXACT_INTEGER && number->exponent >= -EXACT_POWERS &&
        number->exponent <= EXACT_POWERS) {
        value = (double)number->digits;
        if (number->exponent < 0)
            value /= powers[-number->exponent];
        else
            value *= powers[number->exponent];
        value = number->negative ? -value : value;
    } else {
        value = read_by_library(reader->L, from, end);
    }
    if (isinf(value)) {
        reader->reason = "a number beyond the largest float";
        return false;
    }
    lua_pushnumber(reader->L, value);
    reader->at = end;
    return true;
}

/* An integer that lua_Integer holds stays one; others become floats. */
static bool push_integer(struct lullb_json_reader *reader, const struct decimal *number,
                         const char *end)
{
    uint64_t most = (uint64_t)LUA_MAXINTEGER + (number->negative ? 1 : 0);
    if (number->count > MAX_DIGITS || number->digits > most)
        return push_float(reader, number, end);
    uint64_t value = number->negative ? 0 - number->digits : number->digits;
    lua_pushinteger(reader->L, (lua_Integer)value);
    reader->at = end;
    return true;
}

bool lullb_json_read_number(struct lullb_json_reader *reader)
{
    struct decimal number = {.negative = *reader->at == '-'};
    const char *first = reader->at + (number.negative ? 1 : 0);
    const char *at = scan_digits(first, &number);
    if (at == first || (*first == '0' && at > first + 1))
        return false;
    if (*at != '.' && *at != 'e' && *at != 'E')
        return push_integer(reader, &number, at);
    if (*at == '.') {
        const char *point = at;
        at = scan_digits(point + 1, &number);
        number.exponent = -(long)(at - point - 1);
        if (at == point + 1)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at = scan_exponent(at + 1, &number);
        if (at == NULL)
            return false;
    }
    return push_float(reader, &number, at);
}
