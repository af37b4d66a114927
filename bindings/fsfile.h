/* SPDX-License-Identifier: MIT */
/*
 * fsfile.h -- an open file, which reads like every stream.
 *
 * Every call that needs the file is a job, but for reads of what the system has in
 * memory anyway; what was read and not asked for stays in a buffer, which is given up
 * when something is written.  Nothing that is written is held
 * back: a write has returned when the system has it.
 *
 *   1. One task reads at a time, and nobody writes meanwhile: `busy`.
 *   2. Who writes, syncs, cuts off or asks for the size waits for its turn.
 *   3. A job holds the descriptor by a count of its own: closing a file under it never
 *      lets it work on another one.
 *
 * Thread: the runtime's.
 */
#ifndef LULLB_FSFILE_H
#define LULLB_FSFILE_H

#include "buffer.h"
#include "fswork.h"
#include "request.h"

struct lullb_fs_file {
    struct lullb_object object;     /* first */
    struct lullb_shared_fd *shared; /* NULL: closed */
    struct lull_runtime *rt;
    bool can_seek;                 /* else its bytes come and go in order */
    bool appends;                  /* writes go to the end */
    bool ended;                    /* the last read found the end */
    bool is_slow;                  /* only jobs can tell whether a read would wait */
    off_t position;                /* behind what is in the buffer */
    struct lullb_buffer buffer;    /* read, and not asked for yet */
    struct lullb_request request;  /* what is being asked for */
    size_t taken;                  /* bytes of the buffer in results already */
    size_t cached;                 /* bytes that this read has brought without a job */
    int formats;                   /* how many are left of this read */
    int results;                   /* how many it has */
    struct lullb_fs_wait *reader;  /* NULL: nobody waits for bytes */
    struct lullb_fs_wait *current; /* whose turn it is; NULL: nobody's */
    struct lull_line line;         /* whose turn comes after that */
    struct lullb_fs_wait own;      /* what most reads wait with */
    size_t max_line;               /* bytes of a line, or of read_until */
    size_t max_all;                /* bytes that read("a") may return */
    char path[];                   /* for errors */
};

/* The file at `index`, open or not; and one that is open, or `closed`. */
struct lullb_fs_file *lullb_check_fs_file(lua_State *L, int index);
void lullb_check_fs_open(lua_State *L, const struct lullb_fs_file *file, const char *op);

/* fsread.c: the reading methods; see read.h for what they are. */
int lullb_m_fs_read(lua_State *L);
int lullb_m_fs_lines(lua_State *L);
int lullb_m_fs_read_some(lua_State *L);
int lullb_m_fs_read_exact(lua_State *L);
int lullb_m_fs_read_until(lua_State *L);

/* open(path, mode, max_line, max_all) -> file.  Suspends. */
int lullb_l_fs_open(lua_State *L);

/* folder(path, flags) -> an open folder; with FOLLOW a link is followed.  Suspends. */
int lullb_l_fs_folder(lua_State *L);

/* fswatch.c: watcher() -> one without watches.  Raises `io`. */
int lullb_l_fs_watcher(lua_State *L);

#endif
