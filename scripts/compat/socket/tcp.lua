--- lull.compat.socket.tcp: the sockets that socket.tcp() makes.
---
--- One class for what LuaSocket calls master, client and server; a socket's `role` says which
--- it is, and its methods check it.
local check = require "lull.check"
local clock = require "lull.compat.socket.clock"
local dns = require "lull.dns"
local family_of = require "lull.compat.socket.dns".family
local inbox = require "lull.compat.socket.inbox"
local lull = require "lull"
local net = require "lull.net"
local outcome = require "lull.compat.socket.outcome"

--- Less than a stream takes without waiting for its peer, once it has sent what it had.
local PORTION <const> = 32 * 1024
--- Seconds, for a wait that has none: so that what is there is found.
local MOMENT <const> = 0.001

---@class lull.compat.socket.Tcp
---@field role "master"|"client"|"server"
---@field clock lull.compat.socket.Clock
---@field inbox lull.compat.socket.Inbox
---@field stream? lull.net.Stream
---@field listener? lull.net.Listener
---@field package arrived lull.net.Stream[]  accepted ahead, by select
---@field package connecting? lull.Task      it goes on when connect has timed out
---@field package only? 4|6                  the family of addresses
local Tcp <const> = {}

local meta <const> = { __index = Tcp, __name = "tcp", __close = function(self) self:close() end }

function meta:__tostring()
  return ("tcp{%s}: %p"):format(self.role, self)
end

local tcp = { methods = Tcp, classes = { [meta] = true } }

--- Raise unless it is a socket: a method was called with . for :.
---@param value any
---@param method string
function tcp.check_self(value, method)
  if not tcp.classes[check.class_of(value)] then check.self(value, meta, method) end
end

local check_self <const> = tcp.check_self

local function new(role, only)
  return setmetatable({
    role = role, only = only, clock = clock.new(), inbox = inbox.new(), arrived = {},
    received = 0, sent = 0, since = lull.now(),
  }, meta)
end

--- A socket that is neither client nor server yet.
---@param only? 4|6
---@return lull.compat.socket.Tcp
function tcp.new(only)
  return new("master", only)
end

--- Take what connecting has come to.
local function connected(self)
  local task <const> = self.connecting
  self.connecting = nil
  self.role = "client"
  if task:status() == "cancelled" then return nil, "closed" end
  local stream <const>, message <const> = table.unpack(task:result(), 1, 2)
  self.stream = stream
  return stream and 1, message
end

--- Raise unless the socket has the role.
local function expect(self, method, role)
  check_self(self, method)
  if self.connecting and self.connecting:status() ~= "pending" then connected(self) end
  if self.role ~= role then
    error(("calling '%s' on bad self (tcp{%s} expected)"):format(method, role), 3)
  end
end

-- Connecting -----------------------------------------------------------------------------------

local function connect(only, host, port)
  if not only then return net.connect(host, port) end
  local addresses <const> = dns.resolve(host, { family = only })
  for i, address in ipairs(addresses) do
    local ok <const>, result <const> = pcall(net.connect, address, port)
    if ok then return result end
    if i == #addresses then error(result, 0) end
  end
end

--- Wait for a connection that is on its way: true when it has come to something.
---@async
local function await_connecting(self)
  local task <const> = self.connecting
  if task:status() ~= "pending" then return true end
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then task:cancel() end
  end })
  return (lull.move_on_after(self.clock:left(), task.join, task))
end

--- Connect.  When the time is over it goes on, and connect or select can be called again.
---@async
---@param host string
---@param port integer|string
---@return 1?
---@return string? message
function Tcp:connect(host, port)
  check_self(self, "connect")
  check.host(host, 1, "connect")
  check.port(port, 2, "connect")
  if self.role == "server" or self.stream then return nil, "already connected" end
  if self.listener then return nil, "a client cannot be bound" end
  self.clock:start()
  if not self.connecting then
    self.host = host
    self.connecting = lull.async(function()
      return table.pack(outcome.of(connect, self.only, host, math.tointeger(tonumber(port))))
    end)()
    self.connecting:detach()
  end
  if not await_connecting(self) then return nil, "timeout" end
  return connected(self)
end

-- Serving --------------------------------------------------------------------------------------

--- Choose where to listen; the system listens from here on.
---@async
---@param host string
---@param port integer|string
---@return 1?
---@return string? message
function Tcp:bind(host, port)
  expect(self, "bind", "master")
  check.host(host, 1, "bind")
  check.port(port, 2, "bind")
  if host == "*" then host = self.only == 6 and "::" or "0.0.0.0" end
  local listener <const>, message <const> =
    outcome.of(net.listen, { host = host, port = port, reuse_port = self.reuse_port })
  if not listener then return nil, message end
  self.listener = listener
  return 1
