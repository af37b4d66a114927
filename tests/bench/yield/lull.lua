--- lull.yield with TASKS tasks; OPS switches in all.
local lull = require "lull"

local tasks <const>, ops <const> = math.tointeger(arg[1]), math.tointeger(arg[2])

local yield <const> = lull.yield

local function task(turns)
  for _ = 1, turns do
    yield()
  end
end

local function measure(total)
  local turns <const> = total // tasks
  local start <const> = os.clock()
  lull.group(function(group)
    for _ = 1, tasks do
      group:spawn(task, turns)
    end
  end)
  return (os.clock() - start) / (turns * tasks)
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
