--- lull.test.suite: a busted that is set up as the options say, and what it finds.
--
-- busted's own parts find, filter, run and report the specs.  Nothing of busted is changed
-- on disk.
local suite = {}

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
  busted.sort = opts.sort_tests and not opts.shuffle_tests
  busted.randomize = opts.shuffle_tests
  busted.randomseed = opts.seed
  busted.subscribe({ "suite", "reset" }, function(_, round)
    busted.randomseed = opts.seed + round - 1
    return nil, true
  end)
end

--- Report as the options say.
---@param busted table
---@param opts lull.test.Options
function suite.load_output(busted, opts)
  local known <const>, tty <const> = pcall(require, "lull.tty.native")
  local default <const> = known and tty.is_terminal(1) and "utfTerminal" or "plainTerminal"
  busted.subscribe({ "error", "output" }, function(element, _, message)
    io.stderr:write("lull test: no output handler '", element.name, "': ", message, "\n")
    return nil, true
  end)
  require "busted.modules.output_handler_loader"()(busted, opts.output or default, {
    defaultOutput = default,
    verbose = opts.verbose,
    suppressPending = opts.suppress_pending,
    deferPrint = opts.defer_print,
    language = opts.lang,
    arguments = opts.output_options,
  })
end

--- Where lines go that are for people: not behind a document that programs read.
---@param opts lull.test.Options
---@return file*
function suite.closing_stream(opts)
  return opts.output and not opts.output:find "Terminal$" and io.stderr or io.stdout
end

--- A seed for whoever gave none.  busted shuffles with no more than 32 bits.
---@return integer
function suite.seed()
  return require "busted.utils".urandom() or os.time()
end

--- Make a busted.
---@param opts lull.test.Options
---@return table busted
---@return { passed: integer, failed: integer, skipped: integer } count
function suite.new(opts)
  local busted <const> = require "busted.core"()
  require "busted"(busted)
  if not opts.auto_insulate then busted.register("file", "file", {}) end
  if opts.lazy then
    busted.register("setup", "lazy_setup")
    busted.register("teardown", "lazy_teardown")
  end
  local count <const> = count_results(busted)
  if not opts.keep_going then stop_at_failure(busted) end
  set_order(busted, opts)
  return busted, count
end

--- Run what comes before the specs.
---@param busted table
---@param opts lull.test.Options
---@return string? complaint
function suite.prepare(busted, opts)
  for _, code in ipairs(opts.code) do
    local chunk <const>, message <const> = load(code, "=(-e)")
    if not chunk then return message end
    chunk()
  end
  if not opts.helper then return nil end
  local load_helper <const> = require "busted.modules.helper_loader"()
  local ok <const>, err <const> = load_helper(busted, opts.helper,
    { verbose = opts.verbose, language = opts.lang, arguments = opts.helper_options })
  if not ok then return ("cannot load '%s': %s"):format(opts.helper, err) end
end

---@param busted table
---@param opts lull.test.Options
function suite.load_filters(busted, opts)
  require "busted.modules.filter_loader"()(busted, {
    tags = opts.tags,
    excludeTags = opts.exclude_tags,
    filter = opts.filter,
    filterOut = opts.filter_out,
    list = opts.list,
    nokeepgoing = not opts.keep_going,
    suppressPending = opts.suppress_pending,
  })
end

local function default_paths()
  local folder <const> = io.open "tests/spec"
  if not folder then return { "spec" } end
  folder:close()
  return { "tests/spec" }
end

--- The files and folders that are meant.
---@param opts lull.test.Options
---@return string[]
function suite.paths(opts)
  return #opts.paths > 0 and opts.paths or default_paths()
end

--- What finds files: options, and where to look.
local function search(opts)
  return suite.paths(opts), opts.pattern, {
    excludes = opts.exclude_pattern,
    verbose = opts.verbose,
    recursive = opts.recursive,
  }
end

--- Load the spec files.
---@param busted table
---@param opts lull.test.Options
function suite.load_specs(busted, opts)
  require "busted.modules.test_file_loader"(busted, { "lua" })(search(opts))
end

--- The spec files, in the order in which they are to run.
---@param busted table
---@param opts lull.test.Options
---@return string[]
function suite.find_specs(busted, opts)
  local loaders <const> = table.pack(require "busted.modules.test_file_loader"(busted, { "lua" }))
  local files <const> = loaders[3](search(opts))
  if #files == 0 then loaders[1](search(opts)) end -- busted says so
  if opts.shuffle_files then
    require "busted.utils".shuffle(files, busted.randomseed)
  elseif opts.sort_files then
    table.sort(files)
  end
  return files
end

return suite
