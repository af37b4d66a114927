--- For each number of a list the sum of the squares below it: by one worker, then by one for each
--- processor.  Usage: lull examples/sum_of_squares.lua [COUNT [LARGEST]]
local lull = require "lull"
local worker = require "lull.worker"

local count <const> = math.tointeger(arg[1]) or 64
local largest <const> = math.tointeger(arg[2]) or 500000

local function sum_of_squares(n)
  local sum = 0
  for i = 0, n - 1 do
    sum = sum + i * i
  end
  return sum
end

--- Numbers that are not all alike, so that some take longer than others.
local function numbers()
  local list <const> = {}
  for i = 1, count do list[i] = largest // 2 + i * 7919 % (largest // 2 + 1) end
  return list
end

--- One number that stands for all of the results, and their order.
local function checksum(results)
  local sum = 0
  for _, result in ipairs(results) do sum = (sum * 31 + result) % 1000000007 end
  return sum
end

--- Compute the list on so many workers; the results' checksum and how long it took.
local function measure(list, workers)
  local pool <close> = worker.pool(workers)
  pool:map(sum_of_squares, { 1, 2, 3, 4 }, { chunk = 1 }) -- start the threads
  local began <const> = lull.now()
  local results <const> = pool:map(sum_of_squares, list)
  return checksum(results), lull.now() - began, pool.n
end

local list <const> = numbers()
local alone <const>, slow <const> = measure(list, 1)
local together <const>, fast <const>, workers <const> = measure(list)
assert(alone == together, "the results differ")
print(("%d sums, checksum %d"):format(#list, together))
print(("1 worker: %.2f s, %d workers: %.2f s: %.2f times as fast"):format(
  slow, workers, fast, slow / fast))
