/* SPDX-License-Identifier: MIT */
/*
 * corelib.h -- lull.core: what lull's own scripts need and others should not
 * use; and os.exit.
 */
#ifndef LULL_CORELIB_H
#define LULL_CORELIB_H

#include "base/compat.h"

/* The opener of "lull.core". */
int lull__open_core(lua_State *L);

/* os.exit(code?, close?): unwinds to C, then the run ends with this status. */
int lull__l_os_exit(lua_State *L);

#endif
