/* SPDX-License-Identifier: MIT */
/*
 * fswork.h -- what the jobs of lull.fs do, on whatever thread.
 *
 * Each sets job->error to an errno value, and job->about to the path it is about.  What
 * changes something commits before it does, or can be taken back until it does.
 */
#ifndef LULLB_FSWORK_H
#define LULLB_FSWORK_H

#include "fs/fsjob.h"

#define LULLB_FS_FIRST_READ ((size_t)64 * 1024)

/* ---- fspath.c -------------------------------------------------------------------- */

/* `status` of the path; with FOLLOW of what a link leads to. */
void lullb_fs_work_stat(struct lullb_fs_job *job);

/* The names in a folder, sorted by their bytes, each ended by a zero; `count` of them. */
void lullb_fs_work_list(struct lullb_fs_job *job);

/* Make a folder; with PARENTS those above, and it may be there. */
void lullb_fs_work_mkdir(struct lullb_fs_job *job);

/* Make a folder below `path`, of a name that was free: `other` room for its name. */
void lullb_fs_work_temp_dir(struct lullb_fs_job *job);

/* From `path` to `other`. */
void lullb_fs_work_rename(struct lullb_fs_job *job);

/* Make a link at `path` that says `other`; and what a link says, in `bytes`. */
void lullb_fs_work_symlink(struct lullb_fs_job *job);
void lullb_fs_work_readlink(struct lullb_fs_job *job);

/* `mode`, of what a link leads to. */
void lullb_fs_work_chmod(struct lullb_fs_job *job);

/* ---- fsremove.c ------------------------------------------------------------------- */

void lullb_fs_work_remove(struct lullb_fs_job *job);

/* ---- fscontent.c ------------------------------------------------------------------- */

/* Fill `bytes`; more than once, with `more`.  Pipes and sockets are refused (EOPNOTSUPP). */
void lullb_fs_work_read(struct lullb_fs_job *job);

/* Write `size` bytes. */
void lullb_fs_work_write(struct lullb_fs_job *job);

/* The bytes of `path` to `other`, which is replaced when all are there. */
void lullb_fs_work_copy(struct lullb_fs_job *job);

/* Why a file of this kind is not worked on: an errno value; 0: it is. */
int lullb_fs_refusal(const struct stat *status);

/* Write all of it; an errno value.  Stops with ECANCELED when the job is given up. */
int lullb_fs_write_all(struct lullb_fs_job *job, int fd, const char *bytes, size_t size);

/* Push what stat tells, as a table. */
void lullb_fs_push_stat(lua_State *L, const struct stat *status);

/* Fill `name` with ".lull-" and 16 random letters. */
void lullb_fs_random_name(char name[32]);

#endif
