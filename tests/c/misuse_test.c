/* SPDX-License-Identifier: MIT */
/*
 * misuse_test.c -- what hosts and scripts do at the wrong time: calls from where they
 * are not allowed, ends that come in between, values that cannot be meant.
 */
#include "host.h"

#include <event2/event.h>
#include <math.h>
#include <signal.h>

static const char sleeper[] = "require'lull'.sleep(10)";

static struct lull_stats stats_of(struct lull_runtime *rt)
{
    struct lull_stats stats = {.size = sizeof stats};
    lull_get_stats(rt, &stats);
    return stats;
}

/* Load a script for lull_call_now() and the like. */
static void load(struct lull_runtime *rt, const char *source)
{
    CHECK(lull_load(rt, source, strlen(source), "=script") == LULL_DONE);
}

static void open_plain(struct host *host)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    memset(host, 0, sizeof *host);
    CHECK(open_host(host, none));
}

/* ---- an answer now ------------------------------------------------------------------ */

/* Another task ends the script meanwhile: the call is told before this returns. */
static void exit_during_call_now(void)
{
    struct host host;
    struct told told = {0}, other;
    const struct lull_call_options options = {
        .size = sizeof options, .done = tell, .arg = &told};
    open_plain(&host);
    CHECK(start(host.rt, "require'lull'.sleep(0.01) os.exit(3)", &other));
    load(host.rt, "local _ <const> = 1 require'lull'.group(function(g)\n"
                  "g:spawn(require'lull'.sleep, 10) end)");
    CHECK(lull_call_now(host.rt, 0, 60, &options) == LULL_EXITED);
    CHECK(told.times == 1 && told.status == LULL_EXITED);
    load(host.rt, "return 1");
    CHECK(lull_call_now(host.rt, 0, 60, &options) == LULL_EXITED);
    CHECK(lua_gettop(lull_state(host.rt)) == 0);
    close_host(&host, 0.1);
    CHECK(told.times == 1);
}

/* Options of older hosts are shorter; sizes that nobody has had are refused. */
static void sizes_of_options(void)
{
    struct host host;
    struct lull_call_options options = {
        .size = offsetof(struct lull_call_options, cpu_limit)};
    open_plain(&host);
    load(host.rt, "return 1");
    CHECK(lull_call_now(host.rt, 0, 60, &options) == LULL_DONE);
    options.size = sizeof options + 8;
    load(host.rt, "return 1");
    CHECK(lull_call_now(host.rt, 0, 60, &options) == LULL_BAD_USE);
    load(host.rt, "return 1");
    CHECK(lull_call_with(host.rt, 0, &options) == NULL);
    CHECK(lua_gettop(lull_state(host.rt)) == 0);
    close_host(&host, 0);
}

static void keep_text(void *arg, const char *text)
{
    snprintf(arg, 128, "%s", text);
}

/* Whatever is refused while a runtime is made, the host is told why. */
static void refusals_are_told(void)
{
    bool refused = true;
    for (unsigned long n = 1; refused; n++) {
        struct counted counted = {.fail_at = n};
        char said[128] = "";
        const struct lull_options options = {.size = sizeof options,
                                             .alloc = counted_alloc,
                                             .alloc_ud = &counted,
                                             .report = keep_text,
                                             .report_arg = said};
        struct lull_runtime *rt = lull_new(&options);
        refused = rt == NULL;
        CHECK(refused == (said[0] != '\0'));
        lull_free(rt, 0);
        CHECK(counted.used == 0);
    }
}

/* ---- while the runtime goes ------------------------------------------------------------ */

static void run_again(struct lull_runtime *rt, const struct lull_outcome *outcome,
                      void *arg)
{
    const struct lull_call_options options = {.size = sizeof options};
    CHECK(outcome->status == LULL_CANCELLED);
    CHECK(lull_run(rt) == LULL_BAD_USE);
    CHECK(lull_step(rt, 0) == LULL_BAD_USE);
    load(rt, "return 1");
    CHECK(lull_call_now(rt, 0, 1, &options) == LULL_BAD_USE);
    load(rt, "return 1");
    CHECK(lull_call(rt, 0, NULL, NULL) == NULL);
    ++*(int *)arg;
}

