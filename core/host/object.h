/* SPDX-License-Identifier: MIT */
/*
 * object.h -- what a runtime knows of its host objects.
 *
 * The functions are public, in lull_host.h.
 */
#ifndef LULL_OBJECT_H
#define LULL_OBJECT_H

#include "lull_host.h"

struct lull_objects {
    lua_State *keeper; /* an empty thread, whose stack is for invalidating without
                          memory; NULL: there never was an object */
};

/* Implemented by the runtime, which embeds it. */
struct lull_objects *lull__objects_of(struct lull_runtime *rt);

#endif
