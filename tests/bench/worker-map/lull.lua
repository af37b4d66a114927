--- Sums of squares, OPS in all, wall time per sum.  FORM is "plain" (one after the other, no
--- threads) or "map" (pool:map on all processors).
local lull = require "lull"
local worker = require "lull.worker"

local form <const>, ops <const> = arg[1], math.tointeger(arg[2])
local BELOW <const> = 20000

local function sum_of_squares(n)
  local sum = 0
  for i = 0, n - 1 do
    sum = sum + i * i
  end
  return sum
end

local function plain(list)
  local results <const> = {}
  for i = 1, #list do results[i] = sum_of_squares(list[i]) end
  return results
end

local pool <close> = worker.pool()

local function map(list)
  return pool:map(sum_of_squares, list)
end

local run <const> = form == "plain" and plain or map

local function measure(total)
  local list <const> = {}
  for i = 1, total do list[i] = BELOW + i % 100 end
  local start <const> = lull.now()
  assert(#run(list) == total)
  return (lull.now() - start) / total
end

measure(ops // 10 + 1)
print(("ns=%.2f"):format(measure(ops) * 1e9))
