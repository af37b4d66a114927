--- lull.net.connect: from a host's name to a connected stream.
local lookup = require "lull.dns.lookup"
local lull = require "lull"
local native = require "lull.net.native"

local connect = {}

--- Seconds after which the next address is tried beside the one before (RFC 8305, section 5).
local STAGGER <const> = 0.25
--- Seconds between attempts on a Unix socket whose backlog is full: nothing tells when it is not.
local RETRY <const> = 0.01

--- Take addresses of the two families in turn, beginning with that of the best one, and
--- within a family in their order (RFC 8305, section 4).
---@param addresses string[]
---@return string[]
function connect.interleave(addresses)
  local first <const>, second <const> = {}, {}
  local _, best <const> = native.numeric(addresses[1])
  for _, address in ipairs(addresses) do
    local _, family <const> = native.numeric(address)
    local list <const> = family == best and first or second
    list[#list + 1] = address
  end
  local mixed <const> = {}
  for i = 1, math.max(#first, #second) do
    mixed[#mixed + 1] = first[i]
    mixed[#mixed + 1] = second[i]
  end
  return mixed
end

--- One error for all attempts: kind and code of the first, the messages of all.
local function summary(host, port, errors)
  local first <const> = errors[1]
  local messages <const> = {}
  for i, e in ipairs(errors) do
    if not lull.is_error(e) then return e end
    messages[i] = e.message
  end
  local message <const> = ("%s:%d: %s"):format(host, port, table.concat(messages, "; "))
  return lull.new_error(first.kind, message, { op = first.op, code = first.code, cause = first })
end

--- Try the addresses one after the other, each STAGGER after the one before or as soon as
--- that has failed.  The first stream wins; every other is closed.
---@async
---@param host string       for the error
---@param port integer
---@param addresses string[]
---@param opts? table       options of the stream
---@param proof? userdata   the look-up that has found them
---@return lull.net.Stream
function connect.race(host, port, addresses, opts, proof)
  local errors <const> = {}
  local winner ---@type lull.net.Stream?
  --- Cancelled after all: nobody gets the stream.
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil and winner then winner:close() end
  end })

  local function attempt(group, address, over)
    local ok <const>, result <const> = pcall(native.connect, address, port, opts, proof)
    if not ok then
      errors[#errors + 1] = result
    elseif winner then
      result:close()
    else
      winner = result
      group:cancel("another address is connected")
    end
    over:set()
  end

  lull.group(function(group)
    for _, address in ipairs(addresses) do
      local over <const> = lull.future()
      group:spawn(attempt, group, address, over)
      lull.move_on_after(STAGGER, over.await, over)
    end
  end)
  if winner then return winner end
  error(summary(host, port, errors), 0)
end

--- Connect to a host.
---@async
---@param host string
---@param port integer
---@param opts? table  options of the stream
---@return lull.net.Stream
function connect.host(host, port, opts)
  local numeric <const> = native.numeric(host)
  if numeric then return native.connect(numeric, port, opts) end
  native.permit(host, port) -- before anybody is asked who that is
  local addresses <const>, proof <const> = lookup.resolve(host, opts and { timeout = opts.timeout })
  if #addresses == 1 then return native.connect(addresses[1], port, opts, proof) end
  return connect.race(host, port, connect.interleave(addresses), opts, proof)
end

--- Connect to a Unix socket.  One whose listener has its hands full is tried again.
---@async
---@param path string
---@param opts? table  options of the stream
---@return lull.net.Stream
function connect.path(path, opts)
  while true do
    local stream <const> = native.connect_unix(path, opts)
    if stream then return stream end
    lull.sleep(RETRY)
  end
end

--- Call open(address, port, opts, proof) for the best address of a host, whose look-up the proof
--- is.  Suspends only for a name.
---@generic T
---@param open fun(address: string, port: integer, opts: table, proof?: userdata): T
---@param host string
---@param port integer
---@param opts table
---@return T
function connect.here(open, host, port, opts)
  local numeric <const> = native.numeric(host)
  if numeric then return open(numeric, port, opts) end
  local addresses <const>, proof <const> = lookup.resolve(host)
  return open(addresses[1], port, opts, proof)
end

--- Call open(address, port, opts) for the address that stands for all: of both families, where
--- the system has IPv6.
---@generic T
---@param open fun(address: string, port: integer, opts: table): T
---@param port integer
---@param opts table
---@return T
function connect.everywhere(open, port, opts)
  local both <const> = { dual_stack = true }
  for key, value in pairs(opts) do both[key] = value end
  local ok <const>, socket <const> = pcall(open, "::", port, both)
  if ok then return socket end
  local code <const> = lull.is_error(socket, "io") and socket.code
  if code == "EAFNOSUPPORT" or code == "EADDRNOTAVAIL" then return open("0.0.0.0", port, opts) end
  error(socket, 0)
end

return connect
