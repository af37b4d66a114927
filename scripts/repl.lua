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

--- Waits of the session are cut into pieces this long: while there is a deadline, a line
--- that waits for nothing is no deadlock.  Ctrl-C ends it.
local patience <const> = 3600

--- Run a function as a task that Ctrl-C cancels.  Returns when the function has ended:
--- then the task is still pending if it goes on with what it has started.
---@async
---@return lull.Task
local function run(name, fn, ...)
  local session <const> = lull.current()
  local over <const> = lull.future()
  local release <const> = setmetatable({}, { __close = function()
    core.interruptible(session)
  end })
  local task <const> = lull.async(function(...)
    local _ <close> = release
    core.interruptible(lull.current())
    fn(...)
    over:set()
  end)(...)
  task.name = name
  task:detach()
  repeat
    local ended <const> = lull.wait({ task, over }, { when = "first", timeout = patience })
  until #ended > 0
  return task
end

local function was_cancelled(task)
  return task:status() == "cancelled"
end

--- Below the ^C that a terminal shows.
local function note_cancelled(text)
  print.note((input.is_terminal() and "\n" or "") .. text)
end

--- Show how the task of a line ended, if not well.
---@async
local function report(task)
  if was_cancelled(task) then
    local reason <const> = task:error().reason
    note_cancelled(reason == "interrupt" and "interrupted" or "cancelled")
  elseif task:status() == "failed" then
    local shown <const> = run("error", print.failure, task) -- it may call the script's __tostring
    if shown:status() == "failed" then
      print.note "(error object that cannot be shown)"
    else
      report(shown)
    end
  end
end

--- The prompt that a global of the script sets.
local function prompt(name, default)
  local value <const> = globals[name]
  if value == nil then return default end
  local ok <const>, text <const> = pcall(tostring, value)
  return ok and text or default
end

--- Read one line.
---@async
---@return string? line  nil: there is none
---@return boolean cancelled  by Ctrl-C; else it is the end
local function read_line(continued)
  local line
  local shown <const> = continued and prompt("_PROMPT2", ">> ") or prompt("_PROMPT", "> ")
  local task <const> = run("prompt", function() line = input.read_line(shown) end)
  return line, was_cancelled(task)
end

--- Read lines until they are a chunk, or never will be.
---@async
---@return boolean more  false: the input has ended
---@return function? fn
---@return string? message  why there is no function; nil: Ctrl-C
local function read_chunk(locals)
  local text
  while true do
    local line <const>, cancelled <const> = read_line(text ~= nil)
    if cancelled then return true end
    if not line and not text then return false end
    text = text and line and text .. "\n" .. line or line or text
    local ok <const>, fn <const>, message <const>, incomplete <const> = pcall(locals.compile, locals, text)
    if not ok then return true, nil, tostring(fn) end -- a line has broken what this stands on
    if fn or not incomplete or not line then return true, fn, message end
  end
end

--- Read, run, print, until the input ends.
---@async
local function converse()
  local locals <const> = chunk.new(globals)
  lull.current().name = "session"
  core.interruptible(lull.current())
  while true do
    local more <const>, fn <const>, message <const> = read_chunk(locals)
    if not more then break end
    if fn then
      report(run("line", function() print.results(fn()) end))
    elseif message then
      print.note(message)
    elseif input.is_terminal() then
      print.newline() -- below the ^C
    end
    print.flush()
  end
  if input.is_terminal() then print.newline() end
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
  input.open()
  if input.is_terminal() and not was_greeted() then
    globals.print(("lull %s (%s)"):format(lull.version, _VERSION))
  end
  lull.shield(function()
    lull.run(lull.shield, converse) -- a task of its own, and the target between two lines
    lull.yield() -- reports of what failed last
  end)
  exit(0)
end

return repl
