--- The scheduler everybody writes in plain Lua: a ring of coroutines.
local tasks <const>, ops <const> = math.tointeger(arg[1]), math.tointeger(arg[2])

local resume <const>, yield <const> = coroutine.resume, coroutine.yield

local function task(turns)
  for _ = 1, turns do
    yield(true)
  end
end

local function run(ready)
  local first, last = 1, #ready
  while first <= last do
    local co = ready[first]
    ready[first] = nil
    first = first + 1
    local ok, more = resume(co)
    if not ok then
      error(more)
    elseif more then
      last = last + 1
      ready[last] = co
    end
  end
end

local function measure(total)
  local turns <const> = total // tasks
  local start <const> = os.clock()
  local ready = {}
  for i = 1, tasks do
    ready[i] = coroutine.create(function() task(turns) end)
  end
  run(ready)
  return (os.clock() - start) / (turns * tasks)
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
