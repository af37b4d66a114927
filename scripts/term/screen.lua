--- lull.term.screen: lines at the bottom of the terminal that are drawn again and again.
--
-- They are on standard error, the cursor at the end of the last one.  To write something else
-- they are erased, it is written, and they are drawn below it: `print` and `io.write` do that
-- by themselves as long as there are such lines and standard output is a terminal, too; what
-- they leave without an end of line is kept until that comes.
--
-- They are drawn at most every INTERVAL: when one changes, and by a task that belongs to
-- nobody and ends with the last of them.
local cells = require "lull.term.cells"
local color = require "lull.term.color"
local core = require "lull.core"
local lull = require "lull"
local tty = require "lull.tty.native"

local screen = {}

local INTERVAL <const> = 0.1
local DEFAULT_WIDTH <const>, DEFAULT_HEIGHT <const> = 80, 24

---@class lull.term.Live
---@field line fun(self, width: integer): string

local live <const> = {} ---@type lull.term.Live[]
local drawn = 0         -- lines that are on the screen now
local drawn_at = 0      -- by lull.now
local pauses = 0
local rest = ""         -- of a line of standard output that has no end yet
local ticker            -- the task
local hooks             -- what stands in for print and io.write, and what these were

--- Columns and rows of the terminal.
---@return integer columns
---@return integer rows
function screen.size()
  for _, fd in ipairs { 1, 2, 0 } do
    local ok <const>, columns <const>, rows <const> = pcall(tty.size, fd)
    if ok and columns then return columns, rows > 0 and rows or DEFAULT_HEIGHT end
  end
  return DEFAULT_WIDTH, DEFAULT_HEIGHT
end

--- Can lines be drawn again and again?
---@return boolean
function screen.is_live()
  if not color.is_terminal(2) then return false end
  local ok <const>, term <const> = pcall(os.getenv, "TERM")
  return ok and term ~= nil and term ~= "dumb"
end

--- What takes the lines off the screen.
local function erasing()
  if drawn == 0 then return "" end
  local text <const> = "\r" .. ("\27[1A"):rep(drawn - 1) .. "\27[J"
  drawn = 0
  return text
end

--- What draws the lines.
local function drawing()
  if #live == 0 or pauses > 0 then return "" end
  local columns <const>, rows <const> = screen.size()
  local lines <const> = {}
  for i = math.max(1, #live - rows + 2), #live do
    -- the last column stays free: some terminals go to the next line in it
    lines[#lines + 1] = cells.truncate(live[i]:line(columns - 1), columns - 1)
  end
  drawn, drawn_at = #lines, lull.now()
  return table.concat(lines, "\n")
end

local function draw()
  io.stderr:write(erasing() .. drawing())
end

--- Write to standard error above the lines, at once.
---@param text string  ends with a newline
function screen.write_error(text)
  if #live == 0 then
    io.stderr:write(text)
  else
    io.stderr:write(erasing() .. text .. drawing())
  end
end

--- Write to standard output above the lines; what is behind the last newline is kept.
---@param text string
function screen.write(text)
  if #live == 0 or pauses > 0 then
    io.stdout:write(text)
    return
  end
  local whole <const> = text:match "^.*\n"
  if not whole then
    rest = rest .. text
    return
  end
  local before <const> = rest
  rest = text:sub(#whole + 1)
  io.stderr:write(erasing())
  io.stdout:write(before, whole)
  io.stdout:flush()
  io.stderr:write(drawing())
end

local function hooked_print(...)
  local values <const> = table.pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  screen.write(table.concat(values, "\t") .. "\n")
end

local function hooked_write(...)
  local values <const> = table.pack(...)
  for i = 1, values.n do
    local kind <const> = type(values[i])
    if kind ~= "string" and kind ~= "number" then return hooks.old_write(...) end
  end
  if io.output() ~= io.stdout then return hooks.old_write(...) end
  screen.write(table.concat(values))
  return io.stdout
end

local function hook()
  if hooks or not color.is_terminal(1) then return end
  hooks = { old_print = _G.print, old_write = io.write }
  _G.print = hooked_print
  io.write = hooked_write -- luacheck: ignore 122
end

local function unhook()
  if not hooks then return end
  if _G.print == hooked_print then _G.print = hooks.old_print end
  if io.write == hooked_write then io.write = hooks.old_write end -- luacheck: ignore 122
  hooks = nil
  io.stdout:write(rest)
  rest = ""
end

local function tick()
  while #live > 0 do
    lull.sleep(INTERVAL)
    if math.abs(lull.now() - drawn_at) >= INTERVAL then draw() end
  end
end

--- Show one more line; its `line` says what is in it.
---@param item lull.term.Live
function screen.add(item)
  hook()
  live[#live + 1] = item
  draw()
  local running <const> = ticker and ticker:status() == "pending"
  if not running and lull.current() then ticker = core.loose(lull.spawn, tick) end
end

--- A line says something else now: draw it, unless that was done just before.
function screen.changed()
  if math.abs(lull.now() - drawn_at) >= INTERVAL then draw() end
end

--- Show a line no longer; put another text above those that stay.
---@param item lull.term.Live
---@param text? string  without a newline
function screen.remove(item, text)
  local before <const> = erasing()
  for i, each in ipairs(live) do
    if each == item then table.remove(live, i) break end
  end
  io.stderr:write(before .. (text and text .. "\n" or "") .. drawing())
  if #live > 0 then return end
  unhook()
  if ticker and ticker:status() == "pending" then ticker:cancel() end
  ticker = nil
end

local Pause <const> = {}

function Pause.__close()
  pauses = pauses - 1
  if #live > 0 then draw() end
end

--- Take the lines off the screen for as long as the to-be-closed value lives.
---@return table
function screen.pause()
  if #live > 0 then io.stderr:write(erasing()) end
  io.stdout:write(rest)
  rest = ""
  pauses = pauses + 1
  return setmetatable({}, Pause)
end

return screen
