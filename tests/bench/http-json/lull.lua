--- JSON that comes back: 25 kinds of things, two routes each.
local http = require "lull.http"

local function list()
  return { json = {} }
end

local function echo(req)
  return { json = req:json() }
end

local app <const> = http.router()
for kind = 0, 24 do
  app:get("/things" .. kind, list)
  app:post("/things" .. kind .. "/:id", echo)
end

local server <const> = http.serve({ host = "127.0.0.1", port = 0 }, app)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
