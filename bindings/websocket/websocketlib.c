/* SPDX-License-Identifier: MIT */
/*
 * websocketlib.c -- Lua module "lull.websocket.native": sockets on streams.
 *
 * The handshake is over when a socket is opened here: Lua has done it.
 */
#include "websocket/websocket.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int luaopen_lull_websocket_native(lua_State *L);

static const char socket_tag = 's';
static const char shared_key = 'k'; /* struct lullb_wsshared, in the registry */

/* ---- loop side: no Lua -------------------------------------------------- */

/* Memory of a codec counts as held for scripts; NULL, and errno, when it is refused. */
static void *resize(void *owner, void *block, size_t osize, size_t nsize)
{
    if (nsize == 0) {
        lull_release(owner, block, osize);
        lull_buffer_release(owner, osize);
        return NULL;
    }
    size_t more = nsize > osize ? nsize - osize : 0;
    size_t less = osize > nsize ? osize - nsize : 0;
    if (!lull_buffer_charge(owner, more)) {
        errno = EDQUOT;
        return NULL;
    }
    void *resized = lull_realloc(owner, block, osize, nsize);
    lull_buffer_release(owner, resized != NULL ? less : more);
    if (resized == NULL)
        errno = ENOBUFS;
    return resized;
}

static void close_socket(struct lull_handle *handle)
{
    struct lullb_websocket *socket = (struct lullb_websocket *)(void *)handle;
    lullb_wsbytes_free(&socket->codec.memory, &socket->replies);
    lullb_wscodec_deinit(&socket->codec);
    lull_stream_close(socket->stream);
}

static const struct lull_handle_type socket_type = {
    .name = "websocket",
    .close = close_socket,
};

/* ---- the object --------------------------------------------------------- */

struct lullb_websocket *lullb_check_websocket(lua_State *L, int index)
{
    return lullb_check_object(L, index, &socket_tag, "websocket");
}

struct lullb_wswait *lullb_pick_wswait(lua_State *L, struct lullb_websocket *socket,
                                       struct lullb_wswait *own)
{
    struct lullb_wswait *wait = own;
    if (own->base.timed.op.awaited) {
        wait = lua_newuserdatauv(L, sizeof *wait, 0);
        memset(wait, 0, sizeof *wait);
    }
    wait->socket = socket;
    wait->interrupted = false;
    return wait;
}

/* ws:close(): never waits; what was sent goes on in the background */
static int m_close(lua_State *L)
{
    lull_handle_close(&lullb_check_websocket(L, 1)->object.handle);
    return 0;
}

/* ws:abort(): drops what is unsent */
static int m_abort(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    if (lullb_ws_is_open(socket))
        lull_stream_abort(socket->stream);
    lull_handle_close(&socket->object.handle);
    return 0;
}

/* ws:raise(): what has broken the stream, after recv said so */
static int m_raise(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    return lull_stream_raise(L, socket->stream, "websocket.recv", 0);
}

static const struct luaL_Reg methods[] = {
    {"abort", m_abort},
    {"close", m_close},
    {"interrupt", lullb_m_ws_interrupt},
    {"raise", m_raise},
    {"recv", lullb_m_ws_receive},
    {"send", lullb_m_ws_send},
    {"send_close", lullb_m_ws_send_close},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__close", m_close},
    {"__gc", m_close},
    {NULL, NULL},
};

/* ---- opening ------------------------------------------------------------ */

static int shared_gc(lua_State *L)
{
    struct lullb_wsshared *shared = lua_touserdata(L, 1);
    lullb_wspool_deinit(&shared->pool);
    return 0;
}

static struct lullb_wsshared *shared_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key);
    struct lullb_wsshared *shared = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (shared != NULL)
        return shared;
    shared = lua_newuserdatauv(L, sizeof *shared, 0);
    memset(shared, 0, sizeof *shared);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, shared_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &shared_key);
    return shared;
}

static bool flag(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int number(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    int value = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return value;
}

/* The field `deflate` of the table at 2, if there is one: every field of it is set. */
static void check_deflate(lua_State *L, struct lullb_wsdeflate_options *options)
{
    if (lua_getfield(L, 2, "deflate") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    int index = lua_gettop(L);
    *options = (struct lullb_wsdeflate_options){
        .enabled = true,
        .send_reset = flag(L, index, "send_reset"),
        .receive_reset = flag(L, index, "receive_reset"),
        .send_bits = number(L, index, "send_bits"),
        .receive_bits = number(L, index, "receive_bits"),
        .level = number(L, index, "level"),
        .memory_level = number(L, index, "memory_level"),
        .threshold = (size_t)number(L, index, "threshold"),
    };
    lua_pop(L, 1);
}

/*
 * open(stream, {server=, max_message=, max_frame=, ping_interval=, ping_timeout=,
 * deflate=}) -> ws, which takes the stream
 */
static int l_open(lua_State *L)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lull_stream *stream = lull_check_stream(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct lullb_wscodec_options options = {.server = flag(L, 2, "server")};
    options.max_message = lullb_check_size_field(L, 2, "max_message", SIZE_MAX / 4);
    options.max_frame = lullb_check_size_field(L, 2, "max_frame", options.max_message);
    check_deflate(L, &options.deflate);
    double interval = lullb_check_seconds(L, 2, "ping_interval");
    double timeout = lullb_check_seconds(L, 2, "ping_timeout");
    struct lullb_wsshared *shared = shared_of(L);
    lull_stream_check_open(L, stream, "websocket.open");
    lull_check_handles(L, "websocket.open");
    struct lullb_websocket *socket = lua_newuserdatauv(L, sizeof *socket, 2);
    memset(socket, 0, sizeof *socket);
    socket->object.tag = &socket_tag;
    socket->stream = stream;
    socket->ping_interval = interval;
    socket->ping_timeout = timeout;
    socket->stirred = true;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lull_push_class(L, rt, "lull.websocket", methods, meta);
    lua_setmetatable(L, -2);
    const struct lullb_wsmemory memory = {.resize = resize, .owner = rt};
    lullb_wscodec_init(&socket->codec, &options, &shared->pool, &memory);
    lull_handle_open(rt, &socket->object.handle, &socket_type);
    return 1;
}

static const struct luaL_Reg functions[] = {
    {"open", l_open},
    {NULL, NULL},
};

int luaopen_lull_websocket_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
