/* SPDX-License-Identifier: MIT */
/*
 * curltransfer.h -- one request and its response.
 *
 * A transfer runs from begin until curl has ended it, we have failed it, or it
 * is closed; then it leaves the multi handle at once, and what came of the
 * body can still be read.  It may have to wait for a place first (curlline.h):
 * curl, and every deadline but the total one, begins when it has that.  Three ops wait on it: for the response ("http.request":
 * for its head when the body is streamed, else for its end), for a piece of a
 * streamed body, and for room in a streamed upload.
 *
 *   1. Curl's callbacks copy bytes and note facts.  Errors are raised later, by
 *      the op that meets them.
 *   2. Buffers are bounded: a streamed body pauses above LULLB_CURL_HIGH bytes
 *      until it is read, an upload waits above it until it is sent, a whole
 *      body and the head have limits.
 *   3. Cancelling the request closes the transfer.  Cancelling a read or a send
 *      takes nothing.
 *
 * Ownership: a transfer is a userdata with three user values: the table that
 * describes the request (it lends its strings, so nobody changes them before the
 * end), the client, and the host, if those have a limit.
 */
#ifndef LULLB_CURLTRANSFER_H
#define LULLB_CURLTRANSFER_H

#include "common/buffer.h"
#include "common/timedop.h"
#include "curl/curlclient.h"

#define LULLB_CURL_HIGH (256u * 1024u)
#define LULLB_CURL_LOW  (64u * 1024u)
#define LULLB_CURL_WEIGHT \
    (40u * 1024u)                    /* bytes that curl is taken to hold for a transfer */
#define LULLB_CURL_CONNECT_MS 30000L /* for connecting, where no time is given */
#define LULLB_CURL_MAX_HEAD   (256u * 1024u) /* bytes of a response's head */
#define LULLB_CURL_MAX_FIELDS 500u           /* fields in it */
#define LULLB_CURL_MAX_HEADS  64u /* heads of one exchange: interim, and of proxies */

/* User values of a transfer. */
#define LULLB_CURL_SPEC   1
#define LULLB_CURL_CLIENT 2
#define LULLB_CURL_HOST   3
#define LULLB_CURL_TEXTS  4 /* strings that `wishes` points into */

enum lullb_curl_phase {
    LULLB_CURL_NEW,
    LULLB_CURL_RUNNING,
    LULLB_CURL_OVER,  /* the response is complete */
    LULLB_CURL_FAILED /* with `kind` */
};

/* What was asked for; strings are those of LULLB_CURL_TEXTS, NULL: nothing was said. */
struct lullb_curl_wishes {
    const char *url;
    const char *method;
    const char *body;
    size_t body_size;
    const char *http_version;
    const char *user, *password;
    const char *proxy;
    const char *ca_file, *crl_file, *cert, *key;
    const char *cookies;
    const char *unix_socket;
    double connect;    /* seconds */
    curl_off_t upload; /* size of a streamed upload; -1: not known; -2: there is none */
    bool special;      /* there is more than a URL, times and limits */
    bool digest, verify, raw;
};

/* What a task waits with; the transfer's own, or a userdata on the task's stack. */
struct lullb_curl_wait {
    struct lull_timed_op timed; /* first */
    struct lullb_curl_transfer *transfer;
    size_t max;   /* of a read */
    bool refused; /* of an upload: its bytes wait for room */
};

