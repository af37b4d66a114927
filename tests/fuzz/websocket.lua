--- WebSocket frames: what comes in pieces is understood as what comes at once, no message is longer
--- than it may be, and text is UTF-8.  The first byte says which side it is and how large pieces are.
local lull <const> = require "lull"
local net <const> = require "lull.net"
local options <const> = require "lull.websocket.options"
local socket <const> = require "lull.websocket.socket"

local MAX <const> = 3000
local DEFLATE <const> = {
  send_bits = 15, receive_bits = 15, send_reset = false, receive_reset = false, level = 1,
  memory_level = 1, threshold = 0,
}

--- What a socket makes of the bytes: its messages, and how it ends.
local function read(bytes, step, side, deflate)
  local near <const>, far <close> = net.pair()
  local settings <const> = options[side]({ max_message = MAX, ping_interval = false }, 1, "fuzz")
  local sock <close> = socket.new(near, settings, { deflate = deflate })
  lull.spawn(pcall, function()
    for i = 1, #bytes, step do
      far:write(bytes:sub(i, i + step - 1))
      lull.yield()
    end
    far:shutdown()
    far:read "a"
  end)
  local seen <const> = {}
  local ok <const>, err <const> = pcall(function()
    for message, kind in sock:messages() do
      assert(#message <= MAX, "a message that is too long")
      assert(kind ~= "text" or utf8.len(message), "text that is no UTF-8")
      seen[#seen + 1] = ("%s %q"):format(kind, message)
    end
  end)
  assert(ok or lull.is_error(err), err)
  assert(sock.closed, "not closed after the end")
  seen[#seen + 1] = ("%d %q"):format(sock.close_code, sock.close_reason)
  return table.concat(seen, "\n")
end

return function(bytes)
  if bytes == "" then return end
  local first <const>, rest <const> = bytes:byte(), bytes:sub(2)
  local side <const> = first % 2 == 0 and "server" or "client"
  local deflate <const> = first // 2 % 2 == 0 and DEFLATE or nil
  local whole <const> = read(rest, #rest + 1, side, deflate)
  local pieces <const> = read(rest, first // 4 + 1, side, deflate)
  assert(whole == pieces, ("in pieces it is something else:\n%s\n--\n%s"):format(whole, pieces))
end
