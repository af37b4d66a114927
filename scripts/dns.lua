--- lull.dns: from names to addresses, and back.
---
--- The system answers (getaddrinfo, getnameinfo), with its /etc/hosts, its nsswitch.conf and
--- its timeouts, on threads of their own.  Tasks that ask for the same share one look-up, which
--- goes on when any of them, or all, are cancelled.  Answers are kept: the system tells no time
--- to live, so it is a fixed one, counted from when the question was asked.
local cache = require "lull.dns.cache"
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.dns.native"

local dns = {}

---@class lull.dns.Options
---@field family? 4|6       addresses of this family only
---@field timeout? number   seconds to wait; no limit but the system's
---@field fresh? boolean    ask again, whatever is remembered

---@class lull.dns.Settings
---@field ttl? number           seconds for which an answer is kept; 30
---@field negative_ttl? number  seconds for which it is kept that there is none; 5
---@field max_entries? integer  answers kept; 1024

local RESOLVE_OPTIONS <const> = { family = "any", timeout = "seconds", fresh = "boolean" }
local REVERSE_OPTIONS <const> = { timeout = "seconds", fresh = "boolean" }
local SETTINGS <const> = { ttl = "seconds", negative_ttl = "seconds", max_entries = "count" }

local settings <const> = { ttl = 30, negative_ttl = 5 }
local known <const> = cache.new(1024)

--- For how long a look-up is good.  Failures that may pass are not kept.
local TTL <const> = { found = "ttl", missing = "negative_ttl" }

--- Look-ups under way are kept, too; they are what tasks share.
local function is_good(entry, fresh)
  local state <const> = entry.lookup:state()
  if state == "pending" then return true end
  local ttl <const> = settings[TTL[state]]
  if fresh or not ttl then return false end
  local age <const> = lull.now() - entry.since
  return age >= 0 and age < ttl -- a test's clock may have gone ahead, and back
end

--- The look-up for a key: the one that is kept, or a new one.
local function find(key, opts, begin, ...)
  local entry <const> = known:get(key)
  if entry and is_good(entry, opts and opts.fresh) then return entry.lookup end
  local lookup <const>, at_once <const> = begin(...)
  if not at_once then known:put(key, { lookup = lookup, since = lull.now() }) end
  return lookup
end

--- The addresses of a name, best first.  A numeric address is its own, in its usual form;
--- localhost and names below it are 127.0.0.1 and ::1, without asking (RFC 6761).
---@async
---@param name string
---@param opts? lull.dns.Options
---@return string[] addresses   raises kinds dns, timeout
function dns.resolve(name, opts)
  check.host(name, 1, "resolve")
  check.options(opts, 2, "resolve", RESOLVE_OPTIONS)
  local family <const> = opts and opts.family
  if family ~= nil and family ~= 4 and family ~= 6 then
    check.fail(2, "resolve", "family must be 4 or 6")
  end
  local key <const> = (family or "") .. "/" .. name:lower()
  return find(key, opts, native.resolve, name, family):wait(opts and opts.timeout)
end

--- The name of an address.  Whoever owns the address can make it any name: prove nothing by it.
---@async
---@param address string  a numeric one
---@param opts? lull.dns.Options  without family
---@return string name   raises kinds dns, timeout
function dns.reverse(address, opts)
  check.type(address, 1, "reverse", "string")
  check.options(opts, 2, "reverse", REVERSE_OPTIONS)
  local function begin()
    return native.reverse(address) or check.fail(1, "reverse", "not a numeric address")
  end
  return find("reverse/" .. address, opts, begin):wait(opts and opts.timeout)
end

--- Forget all answers.  Look-ups under way go on for those who wait.
function dns.flush()
  known:clear()
end

--- Change for how long and how many answers are kept.  A time of 0 keeps none.
---@param opts lull.dns.Settings
function dns.configure(opts)
  check.type(opts, 1, "configure", "table")
  check.options(opts, 1, "configure", SETTINGS)
  settings.ttl = opts.ttl or settings.ttl
  settings.negative_ttl = opts.negative_ttl or settings.negative_ttl
  known.max = opts.max_entries or known.max
  known:trim()
end

return dns
