--- lull.compat.socket.dns: the table `socket.dns`.
local dns = require "lull.dns"
local outcome = require "lull.compat.socket.outcome"

local lookalike = {}

local NOT_FOUND <const> = "host not found"
local UNKNOWN <const> = "host or service not provided, or not known"

--- "inet" or "inet6".
---@param address string
---@return string
function lookalike.family(address)
  return address:find(":", 1, true) and "inet6" or "inet"
end

local function is_address(text)
  return text:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or text:find(":", 1, true) ~= nil
end

--- The addresses of a host and what else is known, which is little.
---@async
---@param host string
---@return string? address  the first
---@return table|string resolved
function lookalike.toip(host)
  local addresses <const> = outcome.of(dns.resolve, host, { family = 4 })
    or outcome.of(dns.resolve, host)
  if not addresses then return nil, NOT_FOUND end
  return addresses[1], { name = host, alias = {}, ip = addresses }
end

--- The name of a host or an address.
---@async
---@param host string
---@return string? name
---@return table|string resolved
function lookalike.tohostname(host)
  local address <const> = is_address(host) and host or lookalike.toip(host)
  local name <const> = address and outcome.of(dns.reverse, address)
  if not name then return nil, NOT_FOUND end
  return name, { name = name, alias = {}, ip = { address } }
end

--- The addresses of a host, each with its family.
---@async
---@param host string
---@return table[]?
---@return string? message
function lookalike.getaddrinfo(host)
  local addresses <const> = outcome.of(dns.resolve, host)
  if not addresses then return nil, UNKNOWN end
  local list <const> = {}
  for i, address in ipairs(addresses) do
    list[i] = { family = lookalike.family(address), addr = address }
  end
  return list
end

--- The names of a host's addresses.
---@async
---@param host string
---@return string[]?
---@return string? message
function lookalike.getnameinfo(host)
  local addresses <const> = outcome.of(dns.resolve, host)
  if not addresses then return nil, UNKNOWN end
  local names <const> = {}
  for i, address in ipairs(addresses) do
    names[i] = outcome.of(dns.reverse, address) or address
  end
  return names
end

--- The name of this machine.
---@return string
function lookalike.gethostname()
  local file <close> = io.open "/proc/sys/kernel/hostname" or io.open "/etc/hostname"
  return file and file:read "l" or "localhost"
end

return lookalike
