--- lull.net.udp: datagrams: messages that arrive whole, or not at all.
local check = require "lull.check"
local connect = require "lull.net.connect"
local lookup = require "lull.dns.lookup"
local lull = require "lull"
local native = require "lull.udp.native"

local class_of <const> = check.class_of

--- What `set_options` takes, and what opening takes besides.
local SETTINGS <const> = {
  timeout = "seconds", ttl = "count", broadcast = "boolean", multicast_ttl = "any",
  multicast_loopback = "boolean", multicast_interface = "any",
}
local OPTIONS <const> = {
  host = "any", port = "any", path = "string", connect = "table", max_size = "count",
  reuse_port = "boolean", reuse_address = "boolean",
}
for name, kind in pairs(SETTINGS) do OPTIONS[name] = kind end

--- A socket for datagrams, UDP's or a Unix socket's.
---
--- Several tasks may receive, and are served in the order in which they came; several may
--- send.  What one `send` was given one `recv` returns, an empty datagram as "".  UDP promises
--- neither that it arrives nor in which order.
---@class lull.net.Udp
---@field port? integer  nil for a Unix socket
---@field private socket userdata
local Udp <const> = {}
Udp.__index = Udp
Udp.__name = "lull.net.Udp"

--- Numeric addresses of a host, of the families that the socket has, and their look-up.
---@async
local function addresses_of(socket, host)
  return lookup.resolve(host, { family = socket:family() })
end

--- Raise the argument error for a destination that the socket could make nothing of, unless its
--- host may be a name.
local function check_destination(socket, name, first, host, port)
  if socket:family() == "unix" then
    check.path(host, first, name)
    check.fail(first, name, "not a path")
  else
    check.host(host, first, name)
    check.port(port, first + 1, name)
  end
end

--- What `send` does for a name.
---@async
local function send_to_name(self, bytes, host, port)
  local socket <const> = self.socket
  if type(bytes) ~= "number" then check.type(bytes, 1, "send", "string") end
  check_destination(socket, "send", 2, host, port)
  local addresses <const>, proof <const> = addresses_of(socket, host)
  return socket:send(bytes, addresses[1], math.tointeger(tonumber(port)), proof)
end

--- Send a datagram.  Waits only while the system has no room for it.  The host may be a name,
--- which is looked up (lull.dns); a connected socket needs none.
---@async
---@param bytes string
---@param host? string  or the path of a Unix socket
---@param port? integer
---@return lull.net.Udp self   raises kinds io, dns, timeout, closed
function Udp:send(bytes, host, port)
  if class_of(self) ~= Udp then check.self(self, Udp, "send") end
  if not self.socket:send(bytes, host, port) then send_to_name(self, bytes, host, port) end
  return self
end

--- Wait for a datagram.
---
--- One that is longer than `max_size` is lost, and raises `limit`.  On a connected socket an
--- answer that nobody listens there raises `io`, ECONNREFUSED.
---@async
---@return string bytes     raises kinds io, limit, timeout, closed
---@return string? host     or the path of a Unix socket; nil when that has none
---@return integer? port
function Udp:recv()
  if class_of(self) ~= Udp then check.self(self, Udp, "recv") end
  return self.socket:recv()
end

--- A datagram that is there, without waiting; nil when there is none.
---@return string? bytes    raises kinds io, limit, closed
---@return string? host
---@return integer? port
function Udp:try_recv()
  if class_of(self) ~= Udp then check.self(self, Udp, "try_recv") end
  return self.socket:try_recv()
end

--- Iterate over the datagrams that come, until the socket is closed.  Those that are longer
--- than `max_size` are passed over, like what the network loses.
---@return async fun(): string?, string?, integer?
function Udp:messages()
  check.self(self, Udp, "messages")
  local socket <const> = self.socket
  local function take(ok, bytes, host, port)
    if ok then return bytes, host, port end
    if lull.is_error(bytes, "closed") then return nil end
    if not lull.is_error(bytes, "limit") then error(bytes, 0) end
    return take(pcall(socket.recv, socket))
  end
  return function() return take(pcall(socket.recv, socket)) end
end

