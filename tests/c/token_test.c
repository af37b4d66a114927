/* SPDX-License-Identifier: MIT */
/*
 * token_test.c -- asynchronous C functions: every way to end a token, on the
 * runtime's thread; cancelled, lost, and freed in every state.  Threads: token_threads_test.c.
 */
#include "host.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the functions of the scripts did, since the test began. */
static struct {
    struct lull_token *pending; /* made by wait(), and its hold */
    int cancels;
    int releases;
    int pushes;
    bool drop_in_cancel;
} seen;

static void on_cancel(struct lull_token *token, void *arg)
{
    CHECK(arg == &seen);
    CHECK(token == seen.pending);
    seen.cancels++;
    if (seen.drop_in_cancel)
        lull_token_drop(token);
}

static int push_two(lua_State *L, void *arg)
{
    seen.pushes++;
    return lull_push_values(L, "ss", (const char *)arg, "two");
}

static int push_raising(lua_State *L, void *arg)
{
    (void)arg;
    seen.pushes++;
    return lull_raise(L, LULL_KIND_IO, "cannot be pushed");
}

static void release(void *arg)
{
    CHECK(strcmp(arg, "one") == 0);
    seen.releases++;
}

static char one[] = "one";

/* ---- functions of the scripts -------------------------------------------------------- */

/* wait()    Pending until the test or another function ends seen.pending. */
static int l_wait(lua_State *L)
{
    seen.pending = lull_token_new(L, "host.wait", NULL, NULL);
    lull_token_on_cancel(seen.pending, on_cancel, &seen);
    return lull_token_await(L, seen.pending);
}

/* wait_unasked()    The same, without a cancel function. */
static int l_wait_unasked(lua_State *L)
{
    seen.pending = lull_token_new(L, "host.wait", NULL, NULL);
    return lull_token_await(L, seen.pending);
}

/* now(how)    Ended before it is awaited. */
static int l_now(lua_State *L)
{
    static const char *const hows[] = {"push",   "raise",  "release", "nothing",
                                       "values", "format", "fail",    "errno",
                                       "kind",   "drop",   "long",    NULL};
    static const char text[100] = "0123456789012345678901234567890123456789012345678";
    int how = luaL_checkoption(L, 1, NULL, hows);
    struct lull_token *token = lull_token_new(L, "host.now", on_cancel, &seen);
    switch (how) {
    case 0:
        CHECK(lull_token_complete(token, push_two, NULL, one));
        break;
    case 1:
        CHECK(lull_token_complete(token, push_raising, release, one));
        break;
    case 2:
        CHECK(lull_token_complete(token, push_two, release, one));
        break;
    case 3:
        CHECK(lull_token_complete(token, NULL, release, one));
        break;
    case 4:
        CHECK(lull_token_complete_values(token, "i{s:[sn]}-b", 7, "list", "x", 0.5, 1));
        break;
    case 5:
        CHECK(lull_token_complete_values(token, "i?", 7));
        break;
    case 6:
        CHECK(lull_token_fail(token, LULL_KIND_TLS, "no trust", 0));
        break;
    case 7:
        CHECK(lull_token_fail(token, LULL_KIND_IO, NULL, ENOENT));
        break;
    case 8:
        CHECK(lull_token_fail(token, (enum lull_kind)77, NULL, 0));
        break;
    case 9:
        lull_token_drop(token);
        break;
    default:
        CHECK(lull_token_complete_values(token, "S", text, sizeof text));
        break;
    }
    return lull_token_await(L, token);
}

/* lose(how)    Not awaited: raises, or awaits another. */
static int l_lose(lua_State *L)
{
    bool other = lua_toboolean(L, 1);
    struct lull_token *lost = lull_token_new(L, "host.lose", on_cancel, &seen);
    seen.pending = lost;
    if (other)
        return lull_token_await(L, NULL);
    return luaL_error(L, "lost");
}

