--- HTTP server of the files of a folder.
local http = require "lull.http"

local app <const> = http.router()
app:static("/", arg[1] .. "/www")

local server <const> = http.serve({ host = "127.0.0.1", port = 0 }, app)
print("port=" .. server.port)
io.stdout:flush()
server:wait()
