--- lull.http.server.request: what a request can do beyond what its native part does.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.http.native"

--- Fields whose values are made when they are asked for: each in a list of its own.
local fields <const> = native.request_fields

--- A request.  What it says is found when it is asked for.  A script may assign any field, and
--- then finds what it has assigned.
---
--- The body is read when it is asked for; what reading it raises (kind `http`, with `status`)
--- is answered with that status, unless it is caught.  A body nobody reads is read over, or the
--- connection ends with the response.
---@class lull.http.server.Request
---@field method string        as it came: "GET"
---@field target string        as it came: "/a%20b?c=d"
---@field path string          decoded, then dot segments resolved; "*" for all, "" for CONNECT
---@field query_string string  as it came, without the question mark
---@field query table<string, string>    the first value of each
---@field host? string         with the port, if there is one
---@field version string       "1.1" or "1.0"
---@field headers table<string, string>  names in lower case, looked up in any; several joined
---@field cookies table<string, string>
---@field params table<string, string>   what a router has found in the path
---@field peer? string         the client's address; nil for a Unix socket
---@field peer_port? integer
---@field id string            unique, for logs
---@field scheme string        "http" or "https"
---@field tls? table           what is known of the TLS connection
---@field max_body integer     bytes that body() reads
---@field closed boolean       the client is known to be gone, or to have its answer
---@field header fun(self, name: string): string?  several joined
---@field header_all fun(self, name: string): string[]
---@field trailers fun(self): table<string, string>  once the body has been read
---@field body async fun(self): string  all of it, however often it is asked for
---@field read_some async fun(self, max?: integer): string?  in pieces; without a limit
local methods <const> = native.request_methods

--- Its class, as check.self wants it.
local CLASS <const> = { __name = "request", __metatable = "lull.http.server.Request" }

local request = {}

--- WebSockets by the connections that they are on, as long as these are served.
---@type table<userdata, lull.websocket.Socket>
request.sockets = {}

local function raise(status, message, op, cause)
  error(lull.new_error("http", message, { status = status, op = op, cause = cause }), 0)
end

-- ---- fields ---------------------------------------------------------------

fields.query = { function(req)
  local text <const> = req.query_string
  return native.query(text) or require("lull.http.form").decode(text) -- which raises
end }

fields["query all"] = { function(req)
  return require("lull.http.form").decode_all(req.query_string)
end }

fields.cookies = { function(req)
  local text <const> = req:header "cookie"
  return text and require("lull.http.cookie").parse(text) or {}
end }

fields.params = { function() return {} end }

fields.peer = { function(req)
  local host <const>, port <const> = native.stream_of(req):peer()
  return port and host or nil
end }

fields.peer_port = { function(req)
  local _ <const>, port <const> = native.stream_of(req):peer()
  return port
end }

fields.tls = { function(req) return native.stream_of(req):tls() end }

fields.scheme = { function(req) return req.tls and "https" or "http" end }

-- ---- methods --------------------------------------------------------------

--- Every value of a parameter of the query.
---@param name string
---@return string[]
function methods:query_all(name)
  check.self(self, CLASS, "query_all")
  check.type(name, 1, "query_all", "string")
  return self["query all"][name] or {}
end

--- The body, as JSON.
---@async
---@return any  raises kind http: 415 where it is not said to be JSON, 400 where it is none
function methods:json()
  check.self(self, CLASS, "json")
  local media <const> = (self:header "content-type" or ""):match("^%s*([^;%s]*)"):lower()
  if media ~= "application/json" and not media:find "^[%w.%-]+/[%w.%-]+%+json$" then
    raise(415, "the body must be application/json", "http.json")
  end
  local text <const> = self:body()
  local ok <const>, value <const> = pcall(require("lull.json").decode, text)
  if ok then return value end
  if not lull.is_error(value, "json") and not lull.is_error(value, "limit") then error(value, 0) end
  raise(400, "the body is not valid JSON: " .. value.message, "http.json", value)
