/* SPDX-License-Identifier: MIT */
/*
 * object_test.c -- C structs as objects: borrowed, owned, invalidated, misused.
 */
#include "host.h"

struct player {
    int score;
    double speed;
    char name[16];
    const char *team;
    int id;
};

static struct player players[4];
static int releases;
static int handed; /* calls of lull_push_owned_object() */

static const struct lull_field player_fields[] = {
    LULL_FIELD_RANGE(struct player, score, LULL_FIELD_INT, 0, 0, 100),
    LULL_FIELD(struct player, speed, LULL_FIELD_NUMBER),
    LULL_FIELD(struct player, name, LULL_FIELD_TEXT),
    LULL_FIELD(struct player, team, LULL_FIELD_STRING),
    LULL_FIELD_WITH(struct player, id, LULL_FIELD_INT, LULL_READ_ONLY),
    {0}};

static int m_gain(lua_State *L);
static int m_rest(lua_State *L);

static const luaL_Reg player_methods[] = {
    {"gain", m_gain}, {"rest", m_rest}, {NULL, NULL}};

static void release(void *pointer)
{
    CHECK(pointer >= (void *)players && pointer < (void *)(players + 4));
    releases++;
}

static const struct lull_object_type player_type = {
    .name = "game.player", .fields = player_fields, .methods = player_methods};
static const struct lull_object_type owned_type = {.name = "game.owned",
                                                   .fields = player_fields,
                                                   .methods = player_methods,
                                                   .release = release};
static const struct lull_object_type bare_type = {.name = "game.bare"};

/* The first argument, of either class. */
static struct player *check_player(lua_State *L)
{
    struct player *player = lull_to_object(L, 1, &owned_type);
    return player != NULL ? player : lull_check_object(L, 1, &player_type);
}

/* player:gain(points) */
static int m_gain(lua_State *L)
{
    struct player *player = check_player(L);
    player->score += (int)luaL_checkinteger(L, 2);
    return 0;
}

/* player:rest() -> "rested"    Asynchronous, though it ends at once. */
static int m_rest(lua_State *L)
{
    check_player(L);
    struct lull_token *token = lull_token_new(L, "player.rest", NULL, NULL);
    lull_token_complete_values(token, "s", "rested");
    return lull_token_await(L, token);
}

static const struct lull_object_type *type_at(lua_State *L, int index)
{
    static const char *const names[] = {"player", "owned", "bare", NULL};
    static const struct lull_object_type *const types[] = {&player_type, &owned_type,
                                                           &bare_type};
    return types[luaL_checkoption(L, index, NULL, names)];
}

static struct player *pointer_at(lua_State *L, int index)
{
    lua_Integer i = luaL_checkinteger(L, index);
    return i == 0 ? NULL : &players[i - 1];
}

/* push(type, i) -> object of players[i], borrowed; 0: NULL */
static int l_push(lua_State *L)
{
    lull_push_object(L, lull_runtime_of(L), type_at(L, 1), pointer_at(L, 2));
    return 1;
}

/* own(type, i) -> object */
static int l_own(lua_State *L)
{
    const struct lull_object_type *type = type_at(L, 1);
    struct player *player = pointer_at(L, 2);
    handed++;
    lull_push_owned_object(L, lull_runtime_of(L), type, player);
    return 1;
}

/* invalidate(i) */
static int l_invalidate(lua_State *L)
{
    lull_object_invalidate(lull_runtime_of(L), pointer_at(L, 1));
    return 0;
}

/* check(type, value) -> score */
static int l_check(lua_State *L)
{
    const struct lull_object_type *type = type_at(L, 1);
    bool can = lull_to_object(L, 2, type) != NULL;
    const struct player *player = lull_check_object(L, 2, type);
    CHECK(can && lull_to_object(L, 2, type) == player);
    lua_pushinteger(L, player->score);
    return 1;
}

/* is(type, value) -> boolean */
static int l_is(lua_State *L)
{
    lua_pushboolean(L, lull_to_object(L, 2, type_at(L, 1)) != NULL);
    return 1;
}

