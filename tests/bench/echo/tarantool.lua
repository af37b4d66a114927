-- Echo server: a fiber per connection.
local socket = require("socket")

local CHUNK = 64 * 1024

local function serve(client)
  client:setsockopt("tcp", "TCP_NODELAY", true)
  while true do
    local data = client:sysread(CHUNK)
    if data == nil then
      client:readable()
    elseif data == "" then
      return
    else
      client:write(data)
    end
  end
end

local server = socket.tcp_server("127.0.0.1", 0, { handler = serve, backlog = 1024 })
print("port=" .. server:name().port)
io.stdout:flush()
