/* SPDX-License-Identifier: MIT */
/*
 * dnslookup.c -- may the running task use this address?
 */
#include "net/dnslookup.h"

#include <stdio.h>
#include <string.h>

/* Has the look-up found the address? */
static bool has(const struct lullb_lookup *lookup, const struct lullb_addr *addr,
                unsigned port)
{
    char wanted[LULLB_ADDR_TEXT];
    char found[LULLB_ADDR_TEXT];
    struct lullb_addr one;
    lullb_addr_text(addr, wanted);
    for (int i = 0; lookup->addresses != NULL && i < lookup->count; i++) {
        if (!lullb_addr_parse(&one, lookup->addresses + (size_t)i * lookup->size, port))
            continue;
        lullb_addr_text(&one, found);
        if (strcmp(found, wanted) == 0)
            return true;
    }
    return false;
}

void lullb_check_host(lua_State *L, enum lull_permission permission, const char *op,
                      const struct lullb_addr *addr, int index)
{
    luaL_checkstack(L, 8, NULL);
    int top = lua_gettop(L);
    bool has_name = !lua_isnoneornil(L, index);
    lullb_push_addr(L, addr);
    const char *host = lua_tostring(L, top + 1);
    int port = (int)lua_tointeger(L, top + 2);
    if (has_name) {
        const struct lullb_lookup *lookup = lullb_check_lookup(L, index);
        luaL_argcheck(L, has(lookup, addr, (unsigned)port), index,
                      "not a look-up of this address");
        host = lookup->name;
    }
    lull_check_address(L, permission, op, host, port);
    lua_settop(L, top);
}

void lullb_check_path(lua_State *L, enum lull_permission permission, const char *op,
                      const struct lullb_addr *addr)
{
    char text[LULLB_ADDR_TEXT + sizeof "unix:"];
    const struct sockaddr_un *un = &addr->as.un;
    /* A name outside the file system is below no folder: no rule is about it. */
    if (un->sun_path[0] == '\0') {
        lull_check_permission(L, LULL_MAY_NATIVE, op, NULL);
        return;
    }
    snprintf(text, sizeof text, "unix:%.*s", (int)sizeof un->sun_path, un->sun_path);
    lull_check_permission(L, permission, op, text);
}