--- Connect: send there unless told otherwise, and receive from there only.  Sends nothing by
--- itself.
---@async
---@param host string  a name or an address, or the path of a Unix socket
---@param port? integer
---@return lull.net.Udp self   raises kinds io, dns
function Udp:connect(host, port)
  check.self(self, Udp, "connect")
  local socket <const> = self.socket
  if socket:connect(host, port) then return self end
  check_destination(socket, "connect", 1, host, port)
  local addresses <const>, proof <const> = addresses_of(socket, host)
  for i, address in ipairs(addresses) do
    local ok <const>, err <const> = pcall(socket.connect, socket, address, tonumber(port), proof)
    if ok then break end
    if i == #addresses then error(err, 0) end
  end
  return self
end

--- Join a multicast group: receive what is sent to it, too.
---@param group string  its address
---@param interface? string|integer  a name or number; the system's choice
---@return lull.net.Udp self   raises kind io
function Udp:join(group, interface)
  check.self(self, Udp, "join")
  local ok <const>, why <const> = self.socket:join(group, interface)
  if not ok then check.fail(interface == nil and 1 or 2, "join", why) end
  return self
end

--- Leave a multicast group.
---@param group string
---@param interface? string|integer  as it was joined
---@return lull.net.Udp self   raises kind io
function Udp:leave(group, interface)
  check.self(self, Udp, "leave")
  local ok <const>, why <const> = self.socket:leave(group, interface)
  if not ok then check.fail(interface == nil and 1 or 2, "leave", why) end
  return self
end

--- Change the options that are named.
---@param opts lull.net.UdpSettings
---@return lull.net.Udp self   raises kind io
function Udp:set_options(opts)
  check.self(self, Udp, "set_options")
  check.type(opts, 1, "set_options", "table")
  check.options(opts, 1, "set_options", SETTINGS)
  self.socket:set_options(opts)
  return self
end

--- Limit every single wait from now on.
---@param seconds? number  nil: no limit
---@return lull.net.Udp self
function Udp:set_timeout(seconds)
  check.self(self, Udp, "set_timeout")
  self.socket:set_timeout(seconds)
  return self
end

--- Close; who waits gets `closed`.  The file of a Unix socket is removed.
function Udp:close()
  check.self(self, Udp, "close")
  self.socket:close()
end

--- Where it receives, or did.
---@return string? host_or_path  nil for a Unix socket without a name
---@return integer? port
function Udp:sockname()
  check.self(self, Udp, "sockname")
  return self.socket:sockname()
end

--- Where it is connected to.
---@return string? host_or_path  nil when it is not
---@return integer? port
function Udp:peer()
  check.self(self, Udp, "peer")
  return self.socket:peer()
end

--- The descriptor.
---@return integer?  nil when closed
function Udp:fd()
  check.self(self, Udp, "fd")
  return self.socket:fd()
end

Udp.__close = Udp.close

function Udp:__tostring()
  return tostring(self.socket)
end

local udp = {}

local function check_open_options(opts)
  check.options(opts, 1, "udp", OPTIONS)
  if opts.path and opts.path ~= "" then check.path(opts.path, 1, "udp") end
  if opts.host ~= nil then check.host(opts.host, 1, "udp") end
  if opts.port ~= nil then check.port(opts.port, 1, "udp") end
  if opts.path and (opts.host ~= nil or opts.port ~= nil) then
    check.fail(1, "udp", "path excludes host and port: it is one or the other")
  end
  local peer <const> = opts.connect
  if not peer then return end
  if type(peer[1]) ~= "string" then
    check.fail(1, "udp", "connect must be { host, port } or { path }")
  end
  if peer[2] ~= nil then check.port(peer[2], 1, "udp") end
end

--- Is it to be a Unix socket?
local function is_unix(opts)
  return opts.path ~= nil or (opts.connect and opts.connect[2] == nil)
end

local function open(opts)
  if is_unix(opts) then return native.open_unix(opts.path, nil, opts) end
  local port <const> = math.tointeger(tonumber(opts.port or 0))
  local host <const> = opts.host or (opts.port and "127.0.0.1") or "*"
  if host == "*" then return connect.everywhere(native.open, port, opts) end
  return connect.here(native.open, host, port, opts)
end

--- Open a socket.
---@async
---@param opts? lull.net.UdpOptions
---@return lull.net.Udp
function udp.open(opts)
  opts = opts or {}
  check_open_options(opts)
  local socket <const> = open(opts)
  local _, port <const> = socket:sockname()
  local self <const> = setmetatable({ socket = socket, port = port }, Udp)
  if opts.connect then
    local _ <close> = setmetatable({}, { __close = function(_, err)
      if err ~= nil then socket:close() end
    end })
    self:connect(opts.connect[1], opts.connect[2])
  end
  return self
end

return udp
