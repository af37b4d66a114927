--- gather of 100 trivial tasks, again and again: OPS tasks in all.
--- FORM is "tasks" (gather of spawned tasks) or "functions" (gather starts them).
local lull = require "lull"

local form <const>, ops <const> = arg[1], math.tointeger(arg[2])
local WIDTH <const> = 100

local function child()
  return 1
end

local function spawned()
  local list = {}
  for i = 1, WIDTH do
    list[i] = lull.spawn(child)
  end
  return lull.gather(list)
end

local function functions()
  local list = {}
  for i = 1, WIDTH do
    list[i] = child
  end
  return lull.gather(list)
end

local round <const> = form == "functions" and functions or spawned

local function measure(total)
  local rounds <const> = total // WIDTH
  local start <const> = os.clock()
  for _ = 1, rounds do
    assert(#round() == WIDTH)
  end
  return (os.clock() - start) / (rounds * WIDTH)
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
