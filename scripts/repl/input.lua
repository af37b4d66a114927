--- lull.repl.input: reading lines from stdin without blocking the loop.
--
-- The one place that knows how a line gets here: an editor that puts the terminal
-- into raw mode takes the place of a reader, and of nothing else.
--
-- What follows a line is left where io.read, called by that very line, will find it.
-- A terminal gives no more than a line anyway.  Everything else, as in `lull repl
-- <file`, is read byte by byte through a stdin without a buffer.
local net = require "lull.net"
local tty = require "lull.tty.native"

local concat <const>, pcall <const>, setmetatable <const> = table.concat, pcall, setmetatable
local stdin <const>, stdout <const> = io.stdin, io.stdout
local interrupted <const> = 4 -- EINTR

---@class lull.repl.Reader
---@field is_terminal boolean  somebody is typing
---@field fd integer
---@field rest string  of what was read, behind the line
local Reader <const> = {}
Reader.__index = Reader

--- A piece of the input: what a terminal has, a byte of anything else; nil at the end.
---@async
function Reader:_piece()
  while true do
    pcall(net.wait_readable, self.fd) -- where this cannot wait there is nothing to read, either
    if self.is_terminal then
      local piece <const> = tty.read(self.fd)
      if piece ~= false then return piece end
    else
      local byte <const>, _, code <const> = stdin:read(1)
      if byte or code ~= interrupted then return byte end
    end
  end
end

--- Show a prompt, if somebody is typing, and read a line.
---
--- Cancelled, it forgets what it had read: the line was given up.
---@async
---@param prompt string
---@return string? line  without its newline; nil: the input has ended
function Reader:line(prompt)
  if self.is_terminal then
    stdout:write(prompt)
    stdout:flush()
  end
  local pieces <const>, piece = {}, self.rest
  self.rest = ""
  while piece do
    local stop <const> = piece:find("\n", 1, true)
    if stop then
      self.rest = piece:sub(stop + 1)
      pieces[#pieces + 1] = piece:sub(1, stop - 1)
      return concat(pieces)
    end
    pieces[#pieces + 1] = piece
    piece = self:_piece()
  end
  local line <const> = concat(pieces)
  return line ~= "" and line or nil
end

local input = {}

--- Take stdin for reading lines.
---@return lull.repl.Reader
function input.open()
  local is_terminal <const> = tty.is_terminal(0)
  if not is_terminal then stdin:setvbuf "no" end
  return setmetatable({ is_terminal = is_terminal, rest = "",
    fd = is_terminal and tty.open_input(0) or 0 }, Reader)
end

return input
