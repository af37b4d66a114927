/* SPDX-License-Identifier: MIT */
/*
 * matrix_test.c -- the runtime freed under every kind of wait.
 *
 * The rows are those of the cancel matrix (tests/spec/cancel_matrix), run here
 * with an allocator that counts.  A runtime is freed while the task waits, and
 * again when what it waits for has ended and it has not run yet; at once and
 * with grace; on its own base and on a borrowed one.  Nothing may be left.
 *
 *   matrix_test [file...]   those of these files; by default tasks, sync, net
 *
 * MATRIX_VERBOSE and MATRIX_MODE (waiting, ...) in the environment help to find a bug.
 */
#include "check.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <lua.h>
#include <time.h>

#define GRACE   0.05
#define SPIN_NS 3000000 /* more than a turn may take */

/* Arguments: file, row, mode.  mark(true) tells that there is such a row. */
static const char script[] =
    "local lull = require 'lull'\n"
    "local testing = require 'lull.testing'\n"
    "local file, number, mode = ...\n"
    "local nothing = setmetatable({}, {__index = function() return function() end end})\n"
    "local support = {\n"
    "  go = function(fn, ...) return lull.async(fn)(...) end,\n"
    "  ends = function(status, task) assert(task:join() == status) end,\n"
    "  assert = setmetatable({are = nothing}, {\n"
    "    __index = nothing, __call = function(_, ...) return assert(...) end}),\n"
    "  socket_path = function()\n"
    "    local path = os.tmpname()\n"
    "    os.remove(path)\n"
    "    return path\n"
    "  end,\n"
    "}\n"
    "local row = dofile('tests/spec/cancel_matrix/' .. file .. '.lua')(support)[number]\n"
    "if not row then return mark('end') end\n"
    "local column = mode == 'cancelled' and 'waiting' or mode\n"
    "if row.columns and not row.columns[column] and not row.columns.forced then\n"
    "  return mark('no such mode')\n"
    "end\n"
    "local stage = row[3]()\n"
    "name(row[1])\n"
    "local function start(wait)\n"
    "  return lull.spawn(function()\n"
    "    if stage.turns then return pcall(wait or stage.wait) end -- may be over any time\n"
    "    (wait or stage.wait)()\n"
    "    ran()\n"
    "  end)\n"
    "end\n"
    "local function settle()\n"
    "  if not stage.turns then return testing.settle() end\n"
    "  for _ = 1, 8 do lull.yield() end\n"
    "end\n"
    "if mode == 'waiting' then\n"
    "  start()\n"
    "  if not stage.alone then start() end\n"
    "  settle()\n"
    "  if stage.arrange then stage.arrange() end\n"
    "elseif mode == 'cancelled' then\n"
    "  local task = start()\n"
    "  settle()\n"
    "  if stage.arrange then stage.arrange() end\n"
    "  task:cancel()\n"
    "  if not stage.alone then start() end\n"
    "elseif mode == 'partial' and stage.partial then\n"
    "  stage.partial(start)\n"
    "elseif mode == 'completed' and stage.deliver then\n"
    "  stage.deliver(start)\n"
    "elseif mode == 'completed' and stage.complete then\n"
    "  start()\n"
    "  settle()\n"
    "  if stage.arrange then stage.arrange() end\n"
    "  stage.complete()\n"
    "elseif mode == 'closed' and stage.close then\n"
    "  start()\n"
    "  settle()\n"
    "  stage.close()\n"
    "else\n"
    "  return mark('no such mode')\n"
    "end\n"
    "mark('ready')\n"
    "lull.sleep_forever()\n";

enum mark { NOT_YET, READY, NO_MODE, NO_ROW };

static enum mark marked;
static int waiters_ran; /* past their waits */
static int missed;      /* cells freed too late: the turn did not end at the mark */
static char row_name[80];

/* mark(what)    Uses up the turn, so that nothing else runs in it. */
static int l_mark(lua_State *L)
{
    const char *what = luaL_checkstring(L, 1);
    struct timespec start, now;
    marked = strcmp(what, "ready") == 0 ? READY
             : strcmp(what, "end") == 0 ? NO_ROW
                                        : NO_MODE;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec <
             SPIN_NS);
    return 0;
}