/* finish(value) -> boolean: was it the one to end the pending token? */
static int l_finish(lua_State *L)
{
    const char *value = luaL_checkstring(L, 1);
    struct lull_token *token = seen.pending;
    seen.pending = NULL;
    /* NULL: memory was refused, and there is none */
    lua_pushboolean(L, token && lull_token_complete_values(token, "s", value));
    return 1;
}

/* release_late() -> boolean    The same with something to release. */
static int l_release_late(lua_State *L)
{
    lua_pushboolean(L, lull_token_complete(seen.pending, push_two, release, one));
    return 1;
}

static int l_hold(lua_State *L)
{
    (void)L;
    CHECK(lull_token_hold(seen.pending) == seen.pending);
    return 0;
}

static int l_drop(lua_State *L)
{
    (void)L;
    lull_token_drop(seen.pending);
    return 0;
}

struct soon {
    struct event *timer;
    struct lull_token *token;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct soon *soon = arg;
    (void)fd, (void)what;
    event_free(soon->timer);
    CHECK(lull_token_complete_values(soon->token, "s", "timer"));
    free(soon);
}

/* soon() -> "timer"    Ended by the base's callback. */
static int l_soon(lua_State *L)
{
    const struct timeval delay = {.tv_usec = 1000};
    struct event_base *base = lull_base(lull_runtime_of(L));
    struct lull_token *token = lull_token_new(L, "host.soon", NULL, NULL);
    struct soon *soon = malloc(sizeof *soon);
    CHECK(soon != NULL);
    soon->token = token;
    soon->timer = event_new(base, -1, 0, on_timer, soon);
    CHECK(soon->timer != NULL && event_add(soon->timer, &delay) == 0);
    return lull_token_await(L, token);
}

/* count(name) -> integer: what is seen */
static int l_count(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_pushinteger(L, strcmp(name, "cancels") == 0    ? seen.cancels
                       : strcmp(name, "releases") == 0 ? seen.releases
                                                       : seen.pushes);
    return 1;
}

static const luaL_Reg functions[] = {
    {"wait", l_wait},     {"wait_unasked", l_wait_unasked},
    {"now", l_now},       {"lose", l_lose},
    {"finish", l_finish}, {"release_late", l_release_late},
    {"hold", l_hold},     {"drop", l_drop},
    {"soon", l_soon},     {"count", l_count},
    {NULL, NULL}};

/* ---- scripts, each a life --------------------------------------------------------------------- */

#define PREFACE "local lull = require 'lull' local async = lull.async\n"

static const char ended_at_once[] = PREFACE
    "local a, b = now 'push' assert(a == 'one' and b == 'two' and count 'pushes' == 1)\n"
    "a, b = now 'release' assert(a == 'one' and b == 'two' and count 'releases' == 1)\n"
    "assert(select('#', now 'nothing') == 0 and count 'releases' == 2)\n"
    "local i, t, n, y = now 'values'\n"
    "assert(i == 7 and t.list[1] == 'x' and t.list[2] == 0.5 and n == nil and y == true)\n"
    "assert(#now 'long' == 100)\n"
    "for _ = 1, 200 do assert(now 'values' == 7) end\n"
    "assert(count 'cancels' == 0)\n";

static const char failures[] = PREFACE
    "local function fails(how)\n"
    "  local ok, e = pcall(now, how)\n"
    "  assert(not ok and lull.is_error(e) and (e.op == 'host.now' or how == 'raise'))\n"
    "  return e\n"
    "end\n"
    "local e = fails 'fail' assert(e.kind == 'tls' and e.message == 'no trust' and not e.code)\n"
    "e = fails 'errno' assert(e.kind == 'io' and e.code == 'ENOENT' and #e.message > 6)\n"
    "assert(fails('kind').kind == 'usage')\n"
    "assert(fails('drop').kind == 'closed')\n"
    "assert(fails('format').kind == 'usage')\n"
    "e = fails 'raise' assert(e.message == 'cannot be pushed' and count 'releases' == 1)\n";

static const char ended_by_timer[] =
    PREFACE "assert(soon() == 'timer')\n"
            "local list = lull.gather{soon, soon, soon} assert(#list == 3)\n";

