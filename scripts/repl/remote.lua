--- lull.repl.remote: prompts for those who connect to a Unix socket.
--
-- The line editor is here; the client has a terminal in raw mode, and sends frames: a letter and a
-- string with its size in two bytes before it.
--
--   h  first: version, flags, columns (two bytes), rows (two bytes)
--   d  what was typed
--   s  columns, rows: the size is another now
--   c  likewise: others have had the terminal
--   e  no more will be typed
--
-- What we send is written to the terminal as it is, but for the last byte: 0, when the prompt has
-- ended and is not just gone.
local lull = require "lull"
local net = require "lull.net"
local sessions = require "lull.repl.session"
local sync = require "lull.sync"
local tty = require "lull.tty.native"

-- The prompt goes on whatever a line does to the globals.
local pcall <const>, require <const>, setmetatable <const> = pcall, require, setmetatable
local math <const>, unpack <const> = math, string.unpack

local remote = { VERSION = 1, DUMB = 1, COLOR = 2, SILENT = 4, GOODBYE = "\0" }

local HELLO_TIME <const> = 5      -- seconds
local MAX_AHEAD <const> = 1 << 16 -- bytes that are typed while a line runs
local MAX_CLIENTS <const> = 16
local CTRL_C <const> = "\3"

---@class lull.repl.RemoteTerminal: lull.repl.Terminal
---@field stream lull.net.Stream
---@field ahead string      typed, and not yet read
---@field changed? string   what wait_resize has not yet told
---@field has_ended boolean nothing more will be typed
local Terminal <const> = {}
Terminal.__index = Terminal

---@async
function Terminal:read_some(max)
  while self.ahead == "" do
    if self.has_ended then return nil end
    self.came:clear()
    self.came:wait()
  end
  local piece <const> = self.ahead:sub(1, max)
  self.ahead = self.ahead:sub(#piece + 1)
  self.taken:set()
  return piece
end

function Terminal:is_waiting()
  return self.ahead ~= ""
end

--- For a client that has gone this does nothing, but let that be noticed: who writes without end
--- would never wait.
---@async
function Terminal:write(text)
  if not pcall(self.stream.write, self.stream, text) then lull.yield() end
end

function Terminal:size()
  return self.columns, self.rows
end

---@async
function Terminal:wait_resize()
  while not self.changed do
    self.resized:clear()
    self.resized:wait()
  end
  local what <const> = self.changed
  self.changed = nil
  return self.columns, self.rows, what
end

-- ---- frames ----

---@async
---@return string? kind  nil: the client has gone
---@return string? content
local function read_frame(stream)
  local head <const> = stream:read_exact(3)
  if not head then return nil end
  local kind <const>, size <const> = unpack(">c1I2", head)
  return kind, size > 0 and stream:read_exact(size) or ""
end

local function set_size(terminal, content, what)
  if #content < 4 then return end
  local columns <const>, rows <const> = unpack(">I2I2", content)
  terminal.columns, terminal.rows = math.max(columns, 1), math.max(rows, 1)
  terminal.changed = what
  terminal.resized:set()
end

---@async
---@return lull.repl.RemoteTerminal?  nil: this is no client of ours
local function greet(stream)
  local kind <const>, content <const> = read_frame(stream)
  if kind ~= "h" or #content < 6 or content:byte(1) ~= remote.VERSION then return nil end
  local flags <const> = content:byte(2)
  local terminal <const> = setmetatable({
    stream = stream, ahead = "", has_ended = false,
    came = sync.event(), taken = sync.event(), resized = sync.event(),
    dumb = flags & remote.DUMB ~= 0, color = flags & remote.COLOR ~= 0,
    silent = flags & remote.SILENT ~= 0,
  }, Terminal)
  set_size(terminal, content:sub(3))
  return terminal
end

--- Wait until there is room for what was typed.  Who types ahead of a line that runs loses what is
--- beyond the room; a file that is sent waits.
---@async
local function take_typed(terminal, session, content)
  local is_key <const> = not terminal.silent and not terminal.dumb
  local stop <const> = is_key and not session.is_reading and content:find(CTRL_C, 1, true)
  if stop and session.turn then
    terminal.ahead, content = "", content:sub(stop + 1)
    session:interrupt()
    terminal:write "^C" -- as a terminal does that is not in raw mode; one that is slow is waited for
  end
  while #terminal.ahead + #content > MAX_AHEAD do
    if is_key then return end
    terminal.taken:clear()
    terminal.taken:wait()
  end
  terminal.ahead = terminal.ahead .. content
  terminal.came:set()
end

--- Take what the client sends, until it goes away.
---@async
local function take_frames(terminal, session)
  while true do
    local kind <const>, content <const> = read_frame(terminal.stream)
    if not kind then return end
    if kind == "d" then
      take_typed(terminal, session, content)
    elseif kind == "s" then
      set_size(terminal, content, "WINCH")
    elseif kind == "c" then
      set_size(terminal, content, "CONT")
    elseif kind == "e" then
      terminal.has_ended = true
      terminal.came:set()
    end
  end
end

-- ---- sessions ----

--- Is the client this user or root?
local function is_trusted(stream)
  local theirs <const>, ours <const> = tty.peer_uid(stream:fd())
  return theirs ~= nil and (theirs == ours or theirs == 0)
end

---@async
local function serve(stream, opts)
  if not is_trusted(stream) then return end
  local _, is_whole <const>, terminal <const> = lull.move_on_after(HELLO_TIME, pcall, greet, stream)
  if not is_whole or not terminal then return end
  local session <const> = sessions.new {
    terminal = terminal, globals = opts.globals, greeting = opts.greeting,
    prompt = opts.prompt, prompt2 = opts.prompt2, history = opts.history,
  }
  lull.group(function(group)
    group:spawn(function()
      pcall(take_frames, terminal, session)
      group:cancel "the client has gone"
    end)
    session:run()
    terminal:write(remote.GOODBYE)
    group:cancel()
  end)
  stream:close()
end

--- Listen; see lull.repl.
---@param path string
---@param opts lull.repl.ListenOptions
---@return lull.net.Server
function remote.listen(path, opts)
  tty.is_terminal(0) -- raises unless everything is allowed
  local server <const> = net.serve({ path = path, max_connections = opts.max_clients or MAX_CLIENTS },
    function(stream) serve(stream, opts) end)
  if path:byte() ~= 0 then require("lull.fs").chmod(path, 384) end -- rw-------
  return server
end

return remote
