--- lull.websocket: WebSocket connections (RFC 6455), compressed where both sides want (RFC 7692).
local check = require "lull.check"
local handshake = require "lull.websocket.handshake"
local lull = require "lull"
local net = require "lull.net"
local options = require "lull.websocket.options"
local socket = require "lull.websocket.socket"

local websocket = {}

local OP <const> = "websocket.connect"
local MAX_HEAD <const> = 64 * 1024 -- bytes of the response's head
local MAX_BODY <const> = 4096      -- bytes of a refusal's body that its error has
local BODY_SECONDS <const> = 1     -- in which they must come

---@class lull.websocket.Compression
---@field level? integer          1 (fast) to 9 (small); 6
---@field threshold? integer      shorter messages are sent as they are; 1024 bytes
---@field memory_level? integer   1 to 9; 8: with the window of 15 bits 256 KiB for sending
---@field server_max_window_bits? integer  9 to 15; 15
---@field client_max_window_bits? integer  9 to 15; 15
---@field server_no_context_takeover? boolean  compress each message for itself, and keep no
---  memory for that in between
---@field client_no_context_takeover? boolean

---@class lull.websocket.SocketOptions
---@field protocols? string[]       subprotocols, the favourite first
---@field compress? boolean|lull.websocket.Compression
---@field max_message? integer      bytes, inflated; 16 MiB
---@field max_frame? integer        bytes, as they come; max_message
---@field ping_interval? number|false  seconds of silence after which `recv` sends a ping; 30
---@field ping_timeout? number|false   seconds of silence after it, until the peer is gone; 20
---@field close_timeout? number|false  seconds that closing may take; 10

---@class lull.websocket.ConnectOptions: lull.websocket.SocketOptions
---@field headers? table<string, string|string[]>
---@field origin? string
---@field timeout? number|false  seconds for everything until the socket is open; 10
---@field tls? any               for wss, as in net.connect

local function http_error(message, response, body)
  return lull.new_error("http", message, {
    op = OP,
    status = response and response.status,
    headers = response and response.headers,
    body = body,
  })
end

--- The first bytes of a refusal's body.
---@async
local function read_body(stream, response)
  local length <const> = tonumber(response.headers["content-length"]) or MAX_BODY
  local wanted <const> = math.min(length, MAX_BODY)
  local parts <const> = {}
  local size = 0
  lull.move_on_after(BODY_SECONDS, pcall, function()
    while size < wanted do
      local part <const> = stream:read_some(wanted - size)
      if not part then break end
      parts[#parts + 1] = part
      size = size + #part
    end
  end)
  return table.concat(parts)
end

--- The head of the answer; what a server says before it, as 103, is passed over.
---@async
local function read_response(stream)
  local room = MAX_HEAD
  while true do
    local head <const> = stream:read_until("\r\n\r\n", room)
    if not head then error(lull.new_error("eof", "the server has not answered", { op = OP }), 0) end
    local response <const> = handshake.parse_response(head)
    if not response then error(http_error "the answer is no HTTP response", 0) end
    if response.status >= 200 or response.status == 101 then return response end
    room = math.max(room - #head, 1)
  end
end

---@async
local function open(url, settings)
  local tls <const> = url.secure and (settings.tls or true) or nil
  local stream <const> = net.connect(url.host, url.port, { tls = tls })
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then stream:abort() end
  end })
  local request <const>, key <const> = handshake.request(url, settings)
  stream:write(request)
  local response <const> = read_response(stream)
  if response.status ~= 101 then
    local text <const> = ("the server refuses: %d %s"):format(response.status, response.reason)
    error(http_error(text, response, read_body(stream, response)), 0)
  end
  local chosen <const>, wrong <const> = handshake.judge(response, key, settings)
  if not chosen then error(http_error("the server answers with " .. wrong, response), 0) end
  return socket.new(stream, settings, chosen)
end

--- Connect.  Redirects are not followed.  Messages are compressed if the server is willing,
--- unless opts.compress is false.
---@async
---@param url string  ws://host:port/path?query, or wss:// for TLS
---@param opts? lull.websocket.ConnectOptions
---@return lull.websocket.Socket   raises kinds dns, io, tls, timeout, eof, limit, and http, with
---  `status` and the first bytes of the `body`, when the server refuses or answers wrongly
function websocket.connect(url, opts)
  check.type(url, 1, "connect", "string")
  local target <const>, wrong <const> = handshake.parse_url(url)
  if not target then check.fail(1, "connect", wrong) end
  local settings <const> = options.client(opts, 2, "connect")
  return lull.timeout(settings.timeout, open, target, settings)
end

return websocket
