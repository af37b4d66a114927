--- Rendezvous channels on a plain Lua scheduler: both written out here.
local ops <const> = math.tointeger(arg[1])

local running <const>, yield <const>, resume <const> =
  coroutine.running, coroutine.yield, coroutine.resume

local ready = { first = 1, last = 0 }

local function wake(co, value)
  local last <const> = ready.last + 2
  ready[last - 1], ready[last], ready.last = co, value or false, last
end

local function run()
  while ready.first <= ready.last do
    local first <const> = ready.first
    local co <const>, value <const> = ready[first], ready[first + 1]
    ready[first], ready[first + 1], ready.first = nil, nil, first + 2
    assert(resume(co, value))
  end
end

local Channel = {}
Channel.__index = Channel

local function channel()
  return setmetatable({}, Channel)
end

function Channel:send(value)
  local receiver <const> = self.receiver
  if receiver then
    self.receiver = nil
    wake(receiver, value)
  else
    self.sender, self.value = running(), value
    yield()
  end
end

function Channel:recv()
  local sender <const> = self.sender
  if sender then
    self.sender = nil
    wake(sender)
    return self.value
  end
  self.receiver = running()
  return yield()
end

local function measure(trips)
  local there <const>, back <const> = channel(), channel()
  local start <const> = os.clock()
  wake(coroutine.create(function()
    for i = 1, trips do
      there:send(i)
      assert(back:recv() == i)
    end
  end))
  wake(coroutine.create(function()
    for _ = 1, trips do
      back:send(there:recv())
    end
  end))
  run()
  return (os.clock() - start) / trips
end

measure(ops // 10)
print(("ns=%.2f"):format(measure(ops) * 1e9))
