/* SPDX-License-Identifier: MIT */
/*
 * httpsendfile.c -- bodies that are files, sent by the system itself.
 *
 * Only on connections whose bytes need not pass through a filter, and while nothing is
 * queued in front of them.  A file that is not in memory is read from the disk
 * meanwhile, in the loop: pieces are small enough for that.
 */
#include "http/httpconn.h"

#include <errno.h>
#include <signal.h>

#ifdef __linux__
#include <sys/sendfile.h>
#endif

#define PIECE ((size_t)512 * 1024) /* sent at a time before others have a turn */

static int push_alive(lua_State *L, const struct lullb_http_conn *conn)
{
    lua_pushboolean(L, !conn->broken);
    return 1;
}

static int file_push(lua_State *L, struct lull_op *op);

static const struct lull_op_type file_type = {
    .name = "http.send_file",
    .cancel = lullb_http_cancel,
    .push = file_push,
    .abandon = lullb_http_abandon,
};

#ifdef __linux__
/* Take the signal back that a connection without a reader has raised, where it did. */
static void consume_sigpipe(const sigset_t *only_pipe)
{
    sigset_t pending;
    int number;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE)) /* the host may ignore it */
        sigwait(only_pipe, &number);
}
#endif

/* sendfile(2), which knows no MSG_NOSIGNAL.  Bytes that went, 0 for the end; -1 and errno. */
static ssize_t send_piece(int socket, int fd, off_t offset, size_t size)
{
#ifdef __linux__
    sigset_t only_pipe, before;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only_pipe, &before);
    ssize_t count;
    do {
        count = sendfile(socket, fd, &offset, size);
    } while (count < 0 && errno == EINTR);
    int error = errno;
    /* Where it was blocked before, one that is pending may be the host's. */
    if (count < 0 && error == EPIPE && !sigismember(&before, SIGPIPE))
        consume_sigpipe(&only_pipe);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return count;
#else
    (void)socket, (void)fd, (void)offset, (void)size;
    errno = ENOSYS;
    return -1;
#endif
}

/* Stack: 1 the connection, 2 the descriptor, 3 where in the file, 4 what keeps it open. */
static int send_file_now(lua_State *L, struct lullb_http_wait *wait,
                         struct lull_task *task)
{
    struct lullb_http_conn *conn = wait->conn;
    double timeout = conn->server->write_timeout;
    if (lull_stream_unsent(conn->stream) > 0) {
        lullb_http_before_sent(wait);
        return lull_stream_await_sent(L, conn->stream, &wait->stream, task, &file_type, 0,
                                      timeout);
    }
    if (conn->broken || conn->send_left == 0)
        return push_alive(L, conn);
    off_t offset = (off_t)lua_tointeger(L, 3);
    size_t most = conn->send_left < PIECE ? (size_t)conn->send_left : PIECE;
    ssize_t count =
        send_piece(lull_stream_fd(conn->stream), (int)lua_tointeger(L, 2), offset, most);
    if (count < 0 && errno == EAGAIN) {
        lullb_http_before_sent(wait);
        return lull_stream_await_writable(L, conn->stream, &wait->stream, task,
                                          &file_type, timeout);
    }
    if (count <= 0) { /* the file has become shorter, or the client is gone */
        conn->broken = conn->over = true;
        return push_alive(L, conn);
    }
    conn->sent += (uint64_t)count;
    conn->send_left -= (uint64_t)count;
    lua_pushinteger(L, (lua_Integer)offset + (lua_Integer)count);
    lua_replace(L, 3);
    lullb_op_begin_complete(&wait->stream.timed, task, &file_type);
    return lull_await(L, &wait->stream.timed.op);
}

static int file_push(lua_State *L, struct lull_op *op)
{
    struct lullb_http_wait *wait = (struct lullb_http_wait *)(void *)op;
    lullb_http_sent(wait);
    return send_file_now(L, wait, op->task);
}

/*
 * The descriptor at 2 becomes that of the keeper at 4, if that is a file of
 * lull.http.file.native: by its number alone, a script could name any.
 */
static void check_keeper(lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    if (luaL_testudata(L, 4, "lull.http.File") == NULL) {
        lull_check_permission(L, LULL_MAY_NATIVE, "http.send_file", NULL);
        return;
    }
    luaL_getmetafield(L, 4, "__index");
    lua_getfield(L, -1, "fd");
    lua_pushvalue(L, 4);
    lua_call(L, 1, 1);
    lua_replace(L, 2);
    lua_pop(L, 1);
}

/*
 * connection:send_file(fd, offset, keeper) -> is the client still there?
 * Sends what Content-Length says from a regular file; nil: the stream needs its bytes
 * passed through.  Suspends.
 */
int lullb_m_http_send_file(lua_State *L)
{
    struct lullb_http_conn *conn = lullb_check_http_conn(L, 1);
    luaL_checkinteger(L, 2);
    luaL_checkinteger(L, 3);
    lullb_http_check_sending(L, conn);
    lua_settop(L, 4);
    check_keeper(L);
#ifndef __linux__
    return 0;
#else
    if (lull_stream_is_filtered(conn->stream) || !conn->has_length)
        return 0;
    struct lull_task *task = lull_checkpoint(L);
    return send_file_now(L, lullb_http_pick_wait(L, conn, 5), task);
#endif
}
