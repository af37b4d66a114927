--- support_terminal.lua: a program, the prompt mostly, at a terminal that is a screen of ours.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local new_screen = dofile(here .. "support_screen.lua")
local process = require "lull.process"

local support = {}

support.PATIENCE = 20 -- seconds until something is missed

support.program = (os.getenv "LULL_BUILD" or "build") .. "/lull"

---@class lull.spec.Session
---@field child lull.process.Process
---@field screen table
---@field output string[]  all that it wrote
local Session <const> = {}
Session.__index = Session

function Session:_take(piece)
  self.output[#self.output + 1] = piece
  self.screen:feed(piece)
end

--- Read until the screen is as a function wants it.
function Session:wait(fn, what)
  local is_in_time <const> = lull.move_on_after(support.PATIENCE, function()
    while not fn(self.screen) do
      local piece <const> = self.child.stdout:read_some()
      if not piece then error(("the program has ended; missed: %s\n%s"):format(what, self.screen:text(true)), 0) end
      self:_take(piece)
    end
  end)
  if not is_in_time then error(("missed: %s\n%s\n%q"):format(what, self.screen:text(true), self.screen:text()), 0) end
end

--- Wait until this is at the end of what the screen shows, blanks at ends of lines aside.
function Session:shows(text)
  self:wait(function(screen) return screen:text():sub(-#text) == text end, text)
end

--- Wait until this is anywhere on the screen.
function Session:has(text)
  self:wait(function(screen) return screen:text():find(text, 1, true) end, text)
end

--- Wait until what was ever shown has this pattern; what the pattern captures.
function Session:sees(pattern)
  local found
  self:wait(function(screen)
    found = screen:text(true):match(pattern)
    return found
  end, pattern)
  return found
end

function Session:type(bytes)
  self.child.stdin:write(bytes)
end

--- Type a line, and wait for all that it shows.
function Session:answers(line, shown)
  self:type(line .. "\r")
  self:shows(("> %s\n%s%s>"):format(line, shown, shown == "" and "" or "\n"))
end

--- Have a line of Lua run in the background of a prompt when `go` is called.
function Session:later(line)
  self:answers("s = lull.signal.listen 'USR2'", "")
  self:answers("do lull.spawn(function() s:wait() " .. line .. " end) end", "")
end

--- Let it.
function Session:go()
  self.child:kill "USR2"
end

--- Expect the program to end with this code, or by this signal; what it writes until then is on the
--- screen.
function Session:ends(code, signal)
  local is_in_time <const> = lull.move_on_after(support.PATIENCE, function()
    for piece in function() return self.child.stdout:read_some() end do self:_take(piece) end
  end)
  if not is_in_time then error("the program does not end\n" .. self.screen:text(true), 0) end
  local ended <const>, by <const> = self.child:wait()
  if ended ~= code or by ~= signal then
    error(("it ended with %s\n%s"):format(by or ended, self.screen:text(true)), 0)
  end
end

--- Resize the terminal.
function Session:resize(columns, rows)
  self.screen:resize(columns, rows)
  self.child:resize(rows, columns)
end

--- Run a test with a program at a terminal, the prompt unless `argv` says otherwise; `environment` is
--- put over the usual one, `size` comes in its place.
function support.session(fn, environment, argv, size)
  local env <const> = { inherit = true, TERM = "xterm-256color", NO_COLOR = "1", FORCE_COLOR = false,
    LULL_HISTORY = "", LULL_REPL = "", LUA_INIT = false, LUA_INIT_5_4 = false }
  for name, value in pairs(environment or {}) do env[name] = value end
  size = size or { columns = 100, rows = 24 }
  local child <close> = process.open(argv or { support.program, "repl" },
    { pty = size, env = env })
  local session <const> = setmetatable({
    child = child, screen = new_screen(size.columns, size.rows), output = {},
  }, Session)
  if not argv then session:shows "\n>" end
  fn(session)
end

return support
