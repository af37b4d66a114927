--- luv has no tasks: a coroutine waiting for a timer of no delay, reused.
local uv = require "luv"

local tasks <const>, ops <const> = math.tointeger(arg[1]), math.tointeger(arg[2])

local function task(turns)
  local timer <const> = uv.new_timer()
  local co <const> = coroutine.running()
  local function wake() coroutine.resume(co) end
  for _ = 1, turns do
    timer:start(0, 0, wake)
    coroutine.yield()
  end
  timer:close()
end

local function measure(total)
  local turns <const> = total // tasks
  local start <const> = os.clock()
  for _ = 1, tasks do
    assert(coroutine.resume(coroutine.create(task), turns))
  end
  uv.run()
  return (os.clock() - start) / (turns * tasks)
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
