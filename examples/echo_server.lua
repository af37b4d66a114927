--- echo_server.lua: sends back what it receives, to many clients at once.
--
--   lull examples/echo_server.lua [host [port]]      (127.0.0.1 and 7007; port 0: any)
--
-- Ctrl-C cancels the main task, which cleans up behind itself.
local lull = require "lull"
local net = require "lull.net"

local IDLE <const> = 300 -- seconds without a word after which a client is let go

local clients = 0

--- One connection, in a task of its own.  The server closes the stream at the end.
local function echo(stream)
  local peer <const> = ("%s:%d"):format(stream:peer())
  clients = clients + 1
  print(("%s came; clients: %d"):format(peer, clients))
  local _ <close> = lull.finally(function(err)
    clients = clients - 1
    print(("%s left%s; clients: %d"):format(peer, err and " (" .. err.message .. ")" or "", clients))
  end)

  stream:set_timeout(IDLE)
  repeat
    local data <const> = stream:read_some()
    if data then stream:write(data) end -- waits while the client is slow to read
  until not data
end

local function main(host, port)
  local server <const> = net.serve(
    { host = host or "127.0.0.1", port = port or 7007, max_connections = 1000 }, echo)
  local _ <close> = lull.finally(function()
    server:close() -- stops accepting, ends the connections, waits for them
    print "stopped"
  end)
  print(("listening on %s:%d"):format(server:sockname()))
  server:wait()
end

io.stdout:setvbuf "line" -- seen at once, even through a pipe
lull.run(main, ...)
