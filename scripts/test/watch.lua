--- lull.test.watch: `lull test --watch`, the specs again whenever a file of theirs changes.
--
-- The specs run in a process of their own, each time a new one; lull.program.watch knows what it
-- loads.  A change of one spec file alone runs that file.
local fs = require "lull.fs"
local jobs = require "lull.test.jobs"
local lull = require "lull"
local net = require "lull.net"
local process = require "lull.process"
local program = require "lull.program.watch"
local sync = require "lull.sync"
local tty = require "lull.tty.native"

local watch = {}

--- Is it a spec, by its name?
local function is_spec(path, opts)
  local base <const> = path:match "[^/]*$"
  for _, pattern in ipairs(opts.exclude_pattern) do
    if base:find(pattern) then return false end
  end
  for _, pattern in ipairs(opts.pattern) do
    if base:find(pattern) then return true end
  end
  return false
end

--- Tell of changes of files that are known.
---@async
local function tell_changes(queue, files)
  while true do queue:put { changed = files:wait() } end
end

--- Tell of spec files that are new.
---@async
local function tell_new(queue, folder, opts)
  for event in fs.watch(folder, { recursive = opts.recursive }) do
    if event.kind == "created" and is_spec(event.path, opts) then
      queue:put { changed = { event.path } }
    end
  end
end

--- Tell of what is typed: Enter, or q and Enter.
---@async
local function tell_lines(queue)
  local fd <const>, text = tty.open_input(0), ""
  while true do
    net.wait_readable(fd)
    local piece <const> = tty.read(fd)
    if piece == nil then return end
    text = text .. (piece or "")
    local line <const> = text:match "^%s*(.-)%s*\n"
    if line then
      queue:put { quit = line == "q", all = line ~= "q" }
      text = text:match "\n(.*)$"
    end
  end
end

--- The command line for these paths; nil: those that were given.
local function command_for(opts, paths)
  local argv <const> = { jobs.program(), "test" }
  table.move(opts.given, 1, #opts.given, 3, argv)
  argv[#argv + 1] = "--"
  table.move(paths or opts.paths_given, 1, #(paths or opts.paths_given), #argv + 1, argv)
  return argv
end

--- What a change asks for: nil for everything, or the one spec file that has changed.
local function paths_of(changed, opts)
  local path <const> = changed[1]
  if #changed == 1 and is_spec(path, opts) and fs.exists(path) then return { path } end
end

local function start(opts, files, paths)
  local env <const> = files:environment()
  env.LULL_WATCH_JOBS = env.LULL_WATCH
  return process.open(command_for(opts, paths), {
    stdin = "null", stdout = "inherit", stderr = "inherit", env = env,
  })
end

--- Begin to tell of everything there is to tell.
local function listen(queue, files, opts)
  lull.spawn(tell_changes, queue, files)
  for _, path in ipairs(require "lull.test.suite".paths(opts)) do
    local stat <const> = fs.stat(path, { missing = true })
    if stat and stat.type == "directory" then
      lull.spawn(tell_new, queue, path, opts)
    end
  end
  if tty.is_terminal(0) then lull.spawn(tell_lines, queue) end
end

local HINT <const> = "waiting for a change"

--- Run until something asks for another run; returns that, and how the run ended if it did.
---@async
local function run_until_asked(queue, child)
  local code
  local ended <const> = lull.async(function()
    child:wait()
    queue:put { ended = child }
  end)()
  while true do
    local item <const> = queue:get()
    if item.ended == child then
      code = select(2, child:status())
      program.say(tty.is_terminal(0) and HINT .. "; Enter runs all, q and Enter ends" or HINT)
    elseif not item.ended then
      ended:cancel()
      return item, code
    end
  end
end

--- Run the specs again and again; ends the program when q is typed.
---@async
---@param opts lull.test.Options
function watch.run(opts)
  local files <close> = program.files()
  local queue <const> = sync.queue()
  local code, paths
  listen(queue, files, opts)
  while true do
    local item
    do
      local child <close> = start(opts, files, paths)
      item, code = run_until_asked(queue, child)
    end
    if item.quit then os.exit(code == 0 and 0 or 1) end
    paths = item.changed and paths_of(item.changed, opts)
    if item.changed then
      program.say(("%s%s: once more"):format(item.changed[1]:gsub("^%./", ""),
        #item.changed > 1 and " and others have changed" or " has changed"))
    end
  end
end

return watch
