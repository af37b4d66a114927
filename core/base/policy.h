/* SPDX-License-Identifier: MIT */
/*
 * policy.h -- what somebody may: rules, read once, then only asked.
 *
 * The grammar of the rules is in lull.h.  A policy cannot change after it was made,
 * and is counted atomically, so that any thread may ask one that it holds.  One with
 * a parent allows what both allow: how a plugin never gets more than its runtime.
 *
 * A path is compared without its "." and "..", made absolute.  A root that a rule
 * names is kept twice: as it was written, and real (without links).  The first
 * decides whether a path is worth looking at, the second what is opened in the end
 * (within.c).
 *
 * Memory is of malloc, for it may outlive the runtime.  Plain C: raises nothing.
 */
#ifndef LULL_POLICY_H
#define LULL_POLICY_H

#include "lull_ext.h"

#include <limits.h>
#include <stdbool.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* Why rules could not be read. */
struct lull_bad_rule {
    const char *rule; /* of those given; NULL: there was no memory */
    const char *why;
};

/*
 * Make a policy of `rules`, ended by NULL; NULL: none.  `parent` may be NULL; it is
 * counted.  Returns it owned, or NULL with *bad filled in.
 */
struct lull_policy *lull__policy_new(const char *const *rules, struct lull_policy *parent,
                                     struct lull_bad_rule *bad);

/* Is everything allowed? */
bool lull__policy_is_all(const struct lull_policy *policy);

/*
 * Is this allowed?  `what` as for lull_check_permission().  Paths as they are written:
 * what is opened is decided by lull_policy_open().
 */
bool lull__policy_allows(const struct lull_policy *policy,
                         enum lull_permission permission, const char *what);

/* The same for an address in two parts; port < 0: any rule for the host will do. */
bool lull__policy_allows_address(const struct lull_policy *policy,
                                 enum lull_permission permission, const char *host,
                                 int port);

/* May scripts require this module of lull's own? */
bool lull__policy_allows_module(const struct lull_policy *policy, const char *name);

/*
 * The same for a path that is absolute and normal already.  With `real`, only
 * roots without links count.
 */
bool lull__policy_covers(const struct lull_policy *policy,
                         enum lull_permission permission, const char *path, bool real);

/* Does it allow this for a path, which is real, or for anything below it? */
bool lull__policy_reaches(const struct lull_policy *policy,
                          enum lull_permission permission, const char *path);

/*
 * Make a path absolute and normal: no ".", "..", double or last slashes.  0, or an
 * errno value negated.
 */
int lull__path_normalise(const char *path, char normal[PATH_MAX]);

/* The word of a rule: "read". */
const char *lull__permission_name(enum lull_permission permission);

/* What was missing. */
struct lull_denial {
    int permission;      /* -1: nothing */
    char path[PATH_MAX]; /* the path that is denied; it may be where a link leads */
};

/*
 * lull_policy_open() and lull_policy_open_parent(), and what was missing in full.
 * When a policy that does not allow everything allowed the second, denial->path is
 * the path without links that it came to.  In within.c.
 */
int lull__policy_open(const struct lull_policy *policy, const char *path, int flags,
                      unsigned mode, struct lull_denial *denial);
int lull__policy_open_parent(const struct lull_policy *policy, const char *path,
                             enum lull_permission permission, const char **name,
                             struct lull_denial *denial);

#endif
