--- lull.compat.socket.core: the table `socket`.
local choose = require "lull.compat.socket.choose"
local dns = require "lull.compat.socket.dns"
local lull = require "lull"
local tcp = require "lull.compat.socket.tcp"
local toolkit = require "lull.compat.socket.toolkit"
local udp = require "lull.compat.socket.udp"

local socket = {
  _VERSION = "LuaSocket 3.0 (lull " .. lull.version .. ")",
  _SETSIZE = 1024,
  _SOCKETINVALID = -1,
  _DATAGRAMSIZE = udp.DATAGRAMSIZE,
  dns = dns,
  select = choose,
}

for name, value in pairs(toolkit) do socket[name] = value end

for suffix, only in pairs { [""] = false, ["4"] = 4, ["6"] = 6 } do
  socket["tcp" .. suffix] = function() return tcp.new(only or nil) end
  socket["udp" .. suffix] = function() return udp.new(only or nil) end
end

local ONLY <const> = { inet = 4, inet6 = 6 }

--- A client that is connected.  A local address cannot be chosen.
---@async
---@param host string
---@param port integer|string
---@param local_host? string
---@param _ any                a local port
---@param family? "inet"|"inet6"|"unspec"
---@return lull.compat.socket.Tcp?
---@return string? message
function socket.connect(host, port, local_host, _, family)
  if local_host ~= nil then return nil, "a client cannot be bound" end
  local sock <const> = tcp.new(ONLY[family])
  local ok <const>, message <const> = sock:connect(host, port)
  if ok then return sock end
  sock:close()
  return nil, message
end

--- The same, by IPv4 only.
---@async
function socket.connect4(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet")
end

--- The same, by IPv6 only.
---@async
function socket.connect6(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet6")
end

--- A server.
---@async
---@param host string
---@param port integer|string
---@param backlog? integer
---@return lull.compat.socket.Tcp?
---@return string? message
function socket.bind(host, port, backlog)
  local sock <const> = tcp.new()
  local ok, message = sock:bind(host, port)
  if ok then ok, message = sock:listen(backlog) end
  if ok then return sock end
  sock:close()
  return nil, message
end

--- Let time pass; others run meanwhile.
---@async
---@param seconds number
function socket.sleep(seconds)
  lull.sleep(math.max(seconds, 0))
end

--- What the two clocks differ by, to the second.
local EPOCH <const> = os.time() - lull.now()

--- Seconds since the epoch.
---@return number
function socket.gettime()
  return EPOCH + lull.now()
end

--- For those who unload modules: there is nothing to do.
function socket.__unload()
  return 1
end

return socket
