/* SPDX-License-Identifier: MIT */
/*
 * wsreceive.c -- receiving: what is buffered, then reading, then waiting, again.
 *
 * Pings are answered here, in the order they came: the pongs of what was read
 * at once go out together, before what follows is handed out.  While the peer
 * takes no pongs it is not read any more, though not before there are many: it may be
 * busy sending, and read later.  Silence is noticed only while a task waits
 * here, be it for short times one after the other: after ping_interval the
 * peer is asked, after ping_timeout it is gone.
 */
#include "websocket/websocket.h"

#include <math.h>

#define OP_NAME "websocket.recv"
#define REPLIES 4096u         /* bytes of pongs that go out at once */
#define CREDIT  (64u * 1024u) /* bytes of pongs that may wait behind much else */

static int receive_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type receive_type = {
    .name = OP_NAME,
    .cancel = lull_stream_cancel,
    .push = receive_push,
    .abandon = lull_stream_abandon,
};

/* Has it waited, and is not over? */
static bool is_receiving(const struct lullb_websocket *socket)
{
    const struct lullb_wswait *receiver = socket->receiver;
    if (receiver == NULL || receiver->interrupted)
        return false;
    const struct lull_op *op = &receiver->base.timed.op;
    return op->state == LULL_OP_PENDING || (op->state == LULL_OP_COMPLETE && op->awaited);
}

/* ---- what recv returns -------------------------------------------------- */

static int push_event(lua_State *L, const char *kind)
{
    lua_pushnil(L);
    lua_pushstring(L, kind);
    return 2;
}

/* If Lua has no memory the message is lost: nothing may follow it. */
static void push_bytes(lua_State *L, struct lullb_websocket *socket,
                       const struct lullb_wsmessage *message)
{
    socket->broken = true;
    lua_pushlstring(L, (const char *)message->bytes, message->size);
    socket->broken = false;
}

static int push_message(lua_State *L, struct lullb_websocket *socket,
                        enum lullb_wsevent event, const struct lullb_wsmessage *message)
{
    switch (event) {
    case LULLB_WSEVENT_TEXT:
    case LULLB_WSEVENT_BINARY:
        push_bytes(L, socket, message);
        lullb_wsbytes_clear(&socket->codec.memory, &socket->codec.message);
        if (event == LULLB_WSEVENT_TEXT)
            lua_pushliteral(L, "text");
        else
            lua_pushliteral(L, "binary");
        return 2;
    case LULLB_WSEVENT_PONG:
        push_event(L, "pong");
        push_bytes(L, socket, message);
        return 3;
    case LULLB_WSEVENT_CLOSE:
        push_event(L, "close");
        lua_pushinteger(L, message->code);
        push_bytes(L, socket, message);
        return 4;
    default:
        push_event(L, "failed");
        lua_pushinteger(L, message->code);
        lua_pushstring(L, message->text);
        return 4;
    }
}

/* ---- pings -------------------------------------------------------------- */

/* Remember the pong of a ping.  Without memory it is not answered. */
static void reply(struct lullb_websocket *socket, const struct lullb_wsmessage *ping)
{
    struct lullb_wscodec *codec = &socket->codec;
    struct lullb_wssend send;
    if (socket->closing ||
        !lullb_wscodec_send(codec, LULLB_WSOP_PONG, ping->bytes, ping->size, &send))
        return;
    if (lullb_wsbytes_reserve(&codec->memory, &socket->replies,
                              send.frame.header_size + send.size)) {
        lullb_wsbytes_append(&codec->memory, &socket->replies, send.frame.header,
                             send.frame.header_size);
        lullb_wsbytes_append(&codec->memory, &socket->replies, send.payload, send.size);
    }
    lullb_wssend_deinit(codec, &send);
}

/* Send what is remembered.  What fails is found by who reads or writes next. */
static void send_replies(struct lullb_websocket *socket)
{
    struct lullb_wsbytes *replies = &socket->replies;
    struct iovec part = {.iov_base = replies->bytes, .iov_len = replies->size};
    if (replies->size == 0)
        return;
    if (!socket->closing)
        lull_stream_put(socket->stream, &part, 1);
    if (lull_stream_is_full(socket->stream))
        socket->unsent_pongs += replies->size;
    else
        socket->unsent_pongs = 0;
    lullb_wsbytes_clear(&socket->codec.memory, replies);
}

/* ---- one recv, across its waits ----------------------------------------- */

/* Look at what is buffered.  NONE: there is no more, or *more; or enough pongs. */
static enum lullb_wsevent next_event(struct lullb_websocket *socket,
                                     struct lullb_wsmessage *message, bool *more)
{
    const char *bytes;
    size_t size = lull_stream_peek(socket->stream, &bytes);
    enum lullb_wsevent event;
    *more = false;
    if (size > 0) { /* a sign of life */
        socket->asked = false;
        socket->stirred = true;
    }
    lullb_wscodec_feed(&socket->codec, bytes, size);
    while ((event = lullb_wscodec_next(&socket->codec, message)) == LULLB_WSEVENT_PING) {
        reply(socket, message);
        if (socket->replies.size >= REPLIES) {
            event = LULLB_WSEVENT_NONE;
            *more = true;
            break;
        }
    }
    lull_stream_consume(socket->stream, size - lullb_wscodec_left(&socket->codec));
    send_replies(socket);
    return event;
}

/* An op has begun: its time is the latest that is known. */
static void look_at_clock(struct lullb_websocket *socket, const struct lull_op *op)
{
    if (socket->stirred)
        socket->quiet_since = op->since;
    socket->stirred = false;
}