static const char ended_while_waiting[] =
    PREFACE "local t = async(wait)() lull.yield()\n"
            "assert(finish 'x' and t:status() == 'pending')\n"
            "assert(t:await() == 'x')\n";

static const char several_holders[] = PREFACE
    "local t = async(wait)() lull.yield() hold() hold()\n"
    "drop() lull.yield() assert(t:status() == 'pending')\n"
    "assert(release_late() and count 'releases' == 0)\n"
    "assert(not release_late() and count 'releases' == 1)\n"
    "assert(t:await() == 'one' and count 'releases' == 2)\n"
    "t = async(wait)() lull.yield() hold() drop() drop()\n"
    "local ok, e = pcall(t.await, t) assert(e.kind == 'closed' and e.op == 'host.wait')\n";

static const char cancelled_pending[] = PREFACE
    "local t = async(wait)() lull.yield()\n"
    "t:cancel() assert(count 'cancels' == 1)\n"
    "assert(not release_late() and count 'releases' == 1 and count 'pushes' == 0)\n"
    "t:join() assert(t:status() == 'cancelled')\n"
    "t = async(wait)() lull.yield() hold() t:cancel() drop() t:join() drop()\n"
    "t = async(wait_unasked)() lull.yield() t:cancel() t:join()\n"
    "assert(not release_late() and count 'releases' == 2 and count 'cancels' == 2)\n";

static const char cancelled_ended[] = PREFACE
    "local t = async(function() return wait() end)() lull.yield()\n"
    "assert(release_late()) t:cancel()\n"
    "assert(t:await() == 'one' and count 'cancels' == 0 and count 'releases' == 1)\n";

static const char cancelled_before[] = PREFACE
    "local t = lull.spawn(function() lull.current():cancel() wait() end) t:join()\n"
    "assert(t:status() == 'cancelled' and count 'cancels' == 0)\n";

static const char timed_out[] =
    PREFACE "local ok, e = pcall(lull.timeout, 0.01, wait)\n"
            "assert(not ok and e.kind == 'timeout' and count 'cancels' == 1)\n"
            "drop()\n";

static const char lost[] = PREFACE
    "local ok, e = pcall(lose) assert(not ok and e:find 'lost' and count 'cancels' == 0)\n"
    "hold() drop()\n"
    "drop()\n" /* ended after all: nobody is told */
    "assert(now 'push' == 'one' and count 'cancels' == 0)\n"
    "ok, e = pcall(lose, true) assert(not ok and e.kind == 'usage')\n"
    "assert(now 'push' == 'one' and count 'cancels' == 1)\n"
    "drop()\n";

static const char refused[] = PREFACE
    "local ok, e = pcall(tostring, setmetatable({}, {__tostring = function() now 'push' end}))\n"
    "assert(not ok and e.kind == 'usage')\n";

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
}

static void check_scripts(void)
{
    static const char *const scripts[] = {ended_at_once,
                                          failures,
                                          ended_by_timer,
                                          ended_while_waiting,
                                          several_holders,
                                          cancelled_ended,
                                          cancelled_pending,
                                          timed_out,
                                          cancelled_before,
                                          lost,
                                          refused};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        begin();
        run_script(functions, scripts[i]);
    }
}

/* Giving the hold up inside the cancel function. */
static void check_drop_in_cancel(void)
{
    begin();
    seen.drop_in_cancel = true;
    run_script(functions, PREFACE "local t = async(wait)() lull.yield() t:cancel()\n"
                                  "t:join() assert(count 'cancels' == 1)\n");
}

/* ---- the runtime freed -------------------------------------------------------------------------- */

/* A host whose script waits. */
static void open_waiting(struct host *host, const char *script)
{
    begin();
    memset(host, 0, sizeof *host);
    CHECK(open_host(host, functions));
    CHECK(start(host->rt, script, &host->told));
    CHECK(lull_step(host->rt, 0) == LULL_DONE);
    CHECK(host->told.times == 0 && seen.pending != NULL);
}

