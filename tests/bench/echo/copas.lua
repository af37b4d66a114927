-- Echo server on copas, which is made for Lua 5.1 and select.
local copas = require("copas")
local socket = require("socket")

local CHUNK = 64 * 1024

-- receivePartial keeps no track of what it has given, so it fits an echo.
local function serve(client)
  client:setoption("tcp-nodelay", true)
  while true do
    local data, reason, part = copas.receivePartial(client, CHUNK)
    data = data or part
    if not data or data == "" or reason == "closed" then
      return
    end
    copas.send(client, data)
  end
end

local server = assert(socket.bind("127.0.0.1", 0, 1024))
local _, port = server:getsockname()
print("port=" .. port)
io.stdout:flush()
copas.addserver(server, serve)
copas.loop()
