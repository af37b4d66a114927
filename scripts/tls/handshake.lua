--- lull.tls.handshake: from the option `tls` to a protected stream.
local check = require "lull.check"
local contexts = require "lull.tls.context"
local lull = require "lull"
local native = require "lull.tls.native"
local options = require "lull.tls.options"

local handshake = {}

local TIMEOUT <const> = 10 -- seconds
local CACHED <const> = 16  -- configurations that are kept for who gives their options again

--- What is to be done with streams.
---@class lull.tls.Plan
---@field context { config: userdata }  a context, whose `config` reloading changes, or the like
---@field timeout number
---@field name? string            whom a client asks for
---@field key? string             of its sessions; made of the stream's peer where it is missing
---@field fingerprints? string[]  one of them must be the peer's

-- Configurations made from tables ------------------------------------------------------------

--- By what is in them, so that who gives equal options again can resume sessions.
local cache <const> = {}
local ids <const>, last = {}, 0 -- what is in the cache; the oldest goes

--- A text that only equal tables share.
local function identity(value)
  if type(value) == "string" then return #value .. ":" .. value end
  if type(value) ~= "table" then return tostring(value) end
  local keys <const> = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  local parts <const> = {}
  for i, key in ipairs(keys) do parts[i] = key .. "=" .. identity(value[key]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function shared(role, texts)
  local id <const> = role .. identity(texts)
  local config = cache[id]
  if not config then
    config = native[role](texts)
    last = last % CACHED + 1
    if ids[last] then cache[ids[last]] = nil end
    ids[last], cache[id] = id, config
  end
  return { config = config, verifies = texts.verify }
end

-- Plans -----------------------------------------------------------------------------------------

--- The context that `given` stands for, and where the options of one connection are.
local function understand(role, given, argument, name)
  if contexts.is(given) then given = { context = given } end
  if given == true then given = {} end
  check.type(given, argument, name, "table")
  local context <const> = given.context
  if context == nil then return shared(role, options[role](given, argument, name)), given end
  if not contexts.is(context) or context.role ~= role then
    check.fail(argument, name, ("not a TLS context of a %s"):format(role))
  end
  local own <const> = options.connection(given, argument, name)
  return context, setmetatable(own, { __index = context.source })
end

local function normal_fingerprints(given)
  local list <const> = {}
  for i, one in ipairs(type(given) == "table" and given or { given }) do
    list[i] = one:gsub(":", ""):lower()
  end
  return list[1] and list
end

--- What a client is going to do.  Raises for wrong options, and for files that cannot be used.
---@param given any         the option `tls`
---@param host? string      whom the stream is connected to, if that is known
---@param port? integer
---@param argument integer  number of the argument that `given` is in, for errors
---@param name string       of the public function
---@return lull.tls.Plan
function handshake.client(given, host, port, argument, name)
  local context <const>, own <const> = understand("client", given, argument, name)
  local asked = own.server_name or host
  if asked then asked = asked:gsub("%%.*", ""):gsub("(.)%.$", "%1") end
  if asked and not options.is_name(asked) then
    check.fail(argument, name, ("TLS cannot ask for '%s': server_name can, in ASCII"):format(asked))
  end
  if context.verifies and not asked and not own.fingerprint then
    check.fail(argument, name, "TLS needs a server_name to verify the peer, or verify = false")
  end
  return {
    context = context,
    timeout = own.handshake_timeout or TIMEOUT,
    name = asked,
    key = port and ("%s|%s|%d"):format(asked, host, port),
    fingerprints = normal_fingerprints(own.fingerprint),
  }
end

--- What the accepting side of one stream is going to do.
---@param given any
---@param argument integer
---@param name string
---@return lull.tls.Plan
function handshake.server(given, argument, name)
  local context <const>, own <const> = understand("server", given, argument, name)
  return { context = context, timeout = own.handshake_timeout or TIMEOUT }
end

--- The same for all that a socket accepts: a table becomes a context that can be reloaded.
---@param given any
---@param name string
---@return lull.tls.Plan
function handshake.listening(given, name)
  if type(given) == "table" and not contexts.is(given) and given.context == nil then
    given = contexts.new("server", given, name)
  end
  return handshake.server(given, 1, name)
end

--- The same for one side of a stream that is in use: the accepting one, if `server` is true or
--- the context is one of a server.
---@param opts? table
---@return lull.tls.Plan
function handshake.start(opts)
  local name <const> = "start_tls"
  check.type(opts, 1, name, "table", true)
  if contexts.is(opts) then opts = { context = opts } end
  local given <const> = {}
  for key, value in pairs(opts or {}) do given[key] = value end
  local is_server = given.server
  if is_server == nil then
    is_server = contexts.is(given.context) and given.context.role == "server"
  end
  given.server = nil
  if is_server then return handshake.server(given, 1, name) end
  return handshake.client(given, nil, nil, 1, name)
end

-- Doing it -----------------------------------------------------------------------------------------

--- Is the peer one of those that were named?
local function check_fingerprint(stream, plan)
  local peer <const> = native.describe(stream).peer
  for _, fingerprint in ipairs(plan.fingerprints) do
    if peer.fingerprint_sha256 == fingerprint then return end
  end
  stream:abort()
  local message <const> = "certificate of %s (%s) has another fingerprint: %s"
  error(lull.new_error("tls", message:format(plan.name or "the peer", peer.subject,
    peer.fingerprint_sha256), { op = "tls.handshake", code = "FINGERPRINT_MISMATCH" }), 0)
end

--- The peer of a stream, as a key.
local function key_of(stream, name)
  local host <const>, port <const> = stream:peer()
  return ("%s|%s|%s"):format(name or "", host or "", port or "")
end

--- Shake hands.  If that fails once it has begun, the stream is closed.
---@async
---@param stream lull.net.Stream
---@param plan lull.tls.Plan
---@return lull.net.Stream
function handshake.run(stream, plan)
  local key <const> = plan.key or key_of(stream, plan.name)
  native.handshake(stream, plan.context.config, plan.name, key, plan.timeout)
  if plan.fingerprints then check_fingerprint(stream, plan) end
  return stream
end

--- Shake hands on a stream that nobody else knows: whatever is raised, it is closed.
---@async
---@param stream lull.net.Stream
---@param plan lull.tls.Plan
---@return lull.net.Stream
function handshake.own(stream, plan)
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then stream:close() end
  end })
  return handshake.run(stream, plan)
end

return handshake