/* Callbacks made inside lull_free() can start nothing, with grace and without. */
static void run_inside_free(double grace)
{
    struct host host;
    int times = 0;
    open_plain(&host);
    for (int i = 0; i < 2; i++) {
        load(host.rt, sleeper);
        CHECK(lull_call(host.rt, 0, run_again, &times) != NULL);
    }
    lull_step(host.rt, 0.01);
    close_host(&host, grace);
    CHECK(times == 2);
}

struct freeing {
    struct lull_runtime *rt;
    struct told told;
    char printed[16];
};

static void keep_print(void *arg, const char *text, size_t size)
{
    struct freeing *freeing = arg;
    size_t used = strlen(freeing->printed);
    snprintf(freeing->printed + used, sizeof freeing->printed - used, "%.*s", (int)size,
             text);
}

static void on_free(evutil_socket_t fd, short what, void *arg)
{
    struct freeing *freeing = arg;
    (void)fd, (void)what;
    lull_free(freeing->rt, 5);
}

/* Inside a callback of the host's base, too, tasks get their time to clean up. */
static void free_inside_the_base(void)
{
    struct freeing freeing = {.printed = ""};
    const struct timeval soon = {0, 10000};
    struct event_base *base = event_base_new();
    const struct lull_options options = {
        .size = sizeof options, .base = base, .print = keep_print, .print_arg = &freeing};
    freeing.rt = lull_new(&options);
    CHECK(start(freeing.rt,
                "local lull = require 'lull'\n"
                "local _ <close> = setmetatable({}, {__close = function()\n"
                "  lull.shield(function() lull.sleep(0.01) print('waited') end)\n"
                "end})\n"
                "lull.sleep(10)",
                &freeing.told));
    event_base_once(base, -1, EV_TIMEOUT, on_free, &freeing, &soon);
    event_base_dispatch(base);
    CHECK(freeing.told.times == 1 && freeing.told.status == LULL_CANCELLED);
    CHECK(strcmp(freeing.printed, "waited\n") == 0);
    event_base_free(base);
}

static void on_nested(evutil_socket_t fd, short what, void *arg)
{
    lua_State *L = lull_state(arg);
    (void)fd, (void)what;
    CHECK(luaL_dostring(L, "require'lull'.run(function() error 'ran' end)") != 0);
    CHECK(strstr(luaL_tolstring(L, -1, NULL), "already running") != NULL);
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
}

/* lull.run below a base that is running: refused, and nothing of it is left. */
static void run_inside_the_base(void)
{
    struct told told;
    const struct timeval soon = {0, 1000};
    struct event_base *base = event_base_new();
    const struct lull_options options = {
        .size = sizeof options, .base = base, .permissions = ALLOW_ALL};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(start(rt, "require'lull'.sleep(0.02)", &told));
    event_base_once(base, -1, EV_TIMEOUT, on_nested, rt, &soon);
    while (told.times == 0)
        event_base_loop(base, EVLOOP_ONCE);
    CHECK(told.times == 1 && told.status == LULL_DONE);
    CHECK(stats_of(rt).tasks == 0);
    lull_free(rt, 0);
    event_base_free(base);
}

/* ---- killing ------------------------------------------------------------------------------ */

static struct lull_task *victim;

static int l_kill(lua_State *L)
{
    lull_kill(lull_runtime_of(L), victim);
    return 0;
}

static int is_victim(void *arg, const struct lull_task_view *view)
{
    if (view->name == NULL || strcmp(view->name, "victim") != 0)
        return 0;
    *(const struct lull_task **)arg = view->task;
    return 1;
}

static const luaL_Reg kill_functions[] = {{"kill", l_kill}, {NULL, NULL}};

/* A task that is over before the kill takes effect was not killed, nor counted. */
static void killed_at_its_end(void)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, kill_functions));
    lull_push_global(host.rt, NULL, "kill");
    victim = lull_call(host.rt, 0, tell, &host.told);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(host.told.status == LULL_DONE && stats_of(host.rt).killed == 0);
    load(host.rt, "kill() error 'goes on'");
    victim = lull_call(host.rt, 0, tell, &host.told);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(host.told.status == LULL_LIMIT && stats_of(host.rt).killed == 1);
    close_host(&host, 0);
}

