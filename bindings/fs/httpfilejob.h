/* SPDX-License-Identifier: MIT */
/*
 * httpfilejob.h -- opening, reading and listing as jobs.
 *
 * A job holds the descriptor it works on by a count of its own: closing a file
 * under it never lets it read another one that got the same number.
 */
#ifndef LULLB_HTTPFILEJOB_H
#define LULLB_HTTPFILEJOB_H

#include "lull_ext.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* A descriptor, and how many objects and jobs hold it. */
struct lullb_shared_fd {
    atomic_uint holders;
    int fd;
};

struct lullb_file_job {
    struct lull_job base;   /* first */
    struct file_wait *wait; /*  the runtime's thread only */
    struct lullb_shared_fd *source;
    void (*work)(struct lullb_file_job *job, bool now);
    int error;          /* errno; EAGAIN: not without the disk */
    int fd;             /* what was opened, -1: nothing */
    struct stat status; /* of that */
    off_t offset;
    size_t size;  /* bytes to read, then bytes there are */
    char *names;  /* of a folder: type and name, each ended by a zero */
    char bytes[]; /* the path, or what was read */
};

/* A descriptor with one holder; NULL without memory: it stays the caller's. */
struct lullb_shared_fd *lullb_share_fd(int fd);

/* One holder less; the last one closes. */
void lullb_release_fd(struct lullb_shared_fd *shared);

/* A job with room for `size` bytes, which holds the descriptor; NULL without memory. */
struct lullb_file_job *lullb_new_file_job(struct lullb_shared_fd *source, size_t size);

/* Free it with all it holds. */
void lullb_free_file_job(struct lullb_file_job *job);

/*
 * The works.  With `now` only what needs no disk: `error` is EAGAIN otherwise.
 * Opening fails with EISDIR for a folder and ENXIO for what is no regular file.
 */
void lullb_job_open(struct lullb_file_job *job, bool now);
void lullb_job_read(struct lullb_file_job *job, bool now);
void lullb_job_list(struct lullb_file_job *job, bool now);

#endif
