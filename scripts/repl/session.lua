--- lull.repl.session: one conversation: a text is read, run as a task, and what it came to is shown.
--
-- Ctrl-C cancels the task it is aimed at: the line that runs, or the reading of the next one;
-- never the session.  What lines start in the background belongs to the session, goes on while
-- others are typed, and is cancelled and joined at its end.
local chunk = require "lull.repl.chunk"
local core = require "lull.core"
local edit = require "lull.repl.edit"
local lull = require "lull"
local print = require "lull.repl.print"
local repair = require "lull.repl.repair"

local session = {}

-- The prompt goes on whatever a line does to the globals.
local everything <const> = _G
local collectgarbage <const>, error <const> = collectgarbage, error
local pcall <const>, select <const>, setmetatable <const> = pcall, select, setmetatable
local rawget <const>, rep <const>, tostring <const>, type <const> = rawget, string.rep, tostring, type
local package <const>, require <const> = package, require
local concat <const>, pack <const>, remove <const> = table.concat, table.pack, table.remove
local async <const>, current <const>, finally <const> = lull.async, lull.current, lull.finally
local wait <const>, yield <const> = lull.wait, lull.yield

--- Waits for a line are cut into pieces this long: while there is a deadline, a line that
--- waits for nothing is no deadlock.  Ctrl-C ends it.
local PATIENCE <const> = 3600
local MAX_KEPT <const> = 10000 -- texts that ran, for .save
local MAX_KEPT_BYTES <const> = 4 << 20
local RESERVE <const> = 256 << 10 -- bytes that are left for lines that make room
local NO_MEMORY <const> = "not enough memory"
local RESULTS <const> = 9      -- variables for single results
local in_use = false           -- the process's terminal is

--- Tell the program that there is no line to interrupt any more.
---@return integer? code # to exit with: SIGTERM or SIGHUP came
session.end_turn = debug.getregistry().LULL_END_TURN or function() end

---@class lull.repl.Session
---@field editor lull.repl.Editor
---@field terminal lull.repl.Terminal
---@field globals table
---@field locals lull.repl.Locals
---@field history table
---@field opts lull.repl.Options
---@field kept string[]       texts that ran
---@field paint fun(text: string, style: string): string
---@field is_own boolean      the terminal is the process's
---@field turn? lull.Task
---@field is_reading boolean  no text is complete
---@field has_ended boolean
---@field has_failed boolean  it cannot go on
---@field guard any           closed by an error of memory, makes room
---@field reserve? string     what is let go then
local Session <const> = {}
Session.__index = Session

-- ---- output ----

--- Take bars of lull.term off the terminal until the value is closed.
function Session:_pause_bars()
  if not self.is_own or self.terminal.silent then return nil end
  return require("lull.term.screen").pause()
end

--- Show a text, now or above what is edited.
---@param text string
function Session:write(text)
  if not self.is_own and not self.terminal.dumb and not self.editor.view then
    text = text:gsub("\r?\n", "\r\n") -- nobody else adds them
  end
  local _ <close> = self:_pause_bars()
  self.editor:print_above(text)
end

--- Print values as `print` does: to the terminal, where that is not the process's.
function Session:print(...)
  if self.is_own then return everything.print(...) end
  local values <const> = pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  self:write(concat(values, "\t") .. "\n")
end

-- ---- running ----

--- What every task of ours holds, so that one without memory lets go of what its line has declared
--- before anything else is done, which may need memory.
local function new_guard(self)
  return setmetatable({}, { __close = function(_, err)
    if err ~= NO_MEMORY then return end
    self.has_dropped = self.locals:drop() or self.reserve ~= nil
    self.reserve = nil
    collectgarbage()
  end })
end

--- Note results as `_`, and `_1` to `_9`.
function Session:_keep_results(...)
  if select("#", ...) == 0 then return end
  self.locals:set_own("_", (...))
  for i = 1, RESULTS do self.locals:set_own("_" .. i, (select(i, ...))) end
end

--- Run a function as the task of a line, and say how it ended if not well.  Ctrl-C that comes after
--- its end leaves no time for more than a text: what else was raised might compute without end.
---@async
---@param fn function
function Session:attempt(fn)
  local task <const> = async(core.loose)(function()
    local _ <close> = self.guard
    fn()
  end)
  task.name = "line"
  local is_over = false
  local _ <close> = finally(function()
    if is_over or task:status() ~= "failed" then return end
    local err <const> = task:error() -- is received so
    if type(err) == "string" and err ~= NO_MEMORY then print.note(self, self.paint(err, "red")) end
  end)
  repeat
    local ended <const> = wait({ task }, { timeout = PATIENCE })
  until #ended > 0
  is_over = true
  if task:status() == "failed" then print.failure(self, task) end
  if task:status() == "cancelled" then print.note(self, "cancelled") end
