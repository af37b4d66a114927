/* SPDX-License-Identifier: MIT */
/*
 * buffer.c -- growing, shifting and giving back.
 */
#include "common/buffer.h"

#include <errno.h>
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

/* Have the whole block, of this capacity, counted. */
static bool charge(struct lull_runtime *rt, struct lullb_buffer *buffer, size_t capacity)
{
    if (buffer->scratch || buffer->charged >= capacity)
        return true;
    if (!lull_buffer_charge(rt, capacity - buffer->charged)) {
        errno = EDQUOT;
        return false;
    }
    buffer->charged = capacity;
    return true;
}

/* Have no more than this counted. */
static void uncharge(struct lull_runtime *rt, struct lullb_buffer *buffer, size_t left)
{
    if (buffer->charged > left) {
        lull_buffer_release(rt, buffer->charged - left);
        buffer->charged = left;
    }
}

static bool grow(struct lull_runtime *rt, struct lullb_buffer *buffer, size_t needed)
{
    size_t capacity = grown(buffer->capacity, needed);
    size_t charged = buffer->charged;
    if (capacity != 0 && !charge(rt, buffer, capacity))
        return false;
    char *bytes = capacity != 0 ? lull_alloc(rt, capacity) : NULL;
    if (bytes == NULL) {
        uncharge(rt, buffer, charged);
        errno = ENOBUFS;
        return false;
    }
    size_t size = lullb_buffer_size(buffer);
    if (buffer->bytes != NULL) {
        memcpy(bytes, lullb_buffer_bytes(buffer), size);
        lull_release(rt, buffer->bytes, buffer->capacity);
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer->from = 0;
    buffer->to = size;
    return true;
}

char *lullb_buffer_reserve(struct lull_runtime *rt, struct lullb_buffer *buffer,
                           size_t size, size_t *room)
{
    size_t used = lullb_buffer_size(buffer);
    if (buffer->capacity - used >= size && !charge(rt, buffer, buffer->capacity))
        return NULL;
    if (buffer->capacity - buffer->to < size) {
        /* Shift only what is at most half of the block, so that it is worth it. */
        if (buffer->capacity - used >= size && used <= buffer->from) {
            memcpy(buffer->bytes, buffer->bytes + buffer->from, used);
            buffer->from = 0;
            buffer->to = used;
        } else if (size > SIZE_MAX - used) {
            errno = ENOBUFS;
            return NULL;
        } else if (!grow(rt, buffer, used + size)) {
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

size_t lullb_buffer_room(struct lull_runtime *rt, const struct lullb_buffer *buffer,
                         size_t wanted)
{
    size_t used = lullb_buffer_size(buffer);
    size_t capacity;
    if (buffer->scratch ||
        (buffer->charged >= buffer->capacity && buffer->capacity - used >= wanted))
        return wanted;
    for (;;) {
        capacity = grown(buffer->capacity, used + wanted);
        size_t more = capacity > buffer->charged ? capacity - buffer->charged : 0;
        if (capacity == 0)
            return 0;
        if (lull_buffer_charge(rt, more)) {
            lull_buffer_release(rt, more);
            return wanted;
        }
        if (capacity == buffer->capacity || capacity == FIRST_CAPACITY)
            return 0;
        /* What the next smaller block would take. */
        wanted = capacity / 2 > used ? capacity / 2 - used : buffer->capacity - used;
        if (wanted == 0)
            return 0;
    }
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
        lullb_buffer_empty(rt, buffer);
}

void lullb_buffer_empty(struct lull_runtime *rt, struct lullb_buffer *buffer)
{
    buffer->from = buffer->to = 0;
    uncharge(rt, buffer, 0);
}

void lullb_buffer_clear(struct lull_runtime *rt, struct lullb_buffer *buffer)
{
    if (buffer->bytes != NULL)
        lull_release(rt, buffer->bytes, buffer->capacity);
    uncharge(rt, buffer, 0);
    *buffer = (struct lullb_buffer){.scratch = buffer->scratch};
}
