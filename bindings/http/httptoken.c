/* SPDX-License-Identifier: MIT */
/*
 * httptoken.c -- the smallest parts of HTTP: tokens, values, hosts, paths.
 */
#include "http/httpparse.h"

#include <string.h>

enum {
    TOKEN = 1, /* RFC 9110, 5.6.2 */
    VALUE = 2, /* what a field's value may hold: visible, blank, or above ASCII */
    NAME = 4,  /* of a host: unreserved and sub-delims, RFC 3986, 3.2.2 */
};

/* clang-format off */
#define T (TOKEN | VALUE)
#define N (NAME | VALUE)
#define B (TOKEN | NAME | VALUE)
#define V VALUE
static const unsigned char classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0, /* tab */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    V, B, V, T, B, T, B, B, N, N, B, B, N, B, B, V, /*  !"#$%&'()*+,-./ */
    B, B, B, B, B, B, B, B, B, B, V, N, V, N, V, V, /* 0-9 : ; < = > ? */
    V, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, /* @A-O */
    B, B, B, B, B, B, B, B, B, B, B, V, V, V, T, B, /* P-Z [ \ ] ^ _ */
    T, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, /* `a-o */
    B, B, B, B, B, B, B, B, B, B, B, V, T, V, B, 0, /* p-z { | } ~ */
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
#undef T
#undef N
#undef B
#undef V
/* clang-format on */

static bool all_of(const char *bytes, size_t size, unsigned char class)
{
    unsigned char common = class;
    for (size_t i = 0; i < size; i++)
        common &= classes[(unsigned char)bytes[i]];
    return common != 0;
}

bool lullb_http_is_token(const char *bytes, size_t size)
{
    return size > 0 && all_of(bytes, size, TOKEN);
}

bool lullb_http_is_value(const char *bytes, size_t size)
{
    return all_of(bytes, size, VALUE);
}

static unsigned char lower_of(char letter)
{
    unsigned char byte = (unsigned char)letter;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
}

bool lullb_http_is_name(const char *bytes, size_t size, const char *lower)
{
    for (size_t i = 0; i < size; i++)
        if (lower_of(bytes[i]) != (unsigned char)lower[i])
            return false; /* the end of `lower`, too: no NUL is in a name */
    return lower[size] == '\0';
}

bool lullb_http_has_token(const char *bytes, size_t size, const char *lower)
{
    size_t at = 0;
    while (at < size) {
        const char *comma = memchr(bytes + at, ',', size - at);
        size_t end = comma != NULL ? (size_t)(comma - bytes) : size;
        size_t from = at;
        size_t to = end;
        while (from < to && (bytes[from] == ' ' || bytes[from] == '\t'))
            from++;
        while (to > from && (bytes[to - 1] == ' ' || bytes[to - 1] == '\t'))
            to--;
        if (to > from && lullb_http_is_name(bytes + from, to - from, lower))
            return true;
        at = end + 1;
    }
    return false;
}

bool lullb_http_number(const char *bytes, size_t size, uint64_t *value)
{
    *value = 0;
    if (size == 0 || size > 18) /* 18 digits fit, and are more than there is */
        return false;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(bytes[i] - '0');
    }
    return true;
}

/* ---- hosts ------------------------------------------------------------------- */

static int hex_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    unsigned char lower = lower_of(digit);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* [...]: digits of an IPv6 address; whether it is one, nobody here needs to know. */
static size_t bracketed(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, ']', size);
    size_t length = end != NULL ? (size_t)(end - bytes) + 1 : 0;
    if (length < 4)
        return 0;
    for (size_t i = 1; i + 1 < length; i++)
        if (hex_of(bytes[i]) < 0 && bytes[i] != ':' && bytes[i] != '.')
            return 0;
    return length;
}

static bool is_reg_name(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '%') {
            if (size - i < 3 || hex_of(bytes[i + 1]) < 0 || hex_of(bytes[i + 2]) < 0)
                return false;
            i += 2;
        } else if ((classes[(unsigned char)bytes[i]] & NAME) == 0) {
            return false;
        }
    }
    return true;
}

bool lullb_http_is_host(const char *bytes, size_t size, bool needs_port)
{
    size_t length;
    uint64_t port = 0;
    if (size > 0 && bytes[0] == '[') {
        length = bracketed(bytes, size);
        if (length == 0)
            return false;
    } else {
        const char *colon = size > 0 ? memchr(bytes, ':', size) : NULL;
        length = colon != NULL ? (size_t)(colon - bytes) : size;
        if (!is_reg_name(bytes, length))
            return false;
    }
    if (length == size)
        return !needs_port;
    if (bytes[length] != ':' || (length == 0 && size > 0))
        return false;
    if (length + 1 == size)
        return !needs_port;
    return lullb_http_number(bytes + length + 1, size - length - 1, &port) &&
           port <= 65535;
}

/* ---- paths -------------------------------------------------------------------- */

bool lullb_http_path_is_sound(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '%')
            continue;
        if (size - i < 3 || hex_of(bytes[i + 1]) < 0 || hex_of(bytes[i + 2]) < 0 ||
            (bytes[i + 1] == '0' && bytes[i + 2] == '0'))
            return false;
    }
    return true;
}

bool lullb_http_path_is_plain(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '%' || (bytes[i] == '.' && i > 0 && bytes[i - 1] == '/'))
            return false;
    return true;
}

static size_t decode(const char *bytes, size_t size, char *out)
{
    size_t to = 0;
    for (size_t i = 0; i < size; i++) {
        char byte = bytes[i];
        if (byte == '%') {
            byte = (char)(hex_of(bytes[i + 1]) * 16 + hex_of(bytes[i + 2]));
            i += 2;
        }
        out[to++] = byte;
    }
    return to;
}

/* RFC 3986, 5.2.4, in place: segments move to the front, ".." takes one away. */
static size_t resolve(char *path, size_t size)
{
    size_t to = 0;
    size_t at = 0;
    while (at < size) {
        size_t end = at + 1; /* path[at] is a slash */
        while (end < size && path[end] != '/')
            end++;
        size_t length = end - at;
        bool is_dot = length == 2 && path[at + 1] == '.';
        bool is_up = length == 3 && path[at + 1] == '.' && path[at + 2] == '.';
        if (is_up) {
            while (to > 0 && path[--to] != '/')
                continue;
        }
        if (!is_dot && !is_up) {
            memmove(path + to, path + at, length);
            to += length;
        } else if (end == size) {
            path[to++] = '/'; /* a directory it is */
        }
        at = end;
    }
    return to;
}

size_t lullb_http_decode_path(const char *bytes, size_t size, char *out)
{
    size_t length = decode(bytes, size, out);
    if (length == 0 || out[0] != '/')
        return length; /* the asterisk */
    return resolve(out, length);
}
