/* SPDX-License-Identifier: MIT */
/*
 * bound.h -- binding a socket, and the file that a Unix socket leaves.
 *
 * A Unix socket's file outlives the process that was killed.  One at which
 * nobody answers is removed when its path is to be bound again; any other file
 * is left alone, and so is the address in use.  At the end the file is removed
 * if it is still the one that bind made.
 */
#ifndef LULLB_BOUND_H
#define LULLB_BOUND_H

#include "common/addr.h"

#include <sys/types.h>

/* The file that bind made. */
struct lullb_bound_file {
    dev_t device;
    ino_t inode; /* 0: there is none */
};

/* Bind a socket of SOCK_STREAM or SOCK_DGRAM.  0, or -1 and errno. */
int lullb_bind(int fd, const struct lullb_addr *addr, int type);

/* Remember which file bind has made, if it has. */
void lullb_bound_note(struct lullb_bound_file *file, const struct lullb_addr *addr);

/* Remove it, if it is still there. */
void lullb_bound_remove(const struct lullb_bound_file *file,
                        const struct lullb_addr *addr);

#endif
