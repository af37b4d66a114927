-- A joinable fiber per task, then its result.
local fiber = require("fiber")

local ops = tonumber(arg[2])
local WIDTH = 100

local function child()
  return 1
end

local function round()
  local list, results = {}, {}
  for i = 1, WIDTH do
    list[i] = fiber.new(child)
    list[i]:set_joinable(true)
  end
  for i = 1, WIDTH do
    local _, value = list[i]:join()
    results[i] = value
  end
  return results
end

local function measure(total)
  local rounds = math.floor(total / WIDTH)
  local start = os.clock()
  for _ = 1, rounds do
    assert(#round() == WIDTH)
  end
  return (os.clock() - start) / (rounds * WIDTH)
end

measure(ops / 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
os.exit(0)
