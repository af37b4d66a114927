/* SPDX-License-Identifier: MIT */
/*
 * compat.h -- Lua's headers, and the differences between the 5.4 releases.
 *
 * The only place that asks which Lua this is.  5.4.5 is refused: its
 * lua_State layout and lua_resetthread break code built against its
 * neighbours.
 */
#ifndef LULL_COMPAT_H
#define LULL_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if LUA_VERSION_NUM != 504
#error "lull needs Lua 5.4"
#endif
#if LUA_VERSION_RELEASE_NUM == 50405
#error "Lua 5.4.5 breaks the ABI of 5.4; use 5.4.4 or 5.4.6 and later"
#endif

/* What coroutine.* says it expected. */
#if LUA_VERSION_RELEASE_NUM >= 50406
#define LULL_THREAD_TYPE "coroutine"
#else
#define LULL_THREAD_TYPE "thread"
#endif

/* Close a thread for good: runs its pending <close> values, unable to yield. */
static inline int lull__close_thread(lua_State *co, lua_State *from)
{
#if LUA_VERSION_RELEASE_NUM >= 50406
    return lua_closethread(co, from);
#else
    (void)from;
    return lua_resetthread(co);
#endif
}

#endif