end

--- Compile a text in sight of the locals; nil and why: it is none.
---@param text string
---@param name? string
---@return function? fn
---@return string? message
function Session:compile(text, name)
  local ok <const>, fn <const>, message <const> = pcall(self.locals.compile, self.locals, text, name)
  if not ok then return nil, tostring(fn) end -- a line has broken what this stands on
  return fn, message
end

--- Call a function and show its results, which are kept.
---@async
---@param fn function
function Session:evaluate(fn)
  local function show(...)
    self:_keep_results(...)
    print.results(self, ...)
  end
  show(fn())
end

--- Keep a text that runs.
function Session:_keep(text)
  local kept <const> = self.kept
  kept[#kept + 1] = text
  self.kept_bytes = self.kept_bytes + #text
  while #kept > MAX_KEPT or self.kept_bytes > MAX_KEPT_BYTES and #kept > 1 do
    self.kept_bytes = self.kept_bytes - #remove(kept, 1)
  end
end

--- What a text does: a function; nil and why: nothing.
function Session:_action(text)
  local name <const>, rest <const> = text:match "^%s*%.(%a[%w_]*)%s*(.-)%s*$"
  if name then
    local commands <const> = require "lull.repl.commands"
    return function() commands.run(self, name, rest) end
  end
  local fn <const>, message <const> = self:compile(text)
  if not fn then return nil, message end
  self:_keep(text)
  return function() self:evaluate(fn) end
end

-- ---- turns ----

--- A prompt: what a global of the script says, or the host.
function Session:_prompt(name, option, default)
  local value = rawget(self.globals, name) -- many a script lets no other globals be asked for
  if value == nil then value = self.opts[option] end
  if value == nil then return default end
  local ok <const>, text <const> = pcall(type(value) == "function" and value or tostring, value)
  return ok and type(text) == "string" and text or default
end

--- Read a text; nil: there is none.
---@async
---@return string? text
---@return string? why
function Session:_read()
  local _ <close> = self:_pause_bars()
  return self.editor:read(self:_prompt("_PROMPT", "prompt", "> "), self:_prompt("_PROMPT2", "prompt2"))
end

--- Put a text into the history, as long as that can be done.
function Session:_remember(text)
  if self.terminal.silent or not text:find "%S" or not self.history then return end
  local ok <const>, err <const> = pcall(self.history.add, self.history, text)
  if not ok and not self.has_told then
    self.has_told = true
    print.note(self, "the history cannot be saved: " .. print.message_of(err))
  end
end

--- Read a text, run it, show how it ended: all in one task, so that Ctrl-C never misses it.
---@async
function Session:_take_turn()
  -- only where much more is left
  if not self.reserve and pcall(rep, "\0", 4 * RESERVE) then self.reserve = rep("\0", RESERVE) end
  self.is_reading = true
  local text <const>, why <const> = self:_read()
  self.is_reading = false
  yield() -- Ctrl-C may have come with the line
  if not text then
    self.has_ended = why == "end"
    return
  end
  self:_remember(text)
  local fn <const>, message <const> = self:_action(text)
  if not fn then
    print.note(self, self.paint(message, "red"))
    return
  end
  self:attempt(fn)
end

--- What the prompt itself does has failed: is it because of what a line has done to the standard
--- libraries?  Then it is undone.
function Session:_repair()
  local names <const> = not self.terminal.silent and repair()
  if not names then return false end
  if self.terminal.raw then self.terminal:raw(false) end
  self:_open_editor()
  if self.is_reading and not self.terminal.dumb then self.terminal:write "\r\27[K" end -- over the prompt
  print.note(self, "put back, for the prompt needs it: " .. names)
  return true
end

--- Say how a turn ended, if not well.
---@param task lull.Task
function Session:_report(task)
  local terminal <const> = self.terminal
  if task:status() == "cancelled" then
    -- below the ^C that the terminal shows
    if not terminal.silent and (terminal.dumb or not self.is_reading) then self:write "\n" end
    if not self.is_reading then print.note(self, "interrupted") end
  elseif task:status() == "failed" then
    local err <const> = task:error()
    local is_full <const> = err == NO_MEMORY
    if is_full and (not self.is_reading or self.has_dropped) then
      self.has_dropped = false
      return print.note(self, err)
    end
    if not is_full and self:_repair() then return end
    self.has_failed = self.is_reading -- there is no way to go on
    print.note(self, self.is_reading and tostring(err) or "(error object that cannot be shown)")
  end
end

--- Run a function as a task that Ctrl-C is aimed at.
---@async
---@param fn async fun(self: lull.repl.Session)
---@return lull.Task  it has ended
function Session:_turn(fn)
  local task <const> = async(function()
    self.turn = current()
    if self.is_own then core.interruptible(self.turn) end
    local _ <close> = self.guard
    fn(self)
  end)()
  task.name = "turn"
  wait { task }
  self.turn = nil
  return task
end

--- Take the process's terminal, if it is that, until the value is closed.  Ctrl-C between two
--- lines is for nobody then, and does not end the program.
function Session:_take_terminal()
  if not self.is_own then return nil end
  if in_use then
    error(lull.new_error("busy", "the terminal has a prompt already", { op = "repl.start" }))
  end
  in_use = true
  local nobody <const> = async(function() end)()
  wait { nobody }
  local previous <const> = core.interruptible(nobody)
  return setmetatable({}, { __close = function()
    in_use = false
    core.interruptible(previous)
  end })
end

--- The history; where its file cannot be used one that is not kept.
---@async
function Session:_open_history()
  local history <const> = require "lull.repl.history"
  local ok <const>, found <const> = pcall(history.open, self.opts.history)
  if ok then return found end
  self.complaint = "the history cannot be used: " .. print.message_of(found)
  return history.open()
end

--- Make what reads.
---@async
function Session:_open_editor()
  local terminal <const> = self.terminal
  local parts <const> = { terminal = terminal, is_complete = function(text)
    return text:find "^%s*%.%a" ~= nil or chunk.is_complete(text)
  end }
  if not terminal.silent then
    self.history = self.history or self:_open_history()
    parts.history, parts.highlight = self.history, require("lull.repl.highlight").spans
    local complete <const> = require "lull.repl.complete"
    parts.complete = complete.new { globals = self.globals, locals = self.locals,
      commands = require("lull.repl.commands").dotted, files = complete.files,
      path = function() return rawget(package, "path") end }
  end
  self.editor = edit.new(parts)
end

--- Take turns until there is no more to read.
---@async
local function converse(self)
  current().name = "session"
  self:_open_editor()
  local _ <close> = self:_take_terminal()
  local outlet <close> = self.is_own and not self.terminal.silent -- luacheck: ignore 211
    and require("lull.repl.outlet").open(self) or nil
  if self.opts.greeting and not self.terminal.silent then self:write(self.opts.greeting .. "\n") end
  if self.complaint then print.note(self, self.complaint) end
  if self.opts.on_start then self:_report(self:_turn(self.opts.on_start)) end
  repeat
    self:_report(self:_turn(Session._take_turn))
    print.flush()
  until self.has_ended or self.has_failed or self.is_own and session.end_turn()
  if self.terminal.dumb and not self.terminal.silent then self:write "\n" end
end

--- Cancel the line that runs, or give up the text that is typed.  Another task may call it.
---@return boolean # false: there is none now
function Session:interrupt()
  return self.turn ~= nil and self.turn:cancel("interrupt")
end

--- Talk, until the input ends or `.exit` is typed.  Cancelled, it ends at once; in any case what
--- lines have started is cancelled and joined.
---@async
---@return boolean  false: it could not go on
function Session:run()
  lull.run(converse, self)
  return not self.has_failed
end

--- Compile a file in sight of the locals, which those of the file join.
---@param path string
---@param text string  what is in it
---@return function? fn
---@return string? message
function Session:compile_file(path, text)
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  return self:compile(text, "@" .. path)
end

--- Make a session.
---@param opts lull.repl.Options
---@return lull.repl.Session
function session.new(opts)
  local terminal <const> = opts.terminal or edit.tty()
  local globals <const> = opts.globals or everything
  local self <const> = setmetatable({ terminal = terminal, globals = globals, opts = opts, kept = {}, kept_bytes = 0,
    is_own = not opts.terminal, is_reading = false, has_ended = false, has_failed = false,
    locals = chunk.new(globals), paint = print.painter(terminal) }, Session)
  self.guard = new_guard(self)
  if globals == everything then self.locals:set_own("lull", lull) end
  local ok <const>, printing <const> = pcall(function() return globals.print end) -- by __index, too
  if opts.terminal and (not ok or printing == nil or printing == rawget(everything, "print")) then
    self.locals:set_own("print", function(...) self:print(...) end, true)
  end
  return self
end

return session
