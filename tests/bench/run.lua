--- make bench: lull side by side with others, in one interleaved run.
---
---   tests/bench/run [--quick] [--only NAME]... [--rounds N] [--all]
---                   [--lull PATH] [--list] [--help]
---
--- Every round runs each contender once (A B C A B C ...), each in a process
--- of its own that warms up and prints its CPU time per operation.  Tables
--- show the median over the rounds; ratios are formed within a round before
--- their median is taken.  Contenders that are missing are named and skipped.
--- Programs are in one folder per measure, C yardsticks in yardstick/.
local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local contenders = require "driver.contenders"
local kinds = require "driver.kinds"
local measures = require "driver.measures"
local report = require "driver.report"
local shell = require "driver.shell"
local tools = require "driver.tools"

---@class bench.Env
---@field here string     this folder
---@field tmp string      for what is compiled or made for the run
---@field tools table<string, string>   what was compiled, see driver.tools
---@field lull string     the program
---@field quick boolean
---@field all boolean     also what takes minutes
---@field rounds integer
---@field target number   seconds of CPU per run, where it can be chosen

---@class bench.Row
---@field label string
---@field suffix string       "" or the size, when a measure has several
---@field contender bench.Contender
---@field measure bench.Measure
---@field dir string
---@field kind bench.Kind
---@field samples table<string, number>[]
---@field smaller? bench.Row  the same contender at the size before
---@field failed? string

local RUN_LIMIT <const> = 180

--- The yardstick R is measured alike everywhere, whatever a measure counts.
local R_KINDS <const> = { { "", kinds.counted(1000000) } }

local USAGE <const> = [[
usage: tests/bench/run [options]
  --quick        fewer rounds and shorter runs: about three minutes
  --only NAME    only this measure, or all that begin so (again for more)
  --rounds N     rounds of each measure (5; with --quick 3)
  --all          also the runs that are left out because they take long
  --lull PATH    the program to measure (build/lull)
  --list         names of the measures
  --help         this text]]

local function usage_error(message)
  io.stderr:write("bench: ", message, "\n", USAGE, "\n")
  os.exit(2)
end

local function parse(arguments)
  local options, i = { only = {}, lull = here .. "/../../build/lull" }, 1
  local function value()
    i = i + 1
    return arguments[i] or usage_error(arguments[i - 1] .. " needs a value")
  end
  while arguments[i] do
    local option <const> = arguments[i]
    if option == "--quick" or option == "--all" or option == "--list" or option == "--help" then
      options[option:sub(3)] = true
    elseif option == "--only" then
      table.insert(options.only, value())
    elseif option == "--lull" then
      options.lull = value()
    elseif option == "--rounds" then
      options.rounds = math.tointeger(value()) or usage_error("--rounds needs a whole number")
    else
      usage_error("unknown option " .. option)
    end
    i = i + 1
  end
  return options
end

