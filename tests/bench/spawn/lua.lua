--- A coroutine per task, resumed in turn until all have ended.
local ops <const> = math.tointeger(arg[2])
local WIDTH <const> = 100

local create <const>, resume <const>, status <const> =
  coroutine.create, coroutine.resume, coroutine.status

local function child()
  return 1
end

local function gather(list)
  local results, left = {}, #list
  while left > 0 do
    for i = 1, #list do
      local co <const> = list[i]
      if status(co) == "suspended" then
        local ok, value = resume(co)
        if not ok then
          error(value)
        end
        if status(co) == "dead" then
          results[i], left = value, left - 1
        end
      end
    end
  end
  return results
end

local function round()
  local list = {}
  for i = 1, WIDTH do
    list[i] = create(child)
  end
  return gather(list)
end

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
