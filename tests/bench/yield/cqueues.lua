--- cqueues.sleep(0), its way of letting others run.
local cqueues = require "cqueues"

local tasks <const>, ops <const> = math.tointeger(arg[1]), math.tointeger(arg[2])

local function task(turns)
  for _ = 1, turns do
    cqueues.sleep(0)
  end
end

local function measure(total)
  local turns <const> = total // tasks
  local start <const> = os.clock()
  local loop <const> = cqueues.new()
  for _ = 1, tasks do
    loop:wrap(task, turns)
  end
  assert(loop:loop())
  return (os.clock() - start) / (turns * tasks)
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
