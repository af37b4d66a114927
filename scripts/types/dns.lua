---@meta lull.dns
--
-- Definitions for editors: from names to addresses, and back.
--
-- Where not everything is allowed, asking for a name or an address needs permission to connect to
-- it, at whatever port: questions, too, are sent to somebody.  `permission` is raised without.

---@class lull.dns
local dns = {}

---@class lull.dns.ReverseOptions
---@field timeout? number  seconds to wait; no limit but the system's
---@field fresh? boolean   ask, whatever is remembered

---@class lull.dns.ResolveOptions: lull.dns.ReverseOptions
---@field family? 4|6      addresses of this family only

---@class lull.dns.Settings
---@field ttl? number           seconds for which an answer is kept; 30
---@field negative_ttl? number  seconds for which it is kept that there is none; 5
---@field max_entries? integer  answers kept, those asked for last; 1024

--- The addresses of a name, best first, as the system finds them (/etc/hosts, nsswitch.conf, DNS).
--- Tasks that ask for the same share one look-up, and answers are kept.  Numeric addresses, and
--- localhost with the names below it, need no asking.  Raises `dns` with a `code` as
--- "EAI_NONAME", `timeout`.
---@async
---@param name string
---@param opts? lull.dns.ResolveOptions
---@return string[] addresses
function dns.resolve(name, opts) end

--- The name of an address.  Whoever owns an address can give it any name: it proves nothing.
--- Raises `dns`, `timeout`.
---@async
---@param address string  a numeric one
---@param opts? lull.dns.ReverseOptions
---@return string name
function dns.reverse(address, opts) end

--- Forget all answers.
function dns.flush() end

--- Change for how long and how many answers are kept.  A time of 0 keeps none.
---@param opts lull.dns.Settings
function dns.configure(opts) end

return dns
