--- lull.http.server: requests in, responses out, one task for each connection.
local check = require "lull.check"
local core = require "lull.core"
local lull = require "lull"
local native = require "lull.http.native"
local net = require "lull.net"
local request = require "lull.http.server.request"
local respond = require "lull.http.server.respond"

local LINGER <const> = 2 -- seconds that a client may go on sending after the last response
local LINGER_BYTES <const> = 1024 * 1024

---@class lull.http.ServeOptions: lull.net.ServeOptions
---@field header_timeout? number  seconds for a head, from its first byte or from connecting; 10
---@field idle_timeout? number    seconds between requests; 75
---@field body_timeout? number    seconds that a body may bring nothing; 30
---@field min_rate? integer       bytes a second that it must bring otherwise; 1024
---@field write_timeout? number   seconds that a client may take nothing of a response; 30
---@field max_body? integer       bytes that req:body() reads; 1 MiB
---@field max_line? integer       bytes of the request line; 8 KiB
---@field max_head? integer       bytes of a head; 64 KiB
---@field max_fields? integer     fields of a head; 100
---@field max_requests? integer   requests of one connection; no limit
---@field server? string          sent as the header Server; none
---@field grace? number           seconds that requests have when the server's scope is cancelled, or its
---  `<close>` comes; 0
---@field cancel_on_disconnect? boolean  cancel a handler whose client is gone; no
---@field on_error? fun(req: lull.http.server.Request?, err: any): any  the response in place of a bare 500
---@field access_log? fun(entry: lull.http.LogEntry)  called after every response

---@class lull.http.LogEntry
---@field request? lull.http.server.Request  nil: it was none, and was refused
---@field method? string
---@field target? string
---@field status integer  0: the client was gone before
---@field bytes integer   of the body
---@field peer? string    the client's address
---@field seconds number  since the head was complete

--- A running server.
---@class lull.http.Server
---@field port? integer  the port it listens on; nil for a Unix socket
---@field private inner lull.net.Server
---@field private shared userdata  what its connections share
---@field private task lull.Task   of the scope the server was started in
local Server <const> = {}
Server.__index = Server
Server.__name = "lull.http.Server"

local server = {}

--- Options, and what they must be.
local OPTIONS <const> = {
  header_timeout = "seconds", idle_timeout = "seconds", body_timeout = "seconds",
  write_timeout = "seconds", grace = "seconds", min_rate = "count", max_body = "count", max_line = "count",
  max_head = "count", max_fields = "count", max_requests = "count", server = "string",
  cancel_on_disconnect = "boolean", on_error = "any", access_log = "any",
}

--- Those that are net.serve's, which checks them.
local LISTEN <const> = {
  host = "any", port = "any", path = "any", tls = "any", backlog = "any", reuse_port = "any",
  max_connections = "any", on_handshake_error = "any",
}

--- Is it the client's doing that there is no response?
local function is_disconnect(err)
  return lull.is_error(err, "io") or lull.is_error(err, "closed") or lull.is_error(err, "eof")
end

--- What was raised, and where.
local Failure <const> = {}

--- Message handler: errors that have no status of their own are to be reported with a trace.
local function note(err)
  if respond.status_of(err) then return err end
  return setmetatable({ err = err, trace = debug.traceback("", 2):sub(2) }, Failure)
end

--- Report an error.  The task's name, which is part of that, tells of the request.
local function report(conn, err, trace)
  local req <const> = conn:request()
  if req then lull.current().name = ("%s %s"):format(req.method, req.target:match "^[^?]*") end
  core.report(err, trace)
end

--- The handler, or the response, has failed: answer, unless that is too late.  What ended a
--- WebSocket, as silence or a broken rule, is the client's doing, too.
---@async
local function fail(self, conn, err, trace)
  local answerable <const>, gone <const> = conn:state()
  local socket <const> = request.sockets[conn]
  if gone and is_disconnect(err) or socket and rawequal(socket.failure, err) then return end
  local status <const> = respond.status_of(err)
  if not status or status >= 500 or not answerable then report(conn, err, trace) end
  if not answerable then return conn:abort() end
  local result
  if status then
    result = respond.problem(conn:request(), status, err)
  elseif self.options.on_error then
    result = self.options.on_error(conn:request(), err)
  end
  if result == nil then result = respond.problem(conn:request(), 500) end
  respond.send(conn, result)
end

--- Answer requests until there are no more.
---@async
local function answer(conn, handler)
  local next <const>, send <const>, special <const> = conn.next, conn.respond, respond.special
  for req in next, conn do
    local result <const> = handler(req)
    if send(conn, result) == nil then special(conn, result) end
  end
end

--- Tell of a response.  Without a request it is of what was none.
local function tell(conn, log, req, start)
  local status <const>, bytes <const> = conn:last()
  log {
    request = req,
    method = req and req.method,
    target = req and req.target,
    status = status,
    bytes = bytes,
    peer = conn:stream():peer(),
    seconds = req and lull.now() - start or 0,
  }
end

--- As answer(), telling of every response; `current` has what is being answered.
---@async
local function answer_and_tell(conn, handler, log, current)
  for req in conn.next, conn do
    current.request, current.start = req, lull.now()
    respond.send(conn, handler(req))
    current.request = nil
    tell(conn, log, req, current.start)
  end
end

--- Read over what the client still sends, so that closing does not reset the connection
--- before it has read the last response (RFC 9112, 9.6).
---@async
local function linger(stream)
  stream:shutdown()
  local left = LINGER_BYTES
  while left > 0 do
    local piece <const> = stream:read_some()
    if not piece then return end
    left = left - #piece
  end
