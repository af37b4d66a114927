---@meta lull.websocket
--
-- Definitions for editors: WebSocket connections, for clients and servers.
--
-- Connecting needs permission as in lull.net.

---@class lull.websocket
local websocket = {}

---@class lull.websocket.Compression
---@field level? integer          1 (fast) to 9 (small); 6
---@field threshold? integer      bytes: shorter messages are sent as they are; 1024
---@field memory_level? integer   1 to 9; 8
---@field server_max_window_bits? integer  9 to 15; 15
---@field client_max_window_bits? integer  9 to 15; 15
---@field server_no_context_takeover? boolean  compress each message of the server for itself
---@field client_no_context_takeover? boolean  the same of the client

---@class lull.websocket.SocketOptions
---@field protocols? string[]          subprotocols, the favourite first
---@field compress? boolean|lull.websocket.Compression  if the other side wants it, too
---@field max_message? integer         bytes, inflated; 16 MiB
---@field max_frame? integer           bytes, as they come; max_message
---@field ping_interval? number|false  seconds of silence after which `recv` sends a ping; 30
---@field ping_timeout? number|false   seconds of silence after that: the peer is gone; 20
---@field close_timeout? number|false  seconds that closing may take; 10

---@class lull.websocket.ConnectOptions: lull.websocket.SocketOptions
---@field headers? table<string, string|string[]>
---@field origin? string
---@field timeout? number|false  seconds until the socket is open; 10
---@field tls? any  for wss, as in net.connect

--- Connect, over TLS for wss.  Compresses unless `compress` is false; follows no redirects.
--- Raises `dns`, `io`, `tls`, `timeout`, `eof`, `limit`; `http` when the server refuses or answers
--- wrongly, with `status`, `headers` and the beginning of the `body`.
---@async
---@param url string  ws://host:port/path?query or wss://...
---@param opts? lull.websocket.ConnectOptions
---@return lull.websocket.Socket
function websocket.connect(url, opts) end

-- Socket ----------------------------------------------------------------------------------

--- A WebSocket connection; also a to-be-closed value.
---
--- One task receives at a time, a second gets `busy`; any number may send.  Pings are answered,
--- and silent peers noticed, while a task is in `recv`.
---@class lull.websocket.Socket
---@field protocol? string      the subprotocol that both sides agreed on
---@field closed boolean        it is over; then:
---@field close_code? integer   1005 when the Close had none, 1006 when there was no Close
---@field close_reason? string
local Socket = {}

---@alias lull.websocket.Kind
---| "text"    # UTF-8
---| "binary"

--- Receive the next message.  Raises `closed` with `code` and `reason` when a side has closed;
--- `eof` when the connection ended without that; `io` when it broke, or with code "EPROTO" when
--- the peer broke the rules; `limit` for a message that is too long; `timeout` when the peer is
--- silent.
---@async
---@return string message
---@return lull.websocket.Kind kind
function Socket:recv() end

--- Iterate over the messages until a side closes.  Calling the iterator suspends, and raises as
--- `recv` does, but for `closed`.
---@return async fun(): string?, lull.websocket.Kind?
function Socket:messages() end

--- Send a message of text.  Waits while much is unsent.  Raises `closed`, `io`.
---@async
---@param text string  UTF-8
---@return lull.websocket.Socket self
function Socket:send(text) end

--- Send a message of any bytes.  Waits while much is unsent.  Raises `closed`, `io`.
---@async
---@param bytes string
---@return lull.websocket.Socket self
function Socket:send_binary(bytes) end

--- Ping the peer, and perhaps wait for the pong: some task must be in `recv` meanwhile.  Raises
--- `timeout`, and what ends the socket.
---@async
---@param bytes? string         up to 125
---@param wait? boolean|number  true, or for how many seconds at most
---@return number? seconds # that it took, when waited for
function Socket:ping(bytes, wait) end

--- Close: send a Close, drop what still comes, and end the connection when the peer has answered,
--- or after close_timeout.  Who receives meanwhile gets `closed`.
---@async
---@param code? integer   1000
---@param reason? string  up to 123 bytes of UTF-8
function Socket:close(code, reason) end

--- The other end.
---@return string? host_or_path
---@return integer? port
function Socket:peer() end

return websocket
