/* SPDX-License-Identifier: MIT */
/*
 * cryptolib.c -- Lua module "lull.crypto.native": digests, base64, randomness.
 *
 * What handshakes and signed cookies need, on strings of bytes.  Digests and
 * random bytes are libcrypto's; base64 (RFC 4648) is short and strict, so it
 * is here.  Nothing suspends.
 */
#include "common/bind.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define RANDOM_BYTES (1024 * 1024) /* that one call may ask for */
#define INVALID      0xFFu         /* no digit */

int luaopen_lull_crypto_native(lua_State *L);

/* ---- digests ---------------------------------------------------------------- */

static int push_digest(lua_State *L, const EVP_MD *kind)
{
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(bytes, length, digest, &size, kind, NULL) != 1)
        return lullb_raise(L, LULL_KIND_IO, "crypto.digest",
                           "libcrypto refuses the digest");
    lua_pushlstring(L, (const char *)digest, size);
    return 1;
}

/* sha1(bytes) -> 20 bytes */
static int l_sha1(lua_State *L)
{
    return push_digest(L, EVP_sha1());
}

/* sha256(bytes) -> 32 bytes */
static int l_sha256(lua_State *L)
{
    return push_digest(L, EVP_sha256());
}

/* hmac_sha256(key, bytes) -> 32 bytes (RFC 2104) */
static int l_hmac_sha256(lua_State *L)
{
    size_t key_length, length;
    const char *key = luaL_checklstring(L, 1, &key_length);
    const char *bytes = luaL_checklstring(L, 2, &length);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    luaL_argcheck(L, key_length <= INT_MAX, 1, "key too long");
    if (HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)bytes, length,
             digest, &size) == NULL)
        return lullb_raise(L, LULL_KIND_IO, "crypto.hmac",
                           "libcrypto refuses the digest");
    lua_pushlstring(L, (const char *)digest, size);
    return 1;
}

/* ---- randomness and comparison ---------------------------------------------- */

/* random(n) -> n bytes that nobody can guess */
static int l_random(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 0 && count <= RANDOM_BYTES, 1,
                  "a number of bytes from 0 to 1048576 expected");
    luaL_Buffer bytes;
    char *room = luaL_buffinitsize(L, &bytes, (size_t)count);
    if (RAND_bytes((unsigned char *)room, (int)count) != 1)
        return lullb_raise(L, LULL_KIND_IO, "crypto.random",
                           "the system has no random bytes");
    luaL_pushresultsize(&bytes, (size_t)count);
    return 1;
}

/* equal(a, b) -> boolean; the time says nothing but whether the lengths differ */
static int l_equal(lua_State *L)
{
    size_t length, other_length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    const char *other = luaL_checklstring(L, 2, &other_length);
    lua_pushboolean(L,
                    length == other_length && CRYPTO_memcmp(bytes, other, length) == 0);
    return 1;
}

/* ---- base64 ------------------------------------------------------------------- */

struct alphabet {
    char digits[65];
    bool padded;
};

static const struct alphabet standard = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true};
static const struct alphabet url_safe = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false};

static int encode(lua_State *L, const struct alphabet *alphabet)
{
    size_t length;
    const unsigned char *from = (const unsigned char *)luaL_checklstring(L, 1, &length);
    const char *digits = alphabet->digits;
    luaL_Buffer text;
    luaL_argcheck(L, length <= SIZE_MAX / 4, 1, "too long");
    char *to = luaL_buffinitsize(L, &text, (length + 2) / 3 * 4);
    char *start = to;
    for (; length >= 3; length -= 3, from += 3) {
        *to++ = digits[from[0] >> 2];
        *to++ = digits[(from[0] & 3u) << 4 | from[1] >> 4];
        *to++ = digits[(from[1] & 15u) << 2 | from[2] >> 6];
        *to++ = digits[from[2] & 63u];
    }
    if (length > 0) {
        unsigned second = length > 1 ? from[1] : 0;
        *to++ = digits[from[0] >> 2];
        *to++ = digits[(from[0] & 3u) << 4 | second >> 4];
        if (length > 1)
            *to++ = digits[(second & 15u) << 2];
        for (size_t i = length; alphabet->padded && i < 3; i++)
            *to++ = '=';
    }
    luaL_pushresultsize(&text, (size_t)(to - start));
    return 1;
}

static void digit_values(const struct alphabet *alphabet, unsigned char values[256])
{
    memset(values, INVALID, 256);
    for (unsigned i = 0; i < 64; i++)
        values[(unsigned char)alphabet->digits[i]] = (unsigned char)i;
}

/* Decode `length` digits without padding; returns how many bytes, or -1. */
static ptrdiff_t decode_digits(const unsigned char values[256], const unsigned char *from,
                               size_t length, unsigned char *to)
{
    unsigned char *start = to;
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned value = values[from[i]];
        if (value == INVALID)
            return -1;
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (unsigned char)(bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    /* What is left over fills up a digit: zeros, and less than six of them. */
    return count < 6 && bits == 0 ? to - start : -1;
}

static int decode(lua_State *L, const struct alphabet *alphabet)
{
    size_t length;
    const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 1, &length);
    unsigned char values[256];
    luaL_Buffer bytes;
    unsigned char *room =
        (unsigned char *)luaL_buffinitsize(L, &bytes, length / 4 * 3 + 3);
    bool whole = length % 4 == 0;
    size_t digits = length;
    for (int i = 0; i < 2 && whole && digits > 0 && text[digits - 1] == '='; i++)
        digits--;
    digit_values(alphabet, values);
    ptrdiff_t size = -1;
    if (whole || !alphabet->padded)
        size = decode_digits(values, text, digits, room);
    if (size < 0)
        lua_pushnil(L);
    else
        luaL_pushresultsize(&bytes, (size_t)size);
    return 1;
}

/* base64_encode(bytes) -> text */
static int l_base64_encode(lua_State *L)
{
    return encode(L, &standard);
}

/* base64_decode(text) -> bytes | nil */
static int l_base64_decode(lua_State *L)
{
    return decode(L, &standard);
}

/* base64url_encode(bytes) -> text without padding */
static int l_base64url_encode(lua_State *L)
{
    return encode(L, &url_safe);
}

/* base64url_decode(text) -> bytes | nil; padding may be there */
static int l_base64url_decode(lua_State *L)
{
    return decode(L, &url_safe);
}

static const struct luaL_Reg functions[] = {
    {"base64_decode", l_base64_decode},
    {"base64_encode", l_base64_encode},
    {"base64url_decode", l_base64url_decode},
    {"base64url_encode", l_base64url_encode},
    {"equal", l_equal},
    {"hmac_sha256", l_hmac_sha256},
    {"random", l_random},
    {"sha1", l_sha1},
    {"sha256", l_sha256},
    {NULL, NULL},
};

int luaopen_lull_crypto_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
