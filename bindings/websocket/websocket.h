/* SPDX-License-Identifier: MIT */
/*
 * websocket.h -- a codec on a stream: what scripts/websocket/socket.lua stands on.
 *
 * wsreceive.c has the receiving op, wssend.c the sending one, websocketlib.c
 * the object.  Policy is in Lua: here are only the waits, and what must happen
 * without Lua: answering pings, and asking for a sign of life.
 *
 *   1. Bytes are parsed where the stream has them, and frames go to it without
 *      a copy where nothing masks or compresses them.
 *   2. A frame is made and put in one step: what a cancelled sender leaves
 *      behind is a whole frame or none, and compressed ones are in order.
 *   3. Closing is the stream's closing: who waits gets `closed`.
 *
 * Ownership: a userdata with the stream in its first user value, and in the
 * second what a receiver waits with that is not its own.
 */
#ifndef LULLB_WEBSOCKET_H
#define LULLB_WEBSOCKET_H

#include "common/bind.h"
#include "common/timedop.h"
#include "lull_stream.h"
#include "websocket/wscodec.h"

/* What the sockets of one runtime share; a userdata in the registry. */
struct lullb_wsshared {
    struct lullb_wspool pool;
};

/* What a task waits with. */
struct lullb_wswait {
    struct lull_stream_wait base; /* first */
    struct lullb_websocket *socket;
    uint8_t stage;    /* of a send: its file says which there are */
    uint8_t opcode;   /* of what is to be sent */
    bool interrupted; /* a receiver that is to stop */
};

struct lullb_websocket {
    struct lullb_object object; /* first */
    struct lull_stream *stream;
    struct lullb_wscodec codec;
    struct lullb_wsbytes replies;  /* pongs that are to be sent */
    size_t unsent_pongs;           /* bytes that were put since the stream was full */
    double ping_interval;          /* seconds of silence before a ping; infinity: never */
    double ping_timeout;           /* seconds of silence after it */
    uint64_t quiet_since;          /* ns of an op's since: silence counts from here */
    size_t held_up;                /* bytes unsent when it was last looked at */
    bool stirred;                  /* silence counts from the next look at the clock */
    bool asked;                    /* the ping was sent, and nothing came since */
    bool broken;                   /* a message was lost for want of memory */
    bool closing;                  /* a Close was sent: nothing may follow it */
    bool interrupted;              /* who receives is to stop */
    struct lullb_wswait *receiver; /* of the last recv; valid, but perhaps over */
    struct lullb_wswait own_receive;
    struct lullb_wswait own_send;
};

struct lullb_websocket *lullb_check_websocket(lua_State *L, int index);

static inline bool lullb_ws_is_open(const struct lullb_websocket *socket)
{
    return lull_handle_is_open(&socket->object.handle) &&
           lull_stream_is_open(socket->stream);
}

/*
 * What the running task may wait with: `own` of the socket, or while that is
 * being looked at by a task that was cancelled, a new userdata, which is pushed.
 */
struct lullb_wswait *lullb_pick_wswait(lua_State *L, struct lullb_websocket *socket,
                                       struct lullb_wswait *own);

/* Make a frame and put it.  0, or an errno value: nothing was sent, or all is over. */
int lullb_ws_put(struct lullb_websocket *socket, enum lullb_wsopcode opcode,
                 const void *bytes, size_t size);

/* How little is to be unsent before a task goes on that waits for that. */
size_t lullb_ws_left(const struct lullb_websocket *socket);

/* Methods: wsreceive.c. */
int lullb_m_ws_receive(lua_State *L);
int lullb_m_ws_interrupt(lua_State *L);
/* Methods: wssend.c. */
int lullb_m_ws_send(lua_State *L);
int lullb_m_ws_send_close(lua_State *L);

#endif
