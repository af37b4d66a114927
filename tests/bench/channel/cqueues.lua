--- A slot for one value guarded by two conditions: cqueues has no channel.
local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local ops <const> = math.tointeger(arg[1])

local Slot = {}
Slot.__index = Slot

local function slot()
  return setmetatable({ filled = condition.new(), emptied = condition.new() }, Slot)
end

function Slot:put(value)
  while self.value ~= nil do
    self.emptied:wait()
  end
  self.value = value
  self.filled:signal(1)
end

function Slot:get()
  while self.value == nil do
    self.filled:wait()
  end
  local value <const> = self.value
  self.value = nil
  self.emptied:signal(1)
  return value
end

local function measure(trips)
  local there <const>, back <const> = slot(), slot()
  local start <const> = os.clock()
  local loop <const> = cqueues.new()
  loop:wrap(function()
    for i = 1, trips do
      there:put(i)
      assert(back:get() == i)
    end
  end)
  loop:wrap(function()
    for _ = 1, trips do
      back:put(there:get())
    end
  end)
  assert(loop:loop())
  return (os.clock() - start) / trips
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