static int l_ran(lua_State *L)
{
    (void)L;
    waiters_ran++;
    return 0;
}

static int l_name(lua_State *L)
{
    snprintf(row_name, sizeof row_name, "%s", luaL_checkstring(L, 1));
    return 0;
}

struct cell {
    const char *file;
    int row;
    const char *mode;
    double grace;
    int borrowed;
};

static void start_cell(struct lull_runtime *rt, const struct cell *cell,
                       struct told *told)
{
    lua_State *L = lull_state(rt);
    marked = NOT_YET;
    waiters_ran = 0;
    lua_register(L, "mark", l_mark);
    lua_register(L, "name", l_name);
    lua_register(L, "ran", l_ran);
    CHECK(lull_load(rt, script, sizeof script - 1, "=cell") == LULL_DONE);
    lua_pushstring(L, cell->file);
    lua_pushinteger(L, cell->row);
    lua_pushstring(L, cell->mode);
    CHECK(lull_call(rt, 3, tell, told) != NULL);
}

/* Run up to the mark, and not a step further. */
static void drive(struct lull_runtime *rt, struct event_base *base,
                  const struct told *told)
{
    while (marked == NOT_YET && told->times == 0) {
        if (base != NULL)
            CHECK(event_base_loop(base, EVLOOP_ONCE) >= 0);
        else
            CHECK(lull_step(rt, 0) == LULL_DONE);
    }
}

/* What the row said: READY, or that it has no such mode, or that there is no row. */
static enum mark run_cell(const struct cell *cell)
{
    struct counted counted = {.used = 0};
    struct told told = {0};
    struct event_base *base = cell->borrowed ? event_base_new() : NULL;
    const struct lull_options options = {.size = sizeof options,
                                         .base = base,
                                         .alloc = counted_alloc,
                                         .alloc_ud = &counted,
                                         .permissions = ALLOW_ALL,
                                         .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    start_cell(rt, cell, &told);
    drive(rt, base, &told);
    if (marked == NOT_YET)
        fprintf(stderr, "%s, %s: %s\n", row_name, cell->mode, told.message);
    CHECK(marked != NOT_YET);
    CHECK(marked != READY || told.times == 0);
    CHECK(lull_memory(rt) == counted.used);
    missed += waiters_ran > 0;
    lull_free(rt, cell->grace);
    CHECK(told.times == 1);
    CHECK(counted.used == 0);
    if (base != NULL) {
        CHECK(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
        event_base_free(base);
    }
    return marked;
}

/* With and without grace, on an own base and a borrowed one. */
static enum mark run_four(struct cell cell, int *cells)
{
    enum mark said = READY;
    for (int i = 0; i < 4 && said == READY; i++) {
        cell.grace = i & 1 ? GRACE : 0;
        cell.borrowed = (i & 2) != 0;
        if (getenv("MATRIX_VERBOSE") != NULL)
            fprintf(stderr, "%s %d %s, grace %g, borrowed %d\n", cell.file, cell.row,
                    cell.mode, cell.grace, cell.borrowed);
        said = run_cell(&cell);
        *cells += said == READY;
    }
    return said;
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"tasks", "sync", "net"};
    static const char *const modes[] = {"waiting", "cancelled", "completed", "partial",
                                        "closed"};
    const char *const *files = argc > 1 ? (const char *const *)argv + 1 : usual;
    int file_count = argc > 1 ? argc - 1 : (int)(sizeof usual / sizeof usual[0]);
    const char *only = getenv("MATRIX_MODE");
    int cells = 0;
    for (int file = 0; file < file_count; file++) {
        enum mark said = READY;
        for (int row = 1; said != NO_ROW; row++) {
            for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
                const struct cell cell = {
                    .file = files[file], .row = row, .mode = modes[i]};
                if (only == NULL || strcmp(only, cell.mode) == 0)
                    said = run_four(cell, &cells);
                if (said == NO_ROW)
                    break;
            }
        }
    }
    printf("%d runtimes freed under a wait, %d after it\n", cells - missed, missed);
    CHECK(missed < cells / 10);
    return 0;
}
