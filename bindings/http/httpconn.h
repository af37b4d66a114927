/* SPDX-License-Identifier: MIT */
/*
 * httpconn.h -- a server's side of one connection: what its parts share.
 *
 *   httpserver.c   what all connections of a server share: limits, deadlines, date
 *   httpconn.c     the next request of a connection
 *   httprequest.c  the request as a script sees it
 *   httpquery.c    its query
 *   httpread.c     its body
 *   httpreply.c    the head of a response
 *   httpsend.c     responses: at once, or in pieces
 *   httpsendfile.c files
 *   httpwatch.c    clients that go
 *
 * A connection answers one request after the other.  A task asks for the
 * next one, has it handled, and responds; what has arrived behind it waits in the
 * stream.  The request stays a valid object when it is answered, but its
 * body is gone.
 *
 * Ownership: server, connection and request are userdata.  The connection has the
 * stream, its server and the current request as user values; a request has its
 * connection.  Thread: the runtime's.
 */
#ifndef LULLB_HTTPCONN_H
#define LULLB_HTTPCONN_H

#include "common/bind.h"
#include "common/buffer.h"
#include "common/timedop.h"
#include "http/httpclock.h"
#include "http/httpparse.h"
#include "lull_stream.h"

#include <math.h>

/* Lines of the clock: what a connection waits for. */
enum { LULLB_HTTP_HEAD_DUE, LULLB_HTTP_IDLE_DUE, LULLB_HTTP_BODY_DUE };

#define LULLB_HTTP_SKIP      (64u * 1024u) /* bytes of a body nobody asked for */
#define LULLB_HTTP_LOW_WATER (16u * 1024u) /* a full stream waits until this is left */

struct lullb_http_server {
    struct lullb_object object;
    struct lull_runtime *rt;
    struct lullb_http_limits limits;
    size_t max_body;      /* bytes that req:body() returns */
    size_t max_requests;  /* of a connection */
    double min_rate;      /* bytes a second that a body must bring */
    double body_timeout;  /* seconds that a body may bring less */
    double write_timeout; /* seconds that a client may take nothing */
    bool draining;        /* every response is the connection's last */
    char prefix[17];      /* of the requests' names */
    uint64_t requests;    /* so far */
    struct lullb_clock clock;
    struct lullb_http_head head;     /* of the request being read, and */
    struct lullb_http_fields fields; /* its fields: nothing stays in them */
    struct lullb_buffer out;         /* the head of a response being made, likewise */
    int64_t date_of;                 /* the second of: */
    char date[48];
    char name[64]; /* "Server: name\r\n" */
};

enum lullb_http_phase {
    LULLB_HTTP_READY,   /* for the next request */
    LULLB_HTTP_BUSY,    /* a request is being handled */
    LULLB_HTTP_SENDING, /* the head of its response is sent, the body is not */
    LULLB_HTTP_TAKEN    /* the stream is somebody else's */
};

/* What a task waits with. */
struct lullb_http_wait {
    struct lull_stream_wait stream; /* first */
    struct lullb_http_conn *conn;
    const struct lullb_http_request *request; /* whose body it waits for */
    size_t most;                              /* read_some: bytes; 0: all of the body */
    size_t limit;                             /* of the body */
    uint64_t untaken; /* bytes that the client had not taken when the wait began */
};

struct lullb_http_conn {
    const void *tag;
    struct lullb_http_server *server;   /* user value 2 */
    struct lull_stream *stream;         /* user value 1 */
    struct lullb_http_request *request; /* user value 3; NULL: none is being answered */
    struct lullb_http_wait *waiting;    /* for the client; NULL: nobody */
    struct lullb_http_parser parser;
    struct lullb_due due;
    uint8_t phase;      /* enum lullb_http_phase */
    bool over;          /* no more requests */
    bool broken;        /* nothing can be sent any more: the client is gone */
    bool refused;       /* ...or what was to be sent is more than may be buffered */
    bool was_bad;       /* the last that came was no request */
    bool expired;       /* it has taken too long */
    bool fresh;         /* nothing has been answered yet */
    bool must_continue; /* the client waits for 100 */
    bool keep_alive;    /* of the request being answered, as the three after it */
    bool is_head;
    bool is_connect;
    uint8_t minor;
    bool chunked;       /* of the response that is being sent */
    bool has_length;    /* likewise: */
    uint64_t send_left; /* bytes of it */
    uint64_t sent;      /* bytes of the body of the last response */
    int status;         /* of the last response */
    size_t requests;    /* so far */
    size_t max_body;
    double body_timeout;
    uint64_t came;                  /* bytes of the body so far */
    size_t skipped;                 /* bytes of it that nobody asked for */
    uint64_t waited;                /* ticks that it has been waited for */
    uint64_t since;                 /* tick at which the wait began */
    struct lullb_http_watch *watch; /* who waits for it to go; NULL: nobody */
    struct lullb_buffer body;       /* read, and not yet returned */
    struct lullb_http_wait own;
};

enum { LULLB_HTTP_STREAM_VALUE = 1, LULLB_HTTP_SERVER_VALUE, LULLB_HTTP_REQUEST_VALUE };

/* ---- httpserver.c */

/* server(opts) -> server: see there */
int lullb_l_http_server(lua_State *L);
struct lullb_http_server *lullb_check_http_server(lua_State *L, int index);
void lullb_push_http_server_class(lua_State *L, struct lull_runtime *rt);
/* "Date: ...\r\n" of now; *size bytes. */
const char *lullb_http_date(struct lullb_http_server *server, size_t *size);

/* ---- httpconn.c */

