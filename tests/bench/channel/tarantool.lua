-- Ping-pong between two fibers over two unbuffered channels: OPS round trips.
local fiber = require("fiber")

local ops = tonumber(arg[1])

local function measure(trips)
  local there, back = fiber.channel(0), fiber.channel(0)
  fiber.create(function()
    for _ = 1, trips do
      back:put(there:get())
    end
  end)
  local start = os.clock()
  for i = 1, trips do
    there:put(i)
    assert(back:get() == i)
  end
  return (os.clock() - start) / trips
end

measure(math.floor(ops / 10))
print(("ns=%.2f"):format(measure(ops) * 1e9))
os.exit(0)
