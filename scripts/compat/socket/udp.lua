--- lull.compat.socket.udp: the sockets that socket.udp() makes.
---
--- A socket is opened when it is first needed, on any port, or by setsockname.
local check = require "lull.check"
local clock = require "lull.compat.socket.clock"
local family_of = require "lull.compat.socket.dns".family
local net = require "lull.net"
local outcome = require "lull.compat.socket.outcome"

---@class lull.compat.socket.Udp
---@field clock lull.compat.socket.Clock
---@field socket? lull.net.Udp
---@field package any string           the host that stands for any
---@field package is_connected boolean
---@field package is_closed boolean
---@field package asked table          options for opening, by LuaSocket's names
local Udp <const> = {}

local meta <const> = { __index = Udp, __name = "udp", __close = function(self) self:close() end }

function meta:__tostring()
  return ("udp{%s}: %p"):format(self.is_connected and "connected" or "unconnected", self)
end

local udp = { DATAGRAMSIZE = 8192 }

local ANY <const> = { [4] = "0.0.0.0", [6] = "::" }

--- A socket that is not open yet.
---@param only? 4|6  a family of addresses
---@return lull.compat.socket.Udp
function udp.new(only)
  return setmetatable({
    clock = clock.new(), any = ANY[only] or "*", is_connected = false, is_closed = false,
    asked = {},
  }, meta)
end

--- Raise unless the socket is connected, or is not.
local function expect(self, method, is_connected)
  check.self(self, meta, method)
  if self.is_connected ~= is_connected then
    error(("calling '%s' on bad self (udp{%s} expected)"):format(method,
      is_connected and "connected" or "unconnected"), 3)
  end
end

local function open(self, host, port)
  local asked <const> = self.asked
  local socket <const> = net.udp {
    host = host, port = port, reuse_port = asked.reuseport, reuse_address = asked.reuseaddr,
    broadcast = asked.broadcast, ttl = asked["ip-ttl"],
    multicast_ttl = asked["ip-multicast-ttl"], multicast_loopback = asked["ip-multicast-loop"],
    multicast_interface = asked["ip-multicast-if"],
  }
  self.socket = socket
  return socket
end

--- The socket, open, with the time that is left; nil and a message.
local function ready(self)
  if self.is_closed then return nil, "closed" end
  self.clock:start()
  local socket, message = self.socket, nil
  if not socket then socket, message = outcome.of(open, self, self.any, 0) end
  if socket then socket:set_timeout(self.clock:left()) end
  return socket, message
end

-- Addresses ------------------------------------------------------------------------------------

--- Choose where to receive.
---@async
---@param host string
---@param port integer|string
---@return 1?
---@return string? message
function Udp:setsockname(host, port)
  expect(self, "setsockname", false)
  check.host(host, 1, "setsockname")
  check.port(port, 2, "setsockname")
  if self.is_closed then return nil, "closed" end
  if self.socket then return nil, "Invalid argument" end
  local socket <const>, message <const> =
    outcome.of(open, self, host == "*" and self.any or host, port)
  return socket and 1, message
end

--- Send to and receive from one place only; "*" is any again.
---@async
---@param host string
---@param port? integer|string
---@return 1?
---@return string? message
function Udp:setpeername(host, port)
  check.self(self, meta, "setpeername")
  check.host(host, 1, "setpeername")
  local socket <const>, message <const> = ready(self)
  if not socket then return nil, message end
  if host == "*" then
    local ok = true
    local reason
    if self.is_connected then
      local own <const>, own_port <const> = socket:sockname()
      socket:close()
      self.socket, self.is_connected = nil, false
      ok, reason = outcome.of(open, self, own, own_port)
    end
    return ok and 1, reason
  end
  check.port(port, 2, "setpeername")
  local ok <const>, reason <const> = outcome.of(socket.connect, socket, host, port)
  if not ok then return nil, reason end
  self.is_connected = true
  return 1
end

local function address(host, port)
  if not host then return nil, "closed" end
  return host, port, family_of(host)
end

--- Where it receives.
---@return string? host
---@return integer|string port_or_message
---@return string? family
function Udp:getsockname()
  check.self(self, meta, "getsockname")
  if not self.socket then return address(nil) end
  return address(self.socket:sockname())
end

--- Where it is connected to.
---@return string? host
---@return integer|string port_or_message
---@return string? family
function Udp:getpeername()
  expect(self, "getpeername", true)
  return address(self.socket:peer())
end

--- "inet4" or "inet6".
---@return string
function Udp:getfamily()
  check.self(self, meta, "getfamily")
  return self.any == "::" and "inet6" or "inet4"
end

-- Datagrams ------------------------------------------------------------------------------------

--- Send where it is connected to.
---@async
---@param bytes string
---@return 1?
---@return string? message
function Udp:send(bytes)
  expect(self, "send", true)
  check.type(bytes, 1, "send", "string")
  local socket <const>, message <const> = ready(self)
  if not socket then return nil, message end
  local ok <const>, reason <const> = outcome.of(socket.send, socket, bytes)
  return ok and 1, reason
end

