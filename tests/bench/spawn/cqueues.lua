--- A cqueues promise per task, then its value.
local cqueues = require "cqueues"
local promise = require "cqueues.promise"

local ops <const> = math.tointeger(arg[2])
local WIDTH <const> = 100

local function child()
  return 1
end

local function round()
  local list, results = {}, {}
  for i = 1, WIDTH do
    list[i] = promise.new(child)
  end
  for i = 1, WIDTH do
    results[i] = list[i]:get()
  end
  return results
end

local function measure(total)
  local rounds <const> = total // WIDTH
  local start <const> = os.clock()
  for _ = 1, rounds do
    assert(#round() == WIDTH)
  end
  return (os.clock() - start) / (rounds * WIDTH)
end

local loop <const> = cqueues.new()
loop:wrap(function()
  measure(ops // 10)
  print(("ns=%.2f"):format(measure(ops) * 1e9))
end)
assert(loop:loop())
