--- producer_consumer.lua: a bounded queue between those who make and those who take.
--
--   lull examples/producer_consumer.lua
--
-- The producers are faster than the consumers: when the queue is full `put` waits, so
-- nothing piles up.  The group waits for everybody; if one failed, it would stop the rest.
local lull = require "lull"
local sync = require "lull.sync"

local PRODUCERS <const> = 2
local CONSUMERS <const> = 3
local ITEMS <const> = 10   -- of each producer
local CAPACITY <const> = 4 -- of the queue

--- Put items into the queue; returns how often it was full.
local function produce(name, queue)
  local full = 0
  for i = 1, ITEMS do
    local item <const> = { from = name, number = i }
    if not queue:try_put(item) then
      full = full + 1
      queue:put(item)
    end
  end
  print(name .. " has made everything")
  return full
end

--- Take items until the queue is closed and empty; returns how many.
local function consume(queue, seen)
  local count = 0
  for item in queue:items() do
    lull.sleep(0.01) -- the work
    local key <const> = item.from .. " " .. item.number
    seen[key] = (seen[key] or 0) + 1
    count = count + 1
  end
  return count
end

local function main()
  local queue <const> = sync.queue(CAPACITY)
  local seen <const> = {}

  lull.group(function(group)
    local consumers <const>, producers <const> = {}, {}
    for i = 1, CONSUMERS do
      consumers[i] = group:spawn(consume, queue, seen)
    end
    for i = 1, PRODUCERS do
      producers[i] = group:spawn(produce, "producer " .. i, queue)
    end

    local waits = 0
    for _, full in ipairs(lull.gather(producers)) do waits = waits + full end
    queue:close() -- no more puts; what is inside may still be taken

    local counts <const> = lull.gather(consumers)
    print(("the consumers took %s items"):format(table.concat(counts, " + ")))
    print("a producer found the queue full: " .. (waits > 0 and "yes" or "no"))
  end)

  local total = 0
  for _, times in pairs(seen) do
    assert(times == 1, "an item was taken twice")
    total = total + 1
  end
  print(("%d of %d items arrived, each once"):format(total, PRODUCERS * ITEMS))
end

lull.run(main)