--- Send somewhere.
---@async
---@param bytes string
---@param host string
---@param port integer|string
---@return 1?
---@return string? message
function Udp:sendto(bytes, host, port)
  expect(self, "sendto", false)
  check.type(bytes, 1, "sendto", "string")
  check.host(host, 2, "sendto")
  check.port(port, 3, "sendto")
  local socket <const>, message <const> = ready(self)
  if not socket then return nil, message end
  local ok <const>, reason <const> =
    outcome.of(socket.send, socket, bytes, host, math.tointeger(tonumber(port)))
  return ok and 1, reason
end

--- What waits already, or with time left what comes.
local function next_datagram(self, socket)
  if self.clock:left() ~= 0 then return outcome.of(socket.recv, socket) end
  local bytes <const>, host <const>, port <const> = outcome.of(socket.try_recv, socket)
  if not bytes then return nil, host or "timeout" end
  return bytes, host, port
end

--- Receive a datagram: its bytes and where it is from, or nil and a message.
local function receive(self, name, size)
  check.count(size, 1, name, "size")
  local socket <const>, message <const> = ready(self)
  if not socket then return nil, message end
  local kept <const> = self.ahead
  self.ahead = nil
  local bytes <const>, host <const>, port <const> =
    table.unpack(kept or { next_datagram(self, socket) }, 1, 3)
  return bytes and bytes:sub(1, size or udp.DATAGRAMSIZE), host, port
end

--- Receive a datagram; what of it is longer than the size is lost.
---@async
---@param size? integer
---@return string? bytes
---@return string? message
function Udp:receive(size)
  check.self(self, meta, "receive")
  local bytes <const>, message <const> = receive(self, "receive", size)
  if bytes then return bytes end
  return nil, message
end

--- The same, with the sender's address.
---@async
---@param size? integer
---@return string? bytes
---@return string host_or_message
---@return integer? port
function Udp:receivefrom(size)
  expect(self, "receivefrom", false)
  return receive(self, "receivefrom", size)
end

--- Is there one that select has found?
---@return boolean
function Udp:dirty()
  return self.ahead ~= nil
end

--- Wait until receive has something to say.
---@async
function Udp:await_readable()
  if self.ahead then return end
  local socket <const> = ready(self)
  if not socket then return end
  socket:set_timeout(nil)
  self.ahead = { outcome.of(socket.recv, socket) }
end

--- Sending waits for nothing that lasts.
function Udp.await_writable() end

--- Close.
---@return 1
function Udp:close()
  check.self(self, meta, "close")
  if self.socket then self.socket:close() end
  self.socket, self.ahead, self.is_closed, self.is_connected = nil, nil, true, false
  return 1
end

-- Settings -------------------------------------------------------------------------------------

--- Limit how long calls wait.
---@param value? number  seconds; nil or negative: no limit
---@param mode? string
---@return 1
function Udp:settimeout(value, mode)
  check.self(self, meta, "settimeout")
  self.clock:set(value, mode)
  return 1
end

---@return number block  -1: no limit
---@return number total
function Udp:gettimeout()
  check.self(self, meta, "gettimeout")
  return self.clock.block or -1, self.clock.total or -1
end

--- Options by their names in lull.net; true: when opening only.
local OPTIONS <const> = {
  reuseaddr = true, reuseport = true, broadcast = "broadcast", ["ip-ttl"] = "ttl",
  ["ip-multicast-ttl"] = "multicast_ttl", ["ip-multicast-loop"] = "multicast_loopback",
  ["ip-multicast-if"] = "multicast_interface",
}

local MEMBERSHIP <const> = { ["ip-add-membership"] = "join", ["ip-drop-membership"] = "leave" }

local function unsupported(method, name)
  check.fail(1, method, ("unsupported option `%s'"):format(tostring(name)))
end

--- Set an option.
---@async
---@param name string
---@param value? any
---@return 1?
---@return string? message
function Udp:setoption(name, value)
  check.self(self, meta, "setoption")
  local method <const> = MEMBERSHIP[name]
  local setting <const> = OPTIONS[name]
  if not method and not setting then unsupported("setoption", name) end
  local ok, message = true, nil
  if method then
    check.type(value, 2, "setoption", "table")
    local interface <const> = value.interface ~= "*" and value.interface or nil
    local socket
    socket, message = ready(self)
    if not socket then return nil, message end
    ok, message = outcome.of(socket[method], socket, value.multiaddr, interface)
  else
    if value == nil then value = true end
    self.asked[name] = value
    if self.socket and setting ~= true then
      ok, message = outcome.of(self.socket.set_options, self.socket, { [setting] = value })
    end
  end
  return ok and 1, message
end

--- What an option was set to.
---@param name string
---@return any
function Udp:getoption(name)
  check.self(self, meta, "getoption")
  if not OPTIONS[name] then unsupported("getoption", name) end
  return self.asked[name] or false
end

--- The descriptor; -1: there is none.
---@return integer
function Udp:getfd()
  check.self(self, meta, "getfd")
  return self.socket and self.socket:fd() or -1
end

--- Let go of the descriptor; another cannot be taken.
---@param fd integer
function Udp:setfd(fd)
  check.self(self, meta, "setfd")
  if fd >= 0 then error("setfd: not a datagram socket of lull", 2) end
  self.socket = nil
end

return udp
