/* SPDX-License-Identifier: MIT */
/*
 * compresslib.c -- Lua module "lull.compress.native": streams through coders.
 *
 * Nothing here waits: a call works through the bytes it is given.  What comes
 * out of an expander is bounded, by its limit, whatever goes in.
 *
 * The libraries' own memory is not the runtime's.  An open stream counts as so
 * many bytes that are held for the script instead: what zlib needs.  The others
 * need as much, or at their highest levels many times that.
 */
#include "common/bind.h"
#include "compress/coder.h"

#include <errno.h>
#include <string.h>

#define OP_WRITE   "compress.write"
#define COMPRESSOR ((size_t)256 * 1024)
#define EXPANDER   ((size_t)40 * 1024)
#define STEP       ((size_t)16 * 1024) /* room for a step */

int luaopen_lull_compress_native(lua_State *L);

static const char coder_tag = 'c';

struct coder_object {
    struct lullb_object object; /* first */
    struct lullb_coder coder;
    struct lull_runtime *rt;
    size_t weight;     /* bytes that are counted for it */
    lua_Integer limit; /* bytes that may still come out of an expander */
    bool ended;        /* an expander has seen the end of its stream */
};

static const struct lullb_coder_type *const types[] = {
    &lullb_coder_gzip,
    &lullb_coder_deflate,
    &lullb_coder_brotli,
    &lullb_coder_zstd,
};

static struct coder_object *check_coder(lua_State *L)
{
    return lullb_check_object(L, 1, &coder_tag, "lull.compress.Stream");
}

static void close_coder(struct coder_object *self)
{
    self->coder.type->close(&self->coder);
    if (self->weight > 0)
        lull_buffer_release(self->rt, self->weight);
    self->weight = 0;
}

static int raise_broken(lua_State *L, struct coder_object *self, const char *message)
{
    close_coder(self);
    return lullb_raise(L, LULL_KIND_IO, OP_WRITE, message);
}

/* One step into the buffer; output counts against the limit. */
static enum lullb_coder_result step(lua_State *L, struct coder_object *self,
                                    struct lullb_coder_io *io, enum lullb_coder_aim aim,
                                    luaL_Buffer *result)
{
    io->out = (uint8_t *)luaL_prepbuffsize(result, STEP);
    io->out_left = STEP;
    enum lullb_coder_result got = self->coder.type->step(&self->coder, io, aim);
    size_t made = STEP - io->out_left;
    luaL_addsize(result, made);
    if (self->coder.expands && (self->limit -= (lua_Integer)made) < 0) {
        close_coder(self);
        lullb_raise(L, LULL_KIND_LIMIT, OP_WRITE, "more comes out than is allowed");
    }
    return got;
}

/* Pass bytes through and push what comes out. */
static int pass(lua_State *L, struct coder_object *self, enum lullb_coder_aim aim)
{
    struct lullb_coder_io io;
    luaL_Buffer result;
    io.in = (const uint8_t *)luaL_optlstring(L, 2, "", &io.in_left);
    if (self->coder.state == NULL)
        return lullb_raise(L, LULL_KIND_CLOSED, OP_WRITE, "the stream is over");
    if (self->ended && io.in_left > 0)
        return raise_broken(L, self, "bytes after the end of what is compressed");
    luaL_buffinit(L, &result);
    enum lullb_coder_result got = self->ended ? LULLB_CODER_DONE : LULLB_CODER_MORE;
    while (got == LULLB_CODER_MORE)
        got = step(L, self, &io, aim, &result);
    if (got == LULLB_CODER_MEMORY) {
        close_coder(self);
        return lullb_raise_memory(L, OP_WRITE);
    }
    if (got == LULLB_CODER_BROKEN)
        return raise_broken(L, self, "what should be compressed is not");
    self->ended = self->ended || got == LULLB_CODER_ENDED;
    if (self->ended && io.in_left > 0)
        return raise_broken(L, self, "bytes after the end of what is compressed");
    luaL_pushresult(&result);
    return 1;
}

/* stream:write(bytes) -> bytes that come out, or "" */
static int m_write(lua_State *L)
{
    struct coder_object *self = check_coder(L);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    return pass(L, self, LULLB_CODER_TAKE);
}

/* stream:flush(bytes?) -> all that has been kept inside: who expands it has all that was written */
static int m_flush(lua_State *L)
{
    struct coder_object *self = check_coder(L);
    lua_settop(L, 2);
    return pass(L, self, self->coder.expands ? LULLB_CODER_TAKE : LULLB_CODER_FLUSH);
}

/* stream:finish(bytes?) -> the rest; the stream is over */
static int m_finish(lua_State *L)
{
    struct coder_object *self = check_coder(L);
    lua_settop(L, 2);
    int count =
        pass(L, self, self->coder.expands ? LULLB_CODER_TAKE : LULLB_CODER_FINISH);
    bool is_whole = !self->coder.expands || self->ended;
    close_coder(self);
    if (!is_whole)
        return lullb_raise(L, LULL_KIND_EOF, OP_WRITE, "what is compressed is cut off");
    return count;
}

/* stream:close() -> nothing; idempotent */
static int m_close(lua_State *L)
{
    struct coder_object *self = check_coder(L);
    close_coder(self);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"close", m_close}, {"finish", m_finish}, {"flush", m_flush},
    {"write", m_write}, {NULL, NULL},
};
static const struct luaL_Reg meta[] = {
    {"__close", m_close}, {"__gc", m_close}, {NULL, NULL}};

static const struct lullb_coder_type *find_type(const char *name, bool expands)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i]->name, name) == 0)
            return (expands ? types[i]->can_expand : types[i]->can_compress) ? types[i]
                                                                             : NULL;
    }
    return NULL;
}

/* open(name, expands, level | limit) -> stream, or nil when the coding is not there */
static int l_open(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    bool expands = lua_toboolean(L, 2);
    const struct lullb_coder_type *type = find_type(name, expands);
    if (type == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_Integer number = luaL_optinteger(L, 3, expands ? LUA_MAXINTEGER : type->usual);
    luaL_argcheck(L, expands || (number >= type->lowest && number <= type->highest), 3,
                  "no such level");
    lull_push_class(L, lull_runtime_of(L), "lull.compress.Stream", methods, meta);
    struct coder_object *self = lullb_push_object(L, sizeof *self, &coder_tag);
    self->coder.type = type;
    self->coder.expands = expands;
    self->limit = number;
    self->rt = lull_runtime_of(L);
    if (!lull_buffer_charge(self->rt, expands ? EXPANDER : COMPRESSOR))
        return lullb_raise_refused(L, "compress.open", EDQUOT);
    self->weight = expands ? EXPANDER : COMPRESSOR;
    if (!type->open(&self->coder, expands ? 0 : (int)number))
        return lullb_raise_memory(L, "compress.open");
    return 1;
}

static const struct luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};

int luaopen_lull_compress_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
