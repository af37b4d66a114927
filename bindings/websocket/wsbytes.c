/* SPDX-License-Identifier: MIT */
/*
 * wsbytes.c -- bytes that grow by doubling.
 */
#include "websocket/wsbytes.h"

#include <string.h>

#define FIRST 256u
#define KEPT  1024u /* an empty block of so many bytes may stay */

bool lullb_wsbytes_reserve(const struct lullb_wsmemory *memory,
                           struct lullb_wsbytes *bytes, size_t room)
{
    if (room <= bytes->capacity - bytes->size)
        return true;
    if (room > SIZE_MAX / 4 || bytes->size > SIZE_MAX / 4)
        return false;
    size_t wanted = bytes->size + room;
    size_t capacity = bytes->capacity > 0 ? bytes->capacity : FIRST;
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *block =
        memory->resize(memory->owner, bytes->bytes, bytes->capacity, capacity);
    if (block == NULL)
        return false;
    bytes->bytes = block;
    bytes->capacity = capacity;
    return true;
}

bool lullb_wsbytes_append(const struct lullb_wsmemory *memory,
                          struct lullb_wsbytes *bytes, const void *from, size_t size)
{
    if (!lullb_wsbytes_reserve(memory, bytes, size))
        return false;
    if (size > 0)
        memcpy(bytes->bytes + bytes->size, from, size);
    bytes->size += size;
    return true;
}

void lullb_wsbytes_clear(const struct lullb_wsmemory *memory, struct lullb_wsbytes *bytes)
{
    bytes->size = 0;
    if (bytes->capacity > KEPT)
        lullb_wsbytes_free(memory, bytes);
}

void lullb_wsbytes_free(const struct lullb_wsmemory *memory, struct lullb_wsbytes *bytes)
{
    if (bytes->bytes != NULL)
        memory->resize(memory->owner, bytes->bytes, bytes->capacity, 0);
    *bytes = (struct lullb_wsbytes){0};
}
