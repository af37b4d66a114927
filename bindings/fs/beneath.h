/* SPDX-License-Identifier: MIT */
/*
 * beneath.h -- opening what lies below a folder, and never anything else.
 *
 * Symbolic links are followed as long as they stay below the folder; where the
 * system cannot check that (before Linux 5.6, elsewhere) none is followed.
 * Plain C: callable on any thread.
 */
#ifndef LULLB_BENEATH_H
#define LULLB_BENEATH_H

#include <stdbool.h>

/*
 * Open `path`, relative, below the open `folder`; "." is the folder itself.
 * Returns a descriptor, or an errno value negated.  With `now` only what needs
 * no disk: -EAGAIN says that this cannot be told here.
 */
int lullb_open_beneath(int folder, const char *path, int flags, bool now);

/* What it does without the system's help: no component may be a link. */
int lullb_open_walking(int folder, const char *path, int flags);

#endif
