--- lull.websocket.socket: an open WebSocket connection, of either side.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.websocket.native"

local class_of <const> = check.class_of

local TEXT <const>, BINARY <const>, PING <const> = 1, 2, 9
local ABNORMAL <const> = 1006
local LINGER <const> = 1 -- seconds for the peer to take our last words, when it broke the rules
local OP <const> = "websocket"

--- A WebSocket connection; also a to-be-closed value.
---
--- One task receives at a time, any number may send: each message is one frame, and frames do
--- not mix.  Pings are answered, and silent peers noticed, while a task is in `recv`.
---@class lull.websocket.Socket
---@field protocol? string      the subprotocol that both sides agreed on
---@field closed boolean        it is over
---@field close_code? integer   then: 1005 when the Close had none, 1006 when there was none
---@field close_reason? string
---@field private native userdata
---@field private stream lull.net.Stream
---@field private options table
---@field private failure? table       what recv and send raise from now on
---@field private ending? lull.Future  set when it is over, while a task closes it
---@field private waiters? table[]     tasks that wait for pongs
local Socket <const> = { closed = false }
Socket.__index = Socket
Socket.__name = "lull.websocket.Socket"

local socket = {}

--- Open a socket on a stream whose handshake is done.  It takes the stream.
---@param stream lull.net.Stream
---@param options table  of lull.websocket.options
---@param chosen { protocol?: string, deflate?: table }
---@return lull.websocket.Socket
function socket.new(stream, options, chosen)
  return setmetatable({
    native = native.open(stream, {
      server = options.server,
      max_message = options.max_message,
      max_frame = options.max_frame,
      ping_interval = options.ping_interval,
      ping_timeout = options.ping_timeout,
      deflate = chosen.deflate,
    }),
    stream = stream,
    options = options,
    protocol = chosen.protocol,
  }, Socket)
end

-- ---- the end ----

local function new_failure(kind, message, code, reason)
  return lull.new_error(kind, message, { op = OP, code = code, reason = reason })
end

local function closed_failure(who, code, reason)
  local text = ("%s closed the socket with %d"):format(who, code)
  if reason ~= "" then text = text .. ": " .. reason end
  return new_failure("closed", text, code, reason)
end

--- It is over: say so to everybody.
local function finish(self, code, reason, failure)
  if self.closed then return end
  self.closed, self.close_code, self.close_reason, self.failure = true, code, reason, failure
  for _, waiter in ipairs(self.waiters or {}) do waiter.pong:fail(failure) end
  self.waiters = nil
  if self.ending then self.ending:set() end
end

--- Read what still comes, to the end.  A socket closed with bytes unread would reset the
--- connection, and with it what the peer has not read.
---@async
local function drain(self)
  local ok, _, kind
  repeat
    ok, _, kind = pcall(self.native.recv, self.native)
  until not ok or kind == "eof" or kind == "broken"
end

--- The Close handshake is done: the server ends the connection, the client waits for that.
---@async
local function part(self)
  local _ <close> = self.native
  if not self.options.server then lull.move_on_after(self.options.close_timeout, drain, self) end
end

--- The peer broke the rules and was told so: let it hear that, but not for long.
---@async
local function cut_off(self)
  local _ <close> = self.native
  lull.move_on_after(LINGER, function()
    pcall(self.stream.shutdown, self.stream)
    drain(self)
  end)
end

-- ---- receiving ----

--- What happens on events that are no messages.  What it returns ends the receiving.
local on <const> = {}

function on.interrupted(self)
  return self.failure
end