/* connection(server, stream) -> connection */
int lullb_l_http_connection(lua_State *L);
struct lullb_http_conn *lullb_check_http_conn(lua_State *L, int index);

/* What the running task may wait with: the connection's own, or a new one at `index`. */
struct lullb_http_wait *lullb_http_pick_wait(lua_State *L, struct lullb_http_conn *conn,
                                             int index);
/* Suspend until something may have come, or the time of `line` is over. */
int lullb_http_await(lua_State *L, struct lullb_http_wait *wait, struct lull_task *task,
                     const struct lull_op_type *type, unsigned line);
/* First thing in type->push of such a wait. */
enum lull_woken lullb_http_woken(struct lullb_http_wait *wait);
enum lull_cancel lullb_http_cancel(struct lull_op *op);
void lullb_http_abandon(struct lull_op *op);

/* The client is to see that something was not completed. */
void lullb_http_cut(struct lullb_http_conn *conn);

/* The request is answered: it is no longer the connection's. */
void lullb_http_let_go(lua_State *L, struct lullb_http_conn *conn, int index);

/* ---- httprequest.c */

/* Its connection has no more to do with it. */
void lullb_http_detach_request(struct lullb_http_request *request);
/* Push the request whose head lies at `base`; it becomes that of the connection at `index`. */
void lullb_http_push_request(lua_State *L, struct lullb_http_conn *conn, int index,
                             const char *base);
/*
 * Make the class and push its two tables: methods, by name; and fields, by name lists
 * of one: the function that makes the value when it is first asked for.  Scripts add to both.
 */
int lullb_push_http_request_class(lua_State *L, struct lull_runtime *rt);
/* connection_of(request) -> connection; raises `closed` if it is answered */
int lullb_l_http_connection_of(lua_State *L);
/* stream_of(request) -> the stream it came by, which may be closed */
int lullb_l_http_stream_of(lua_State *L);
/* The connection of the request at `index`, pushed; raises `closed` if it is answered. */
struct lullb_http_conn *lullb_http_push_conn(lua_State *L, int index, const char *op);

/* Keep the body on top, to be pushed whenever it is asked for again; and trailers. */
void lullb_http_keep_body(lua_State *L, int index);
bool lullb_http_push_body(lua_State *L, int index);
void lullb_http_keep_trailers(lua_State *L, int index, const char *base,
                              const struct lullb_http_fields *trailers);

/* ---- httpquery.c */

/* query(text) -> the first value of each name | nil: there are too many fields */
int lullb_l_http_query(lua_State *L);

/* ---- httpread.c */

extern const struct luaL_Reg lullb_http_body_methods[];
/* Read over what has arrived of the body; true: that was all of it. */
bool lullb_http_skip_body(struct lullb_http_conn *conn);
/* Raise kind http with a status. */
int lullb_http_raise(lua_State *L, int status, const char *op, const char *message);

/* ---- httpwatch.c */

/* connection:watch() -> is the client gone? false: the request is answered.   Suspends. */
int lullb_m_http_watch(lua_State *L);
/* The request is answered: nobody needs to know any more. */
void lullb_http_end_watch(struct lullb_http_conn *conn);

/* ---- httpreply.c */

enum lullb_http_content {
    LULLB_HTTP_WHOLE,  /* what is given */
    LULLB_HTTP_PIECES, /* comes later */
    LULLB_HTTP_SWITCH  /* another protocol */
};

struct lullb_http_reply {
    int status;
    int headers; /* index of a table; 0: none */
    enum lullb_http_content content;
    const char *body;
    size_t size;
    const char *type; /* Content-Type, unless the headers have one; NULL: none */
    bool close;       /* out: the connection ends with it */
    bool has_length;  /* out: Content-Length is */
    uint64_t length;
    bool chunked;     /* out */
    bool is_bodiless; /* out: nothing may follow the head */
};

/*
 * Make the head in server->out.  Raises, with nothing sent, where the headers cannot be
 * sent as they are.
 */
void lullb_http_make_head(lua_State *L, struct lullb_http_conn *conn,
                          struct lullb_http_reply *reply);

/* Make the end of a chunked body in server->out, with the trailers of the table at `index`. */
void lullb_http_make_end(lua_State *L, struct lullb_http_conn *conn, int index);

/* Answer what is no request, or came too slowly; the connection is over. */
void lullb_http_answer_bad(struct lullb_http_conn *conn, int status, const char *reason);

const char *lullb_http_reason(int status);

/* Raise `usage`: what is wrong with the value at `index`, and what can be shown of it. */
int lullb_http_raise_value(lua_State *L, int index, const char *what);

/* ---- httpsend.c */

int lullb_m_http_respond(lua_State *L);
int lullb_m_http_begin(lua_State *L);
int lullb_m_http_send(lua_State *L);
int lullb_m_http_finish(lua_State *L);
int lullb_m_http_take(lua_State *L);
/* Raise unless the head of a response is sent, and its body is not. */
void lullb_http_check_sending(lua_State *L, const struct lullb_http_conn *conn);
/* First thing before a wait for the client to take what is sent. */
void lullb_http_before_sent(struct lullb_http_wait *wait);
/*
 * Such a wait is over.  If the client is gone, or has taken nothing meanwhile, that is its
 * affair: the connection is broken.  Else go on, or wait on.
 */
void lullb_http_sent(struct lullb_http_wait *wait);
/* Send these, noting a failure. */
void lullb_http_put(struct lullb_http_conn *conn, const struct iovec *parts, int count);

/* ---- httpsendfile.c */

int lullb_m_http_send_file(lua_State *L);

#endif