/* Who has received the failure of a killed task hears nothing of what that owned. */
static void killed_with_children(void)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, kill_functions));
    CHECK(start(host.rt,
                "local lull = require 'lull'\n"
                "local t = lull.spawn(function() lull.group(function(g)\n"
                "  for i = 1, 3 do g:spawn(lull.shield, lull.sleep, 10) end\n"
                "  lull.yield()\n"
                "  lull.current().name = 'victim'\n"
                "  lull.sleep(10)\n"
                "end) end)\n"
                "local ok, e = pcall(t.await, t)\n"
                "assert(not ok and lull.is_error(e, 'limit'), e)\n"
                "lull.sleep(0.01)",
                &host.told));
    victim = NULL;
    while (victim == NULL) {
        CHECK(lull_step(host.rt, 0.01) == LULL_DONE);
        lull_each_task(host.rt, is_victim, &victim);
    }
    lull_kill(host.rt, victim);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(host.told.status == LULL_DONE && stats_of(host.rt).killed == 4);
    close_host(&host, 0);
}

/* A task that stands still since a test has a clock of its own is killed all the same. */
static void killed_outside_virtual_time(void)
{
    struct host host;
    struct told told = {0}, test;
    open_plain(&host);
    load(host.rt, "while true do require'lull'.sleep(0.001) end");
    struct lull_task *task = lull_call(host.rt, 0, tell, &told);
    CHECK(start(host.rt,
                "local lull = require 'lull' lull.sleep(0.01)\n"
                "require'lull.testing'.virtual_time(function()\n"
                "  while true do lull.sleep(1) end end)",
                &test));
    lull_step(host.rt, 0.05);
    lull_kill(host.rt, task);
    for (int i = 0; i < 100 && told.times == 0; i++)
        lull_step(host.rt, 0.05);
    CHECK(told.times == 1 && told.status == LULL_LIMIT && test.times == 0);
    close_host(&host, 0);
    CHECK(test.times == 1);
}

/* A group's handle is collected while the coroutine around it is closed by force. */
static void group_collected_by_force(int kills)
{
    struct host host;
    open_plain(&host);
    load(host.rt, "local lull = require 'lull'\n"
                  "local _ <close> = setmetatable({}, {__close = function()\n"
                  "  collectgarbage() collectgarbage() end})\n"
                  "coroutine.wrap(function()\n"
                  "  lull.group(function(g) lull.sleep(10) end) end)()");
    struct lull_task *task = lull_call(host.rt, 0, tell, &host.told);
    lull_step(host.rt, 0.01);
    if (kills)
        lull_kill(host.rt, task);
    lull_step(host.rt, 0);
    close_host(&host, 0);
    CHECK(host.told.status == (kills ? LULL_LIMIT : LULL_CANCELLED));
}

/* ---- limits that cannot be meant ------------------------------------------------------------ */

/* Whatever a slice is said to be, others go on and limits hold. */
static void odd_slices(void)
{
    const double slices[] = {-1, 1e-12, 1e300, NAN, INFINITY};
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        const struct lull_options options = {.size = sizeof options,
                                             .slice_signal = SIGRTMIN + 1,
                                             .slice = slices[i],
                                             .cpu_limit = 0.05,
                                             .report = ignore_report};
        struct lull_runtime *rt = lull_new(&options);
        struct told told;
        CHECK(rt != NULL);
        CHECK(start(rt, "while true do end", &told));
        CHECK(lull_run(rt) == LULL_DONE && told.status == LULL_LIMIT);
        lull_free(rt, 0);
    }
}

/* ---- no room ----------------------------------------------------------------------------------- */

/* An outcome is told once, also where Lua's stack is full and may not grow. */
static void told_without_room(int values)
{
    struct host host;
    open_plain(&host);
    lua_State *L = lull_state(host.rt);
    CHECK(start(host.rt, "require'lull'.sleep(0.001)", &host.told));
    while (lua_gettop(L) < values && lua_checkstack(L, 1))
        lua_pushnil(L);
    host.counted.fail_at = 1;
    lull_run(host.rt);
    host.counted.fail_at = 0;
    lua_settop(L, 0);
    close_host(&host, 0);
    CHECK(host.told.times == 1);
}

