/* SPDX-License-Identifier: MIT */
/*
 * json.h -- what the files of lull.json share.
 *
 *   jsonlib.c     the functions for scripts, options, errors
 *   jsonread.c    text to Lua values: containers
 *   jsontoken.c   text to Lua values: strings and numbers
 *   jsonwrite.c   Lua values to text
 *   jsonpath.c    where in a value an error is
 *   jsonout.c     the text while it is being written
 *   jsonfloat.c   the numbers in it
 *
 * Neither way recurses: the depth of a document is bounded by an option, never
 * by the C stack.
 */
#ifndef LULLB_JSON_H
#define LULLB_JSON_H

#include "common/bind.h"
#include "common/buffer.h"

#include <endian.h>
#include <string.h>

/* Upvalues of the functions; the first is the runtime. */
#define LULLB_JSON_NULL  lua_upvalueindex(2) /* json.null */
#define LULLB_JSON_ARRAY lua_upvalueindex(3) /* the metatable that marks arrays */
#define LULLB_JSON_SPILL lua_upvalueindex(4) /* the metatable of spilled text */

/* Levels whose frames need no memory of their own. */
#define LULLB_JSON_LEVELS 64

struct lullb_json_options {
    size_t size; /* bytes of text at most */
    int depth;   /* levels of arrays and objects at most */
    int indent;  /* spaces per level; 0: all in one line */
    bool sort;   /* the keys of objects */
    bool unique; /* a key that occurs twice is an error */
};

/* ---- bytes, eight at a time --------------------------------------------- */

#define LULLB_BYTES(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Eight bytes, the first in the lowest place. */
static inline uint64_t lullb_load_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/*
 * A bit for each byte that cannot be copied as it is between a string and its
 * text: a control, a quote, a backslash, or no ASCII.  Exact up to the lowest.
 */
static inline uint64_t lullb_special_bytes(uint64_t word)
{
    uint64_t quote = word ^ LULLB_BYTES('"');
    uint64_t backslash = word ^ LULLB_BYTES('\\');
    uint64_t below = (word - LULLB_BYTES(0x20)) | (quote - LULLB_BYTES(1)) |
                     (backslash - LULLB_BYTES(1)) | word;
    return below & LULLB_BYTES(0x80);
}

static inline size_t lullb_first_byte(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

static inline bool lullb_is_special(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
}

/* The length of the UTF-8 sequence at `at` (RFC 3629), 0 if it is none. */
size_t lullb_utf8_length(const char *at, const char *end);

/* ---- reading ------------------------------------------------------------ */

struct lullb_json_frame {
    int table;    /* the index on the stack where it is, or will be */
    bool object;  /* or an array */
    bool made;    /* the table is there; else nil is, for now */
    size_t count; /* of an array: values that are in the table */
};

struct lullb_json_reader {
    lua_State *L;
    const char *text;
    const char *end; /* of the text; the byte there is NUL */
    const char *at;  /* what comes next; after a failure: what is wrong */
    const struct lullb_json_options *options;
    const char *reason; /* of a failure; NULL: it is not JSON */
    struct lullb_json_frame *frames;
    int level;      /* frames in use */
    int capacity;   /* frames there are */
    int frame_slot; /* index on the stack of what holds the frames */
    struct lullb_json_frame own_frames[LULLB_JSON_LEVELS];
};

/* Read one value and the end, and push it; false: it failed.  May raise (memory). */
bool lullb_json_read(struct lullb_json_reader *reader);

/* Read a string, at its first quote, and push it. */
bool lullb_json_read_string(struct lullb_json_reader *reader);

/* Read a number and push it. */
bool lullb_json_read_number(struct lullb_json_reader *reader);

/* ---- writing ------------------------------------------------------------ */

#define LULLB_JSON_LOCAL 4096 /* text that needs no memory of its own */

/* Text that did not fit: a userdata, so that it is freed whatever is raised. */
struct lullb_json_spill {
    struct lull_runtime *rt;
    struct lullb_buffer buffer;
};

struct lullb_json_out {
    lua_State *L;
    char *at;    /* where the next byte goes */
    char *limit; /* behind the room there is */
    char *start;
    size_t size;                    /* bytes at most */
    struct lullb_json_spill *spill; /* NULL: still in `local` */
    int slot;                       /* index on the stack for the spill */
    char local[LULLB_JSON_LOCAL];
};

/* Begin; the index on the stack is free for the spill. */
void lullb_json_out_init(struct lullb_json_out *out, lua_State *L, int slot, size_t size);

/* Make room for more bytes than there is room for; raises kinds limit, memory. */
void lullb_json_out_grow(struct lullb_json_out *out, size_t count);

/* Make room. */
static inline void lullb_json_out_room(struct lullb_json_out *out, size_t count)
{
    if ((size_t)(out->limit - out->at) < count)
        lullb_json_out_grow(out, count);
}

/* Push the text; frees what it took. */
void lullb_json_out_push(struct lullb_json_out *out);

/* Write a string with its quotes; false: it is no UTF-8. */
bool lullb_json_out_string(struct lullb_json_out *out, const char *bytes, size_t size);

/* Write a number; false: infinity and NaN, which JSON does not have. */
void lullb_json_out_integer(struct lullb_json_out *out, lua_Integer value);
bool lullb_json_out_float(struct lullb_json_out *out, double value);

/* Metamethod __gc of spilled text. */
int lullb_json_spill_free(lua_State *L);

enum lullb_json_shape {
    LULLB_JSON_IS_ARRAY,
    LULLB_JSON_IS_OBJECT,
    LULLB_JSON_IS_SORTED /* an object whose keys were sorted */
};

/* A key of a sorted object. */
struct lullb_json_key {
    const char *bytes;
    size_t size;
    size_t index; /* in the table of keys */
};

/*
 * A table that is being written.  On the stack from `table` on: the table;
 * then of an object the key it is at; of a sorted one the table of its keys
 * and a userdata of struct lullb_json_key.
 */
struct lullb_json_level {
    const void *identity;
    int table;
    enum lullb_json_shape shape;
    size_t count; /* of entries: not known of an object */
    size_t index; /* of the entry it is at, from 1 */
};

struct lullb_json_writer {
    struct lullb_json_out out;
    const struct lullb_json_options *options;
    struct lullb_json_level *levels;
    int level;    /* levels in use */
    int capacity; /* levels there are */
    int slot;     /* index on the stack of what holds the levels */
    struct lullb_json_level own_levels[LULLB_JSON_LEVELS];
};

/* Write the value on top, and pop it; raises kinds json, limit, memory. */
void lullb_json_write(struct lullb_json_writer *writer);

/* Push where the value is that is being written, "$.users[3].name". */
void lullb_json_push_path(lua_State *L, const struct lullb_json_writer *writer,
                          int levels);

#endif
