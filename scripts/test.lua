--- lull.test: `lull test`, busted specs inside the program.
--
-- busted's own parts find, filter, run and report the specs; lull.test.isolate makes
-- each of them a task.  Nothing of busted is changed on disk.
local lull = require "lull"
local options = require "lull.test.options"

local test = {}

--- Count what happens.  Errors outside of tests count as failed.
local function count_results(busted)
  local count <const> = { passed = 0, failed = 0, skipped = 0 }
  local fields <const> = { success = "passed", pending = "skipped" }

  busted.subscribe({ "test", "end" }, function(_, _, status)
    local field <const> = fields[status] or "failed"
    count[field] = count[field] + 1
    return nil, true
  end)
  for _, kind in ipairs { "error", "failure" } do
    busted.subscribe({ kind }, function(element)
      if element.descriptor ~= "it" then count.failed = count.failed + 1 end
      return nil, true
    end)
  end
  return count
end

local function stop_at_failure(busted)
  for _, kind in ipairs { "error", "failure" } do
    busted.subscribe({ kind }, function()
      busted.skipAll = true
      return nil, true
    end)
  end
end

local function set_order(busted, opts)
  local utils <const> = require "busted.utils"
  busted.randomize = opts.shuffle
  busted.randomseed = opts.seed or utils.urandom() or os.time()
end

local function load_output(busted, opts)
  local known <const>, tty <const> = pcall(require, "lull.tty.native")
  local default <const> = known and tty.is_terminal(1) and "utfTerminal" or "plainTerminal"
  busted.subscribe({ "error", "output" }, function(element, _, message)
    io.stderr:write("lull test: no output handler '", element.name, "': ", message, "\n")
    return nil, true
  end)
  require "busted.modules.output_handler_loader"()(busted, opts.output or default, {
    defaultOutput = default,
    verbose = opts.verbose,
    language = "en",
    arguments = {},
  })
end

local function load_filters(busted, opts)
  require "busted.modules.filter_loader"()(busted, {
    tags = opts.tags,
    excludeTags = opts.exclude_tags,
    filter = opts.filter,
    filterOut = opts.filter_out,
    list = opts.list,
    nokeepgoing = not opts.keep_going,
  })
end

local function default_paths()
  local folder <const> = io.open "tests/spec"
  if not folder then return { "spec" } end
  folder:close()
  return { "tests/spec" }
end

local function load_specs(busted, opts)
  local load_files <const> = require "busted.modules.test_file_loader"(busted, { "lua" })
  load_files(#opts.paths > 0 and opts.paths or default_paths(), { opts.pattern }, {
    excludes = {},
    verbose = opts.verbose,
    recursive = true,
  })
end

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

--- Make a busted and run it; returns what it counted.
---@async
---@param opts lull.test.Options
local function run(opts)
  local loaded_before <const> = loaded_tables()
  local busted <const> = require "busted.core"()
  require "busted"(busted)
  local count <const> = count_results(busted)
  if not opts.keep_going then stop_at_failure(busted) end
  set_order(busted, opts)
  load_output(busted, opts)
  if opts.helper then
    local load_helper <const> = require "busted.modules.helper_loader"()
    local ok <const>, err <const> =
      load_helper(busted, opts.helper, { language = "en", arguments = {} })
    if not ok then return nil, ("cannot load '%s': %s"):format(opts.helper, err) end
  end
  load_filters(busted, opts)
  if not opts.list then require "lull.test.isolate"(busted, opts.timeout) end
  local execute <const> = require "busted.execute"(busted)
  hide_aliases(loaded_before)
  load_specs(busted, opts)
  execute(opts.rounds, { seed = opts.seed, shuffle = opts.shuffle })
  busted.publish { "exit" }
  return count
end

local function complain(message)
  io.stderr:write("lull test: ", message, "\n")
  os.exit(1)
end

local function print_closing_line(count)
  local skipped <const> = count.skipped > 0 and (", %d skipped"):format(count.skipped) or ""
  io.stdout:write(("%d passed, %d failed%s\n"):format(count.passed, count.failed, skipped))
end

--- `lull test ...`: ends the program with 1 unless all passed.
---@async
---@param ... string  the arguments after `test`
function test.main(...)
  local opts <const>, complaint <const> = options.parse { ... }
  if not opts then return complain(complaint .. "; lull test --help lists the options") end
  if opts.help then
    io.stdout:write(options.usage)
    return
  end
  if not (";" .. package.path .. ";"):find(";./?.lua;", 1, true) then
    package.path = package.path .. ";./?.lua"
  end
  if not package.searchpath("busted.core", package.path) then
    return complain "busted is not installed (Debian: lua-busted; LuaRocks: busted)"
  end
  local count, failed
  do
    local _ <close> = keep_running()
    count, failed = run(opts)
  end
  lull.on_error(nil)
  if not count then return complain(failed) end
  if not opts.list then print_closing_line(count) end
  if count.failed > 0 then os.exit(1) end
end

return test
