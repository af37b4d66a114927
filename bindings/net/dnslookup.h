/* SPDX-License-Identifier: MIT */
/*
 * dnslookup.h -- what a look-up proves: that an address is a name's.
 *
 * Permissions are for hosts as scripts write them, sockets want numbers.  In
 * between, scripts can change what they like: so natives do not believe them
 * that an address belongs to a name.  They are handed the look-up itself,
 * which only dnslib.c makes, and ask it.
 *
 * Thread: the runtime's.
 */
#ifndef LULLB_DNSLOOKUP_H
#define LULLB_DNSLOOKUP_H

#include "common/addr.h"
#include "common/bind.h"

#define LULLB_LOOKUP_CLASS "lull.lookup"

struct lullb_lookup {
    struct lullb_object object; /* open while the system is asked */
    const char *name;           /* as it was asked for; the look-up's own */
    const char *addresses;      /* NULL: none, not yet, or it was a reverse one */
    size_t size;                /* bytes of each, NUL included */
    int count;
};

/* The look-up at `index`, or an argument error. */
static inline const struct lullb_lookup *lullb_check_lookup(lua_State *L, int index)
{
    return (const struct lullb_lookup *)luaL_checkudata(L, index, LULLB_LOOKUP_CLASS);
}

/*
 * Raise unless the running task has the permission, CONNECT or LISTEN, for the
 * numeric address; or for the name, if there is a look-up at `index` (none or
 * nil: there is not).  An argument error if that has not found the address.
 */
void lullb_check_host(lua_State *L, enum lull_permission permission, const char *op,
                      const struct lullb_addr *addr, int index);

/* Raise unless the running task has the permission for the path of a Unix socket. */
void lullb_check_path(lua_State *L, enum lull_permission permission, const char *op,
                      const struct lullb_addr *addr);

#endif
