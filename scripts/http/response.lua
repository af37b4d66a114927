--- lull.http.response: what a request brought.
local check = require "lull.check"
local lull = require "lull"

local response = {}

--- A response.  Its body is there as `body`, or, with `stream = true`, read like a stream; a
--- streamed one is closed when it is read to the end, closed, or collected.
---@class lull.http.Response
---@field status integer
---@field reason string
---@field url string      where it came from in the end, without user and password
---@field version string  "1.0", "1.1", "2"
---@field headers table<string, string>  plain; lower-case names, looked up in any case
---@field body? string    decompressed; nil when it is streamed
---@field redirects integer  how many were followed
local Response <const> = {}

--- Curl's numbers.
local VERSIONS <const> = { [1] = "1.0", [2] = "1.1", [3] = "2", [30] = "3", [31] = "3" }

--- Parts that are made when they are asked for.
local function make(self, key)
  if key == "headers" then return require "lull.http.headers".joined(self.lists) end
  if key == "lists" then return require "lull.http.headers".lists(rawget(self, "head")) end
  if key == "reason" then return require "lull.http.headers".reason(rawget(self, "head")) end
  if key == "redirects" then return 0 end
end

local rawset <const> = rawset

local meta <const> = {
  __name = "lull.http.Response",
  __index = function(self, key)
    local method <const> = Response[key]
    if method then return method end
    local value <const> = make(self, key)
    if value ~= nil then rawset(self, key, value) end
    return value
  end,
  __tostring = function(self)
    return ("response (%d from %s)"):format(self.status, self.url:match("^[^?]*"))
  end,
}

--- Make one of what the native returned.
---@param status integer
---@param head string
---@param version integer
---@param content string|userdata  the body, or the transfer that brings it
---@param plan lull.http.Plan
---@param redirects integer
---@param sending? lull.Task  sends the rest of the request
---@return lull.http.Response
function response.new(status, head, version, content, plan, redirects, sending)
  local self <const> = setmetatable({
    status = status, head = head, version = VERSIONS[version] or "1.1", url = plan.url, body = content,
  }, meta)
  if type(content) ~= "string" then
    self.body, self.transfer, self.sending, self.whole = nil, content, sending, plan.whole
  end
  if redirects > 0 then self.redirects = redirects end
  return self
end

--- The body as something to read.
local function reader(self)
  local found = rawget(self, "reader")
  if found then return found end
  local transfer <const>, whole = rawget(self, "transfer"), rawget(self, "body")
  local source
  if transfer then
    source = function(max) return transfer:read(max) end
  else
    source = function()
      local piece <const> = whole
      whole = nil
      return piece ~= "" and piece or nil
    end
  end
  found = require "lull.http.body".new(source, self.whole or #whole)
  rawset(self, "reader", found)
  return found
end

--- All fields of one name, in their order.
---@param name string  in any case
---@return string[]
function Response:header_all(name)
  check.self(self, meta, "header_all")
  check.type(name, 1, "header_all", "string")
  return { table.unpack(self.lists[name:lower()] or {}) }
end

--- Read the body as one reads a file: formats "l", "L", "a" and numbers.
---@async
---@param ... string|integer
---@return string? ...  raises kinds io, timeout, limit, closed
function Response:read(...)
  check.self(self, meta, "read")
  local body <const> = require "lull.http.body"
  for i = 1, select("#", ...) do
    if not body.is_format((select(i, ...))) then check.fail(i, "read", "invalid format") end
  end
  return reader(self):read(...)
end

--- What of the body is there, at least one byte; nil at the end.
---@async
---@param max? integer
---@return string?
function Response:read_some(max)
  check.self(self, meta, "read_some")
  check.count(max, 1, "read_some", "max")
  return reader(self):read_some(max)
end

--- Exactly so many bytes; nil at the end.  Raises `eof` with `partial`.
---@async
---@param count integer
---@return string?
function Response:read_exact(count)
  check.self(self, meta, "read_exact")
  check.type(count, 1, "read_exact", "number")
  return reader(self):read_exact(count)
end

--- Up to and with a separator; nil at the end.  Raises `limit`, and `eof` with `partial`.
---@async
---@param separator string
---@param limit? integer  1 MiB
---@return string?
function Response:read_until(separator, limit)
  check.self(self, meta, "read_until")
  check.type(separator, 1, "read_until", "string")
  if separator == "" then check.fail(1, "read_until", "must not be empty") end
  check.count(limit, 2, "read_until", "limit")
  return reader(self):read_until(separator, limit)
end

--- Iterate over the body's lines, without their ends (or as `format` says).
---@param format? string|integer  as in read
---@return async fun(): string?
function Response:lines(format)
  check.self(self, meta, "lines")
  format = format or "l"
  if not require "lull.http.body".is_format(format) then check.fail(1, "lines", "invalid format") end
  local source <const> = reader(self)
  return function() return source:read(format) end
end

--- Iterate over the body as server-sent events: tables with `data`, `event`, `id`, `retry`.
---@return async fun(): lull.http.Event?
function Response:events()
  check.self(self, meta, "events")
  local source <const> = reader(self)
  return require "lull.http.events".of(function() return source:read_some() end)
end

--- The body, which is JSON, as a value.
---@async
---@return any  raises kind json
function Response:json()
  check.self(self, meta, "json")
  local text = rawget(self, "body")
  if not text then
    text = self:read("a")
    self.body = text
  end
  return require "lull.json".decode(text)
end

--- Raise kind `http`, with `status` and `response`, for a status of 400 and above.
---@return lull.http.Response  itself
function Response:raise_for_status()
  check.self(self, meta, "raise_for_status")
  if self.status < 400 then return self end
  local message <const> = ("%s answered %d%s"):format(self.url:match("^[^?]*"), self.status,
    self.reason ~= "" and " " .. self.reason or "")
  local e <const> = lull.new_error("http", message, { op = "http.request" })
  e.status, e.response = self.status, self
  error(e, 0)
end

--- Stop a streamed response; what was not read is lost.
function Response:close()
  check.self(self, meta, "close")
  local transfer <const> = rawget(self, "transfer")
  if transfer then transfer:close() end
  local sending <const> = rawget(self, "sending")
  if sending then sending:cancel() end
end

meta.__close = Response.close

return response
