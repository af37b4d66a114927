/* SPDX-License-Identifier: MIT */
/*
 * curlops.c -- what a script does with a transfer: wait for the response, read
 * its body, send an upload, close.
 */
#include "curl/curlops.h"

#include "curl/curlline.h"
#include "curl/curltransfer.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>

#define REQUEST_OP "http.request"
#define READ_OP    "http.read"
#define SEND_OP    "http.upload"
#define PIECE_MAX  LULLB_CURL_HIGH
#define KEPT_BODY \
    (64u * 1024u) /* the largest block that a transfer keeps for the next body */

static const char transfer_tag = 't';

static struct lullb_curl_transfer *check_transfer(lua_State *L, int index)
{
    return lullb_check_object(L, index, &transfer_tag, "http transfer");
}

static struct lullb_curl_transfer *of(struct lull_op *op)
{
    return ((struct lullb_curl_wait *)(void *)op)->transfer;
}

/* ---- the response --------------------------------------------------------------- */

static enum lull_cancel cancel_request(struct lull_op *op)
{
    struct lullb_curl_transfer *transfer = of(op);
    lullb_op_release(&transfer->request.timed);
    transfer->waiter = NULL; /* closing wakes nobody */
    lull_handle_close(&transfer->object.handle);
    return LULL_DETACHED;
}

static void abandon_request(struct lull_op *op)
{
    cancel_request(op);
}

static void push_buffer(lua_State *L, const struct lullb_buffer *buffer)
{
    lua_pushlstring(L, buffer->bytes != NULL ? lullb_buffer_bytes(buffer) : "",
                    lullb_buffer_size(buffer));
}

/* The transfer at `index` is done with: the next request may have it. */
static void recycle(lua_State *L, struct lullb_curl_transfer *transfer, int index)
{
    struct lullb_curl_client *client = transfer->client;
    struct lullb_buffer body = transfer->body;
    bool keep =
        !transfer->exposed && client->pooled < LULLB_CURL_POOLED && client->multi != NULL;
    if (keep && body.capacity <= KEPT_BODY) {
        lullb_buffer_empty(client->rt, &body);
        transfer->body = (struct lullb_buffer){0};
    } else {
        body = (struct lullb_buffer){0};
    }
    lull_handle_close(&transfer->object.handle);
    transfer->body = body;
    if (!keep)
        return;
    lua_pushnil(L);
    lua_setiuservalue(L, index, LULLB_CURL_SPEC);
    lua_getiuservalue(L, index, LULLB_CURL_CLIENT);
    lua_getiuservalue(L, -1, LULLB_CURL_POOL);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, (lua_Integer)client->pooled + 1);
    lua_pop(L, 2);
    client->pooled++;
}

/* -> status, head, version, the body or the transfer that brings it */
static int push_response(lua_State *L, struct lull_op *op)
{
    struct lullb_curl_transfer *transfer = of(op);
    int index = lua_gettop(L); /* the transfer: it was on top when we began to wait */
    transfer->waiter = NULL;
    luaL_checkstack(L, 8, NULL);
    if (transfer->phase == LULLB_CURL_FAILED &&
        (!transfer->streamed || !transfer->head_over))
        return lullb_curl_raise(L, transfer, index, REQUEST_OP);
    lua_pushinteger(L, transfer->status);
    push_buffer(L, &transfer->head);
    lua_pushinteger(L, transfer->version);
    if (transfer->streamed) {
        lua_pushvalue(L, index);
        lullb_buffer_clear(transfer->client->rt, &transfer->head);
    } else {
        push_buffer(L, &transfer->body);
        recycle(L, transfer, index);
    }
    return 4;
}

static const struct lull_op_type request_type = {
    .name = REQUEST_OP,
    .cancel = cancel_request,
    .push = push_response,
    .abandon = abandon_request,
};

/* Begin to wait for the response; the transfer is on top. */
static void begin_request(lua_State *L, struct lullb_curl_transfer *transfer,
                          struct lull_task *task)
{
    transfer->request.transfer = transfer;
    if (!lullb_op_begin(&transfer->request.timed, transfer->client->rt, task,
                        &request_type, (double)INFINITY))
        lullb_raise_memory(L, REQUEST_OP);
    transfer->waiter = &transfer->request;
}

