/* SPDX-License-Identifier: MIT */
/*
 * pack_test.c -- values to bytes in one runtime and back in another; and broken
 * bytes, which raise and do no harm.
 */
#include "check.h"
#include "worker/pack.h"

/* The values are made, compared and broken by a script; see `pack` and `unpack`. */
static const char script[] =
    "local pack, unpack, rounds = ...\n"
    "local random = math.random\n"
    "math.randomseed(42)\n"
    "local made\n"
    "local make = {\n"
    "  function() return nil end,\n"
    "  function() return random() < 0.5 end,\n"
    "  function() return random(0) end,\n"
    "  function() return random(-200, 200) end,\n"
    "  function() return (random() - 0.5) * 10.0 ^ random(-300, 300) end,\n"
    "  function() return ('x'):rep(random(0, 300)) .. string.char(random(0, 255)) end,\n"
    "  function() return made[random(#made)] end,\n"
    "  function() return random() < 0.5 and string.format or string end,\n"
    "}\n"
    "local function value(depth)\n"
    "  if depth > 5 or random() < 0.6 then return make[random(#make)]() end\n"
    "  local t = random() < 0.2 and require('lull').new_error('io', 'x') or {}\n"
    "  made[#made + 1] = t\n"
    "  for i = 1, random(0, 6) do t[i] = value(depth + 1) end\n"
    "  for _ = 1, random(0, 4) do\n"
    "    local k = value(depth + 1)\n"
    "    if k ~= nil and k == k then t[k] = value(depth + 1) end\n"
    "  end\n"
    "  return t\n"
    "end\n"
    "local function any(depth)\n"
    "  made = { {} }\n"
    "  return value(depth)\n"
    "end\n"
    /* Alike: the same tables in the same places.  Keys that are tables are not told apart. */
    "local function alike(a, b, seen)\n"
    "  if type(a) ~= type(b) or math.type(a) ~= math.type(b) then return false end\n"
    "  if type(a) ~= 'table' or a == string then return a == b or type(a) == 'function' or\n"
    "    a == string end\n"
    "  if seen[a] then return seen[a] == b end\n"
    "  seen[a] = b\n"
    "  local n, m = 0, 0\n"
    "  for k, v in next, a do\n"
    "    n = n + 1\n"
    "    if type(k) ~= 'table' and type(k) ~= 'function' and\n"
    "      not alike(v, rawget(b, k), seen) then return false end\n"
    "  end\n"
    "  for _ in next, b do m = m + 1 end\n"
    "  return n == m and require('lull').is_error(a) == require('lull').is_error(b)\n"
    "end\n"
    "for _ = 1, rounds do\n"
    "  local v = any(0)\n"
    "  local bytes = pack(v)\n"
    "  assert(alike(v, unpack(bytes), {}), 'not what was packed')\n"
    "  for _ = 1, 10 do\n"
    "    local at, kind = random(#bytes), random(4)\n"
    "    local head, tail = bytes:sub(1, at - 1), bytes:sub(at + 1)\n"
    "    if kind == 1 then pcall(unpack, head)\n"
    "    elseif kind == 2 then pcall(unpack, head .. tail)\n"
    "    elseif kind == 3 then pcall(unpack, head .. string.char(random(0, 255)) .. tail)\n"
    "    else pcall(unpack, head .. string.char(random(0, 255)) .. bytes:sub(at)) end\n"
    "  end\n"
    "end\n"
    "for i = 0, 40 do assert(not pcall(unpack, ('\\xff'):rep(i))) end\n"
    "assert(not pcall(unpack, ''))\n";

static void push_home(lua_State *L)
{
    lua_createtable(L, 3, 0);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_rawseti(L, -2, LULL_HOME_LOADED);
    lua_pushglobaltable(L);
    lua_rawseti(L, -2, LULL_HOME_GLOBALS);
    lua_getglobal(L, "require");
    lua_rawseti(L, -2, LULL_HOME_REQUIRE);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_rawseti(L, -2, LULL_HOME_OWN_LOADED);
    lua_getglobal(L, "require");
    lua_rawseti(L, -2, LULL_HOME_OWN_REQUIRE);
}

/* pack(value) -> string */
static int l_pack(lua_State *L)
{
    const struct lull_packing what = {
        .home = 2, .first = 1, .count = 1, .label = "value"};
    size_t size;
    lua_settop(L, 1);
    push_home(L);
    const void *bytes = lull__pack(L, &what, &size);
    lua_pushlstring(L, bytes, size);
    return 1;
}

/* In the other runtime: there and back, so that both have had it. */
static int unpack_there(lua_State *L)
{
    size_t size = (size_t)lua_tointeger(L, 2);
    push_home(L);
    int count = lull__unpack(L, 3, lua_touserdata(L, 1), size);
    lua_pushcfunction(L, l_pack);
    if (count > 0)
        lua_pushvalue(L, 4);
    else
        lua_pushnil(L);
    lua_call(L, 1, 1);
    return 1;
}

/* unpack(string) -> value, by way of the other runtime, which is upvalue 1 */
static int l_unpack(lua_State *L)
{
    lua_State *there = lua_touserdata(L, lua_upvalueindex(1));
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    lua_settop(there, 0);
    lua_pushcfunction(there, unpack_there);
    lua_pushlightuserdata(there, (void *)bytes);
    lua_pushinteger(there, (lua_Integer)size);
    if (lua_pcall(there, 2, 1, 0) != LUA_OK)
        return luaL_error(L, "%s", lua_tostring(there, -1));
    bytes = lua_tolstring(there, -1, &size);
    lua_settop(L, 1);
    push_home(L);
    return lull__unpack(L, 2, bytes, size);
}

int main(void)
{
    const struct lull_options options = {
        .size = sizeof options, .permissions = (const char *const[]){"all", NULL}};
    struct lull_runtime *here = lull_new(&options);
    struct lull_runtime *there = lull_new(&options);
    CHECK(here != NULL && there != NULL);
    lua_State *L = lull_state(here);
    CHECK(luaL_loadstring(L, script) == LUA_OK);
    lua_pushcfunction(L, l_pack);
    lua_pushlightuserdata(L, lull_state(there));
    lua_pushcclosure(L, l_unpack, 1);
    lua_pushinteger(L, 800);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    lull_free(here, 0);
    lull_free(there, 0);
    return 0;
}
