--- lull.http.cookie: cookies, read tolerantly and written strictly (RFC 6265 and its successor).
local check = require "lull.check"
local date = require "lull.http.date"
local params = require "lull.http.params"

local cookie = {}

local MAX_SIZE <const> = 4096 -- of name and value: what browsers keep
local TOKEN <const> = "^[%w!#$%%&'*+.^_`|~-]+$"
local VALUE <const> = '^[^%c ",;\\\128-\255]*$'
local PATH <const> = "^/[^%c;\128-\255]*$"

--- Read a Cookie header.  Of a name that is there twice the first counts: browsers send the more
--- specific first.  Quotes around a value are left away; nothing else is decoded.  What holds
--- control bytes is passed over.
---@param header string
---@return table<string, string>
function cookie.parse(header)
  check.type(header, 1, "parse", "string")
  local found <const> = {}
  for pair in header:gmatch("[^;]+") do
    local name <const>, rest <const> = pair:match("^[ \t]*([^=%s]+)[ \t]*=(.*)$")
    local value <const> = name and params.trim(rest)
    if name and found[name] == nil and not (name .. value):find("[^\t\32-\126\128-\255]") then
      found[name] = value:match('^"(.*)"$') or value
    end
  end
  return found
end

---@class lull.http.CookieAttributes
---@field path? string|false      "/"; false: the folder of the request's path
---@field domain? string          also its subdomains; none: this host only
---@field max_age? integer        seconds; none: until the browser is closed; 0: remove it
---@field expires? integer        as os.time() has it; max_age goes before
---@field secure? boolean         over TLS only; false
---@field http_only? boolean      not for scripts of pages; true
---@field same_site? string|false "strict", "lax" (default), "none" (needs secure); false: unsaid
---@field partitioned? boolean    one jar per site that embeds this one (needs secure); false

local ATTRIBUTES <const> = {
  path = "string|boolean", domain = "string", max_age = "number", expires = "number",
  secure = "boolean", http_only = "boolean", same_site = "string|boolean", partitioned = "boolean",
}
local SAME_SITE <const> = { strict = "Strict", lax = "Lax", none = "None" }

local function is_for_host(attributes)
  local path <const> = attributes.path
  return attributes.secure and not attributes.domain and (path == nil or path == "/")
end

--- What browsers drop in silence is an error here.
local function check_attributes(name, attributes, call)
  local function refuse(message) check.fail(3, call, message) end
  local lower <const> = name:lower()
  local path <const> = attributes.path
  if path and (path == true or not path:find(PATH)) then
    refuse("path must begin with '/' and have no ';'")
  elseif attributes.domain and not attributes.domain:find("^%.?[%w-]+[%w.-]*$") then
    refuse("domain must be a host name")
  elseif attributes.same_site and not SAME_SITE[attributes.same_site] then
    refuse('same_site must be "strict", "lax" or "none"')
  elseif not attributes.secure and (attributes.same_site == "none" or attributes.partitioned) then
    refuse('same_site = "none" and partitioned need secure')
  elseif lower:find("^__host%-") and not is_for_host(attributes) then
    refuse("a __Host- cookie is secure, has the path / and no domain")
  elseif lower:find("^__secure%-") and not attributes.secure then
    refuse("a __Secure- cookie is secure")
  end
end

local function check_pair(name, value, call)
  check.type(name, 1, call, "string")
  check.type(value, 2, call, "string")
  if not name:find(TOKEN) then check.fail(1, call, "not a cookie name") end
  if not value:find(VALUE) then
    check.fail(2, call, "a value has no controls, blanks, quotes, commas, semicolons, backslashes")
  end
  if #name + #value > MAX_SIZE then check.fail(2, call, "too long for a cookie") end
end