/* released() -> how many */
static int l_released(lua_State *L)
{
    lua_pushinteger(L, releases);
    return 1;
}

static const luaL_Reg functions[] = {
    {"push", l_push},   {"own", l_own}, {"invalidate", l_invalidate},
    {"check", l_check}, {"is", l_is},   {"released", l_released},
    {NULL, NULL}};

#define FAILS                                                             \
    "local lull = require 'lull'\n"                                       \
    "local function fails(text, ...)\n"                                   \
    "  local ok, e = pcall(...)\n"                                        \
    "  assert(not ok and tostring(e):find(text, 1, true), tostring(e))\n" \
    "  return e\n"                                                        \
    "end\n"

static const char using_fields[] = FAILS
    "local p = push('player', 1)\n"
    "assert(p.score == 0 and p.name == 'first' and p.team == 'red' and p.id == 7)\n"
    "p.score = 5 p.speed = 1 p.name = 'other'\n"
    "p:gain(10) assert(p.score == 15 and p.name == 'other' and p.speed == 1.0)\n"
    "assert(p:rest() == 'rested' and p.nothing == nil and p[1] == nil)\n"
    "fails('a game.player has no field \\'x\\'', function() p.x = 1 end)\n"
    "fails('a game.player has no field \\'1\\'', function() p[1] = 1 end)\n"
    "fails('field \\'id\\' of a game.player is read-only', function() p.id = 1 end)\n"
    "fails('\\'team\\' of a game.player is read-only', function() p.team = 'x' end)\n"
    "fails('field \\'score\\' of a game.player: 0 to 100 expected, got 101',\n"
    "  function() p.score = 101 end)\n"
    "fails('integer expected, got nil', function() p.score = nil end)\n"
    "fails('has no field', function() push('bare', 1).x = 1 end)\n"
    "assert(push('bare', 1).x == nil)\n";

static const char identity[] = FAILS
    "local p = push('player', 1)\n"
    "assert(p == push('player', 1) and p ~= push('player', 2) and p ~= push('bare', 1))\n"
    "assert(push('player', 0) == nil and own('owned', 0) == nil)\n"
    "local t = setmetatable({}, {__mode = 'k'}) t[p] = true p = nil\n"
    "collectgarbage() collectgarbage() assert(next(t) == nil)\n" /* only scripts hold it */
    "assert(push('player', 1).id == 7)\n"
    "assert(tostring(push('player', 1)):find '^game.player: ')\n"
    "assert(getmetatable(push('player', 1)) == 'game.player')\n";

static const char wrong_objects[] = FAILS
    "local p = push('player', 1)\n"
    "for _, v in ipairs{1, 'x', {}, io.stdout, push('bare', 1), lull.current()} do\n"
    "  assert(not is('player', v))\n"
    "  fails('bad argument #2 to \\'check\\' (game.player expected, got',\n"
    "    function() check('player', v) end)\n"
    "  fails('game.player expected', function() p.gain(v, 1) end)\n"
    "end\n"
    "fails('game.player expected, got no value', function() p.gain() end)\n"
    "assert(check('player', p) == 0 and is('player', p))\n";

static const char invalidated[] = FAILS
    "local p, b = push('player', 1), push('bare', 1)\n"
    "invalidate(1) invalidate(1) invalidate(3)\n"
    "local e = fails('this game.player is closed', function() return p.score end)\n"
    "assert(e.kind == 'closed')\n"
    "fails('this game.player is closed', function() p.score = 1 end)\n"
    "fails('closed', function() p:gain(1) end)\n"
    "fails('closed', check, 'bare', b)\n"
    "assert(not is('player', p) and tostring(p) == 'game.player (closed)')\n"
    "local q = push('player', 1) assert(q ~= p and q.id == 7)\n" /* a new one there */
    "own('owned', 2) local o = push('owned', 2) invalidate(2)\n"
    "fails('closed', function() return o.id end) o:close()\n"
    "assert(released() == 0)\n";