struct lullb_curl_transfer {
    struct lullb_object object; /* first; open while it has anything to release */
    struct lullb_curl_client *client;
    struct lullb_curl_transfer *prev; /* those of the client that run */
    struct lullb_curl_transfer *next;
    struct lullb_curl_host *host; /* NULL: hosts have no limit */
    struct lullb_curl_line *line; /* where it waits for a place; NULL: nowhere */
    struct lullb_curl_transfer *ahead;
    struct lullb_curl_transfer *behind;
    struct lullb_curl_wishes wishes;
    CURL *easy;                 /* NULL: curl does not have it */
    struct curl_slist *headers; /* NULL: those of the client */
    struct curl_slist *proxy_headers;
    struct curl_slist *resolved;
    struct lullb_curl_wait request;
    struct lullb_curl_wait own_reader;
    struct lullb_curl_wait *waiter; /* who waits for the response: `request`, or nobody */
    struct lullb_curl_wait *reader; /* who waits for the body */
    struct lullb_curl_wait *sender; /* who waits for room */
    struct lullb_buffer head;       /* as it came; of the last response */
    struct lullb_buffer body;
    struct lullb_buffer upload;
    size_t heads;  /* so far, interim ones too */
    size_t fields; /* lines in the head */
    size_t trailer_bytes;
    int64_t length;    /* as the head says; -1: it does not */
    size_t body_bytes; /* of the body, decompressed, ever */
    size_t max_body;
    size_t high;     /* a streamed body pauses at so many bytes */
    uint8_t phase;   /* enum lullb_curl_phase */
    bool exposed;    /* scripts have it: it is not used twice */
    bool placed;     /* it has a place... */
    bool hosted;     /* ...and one of its host's */
    bool changed;    /* the easy handle has options that most requests do not need */
    bool streamed;   /* the body is read piece by piece */
    bool follows;    /* redirections are followed: their bodies are of no use */
    bool may_repeat; /* curl may answer a refusal itself, by authenticating */
    bool head_over;  /* the head is that of the response */
    bool in_head;    /* lines of a head are coming */
    bool has_location;
    bool discards; /* it is a redirection, and its body goes nowhere */
    bool expected; /* virtual time waits for it */
    bool receive_paused;
    bool resuming; /* curl hands over what it kept while it was paused */
    bool send_paused;
    bool send_ended; /* the upload is complete */
    bool connected;  /* as of curl's last connection for it */
    bool is_plain;   /* HTTP/1 without TLS: nobody else's bytes are on its connection */
    bool weighed;    /* LULLB_CURL_WEIGHT is counted */
    bool overdue;    /* it took longer than it may in all... */
    bool waited;     /* ...and had no place in the end */
    /* Deadlines; 0: none.  In ns. */
    struct lull_timer timer;
    uint64_t armed_at;   /* what the timer is for */
    uint64_t total_at;   /* of the clock */
    uint64_t first_byte; /* for the head, since something last moved */
    uint64_t idle;       /* for the rest */
    uint64_t moved_at;
    /* How it ended. */
    uint8_t kind; /* enum lull_kind */
    long status;
    long version;        /* CURL_HTTP_VERSION_* */
    long connect_status; /* of a proxy that refused */
    long os_error;       /* of connecting, sending or receiving; 0: none */
    long verify_result;
    CURLcode result;
    const char *why;             /* what was wrong, as text; NULL: as in... */
    char error[CURL_ERROR_SIZE]; /* ...this, which curl may write */
};

/* ---- loop side: no Lua (curltransfer.c) ---- */

/* Set the callbacks; lullb_curl_run() says whose they are. */
void lullb_curl_set_callbacks(CURL *easy);

/* It knows what is wished for: run, perhaps after waiting for a place. */
void lullb_curl_run(struct lullb_curl_transfer *transfer);

/* Hand it to curl: its turn has come.  It may fail at once. */
void lullb_curl_start(struct lullb_curl_transfer *transfer);

/* Count what curl will need for it; false when that is more than may be held. */
bool lullb_curl_weigh(struct lullb_curl_transfer *transfer);

/* Free the lists that curl borrows, and count it no longer. */
void lullb_curl_free_lists(struct lullb_curl_transfer *transfer);

/* Curl has ended it. */
void lullb_curl_ended(struct lullb_curl_transfer *transfer, CURLcode result);

/* End it with an error; `error` may have been filled.  A no-op unless it runs. */
void lullb_curl_fail(struct lullb_curl_transfer *transfer, enum lull_kind kind);

/* Give back what it has buffered. */
void lullb_curl_free_buffers(struct lullb_curl_transfer *transfer);

/* Tell curl which directions are paused now. */
void lullb_curl_set_paused(struct lullb_curl_transfer *transfer);

/* Somebody waits for the body from now on. */
void lullb_curl_expect_body(struct lullb_curl_transfer *transfer);

/* Set the options of its easy handle as it was wished (curlsetup.c). */
CURLcode lullb_curl_set_up(struct lullb_curl_transfer *transfer);

/* Curl may let it share a connection with others. */
bool lullb_curl_may_share(const struct lullb_curl_wishes *wishes);

/* ---- Lua side ---- */

/*
 * Read what is wished for from the table at `spec`, for the transfer, which is on
 * top.  Raises for a wrong table;
 * false when memory is refused (curlsetup.c).
 */
bool lullb_curl_read_wishes(lua_State *L, struct lullb_curl_transfer *transfer, int spec);

/* ---- curlpermit.c ---- */

/* Raise unless the running task may do what was asked for. */
void lullb_curl_check_permitted(lua_State *L, const struct lullb_curl_wishes *wishes);

/*
 * Add to a list, in curl's form, what the array at `index` (nil: none) has found:
 * {port, look-up} each.  False when memory is refused; may raise.
 */
bool lullb_curl_add_resolved(lua_State *L, int index, struct curl_slist **list);

/* Read what limits requests from the table at `index`.  May raise. */
void lullb_curl_read_bounds(lua_State *L, int index, struct lullb_curl_bounds *bounds);

/*
 * Raise what ended the transfer, which is at `index`: `op` meets it (curlerror.c).
 */
int lullb_curl_raise(lua_State *L, struct lullb_curl_transfer *transfer, int index,
                     const char *op);

/*
 * Say what kind of error the transfer's result is, unless it was we who ended it.  Its
 * easy handle is still there.  No Lua.
 */
void lullb_curl_judge(struct lullb_curl_transfer *transfer);

#endif
