--- lull.dns: from names to addresses, and back.
---
--- The system answers (getaddrinfo, getnameinfo), with its /etc/hosts, its nsswitch.conf and
--- its timeouts, on threads of their own.  Tasks that ask for the same share one look-up, which
--- goes on when any of them, or all, are cancelled.  Answers are kept: the system tells no time
--- to live, so it is a fixed one, counted from when the question was asked.
---
--- To ask for a name or an address, which tells it to name servers, needs permission to connect to
--- it, at whatever port.
local check = require "lull.check"
local lookups = require "lull.dns.lookup"
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

--- The addresses of a name, best first.  A numeric address is its own, in its usual form;
--- localhost and names below it are 127.0.0.1 and ::1, without asking (RFC 6761).
---@async
---@param name string
---@param opts? lull.dns.Options
---@return string[] addresses   raises kinds dns, timeout, permission
function dns.resolve(name, opts)
  check.host(name, 1, "resolve")
  check.options(opts, 2, "resolve", RESOLVE_OPTIONS)
  local family <const> = opts and opts.family
  if family ~= nil and family ~= 4 and family ~= 6 then
    check.fail(2, "resolve", "family must be 4 or 6")
  end
  return (lookups.resolve(name, opts))
end

--- The name of an address.  Whoever owns the address can make it any name: prove nothing by it.
---@async
---@param address string  a numeric one
---@param opts? lull.dns.Options  without family
---@return string name   raises kinds dns, timeout, permission
function dns.reverse(address, opts)
  check.type(address, 1, "reverse", "string")
  check.options(opts, 2, "reverse", REVERSE_OPTIONS)
  native.permit(address, true) -- what is remembered is not for everybody, either
  local function begin()
    return native.reverse(address) or check.fail(1, "reverse", "not a numeric address")
  end
  return lookups.find("reverse/" .. address, opts, begin):wait(opts and opts.timeout)
end

--- Forget all answers.  Look-ups under way go on for those who wait.
function dns.flush()
  lookups.known:clear()
end

--- Change for how long and how many answers are kept.  A time of 0 keeps none.
---@param opts lull.dns.Settings
function dns.configure(opts)
  check.type(opts, 1, "configure", "table")
  check.options(opts, 1, "configure", SETTINGS)
  local settings <const>, known <const> = lookups.settings, lookups.known
  settings.ttl = opts.ttl or settings.ttl
  settings.negative_ttl = opts.negative_ttl or settings.negative_ttl
  known.max = opts.max_entries or known.max
  known:trim()
end

return dns
