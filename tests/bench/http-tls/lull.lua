--- HTTPS server that says hello.
local http = require "lull.http"

local dir <const> = arg[1]
local tls <const> = { cert = dir .. "/cert.pem", key = dir .. "/key.pem" }
local server <const> = http.serve({ host = "127.0.0.1", port = 0, tls = tls }, function()
  return "hello"
end)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
