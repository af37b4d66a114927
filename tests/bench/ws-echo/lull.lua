--- WebSocket echo server: what arrives goes back, text as text.
local http = require "lull.http"

local server <const> = http.serve({ host = "127.0.0.1", port = 0 }, function(req)
  local socket <close> = req:websocket()
  for message, kind in socket:messages() do
    if kind == "binary" then
      socket:send_binary(message)
    else
      socket:send(message)
    end
  end
end)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