/* transfer:await() -> as client:request().  Once. */
static int m_await(lua_State *L)
{
    struct lullb_curl_transfer *transfer = check_transfer(L, 1);
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (transfer->request.transfer != NULL)
        return lullb_raise(L, LULL_KIND_USAGE, REQUEST_OP, "it was awaited before");
    begin_request(L, transfer, task);
    if (transfer->phase != LULLB_CURL_RUNNING ||
        (transfer->streamed && transfer->head_over))
        lullb_op_complete(&transfer->request.timed);
    return lull_await(L, &transfer->request.timed.op);
}

/* ---- reading a streamed body ------------------------------------------------------------- */

static enum lull_cancel cancel_read(struct lull_op *op)
{
    struct lullb_curl_wait *wait = (struct lullb_curl_wait *)(void *)op;
    lullb_op_release(&wait->timed);
    if (wait->transfer->reader == wait)
        wait->transfer->reader = NULL;
    return LULL_DETACHED;
}

static void abandon_read(struct lull_op *op)
{
    cancel_read(op);
}

static int push_piece(lua_State *L, struct lull_op *op);

static const struct lull_op_type read_type = {
    .name = READ_OP,
    .cancel = cancel_read,
    .push = push_piece,
    .abandon = abandon_read,
};

/* Wait for more of the body; the transfer is at index 1. */
static int wait_piece(lua_State *L, struct lullb_curl_wait *wait, struct lull_task *task)
{
    struct lullb_curl_transfer *transfer = wait->transfer;
    if (!lullb_op_begin(&wait->timed, transfer->client->rt, task, &read_type,
                        (double)INFINITY))
        return lullb_raise_memory(L, READ_OP);
    transfer->reader = wait;
    lullb_curl_expect_body(transfer);
    return lull_await(L, &wait->timed.op);
}

/* Take from the buffer, and let curl go on when it is nearly empty. */
static int take_piece(lua_State *L, struct lullb_curl_transfer *transfer, size_t max)
{
    struct lullb_buffer *body = &transfer->body;
    size_t size = lullb_buffer_size(body) < max ? lullb_buffer_size(body) : max;
    lua_pushlstring(L, lullb_buffer_bytes(body), size);
    if (body->bytes == NULL) /* closed by a finalizer meanwhile */
        return 1;
    lullb_buffer_consume(transfer->client->rt, body, size);
    if (transfer->receive_paused && lullb_buffer_size(body) <= LULLB_CURL_LOW &&
        transfer->phase == LULLB_CURL_RUNNING) {
        transfer->receive_paused = false;
        lullb_curl_set_paused(transfer);
    }
    return 1;
}

static int push_piece(lua_State *L, struct lull_op *op)
{
    struct lullb_curl_wait *wait = (struct lullb_curl_wait *)(void *)op;
    struct lullb_curl_transfer *transfer = wait->transfer;
    transfer->reader = NULL;
    if (lullb_buffer_size(&transfer->body) > 0)
        return take_piece(L, transfer, wait->max);
    if (transfer->phase == LULLB_CURL_RUNNING)
        return wait_piece(L, wait, op->task);
    if (transfer->phase == LULLB_CURL_FAILED)
        return lullb_curl_raise(L, transfer, 1, READ_OP);
    lull_handle_close(&transfer->object.handle); /* it has nothing any more */
    lua_pushnil(L);
    return 1;
}

/* transfer:read(max?) -> bytes; nil at the end */
static int m_read(lua_State *L)
{
    struct lullb_curl_transfer *transfer = check_transfer(L, 1);
    lua_Integer max = luaL_optinteger(L, 2, PIECE_MAX);
    luaL_argcheck(L, max > 0, 2, "must be positive");
    lua_settop(L, 1);
    struct lull_task *task = lull_checkpoint(L);
    if (transfer->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, READ_OP, "another task reads the body");
    struct lullb_curl_wait *wait = &transfer->own_reader;
    if (wait->timed.op.awaited) /* its last user was cancelled, and has not seen that */
        wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct lullb_curl_wait){.transfer = transfer, .max = (size_t)max};
    if (lullb_buffer_size(&transfer->body) == 0 && transfer->phase == LULLB_CURL_RUNNING)
        return wait_piece(L, wait, task);
    transfer->reader = wait;
    lullb_op_begin_complete(&wait->timed, task, &read_type);
    return lull_await(L, &wait->timed.op);
}

