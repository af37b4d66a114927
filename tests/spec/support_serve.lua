--- support_serve.lua: what the specs of the HTTP server share: a server, and clients that send
--- exactly these bytes.

local http = require "lull.http"
local net = require "lull.net"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_net.lua") })

--- A server on a free port.
---@param handler function|any  a function, or what every request is answered with
---@param opts? table
function support.serve(handler, opts)
  local all <const> = { port = 0 }
  for name, value in pairs(opts or {}) do all[name] = value end
  if type(handler) ~= "function" then
    local result <const> = handler
    handler = function() return result end
  end
  return http.serve(all, handler)
end

-- ---- a client ----

local Client <const> = {}
Client.__index = Client

--- Connect to a server.
function support.client(server, opts)
  local stream <const> = net.connect("127.0.0.1", server.port, opts)
  stream:set_timeout(50)
  return setmetatable({ stream = stream }, Client)
end

function Client:send(...)
  self.stream:write(...)
  return self
end

--- Send a request without a body.
function Client:ask(target, headers, method)
  self.method = method or "GET"
  return self:send(("%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n"):format(self.method, target, headers or ""))
end

--- Send a request with a body.
function Client:post(target, body, headers)
  self.method = "POST"
  return self:send(("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%s\r\n"):format(
    target, #body, headers or ""), body)
end

local function read_chunks(stream)
  local pieces <const>, trailers <const> = {}, {}
  while true do
    local size <const> = tonumber(assert(stream:read(), "cut off"), 16)
    if size == 0 then break end
    pieces[#pieces + 1] = assert(stream:read_exact(size))
    assert(stream:read_exact(2) == "\r\n")
  end
  while true do
    local line <const> = assert(stream:read(), "cut off"):gsub("\r$", "")
    if line == "" then return table.concat(pieces), pieces, trailers end
    trailers[#trailers + 1] = line
  end
end

--- Read a response: {status=, reason=, headers=, lines=, body=, pieces=}; nil when there is none.
function Client:response(method)
  local stream <const> = self.stream
  local first <const> = stream:read()
  if not first then return nil end
  local version <const>, status <const>, reason <const> = first:match "^(HTTP/1%.%d) (%d%d%d) (.*)\r$"
  assert(version == "HTTP/1.1", first)
  local response <const> = { status = tonumber(status), reason = reason, headers = {}, lines = {} }
  while true do
    local line <const> = assert(stream:read(), "the head is cut off"):gsub("\r$", "")
    if line == "" then break end
    local name <const>, value <const> = line:match "^([^%s:]+): (.*)$"
    assert(name, line)
    response.lines[#response.lines + 1] = line
    local lower <const> = name:lower()
    local before <const> = response.headers[lower]
    response.headers[lower] = before and before .. ", " .. value or value
  end
  local length <const> = tonumber(response.headers["content-length"])
  local never <const> = (method or self.method) == "HEAD" or response.status == 204
    or response.status == 304 or response.status < 200
  if never then
    response.body = ""
  elseif response.headers["transfer-encoding"] then
    response.body, response.pieces, response.trailers = read_chunks(stream)
  elseif length then
    response.body = length > 0 and assert(stream:read_exact(length)) or ""
  else
    response.body = stream:read "a"
  end
  return response
end

--- Has the connection ended in the middle of something, in whatever way?
function Client:is_cut()
  local ok <const>, response <const> = pcall(self.response, self)
  return not (ok and response) and pcall(self.stream.read, self.stream, "a") ~= nil
end

--- Is the connection at its end, with nothing more on it?
function Client:ended()
  return self.stream:read_some() == nil
end

function Client:close()
  self.stream:close()
end
Client.__close = Client.close

--- The response to a GET on a connection of its own.
function support.get(server, target, headers, method)
  local client <close> = support.client(server)
  return client:ask(target or "/", headers, method):response()
end

--- Everything a server sends for these bytes, until it closes the connection.
function support.exchange(server, ...)
  local client <close> = support.client(server)
  client:send(...)
  return client.stream:read "a"
end

return support
