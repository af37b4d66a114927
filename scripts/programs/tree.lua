--- lull.programs.tree: `lull tree`, the tasks of a program that runs.
local find = require "lull.programs.find"
local lull = require "lull"
local native = require "lull.ask.native"
local net = require "lull.net"
local unknown = require "lull.program.unknown"

local USAGE <const> = [[
usage: lull tree [--timeout=SECONDS] [PID]

Show the tree of tasks of a lull program of this user that runs: what each waits for, since
when, and where; for one that computes also where it is.  Without PID the only one there is.
A program that is busy in C answers when it is back, or has not answered after SECONDS (5).
]]

local NAMES <const> = { ["--timeout"] = true, ["--help"] = true }
local AGAIN <const> = 1 -- seconds: another may have asked at the same moment

local tree = {}

local function fail(format, ...)
  error(format:format(...), 0)
end

--- Wait until there is an answer, or the process has ended.
local function wait(question)
  local done <const>, ended <const> = question:watched()
  lull.race(function() net.wait_readable(done) end, function()
    net.wait_readable(ended)
    return true
  end)
end

--- Call a function that raises an io error when the process has ended.
local function call(pid, fn, ...)
  local ok <const>, result <const> = pcall(fn, ...)
  if ok then return result end
  local code <const> = lull.is_error(result, "io") and result.code
  if code == "ESRCH" then fail("there is no process %d", pid) end
  if code == "ENOSYS" then fail("this system has no way to ask (Linux 5.3 has)") end
  error(result, 0)
end

--- Ask a program for its tasks.
---@async
---@param pid integer
---@param seconds number   how long to wait
---@return string text     raises a text that says why there is none
function tree.ask(pid, seconds)
  local question <close> = call(pid, native.question, pid)
  local program <const> = find.look(pid) -- what the question holds cannot become another
  if not program then fail("process %d is no lull program of this user", pid) end
  if not program.answers then
    fail("process %d has no tasks of its own: it is starting, or looks after others (see lull ps)", pid)
  end
  local text
  lull.move_on_after(seconds, function()
    while not text do
      call(pid, question.send, question)
      lull.move_on_after(AGAIN, wait, question)
      text = question:take()
    end
  end)
  if not text then
    local now <const> = find.look(pid)
    local why <const> = now and now.is_stopped and "it is stopped" or "it is busy in C"
    fail("process %d has not answered in %g s: %s", pid, seconds, why)
  end
  return find.printable(text)
end

--- The only program that there is to be asked; or print which there are.
local function choose()
  local programs <const> = {}
  for _, program in ipairs(find.all()) do
    if program.answers then programs[#programs + 1] = program end
  end
  if #programs == 1 then return programs[1].pid end
  if #programs == 0 then fail("no lull program is running") end
  io.stderr:write(find.format(programs))
  fail("which one?")
end

--- Read a command line.
---@param ... string
---@return table options  raises a text that says what is wrong
function tree.parse(...)
  local given <const>, options <const>, i = { ... }, { timeout = 5 }, 1
  while given[i] do
    local argument <const> = given[i]
    local seconds = argument:match "^%-%-timeout=(.*)$"
    if argument == "--timeout" then
      i = i + 1
      seconds = given[i] or ""
    end
    local pid <const> = math.tointeger(tonumber(argument:match "^%d+$"))
    if argument == "-h" or argument == "--help" then
      options.help = true
    elseif seconds then
      options.timeout = tonumber(seconds)
      if not options.timeout or options.timeout <= 0 then fail("--timeout needs seconds, not '%s'", seconds) end
    elseif pid and pid > 0 and pid < 1 << 31 and not options.pid then
      options.pid = pid
    elseif argument:find "^%-" then
      error(unknown("lull tree", argument, NAMES), 0)
    else
      fail("one process, please, not '%s'", argument)
    end
    i = i + 1
  end
  return options
end

--- The command.
---@async
---@param ... string  its arguments
function tree.main(...)
  local ok <const>, what <const> = pcall(function(...)
    local options <const> = tree.parse(...)
    if options.help then return USAGE end
    return tree.ask(options.pid or choose(), options.timeout)
  end, ...)
  if not ok then
    io.stderr:write("lull tree: ", tostring(what), "\n")
    os.exit(1)
  end
  io.write(what)
end

return tree
