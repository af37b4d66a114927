/* SPDX-License-Identifier: MIT */
/*
 * jsonout.c -- JSON text while it is being written.
 *
 * Most texts fit into the C stack and take no memory but the Lua string they
 * become.  A longer one spills into a block on the runtime's account, which a
 * userdata owns: whatever is raised meanwhile, it is freed.
 *
 * A string is copied eight bytes at a time while they are looked at; only what
 * has to be escaped or is no ASCII goes byte by byte.
 */
#include "json/json.h"

#define ESCAPE 6 /* bytes of \u001f, the longest escape */

/* ---- room --------------------------------------------------------------- */

void lullb_json_out_init(struct lullb_json_out *out, lua_State *L, int slot, size_t size)
{
    out->L = L;
    out->slot = slot;
    out->size = size;
    out->spill = NULL;
    out->start = out->local;
    out->at = out->local;
    out->limit = out->local + sizeof out->local;
}

static struct lullb_json_spill *new_spill(struct lullb_json_out *out)
{
    lua_State *L = out->L;
    struct lullb_json_spill *spill = lua_newuserdatauv(L, sizeof *spill, 0);
    memset(spill, 0, sizeof *spill);
    spill->buffer.scratch = true;
    spill->rt = lull_runtime_of(L);
    lua_pushvalue(L, LULLB_JSON_SPILL);
    lua_setmetatable(L, -2);
    lua_replace(L, out->slot);
    return spill;
}

void lullb_json_out_grow(struct lullb_json_out *out, size_t count)
{
    size_t used = (size_t)(out->at - out->start);
    size_t room;
    if (used > out->size)
        lull_raise(out->L, LULL_KIND_LIMIT, "JSON of more than %I bytes",
                   (LUAI_UACINT)out->size);
    if (out->spill == NULL) {
        out->spill = new_spill(out);
        lullb_buffer_append(out->spill->rt, &out->spill->buffer, out->local, used);
    } else {
        lullb_buffer_commit(&out->spill->buffer,
                            used - lullb_buffer_size(&out->spill->buffer));
    }
    char *at = lullb_buffer_reserve(out->spill->rt, &out->spill->buffer, count, &room);
    if (at == NULL || lullb_buffer_size(&out->spill->buffer) != used) {
        lullb_raise_memory(out->L, "json.encode");
        return; /* not reached */
    }
    out->start = at - used;
    out->at = at;
    out->limit = at + room;
}

int lullb_json_spill_free(lua_State *L)
{
    struct lullb_json_spill *spill = lua_touserdata(L, 1);
    lullb_buffer_clear(spill->rt, &spill->buffer);
    return 0;
}

void lullb_json_out_push(struct lullb_json_out *out)
{
    size_t used = (size_t)(out->at - out->start);
    if (used > out->size)
        lull_raise(out->L, LULL_KIND_LIMIT, "JSON of more than %I bytes",
                   (LUAI_UACINT)out->size);
    lua_pushlstring(out->L, out->start, used);
    if (out->spill != NULL)
        lullb_buffer_clear(out->spill->rt, &out->spill->buffer);
}

/* ---- strings ------------------------------------------------------------ */

static char *put_escape(char *at, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; /* of 8 to 13 */
    *at++ = '\\';
    if (byte == '"' || byte == '\\') {
        *at++ = (char)byte;
    } else if (byte >= '\b' && byte <= '\r' && byte != '\v') {
        *at++ = letters[byte - '\b'];
    } else {
        *at++ = 'u';
        *at++ = '0';
        *at++ = '0';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 0xF];
    }
    return at;
}

/* Copy up to the first byte that cannot be; there is room for all and eight more. */
static const char *copy_plain(char **to, const char *from, const char *end)
{
    char *at = *to;
    uint64_t mask = 0;
    while (end - from >= 8 && mask == 0) {
        mask = lullb_special_bytes(lullb_load_bytes(from));
        memcpy(at, from, 8);
        size_t plain = mask != 0 ? lullb_first_byte(mask) : 8;
        at += plain;
        from += plain;
    }
    while (from < end && !lullb_is_special((unsigned char)*from))
        *at++ = *from++;
    *to = at;
    return from;
}

bool lullb_json_out_string(struct lullb_json_out *out, const char *bytes, size_t size)
{
    const char *end = bytes + size;
    lullb_json_out_room(out, size + 2 + 8);
    *out->at++ = '"';
    while ((bytes = copy_plain(&out->at, bytes, end)) < end) {
        if ((unsigned char)*bytes < 0x80) {
            lullb_json_out_room(out, (size_t)(end - bytes) + ESCAPE + 1 + 8);
            out->at = put_escape(out->at, (unsigned char)*bytes++);
        }
        while (bytes < end && (unsigned char)*bytes >= 0x80) {
            size_t length = lullb_utf8_length(bytes, end);
            if (length == 0)
                return false;
            memcpy(out->at, bytes, length);
            out->at += length;
            bytes += length;
        }
    }
    *out->at++ = '"';
    return true;
}
