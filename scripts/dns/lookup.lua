--- lull.dns.lookup: look-ups, shared and remembered.
local cache = require "lull.dns.cache"
local lull = require "lull"
local native = require "lull.dns.native"

local lookup = {}

---@type lull.dns.Settings
lookup.settings = { ttl = 30, negative_ttl = 5 }
lookup.known = cache.new(1024)

--- For how long a look-up is good.  Failures that may pass are not kept.
local TTL <const> = { found = "ttl", missing = "negative_ttl" }

--- Look-ups under way are kept, too; they are what tasks share.
local function is_good(entry, fresh)
  local state <const> = entry.lookup:state()
  if state == "pending" then return true end
  local ttl <const> = lookup.settings[TTL[state]]
  if fresh or not ttl then return false end
  local age <const> = lull.now() - entry.since
  return age >= 0 and age < ttl -- a test's clock may have gone ahead, and back
end

--- The look-up for a key: the one that is kept, or a new one.
---@param key string
---@param opts? lull.dns.Options
---@param begin fun(...): userdata, boolean?
---@return userdata
function lookup.find(key, opts, begin, ...)
  local entry <const> = lookup.known:get(key)
  if entry and is_good(entry, opts and opts.fresh) then return entry.lookup end
  local found <const>, at_once <const> = begin(...)
  if not at_once then lookup.known:put(key, { lookup = found, since = lull.now() }) end
  return found
end

--- The addresses of a name, best first, and the look-up: to natives it proves whose they are.
---@async
---@param name string
---@param opts? lull.dns.Options  checked
---@return string[] addresses
---@return userdata lookup
function lookup.resolve(name, opts)
  native.permit(name) -- what is remembered is not for everybody, either
  local family <const> = opts and opts.family
  local key <const> = (family or "") .. "/" .. name:lower()
  local found <const> = lookup.find(key, opts, native.resolve, name, family)
  return found:wait(opts and opts.timeout), found
end

return lookup
