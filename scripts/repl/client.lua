--- lull.repl.client: the near end of a prompt over a socket: keys and sizes, as they come.
local edit = require "lull.repl.edit"
local lull = require "lull"
local net = require "lull.net"
local remote = require "lull.repl.remote"

local PIECE <const> = 4096
local CTRL_Z <const> = "\26"
local LET_NOBODY_IN <const> = "the prompt at %s let nobody in"

local function frame(kind, content)
  return kind .. string.pack(">s2", content)
end

local function size_of(terminal)
  local columns <const>, rows <const> = terminal:size()
  return string.pack(">I2I2", math.min(columns or 80, 65535), math.min(rows or 24, 65535))
end

local function hello(terminal)
  local flags <const> = (terminal.dumb and remote.DUMB or 0) | (terminal.color and remote.COLOR or 0)
    | (terminal.silent and remote.SILENT or 0)
  return frame("h", string.char(remote.VERSION, flags) .. size_of(terminal))
end

--- Send what is typed, but for Ctrl-Z, which stops us.
---@async
local function forward(terminal, stream, is_raw)
  while true do
    local piece <const> = terminal:read_some(PIECE)
    if not piece then break end
    local stop <const> = is_raw and piece:find(CTRL_Z, 1, true)
    if stop then
      stream:write(frame("d", piece:sub(1, stop - 1)))
      terminal:stop(true)
      stream:write(frame("c", size_of(terminal)), frame("d", piece:sub(stop + 1)))
    else
      stream:write(frame("d", piece))
    end
  end
  stream:write(frame("e", ""))
end

---@async
local function forward_sizes(terminal, stream)
  while true do
    local columns <const>, _, what <const> = terminal:wait_resize()
    if not columns then return end
    if what == "TSTP" then terminal:stop(false) end
    stream:write(frame(what == "WINCH" and "s" or "c", size_of(terminal)))
  end
end

--- Show what comes until nothing more does.
---@async
---@return boolean said_goodbye
---@return boolean was_let_in
local function show(terminal, stream)
  local held, was_let_in = "", terminal.silent or false -- where no prompt is shown nobody can tell
  while true do
    local ok <const>, piece <const> = pcall(stream.read_some, stream)
    if not ok or not piece then return held ~= "", was_let_in end
    was_let_in = true
    local text <const> = held .. piece
    held = text:sub(-1) == remote.GOODBYE and remote.GOODBYE or ""
    terminal:write(text:sub(1, #text - #held))
  end
end

--- Connect, and be the terminal of the prompt there until it ends.
---@async
---@param path string   raises kind io, also when the other side is gone before the prompt has ended
return function(path)
  local terminal <const> = edit.tty()
  local stream <close> = net.connect_unix(path)
  local function fail(complaint)
    error(lull.new_error("io", complaint:format(path), { op = "repl.connect" }))
  end
  if not pcall(stream.write, stream, hello(terminal)) then fail(LET_NOBODY_IN) end
  local is_raw <const> = not terminal.dumb and terminal.raw ~= nil and terminal:raw(true)
  local _ <close> = lull.finally(function()
    if is_raw then terminal:raw(false) end
  end)
  local is_over, was_let_in
  lull.group(function(group)
    group:spawn(function() pcall(forward, terminal, stream, is_raw) end)
    if is_raw then group:spawn(function() pcall(forward_sizes, terminal, stream) end) end
    is_over, was_let_in = show(terminal, stream)
    group:cancel()
  end)
  if is_over then return end
  if is_raw then terminal:write "\r\n" end
  fail(was_let_in and "the prompt at %s is gone" or LET_NOBODY_IN)
end
