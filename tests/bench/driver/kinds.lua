--- driver.kinds: how a row of a measure is run, and how long.
---
--- A kind makes the command line of one run and learns from what the run
--- printed, so that every contender runs for about the same time.
local shell = require "driver.shell"
local tools = require "driver.tools"

---@class bench.Kind
---@field calibrates boolean    a first run is only there to learn from
---@field command fun(row: bench.Row, env: bench.Env): string
---@field learn fun(row: bench.Row, fields: table, env: bench.Env): boolean   true: run it again
---@field longer? number        times the time of one run, where it needs more
---@field left_out? fun(row: bench.Row, env: bench.Env): string?   why it is not run at all

local kinds = {}

--- Requests before a server's time counts: what compiles while it runs
--- (node) needs some thousands, and no connection counts its opening.
local WARM_UP <const> = 10000

local function never() return false end

local function environment(program)
  return program:find("^[%u%d_]+=") and "env " .. program or program
end

--- As many operations as fit into the time of one run.
local function fit(row, fields, env)
  if row.fitted then
    return false
  end
  row.fitted = true
  local ops <const> = env.target * (row.kind.longer or 1) * 1e9 / math.max(fields.ns, 1)
  row.ops = math.max(row.least, math.ceil(ops / 1000) * 1000)
  return false
end

--- A program that is given a number of operations.
---@param least integer   fewest operations that still mean something
---@param before? string  arguments before the number
---@return bench.Kind
function kinds.counted(least, before)
  local kind <const> = { calibrates = true, learn = fit }
  function kind.command(row, env)
    row.least = least
    row.ops = row.ops or least
    return ("%s %s %d"):format(environment(row.contender.program(env, row.dir)), before or "", row.ops)
  end
  return kind
end

--- A program that is given arguments and measures itself, or a command of the measure's, which is
--- timed from its start to its end.
---@param arguments fun(env: bench.Env): string
---@return bench.Kind
function kinds.given(arguments)
  local kind <const> = { calibrates = true, learn = never }
  function kind.command(row, env)
    local given <const> = row.measure.commands and row.measure.commands[row.contender.name]
    local command <const> = given and given:gsub("{lull}", shell.quote(env.lull))
    local program <const> = command and ("%s 1 %s"):format(tools.path(env, "startup"), command)
      or environment(row.contender.program(env, row.dir))
    return program .. " " .. arguments(env)
  end
  return kind
end

--- An echo server under load: the same number of trips for every server.
---@param connections integer
---@param size integer        bytes per message
---@param trips integer
---@return bench.Kind
function kinds.echo(connections, size, trips)
  local kind <const> = { calibrates = false, learn = never }
  function kind.command(row, env)
    local server <const> = environment(row.contender.program(env, row.dir))
    local count <const> = env.quick and trips // 2 or trips
    return ("%s %d %d %d %s"):format(tools.path(env, "load"), connections, size, count, server)
  end
  return kind
end

--- An HTTP server under load.  The program is also given the folder of the
--- run, where what measures prepare is found.
---@param load string       options of http_load, {dir} is the folder of the measure
---@param least? integer    fewest requests that still mean something
---@return bench.Kind
function kinds.http(load, least)
  local kind <const> = { calibrates = true, learn = fit, longer = 2 }
  function kind.command(row, env)
    row.least = least or 2000
    row.ops = row.ops or row.least
    local server <const> = environment(row.contender.program(env, row.dir))
    local options <const> = load:gsub("{dir}", shell.quote(env.here .. "/" .. row.dir))
    return ("%s %s -w %d -n %d %s %s"):format(tools.path(env, "http_load"), options, WARM_UP,
      row.ops, server, shell.quote(env.tmp))
  end
  return kind
end

--- A WebSocket echo server under load.
---@param connections integer
---@param size integer        bytes per message
---@return bench.Kind
function kinds.websocket(connections, size)
  local kind <const> = { calibrates = true, learn = fit, longer = 2 }
  function kind.command(row, env)
    row.least = 2000
    row.ops = row.ops or row.least
    local server <const> = environment(row.contender.program(env, row.dir))
    return ("%s %d %d %d %d %s"):format(tools.path(env, "ws_load"), connections, size, row.ops,
      WARM_UP, server)
  end
  return kind