end

--- Become a server.
---@async
---@return 1?
---@return string? message
function Tcp:listen()
  expect(self, "listen", "master")
  if not self.listener then
    local ok <const>, message <const> = self:bind("*", 0)
    if not ok then return nil, message end
  end
  self.role = "server"
  return 1
end

--- Accept a connection.
---@async
---@return lull.compat.socket.Tcp?
---@return string? message
function Tcp:accept()
  expect(self, "accept", "server")
  if not self.listener then return nil, "closed" end
  self.clock:start()
  local stream, message = table.remove(self.arrived, 1)
  if not stream then
    local left <const> = self.clock:left()
    stream, message = outcome.of(lull.timeout, left and math.max(left, MOMENT),
      self.listener.accept, self.listener)
  end
  return stream and tcp.wrap(stream), message
end

--- A client that is connected already.
---@param stream lull.net.Stream
---@return lull.compat.socket.Tcp
function tcp.wrap(stream)
  local self <const> = new "client"
  self.stream = stream
  return self
end

-- Receiving ------------------------------------------------------------------------------------

--- Read once into the inbox.
---@async
---@return true?
---@return string? message
local function fill(self)
  local stream <const> = self.stream
  if not stream then return nil, "closed" end
  stream:set_timeout(self.clock:left())
  local piece <const>, message <const> = outcome.of(stream.read_some, stream)
  if not piece then return nil, message or "closed" end
  self.received = self.received + #piece
  self.inbox:put(piece)
  return true
end

--- Receive a line ("*l"), everything ("*a") or so many bytes.
---@async
---@param pattern? string|integer
---@param prefix? string
---@return string? text
---@return string? message
---@return string? partial
function Tcp:receive(pattern, prefix)
  expect(self, "receive", "client")
  local wanted = pattern == nil and "*l" or pattern
  if wanted ~= "*l" and wanted ~= "*a" then
    wanted = tonumber(wanted)
    if not wanted or wanted < 0 then check.fail(1, "receive", "invalid receive pattern") end
    wanted = math.floor(wanted)
  end
  if prefix ~= nil and type(prefix) ~= "number" then check.type(prefix, 2, "receive", "string") end
  self.clock:start()
  return self.inbox:receive(wanted, tostring(prefix or ""), function() return fill(self) end)
end

--- Is there something that came and was not received yet?
---@return boolean
function Tcp:dirty()
  check_self(self, "dirty")
  return not self.inbox:is_empty() or #self.arrived > 0
end

-- Sending --------------------------------------------------------------------------------------

