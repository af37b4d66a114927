--- HTTP server that says hello.
local http = require "lull.http"

local server <const> = http.serve({ host = "127.0.0.1", port = 0 }, function()
  return "hello"
end)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
