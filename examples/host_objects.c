/* SPDX-License-Identifier: MIT */
/*
 * host_objects.c -- a small game: its players are objects of a script, and what
 * happens in it are events that the script waits for.
 *
 *   cc host_objects.c $(pkg-config --cflags --libs lull) -o host_objects
 */
#include <lull_host.h>

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

struct player {
    char name[16];
    int score;
    double speed;
};

struct game {
    struct player players[2];
    struct lull_events *events;
    int round;
};

static int m_greet(lua_State *L);

static const struct lull_field player_fields[] = {
    LULL_FIELD_WITH(struct player, name, LULL_FIELD_TEXT, LULL_READ_ONLY),
    LULL_FIELD(struct player, score, LULL_FIELD_INT),
    LULL_FIELD_RANGE(struct player, speed, LULL_FIELD_NUMBER, 0, 0, 10),
    {0}};

static const luaL_Reg player_methods[] = {{"greet", m_greet}, {NULL, NULL}};

static const struct lull_object_type player_type = {
    .name = "game.player", .fields = player_fields, .methods = player_methods};

/* player:greet(text) */
static int m_greet(lua_State *L)
{
    const struct player *player = lull_check_object(L, 1, &player_type);
    printf("%s hears: %s\n", player->name, luaL_checkstring(L, 2));
    return 0;
}

static struct game *game_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(2));
}

/* player(number) -> the object of that player, the same one each time */
static int l_player(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    luaL_argcheck(L, number == 1 || number == 2, 1, "there are two players");
    lull_push_object(L, lull_runtime_of(L), &player_type,
                     &game_of(L)->players[number - 1]);
    return 1;
}

/* (rt, game): what the script sees of the game; protected, as it may raise */
static int set_up(lua_State *L)
{
    struct game *game = lua_touserdata(L, 2);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_player, 2);
    lua_setglobal(L, "player");
    lull_events_push(L, game->events);
    lua_setglobal(L, "game");
    return 0;
}

/* The host's own work: here, three rounds and the end. */
static void play(struct lull_runtime *rt, void *arg)
{
    struct game *game = arg;
    if (++game->round > 3) {
        lull_events_close(game->events);
        return;
    }
    int who = game->round % 2;
    game->players[who].score += 5;
    lull_events_emit(game->events, "si{s:i}", "scored", who + 1, "round", game->round);
    lull_post(rt, play, game);
}

int main(void)
{
    static const char script[] =
        "for kind, number, about in game:events() do\n"
        "  local p = player(number)\n"
        "  p.speed = p.speed + 1\n"
        "  print(about.round, p.name, kind, p.score, p.speed)\n"
        "end\n"
        "player(1):greet 'well played'\n"
        "print(select(2, pcall(function() player(2).speed = 11 end)))\n";
    struct game game = {.players = {{.name = "Ada"}, {.name = "Blaise", .speed = 1}}};
    struct lull_runtime *rt = lull_new(NULL);
    if (rt == NULL || (game.events = lull_events_new(rt, "game.events", 0)) == NULL)
        return 1;
    lua_State *L = lull_state(rt);
    lua_pushcfunction(L, set_up);
    lua_pushlightuserdata(L, rt);
    lua_pushlightuserdata(L, &game);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK &&
        lull_load(rt, script, strlen(script), "=script") == LULL_DONE)
        lull_call(rt, 0, NULL, NULL);
    lull_post(rt, play, &game);
    lull_run(rt);
    lull_events_unref(game.events);
    lull_free(rt, 1);
    return 0;
}
