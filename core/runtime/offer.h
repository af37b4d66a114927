/* SPDX-License-Identifier: MIT */
/*
 * offer.h -- what the host has for scripts: modules, and files by name.
 *
 * lull_options.find is asked by a searcher of require, after lull's own modules and
 * before package.path, and by lull.bundle.read().  Workers ask the same function.
 */
#ifndef LULL_OFFER_H
#define LULL_OFFER_H

#include "stdlib/chunk.h"

/*
 * Put the searcher into package.searchers of the current realm, as the third; nothing
 * where the host has no `find`.  May raise (memory).
 */
void lull__offer_init(lua_State *L, struct lull_tasks *tasks,
                      const struct lull_places *at);

/* The module lull.bundle.native: find(name) -> bytes | nil | false where the host
   has no `find`.  Upvalue 1: the runtime. */
int lull__open_offer(lua_State *L);

/* Is there something by this name?  Raises when the host says that it is damaged. */
bool lull__offer_find(lua_State *L, const struct lull_tasks *tasks, const char *name,
                      struct lull_found *found);

#endif
