/* SPDX-License-Identifier: MIT */
/*
 * fsfile.h -- an open file, which reads like every stream.
 *
 * Every call that needs the file is a job, but for reads of what the system has in
 * memory anyway; what was read and not asked for stays in a buffer, which is given up
 * when something is written.
 *
 *   1. One task reads at a time, and nobody writes meanwhile: `busy`.
 *   2. Who writes, syncs, cuts off or asks for the size waits for its turn.
 *   3. Regular files that are only written have a queue: who writes goes on when its bytes
 *      are in it (fswrite.c).  Elsewhere a write has returned when the system has it.
 *   4. A job holds the descriptor by a count of its own: closing a file under it never
 *      lets it work on another one.
 *
 * Thread: the runtime's.
 */
#ifndef LULLB_FSFILE_H
#define LULLB_FSFILE_H

#include "common/buffer.h"
#include "common/request.h"
#include "fs/fswork.h"

struct lullb_fs_behind;

struct lullb_fs_file {
    struct lullb_object object;     /* first */
    struct lullb_shared_fd *shared; /* NULL: closed */
    struct lull_runtime *rt;
    bool can_seek;                  /* else its bytes come and go in order */
    bool appends;                   /* writes go to the end */
    bool ended;                     /* the last read found the end */
    bool is_slow;                   /* only jobs can tell whether a read would wait */
    off_t position;                 /* behind what is in the buffer */
    struct lullb_buffer buffer;     /* read, and not asked for yet */
    struct lullb_request request;   /* what is being asked for */
    size_t taken;                   /* bytes of the buffer in results already */
    size_t cached;                  /* bytes that this read has brought without a job */
    int formats;                    /* how many are left of this read */
    int results;                    /* how many it has */
    struct lullb_fs_wait *reader;   /* NULL: nobody waits for bytes */
    struct lullb_fs_wait *current;  /* whose turn it is; NULL: nobody's */
    struct lull_line line;          /* whose turn comes after that */
    struct lullb_fs_wait own;       /* what most reads, and writes, wait with */
    struct lullb_fs_behind *behind; /* what is written later; NULL: nothing is */
    struct lullb_fs_wait closer;    /* who waits in close() */
    int failed;                     /* errno value, for the closer; 0: none */
    size_t max_line;                /* bytes of a line, or of read_until */
    size_t max_all;                 /* bytes that read("a") may return */
    char path[];                    /* for errors */
};

/* The file at `index`, open or not; and one that is open, or `closed`. */
struct lullb_fs_file *lullb_check_fs_file(lua_State *L, int index);
void lullb_check_fs_open(lua_State *L, const struct lullb_fs_file *file, const char *op);

/* Raise `io` with the path and this errno value. */
int lullb_fs_raise_file(lua_State *L, const struct lullb_fs_file *file, const char *op,
                        int error);

/* fsread.c: the reading methods; see read.h for what they are. */
int lullb_m_fs_read(lua_State *L);
int lullb_m_fs_lines(lua_State *L);
int lullb_m_fs_read_some(lua_State *L);
int lullb_m_fs_read_exact(lua_State *L);
int lullb_m_fs_read_until(lua_State *L);

/* ---- fsturn.c: one after the other ---- */

/* Works: `bytes` to `offset`, -1: at the end, or wherever a device is; the size. */
void lullb_fs_work_put(struct lullb_fs_job *job);
void lullb_fs_work_truncate(struct lullb_fs_job *job);

/* A checkpoint, and what waits for a job on the file at 1, whose work is to be set. */
struct lullb_fs_wait *lullb_fs_line_up(lua_State *L, const struct lull_op_type *type,
                                       struct lull_task **task);

/* Have the job done when it is its turn; NULL as work: only wait for that. */
int lullb_fs_take_turn(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                       const struct lull_op_type *type);

/* For the op types of those who take turns. */
enum lull_cancel lullb_fs_turn_cancel(struct lull_op *op);
int lullb_fs_turn_push(lua_State *L, struct lull_op *op);
void lullb_fs_turn_abandon(struct lull_op *op);

/* Whoever had its turn is done: the next. */
void lullb_fs_next_turn(struct lullb_fs_file *file);

/* Everybody who waits gets `closed`. */
void lullb_fs_end_turns(struct lullb_fs_file *file);

/* The result of methods that return the file. */
int lullb_fs_push_file(lua_State *L, struct lullb_fs_wait *wait);

/* ---- fswrite.c: what is written later ---- */

/* Give the file a queue; false without memory. */
bool lullb_fs_open_behind(struct lullb_fs_file *file, size_t high_water);

/* The file is closed: what is in its queue is still written. */
void lullb_fs_leave_behind(struct lullb_fs_file *file);

/* Have a thread write what is in the queue, unless somebody has a turn. */
void lullb_fs_send_behind(struct lullb_fs_file *file);

/* Is it the queue's turn that this stands for? */
bool lullb_fs_is_behind(const struct lullb_fs_file *file,
                        const struct lullb_fs_wait *wait);

/* May so many bytes be put into the queue now? */
bool lullb_fs_has_room(const struct lullb_fs_file *file, size_t size);

/* Put the bytes of a write into the queue, where there is room.  0 or ENOMEM. */
int lullb_fs_take_over(struct lullb_fs_file *file, struct lullb_fs_wait *wait);

/* What went wrong and nobody was told: an errno value; and: now somebody is. */
int lullb_fs_behind_error(const struct lullb_fs_behind *behind);
void lullb_fs_behind_told(struct lullb_fs_behind *behind, int error);

/* write(...) -> file; flush() -> file: the system has it; close(): idempotent. */
int lullb_m_fs_write(lua_State *L);
int lullb_m_fs_flush(lua_State *L);
int lullb_m_fs_close(lua_State *L);

/* open(path, mode, max_line, max_all, high_water) -> file.  Suspends. */
int lullb_l_fs_open(lua_State *L);

/* folder(path, flags) -> an open folder; with FOLLOW a link is followed.  Suspends. */
int lullb_l_fs_folder(lua_State *L);

/* fswatch.c: watcher() -> one without watches.  Raises `io`. */
int lullb_l_fs_watcher(lua_State *L);

#endif