end

--- A client of nginx; it is asked to fetch {url}.
local function beside_nginx(row, env, times, client)
  local url <const> = "'http://127.0.0.1:{port}/page'"
  return ("%s %d %s %s %s -- %s"):format(tools.path(env, "beside"), times,
    tools.path(env, "nginx_at"), shell.quote(("%s/%s/nginx.conf"):format(env.here, row.dir)),
    shell.quote(env.tmp), (client:gsub("{url}", url)))
end

--- A client of nginx that measures itself.
---@param pages integer
---@param connections integer
---@return bench.Kind
function kinds.fetching(pages, connections)
  local kind <const> = { calibrates = false, learn = never }
  function kind.command(row, env)
    local program <const> = environment(row.contender.program(env, row.dir))
    return beside_nginx(row, env, 0, ("%s {url} %d %d %d"):format(program, pages, connections,
      env.quick and 2 or 4))
  end
  return kind
end

--- A client of nginx from its start to its end.
---@param times integer
---@param pages integer
---@return bench.Kind
function kinds.fetching_once(times, pages)
  local kind <const> = { calibrates = false, learn = never }
  function kind.command(row, env)
    local commands <const> = row.measure.commands
    local program <const> = environment(row.contender.program(env, row.dir))
    return beside_nginx(row, env, env.quick and times // 2 or times,
      commands[row.contender.name] or ("%s {url} %d"):format(program, pages))
  end
  return kind
end

--- Tasks that must all sleep at once: long enough for the last to start while
--- the first still sleeps, and no longer, since waiting costs the run time.
---@param count integer
---@param seconds number   the first guess
---@param limit? number    leave out contenders whose run is expected to take longer
---@return bench.Kind
function kinds.sleeping(count, seconds, limit)
  local kind <const> = { calibrates = false }
  function kind.command(row, env)
    local smaller <const> = row.smaller
    if not row.seconds and smaller and smaller.start then
      row.seconds = math.max(0.5, smaller.start * count / smaller.count * 1.4)
    end
    row.seconds = row.seconds or seconds
    return ("%s %d %.3f"):format(environment(row.contender.program(env, row.dir)), count,
      row.seconds)
  end
  function kind.learn(row, fields)
    if fields.early == 1 then
      row.seconds = row.seconds * 2
      return true
    end
    row.start, row.count = fields.start, count
    row.seconds = math.max(0.5, fields.start * 1.4)
    return false
  end
  function kind.left_out(row, env)
    local smaller <const> = row.smaller
    if not limit or not smaller or not smaller.start or env.all or row.contender.name == "lull" then
      return nil
    end
    local run <const> = smaller.start * count / smaller.count * 2.3
    if run <= limit and not env.quick then
      return nil
    end
    return ("left out, one run takes about %.0f s (--all runs it)"):format(run)
  end
  return kind
end

--- A program started again and again.
---@param times integer
---@param with? string  the tool of yardstick/ that does it; "startup"
---@return bench.Kind
function kinds.startup(times, with)
  local kind <const> = { calibrates = false, learn = never }
  function kind.command(row, env)
    local commands <const> = row.measure.commands
    local line <const> = commands[row.contender.name]:gsub("{lull}", shell.quote(env.lull))
    return ("%s %d %s"):format(tools.path(env, with or "startup"), times, line)
  end
  return kind
end

--- A mode of yardstick/embed.c, named by the measure for each contender.
---@param least integer   fewest operations that still mean something
---@return bench.Kind
function kinds.embedded(least)
  local kind <const> = { calibrates = true, learn = fit }
  function kind.command(row, env)
    row.least = least
    row.ops = row.ops or least
    return ("%s %s %d"):format(tools.path(env, "embed"), row.measure.commands[row.contender.name], row.ops)
  end
  return kind
end

return kinds