/* ---- sending a streamed upload --------------------------------------------------------------- */

static enum lull_cancel cancel_send(struct lull_op *op)
{
    struct lullb_curl_wait *wait = (struct lullb_curl_wait *)(void *)op;
    lullb_op_release(&wait->timed);
    if (wait->transfer->sender == wait)
        wait->transfer->sender = NULL;
    return LULL_DETACHED;
}

static void abandon_send(struct lull_op *op)
{
    cancel_send(op);
}

static int accept_bytes(lua_State *L, struct lullb_curl_wait *wait,
                        struct lull_task *task);

static int push_sent(lua_State *L, struct lull_op *op)
{
    struct lullb_curl_wait *wait = (struct lullb_curl_wait *)(void *)op;
    struct lullb_curl_transfer *transfer = wait->transfer;
    transfer->sender = NULL;
    if (transfer->phase == LULLB_CURL_FAILED && transfer->kind == LULL_KIND_CLOSED)
        return lullb_curl_raise(L, transfer, 1, SEND_OP);
    if (wait->refused && transfer->phase == LULLB_CURL_RUNNING)
        return accept_bytes(L, wait, op->task);
    lua_pushboolean(L, transfer->phase == LULLB_CURL_RUNNING);
    return 1;
}

static const struct lull_op_type send_type = {
    .name = SEND_OP,
    .cancel = cancel_send,
    .push = push_sent,
    .abandon = abandon_send,
};

static void go_on_sending(struct lullb_curl_transfer *transfer)
{
    if (!transfer->send_paused)
        return;
    transfer->send_paused = false;
    lullb_curl_set_paused(transfer);
}

static int wait_sent(lua_State *L, struct lullb_curl_wait *wait, struct lull_task *task)
{
    struct lullb_curl_transfer *transfer = wait->transfer;
    if (!lullb_op_begin(&wait->timed, transfer->client->rt, task, &send_type,
                        (double)INFINITY))
        return lullb_raise_memory(L, SEND_OP);
    transfer->sender = wait;
    return lull_await(L, &wait->timed.op);
}

/* Take the bytes at 2, perhaps after some have gone, and wait if there are many. */
static int accept_bytes(lua_State *L, struct lullb_curl_wait *wait,
                        struct lull_task *task)
{
    struct lullb_curl_transfer *transfer = wait->transfer;
    struct lullb_buffer *upload = &transfer->upload;
    bool wanted = transfer->phase == LULLB_CURL_RUNNING && !transfer->send_ended;
    size_t size;
    const char *bytes = lua_tolstring(L, 2, &size);
    wait->refused =
        wanted && !lullb_buffer_append(transfer->client->rt, upload, bytes, size);
    if (wait->refused && errno == EDQUOT && lullb_buffer_size(upload) > 0)
        return wait_sent(L, wait, task);
    if (wait->refused)
        return lullb_raise_refused(L, SEND_OP, errno);
    if (wanted)
        go_on_sending(transfer);
    if (transfer->phase == LULLB_CURL_RUNNING &&
        lullb_buffer_size(upload) > LULLB_CURL_HIGH)
        return wait_sent(L, wait, task);
    lullb_op_begin_complete(&wait->timed, task, &send_type);
    return lull_await(L, &wait->timed.op);
}

/*
 * transfer:send(bytes) -> true: accepted; false: the transfer is over, nothing
 * more is wanted
 */
static int m_send(lua_State *L)
{
    struct lullb_curl_transfer *transfer = check_transfer(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    if (transfer->sender != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, SEND_OP, "another task sends the body");
    struct lullb_curl_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct lullb_curl_wait){.transfer = transfer};
    return accept_bytes(L, wait, task);
}

