--- lull.http.middleware: what many applications put around their handlers.
---
--- Each function here returns middleware for `app:use`.  See also lull.http.compress, and
--- lull.http.log, whose lines http.serve{access_log=} writes.
local check = require "lull.check"
local lull = require "lull"
local problem = require "lull.http.problem"
local reply = require "lull.http.reply"

local middleware = {}

--- Pages of other origins; see lull.http.cors.
middleware.cors = require "lull.http.cors"

--- Names for requests: that of X-Request-Id where it is a sane one, else the server's; it is
--- `req.id` and is sent back.
---@param opts? { header?: string, trust?: boolean }  trust: take the client's; true
---@return lull.http.Middleware
function middleware.request_id(opts)
  check.options(opts, 1, "request_id", { header = "string", trust = "boolean" })
  local name <const> = (opts and opts.header or "x-request-id"):lower()
  local trust <const> = not opts or opts.trust ~= false
  return function(req, next)
    local given <const> = trust and req.headers[name]
    if given and #given <= 128 and given:find("^[%w._~+/=-]+$") then req.id = given end
    local response <const> = reply.of(next(req))
    response.headers[name] = req.id
    return response
  end
end

local HSTS <const> = 180 * 86400
local SECURE <const> = {
  ["x-content-type-options"] = "nosniff",
  ["x-frame-options"] = "SAMEORIGIN",
  ["referrer-policy"] = "strict-origin-when-cross-origin",
  ["cross-origin-opener-policy"] = "same-origin",
}

---@class lull.http.SecureOptions
---@field headers? table<string, string|false>  more headers; false leaves one out
---@field hsts? integer|false  seconds for which browsers come by TLS only; 180 days; over TLS

--- Headers that make browsers careful.  What a handler has set stays.
---@param opts? lull.http.SecureOptions
---@return lull.http.Middleware
function middleware.secure_headers(opts)
  check.options(opts, 1, "secure_headers", { headers = "table", hsts = "number|boolean" })
  opts = opts or {}
  local wanted <const> = {}
  for name, value in pairs(SECURE) do wanted[name] = value end
  for name, value in pairs(opts.headers or {}) do wanted[name:lower()] = value or nil end
  local hsts <const> = math.type(opts.hsts) and opts.hsts // 1 | 0 or HSTS
  local lasting <const> = opts.hsts ~= false and ("max-age=%d"):format(hsts) or nil
  return function(req, next)
    local response <const> = reply.of(next(req))
    local headers <const> = response.headers
    for name, value in pairs(wanted) do
      if headers[name] == nil then headers[name] = value end
    end
    if lasting and req.scheme == "https" then
      headers["strict-transport-security"] = headers["strict-transport-security"] or lasting
    end
    return response
  end
end

--- A time for handlers: past it they are cancelled, and the answer is 503.  Streamed bodies have
--- begun by then and are not touched.
---@param seconds number
---@return lull.http.Middleware
function middleware.timeout(seconds)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    check.fail(1, "timeout", "a positive number of seconds expected")
  end
  return function(req, next)
    local in_time <const>, response <const> = lull.move_on_after(seconds, next, req)
    if in_time then return response end
    return problem.response(503, req)
  end
end

--- Is the password right?  How long it takes tells nothing.
local function verifier(users)
  local crypto <const> = require "lull.crypto"
  local digests <const> = {}
  for name, password in pairs(users) do
    if type(name) ~= "string" or type(password) ~= "string" then
      check.fail(1, "basic_auth", "users must be passwords by names")
    end
    digests[name] = crypto.sha256(password)
  end
  local nobody <const> = crypto.random(32)
  return function(name, password)
    return crypto.equal(digests[name] or nobody, crypto.sha256(password))
  end
end

local BASIC <const> = "^[Bb][Aa][Ss][Ii][Cc] +([%w+/=]+) *$"

--- Name and password of a request (RFC 7617).
local function credentials(req)
  local text <const> = (req.headers.authorization or ""):match(BASIC)
  local plain <const> = text and require("lull.crypto").base64_decode(text)
  if plain then return plain:match("^([^:%c]*):(%C*)$") end
end

---@class lull.http.BasicAuthOptions
---@field users? table<string, string>  passwords by names
---@field verify? fun(user: string, password: string): boolean  in their place
---@field realm? string  what browsers show; "restricted"

--- A name and a password, which browsers ask for.  The name is `req.user`.  Over plain
--- connections both can be read on the way.
---@param opts lull.http.BasicAuthOptions
---@return lull.http.Middleware
function middleware.basic_auth(opts)
  check.type(opts, 1, "basic_auth", "table")
  check.options(opts, 1, "basic_auth", { users = "table", verify = "callable", realm = "string" })
  if (opts.users == nil) == (opts.verify == nil) then
    check.fail(1, "basic_auth", "either users or verify")
  end
  local realm <const> = opts.realm or "restricted"
  if realm:find('[%c"\\]') then check.fail(1, "basic_auth", "realm must be plain text") end
  local verify <const> = opts.verify or verifier(opts.users)
  local challenge <const> = ('Basic realm="%s", charset="UTF-8"'):format(realm)
  return function(req, next)
    local user <const>, password <const> = credentials(req)
    if user and verify(user, password) then
      req.user = user
      return next(req)
    end
    local response <const> = problem.response(401, req)
    response.headers["www-authenticate"] = challenge
    return response
  end
end

-- Rates -------------------------------------------------------------------------------------

local MAX_KEYS <const> = 10000 -- of a generation of two

--- Tokens left for a key, one taken; nil when there is none, then seconds until there is.
local function take(self, key, now)
  local bucket <const> = self.young[key] or self.old[key] or { tokens = self.burst, at = now }
  if not self.young[key] then
    if self.count >= MAX_KEYS then self.old, self.young, self.count = self.young, {}, 0 end
    self.young[key], self.count = bucket, self.count + 1
  end
  bucket.tokens = math.min(self.burst, bucket.tokens + (now - bucket.at) * self.rate)
  bucket.at = now
  if bucket.tokens < 1 then return nil, (1 - bucket.tokens) / self.rate end
  bucket.tokens = bucket.tokens - 1
  return bucket.tokens
end

---@class lull.http.RateOptions
---@field rate number      requests a second
---@field burst? integer   how many at once; the rate, but at least 1
---@field key? fun(req: lull.http.server.Request): string?  what tells clients apart, their address;
---  nil: no limit

--- At most so many requests a second, of each client; 429 beyond.  The last 20,000 clients are
--- remembered.
---@param opts lull.http.RateOptions
---@return lull.http.Middleware
function middleware.rate_limit(opts)
  check.type(opts, 1, "rate_limit", "table")
  check.options(opts, 1, "rate_limit", { rate = "number", burst = "count", key = "callable" })
  if not opts.rate or opts.rate == 0 then check.fail(1, "rate_limit", "rate must be positive") end
  local key_of <const> = opts.key or function(req) return req.peer end
  local burst <const> = opts.burst or math.max(1, opts.rate)
  local self <const> = { rate = opts.rate, burst = burst, young = {}, old = {}, count = 0 }
  return function(req, next)
    local key <const> = key_of(req)
    if key == nil then return next(req) end
    local tokens <const>, wait <const> = take(self, key, lull.now())
    if tokens then return next(req) end
    local response <const> = problem.response(429, req)
    response.headers["retry-after"] = math.ceil(wait)
    return response
  end
end

return middleware