static const char owned[] = FAILS
    "local o = own('owned', 1) assert(o.id == 7 and push('owned', 1) == o)\n"
    "o:close() o:close() assert(released() == 1)\n"
    "fails('closed', function() return o.id end)\n"
    "fails('game.player expected, got game.owned', o.gain, o, 1)\n"
    "do local c <close> = own('owned', 2) end assert(released() == 2)\n"
    "own('owned', 1) collectgarbage() assert(released() == 3)\n"
    "local b = push('owned', 3) assert(own('owned', 3) == b)\n" /* borrowed until now */
    "local e = fails('owned already', own, 'owned', 3) assert(e.kind == 'usage')\n"
    "assert(b.id == 9 and released() == 3)\n"
    "fails('cannot be owned', own, 'player', 1)\n"
    "local lent = push('owned', 4) lent:close() assert(released() == 3)\n"
    "fails('closed', function() return lent.id end)\n"
    "kept = b\n"; /* the runtime's end releases it */

static void begin(void)
{
    releases = handed = 0;
    for (int i = 0; i < 4; i++)
        players[i] = (struct player){.team = "red", .id = 7 + i, .name = "first"};
}

/* Owned by the script, by nobody, and in a task that is closed by force. */
static void check_freed(double grace)
{
    struct host host = {.rt = NULL};
    begin();
    CHECK(open_host(&host, functions));
    CHECK(start(host.rt,
                "global = own('owned', 1) own('owned', 2)\n"
                "local o <close> = own('owned', 3) borrowed = push('owned', 4)\n"
                "require('lull').sleep_forever()",
                &host.told));
    CHECK(lull_step(host.rt, 0) == LULL_DONE);
    close_host(&host, grace);
    CHECK(releases == 3);
}

/* Invalidating what no runtime has seen. */
static void check_nothing_to_invalidate(void)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, functions));
    lull_object_invalidate(host.rt, players);
    lull_object_invalidate(host.rt, NULL);
    CHECK(lull_to_object(lull_state(host.rt), 1, &player_type) == NULL);
    close_host(&host, 0);
}

/* Refused for the limit on handles: released, and the script is told. */
static void check_limit(void)
{
    struct told told;
    const struct lull_options options = {.size = sizeof options, .max_handles = 1};
    struct lull_runtime *rt = lull_new(&options);
    begin();
    CHECK(rt != NULL);
    lua_pushglobaltable(lull_state(rt));
    lull_set_functions(lull_state(rt), rt, functions);
    lua_pop(lull_state(rt), 1);
    CHECK(start(rt,
                "kept = own('owned', 1)\n"
                "local ok, e = pcall(own, 'owned', 2)\n"
                "assert(not ok and e.kind == 'limit' and released() == 1)\n",
                &told));
    CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_DONE);
    lull_free(rt, 0);
    CHECK(releases == 2);
}

/* However memory fails, what was handed over is released once. */
static void check_refused(void)
{
    bool refused = true;
    for (unsigned long n = 1; refused; n++) {
        struct host host = {.counted = {.used = 0}};
        begin();
        CHECK(open_host(&host, functions));
        CHECK(start(host.rt, "own('owned', 1) push('player', 2).score = 1", &host.told));
        host.counted.fail_at = host.counted.calls + n;
        host.counted.once = 1;
        CHECK(lull_run(host.rt) == LULL_DONE);
        refused = host.counted.calls >= host.counted.fail_at;
        close_host(&host, 0);
        CHECK(releases == handed);
    }
}

int main(void)
{
    static const char *const scripts[] = {using_fields, identity, wrong_objects,
                                          invalidated, owned};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        begin();
        run_script(functions, scripts[i]);
    }
    CHECK(releases == 4); /* of the last one, whose end released `kept` */
    check_freed(0);
    check_freed(0.05);
    check_nothing_to_invalidate();
    check_limit();
    check_refused();
    begin();
    refuse_each(functions, using_fields, begin);
    refuse_each(functions, owned, begin);
    return 0;
}
