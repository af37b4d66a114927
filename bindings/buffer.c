/* SPDX-License-Identifier: MIT */
/*
 * buffer.c -- growing, shifting and giving back.
 */
#include "buffer.h"

#include <stdint.h>
#include <string.h>

#define FIRST_CAPACITY 1024u
#define KEPT_CAPACITY  4096u /* the largest block an empty buffer keeps */

/* The capacity to grow to so that `needed` bytes fit; 0: there is no such size. */
static size_t grown(size_t capacity, size_t needed)
{
    if (needed > SIZE_MAX / 2)
        return 0;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    return capacity;
}

static bool grow(struct lull_runtime *rt, struct lullb_buffer *buffer, size_t needed)
{
    size_t capacity = grown(buffer->capacity, needed);
    char *bytes = capacity != 0 ? lull_alloc(rt, capacity) : NULL;
    if (bytes == NULL)
        return false;
    size_t size = lullb_buffer_size(buffer);
    if (buffer->bytes != NULL) {
        memcpy(bytes, lullb_buffer_bytes(buffer), size);
        lull_release(rt, buffer->bytes, buffer->capacity);
    }
    *buffer = (struct lullb_buffer){.bytes = bytes, .capacity = capacity, .to = size};
    return true;
}

char *lullb_buffer_reserve(struct lull_runtime *rt, struct lullb_buffer *buffer,
                           size_t size, size_t *room)
{
    size_t used = lullb_buffer_size(buffer);
    if (buffer->capacity - buffer->to < size) {
        /* Shift only what is at most half of the block, so that it is worth it. */
        if (buffer->capacity - used >= size && used <= buffer->from) {
            memcpy(buffer->bytes, buffer->bytes + buffer->from, used);
            buffer->from = 0;
            buffer->to = used;
        } else if (size > SIZE_MAX - used || !grow(rt, buffer, used + size)) {
            return NULL;
        }
    }
    *room = buffer->capacity - buffer->to;
    return buffer->bytes + buffer->to;
}

void lullb_buffer_commit(struct lullb_buffer *buffer, size_t size)
{
    buffer->to += size;
}

bool lullb_buffer_append(struct lull_runtime *rt, struct lullb_buffer *buffer,
                         const char *bytes, size_t size)
{
    size_t room;
    if (size == 0)
        return true;
    char *end = lullb_buffer_reserve(rt, buffer, size, &room);
    if (end == NULL)
        return false;
    memcpy(end, bytes, size);
    lullb_buffer_commit(buffer, size);
    return true;
}

void lullb_buffer_consume(struct lull_runtime *rt, struct lullb_buffer *buffer,
                          size_t size)
{
    buffer->from += size;
    if (buffer->from < buffer->to)
        return;
    if (buffer->capacity > KEPT_CAPACITY)
        lullb_buffer_clear(rt, buffer);
    else
        buffer->from = buffer->to = 0;
}

void lullb_buffer_clear(struct lull_runtime *rt, struct lullb_buffer *buffer)
{
    if (buffer->bytes != NULL)
        lull_release(rt, buffer->bytes, buffer->capacity);
    *buffer = (struct lullb_buffer){0};
}
