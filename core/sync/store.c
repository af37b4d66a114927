/* SPDX-License-Identifier: MIT */
/*
 * store.c -- ring, stack and heap in one Lua table.
 */
#include "sync/store.h"

#include "base/error.h"

#include <stdbool.h>

#define ITEMS 1 /* user values */
#define LESS  2

#define FIRST_CAPACITY 4
#define KEPT_CAPACITY  64                     /* a larger table goes when it is empty */
#define MAX_CAPACITY   ((lua_Integer)1 << 28) /* two slots each must fit an int */

void lull__store_init(struct lull_store *store, enum lull_order order, lua_Integer max)
{
    *store = (struct lull_store){.max = max, .order = (uint8_t)order};
}

/* ---- room ----------------------------------------------------------------------------- */

static lua_Integer larger_capacity(lua_State *L, const struct lull_store *store)
{
    if (store->capacity >= MAX_CAPACITY)
        lull_raise(L, LULL_KIND_MEMORY, "too many items");
    lua_Integer capacity = store->capacity > 0 ? store->capacity * 2 : FIRST_CAPACITY;
    return capacity < store->max ? capacity : store->max;
}

/* Make room for one more.  May raise, with nothing changed. */
static void reserve(lua_State *L, struct lull_store *store, int self)
{
    if (store->count < store->capacity)
        return;
    lua_Integer capacity = larger_capacity(L, store);
    lua_Integer changes = store->changes;
    int width = store->order == LULL_PRIORITY ? 2 : 1;
    lua_getiuservalue(L, self, ITEMS);
    lua_createtable(L, (int)capacity * width, 0);
    if (store->changes != changes) { /* a finalizer used the store meanwhile: again */
        lua_pop(L, 2);
        reserve(L, store, self);
        return;
    }
    for (lua_Integer i = 0; i < store->count * width; i++) {
        lua_Integer from = store->first + i; /* first is 0 but in a ring */
        if (from >= store->capacity * width)
            from -= store->capacity * width;
        lua_rawgeti(L, -2, from + 1);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setiuservalue(L, self, ITEMS);
    lua_pop(L, 1);
    store->first = 0;
    store->capacity = capacity;
}

/* One item fewer; what a crowd has needed is not kept for ever. */
static void count_down(lua_State *L, struct lull_store *store, int self)
{
    store->changes++;
    store->count--;
    if (store->count > 0)
        return;
    store->first = 0;
    if (store->capacity > KEPT_CAPACITY) {
        store->capacity = 0;
        lua_pushnil(L);
        lua_setiuservalue(L, self, ITEMS);
    }
}

/* ---- ring and stack ---------------------------------------------------------------------- */

/* Pop the value on top into a slot, counted from 0. */
static void set_slot(lua_State *L, int self, lua_Integer slot)
{
    lua_getiuservalue(L, self, ITEMS);
    lua_insert(L, -2);
    lua_rawseti(L, -2, slot + 1);
    lua_pop(L, 1);
}

/* Push the value of a slot and empty it. */
static void take_slot(lua_State *L, int self, lua_Integer slot)
{
    lua_getiuservalue(L, self, ITEMS);
    lua_rawgeti(L, -1, slot + 1);
    lua_pushnil(L);
    lua_rawseti(L, -3, slot + 1);
    lua_remove(L, -2);
}

static void put_in_ring(lua_State *L, struct lull_store *store, int self)
{
    lua_Integer slot = store->first + store->count;
    if (slot >= store->capacity)
        slot -= store->capacity;
    set_slot(L, self, slot);
    store->changes++;
    store->count++;
}

static void take_from_ring(lua_State *L, struct lull_store *store, int self)
{
    if (store->order == LULL_LIFO) {
        take_slot(L, self, store->count - 1);
    } else {
        take_slot(L, self, store->first);
        if (++store->first == store->capacity)
            store->first = 0;
    }
    count_down(L, store, self);
}

/* ---- heap: entry i, from 1, is the item in slot 2i - 1 and its number in 2i ------------------ */

/* Is the value at index a less than the one at b?  Runs scripts. */
static bool less(lua_State *L, const struct lull_store *store, int self, int a, int b)
{
    uint32_t changes = store->changes;
    bool is_less;
    if (lua_getiuservalue(L, self, LESS) == LUA_TNIL) {
        is_less = lua_compare(L, a, b, LUA_OPLT) != 0;
    } else {
        lua_pushvalue(L, a);
        lua_pushvalue(L, b);
        lua_call(L, 2, 1);
        is_less = lua_toboolean(L, -1) != 0;
    }
    lua_pop(L, 1);
    if (store->changes != changes)
        lull_raise(L, LULL_KIND_USAGE, "the queue was changed while it compared items");
    return is_less;
}

/* Does entry i come out before entry j?  The older one does unless the newer is less. */
static bool before(lua_State *L, const struct lull_store *store, int self, int table,
                   lua_Integer i, lua_Integer j)
{
    int a = lua_gettop(L) + 1;
    lua_rawgeti(L, table, 2 * i - 1);
    lua_rawgeti(L, table, 2 * j - 1);
    lua_rawgeti(L, table, 2 * i);
    lua_rawgeti(L, table, 2 * j);
    bool older = lua_tointeger(L, a + 2) < lua_tointeger(L, a + 3);
    bool first = older ? !less(L, store, self, a + 1, a) : less(L, store, self, a, a + 1);
    lua_settop(L, a - 1);
    return first;
}

static void move_entry(lua_State *L, int table, lua_Integer from, lua_Integer to)
{
    lua_rawgeti(L, table, 2 * from - 1);
    lua_rawseti(L, table, 2 * to - 1);
    lua_rawgeti(L, table, 2 * from);
    lua_rawseti(L, table, 2 * to);
}

static void put_in_heap(lua_State *L, struct lull_store *store, int self)
{
    int item = lua_gettop(L);
    int table = item + 1;
    lua_Integer end = store->count + 1;
    lua_Integer hole = end;
    lua_getiuservalue(L, self, ITEMS);
    while (hole > 1) { /* the new item is the newest: up only while it is less */
        lua_rawgeti(L, table, 2 * (hole / 2) - 1);
        bool up = less(L, store, self, item, table + 1);
        lua_pop(L, 1);
        if (!up)
            break;
        hole /= 2;
    }
    /* Nothing below raises. */
    for (lua_Integer i = end; i > hole; i /= 2)
        move_entry(L, table, i / 2, i);
    lua_pushvalue(L, item);
    lua_rawseti(L, table, 2 * hole - 1);
    lua_pushinteger(L, store->number++);
    lua_rawseti(L, table, 2 * hole);
    lua_settop(L, item - 1);
    store->changes++;
    store->count++;
}

/* Where the last of `count` entries goes when the root is taken. */
static lua_Integer find_hole(lua_State *L, const struct lull_store *store, int self,
                             int table)
{
    lua_Integer last = store->count;
    lua_Integer hole = 1;
    while (2 * hole < last) {
        lua_Integer child = 2 * hole;
        if (child + 1 < last && before(L, store, self, table, child + 1, child))
            child++;
        if (!before(L, store, self, table, child, last))
            break;
        hole = child;
    }
    return hole;
}

static void take_from_heap(lua_State *L, struct lull_store *store, int self)
{
    lua_Integer last = store->count;
    lua_getiuservalue(L, self, ITEMS);
    int table = lua_gettop(L);
    lua_Integer hole = find_hole(L, store, self, table);
    /* Nothing below raises. */
    int depth = 0;
    while (hole >> (depth + 1) > 0)
        depth++;
    lua_rawgeti(L, table, 1);
    for (; depth > 0; depth--) /* the path from the root to the hole, one up */
        move_entry(L, table, hole >> (depth - 1), hole >> depth);
    move_entry(L, table, last, hole);
    lua_pushnil(L);
    lua_rawseti(L, table, 2 * last - 1);
    lua_remove(L, table);
    count_down(L, store, self);
}

/* ---- both -------------------------------------------------------------------------------------- */

void lull__store_put(lua_State *L, struct lull_store *store, int self)
{
    reserve(L, store, self);
    if (store->order == LULL_PRIORITY)
        put_in_heap(L, store, self);
    else
        put_in_ring(L, store, self);
}

void lull__store_take(lua_State *L, struct lull_store *store, int self)
{
    if (store->order == LULL_PRIORITY)
        take_from_heap(L, store, self);
    else
        take_from_ring(L, store, self);
}