end

--- Answer requests until there are no more, whatever handlers raise.
---@async
local function answer_all(self, conn)
  local log <const> = self.options.access_log
  local loop <const>, current <const> = log and answer_and_tell or answer, {}
  repeat
    local ok <const>, failure <const> = xpcall(loop, note, conn, self.handler, log, current)
    if not ok then
      local err, trace = failure, nil
      if getmetatable(failure) == Failure then err, trace = failure.err, failure.trace end
      local answered <const>, second <const> = pcall(fail, self, conn, err, trace)
      if not answered then
        report(conn, second)
        conn:abort()
      end
      if current.request then tell(conn, log, current.request, current.start) end
      current.request = nil
    end
  until ok
  if log and conn:was_bad() then tell(conn, log) end
end

--- Forgets the WebSocket of a connection that is no longer served.
local Served <const> = { __close = function(served) request.sockets[served.conn] = nil end }

--- The task of a connection.
---@async
local function serve_connection(self, stream)
  local conn <close> = native.connection(self.shared, stream)
  local _ <close> = setmetatable({ conn = conn }, Served)
  answer_all(self, conn)
  local socket <const> = request.sockets[conn]
  if socket then pcall(socket.close, socket) end
  local gone <const>, has_input <const> = select(2, conn:state())
  if has_input and not gone then lull.move_on_after(LINGER, pcall, linger, stream) end
end

local function check_options(opts)
  check.type(opts, 1, "serve", "table")
  local known <const> = setmetatable({}, { __index = function(_, name)
    return OPTIONS[name] or LISTEN[name]
  end })
  check.options(opts, 1, "serve", known)
  if opts.on_error ~= nil then check.callable(opts.on_error, 1, "serve") end
  if opts.access_log ~= nil then check.callable(opts.access_log, 1, "serve") end
  if opts.max_fields and opts.max_fields > 256 then check.fail(1, "serve", "max_fields is above 256") end
  if opts.max_head and opts.max_head > 1024 * 1024 then
    check.fail(1, "serve", "max_head is above 1 MiB")
  end
  if opts.server and (#opts.server > 50 or not opts.server:find "^[ -~]+$") then
    check.fail(1, "serve", "server must be up to 50 visible characters")
  end
end

--- Have the server's own task outside of the scope, and a task in it that waits for it: when
--- that is cancelled, requests have `grace` seconds to be answered.
local function with_grace(self, grace)
  local inner <const> = self.inner.task
  inner:detach()
  return lull.spawn(function()
    local _ <close> = lull.finally(function() self:drain(grace) end)
    if inner:join() == "failed" then inner:result() end
  end)
end

--- Start a server.
---@param opts lull.http.ServeOptions
---@param handler fun(req: lull.http.server.Request): any  or a router
---@return lull.http.Server  owned by the current scope
function server.serve(opts, handler)
  check_options(opts)
  check.callable(handler, 2, "serve")
  local listen <const> = {}
  for name in pairs(LISTEN) do listen[name] = opts[name] end
  local self <const> = setmetatable({ handler = handler, options = opts }, Server)
  if opts.cancel_on_disconnect then
    self.handler = function(req)
      req:configure { cancel_on_disconnect = true }
      return handler(req)
    end
  end
  self.inner = net.serve(listen, function(stream) serve_connection(self, stream) end)
  self.shared = native.server(opts) -- no connection has been accepted yet
  self.inner.task:on_done(function() self.shared:close() end)
  self.port = self.inner.port
  self.task = self.inner.task
  if (opts.grace or 0) > 0 then
    self.task = with_grace(self, opts.grace)
    self.task.name = tostring(self)
  end
  return self
end

--- Accept no more connections; those that wait for a request end at once, those that are
--- being answered do so with that response.  WebSockets are closed with 1001.
function Server:stop()
  check.self(self, Server, "stop")
  self.inner:stop()
  self.shared:drain()
  for conn, socket in pairs(request.sockets) do
    if conn:belongs_to(self.shared) then
      lull.spawn(pcall, socket.close, socket, 1001, "the server is going away")
    end
  end
end

--- Stop, cancel the handlers and wait for them to end.
---@async
function Server:close()
  check.self(self, Server, "close")
  self:stop()
  self.inner:close()
  self.task:join()
end

--- Stop, and wait for what is being answered; close after `seconds`.
---@async
---@param seconds? number  nil: however long it takes
function Server:drain(seconds)
  check.self(self, Server, "drain")
  self:stop()
  self.inner:drain(seconds)
end

--- Wait until the server has been closed and its handlers have ended.
---@async
function Server:wait()
  check.self(self, Server, "wait")
  self.inner:wait()
end

--- Where it listens.
---@return string host_or_path
---@return integer? port
function Server:sockname()
  check.self(self, Server, "sockname")
  return self.inner:sockname()
end

--- Use other certificates from the next connection on.
---@param opts? lull.tls.ServerOptions  nil: the same files, read again
function Server:reload_tls(opts)
  check.self(self, Server, "reload_tls")
  self.inner:reload_tls(opts)
end

--- Also in a task that is cancelled, handlers have ended before what they may use is closed; they
--- have their grace.
---@async
function Server:__close()
  local grace <const> = self.options.grace or 0
  lull.shield(function()
    if grace > 0 then self:drain(grace) end
    self:close()
  end)
end

function Server:__tostring()
  return "http " .. tostring(self.inner)
end

return server