end

--- The fields of a form, of either kind.
---@async
---@param opts? table  see lull.http.form
---@return table
function methods:form(opts)
  check.self(self, CLASS, "form")
  return require("lull.http.form").read(self, opts)
end

--- The parts of a multipart body, one after the other, as they arrive.
---@async
---@param opts? table  see lull.http.form
---@return function iterator
function methods:parts(opts)
  check.self(self, CLASS, "parts")
  return require("lull.http.form").parts(self, opts)
end

--- Cancel the task when the client is gone before it has its response.  Where the system can
--- tell: a client that only ends its side of the connection counts as gone, too.
local function watch(conn)
  local task <const> = lull.current()
  local watcher <const> = lull.spawn(function()
    if conn:watch() then task:cancel "the client is gone" end
  end)
  watcher.name = "watch for the client to go"
  watcher:detach() -- a group of the handler's would wait for it, and it for the response
end

--- Options of the route that matched; those that mean nothing here are left alone.
---@param opts { max_body?: integer, body_timeout?: number, cancel_on_disconnect?: boolean }
function methods:configure(opts)
  check.self(self, CLASS, "configure")
  check.type(opts, 1, "configure", "table")
  local conn <const> = native.connection_of(self, "http.configure")
  if opts.max_body or opts.body_timeout then conn:limit(opts.max_body, opts.body_timeout) end
  if opts.cancel_on_disconnect and not self["is watched"] then
    self["is watched"] = true
    watch(conn)
  end
end

--- Does the client offer to go on with a protocol (RFC 9110, 7.8)?
local function offers(req, protocol)
  local names <const> = require("lull.http.reply").names
  return req.version == "1.1" and names(req:header "connection" or "", "upgrade")
    and names(req:header "upgrade" or "", protocol:lower())
end

--- Go on with another protocol: say so, and take the stream.  What the handler returns is
--- ignored; when it returns, the stream is closed.
---@param protocol? string  which the client must have offered; nil: none, as for CONNECT
---@param headers? table
---@return lull.net.Stream  raises kind http: 426 where the client does not offer the protocol
function methods:upgrade(protocol, headers)
  check.self(self, CLASS, "upgrade")
  check.type(protocol, 1, "upgrade", "string", true)
  check.type(headers, 2, "upgrade", "table", true)
  local conn <const> = native.connection_of(self, "http.upgrade")
  if protocol and not offers(self, protocol) then
    error(lull.new_error("http", "this needs an upgrade to " .. protocol, {
      status = 426, op = "http.upgrade", headers = { upgrade = protocol, connection = "upgrade" },
    }), 0)
  end
  local all <const> = {}
  for name, value in pairs(headers or {}) do all[name] = value end
  if protocol then all.connection, all.upgrade = "Upgrade", protocol end
  return conn:take(protocol and 101 or 200, all)
end

--- Become a WebSocket.  It is closed when the handler returns.
---@async
---@param opts? table  see lull.websocket
---@return lull.websocket.Socket  raises kind http: what asks for something else is answered 426 or 400
function methods:websocket(opts)
  check.self(self, CLASS, "websocket")
  local conn <const> = native.connection_of(self, "http.websocket")
  local accept <const> = require "lull.websocket.accept"
  -- HTTP/1.0 has no Upgrade: it is to be ignored there (RFC 9110, section 7.8)
  local asked <const> = self.version == "1.0" and {} or self.headers
  local socket <const>, status <const>, message <const>, more <const> =
    accept(conn:stream(), self.method, asked, opts)
  if socket then
    conn:take()
    request.sockets[conn] = socket
    return socket
  end
  local headers <const> = {}
  for _, field in ipairs(more or {}) do headers[field[1]] = field[2] end
  error(lull.new_error("http", message, {
    status = status, op = "http.websocket", headers = headers,
  }), 0)
end

return request
