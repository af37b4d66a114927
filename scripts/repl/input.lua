--- lull.repl.input: reading lines from stdin without blocking the loop.
--
-- The one place that knows how a line gets here: an editor that puts the terminal
-- into raw mode takes the place of read_line() and of nothing else.
--
-- Bytes are taken one at a time from a stdin without a buffer.  So not one is taken
-- that io.read, called by the very line, is to have, as in `lull repl <file`; and
-- none is lost when the wait is cancelled in the middle of a line.
local net = require "lull.net"
local tty = require "lull.tty.native"

local input = {}

local concat <const>, pcall <const> = table.concat, pcall
local stdin <const>, stdout <const> = io.stdin, io.stdout

--- Is somebody typing?
---@return boolean
function input.is_terminal()
  return tty.is_terminal(0)
end

--- Take stdin for reading lines.
function input.open()
  stdin:setvbuf "no"
end

--- The next byte; nil at the end.
---@async
local function read_byte()
  pcall(net.wait_readable, 0) -- where this cannot wait there is nothing to read, either
  return stdin:read(1)
end

--- Show a prompt and read a line; nil at the end of the input.
---
--- Cancelled, it forgets what it had read: the line was given up.
---@async
---@param prompt string  shown on a terminal
---@return string? line  without its newline
function input.read_line(prompt)
  if input.is_terminal() then
    stdout:write(prompt)
    stdout:flush()
  end
  local bytes <const> = {}
  while true do
    local byte <const> = read_byte()
    if byte == "\n" or not byte and #bytes > 0 then return concat(bytes) end
    if not byte then return nil end
    bytes[#bytes + 1] = byte
  end
end

return input
