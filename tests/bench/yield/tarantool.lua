-- fiber.yield in tarantool (LuaJIT, fibers with C stacks).
local fiber = require("fiber")

local tasks, ops = tonumber(arg[1]), tonumber(arg[2])

local function task(turns)
  for _ = 1, turns do
    fiber.yield()
  end
end

local function measure(total)
  local turns = math.floor(total / tasks)
  local start = os.clock()
  local fibers = {}
  for i = 1, tasks do
    fibers[i] = fiber.new(task, turns)
    fibers[i]:set_joinable(true)
  end
  for i = 1, tasks do
    fibers[i]:join()
  end
  return (os.clock() - start) / (turns * tasks)
end

measure(ops / 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
os.exit(0)
