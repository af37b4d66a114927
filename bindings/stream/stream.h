/* SPDX-License-Identifier: MIT */
/*
 * stream.h -- a connected descriptor with a buffer on either side.
 *
 * Streams are what sockets, pipes and standard input look like to a script.
 * read.c has the reading side, write.c and sendqueue.c the writing side, filter.c
 * what may stand between, protocol.c what natives above see; here is what they
 * share: the object, its options, opening and closing.
 *
 *   1. The descriptor never blocks (fdio.h).  Each side tries first and waits
 *      only when there is nothing to do.
 *   2. One event per side.  The reading one stays registered once it was
 *      needed, and is removed when it fires and nobody reads: a stream that is
 *      read in a loop costs no system call for waiting.
 *   3. One reader at a time.  Writers take turns: each holds the pen from when
 *      its bytes go out or into the queue until the queue is short again, so
 *      writes are never interleaved.
 *   4. Closing is idempotent, fails who waits with `closed`, and never waits:
 *      what was written and not yet sent goes on in the background (linger.h).
 *
 * Ownership: a stream is a userdata; who waits on it has it on its Lua stack.
 * Thread: the runtime's.
 */
#ifndef LULLB_STREAM_H
#define LULLB_STREAM_H

#include "common/addr.h"
#include "common/bind.h"
#include "common/buffer.h"
#include "common/fdio.h"
#include "common/request.h"
#include "common/timedop.h"
#include "lull_stream.h"

#include <event2/event.h>
#include <event2/event_struct.h>

/* More than 64 KiB, so that a read of a message of that size is seen to be all there is. */
#define LULLB_CHUNK (128u * 1024u)

/* What the streams of one runtime share; a userdata in the registry. */
struct lullb_shared {
    struct lull_runtime *rt;
    struct lullb_fd_waits *waits; /* who waits for descriptors (fdready.h) */
    char chunk[LULLB_CHUNK];      /* where every read goes first; nothing stays in it */
};

struct lullb_stream_options {
    double timeout;    /* seconds one wait may take; infinity: no limit */
    size_t max_line;   /* bytes of a line, or of read_until without a limit */
    size_t max_all;    /* bytes that read("a") may return */
    size_t high_water; /* a write that leaves more unsent waits... */
    size_t low_water;  /* ...until there is no more than this */
};

/* In these three, what every read and write touches comes first. */
struct lullb_reader {
    struct lull_stream_wait *reader; /* who waits; NULL: nobody */
    struct lullb_buffer buffer;      /* what came and was not yet asked for */
    size_t taken;    /* bytes of the buffer that are in results of this call already */
    size_t unwaited; /* bytes read since it last waited */
    int formats;     /* how many are left of a read with several */
    int results;     /* how many it has */
    int error;       /* errno of a failed read; then nothing more comes */
    int refused;     /* ENOBUFS or EDQUOT of the last one: nothing was read, or lost */
    uint8_t refires; /* of the event, since it woke somebody */
    uint8_t small_reads; /* how many in a row brought little, up to a bound */
    bool watched;        /* the event is registered */
    bool drained;        /* the last read emptied it: wait before the next */
    bool fd_drained;     /* below the filters: the same of the descriptor */
    bool ended;
    struct lullb_request request; /* what is being asked for */
    struct lull_stream_wait own;
    struct event event;
};

struct lullb_writer {
    struct lull_stream_wait *holder; /* of the pen; NULL: nobody */
    struct lullb_buffer queue;       /* accepted and not yet sent */
    struct lull_line line;           /* who waits for the pen */
    uint64_t sent;                   /* bytes, ever */
    int error;                       /* errno of a failed write; then nothing more goes */
    bool watched;                    /* the event is registered */
    bool shut;                       /* shut down */
    size_t wake_at;                  /* the holder goes on when the queue is this short */
    struct lull_line flushers;       /* by their targets */
    struct lull_stream_wait *poller; /* waits to write to the descriptor itself */
    struct lull_stream_wait own;
    struct event event;
};

struct lull_stream {
    struct lullb_object object;
    struct lullb_shared *shared;
    int fd;             /* -1: never opened, or closed */
    uint8_t kind;       /* enum lullb_fd_kind */
    bool owned;         /* the descriptor is closed with the stream */
    sa_family_t family; /* AF_UNSPEC: no socket */
    struct lullb_stream_options options;
    struct lull_filter *filter; /* the one on top; NULL: none */
    struct lull_filter *failed; /* the one that knows what EPROTO means */
    struct lullb_reader in;
    struct lullb_writer out;
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } peer; /* so that it is known after the end */
};

/* The defaults, or what the table at `index` says; nil and none are the defaults. */
void lullb_check_stream_options(lua_State *L, int index,
                                struct lullb_stream_options *options);

/* Change those options that the table at `index` names. */
void lullb_change_stream_options(lua_State *L, int index,
                                 struct lullb_stream_options *options);

/* Is there a stream at `index`, open or not?  Raises nothing. */
bool lullb_is_stream(lua_State *L, int index);

/* Push a new stream, not open yet.  May raise. */
struct lull_stream *lullb_push_stream(lua_State *L, struct lull_runtime *rt,
                                      const struct lullb_stream_options *options);

/* Open it on a descriptor, which it takes.  Raises nothing. */
void lullb_stream_open(struct lull_stream *stream, int fd, enum lullb_fd_kind kind);

/* Remember who is at the other end, and do not delay small writes. */
void lullb_stream_connected(struct lull_stream *stream, const struct lullb_addr *peer);

/*
 * What the running task may wait with: `own` of the stream, or if need be a new
 * userdata that is put at `index`.  May raise (memory).
 */
struct lull_stream_wait *lullb_pick_wait(lua_State *L, struct lull_stream *stream,
                                         struct lull_stream_wait *own, int index);

/* A new one in any case. */
struct lull_stream_wait *lullb_new_wait(lua_State *L, struct lull_stream *stream,
                                        int index);

static inline bool lullb_stream_is_open(const struct lull_stream *stream)
{
    return lull_handle_is_open(&stream->object.handle);
}

/*
 * How much may be read into the chunk: no more than can be kept if it is not what
 * was asked for.  All that a read of some bytes brings is a result, unless `keeps`.
 */
size_t lullb_stream_room(struct lull_stream *stream, const struct lullb_request *request,
                         bool keeps);

/* Read what comes from the filters, or without any from the descriptor: as read(2). */
ssize_t lullb_stream_receive(struct lull_stream *stream, char *bytes, size_t room);

/* Have the filters say farewell, and take them out: the stream is being closed. */
void lullb_finish_filters(struct lull_stream *stream);
void lullb_release_filters(struct lull_stream *stream);

/* The pen is free: for the next in line, or for whoever comes. */
void lullb_pass_pen(struct lullb_writer *out);

/* May so many bytes be written, even if the descriptor takes none of them now? */
bool lullb_stream_may_queue(struct lull_stream *stream, size_t size);

/* What is queued is to be sent when the descriptor takes it.  0, or ENOBUFS and broken. */
int lullb_watch_queue(struct lull_stream *stream);

/* The connection is gone: so is what is queued, and everybody is to know. */
void lullb_break_off(struct lull_stream *stream, int errnum);

/* Push the metatable of streams (streamclass.c). */
void lullb_push_stream_class(lua_State *L, struct lull_runtime *rt);

/* Callbacks of the events: read.c and write.c. */
void lullb_on_readable(evutil_socket_t fd, short what, void *stream);
void lullb_on_writable(evutil_socket_t fd, short what, void *stream);

#endif