static void check_freed_pending(double grace)
{
    struct host host;
    open_waiting(&host, "wait()");
    CHECK(!lull_is_idle(host.rt));
    close_host(&host, grace);
    CHECK(seen.cancels == 1 && host.told.times == 1);
    CHECK(!lull_token_complete(seen.pending, push_two, release, one));
    CHECK(seen.releases == 1 && seen.pushes == 0);
}

static void check_freed_ended(double grace)
{
    struct host host;
    open_waiting(&host, "wait()");
    CHECK(lull_token_complete(seen.pending, push_two, release, one));
    close_host(&host, grace);
    CHECK(seen.cancels == 0 && seen.releases == 1);
    CHECK(seen.pushes == (grace > 0));
}

/* Every other way to be late, after the runtime has gone. */
static void check_late(void)
{
    struct host host;
    open_waiting(&host, "wait()");
    for (int i = 0; i < 3; i++)
        lull_token_hold(seen.pending);
    close_host(&host, 0);
    CHECK(!lull_token_complete_values(seen.pending, "s", "late"));
    CHECK(!lull_token_complete_values(seen.pending, "?"));
    CHECK(!lull_token_fail(seen.pending, LULL_KIND_IO, "late", 0));
    lull_token_drop(seen.pending);
}

static void check_freed_lost(void)
{
    struct host host;
    begin();
    memset(&host, 0, sizeof host);
    CHECK(open_host(&host, functions));
    CHECK(start(host.rt, "pcall(lose)", &host.told));
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(seen.cancels == 0);
    close_host(&host, 0);
    CHECK(seen.cancels == 1);
    lull_token_drop(seen.pending);
}

/* The cleanup of a task that is closed by force may not wait. */
static void check_freed_cleaning(void)
{
    struct host host;
    open_waiting(&host, "local _ <close> = setmetatable({}, {__close = function()\n"
                        "  kind = select(2, pcall(now, 'push')).kind\n"
                        "end}) wait()");
    close_host(&host, 0);
    CHECK(seen.cancels == 1 && seen.pushes == 0);
    lull_token_drop(seen.pending);
}

/* ---- mistakes ------------------------------------------------------------------------------------- */

/* A hold given up twice, while the script waits. */
static void end_twice(void)
{
    struct host host;
    open_waiting(&host, "assert(wait() == 'first')");
    CHECK(lull_token_complete_values(seen.pending, "s", "first"));
    CHECK(!lull_token_complete(seen.pending, push_two, release, one));
    CHECK(seen.releases == 1);
    lull_token_drop(seen.pending);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(host.told.status == LULL_DONE);
    close_host(&host, 0);
}

static void check_end_twice(void)
{
#if LULL_DEBUG
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        end_twice();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    end_twice();
#endif
}

/* Outside any task, from the host's own stack. */
static void check_outside(void)
{
    struct host host;
    begin();
    memset(&host, 0, sizeof host);
    CHECK(open_host(&host, functions));
    lua_State *L = lull_state(host.rt);
    lua_getglobal(L, "wait");
    CHECK(lua_pcall(L, 0, 0, 0) == LUA_ERRRUN);
    lua_getfield(L, -1, "kind");
    CHECK(strcmp(lua_tostring(L, -1), "usage") == 0);
    close_host(&host, 0);
}

/* After a life that may have ended early. */
static void drop_pending(void)
{
    if (seen.pending != NULL)
        lull_token_drop(seen.pending);
    begin();
}

int main(void)
{
    static const char all[] = PREFACE
        "local t = async(wait)() lull.yield() finish('x') t:await()\n"
        "pcall(now, 'fail') now 'values' now 'release' pcall(now, 'raise') now 'long'\n";
    check_scripts();
    check_drop_in_cancel();
    for (int i = 0; i < 2; i++) {
        check_freed_pending(i * 0.05);
        check_freed_ended(i * 5);
    }
    check_late();
    check_freed_lost();
    check_freed_cleaning();
    check_end_twice();
    check_outside();
    printf("%lu allocations refused\n", refuse_each(functions, all, drop_pending));
    return 0;
}
