--- support_ws.lua: what the specs of lull.websocket share.
---
--- A server that upgrades, sockets in pairs over loopback, and a raw peer: frames made and read
--- by hand, so that it can do what no proper peer does.

local accept = require "lull.websocket.accept"
local lull = require "lull"
local net = require "lull.net"
local websocket = require "lull.websocket"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_http.lua") })

-- ---- a server ----

--- Read a request's head: method, target, headers.
function support.read_head(stream)
  local head = assert(stream:read_until("\r\n\r\n", 65536), "no request")
  local method, target = head:match "^(%S+) (%S+) HTTP/1%.1\r\n"
  local headers = {}
  for name, value in head:gmatch "\r\n([^:\r\n]+):[ \t]*([^\r\n]*)" do
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return method, target, headers
end

--- Upgrade a stream that was accepted; nil when the request was refused.
function support.upgrade(stream, opts)
  local method, target, headers = support.read_head(stream)
  local sock, status, message, fields = accept(stream, method, headers, opts)
  if sock then return sock, target, headers end
  local lines = { ("HTTP/1.1 %d %s"):format(status, message) }
  for _, field in ipairs(fields) do lines[#lines + 1] = field[1] .. ": " .. field[2] end
  lines[#lines + 1] = "Content-Length: " .. #message
  stream:write(table.concat(lines, "\r\n") .. "\r\n\r\n" .. message)
end

--- A server whose handler gets sockets.
function support.serve(opts, handler)
  local server = net.serve({}, function(stream)
    local sock, target, headers = support.upgrade(stream, opts)
    if not sock then return end
    local _ <close> = sock
    handler(sock, target, headers)
  end)
  server.url = ("ws://127.0.0.1:%d/"):format(server.port)
  return server
end

--- Send every message back.
function support.echo(sock)
  for message, kind in sock:messages() do
    if kind == "text" then sock:send(message) else sock:send_binary(message) end
  end
end

--- A client's and a server's socket, connected, and a value that ends both.
function support.sockets(client_opts, server_opts)
  local accepted, over = lull.future(), lull.future()
  local server = support.serve(server_opts, function(sock)
    accepted:set(sock)
    over:await()
  end)
  local client = websocket.connect(server.url, client_opts)
  local other = accepted:await()
  return client, other, setmetatable({}, { __close = function()
    for _, one in ipairs { client, other } do
      one.native:abort()
    end
    over:try_set()
    server:close()
  end })
end

-- ---- raw peers ----

--- Bytes of a frame.  fields: opcode, payload, fin = true, rsv = 0, mask (4 bytes, or true for
--- any), length (declared; that of the payload), size (of the length field: 0, 2 or 8).
function support.frame(fields)
  local payload = fields.payload or ""
  local length = fields.length or #payload
  local size = fields.size or (length < 126 and 0 or length < 65536 and 2 or 8)
  local first = (fields.fin == false and 0 or 0x80) | (fields.rsv or 0) << 4 | fields.opcode
  local bit = fields.mask and 0x80 or 0
  local head
  if size == 0 then
    head = string.pack("BB", first, bit | length)
  elseif size == 2 then
    head = string.pack(">BBI2", first, bit | 126, length)
  else
    head = string.pack(">BBI8", first, bit | 127, length)
  end
  if not fields.mask then return head .. payload end
  local mask = fields.mask == true and "\1\2\3\4" or fields.mask
  return head .. mask .. support.masked(payload, mask)
end

function support.masked(payload, mask)
  local key = { mask:byte(1, 4) }
  local out = {}
  for i = 1, #payload do out[i] = string.char(payload:byte(i) ~ key[(i - 1) % 4 + 1]) end
  return table.concat(out)
end

--- Read a frame: a table of what support.frame takes; nil at the end.
function support.read_frame(stream)
  local head = stream:read_exact(2)
  if not head then return nil end
  local first, second = head:byte(1, 2)
  local length = second & 0x7f
  if length == 126 then
    length = string.unpack(">I2", stream:read_exact(2))
  elseif length == 127 then
    length = string.unpack(">I8", stream:read_exact(8))
  end
  local mask = second & 0x80 ~= 0 and stream:read_exact(4)
  local payload = length > 0 and stream:read_exact(length) or ""
  return {
    opcode = first & 0xf,
    fin = first & 0x80 ~= 0,
    rsv = first >> 4 & 7,
    mask = mask,
    payload = mask and support.masked(payload, mask) or payload,
  }
end

--- A socket of the role "client" or "server", and the raw stream at its other end; no handshake.
function support.raw(role, opts)
  local near, far = net.pair()
  local complete = require "lull.websocket.options"
  local settings = complete[role](opts or {}, 1, "raw")
  local chosen = { protocol = nil, deflate = opts and opts.compress and {
    send_bits = 15, receive_bits = 15, send_reset = false, receive_reset = false,
    level = 6, memory_level = 8, threshold = settings.compress.threshold,
  } or nil }
  local sock = require "lull.websocket.socket".new(near, settings, chosen)
  return sock, far, setmetatable({}, { __close = function()
    sock.native:abort()
    far:abort()
  end })
end

--- The names of opcodes in what support.converse returns.
local NAMES = {
  [0] = "continuation", [1] = "text", [2] = "binary", [8] = "close", [9] = "ping", [10] = "pong",
}

local function describe(frame)
  local payload = frame.payload
  if frame.opcode == 8 then
    payload = #payload >= 2 and tostring((string.unpack(">I2", payload))) or ""
  end
  return NAMES[frame.opcode] .. ":" .. payload
end

--- Read what a socket sends up to its Close, or the end: "text:hello", "close:1000".
function support.answers(far)
  local list = {}
  for frame in support.read_frame, far do
    list[#list + 1] = describe(frame)
    if frame.opcode == 8 then break end
  end
  return list
end

--- Send these bytes to a socket of this role that echoes, whole or octet by octet, and return what
--- it answers, and the error that the socket's receiver got.  Frames are tables for support.frame,
--- or have `bytes`.
function support.converse(role, frames, opts, octets)
  local sock, far, _ <close> = support.raw(role, opts)
  local parts = {}
  for i, fields in ipairs(frames) do
    if fields.mask == nil then fields.mask = role == "server" end
    parts[i] = fields.bytes or support.frame(fields)
  end
  local bytes = table.concat(parts)
  local echo = support.go(function() return select(2, pcall(support.echo, sock)) end)
  local sender = support.go(pcall, function()
    if not octets then return far:write(bytes) end
    for i = 1, #bytes do
      far:write(bytes:sub(i, i))
      lull.yield()
    end
  end)
  local answers = support.answers(far)
  far:close()
  sender:join()
  return answers, echo:await(), sock
end

--- Check one case in both roles, whole and octet by octet.
function support.check_case(frames, expected, opts)
  for _, role in ipairs { "server", "client" } do
    for _, octets in ipairs { false, true } do
      local mine = {}
      for i, fields in ipairs(frames) do
        mine[i] = {}
        for key, value in pairs(fields) do mine[i][key] = value end
      end
      local answers = support.converse(role, mine, opts, octets)
      local got, wanted = table.concat(answers, " "), table.concat(expected, " ")
      if got ~= wanted then
        error(("as a %s%s: expected %q, got %q"):format(role, octets and ", octet by octet" or "",
          wanted, got), 2)
      end
    end
  end
end

--- Frames of a case in short: f.text("hello", { fin = false }).
local function maker(opcode)
  return function(payload, more)
    local fields = { opcode = opcode, payload = payload }
    for key, value in pairs(more or {}) do fields[key] = value end
    return fields
  end
end

support.f = {
  continuation = maker(0), text = maker(1), binary = maker(2), ping = maker(9), pong = maker(10),
  close = function(code, reason)
    return { opcode = 8, payload = code and string.pack(">I2", code) .. (reason or "") or "" }
  end,
}

return support
