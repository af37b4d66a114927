--- lull.net.server: a task that accepts, and owns a task for each connection.
local check = require "lull.check"
local core = require "lull.core"
local lull = require "lull"
local native = require "lull.net.native"
local secure = require "lull.net.secure"

local PAUSE <const> = 0.1 -- seconds without accepting when memory was refused
local MAX_CONNECTIONS <const> = 10000

--- A running server.  It is a task of the scope it was started in, which waits for it and
--- cancels it like any other.
---@class lull.net.Server
---@field port? integer  the port it listens on; nil for a Unix socket
---@field failed_handshakes integer  with TLS: clients that came no further
---@field private listener lull.net.Listener
---@field private task lull.Task
---@field private handler fun(stream: lull.net.Stream)
---@field private max number          handlers at a time
---@field private active integer      handlers that run
---@field private stopping boolean    no more connections are wanted
---@field private room? lull.Future   set when a handler has ended, while accepting pauses
local Server <const> = {}
Server.__index = Server
Server.__name = "lull.net.Server"

local server = {}

--- The task of one connection.  What the handler starts is in a group: if that fails, it is this
--- connection's affair, like what the handler raises, and not the end of the server.
---@async
local function handle(self, stream)
  local _ <close> = stream
  if not secure.accepted(self, stream) then return end
  local handler <const> = self.handler
  local ok <const>, err <const> = pcall(lull.group, function() handler(stream) end)
  if not ok then core.report(err) end
end

--- Called when the task of a connection has ended, in whatever way: one that was cancelled
--- before its first step has closed nothing.
local function handled(self, stream)
  stream:close()
  self.active = self.active - 1
  local room <const> = self.room
  if room then
    self.room = nil
    room:set()
  end
end

--- Wait until there may be one more handler.
---@async
local function wait_for_room(self)
  while self.active >= self.max and not self.stopping do
    self.room = lull.future()
    self.room:await()
  end
end

--- Is it for want of memory, Lua's own or what lull refuses?
local function is_memory(err)
  return err == "not enough memory" or lull.is_error(err, "memory")
end

--- One connection found no memory: say so, let others end, go on.
---@async
local function pause(err)
  core.report(err)
  lull.sleep(PAUSE)
end

--- The next connection; nil when no more are wanted.
---@async
local function accept(self)
  repeat
    wait_for_room(self)
    if self.stopping then return nil end
    local ok <const>, stream <const> = pcall(self.listener.accept, self.listener)
    if ok then return stream end
    local goes_on <const> = not self.stopping and is_memory(stream)
    if goes_on then pause(stream) end
  until not goes_on and (self.stopping or error(stream, 0))
end

--- Have a connection handled.  Raises with nothing begun.
local function begin(self, group, stream)
  local function over() handled(self, stream) end
  group:spawn(handle, self, stream):on_done(over)
  self.active = self.active + 1
end

--- The body of the server's task.
---@async
local function serve(self)
  local _ <close> = self.listener
  lull.group(function(group)
    for stream in accept, self do
      local ok <const>, err <const> = pcall(begin, self, group, stream)
      if not ok then
        stream:abort()
        if not is_memory(err) then error(err, 0) end
        pause(err)
      end
    end
  end)
end

--- How many connections a server has at a time that is not told: 10,000, or three quarters of
--- the descriptors that the process may have, which leaves some for what handlers open.
---@return integer
function server.max_connections()
  return math.max(1, math.min(MAX_CONNECTIONS, native.max_descriptors() * 3 // 4))
end

--- Start a server on a listener, which it takes.
---@param listener lull.net.Listener
---@param handler fun(stream: lull.net.Stream)
---@param max? integer  handlers at a time; server.max_connections()
---@return lull.net.Server
function server.start(listener, handler, max)
  local self <const> = setmetatable({
    port = listener.port,
    listener = listener,
    handler = handler,
    max = max or server.max_connections(),
    active = 0,
    stopping = false,
  }, Server)
  self.task = lull.spawn(serve, self)
  self.task.name = tostring(self)
  --- A task that was cancelled before its first step has closed nothing.
  self.task:on_done(function() listener:close() end)
  return self
end

--- Accept no more; what is being handled goes on.  The listening socket is closed.
function Server:stop()
  check.self(self, Server, "stop")
  self.stopping = true
  self.listener:close()
  local room <const> = self.room
  if room then
    self.room = nil
    room:set()
  end
end

--- Stop accepting, cancel the handlers and wait for them to end.
---@async
function Server:close()
  check.self(self, Server, "close")
  self:stop()
  self.task:cancel("the server was closed")
  self.task:join()
end

--- Refuse what would never return: waiting, inside a handler, for all handlers to end.
local function refuse_inside(self, what)
  --- Tasks are looked at in order, and a wrong one raises before anything begins.
  local _, err <const> = pcall(lull.gather, { self.task, false })
  if not lull.is_error(err, "usage") then return end
  local message <const> = what .. " in one of the server's own handlers would never return"
  error(lull.new_error("usage", message), 3)
end

--- Stop accepting and wait for the handlers to end by themselves; close after `seconds`.  In a
--- handler it needs a time, since that handler does not end before.
---@async
---@param seconds? number  nil: however long it takes
function Server:drain(seconds)
  check.self(self, Server, "drain")
  if not seconds then refuse_inside(self, "drain") end
  self:stop()
  if seconds then lull.wait({ self.task }, { timeout = seconds }) else self.task:join() end
  if self.task:status() == "pending" then self:close() end
end

--- Wait until the server has been closed and its handlers have ended.
---@async
function Server:wait()
  check.self(self, Server, "wait")
  refuse_inside(self, "wait")
  self.task:join()
end

--- Go on with other certificates, for clients that come from now on: their files are read
--- anew, or other options taken.  Raises, with nothing changed, if they cannot be used.
---@param opts? lull.tls.ServerOptions
function Server:reload_tls(opts)
  check.self(self, Server, "reload_tls")
  secure.reload(self, opts)
end

--- Where it listens.
---@return string host_or_path
---@return integer? port
function Server:sockname()
  check.self(self, Server, "sockname")
  return self.listener:sockname()
end

--- Also in a task that is cancelled, handlers have ended before what they may use is closed.
---@async
function Server:__close()
  lull.shield(self.close, self)
end

function Server:__tostring()
  return "server (" .. tostring(self.listener):match("%((.*)%)") .. ")"
end

return server
