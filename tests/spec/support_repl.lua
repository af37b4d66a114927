--- support_repl.lua: the prompt at a terminal that is a screen of ours.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local new_screen = dofile(here .. "support_screen.lua")
local process = require "lull.process"

local support = {}

local PATIENCE <const> = tonumber(os.getenv "P") or 8 -- seconds until something is missed
local COLUMNS <const>, ROWS <const> = 100, 24

support.program = (os.getenv "LULL_BUILD" or "build") .. "/lull"

---@class Prompt
---@field child lull.process.Child
---@field screen table
local Prompt <const> = {}
Prompt.__index = Prompt

--- Read until the screen is as a function wants it.
function Prompt:wait(fn, what)
  local is_in_time <const> = lull.move_on_after(PATIENCE, function()
    while not fn(self.screen) do
      local piece <const> = self.child.stdout:read_some()
      if not piece then error(("the program has ended; missed: %s\n%s"):format(what, self.screen:text(true)), 0) end
      self.screen:feed(piece)
    end
  end)
  if not is_in_time then error(("missed: %s\n%s\n%q"):format(what, self.screen:text(true), self.screen:text()), 0) end
end

--- Wait until this is at the end of what the screen shows, blanks at ends of lines aside.
function Prompt:shows(text)
  self:wait(function(screen) return screen:text():sub(-#text) == text end, text)
end

--- Wait until what was ever shown has this pattern; what the pattern captures.
function Prompt:sees(pattern)
  local found
  self:wait(function(screen)
    found = screen:text(true):match(pattern)
    return found
  end, pattern)
  return found
end

function Prompt:type(bytes)
  self.child.stdin:write(bytes)
end

--- Type a line, and wait for all that it shows.
function Prompt:answers(line, shown)
  self:type(line .. "\r")
  self:shows(("> %s\n%s>"):format(line, shown))
end

--- Expect the program to end with this code, with nothing on the screen but this behind what was
--- seen before.
function Prompt:ends(code)
  local is_in_time <const> = lull.move_on_after(PATIENCE, function()
    for piece in function() return self.child.stdout:read_some() end do self.screen:feed(piece) end
  end)
  if not is_in_time then error("the program does not end\n" .. self.screen:text(true), 0) end
  local ended <const> = self.child:wait()
  if ended ~= code then error(("it ended with %s\n%s"):format(ended, self.screen:text(true)), 0) end
end

--- Resize the terminal.
function Prompt:resize(columns, rows)
  self.screen:resize(columns, rows)
  self.child:resize(rows, columns)
end

--- Run a test with the prompt at a terminal; `environment` is put over the usual one, and `argv` in
--- place of the program's.
function support.session(fn, environment, argv)
  local env <const> = { inherit = true, TERM = "xterm-256color", NO_COLOR = "1", FORCE_COLOR = false,
    LULL_HISTORY = "", LULL_REPL = "", LUA_INIT = false, LUA_INIT_5_4 = false }
  for name, value in pairs(environment or {}) do env[name] = value end
  local child <close> = process.open(argv or { support.program, "repl" },
    { pty = { rows = ROWS, columns = COLUMNS }, env = env })
  local prompt <const> = setmetatable({ child = child, screen = new_screen(COLUMNS, ROWS) }, Prompt)
  if not argv then prompt:shows "\n>" end
  fn(prompt)
end

return support