/* transfer:finish(): the upload is complete */
static int m_finish(lua_State *L)
{
    struct lullb_curl_transfer *transfer = check_transfer(L, 1);
    transfer->send_ended = true;
    if (transfer->phase == LULLB_CURL_RUNNING)
        go_on_sending(transfer);
    return 0;
}

/* ---- making --------------------------------------------------------------------------- */

static int l_collect(lua_State *L)
{
    struct lullb_curl_transfer *transfer = lua_touserdata(L, 1);
    lull_handle_close(&transfer->object.handle);
    lullb_curl_free_buffers(transfer);
    lullb_curl_free_lists(transfer);
    return 0;
}

static int m_close(lua_State *L)
{
    struct lullb_curl_transfer *transfer = check_transfer(L, 1);
    lull_handle_close(&transfer->object.handle);
    return 0;
}

static const struct luaL_Reg methods[] = {
    {"await", m_await}, {"close", m_close}, {"finish", m_finish},
    {"read", m_read},   {"send", m_send},   {NULL, NULL},
};

static const struct luaL_Reg meta[] = {
    {"__gc", l_collect},
    {"__close", m_close},
    {NULL, NULL},
};

/* Push one that was done with, or a new one, for the client at 1. */
static struct lullb_curl_transfer *push_any(lua_State *L,
                                            struct lullb_curl_client *client)
{
    if (client->pooled > 0) {
        lua_getiuservalue(L, 1, LULLB_CURL_POOL);
        lua_rawgeti(L, -1, client->pooled);
        lua_pushboolean(L, 0);
        lua_rawseti(L, -3, client->pooled--);
        lua_remove(L, -2);
        return lua_touserdata(L, -1);
    }
    struct lullb_curl_transfer *transfer = lua_newuserdatauv(L, sizeof *transfer, 4);
    *transfer = (struct lullb_curl_transfer){.object.tag = &transfer_tag};
    transfer->client = client;
    lull_push_class(L, client->rt, "lull.curl.transfer", methods, meta);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, LULLB_CURL_CLIENT);
    return transfer;
}

/* Push a transfer for the client at 1 and the request that the table at 2 describes. */
static struct lullb_curl_transfer *push_transfer(lua_State *L,
                                                 struct lullb_curl_client *client)
{
    lua_settop(L, 2);
    luaL_checkstack(L, 8, NULL);
    struct lullb_curl_transfer *transfer = push_any(L, client);
    struct lullb_buffer body = transfer->body;
    body.from = body.to = 0;
    *transfer = (struct lullb_curl_transfer){.object.tag = &transfer_tag};
    transfer->client = client;
    transfer->body = body;
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, LULLB_CURL_SPEC);
    return transfer;
}

/* Push one for the client at 1 and the table at 2, and run it; `task` waits, or nobody. */
static struct lullb_curl_transfer *start(lua_State *L, struct lullb_curl_client *client,
                                         struct lull_task *task)
{
    if (client->multi == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, REQUEST_OP, "the client is closed");
    lull_check_handles(L, REQUEST_OP);
    struct lullb_curl_transfer *transfer = push_transfer(L, client);
    if (!lullb_curl_read_wishes(L, transfer, 2))
        lullb_raise_memory(L, REQUEST_OP);
    lullb_curl_check_permitted(L, &transfer->wishes);
    if (client->max_per_host != 0)
        lullb_curl_find_host(L, transfer);
    if (!lullb_curl_weigh(transfer))
        lullb_raise_refused(L, REQUEST_OP, EDQUOT);
    if (task != NULL)
        begin_request(L, transfer, task);
    lullb_curl_run(transfer);
    return transfer;
}

int lullb_curl_m_request(lua_State *L, struct lullb_curl_client *client)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    struct lull_task *task = lull_checkpoint(L);
    struct lullb_curl_transfer *transfer = start(L, client, task);
    return lull_await(L, &transfer->request.timed.op);
}

int lullb_curl_m_begin(lua_State *L, struct lullb_curl_client *client)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    lull_checkpoint(L);
    start(L, client, NULL)->exposed = true;
    return 1;
}
