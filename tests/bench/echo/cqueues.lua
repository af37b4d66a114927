--- Echo server: a coroutine per connection; buffers that hold a whole message.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local CHUNK <const> = 64 * 1024

local function serve(client)
  client:setmode("b", "bn")
  client:setbufsiz(CHUNK, CHUNK)
  local data = client:read(-CHUNK)
  while data do
    client:write(data)
    data = client:read(-CHUNK)
  end
  client:close()
end

local listener <const> = assert(socket.listen { host = "127.0.0.1", port = 0, nodelay = true })
assert(listener:listen())
local _, _, port <const> = listener:localname()
print("port=" .. port)
io.stdout:flush()

local loop <const> = cqueues.new()
loop:wrap(function()
  for client in listener:clients() do
    loop:wrap(serve, client)
  end
end)
assert(loop:loop())