/* What is left of so many seconds of silence, as of the beginning of an op. */
static double left_of(const struct lullb_websocket *socket, const struct lull_op *op,
                      double seconds)
{
    if (socket->stirred)
        return seconds;
    double passed = ((double)op->since - (double)socket->quiet_since) / 1e9;
    return passed < seconds ? seconds - passed : 0;
}

/* Are there too many pongs that the peer has not taken? */
static bool is_held_up(const struct lullb_websocket *socket)
{
    return socket->unsent_pongs > CREDIT && !socket->closing &&
           lull_stream_is_full(socket->stream);
}

/* Let others have a turn if it is time, then go on. */
static int take_turn(lua_State *L, struct lullb_wswait *wait, struct lull_task *task)
{
    wait->base.stream = wait->socket->stream;
    lullb_op_begin_complete(&wait->base.timed, task, &receive_type);
    look_at_clock(wait->socket, &wait->base.timed.op);
    return lull_await(L, &wait->base.timed.op);
}

/* Nothing came in time. */
static int on_silence(lua_State *L, struct lullb_wswait *wait, struct lull_task *task)
{
    struct lullb_websocket *socket = wait->socket;
    if (socket->asked)
        return push_event(L, "silent");
    socket->asked = socket->stirred = true;
    lullb_ws_put(socket, LULLB_WSOP_PING, "", 0);
    return lull_stream_await_readable(L, socket->stream, &wait->base, task, &receive_type,
                                      socket->ping_timeout);
}

/* For how long silence is nothing to wonder about. */
static double patience(const struct lullb_websocket *socket, const struct lull_op *op)
{
    if (socket->closing)
        return (double)INFINITY; /* who closes knows when it is enough */
    return left_of(socket, op,
                   socket->asked ? socket->ping_timeout : socket->ping_interval);
}

/* Wait for the peer to take pongs.  Silence, too, is to take none for so long. */
static int await_pongs_sent(lua_State *L, struct lullb_wswait *wait,
                            struct lull_task *task, bool silent)
{
    struct lullb_websocket *socket = wait->socket;
    size_t unsent = lull_stream_unsent(socket->stream);
    double seconds = socket->ping_interval + socket->ping_timeout;
    if (unsent != socket->held_up)
        socket->stirred = true;
    else if (silent)
        return push_event(L, "silent");
    socket->held_up = unsent;
    return lull_stream_await_sent(L, socket->stream, &wait->base, task, &receive_type,
                                  lullb_ws_left(socket),
                                  left_of(socket, &wait->base.timed.op, seconds));
}

static int receive_on(lua_State *L, struct lullb_wswait *wait, struct lull_task *task,
                      bool silent)
{
    struct lullb_websocket *socket = wait->socket;
    struct lull_stream *stream = socket->stream;
    for (;;) {
        struct lullb_wsmessage message;
        bool more;
        if (is_held_up(socket))
            return await_pongs_sent(L, wait, task, silent);
        enum lullb_wsevent event = next_event(socket, &message, &more);
        if (event != LULLB_WSEVENT_NONE)
            return push_message(L, socket, event, &message);
        if (more)
            return take_turn(L, wait, task);
        if (is_held_up(socket))
            continue;
        switch (lull_stream_fill(stream)) {
        case LULL_FILL_MORE:
            silent = false;
            continue;
        case LULL_FILL_EMPTY:
            if (silent && !socket->closing)
                return on_silence(L, wait, task);
            return lull_stream_await_readable(L, stream, &wait->base, task, &receive_type,
                                              patience(socket, &wait->base.timed.op));
        case LULL_FILL_END:
            return push_event(L, "eof");
        case LULL_FILL_FAILED:
            return push_event(L, "broken");
        }
    }
}

static int receive_push(lua_State *L, struct lull_op *op)
{
    struct lullb_wswait *wait = (struct lullb_wswait *)(void *)op;
    struct lullb_websocket *socket = wait->socket;
    enum lull_woken woken = lull_stream_woken(&wait->base);
    look_at_clock(socket, op);
    if (wait->interrupted)
        return push_event(L, "interrupted");
    if (woken == LULL_WOKEN_CLOSED || !lullb_ws_is_open(socket))
        return lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the socket is closed");
    return receive_on(L, wait, op->task, woken == LULL_WOKEN_TIMEOUT);
}

/*
 * ws:recv() -> bytes, "text" | "binary"
 *            | nil, "pong", bytes | nil, "close", code, reason
 *            | nil, "failed", code, text   what the peer did wrong
 *            | nil, "eof" | nil, "silent" | nil, "interrupted"
 *            | nil, "broken"               ws:raise() says how
 */
int lullb_m_ws_receive(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (!lullb_ws_is_open(socket))
        return lullb_raise(L, LULL_KIND_CLOSED, OP_NAME, "the socket is closed");
    if (socket->broken)
        return lullb_raise_memory(L, OP_NAME);
    if (is_receiving(socket))
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME, "another task is receiving");
    struct lullb_wswait *wait = lullb_pick_wswait(L, socket, &socket->own_receive);
    if (wait != &socket->own_receive) {
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, 2);
    }
    socket->receiver = wait;
    return take_turn(L, wait, task);
}

/* ws:interrupt(): who receives now gets "interrupted" */
int lullb_m_ws_interrupt(lua_State *L)
{
    struct lullb_websocket *socket = lullb_check_websocket(L, 1);
    if (!is_receiving(socket))
        return 0;
    socket->receiver->interrupted = true;
    struct lull_op *op = &socket->receiver->base.timed.op;
    if (op->state == LULL_OP_PENDING) {
        lull_stream_cancel(op);
        lull_op_complete(op);
    }
    return 0;
}
