--- lull.repl: the prompt of the program, where every line is a task.
--
-- A line may wait, and what it starts in the background belongs to the session and
-- not to the line.  Ctrl-C cancels the task it is aimed at: the line that runs, or
-- the reading of the next one; never the session, which is shielded.
local chunk = require "lull.repl.chunk"
local core = require "lull.core"
local input = require "lull.repl.input"
local lull = require "lull"
local print = require "lull.repl.print"

-- The prompt goes on whatever a line does to the globals.
local globals <const> = _G
local pairs <const>, pcall <const>, setmetatable <const> = pairs, pcall, setmetatable
local tostring <const>, type <const>, exit <const> = tostring, type, os.exit

local repl = {}

---@class lull.repl.Session
---@field reader lull.repl.Reader
---@field locals lull.repl.Locals
---@field reading boolean  the chunk under way is not complete
---@field ended boolean

--- Waits for a line are cut into pieces this long: while there is a deadline, a line that
--- waits for nothing is no deadlock.  Ctrl-C ends it.
local patience <const> = 3600

--- The prompt that a global of the script sets.
local function prompt(name, default)
  local value <const> = globals[name]
  if value == nil then return default end
  local ok <const>, text <const> = pcall(tostring, value)
  return ok and text or default
end

--- Read lines until they are a chunk, or never will be.
---@async
---@param session lull.repl.Session
---@return function? fn
---@return string? message  why there is no function; nil: the input has ended
local function read_chunk(session)
  local text
  while true do
    local line <const> = session.reader:line(text and prompt("_PROMPT2", ">> ") or prompt("_PROMPT", "> "))
    if not line and not text then return nil end
    text = text and line and text .. "\n" .. line or line or text
    local ok <const>, fn <const>, message <const>, incomplete <const> =
      pcall(session.locals.compile, session.locals, text)
    if not ok then return nil, tostring(fn) end -- a line has broken what this stands on
    if fn or not incomplete or not line then return fn, message end
  end
end

--- Run a chunk as a task and print its results.  What it starts is the session's.
---@async
---@param fn function
---@return lull.Task
local function run(fn)
  local task <const> = lull.async(core.loose)(function() print.results(fn()) end)
  task.name = "line"
  repeat
    local ended <const> = lull.wait({ task }, { timeout = patience })
  until #ended > 0
  return task
end

--- Read a chunk, run it, show how it ended: all in one task, so that Ctrl-C never misses it.
---@async
---@param session lull.repl.Session
local function take_turn(session)
  session.reading = true
  local fn <const>, message <const> = read_chunk(session)
  session.reading = false
  lull.yield() -- Ctrl-C may have come with the line
  if fn then
    local task <const> = run(fn)
    if task:status() == "failed" then print.failure(task) end
    if task:status() == "cancelled" then print.note "cancelled" end
  elseif message then
    print.note(message)
  else
    session.ended = true
  end
end

--- Say how a turn ended, if not well.
---@param session lull.repl.Session
---@param task lull.Task
local function report(session, task)
  if task:status() == "cancelled" then
    if session.reader.is_terminal then print.newline() end -- below the ^C
    if not session.reading then print.note "interrupted" end
  elseif task:status() == "failed" then
    session.ended = session.reading -- there is no way to go on
    print.note(session.reading and tostring(task:error()) or "(error object that cannot be shown)")
  end
end

--- Take turns until the input ends.
---@async
---@param reader lull.repl.Reader
local function converse(reader)
  local session <const> = { reader = reader, locals = chunk.new(globals), reading = true, ended = false }
  local here <const> = lull.current()
  local release <const> = setmetatable({}, { __close = function() core.interruptible(here) end })
  here.name = "session"
  repeat
    local task <const> = lull.async(function()
      local _ <close> = release -- before the task ends: without a target, Ctrl-C ends the program
      core.interruptible(lull.current())
      take_turn(session)
    end)()
    task.name = "turn"
    lull.wait { task }
    core.interruptible(here)
    report(session, task)
    print.flush()
  until session.ended
  if reader.is_terminal then print.newline() end
  core.interruptible(nil)
end

--- Has the program shown its version, as it does for -i and -v?
local function was_greeted()
  for _, argument in pairs(type(arg) == "table" and arg or {}) do
    if argument == "-i" or argument == "-v" then return true end
  end
  return false
end

--- The prompt of the program.  Ends it, when stdin ends, with status 0; what lines have
--- started in the background is cancelled then, and joined.
---@async
function repl.main()
  if globals.lull == nil then globals.lull = lull end
  io.stdout:setvbuf "line" -- what runs in the background shows at once
  local reader <const> = input.open()
  if reader.is_terminal and not was_greeted() then
    globals.print(("lull %s (%s)"):format(lull.version, _VERSION))
  end
  lull.shield(function()
    lull.run(lull.shield, converse, reader) -- a task of its own, and the target between two lines
    lull.yield() -- reports of what failed last
  end)
  exit(0)
end

return repl