local function chosen(options)
  if #options.only == 0 then
    return measures
  end
  local list <const> = {}
  for _, name in ipairs(options.only) do
    local before <const> = #list
    for _, measure in ipairs(measures) do
      if measure.name:sub(1, #name) == name then
        list[#list + 1] = measure
      end
    end
    if #list == before then
      usage_error("no measure is called " .. name)
    end
  end
  return list
end

---@param options table
---@param tmp string
---@return bench.Env
local function new_env(options, tmp)
  return {
    here = assert(shell.output("cd " .. shell.quote(here) .. " && pwd")),
    tmp = tmp,
    tools = {},
    lull = shell.output("realpath -m " .. shell.quote(options.lull)),
    quick = options.quick or false,
    all = options.all or false,
    rounds = options.rounds or (options.quick and 3 or 5),
    target = options.quick and 0.1 or 0.3,
  }
end

--- Finds out who is there and prints it.
---@return table<string, bench.Contender>
local function muster(env)
  local present <const> = {}
  local lull <const> = shell.quote(env.lull)
  for _, contender in ipairs(contenders) do
    if contender.yardstick then
      present[contender.name] = contender
    elseif shell.succeeds((contender.probe:gsub("{lull}", lull))) then
      local version <const> = shell.output((contender.version:gsub("{lull}", lull)))
      print(("  %-10s %s"):format(contender.name, version or "-"))
      present[contender.name] = contender
    else
      print(("  %-10s %s"):format(contender.name, contender.missing or "not installed"))
    end
  end
  return present
end

local function note(label, text)
  print(("  %s: %s"):format(label, text))
end

local function missing_text(name)
  for _, contender in ipairs(contenders) do
    if contender.name == name then
      return contender.missing or "not installed"
    end
  end
end

--- Makes the program of a contender; says so when that fails.
local function build(env, measure, contender)
  local reason = contender.tool and tools.missing(env, contender.tool)
  if not reason and contender.build and not shell.succeeds(contender.build(env, measure.dir)) then
    reason = "its program does not compile"
  end
  if reason then
    note(contender.name, reason)
  end
  return not reason
end

--- Makes what a measure needs beside its contenders.
---@return string?   why it cannot be had
local function prepare(env, measure)
  for _, name in ipairs(measure.tools or {}) do
    local reason <const> = tools.missing(env, name)
    if reason then
      return reason
    end
  end
  return measure.prepare and measure.prepare(env)
end

--- The rows of a measure, in the order they run; says who is left out.
---@return bench.Row[]
local function make_rows(env, measure, present)
  local rows <const> = {}
  for _, name in ipairs(measure.who) do
    local contender <const> = present[name]
    local reason <const> = measure.absent and measure.absent[name]
    if not contender then
      note(name, missing_text(name))
    elseif reason then
      note(name, "skipped, " .. reason)
    elseif build(env, measure, contender) then
      local smaller
      for _, pair in ipairs(name == "R" and R_KINDS or measure.kinds) do
        local row <const> = {
          label = name .. pair[1], suffix = pair[1], contender = contender, measure = measure,
          dir = measure.dir, kind = pair[2], samples = {}, smaller = smaller,
        }
        rows[#rows + 1], smaller = row, row
      end
    end
  end
  return rows
end

--- One run; repeated when the kind says that it did not count.
local function run_row(env, row)
  for _ = 1, 5 do
    local fields <const>, reason <const> =
      shell.sample(row.kind.command(row, env), env.tmp .. "/stderr", RUN_LIMIT)
    if not fields then
      row.failed = reason
      return nil
    elseif not row.kind.learn(row, fields, env) then
      return fields
    end
  end
  row.failed = "no run counted"
  return nil
end

local function left_out(env, row)
  return row.kind.left_out and #row.samples == 0 and row.kind.left_out(row, env)
end

local function run_round(env, rows, keep)
  for _, row in ipairs(rows) do
    row.failed = row.failed or left_out(env, row) or nil
    if not row.failed and (keep or row.kind.calibrates) then
      local fields <const> = run_row(env, row)
      if keep and fields then
        table.insert(row.samples, fields)
      end
    end
  end
end

--- Returns whether lull's own program ran.
local function run_measure(env, measure, present, summary)
  print("\n" .. ("-"):rep(72))
  local reason <const> = prepare(env, measure)
  if reason then
    note(measure.name, "skipped, " .. reason)
    return true
  end
  local rows <const> = make_rows(env, measure, present)
  local rounds <const> = env.quick and measure.quick_rounds or env.rounds
  for round = 0, rounds do
    run_round(env, rows, round > 0)
  end
  report.print_table(measure, rows)
  local healthy = true
  for _, row in ipairs(rows) do
    if row.failed then
      note(row.label, row.failed)
      healthy = healthy and row.contender.name ~= "lull"
    end
  end
  report.print_goals(measure, rows, summary)
  return healthy
end

local function temporary_folder()
  local path <const> = assert(shell.output("mktemp -d"), "mktemp -d failed")
  return setmetatable({ path = path }, {
    __close = function()
      os.execute("chmod -R u+w " .. shell.quote(path) .. "; rm -rf " .. shell.quote(path))
    end,
  })
end

local function print_head(env)
  local load <const> = shell.output("cut -d' ' -f1 /proc/loadavg") or "?"
  print(("lull bench: %d rounds, %s processors, load average %s"):format(
    env.rounds, shell.output("nproc") or "?", load))
  print("Only the ratios compare: the clock of a shared machine changes between runs.")
end

local function main(options)
  local folder <close> = temporary_folder()
  local env <const> = new_env(options, folder.path)
  local began <const> = os.time()
  io.stdout:setvbuf("line")
  print_head(env)
  local present <const> = muster(env)
  local summary <const> = { met = 0, missed = {}, open = 0 }
  local healthy = true
  for _, measure in ipairs(chosen(options)) do
    healthy = run_measure(env, measure, present, summary) and healthy
  end
  report.print_summary(summary)
  print(("took %d s"):format(os.time() - began))
  return healthy
end

local options <const> = parse(arg)
if options.help then
  print(USAGE)
elseif options.list then
  for _, measure in ipairs(measures) do
    print(measure.name)
  end
else
  chosen(options)
  local ok <const>, healthy <const> = pcall(main, options)
  if not ok then
    io.stderr:write("bench: ", tostring(healthy), "\n")
  end
  os.exit(ok and healthy, true)
end
