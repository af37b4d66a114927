--- driver.measures: what is measured, who takes part, and the goals.
---
--- A goal compares two rows (`of` divided by `to`) or a field of one row with a
--- limit: `max`, or `min` where more is better.
local embedding = require "driver.embedding"
local files = require "driver.files"
local kinds = require "driver.kinds"
local network = require "driver.network"
local shell = require "driver.shell"

---@class bench.Goal
---@field text string
---@field of string       label of a row
---@field to? string      label of the row it is divided by
---@field field? string   a field of the row instead of a ratio
---@field by? string      the field the ratio is of (ns)
---@field plus? number    what is added to the row it is divided by
---@field max? number
---@field min? number

---@class bench.Measure
---@field name string        for --only
---@field title string
---@field dir string         folder with the programs
---@field base string        yardstick of the ratio column
---@field who string[]
---@field absent? table<string, string>   who does not take part, and why
---@field tools? string[]    programs of yardstick/ that run it
---@field prepare? fun(env: bench.Env): string?   makes what it needs, or says why it cannot
---@field kinds { [1]: string, [2]: bench.Kind }[]   label suffix and kind
---@field goals bench.Goal[]
---@field commands? table<string, string>
---@field also? string       a second field to show, "wall" or "cpu"
---@field quick_rounds? integer   rounds of --quick, where runs are long

local NO_TASKS <const> = "has no tasks to wait for"
local OLD_COPAS <const> = "Debian's version 1.2 has neither sleep nor queues"

local MICRO <const> = {
  "R", "lull", "lua5.4", "go", "asyncio", "uvloop", "node", "cqueues", "luv", "copas", "tarantool",
}
local ECHO <const> = {
  "raw epoll", "lull", "go", "asyncio", "uvloop", "node", "cqueues", "luv", "copas", "tarantool",
}
local MANY_SOCKETS <const> = { copas = "select cannot watch so many sockets" }

local function yield_measure(tasks, asyncio)
  return {
    name = "yield-" .. tasks,
    title = ("yield, %d task%s: CPU per switch"):format(tasks, tasks == 1 and "" or "s"),
    dir = "yield",
    base = "R",
    who = MICRO,
    absent = { copas = OLD_COPAS },
    kinds = { { "", kinds.counted(100000, tostring(tasks)) } },
    goals = {
      { text = "<= 1.6 R", of = "lull", to = "R", max = 1.6 },
      { text = (">= %d x asyncio"):format(asyncio), of = "asyncio", to = "lull", min = asyncio },
      { text = "faster than go or within 10%", of = "lull", to = "go", max = 1.1 },
    },
  }
end

local function spawn_measure(form, title, who)
  return {
    name = "spawn-" .. form,
    title = title,
    dir = "spawn",
    base = "R",
    who = who,
    absent = { luv = NO_TASKS, copas = NO_TASKS },
    kinds = { { "", kinds.counted(20000, form) } },
    goals = {
      { text = "<= 5.5 R", of = "lull", to = "R", max = 5.5 },
      { text = "faster than go", of = "lull", to = "go", max = 1 },
      { text = ">= 15 x asyncio", of = "asyncio", to = "lull", min = 15 },
    },
  }
end

local function echo_measure(name, title, kind, limits)
  local goals <const> = {
    { text = ("<= %g x raw epoll"):format(limits.raw), of = "lull", to = "raw epoll",
      max = limits.raw },
  }
  if limits.asyncio then
    goals[2] = { text = (">= %g x asyncio streams"):format(limits.asyncio), of = "asyncio",
      to = "lull", min = limits.asyncio }
  end
  return {
    name = name,
    title = title .. ": server CPU per round trip",
    dir = "echo",
    base = "raw epoll",
    who = ECHO,
    absent = limits.absent,
    tools = { "load" },
    kinds = { { "", kind } },
    goals = goals,
  }
end

local channel <const> = {
  name = "channel",
  title = "channel, rendezvous: CPU per round trip of two tasks",
  dir = "channel",
  base = "R",
  who = MICRO,
  absent = { luv = "has no channel and no tasks", copas = OLD_COPAS },
  kinds = { { "", kinds.counted(20000) } },
  goals = {
    { text = "<= 6.5 R", of = "lull", to = "R", max = 6.5 },
    { text = ">= 22 x asyncio", of = "asyncio", to = "lull", min = 22 },
  },
}

local sleep <const> = {
  name = "sleep",
  title = "sleeping tasks, all at once: CPU and memory per task, start to end",
  dir = "sleep",
  base = "R",
  quick_rounds = 1,
  who = MICRO,
  absent = {
    ["lua5.4"] = "cannot sleep without busy waiting",
    copas = OLD_COPAS,
    tarantool = "more fibers than the kernel gives memory maps (65,530)",
  },
  kinds = {
    { " 100k", kinds.sleeping(100000, 2) },
    { " 1M", kinds.sleeping(1000000, 8, 7) },
  },
  goals = {
    { text = "1M: <= 70 R", of = "lull 1M", to = "R", max = 70 },
    { text = "1M: <= 1.4 x the cost at 100k", of = "lull 1M", to = "lull 100k", max = 1.4 },
    { text = "1M: <= 1,400 bytes each", of = "lull 1M", field = "rss", max = 1400 },
  },
}