--- Send the bytes i to j.  Portions go to the stream when it has sent all it had, so that it is
--- known what went when the time is over.
---@async
---@param bytes string
---@param i? integer
---@param j? integer
---@return integer? last
---@return string? message
---@return integer? last  that went
function Tcp:send(bytes, i, j)
  expect(self, "send", "client")
  if type(bytes) ~= "number" then check.type(bytes, 1, "send", "string") end
  bytes, i, j = tostring(bytes), i or 1, j or -1
  local first <const> = math.max(i < 0 and #bytes + i + 1 or i, 1)
  local last <const> = math.min(j < 0 and #bytes + j + 1 or j, #bytes)
  local stream <const> = self.stream
  if not stream then return nil, "closed", first - 1 end
  self.clock:start()
  for from = first, last, PORTION do
    local to <const> = math.min(from + PORTION - 1, last)
    stream:set_timeout(self.clock:left())
    local ok, message = outcome.of(stream.flush, stream)
    if ok then ok, message = outcome.of(stream.write, stream, bytes:sub(from, to)) end
    if not ok then return nil, message, from - 1 end
    self.sent = self.sent + to - from + 1
  end
  return math.max(last, first - 1)
end

--- End the sending side; of the receiving one nobody is told.
---@async
---@param how? "both"|"send"|"receive"
---@return 1?
---@return string? message
function Tcp:shutdown(how)
  expect(self, "shutdown", "client")
  if how ~= nil and how ~= "both" and how ~= "send" and how ~= "receive" then
    check.fail(1, "shutdown", "invalid shutdown method")
  end
  if self.stream and how ~= "receive" then
    self.clock:start()
    self.stream:set_timeout(self.clock:left())
    local ok <const>, message <const> = outcome.of(self.stream.shutdown, self.stream)
    if not ok then return nil, message end
  end
  return 1
end

--- Close.
---@return 1
function Tcp:close()
  check_self(self, "close")
  if self.connecting and not self.connecting:cancel() then pcall(connected, self) end
  if self.stream then self.stream:close() end
  if self.listener then self.listener:close() end
  for _, stream in ipairs(self.arrived) do stream:close() end
  self.connecting, self.stream, self.listener, self.arrived = nil, nil, nil, {}
  self.inbox = inbox.new()
  return 1
end

-- What select waits for ------------------------------------------------------------------------

--- Wait until receive or accept has something to say.
---@async
function Tcp:await_readable()
  if self:dirty() then return end
  self.clock.due = nil
  if self.role == "server" and self.listener then
    local stream <const> = outcome.of(self.listener.accept, self.listener)
    self.arrived[#self.arrived + 1] = stream
  elseif self.connecting then
    self.connecting:join()
  else
    fill(self)
  end
end

--- Wait until send would not.
---@async
function Tcp:await_writable()
  if self.connecting then
    self.connecting:join()
  elseif self.stream then
    self.stream:set_timeout(nil)
    outcome.of(self.stream.flush, self.stream)
  end
end

-- Settings -------------------------------------------------------------------------------------

--- Limit how long calls wait.
---@param value? number  seconds; nil or negative: no limit
---@param mode? string   "b", the default, or "t"
---@return 1
function Tcp:settimeout(value, mode)
  check_self(self, "settimeout")
  self.clock:set(value, mode)
  return 1
end

---@return number block  -1: no limit
---@return number total
function Tcp:gettimeout()
  check_self(self, "gettimeout")
  return self.clock.block or -1, self.clock.total or -1
end

local function address(host, port)
  if not host then return nil, "closed" end
  return host, port, family_of(host)
end

--- Where the other end is.
---@return string? host
---@return integer|string port_or_message
---@return string? family
function Tcp:getpeername()
  check_self(self, "getpeername")
  if not self.stream then return nil, "Transport endpoint is not connected" end
  return address(self.stream:peer())
end

--- Where this end is.
---@return string? host
---@return integer|string port_or_message
---@return string? family
function Tcp:getsockname()
  check_self(self, "getsockname")
  local side <const> = self.stream or self.listener
  if not side then return nil, "closed" end
  return address(side:sockname())
end

--- "inet4" or "inet6".
---@return string
function Tcp:getfamily()
  check_self(self, "getfamily")
  local host <const> = self:getsockname()
  if host then return family_of(host) == "inet6" and "inet6" or "inet4" end
  return self.only == 6 and "inet6" or "inet4"
end

---@return integer received
---@return integer sent
---@return number age
function Tcp:getstats()
  expect(self, "getstats", "client")
  return self.received, self.sent, lull.now() - self.since
end

---@param received? integer
---@param sent? integer
---@param age? number
---@return 1
function Tcp:setstats(received, sent, age)
  expect(self, "setstats", "client")
  self.received = received or self.received
  self.sent = sent or self.sent
  self.since = age and lull.now() - age or self.since
  return 1
end

--- What can be asked for, and whether it is so from the beginning; nil: it can be chosen.
local FIXED <const> = { ["tcp-nodelay"] = true, reuseaddr = true, ["ipv6-v6only"] = true,
  keepalive = false, linger = false }

--- Set an option.
---@param name string
---@param value? any
---@return 1?
---@return string? message
function Tcp:setoption(name, value)
  check_self(self, "setoption")
  if name == "reuseport" then
    self.reuse_port = value ~= false
  elseif FIXED[name] == nil then
    check.fail(1, "setoption", ("unsupported option `%s'"):format(tostring(name)))
  elseif FIXED[name] ~= (value ~= false) then
    return nil, "setsockopt failed"
  end
  return 1
end

--- What an option is.
---@param name string
---@return any
function Tcp:getoption(name)
  check_self(self, "getoption")
  if name == "reuseport" then return self.reuse_port or false end
  if FIXED[name] == nil then
    check.fail(1, "getoption", ("unsupported option `%s'"):format(tostring(name)))
  end
  return FIXED[name]
end

--- The descriptor; -1: there is none.
---@return integer
function Tcp:getfd()
  check_self(self, "getfd")
  return self.stream and self.stream:fd() or -1
end

--- Let go of the descriptor, or take another.
---@param fd integer  -1: none
function Tcp:setfd(fd)
  check_self(self, "setfd")
  self.stream = nil
  if fd >= 0 then
    self.stream = net.from_fd(fd)
    self.role = "client"
  end
end

return tcp
