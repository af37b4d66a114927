--- lull.http.cors: answers to pages of other origins (Fetch, 3.2), as middleware.
local check = require "lull.check"
local reply = require "lull.http.reply"

---@class lull.http.CorsOptions
---@field origins? "*"|string[]|fun(origin: string): boolean  who may read responses; "*": everybody
---@field methods? string[]   that a page may use beside GET, HEAD and POST; all that it asks for
---@field headers? string[]   that a page may send; all that it asks for
---@field expose? string[]    headers of responses that a page may read
---@field credentials? boolean  pages may send cookies; needs origins by name
---@field max_age? integer    seconds that a browser may keep an answer to its question; 600

local OPTIONS <const> = {
  origins = "string|table|callable", methods = "table", headers = "table", expose = "table",
  credentials = "boolean", max_age = "number",
}

local METHOD <const>, HEADERS <const> =
  "access-control-request-method", "access-control-request-headers"

--- A function that tells whether an origin is welcome.
local function tester(origins)
  if type(origins) == "function" then return origins end
  if type(origins) == "string" then
    if origins ~= "*" then check.fail(1, "cors", 'origins is "*", a list or a function') end
    return function() return true end
  end
  local known <const> = {}
  for _, origin in ipairs(origins) do known[origin] = true end
  return function(origin) return known[origin] == true end
end

local function joined(list)
  return list and table.concat(list, ", ") or nil
end

--- What a browser asks for, if it can be repeated.
local function asked(req, name)
  local value <const> = req.headers[name]
  return value and #value <= 1000 and value:find("^[%w!#$%%&'*+.^_`|~, -]+$") and value or nil
end

local function allow(self, req, headers)
  local origin <const> = req.headers.origin
  if not self.everybody then reply.vary(headers, "origin") end
  if not origin or origin:find("[%c ]") or not self.is_welcome(origin) then return false end
  headers["access-control-allow-origin"] = self.everybody and "*" or origin
  headers["access-control-allow-credentials"] = self.credentials and "true" or nil
  return true
end

--- The answer to a browser that asks before it sends a request.
local function preflight(self, req)
  local headers <const> = {}
  reply.vary(headers, METHOD)
  reply.vary(headers, HEADERS)
  if allow(self, req, headers) then
    headers["access-control-allow-methods"] = self.methods or asked(req, METHOD)
    headers["access-control-allow-headers"] = self.headers or asked(req, HEADERS)
    headers["access-control-max-age"] = self.max_age
  end
  return { status = 204, headers = headers }
end

--- Middleware that lets pages of other origins read responses.  A browser's question beforehand
--- (OPTIONS with Access-Control-Request-Method) is answered here.
---@param opts? lull.http.CorsOptions
---@return lull.http.Middleware
return function(opts)
  check.options(opts, 1, "cors", OPTIONS)
  opts = opts or {}
  local origins <const> = opts.origins or "*"
  if origins == "*" and opts.credentials then
    check.fail(1, "cors", "credentials for every origin would open every account to every page")
  end
  local self <const> = {
    everybody = origins == "*",
    is_welcome = tester(origins),
    credentials = opts.credentials,
    methods = joined(opts.methods),
    headers = joined(opts.headers),
    expose = joined(opts.expose),
    max_age = (opts.max_age or 600) // 1 | 0,
  }
  return function(req, next)
    local asks <const> = req.headers.origin and req.headers[METHOD]
    if asks and req.method == "OPTIONS" then return preflight(self, req) end
    local response <const> = reply.of(next(req))
    if allow(self, req, response.headers) then
      response.headers["access-control-expose-headers"] = self.expose
    end
    return response
  end
end
