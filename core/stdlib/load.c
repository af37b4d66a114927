/* SPDX-License-Identifier: MIT */
/*
 * load.c -- load whose reader function may wait.
 *
 * Lua's parser cannot be suspended, so the pieces are collected in a table
 * first, and then compiled without calling into the script.
 *
 * A reader may go on for ever, or fail, although its first line does not compile.
 * Stock would have noticed; to notice too, what there is is compiled when the
 * reader fails and whenever it has become four times as much.  An attempt that
 * ran out of pieces has proved nothing.
 *
 * Compiling may take long for its length (labels are compared with one another),
 * so the parser gets text in small portions, and the time is asked for at each.
 *
 * Stack: the four arguments, the state, the table of pieces.
 */
#include "stdlib/iter.h"

#include "lull_ext.h"
#include "stdlib/chunk.h"
#include "task/await.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define FIRST_TRIAL ((size_t)64 * 1024) /* bytes; most chunks are never tried early */
#define PORTION     ((size_t)16 * 1024) /* bytes that the parser gets at a time */

enum slot { CHUNK = 1, NAME, MODE, ENV, STATE, PIECES };

/* Text on its way to the parser.  It is kept alive elsewhere. */
struct portions {
    const char *at;
    size_t left;
};

struct load {
    struct portions now; /* of the piece being read */
    lua_Integer count;   /* pieces in the table */
    size_t bytes;        /* in all of them */
    size_t trial;        /* try to compile when there are so many */
    lua_Integer next;    /* for the parser: the piece to be read */
    bool ran_out;        /* it wanted more than there are */
    bool has_env;        /* the fourth argument was given, even as nil */
};

/* The mode at MODE, as far as the running code may have it. */
static const char *allowed_mode(lua_State *L)
{
    const char *wanted = luaL_optstring(L, MODE, "bt");
    if (lull__chunk_mode(lull__tasks(L))[0] == 'b')
        return wanted;
    return strchr(wanted, 't') != NULL ? "t" : "";
}

/* Turns what lua_load left into the results of load. */
static int finish(lua_State *L, int status, bool has_env)
{
    if (status != LUA_OK) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    bool has_globals = lua_istable(L, lua_upvalueindex(LULL__LOAD_GLOBALS));
    if (has_env || has_globals) {
        lua_pushvalue(L, has_env ? ENV : lua_upvalueindex(LULL__LOAD_GLOBALS));
        if (lua_setupvalue(L, -2, 1) == NULL)
            lua_pop(L, 1); /* a function without upvalues */
    }
    return 1;
}

/* ---- compiling ---- */

/* A lua_Reader. */
static const char *read_portion(lua_State *L, void *state, size_t *size)
{
    struct portions *text = state;
    const char *portion = text->at;
    *size = text->left < PORTION ? text->left : PORTION;
    text->at += *size;
    text->left -= *size;
    lull_check_time(L);
    return portion;
}

/* lua_load, which makes a status of every error: of being killed as well. */
static int compile_from(lua_State *L, lua_Reader reader, void *state, const char *name,
                        const char *mode)
{
    int status = lua_load(L, reader, state, name, mode);
    if (status != LUA_OK)
        lull_check_time(L); /* raises again */
    return status;
}

int lull__load_text(lua_State *L, const char *text, size_t length, const char *name,
                    const char *mode)
{
    struct portions all = {text, length};
    return compile_from(L, read_portion, &all, name, mode);
}

/* A lua_Reader over the table, which keeps the piece alive meanwhile. */
static const char *read_piece(lua_State *L, void *state, size_t *size)
{
    struct load *load = state;
    if (load->now.left > 0)
        return read_portion(L, &load->now, size);
    if (load->next > load->count) {
        load->ran_out = true;
        *size = 0;
        return NULL;
    }
    luaL_checkstack(L, 1, "too many nested functions");
    lua_rawgeti(L, PIECES, load->next++);
    load->now.at = lua_tolstring(L, -1, &load->now.left);
    lua_pop(L, 1);
    return read_portion(L, &load->now, size);
}

static int compile(lua_State *L, struct load *load)
{
    load->next = 1;
    load->now.left = 0;
    load->ran_out = false;
    return compile_from(L, read_piece, load, luaL_optstring(L, NAME, "=(load)"),
                        allowed_mode(L));
}

/* ---- collecting ---- */

/*
 * Adds the piece on the top of the stack and pops it.  Returns whether there
 * may be more.
 */
static bool add_piece(lua_State *L, struct load *load)
{
    size_t length = 0;
    if (!lua_isnil(L, -1))
        lua_tolstring(L, -1, &length);
    if (length == 0) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawseti(L, PIECES, ++load->count);
    load->bytes += length;
    return true;
}

/* Turns what the reader returned into an error if it is no piece. */
static int check_piece(lua_State *L, int status)
{
    if (status != LUA_OK && status != LUA_YIELD)
        return status;
    if (lua_isnil(L, -1) || lua_isstring(L, -1))
        return LUA_OK;
    luaL_where(L, 1);
    lua_pushliteral(L, "reader function must return a string");
    lua_concat(L, 2);
    return LUA_ERRRUN;
}

/* Goes on with what the reader has left on the top of the stack. */
static int load_k(lua_State *L, int status, lua_KContext kept)
{
    struct load *load = (struct load *)kept; /* on the stack, in STATE */
    struct lull_tasks *tasks = lull__tasks(L);
    if (status != LUA_OK && status != LUA_YIELD && tasks != NULL &&
        lull__is_own(L, tasks, -1)) {
        tasks->before_cancel(L, tasks);
        return lua_error(L); /* a cancellation is no result */
    }
    for (;;) {
        status = check_piece(L, status);
        bool more = status == LUA_OK && add_piece(L, load);
        if (!more || load->bytes >= load->trial) {
            int compiled = compile(L, load);
            if (!load->ran_out || (status == LUA_OK && !more))
                return finish(L, compiled, load->has_env);
            lua_pop(L, 1);
            load->trial = load->bytes * 4;
        }
        if (status != LUA_OK)
            return finish(L, status, false); /* an error of the reader is a result */
        lua_pushvalue(L, CHUNK);
        status = lua_pcallk(L, 0, 1, 0, kept, load_k);
    }
}

static int load_from_reader(lua_State *L)
{
    bool has_env = !lua_isnone(L, ENV);
    luaL_optstring(L, NAME, NULL);
    luaL_checktype(L, CHUNK, LUA_TFUNCTION);
    lua_settop(L, ENV);

    struct load *load = lua_newuserdatauv(L, sizeof *load, 0);
    load->count = 0;
    load->bytes = 0;
    load->trial = FIRST_TRIAL;
    load->next = 1;
    load->ran_out = false;
    load->has_env = has_env;
    lua_newtable(L); /* PIECES */
    lua_pushvalue(L, CHUNK);
    int status = lua_pcallk(L, 0, 1, 0, (lua_KContext)load, load_k);
    return load_k(L, status, (lua_KContext)load);
}

int lull__l_load(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, CHUNK, &length);
    const char *mode = allowed_mode(L);
    if (text == NULL)
        return load_from_reader(L);
    const char *name = luaL_optstring(L, NAME, text);
    bool has_env = !lua_isnone(L, ENV); /* what is loaded may take its place */
    int status = lull__load_text(L, text, length, name, mode);
    return finish(L, status, has_env);
}
