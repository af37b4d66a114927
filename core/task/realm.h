/* SPDX-License-Identifier: MIT */
/*
 * realm.h -- whose code runs: the runtime's own, or a plugin's.
 *
 * A task belongs to the realm that was current when it was started; while it runs
 * its realm is the current one (struct lull_tasks.realm), and decides what is
 * permitted.  Everything that is called outside of tasks for a task's sake (its
 * callbacks, its cleanup by force) has that task's realm, too.
 *
 * A realm is never freed before its runtime: what has ended may still name it.
 */
#ifndef LULL_REALM_H
#define LULL_REALM_H

#include "base/policy.h"

struct lull_plugin;

struct lull_realm {
    struct lull_policy *policy; /* counted */
    bool all;                   /* it allows everything */
    bool own;                   /* the runtime's, not a plugin's */
    uint32_t live;              /* tasks in it that have not ended */
    int handler_ref;            /* registry reference of its lull.on_error's function */
    struct lull_plugin *plugin; /* NULL: none, or it has ended */
};

#endif
