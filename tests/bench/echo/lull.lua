--- Echo server: what arrives goes back.
local net = require "lull.net"

local server <const> = net.serve({ host = "127.0.0.1", port = 0 }, function(stream)
  local data = stream:read_some()
  while data do
    stream:write(data)
    data = stream:read_some()
  end
end)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
