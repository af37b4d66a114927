--- lull.test: `lull test`, busted specs inside the program.
--
-- lull.test.suite sets busted up; lull.test.isolate makes each test a task; lull.test.jobs
-- shares the files among processes; lull.test.watch runs everything again and again.
local core = require "lull.core"
local lull = require "lull"
local options = require "lull.test.options"

local test = {}

--- Lua names a function in its messages by what it finds first in the loaded
--- modules.  Aliases there would rename standard functions: put forwarders.
local function hide_aliases(loaded_before)
  local standard <const> = {}
  for name in pairs(loaded_before) do
    for _, value in pairs(package.loaded[name]) do
      if type(value) == "function" then standard[value] = true end
    end
  end
  for name, module in pairs(package.loaded) do
    if not loaded_before[name] and type(module) == "table" then
      for key, value in next, module do
        if standard[value] then module[key] = function(...) return value(...) end end
      end
    end
  end
end

local function loaded_tables()
  local names <const> = {}
  for name, module in pairs(package.loaded) do
    if type(module) == "table" then names[name] = true end
  end
  return names
end

--- Specs must not end the program: the ones after them would not count.
local function keep_running()
  local exit <const> = os.exit
  rawset(os, "exit", function(code)
    error(("os.exit(%s) was called in a spec"):format(tostring(code)), 2)
  end)
  return lull.finally(function() rawset(os, "exit", exit) end)
end

--- Make a busted and run it; returns what it counted, or nil and a complaint.
---@async
---@param opts lull.test.Options
local function run(opts)
  if opts.coverage then core.cover() end -- before more of lull's own is loaded
  local loaded_before <const> = loaded_tables()
  local suite <const> = require "lull.test.suite"
  local busted <const>, count <const> = suite.new(opts)
  local finish
  if opts.report then
    finish = require "lull.test.report".record(busted, opts)
  else
    suite.load_output(busted, opts)
  end
  local complaint <const> = suite.prepare(busted, opts)
  if complaint then return nil, complaint end
  suite.load_filters(busted, opts)
  if not opts.list then require "lull.test.isolate"(busted, opts) end
  local execute <const> = require "busted.execute"(busted)
  hide_aliases(loaded_before)
  suite.load_specs(busted, opts)
  execute(opts.rounds,
    { seed = opts.seed, shuffle = opts.shuffle_files, sort = opts.sort_files })
  busted.publish { "exit" }
  if finish then finish() end
  return count
end

local function complain(message)
  io.stderr:write("lull test: ", message, "\n")
  os.exit(1)
end

--- An argument as a shell takes it.
local function quote(argument)
  if argument:find "^[%w_./,:=@%%+-]+$" then return argument end
  return "'" .. argument:gsub("'", [['\'']]) .. "'"
end

--- How to run everything in the same order again.
local function print_seed(out, arguments, opts)
  if not (opts.shuffle_files or opts.shuffle_tests or opts.shuffle_tasks) then return end
  local command <const> = { "lull test", "--seed=" .. opts.seed }
  local i = 1
  while i <= #arguments do
    if arguments[i] == "--seed" then
      i = i + 1
    elseif not arguments[i]:find "^%-%-seed=" then
      command[#command + 1] = quote(arguments[i])
    end
    i = i + 1
  end
  out:write(("Shuffled with seed %d; the same order again:\n  %s\n"):format(
    opts.seed, table.concat(command, " ")))
end

local function print_closing_line(out, count)
  local skipped <const> = count.skipped > 0 and (", %d skipped"):format(count.skipped) or ""
  out:write(("%d passed, %d failed%s\n"):format(count.passed, count.failed, skipped))
end

--- Make modules found where busted would look, and in the current folder.
local function set_paths(opts)
  package.path = opts.lpath .. ";" .. package.path
  package.cpath = opts.cpath .. ";" .. package.cpath
  if not (";" .. package.path .. ";"):find(";./?.lua;", 1, true) then
    package.path = package.path .. ";./?.lua"
  end
end

--- Run the specs, here or in processes; returns counts, and what else is wrong.
---@async
local function run_all(opts)
  if opts.jobs and not opts.list then return require "lull.test.jobs".run(opts) end
  local _ <close> = keep_running()
  local count <const>, complaint <const> = run(opts)
  if not count or not opts.coverage or opts.report or opts.list then return count, complaint end
  return count, nil, core.covered()
end

--- Do the options leave out tests, and have they left out all?
local function matches_none(count, opts)
  for _, field in ipairs { "filter", "filter_out", "tags", "exclude_tags" } do
    if #opts[field] > 0 then return count.passed + count.failed + count.skipped == 0 end
  end
  return false
end

--- Run once, and tell; returns true when all is well.
---@async
local function once(arguments, opts)
  local count <const>, complaint <const>, covered <const> = run_all(opts)
  lull.on_error(nil)
  if not count then return complain(complaint) end
  local too_little
  if covered then too_little = require "lull.test.coverage".report(covered, opts) end
  if opts.list or opts.report then return count.failed == 0 end
  if matches_none(count, opts) then return complain "no test matches" end
  if too_little then io.stderr:write("lull test: ", too_little, "\n") end
  local out <const> = require "lull.test.suite".closing_stream(opts)
  io.stdout:flush()
  if count.failed > 0 then print_seed(out, arguments, opts) end
  print_closing_line(out, count)
  return count.failed == 0 and not too_little
end

--- `lull test ...`: ends the program with 1 unless all passed.
---@async
---@param ... string  the arguments after `test`
function test.main(...)
  local arguments <const> = { ... }
  local opts, given = options.parse(arguments)
  if not opts then return complain(given) end
  if opts.help then
    io.stdout:write(options.usage)
    return
  end
  local complaint
  if opts.as_job then
    opts, complaint = require "lull.test.report".options(opts.as_job)
  else
    complaint = options.finish(opts, given)
  end
  if complaint then return complain(complaint) end
  set_paths(opts)
  if not package.searchpath("busted.core", package.path) then
    return complain "busted is not installed (Debian: lua-busted; LuaRocks: busted)"
  end
  opts.seed = opts.seed or require "lull.test.suite".seed()
  if opts.watch then return require "lull.test.watch".run(opts) end
  if not once(arguments, opts) then os.exit(1) end
end

return test
