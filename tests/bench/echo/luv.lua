--- Echo server on luv's callbacks.
local uv = require "luv"

local server <const> = uv.new_tcp()
server:bind("127.0.0.1", 0)
server:listen(1024, function(failure)
  assert(not failure, failure)
  local client <const> = uv.new_tcp()
  server:accept(client)
  client:nodelay(true)
  client:read_start(function(broken, data)
    if data then
      client:write(data)
    else
      client:close()
    end
    assert(not broken, broken)
  end)
end)
print("port=" .. server:getsockname().port)
io.stdout:flush()
uv.run()