function on.pong(self, bytes)
  local waiters <const> = self.waiters or {}
  for i = 1, #waiters do
    if waiters[i].bytes == bytes then
      for _, waiter in ipairs(table.move(waiters, 1, i, 1, {})) do waiter.pong:try_set() end
      self.waiters = table.move(waiters, i + 1, #waiters, 1, {})
      return
    end
  end
end

function on.close(self, code, reason)
  self.native:send_close(code ~= 1005 and code or nil) -- unless it answers ours
  local who <const> = self.ending and "this side" or "the peer"
  local failure <const> = closed_failure(who, code, reason)
  finish(self, code, reason, failure)
  part(self)
  return failure
end

--- What the peer did wrong, by the code that we answer.
local FAILURES <const> = {
  [1009] = function(text) return new_failure("limit", "the peer sent " .. text, 1009) end,
  [1011] = function(text) return new_failure(text:find("memory", 1, true) and "memory" or "limit", text, 1011) end,
}

function on.failed(self, code, text)
  local make <const> = FAILURES[code]
  local failure <const> = make and make(text)
    or new_failure("io", "the peer sent " .. text, "EPROTO")
  self.native:send_close(code, text)
  finish(self, code, text, failure)
  cut_off(self)
  return failure
end

function on.eof(self)
  self.native:close()
  local failure <const> = new_failure("eof", "the connection ended without a Close", ABNORMAL)
  finish(self, ABNORMAL, "", failure)
  return failure
end

function on.broken(self)
  local _, failure <const> = pcall(self.native.raise, self.native)
  self.native:close()
  finish(self, ABNORMAL, "", failure)
  return failure
end

function on.silent(self)
  self.native:abort()
  local text <const> = "no sign of life for %g s after a ping"
  local failure <const> = new_failure("timeout", text:format(self.options.ping_timeout))
  finish(self, ABNORMAL, "", failure)
  return failure
end

--- The next message, or nil and what ends the receiving.
---@async
local function take(self)
  local ws <const> = self.native
  while true do
    local data <const>, kind <const>, a <const>, b <const> = ws:recv()
    if data then return data, kind end
    local failure <const> = on[kind](self, a, b)
    if failure then return nil, failure end
  end
end

--- Receive the next message.  Raises `closed`, with `code` and `reason`, when either side has
--- closed the socket; `eof` (code 1006) when the connection ended without that; `io` when it
--- broke or the peer broke the rules (code "EPROTO"); `limit` for a message over max_message;
--- `timeout` when the peer is silent; `busy` while another task receives.
---@async
---@return string message
---@return "text"|"binary" kind
function Socket:recv()
  if class_of(self) ~= Socket then check.self(self, Socket, "recv") end
  if self.failure then error(self.failure, 0) end
  local data <const>, kind <const> = take(self)
  if data then return data, kind end
  error(kind, 0)
end

--- Iterate over the messages, until the socket is closed.  The iterator suspends, and raises
--- as `recv` does, but for `closed`.
---@return async fun(): string?, "text"|"binary"?
function Socket:messages()
  check.self(self, Socket, "messages")
  return function()
    local data, kind = nil, self.failure
    if not kind then data, kind = take(self) end
    if data then return data, kind end
    if not lull.is_error(kind, "closed") then error(kind, 0) end
    return nil
  end
end

-- ---- sending ----

--- Send a message of text.  Waits while more is unsent than the stream's high water mark.  A
--- send that was cancelled did not happen, unless the message had been accepted and only
--- waited for the peer.  Raises `closed`, `io`.
---@async
---@param text string  UTF-8
---@return lull.websocket.Socket self
function Socket:send(text)
  if class_of(self) ~= Socket then check.self(self, Socket, "send") end
  if type(text) ~= "string" then check.type(text, 1, "send", "string") end
  if self.failure then error(self.failure, 0) end
  if not self.native:send(text, TEXT) then
    check.fail(1, "send", "no UTF-8: send_binary takes any bytes")
  end
  return self
end

--- Send a message of any bytes.
---@async
---@param bytes string
---@return lull.websocket.Socket self
function Socket:send_binary(bytes)
  if class_of(self) ~= Socket then check.self(self, Socket, "send_binary") end
  if type(bytes) ~= "string" then check.type(bytes, 1, "send_binary", "string") end
  if self.failure then error(self.failure, 0) end
  self.native:send(bytes, BINARY)
  return self
end

--- Wait for the pong of a ping that was sent.
---@async
local function wait_pong(self, bytes, seconds)
  local waiter <const> = { bytes = bytes, pong = lull.future() }
  local waiters <const> = self.waiters or {}
  waiters[#waiters + 1] = waiter
  self.waiters = waiters
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err == nil then return end
    waiter.pong:cancel()
    for i, one in ipairs(self.waiters or {}) do
      if one == waiter then
        table.remove(self.waiters, i)
        break
      end
    end
  end })
  lull.timeout(seconds, waiter.pong.await, waiter.pong)
