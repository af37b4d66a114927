/* SPDX-License-Identifier: MIT */
/*
 * events_test.c -- events from the host: taken, waited for, dropped, closed; the
 * wait cancelled and freed in every state.  Threads: token_threads_test.c.
 */
#include "host.h"

static struct lull_events *source;

/* new(capacity) -> source    The test's one. */
static int l_new(lua_State *L)
{
    size_t capacity = (size_t)luaL_checkinteger(L, 1);
    lull_events_unref(source);
    source = lull_events_new(lull_runtime_of(L), "game.events", capacity);
    CHECK(source != NULL);
    lull_events_push(L, source);
    return 1;
}

/* again() -> source */
static int l_again(lua_State *L)
{
    lull_events_push(L, source);
    return 1;
}

/* emit(text) -> boolean */
static int l_emit(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    lua_pushboolean(L, source != NULL && lull_events_emit(source, "s{s:i}", text, "size",
                                                          (int)strlen(text)));
    return 1;
}

/* emit_wrong() -> boolean */
static int l_emit_wrong(lua_State *L)
{
    lua_pushboolean(L, lull_events_emit(source, "v?"));
    return 1;
}

static int l_close(lua_State *L)
{
    (void)L;
    if (source != NULL)
        lull_events_close(source);
    return 0;
}

static const luaL_Reg functions[] = {{"new", l_new},     {"again", l_again},
                                     {"emit", l_emit},   {"emit_wrong", l_emit_wrong},
                                     {"close", l_close}, {NULL, NULL}};

#define PREFACE "local lull = require 'lull' local async = lull.async\n"

static const char taking[] = PREFACE
    "local s = new(0) assert(emit 'a' and emit 'bb')\n"
    "local kind, t = s:next_event() assert(kind == 'a' and t.size == 1)\n"
    "kind, t = s:try_next() assert(kind == 'bb' and t.size == 2)\n"
    "assert(select('#', s:try_next()) == 0 and s:dropped() == 0)\n"
    "assert(s == again() and tostring(s) == 'lull.events: game.events')\n"
    "assert(getmetatable(s) == 'lull.events' and s.missing == nil)\n"
    "for _, name in ipairs{'next_event', 'try_next', 'events', 'dropped'} do\n"
    "  local ok, e = pcall(s[name], {}) assert(not ok and e:find 'lull.events expected')\n"
    "end\n"
    "assert(not emit_wrong() and s:dropped() == 0)\n"
    "for i = 1, 200 do emit(tostring(i)) assert(s:next_event() == tostring(i)) end\n";

static const char waiting[] = PREFACE
    "local s, got = new(4), {}\n"
    "local function take(name) local v = s:next_event() got[#got + 1] = name .. v end\n"
    "local a, b, c = async(take)('a'), async(take)('b'), async(take)('c') lull.yield()\n"
    "emit '1' emit '2'\n" /* the first two have theirs; a newcomer does not overtake */
    "local d = async(take)('d') lull.yield() assert(#got == 2)\n"
    "emit '3' emit '4' lull.gather(a, b, c, d)\n"
    "assert(table.concat(got, ' ') == 'a1 b2 c3 d4')\n";

static const char iterating[] = PREFACE
    "local s, got = new(8), {}\n"
    "local t = async(function()\n"
    "  for kind, t in s:events() do got[#got + 1] = kind .. t.size end return 'over'\n"
    "end)()\n"
    "lull.yield() emit 'x' emit 'yy' lull.yield() emit 'zzz' close() close()\n"
    "assert(t:await() == 'over' and table.concat(got, ' ') == 'x1 yy2 zzz3')\n"
    "for _ in s:events() do error 'closed' end\n"
    "assert(not emit 'late' and s:dropped() == 0)\n";

static const char closing[] = PREFACE
    "local s = new(8) emit 'left'\n"
    "local t, u = async(s.next_event)(new(8)), nil lull.yield()\n"
    "s = again() close()\n"
    "local ok, e = pcall(t.await, t)\n"
    "assert(e.kind == 'closed' and e.op == 'game.events')\n"
    "ok, e = pcall(s.next_event, s) assert(e.kind == 'closed' and e.op == 'game.events')\n"
    "assert(select('#', s:try_next()) == 0)\n"
    "s = new(8) emit 'left' close() assert(s:next_event() == 'left')\n"
    "s = new(8) emit 'left' close() assert(s:try_next() == 'left')\n"
    "s = new(8) u = async(function() return s:events()() end)() lull.yield() close()\n"
    "assert(u:await() == nil)\n";

