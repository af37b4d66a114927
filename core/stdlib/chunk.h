/* SPDX-License-Identifier: MIT */
/*
 * chunk.h -- files of Lua code: loadfile, dofile, and the searchers of require.
 *
 * These stand for stock's where not everything is allowed, and in plugins: they open
 * files as the policy allows, take text only unless everything is allowed, and give
 * what they load the globals of their realm.
 */
#ifndef LULL_CHUNK_H
#define LULL_CHUNK_H

#include "task/task.h"

/* Which chunks the running code may load, as luaL_loadbufferx has it: "t" or "bt". */
static inline const char *lull__chunk_mode(const struct lull_tasks *tasks)
{
    return tasks == NULL || tasks->realm->all ? "bt" : "t";
}

/*
 * For the host: load a chunk and push the function, or a message; with `bytecode`,
 * binary ones, too.  Paths are the host's, and not asked for.  Raises nothing.
 */
enum lull_status lull__load_source(struct lull_tasks *tasks, bool bytecode,
                                   const char *source, size_t size,
                                   const char *chunkname);
enum lull_status lull__load_file(struct lull_tasks *tasks, bool bytecode,
                                 const char *path);

/* Where the tables of a realm lie on the stack while it is built. */
struct lull_places {
    int globals;
    int loaded;  /* package.loaded */
    int package; /* the library */
    int preload; /* package.preload */
    int scripts; /* the globals of what is loaded: not always those that load it has */
};

/*
 * Replace loadfile, dofile, package.searchpath, package.loadlib and the searchers, but
 * the one at 2, which is lull's.  May raise (memory).
 */
void lull__cut_package(lua_State *L, struct lull_tasks *tasks,
                       const struct lull_places *at);

#endif
