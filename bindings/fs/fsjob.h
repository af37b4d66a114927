/* SPDX-License-Identifier: MIT */
/*
 * fsjob.h -- one call of lull.fs: a job of the pool for files, and who waits for it.
 *
 * A job is one block of malloc that travels to a thread and back, with copies of the
 * paths and bytes it works on.  Its `stage` decides who wins when it is cancelled:
 *
 *   queued     no thread has begun it: a cancelled one never happens
 *   begun      it can still be taken back; the work looks at lullb_fs_given_up() from
 *              time to time, and what it made so far it unmakes
 *   committed  it cannot: who waits is told how it ended, and cancelled after that
 *   given up   nobody waits
 *
 * Permissions are asked on the thread, as the path is opened (lull_policy_open).
 * Threads: functions that take only a job run on whichever has it, all else is the
 * runtime's thread's.
 */
#ifndef LULLB_FSJOB_H
#define LULLB_FSJOB_H

#include "common/bind.h"
#include "common/timedop.h"
#include "fs/httpfilejob.h" /* struct lullb_shared_fd */

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

enum lullb_fs_stage {
    LULLB_FS_QUEUED,
    LULLB_FS_BEGUN,
    LULLB_FS_COMMITTED,
    LULLB_FS_GIVEN_UP
};

enum lullb_fs_flag {
    LULLB_FS_FOLLOW = 1,     /* stat: what a link leads to */
    LULLB_FS_PARENTS = 2,    /* mkdir: the folders above, too */
    LULLB_FS_RECURSIVE = 4,  /* remove: with all that is in it */
    LULLB_FS_MISSING = 8,    /* remove: it need not be there */
    LULLB_FS_ATOMIC = 16,    /* write_file: all or nothing */
    LULLB_FS_APPEND = 32,    /* write_file: at the end */
    LULLB_FS_SYNC = 64,      /* write_file: to the disk */
    LULLB_FS_EXCLUSIVE = 128 /* copy, rename: nothing is replaced */
};

enum lullb_fs_refused {
    LULLB_FS_NOT_REFUSED,
    LULLB_FS_NO_BUFFER, /* more than may be held for scripts */
    LULLB_FS_NO_MEMORY, /* more than the runtime may have */
    LULLB_FS_TOO_LONG   /* more than `max` */
};

struct lullb_fs_wait;

struct lullb_fs_job {
    struct lull_job base;       /* first */
    struct lullb_fs_wait *wait; /* the runtime's thread only */
    void (*work)(struct lullb_fs_job *job);
    struct lull_policy *policy; /* of who asked; counted */
    atomic_int stage;
    int error;                      /* errno value; 0: done well */
    int denied;                     /* enum lull_permission that was missing; -1: none */
    const char *path;               /* in `text`, or "" */
    const char *other;              /* the second path, or what a link says; NULL: none */
    const char *about;              /* the path that the error is about */
    unsigned flags;                 /* enum lullb_fs_flag */
    unsigned mode;                  /* of what is made; UINT_MAX: not said */
    int fd;                         /* what was opened; -1: nothing */
    struct lullb_shared_fd *source; /* held while it is worked on; NULL: none */
    bool more;                      /* `bytes` is full, and the file may go on */
    off_t offset;
    size_t size;     /* of what is in `bytes` */
    size_t capacity; /* of `bytes` */
    size_t wanted;   /* capacity that would do, with `more` */
    size_t count;    /* names, in a list */
    char *bytes;     /* of malloc */
    struct stat status;
    char text[]; /* the paths */
};

/* Who waits: on the stack of the task.  Its collector's hook gives the job up. */
struct lullb_fs_wait {
    struct lull_timed_op timed;    /* first */
    struct lullb_fs_job *job;      /* NULL: none, or done with */
    bool in_flight;                /* the job has not come back */
    size_t charged;                /* bytes that count as held for scripts */
    size_t max;                    /* bytes that `bytes` may have */
    enum lullb_fs_refused refused; /* why there is no result though the job went well */
    void *file;                    /* whose turn it waits for; NULL: nobody's */
    int (*push)(lua_State *L, struct lullb_fs_wait *wait); /* the results; NULL: none */
    void (*done)(struct lullb_fs_wait *wait); /* the job is back; NULL: that is the end */
};

/* ---- on a pool thread ----------------------------------------------------------- */

static inline bool lullb_fs_given_up(struct lullb_fs_job *job)
{
    return atomic_load(&job->stage) == LULLB_FS_GIVEN_UP;
}

/* From here it cannot be taken back.  False: it has been, and nothing may happen. */
bool lullb_fs_commit(struct lullb_fs_job *job);

/* Is it a folder's only, as in "x/"? */
static inline bool lullb_fs_says_folder(const char *path)
{
    size_t length = strlen(path);
    return length > 0 && path[length - 1] == '/';
}

/* lull_policy_open() for the job: a descriptor, or an errno value negated. */
int lullb_fs_open(struct lullb_fs_job *job, const char *path, int flags, unsigned mode);

/*
 * lull_policy_open_parent() for the job, with the name copied without slashes: "x/" is
 * ENOTDIR where x is there and no folder; where nothing is, that is for the caller to see
 * (lullb_fs_says_folder).  A descriptor, or an errno value negated.
 */
int lullb_fs_open_parent(struct lullb_fs_job *job, const char *path,
                         enum lull_permission permission, char name[256]);

/* Make room in `bytes` for `size` more; false, and ENOMEM: there is none. */
bool lullb_fs_reserve(struct lullb_fs_job *job, size_t size);

/* ---- on the runtime's thread ---------------------------------------------------- */

/* A path at `index`: a string without a NUL. */
const char *lullb_fs_check_path(lua_State *L, int index);

/*
 * Push what waits for a job on these paths (`other` may be NULL), which are copied.
 * Raises `memory`.  The job's `work` and the wait's `push` are the caller's to set.
 */
struct lullb_fs_wait *lullb_fs_push_wait(lua_State *L, const char *path,
                                         const char *other);

/* Put a new job into one that has none, likewise.  Raises `memory`. */
void lullb_fs_make_job(lua_State *L, struct lullb_fs_wait *wait, const char *path,
                       const char *other);

/* Have it done, and suspend until then.  Use as `return lullb_fs_await(...)`. */
int lullb_fs_await(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                   const struct lull_op_type *type);

/* Give the job to a thread, once more if need be.  0, or an errno value. */
int lullb_fs_submit(struct lullb_fs_wait *wait);

/* Give the job up, wherever it is, and what is counted for it. */
void lullb_fs_let_go(struct lullb_fs_wait *wait);

/* Count that much more as held for scripts; false: it may not be. */
bool lullb_fs_charge(struct lullb_fs_wait *wait, size_t size);

/* Raise what went wrong: `io` with path, op and code; `permission`; `limit`, `memory`. */
int lullb_fs_raise(lua_State *L, struct lullb_fs_wait *wait);

/* For the op types: see struct lull_op_type. */
enum lull_cancel lullb_fs_cancel(struct lull_op *op);
void lullb_fs_abandon(struct lull_op *op);
int lullb_fs_push(lua_State *L, struct lull_op *op);

#endif