/* ---- objects and sources that go while they are used ---------------------------------------------- */

static struct lull_events *source;

static int l_source(lua_State *L)
{
    lull_events_push(L, source);
    return 1;
}

struct player {
    int score;
};

static const struct lull_field player_fields[] = {
    LULL_FIELD(struct player, score, LULL_FIELD_INT), {0}};
static const struct lull_object_type player_type = {
    .name = "player", .fields = player_fields, .release = free};

static int l_player(lua_State *L)
{
    struct player *player = calloc(1, sizeof *player);
    lull_push_owned_object(L, lull_runtime_of(L), &player_type, player);
    return 1;
}

static const luaL_Reg object_functions[] = {
    {"source", l_source}, {"player", l_player}, {NULL, NULL}};

static void keep_number(struct lull_runtime *rt, const struct lull_outcome *outcome,
                        void *arg)
{
    (void)rt;
    CHECK(outcome->status == LULL_LIMIT || lull_read(outcome->L, -1, "i", arg));
}

/* One of those who wait is killed with an event in hand: the order stays. */
static void events_of_the_killed(void)
{
    struct host host = {.rt = NULL};
    struct lull_task *tasks[3];
    int got[3] = {0, 0, 0};
    CHECK(open_host(&host, object_functions));
    source = lull_events_new(host.rt, "game.events", 0);
    for (int i = 0; i < 3; i++) {
        load(host.rt, "return source():next_event()");
        tasks[i] = lull_call(host.rt, 0, keep_number, &got[i]);
    }
    lull_step(host.rt, 0);
    for (int i = 1; i <= 3; i++)
        CHECK(lull_events_emit(source, "i", i));
    lull_kill(host.rt, tasks[0]);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(got[0] == 0 && got[1] == 1 && got[2] == 2);
    load(host.rt, "return source():next_event()");
    CHECK(lull_call(host.rt, 0, keep_number, &got[0]) != NULL);
    CHECK(lull_run(host.rt) == LULL_DONE && got[0] == 3);
    close_host(&host, 0);
    lull_events_unref(source);
}

/* A finalizer that runs after the source's own finds it closed. */
static void source_in_finalizer(void)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, object_functions));
    source = lull_events_new(host.rt, "game.events", 0);
    CHECK(source != NULL);
    CHECK(start(host.rt,
                "local lull, seen = require 'lull', {}\n"
                "local function try(fn, ...)\n"
                "  local ok, e = pcall(fn, ...)\n"
                "  seen[#seen + 1] = not ok and lull.is_error(e, 'closed')\n"
                "end\n"
                "do\n"
                "  local t = setmetatable({}, {__gc = function(t)\n"
                "    try(t.s.try_next, t.s) try(t.s.dropped, t.s) try(tostring, t.s)\n"
                "    try(t.s.events, t.s)\n"
                "  end})\n"
                "  t.s = source()\n"
                "end\n"
                "collectgarbage() collectgarbage()\n"
                "assert(#seen == 4 and seen[1] and seen[2] and seen[3] and seen[4])",
                &host.told));
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(host.told.status == LULL_DONE);
    close_host(&host, 0);
    lull_events_unref(source);
}

/* Setting a field closes the object on the way: nothing is written. */
static void object_closed_by_name(void)
{
    run_script(object_functions,
               "local o = player()\n"
               "getmetatable('').__tostring = function() o:close() return 'x' end\n"
               "local ok, e = pcall(function() o.score = 5 end)\n"
               "getmetatable('').__tostring = nil\n"
               "assert(not ok and require'lull'.is_error(e, 'closed'))");
}

int main(void)
{
    exit_during_call_now();
    sizes_of_options();
    refusals_are_told();
    run_inside_free(0);
    run_inside_free(0.1);
    free_inside_the_base();
    run_inside_the_base();
    killed_at_its_end();
    killed_with_children();
    killed_outside_virtual_time();
    group_collected_by_force(0);
    group_collected_by_force(1);
    odd_slices();
    for (int values = 0; values < 40; values++)
        told_without_room(values);
    events_of_the_killed();
    source_in_finalizer();
    object_closed_by_name();
    return 0;
}