local startup <const> = {
  name = "startup",
  title = "start-up with an empty program: wall time and peak memory",
  dir = "",
  base = "lua5.4",
  who = { "lua5.4", "lull", "asyncio", "node" },
  tools = { "startup" },
  kinds = { { "", kinds.startup(25) } },
  commands = {
    ["lua5.4"] = "lua5.4 -e ''",
    lull = "{lull} -e ''",
    asyncio = "/usr/bin/python3 -c 'import asyncio'",
    node = "node -e ''",
  },
  goals = {
    { text = "<= 1.2 x lua5.4", of = "lull", to = "lua5.4", max = 1.2 },
    { text = "RSS <= 4 MiB", of = "lull", field = "rss", max = 4 * 1024 * 1024 },
  },
}

local repl <const> = {
  name = "repl",
  title = "a prompt at a terminal: wall time until it is shown, and peak memory",
  dir = "",
  base = "lua5.4",
  who = { "lua5.4", "lull", "node" },
  tools = { "ready" },
  kinds = { { "", kinds.startup(25, "ready") } },
  commands = { ["lua5.4"] = "lua5.4 -i", lull = "{lull} repl", node = "node -i" },
  goals = { { text = "<= 20 ms", of = "lull", max = 20e6, field = "ns" } },
}

local worker_map <const> = {
  name = "worker-map",
  title = "sums of squares, plain and on all processors: wall time per sum",
  dir = "worker-map",
  base = "lull plain",
  who = { "lull", "Pool.map" },
  kinds = { { " plain", kinds.counted(200, "plain") }, { " map", kinds.counted(200, "map") } },
  goals = {
    { text = "2 processors: >= 1.8 x plain", of = "lull plain", to = "lull map", min = 1.8 },
  },
}

local process <const> = {
  name = "process",
  title = "/bin/true, its output taken: wall time of one",
  dir = "process",
  base = "posix_spawn",
  who = { "posix_spawn", "lull", "go", "asyncio", "node" },
  kinds = { { "", kinds.counted(200) } },
  goals = {
    { text = "<= 1.15 x posix_spawn and waitpid", of = "lull", to = "posix_spawn", max = 1.15 },
    { text = "faster than go", of = "lull", to = "go", max = 1 },
    { text = "faster than asyncio", of = "lull", to = "asyncio", max = 1 },
    { text = "faster than node", of = "lull", to = "node", max = 1 },
  },
}

--- specs/: 1,000 trivial tests in ten files.
local function trivial_specs(env)
  if not shell.succeeds("mkdir " .. shell.quote(env.tmp .. "/specs")) then return end
  for file = 1, 10 do
    local out <close> = assert(io.open(("%s/specs/%d_spec.lua"):format(env.tmp, file), "w"))
    for i = 1, 100 do out:write(("it('adds %d', function() assert.equal(%d, 0 + %d) end)\n"):format(i, i, i)) end
  end
end

local test <const> = {
  name = "test",
  title = "1,000 trivial specs in ten files: wall time of all",
  dir = "",
  base = "busted",
  who = { "busted", "lull" },
  tools = { "startup" },
  prepare = trivial_specs,
  kinds = { { "", kinds.given(function(env) return shell.words("-o", "TAP", env.tmp .. "/specs") end) } },
  commands = { busted = "lua5.4 /usr/bin/busted", lull = "{lull} test" },
  goals = { { text = "<= 1.3 x busted under lua5.4", of = "lull", to = "busted", max = 1.3 } },
}

---@type bench.Measure[]
local measures <const> = {
  yield_measure(1, 25),
  yield_measure(1000, 14),
  spawn_measure("tasks", "gather of 100 spawned tasks: CPU per task", MICRO),
  spawn_measure("functions", "gather of 100 functions: CPU per task",
    { "R", "lull", "go", "asyncio", "uvloop" }),
  channel,
  sleep,
  echo_measure("echo-50", "echo, 64 B, 50 connections", kinds.echo(50, 64, 40000),
    { raw = 1.2, asyncio = 2.8 }),
  echo_measure("echo-1000", "echo, 64 B, 1000 connections", kinds.echo(1000, 64, 40000),
    { raw = 1.25, asyncio = 2.8, absent = MANY_SOCKETS }),
  echo_measure("echo-64k", "echo, 64 KiB, 50 connections", kinds.echo(50, 65536, 6000),
    { raw = 1.4 }),
  startup,
  repl,
  worker_map,
  process,
  test,
}
table.move(network, 1, #network, #measures + 1, measures)
table.move(files, 1, #files, #measures + 1, measures)
return table.move(embedding, 1, #embedding, #measures + 1, measures)