end

--- Ping the peer.  Keeping the connection alive needs none: see ping_interval.
---@async
---@param bytes? string           up to 125; the pong brings them back
---@param wait? boolean|number    wait for the pong, for so many seconds at most; some task must
---  be in `recv` meanwhile.  Raises `timeout`, and what ends the socket.
---@return number? seconds        after which it came, when waited for
function Socket:ping(bytes, wait)
  check.self(self, Socket, "ping")
  check.type(bytes, 1, "ping", "string", true)
  if bytes and #bytes > 125 then check.fail(1, "ping", "more than 125 bytes") end
  if wait and wait ~= true and not (type(wait) == "number" and wait >= 0) then
    check.fail(2, "ping", "a boolean or a number of seconds >= 0 expected")
  end
  if self.failure then error(self.failure, 0) end
  local start <const> = lull.now()
  bytes = bytes or ("%.17g"):format(start)
  self.native:send(bytes, PING)
  if not wait then return nil end
  wait_pong(self, bytes, wait ~= true and wait or nil)
  return lull.now() - start
end

-- ---- closing ----

--- The codes that one may send (RFC 6455, section 7.4).
local function is_code(code)
  if code >= 3000 then return code <= 4999 end
  return code >= 1000 and code <= 1003 or code >= 1007 and code <= 1014
end

--- Send a Close and receive until the peer's comes; nobody else does from now on.
---@async
local function close_with(self, code, reason)
  local ws <const> = self.native
  local failure <const> = closed_failure("this side", code, reason)
  local _ <close> = setmetatable({}, { __close = function()
    ws:close()
    finish(self, ABNORMAL, "", failure)
  end })
  self.failure = failure
  self.ending = lull.future()
  local sent <const> = ws:send_close(code, reason)
  ws:interrupt()
  if sent then
    lull.move_on_after(self.options.close_timeout, function()
      repeat
        local ok <const>, data <const> = pcall(take, self)
      until not ok or not data -- not ok: somebody else has ended it
    end)
  end
  if not self.closed then ws:abort() end
end

--- Close: send a Close, drop the messages that still come until the peer has answered it, and
--- end the connection, after close_timeout in any case.  Then `close_code` is what the peer
--- answered, or 1006.  Idempotent.  Who receives meanwhile gets `closed`.
---@async
---@param code? integer   1000; else 1000 to 1014, as far as they may be sent, or 3000 to 4999
---@param reason? string  up to 123 bytes of UTF-8
function Socket:close(code, reason)
  check.self(self, Socket, "close")
  code = code == nil and 1000 or math.tointeger(code)
  if not code or not is_code(code) then check.fail(1, "close", "no code to close with") end
  check.type(reason, 2, "close", "string", true)
  reason = reason or ""
  if #reason > 123 or not utf8.len(reason) then
    check.fail(2, "close", "up to 123 bytes of UTF-8 expected")
  end
  if self.closed then return end
  if self.ending then return self.ending:await() end
  close_with(self, code, reason)
end

--- The other end.
---@return string? host_or_path
---@return integer? port
function Socket:peer()
  check.self(self, Socket, "peer")
  return self.stream:peer()
end

--- A block that is left by an error closes with 1011, a cancelled one with 1001 and without
--- waiting for the answer.
function Socket:__close(err)
  if self.closed then return end
  if lull.is_error(err, "cancelled") then
    self.native:send_close(1001)
    self.native:close()
    finish(self, ABNORMAL, "", closed_failure("this side", 1001, ""))
  else
    self:close(err ~= nil and 1011 or nil)
  end
end

function Socket:__tostring()
  local host <const>, port <const> = self:peer()
  return ("websocket (%s)"):format(self.closed and "closed" or port and host .. ":" .. port or host)
end

return socket
