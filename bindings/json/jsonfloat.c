/* SPDX-License-Identifier: MIT */
/*
 * jsonfloat.c -- the shortest text that is read back as the same float.
 *
 * A float m * 2^e stands for every real number nearer to it than to its
 * neighbours.  Scaled by a power of ten, the two ends of that range are exact
 * integers of 128 bits over a power of two; of the integers in between, the one
 * with the most zeros at its end has the fewest digits.  That holds for sizes
 * from 1e-4 to 2^53, which are nearly all; others are printed with 15, 16 or 17
 * digits, until they read back the same; those next to zero, which have fewer, from 1.
 */
#include "json/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER        40   /* bytes of the longest number, and then some */
#define LEAST         1e-4 /* the range of the exact way: below, 128 bits are too few... */
#define MOST          9007199254740992.0 /* ...and from here on every float is whole */
#define MANTISSA_BITS 53

static const uint64_t powers[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

/* Write the digits of a number, at least `least` of them. */
static char *put_digits(char *at, uint64_t value, int least)
{
    char digits[24];
    int count = 0;
    for (; value != 0 || count < least; value /= 10)
        digits[count++] = (char)('0' + value % 10);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

void lullb_json_out_integer(struct lullb_json_out *out, lua_Integer value)
{
    lullb_json_out_room(out, NUMBER);
    if (value < 0)
        *out->at++ = '-';
    out->at = put_digits(out->at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

/* ---- the exact way ------------------------------------------------------ */

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

/* digits / 10^places */
struct decimal {
    uint64_t digits;
    int places;
};

/* The decimal with the fewest digits for a size from LEAST to MOST. */
static struct decimal shortest(double size)
{
    uint64_t whole = (uint64_t)size;
    if ((double)whole == size)
        return (struct decimal){.digits = whole};
    int exponent;
    double fraction = frexp(size, &exponent);
    uint64_t mantissa = (uint64_t)ldexp(fraction, MANTISSA_BITS);
    /* size = mantissa * 2^-shift * 4, in quarters of the distance to a neighbour */
    int shift = MANTISSA_BITS - exponent + 2;
    /* as many as make it an integer of 17 or 18 digits; log10(2) is 0.30103 */
    struct decimal decimal = {.places = 16 - (int)floor((exponent - 1) * 0.30103)};
    int places = decimal.places;
    wide scale = places < 20 ? powers[places] : (wide)powers[19] * powers[places - 19];
    wide quarters = (wide)mantissa * 4 * scale;
    /* below a power of two the neighbour is nearer; the ends themselves are left out */
    wide below =
        quarters - (mantissa == (uint64_t)1 << (MANTISSA_BITS - 1) ? 1 : 2) * scale;
    wide above = quarters + 2 * scale;
    uint64_t first = (uint64_t)(below >> shift) + 1;
    uint64_t last = (uint64_t)((above - 1) >> shift);
    uint64_t unit = 1;
    while (decimal.places > 0 && last / 10 >= (first + 9) / 10) {
        first = (first + 9) / 10;
        last /= 10;
        unit *= 10;
        decimal.places--;
    }
    uint64_t halves = (uint64_t)(quarters >> (shift - 1)); /* twice the size itself */
    decimal.digits = halves / (2 * unit);
    bool nearer_above = halves % (2 * unit) >= unit && decimal.digits < last;
    if (decimal.digits < first || nearer_above)
        decimal.digits++;
    return decimal;
}

static bool put_exact(struct lullb_json_out *out, double size)
{
    if (size < LEAST || size >= MOST)
        return false;
    struct decimal decimal = shortest(size);
    uint64_t unit = decimal.places < 20 ? powers[decimal.places] : 0;
    out->at = put_digits(out->at, unit != 0 ? decimal.digits / unit : 0, 1);
    *out->at++ = '.';
    if (decimal.places == 0)
        *out->at++ = '0';
    else
        out->at = put_digits(out->at, unit != 0 ? decimal.digits % unit : decimal.digits,
                             decimal.places);
    return true;
}
#else
static bool put_exact(struct lullb_json_out *out, double size)
{
    (void)out;
    (void)size;
    return false;
}
#endif

/* ---- the other way ------------------------------------------------------ */

/* Copy what printf made of a float, with a point whatever the locale's is. */
static char *put_printed(char *at, const char *printed)
{
    bool integer = true;
    for (; *printed != '\0'; printed++) {
        if (strchr("+-0123456789e", *printed) != NULL) {
            integer = integer && *printed != 'e';
            *at++ = *printed;
        } else if (integer) { /* the first byte of the locale's point */
            integer = false;
            *at++ = '.';
        }
    }
    if (integer) {
        *at++ = '.';
        *at++ = '0';
    }
    return at;
}

bool lullb_json_out_float(struct lullb_json_out *out, double value)
{
    char printed[NUMBER];
    if (!isfinite(value))
        return false;
    lullb_json_out_room(out, NUMBER);
    if (signbit(value))
        *out->at++ = '-';
    double size = fabs(value);
    if (put_exact(out, size))
        return true;
    /* 15 that are not needed are zeros, but near zero; 17 always read back the same */
    for (int digits = size < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(printed, sizeof printed, "%.*g", digits, size);
        if (digits == 17 || strtod(printed, NULL) == size)
            break;
    }
    out->at = put_printed(out->at, printed);
    return true;
}