local function format(name, value, attributes, call)
  check_pair(name, value, call)
  check.options(attributes, 3, call, ATTRIBUTES)
  attributes = attributes or {}
  check_attributes(name, attributes, call)
  local path, same_site = attributes.path, attributes.same_site
  if path == nil then path = "/" end
  if same_site == nil then same_site = "lax" end
  local parts <const> = { name .. "=" .. value }
  local function add(wanted, text) if wanted then parts[#parts + 1] = text end end
  add(path, "Path=" .. tostring(path))
  add(attributes.domain, "Domain=" .. tostring(attributes.domain))
  add(attributes.max_age, attributes.max_age and ("Max-Age=%d"):format(attributes.max_age // 1))
  add(attributes.expires, "Expires=" .. date.format((attributes.expires or 0) // 1 | 0))
  add(attributes.secure, "Secure")
  add(attributes.http_only ~= false, "HttpOnly")
  add(same_site, "SameSite=" .. tostring(SAME_SITE[same_site]))
  add(attributes.partitioned, "Partitioned")
  return table.concat(parts, "; ")
end

--- Write a Set-Cookie header.  A value that a cookie cannot have is an argument error: encode it
--- before (lull.crypto.base64url_encode, or a signer).
---@param name string
---@param value string
---@param attributes? lull.http.CookieAttributes
---@return string
function cookie.format(name, value, attributes)
  return format(name, value, attributes, "format")
end

--- Add a cookie to the headers of a response.
---@param headers table  `set-cookie` becomes a list
---@param name string
---@param value string
---@param attributes? lull.http.CookieAttributes
function cookie.set(headers, name, value, attributes)
  if type(headers) ~= "table" then check.fail(1, "set", "the headers of a response expected") end
  local text <const> = format(name, value, attributes, "set")
  local list = headers["set-cookie"]
  if type(list) ~= "table" then
    list = { list }
    headers["set-cookie"] = list
  end
  list[#list + 1] = text
end

--- Have the browser remove a cookie: path and domain must be those it was set with.
---@param headers table
---@param name string
---@param attributes? lull.http.CookieAttributes
function cookie.remove(headers, name, attributes)
  check.options(attributes, 3, "remove", ATTRIBUTES)
  local gone <const> = { max_age = 0, expires = 0 }
  for key, value in pairs(attributes or {}) do gone[key] = gone[key] or value end
  cookie.set(headers, name, "", gone)
end

-- Signed values -------------------------------------------------------------------------------

--- Writes values that clients can read but not change.  The signature covers the name, too: a
--- value does not pass under another.
---@class lull.http.CookieSigner
---@field private keys string[]
---@field private max_age number
local Signer <const> = {}
Signer.__index = Signer
Signer.__name = "lull.http.CookieSigner"

local function signature(key, name, text)
  local crypto <const> = require "lull.crypto"
  -- the length in front: name and text cannot run into each other
  return crypto.base64url_encode(crypto.hmac_sha256(key, ("%d.%s.%s"):format(#name, name, text)))
end

--- Sign a value with the first key; any bytes will do.
---@param name string   the cookie's
---@param value string
---@param now? integer  the time; os.time()
---@return string signed  what to set
function Signer:sign(name, value, now)
  check.self(self, Signer, "sign")
  check.type(name, 1, "sign", "string")
  check.type(value, 2, "sign", "string")
  local encoded <const> = require("lull.crypto").base64url_encode(value)
  local text <const> = ("%s.%d"):format(encoded, now or os.time())
  return text .. "." .. signature(self.keys[1], name, text)
end

--- The value, if one of the keys has signed it and it is not too old.
---@param name string
---@param signed? string  what came back; nil has no value
---@param now? integer    the time; os.time()
---@return string? value
function Signer:verify(name, signed, now)
  check.self(self, Signer, "verify")
  check.type(name, 1, "verify", "string")
  check.type(signed, 2, "verify", "string", true)
  local crypto <const> = require "lull.crypto"
  local text <const>, encoded <const>, time <const>, given <const> =
    (signed or ""):match("^(([%w_-]*)%.(%d+))%.([%w_-]+)$")
  if not text or #time > 15 then return nil end
  local good = false
  for _, key in ipairs(self.keys) do
    good = crypto.equal(signature(key, name, text), given) or good
  end
  if not good or (now or os.time()) - tonumber(time) > self.max_age then return nil end
  return crypto.base64url_decode(encoded)
end

--- A signer.  The first key signs, all are believed: to change keys, put the new one in front.
---@param keys string|string[]  each at least 16 bytes that nobody can guess
---@param opts? { max_age?: number }  seconds that a signature is good for; no limit
---@return lull.http.CookieSigner   raises when the build has no lull.crypto
function cookie.signer(keys, opts)
  if type(keys) == "string" then keys = { keys } end
  check.type(keys, 1, "signer", "table")
  check.options(opts, 2, "signer", { max_age = "number" })
  local copy <const> = table.move(keys, 1, #keys, 1, {})
  for _, key in ipairs(copy) do
    if type(key) ~= "string" or #key < 16 then
      check.fail(1, "signer", "a key is a string of at least 16 bytes")
    end
  end
  if #copy == 0 then check.fail(1, "signer", "no keys") end
  require "lull.crypto" -- say it here if there is none
  return setmetatable({ keys = copy, max_age = opts and opts.max_age or math.huge }, Signer)
end

return cookie
