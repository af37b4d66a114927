--- Ping-pong between two tasks over two rendezvous channels: OPS round trips.
local lull = require "lull"
local sync = require "lull.sync"

local ops <const> = math.tointeger(arg[1])

local function echo(there, back)
  for value in there:items() do
    back:send(value)
  end
end

local function measure(trips)
  local there <const>, back <const> = sync.channel(), sync.channel()
  lull.spawn(echo, there, back)
  local start <const> = os.clock()
  for i = 1, trips do
    there:send(i)
    assert(back:recv() == i)
  end
  local spent <const> = os.clock() - start
  there:close()
  return spent / trips
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
