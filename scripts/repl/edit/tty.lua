--- lull.repl.edit.tty: the process's own terminal, for lull.repl.edit.
--
-- It is in raw mode only while a line is read.  Signals are listened to only then, too: WINCH,
-- CONT, and TSTP, which others may send.  Before the process stops, the mode and what TSTP does
-- are as they were.
local color = require "lull.term.color"
local lull = require "lull"
local net = require "lull.net"
local tty = require "lull.tty.native"

local pcall <const>, stdin <const>, stdout <const> = pcall, io.stdin, io.stdout
local interrupted <const> = 4 -- EINTR

---@class lull.repl.Tty
---@field dumb boolean    no escape sequences
---@field silent boolean  nobody sees a prompt
---@field color boolean
---@field direct boolean  writing never suspends
---@field fd integer      what is read
local Tty <const> = { direct = true }
Tty.__index = Tty

--- What has been typed, at most a line; nil at the end.
---@async
---@param max integer
---@return string?
function Tty:read_some(max)
  while true do
    local ok <const>, err <const> = pcall(net.wait_readable, self.fd)
    local piece <const> = tty.read(self.fd, max) -- the end, where one cannot wait for it
    if piece ~= false then return piece end
    if not ok then error(err, 0) end
  end
end

--- Has more been typed?
---@return boolean
function Tty:is_waiting()
  return tty.is_waiting(self.fd)
end

function Tty:write(text)
  stdout:flush()
  tty.write(1, text)
end

function Tty:size()
  return tty.size(1)
end

--- Listen to what concerns the terminal, where that is allowed.
local function listen()
  local ok <const>, signal <const> = pcall(require, "lull.signal.native")
  if not ok then return nil end
  local is_open <const>, listener <const> = pcall(signal.listen, "WINCH", "CONT", "TSTP")
  return is_open and listener or nil
end

--- Wait until the size may have changed.
---@async
---@return integer? columns  nil: that cannot be told
---@return integer? rows
---@return string? what      "WINCH"; "CONT": others have had the terminal; "TSTP": somebody asks to stop
function Tty:wait_resize()
  while self.listener do
    local listener <const> = self.listener
    local name <const> = listener()
    if name == "CONT" and self.mode then self.mode:again() end
    if name then
      local columns <const>, rows <const> = self:size()
      return columns or 80, rows or 24, name
    end
    if listener == self.listener then return nil end
  end
  return nil
end

local function change_mode(self, on)
  if on and not self.mode then
    local ok <const>, mode <const> = pcall(tty.raw, self.fd)
    if not ok then return false end
    self.mode, self.listener = mode, listen()
  elseif not on and self.mode then
    local mode <const>, listener <const> = self.mode, self.listener
    self.mode, self.listener = nil, nil
    if listener then listener:close() end
    mode:close()
  end
  return true
end

--- Let keys come at once and unseen, or not any more.  Ctrl-C, which may come between any two
--- steps, waits meanwhile: a mode that was lost would be taken for the terminal's own.
---@param on boolean
---@return boolean  false: the terminal does not let us
function Tty:raw(on)
  return lull.shield(change_mode, self, on)
end

--- Stop, until somebody lets the process go on.
---@param everybody boolean  the whole job, as for Ctrl-Z
---@return boolean  false: there is no raw mode any more
function Tty:stop(everybody)
  self:raw(false)
  tty.stop(everybody)
  return self:raw(true)
end

--- Standard input that is no terminal: byte by byte, through a stream without a buffer, so that
--- what follows a line is left where io.read will find it.
local Pipe <const> = { dumb = true, silent = true, color = false, direct = true }
Pipe.__index = Pipe

function Pipe.read_some()
  while true do
    pcall(net.wait_readable, 0)
    local byte <const>, _, code <const> = stdin:read(1)
    if byte or code ~= interrupted then return byte end
  end
end

function Pipe.write(_, text)
  stdout:write(text)
  stdout:flush()
end

function Pipe.size() return nil end
function Pipe.wait_resize() return nil end

--- Take the terminal of the process, or what stands in for it.
---@return lull.repl.Tty
return function()
  if not tty.is_terminal(0) then
    stdin:setvbuf "no"
    return setmetatable({}, Pipe)
  end
  local name <const> = os.getenv "TERM"
  return setmetatable({ fd = tty.open_input(0), color = color.detect(1) > 0, silent = false,
    dumb = not tty.is_terminal(1) or not name or name == "dumb" or name == "" }, Tty)
end
