/* SPDX-License-Identifier: MIT */
/*
 * wssend.c -- sending: one frame for each message, in one step.
 *
 * A sender waits first, while more is unsent than the stream lets a writer
 * leave; then its frame is put, which cannot be undone; then it waits again if
 * that was much.  Who is cancelled in the first wait has sent nothing.
 */
#include "websocket/websocket.h"

#include <errno.h>
#include <string.h>

#define OP_NAME  "websocket.send"
#define LOW      (16u * 1024u)
#define MAX_TEXT (LULLB_WSCONTROL - 2u) /* bytes of a Close's reason */

enum stage { BEFORE, AFTER };

size_t lullb_ws_left(const struct lullb_websocket *socket)
{
    return lull_stream_unsent(socket->stream) > LOW ? LOW : 0;
}

int lullb_ws_put(struct lullb_websocket *socket, enum lullb_wsopcode opcode,
                 const void *bytes, size_t size)
{
    struct lullb_wscodec *codec = &socket->codec;
    struct lullb_wssend send;
    errno = ENOBUFS;
    if (!lullb_wscodec_send(codec, opcode, bytes, size, &send))
        return errno == EDQUOT ? EDQUOT : ENOBUFS;
    struct iovec parts[2] = {
        {.iov_base = send.frame.header, .iov_len = send.frame.header_size},
        {.iov_base = (void *)(uintptr_t)send.payload, .iov_len = send.size},
    };
    int error = lull_stream_put(socket->stream, parts, send.size > 0 ? 2 : 1);
    if (error != 0)
        lullb_wsdeflate_forget(&codec->zip);
    lullb_wssend_deinit(codec, &send);
    return error;
}

/* ---- sending a message -------------------------------------------------- */

static int send_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type send_type = {
    .name = OP_NAME,
    .cancel = lull_stream_cancel,
    .push = send_push,
    .abandon = lull_stream_abandon,
};

static int check_sendable(lua_State *L, const struct lullb_websocket *socket)
{
    if (!lullb_ws_is_open(socket) || socket->closing)
        lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the socket is closed");
    int error = lull_stream_write_error(socket->stream);
    if (error != 0)
        lull_stream_raise(L, socket->stream, OP_NAME, error);
    return 0;
}

static int await_sent(lua_State *L, struct lullb_wswait *wait, struct lull_task *task,
                      enum stage stage)
{
    struct lullb_websocket *socket = wait->socket;
    wait->stage = (uint8_t)stage;
    return lull_stream_await_sent(L, socket->stream, &wait->base, task, &send_type,
                                  lullb_ws_left(socket),
                                  lull_stream_timeout(socket->stream));
}

/* The message is at index 2. */
static int send_on(lua_State *L, struct lullb_wswait *wait, struct lull_task *task)
{
    struct lullb_websocket *socket = wait->socket;
    size_t size;
    const char *bytes = lua_tolstring(L, 2, &size);
    check_sendable(L, socket);
    if (lull_stream_is_full(socket->stream))
        return await_sent(L, wait, task, BEFORE);
    int error = lullb_ws_put(socket, wait->opcode, bytes, size);
    if (error != 0)
        return lull_stream_raise(L, socket->stream, OP_NAME, error);
    if (lull_stream_is_full(socket->stream))
        return await_sent(L, wait, task, AFTER);
    wait->stage = AFTER;
    wait->base.stream = socket->stream;
    lullb_op_begin_complete(&wait->base.timed, task, &send_type);
    return lull_await(L, &wait->base.timed.op);
}

static int send_push(lua_State *L, struct lull_op *op)
{
    struct lullb_wswait *wait = (struct lullb_wswait *)(void *)op;
    struct lullb_websocket *socket = wait->socket;
    enum lull_woken woken = lull_stream_woken(&wait->base);
    if (woken == LULL_WOKEN_TIMEOUT)
        return lullb_raise_timeout(L, &wait->base.timed, "the message was not sent");
    if (wait->stage == BEFORE)
        return send_on(L, wait, op->task);
    if (woken == LULL_WOKEN_CLOSED)
        check_sendable(L, socket);
    int error = lull_stream_write_error(socket->stream);
    if (error != 0)
        return lull_stream_raise(L, socket->stream, OP_NAME, error);
    lua_pushboolean(L, 1);
    return 1;
}

static bool is_utf8(const char *bytes, size_t size)
{
    struct lullb_wsutf8 utf8 = {0};
    return lullb_wsutf8_feed(&utf8, (const uint8_t *)bytes, size) &&
           lullb_wsutf8_is_whole(&utf8);
}

/* ws:send(bytes, opcode) -> true, or false for text that is no UTF-8 */
int lullb_m_ws_send(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    lua_Integer opcode = luaL_checkinteger(L, 3);
    if (opcode == LULLB_WSOP_TEXT && !is_utf8(bytes, size)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    struct lull_task *task = lull_checkpoint(L);
    struct lullb_wswait *wait = lullb_pick_wswait(L, socket, &socket->own_send);
    wait->opcode = (uint8_t)opcode;
    return send_on(L, wait, task);
}

/* ---- closing ------------------------------------------------------------ */

/* ws:send_close(code | nil, reason) -> was it sent, or queued; never suspends */
int lullb_m_ws_send_close(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    lua_Integer code = luaL_optinteger(L, 2, 0);
    size_t size;
    const char *reason = luaL_optlstring(L, 3, "", &size);
    uint8_t payload[LULLB_WSCONTROL];
    luaL_argcheck(L, size <= MAX_TEXT, 3, "reason too long");
    luaL_argcheck(L, is_utf8(reason, size), 3, "no UTF-8");
    luaL_argcheck(L, code == 0 || lullb_wscode_is_valid((unsigned)code), 2,
                  "no code of a Close");
    payload[0] = (uint8_t)(code >> 8);
    payload[1] = (uint8_t)code;
    memcpy(payload + 2, reason, size);
    bool may = lullb_ws_is_open(socket) && !socket->closing;
    socket->closing = true;
    lua_pushboolean(L, may && lullb_ws_put(socket, LULLB_WSOP_CLOSE, payload,
                                           code == 0 ? 0 : size + 2) == 0);
    return 1;
}