static const char full[] = PREFACE
    "local s = new(2) assert(emit 'a' and emit 'b' and not emit 'c')\n"
    "assert(s:dropped() == 1 and s:next_event() == 'a' and emit 'd' and not emit 'e')\n"
    "assert(s:dropped() == 2 and s:next_event() == 'b' and s:next_event() == 'd')\n";

static const char cancelling[] = PREFACE
    "local s = new(4)\n"
    "local t, u = async(s.next_event)(s), async(s.next_event)(s) lull.yield()\n"
    "t:cancel() emit 'x' t:join()\n" /* cancelled: takes nothing */
    "assert(t:status() == 'cancelled' and u:await() == 'x')\n"
    "t = async(s.next_event)(s) lull.yield() emit 'y' t:cancel()\n" /* it came before */
    "assert(t:await() == 'y')\n"
    "local ok, e = pcall(lull.timeout, 0.001, s.next_event, s)\n"
    "assert(e.kind == 'timeout') emit 'z' assert(s:try_next() == 'z')\n"
    "t = lull.spawn(function() lull.current():cancel() emit 'w' s:next_event() end)\n"
    "t:join() assert(t:status() == 'cancelled' and s:try_next() == 'w')\n"
    "ok, e = pcall(tostring, setmetatable({}, {__tostring = function() s:next_event() end}))\n"
    "assert(e.kind == 'usage')\n";

static void done(void)
{
    lull_events_unref(source);
    source = NULL;
}

/* Freed while tasks wait, while what they were handed is there, and untaken. */
static void check_freed(const char *script, double grace)
{
    struct host host = {.rt = NULL};
    CHECK(open_host(&host, functions));
    CHECK(start(host.rt, script, &host.told));
    CHECK(lull_step(host.rt, 0) == LULL_DONE);
    CHECK(host.told.times == 0);
    if (strstr(script, "handed") != NULL)
        CHECK(lull_events_emit(source, "s", "a") && lull_events_emit(source, "s", "b"));
    close_host(&host, grace);
    CHECK(!lull_events_emit(source, "s", "late"));
    lull_events_close(source);
    CHECK(lull_events_dropped(source) == 0);
    done();
}

/* A waiter closed by force passes on what it was handed. */
static void check_passed_on(void)
{
    static const char script[] =
        PREFACE "local s = new(4)\n"
                "local t = async(function() lull.shield(s.next_event, s) end)()\n"
                "lull.sleep_forever()\n";
    check_freed(script, 0);
    check_freed(script, 0.01);
}

/* Somebody waits: lull_run() goes on until it is closed. */
static void close_later(struct lull_runtime *rt, void *arg)
{
    (void)rt;
    CHECK(lull_events_emit(source, "s", "posted"));
    ++*(int *)arg;
    lull_events_close(source);
}

static void check_holds(void)
{
    struct host host = {.rt = NULL};
    int posts = 0;
    CHECK(open_host(&host, functions));
    CHECK(
        start(host.rt,
              "local s = new(4) local count = 0\n"
              "for kind in s:events() do assert(kind == 'posted') count = count + 1 end\n"
              "assert(count == 1)",
              &host.told));
    CHECK(lull_step(host.rt, 0) == LULL_DONE);
    CHECK(lull_post(host.rt, close_later, &posts) == LULL_DONE);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(posts == 1 && host.told.status == LULL_DONE);
    done();
    close_host(&host, 0);
}

int main(void)
{
    static const char *const scripts[] = {taking,  waiting, iterating,
                                          closing, full,    cancelling};
    static const char handed[] =
        PREFACE "local s = new(4) -- handed\n"
                "async(s.next_event)(s) async(s.next_event)(s) s:next_event()\n";
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        run_script(functions, scripts[i]);
        done();
    }
    for (int i = 0; i < 2; i++) {
        check_freed("local s = new(4) emit 'x' require('lull').sleep_forever()",
                    i * 0.01);
        check_freed("local s = new(4) s:next_event()", i * 0.01);
        check_freed(handed, i * 0.01);
    }
    check_passed_on();
    check_holds();
    refuse_each(functions, taking, done);
    refuse_each(functions, waiting, done);
    refuse_each(functions, closing, done);
    return 0;
}
