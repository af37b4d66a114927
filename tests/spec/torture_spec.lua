--- torture_spec.lua: random tasks under random cancellation and timeouts.
---
--- Every round builds a small crowd of tasks from a seed, lets them run in virtual time while others
--- cancel them, ends what is left and checks what must hold whatever happened: mutual exclusion, no
--- item lost or doubled, everything joined, finalizers exactly once, no error lost.  A failure names
--- the seed of its round; `play(seed)` repeats that round alone.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"

local ROUNDS <const> = 400
local SEEDS <const> = { 1, 1009, 77777 }

--- A small generator of our own, so that a seed means the same everywhere: random(n) is in 1..n.
local function generator(seed)
  local state = seed * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 11) % n + 1
  end
end

local function check(holds, message, ...)
  if not holds then error(message:format(...), 0) end
end

--- Wait in one of several ways, or not at all.
local function pause(random)
  local way = random(4)
  if way == 1 then
    lull.yield()
  elseif way == 2 then
    lull.sleep(random(20) / 10)
  elseif way == 3 then
    lull.sleep(0)
  end
end

--- Call fn, sometimes under a deadline that may cut it short.
local function hurried(random, fn, ...)
  if random(2) == 1 then return fn(...) end
  lull.move_on_after(random(30) / 10, fn, ...)
end

--- Start n tasks of body(random, i), each with numbers of its own; cancel some; wait for all.
local function crowd(random, n, body)
  local tasks = {}
  for i = 1, n do
    local own = generator(random(1 << 30))
    tasks[i] = lull.async(body)(own, i)
  end
  for _ = 1, random(n) do
    pause(random)
    if random(3) == 1 then tasks[random(n)]:cancel("torture") end
  end
  lull.wait(tasks, { timeout = random(40) / 10 })
  for _, task in ipairs(tasks) do task:cancel("end of the round") end
  for i, task in ipairs(tasks) do
    local status = task:join()
    check(status == "done" or status == "cancelled", "task %d ended %s: %s", i, status,
      status == "failed" and tostring(task:error()) or "")
  end
end

--- One lock and one semaphore, taken in every way.
local function exclusion(random)
  local lock, places = sync.lock(), random(3)
  local sem = sync.semaphore(places, places)
  local in_lock, in_sem = 0, 0

  local function inside_lock(own)
    in_lock = in_lock + 1
    local _ <close> = setmetatable({}, { __close = function() in_lock = in_lock - 1 end })
    check(in_lock == 1, "%d tasks hold the lock", in_lock)
    check(lock:locked(), "a held lock says it is free")
    pause(own)
    check(in_lock == 1, "%d tasks hold the lock", in_lock)
  end

  local function inside_sem(own)
    in_sem = in_sem + 1
    local _ <close> = setmetatable({}, { __close = function() in_sem = in_sem - 1 end })
    check(in_sem <= places, "%d tasks in %d places", in_sem, places)
    pause(own)
  end

  crowd(random, 3 + random(5), function(own)
    for _ = 1, 1 + own(4) do
      local way = own(5)
      if way == 1 then
        hurried(own, lock.with, lock, inside_lock, own)
      elseif way == 2 then
        hurried(own, function()
          local _ <close> = lock:hold()
          inside_lock(own)
        end)
      elseif way == 3 then
        hurried(own, function()
          lock:acquire()
          local _ <close> = lull.finally(function() lock:release() end)
          inside_lock(own)
        end)
      elseif way == 4 then
        hurried(own, sem.with, sem, inside_sem, own)
      elseif sem:try_acquire() then
        local _ <close> = lull.finally(function() sem:release() end)
        inside_sem(own)
      end
      pause(own)
    end
  end)

  check(in_lock == 0 and in_sem == 0, "%d and %d tasks are still inside", in_lock, in_sem)
  check(not lock:locked(), "the lock was never released")
  check(sem:value() == places, "the semaphore has %d of %d places", sem:value(), places)
  lock:with(function() end)
end

--- The books of a round: what was offered, what was surely sent, what came out.
local function ledger()
  local next_item, sent, got = 0, {}, {}
  local books = {}
  function books.offer()
    next_item = next_item + 1
    return next_item
  end
  function books.sent(item) sent[item] = true end
  function books.got(item)
    check(item ~= nil and item ~= false, "received %s", tostring(item))
    check(not got[item], "item %s came out twice", item)
    got[item] = true
  end
  function books.balance()
    for item = 1, next_item do
      check(not sent[item] or got[item], "item %d was sent and is lost", item)
      check(sent[item] or not got[item], "item %d was not sent but came out", item)
    end
  end
  return books
end

--- Channels of several capacities with plain sends, receives and selects on them.
local function channels(random)
  local books, list = ledger(), {}
  for i = 1, 3 do list[i] = sync.channel(random(3) - 1) end

  local function send(ch)
    local item = books.offer()
    ch:send(item)
    books.sent(item)
  end

  local function try_send(ch)
    local item = books.offer()
    if ch:try_send(item) then books.sent(item) end
  end

  local function select_one(own)
    local alternatives, items = { timeout = own(3) == 1 and own(20) / 10 or nil }, {}
    for i = 1, own(3) do
      if own(2) == 1 then
        alternatives[i] = { list[own(3)], "recv" }
      else
        items[i] = books.offer()
        alternatives[i] = { list[own(3)], "send", items[i] }
      end
    end
    local index, value = lull.select(alternatives)
    if index and items[index] then
      books.sent(items[index])
    elseif index then
      books.got(value)
    end
  end

  crowd(random, 4 + random(6), function(own)
    for _ = 1, 1 + own(5) do
      local ch, way = list[own(3)], own(6)
      if way <= 2 then
        hurried(own, send, ch)
      elseif way <= 4 then
        hurried(own, function() books.got(ch:recv()) end)
      elseif way == 5 then
        hurried(own, select_one, own)
      else
        try_send(ch)
        local item = ch:try_recv()
        if item then books.got(item) end
      end
      if own(3) == 1 then pause(own) end
    end
  end)

  for _, ch in ipairs(list) do
    for item in ch.try_recv, ch do books.got(item) end
  end
  books.balance()
end

--- A queue of random size and order, producers, consumers and a close in the middle of it.
local function queues(random)
  local books, orders = ledger(), { "fifo", "lifo", "priority" }
  local queue = sync.queue(random(2) == 1 and random(3) or nil, orders[random(3)])

  local function put()
    local item = books.offer()
    queue:put(item)
    books.sent(item)
  end

  --- Call fn; a queue closed meanwhile is no failure.
  local function unless_closed(fn)
    local ok, e = pcall(fn)
    if not ok and not lull.is_error(e, "closed") then error(e, 0) end
  end

  crowd(random, 4 + random(5), function(own, i)
    for _ = 1, 1 + own(6) do
      if i == 1 and own(12) == 1 then
        queue:close()
      elseif i % 2 == 0 then
        unless_closed(function() hurried(own, put) end)
      else
        unless_closed(function() hurried(own, function() books.got(queue:get()) end) end)
      end
      if own(3) == 1 then pause(own) end
    end
  end)

  queue:close()
  for item in queue:items() do books.got(item) end
  check(queue:empty() and queue:size() == 0, "a drained queue is not empty")
  check(not pcall(queue.put, queue, 0), "a closed queue took an item")
  books.balance()
end

--- Conditions, events and barriers: everyone who should be woken is, and nobody keeps the lock.
local function wakeups(random)
  local lock = sync.lock()
  local cond, tokens, taken, given = sync.condition(lock), 0, 0, 0
  local event, barrier = sync.event(), sync.barrier(2)

  crowd(random, 4 + random(5), function(own, i)
    for _ = 1, 1 + own(4) do
      local way = own(6)
      if way <= 2 then
        hurried(own, cond.with, cond, function()
          cond:wait_for(function() return tokens > 0 end)
          tokens, taken = tokens - 1, taken + 1
        end)
      elseif way <= 4 then
        hurried(own, cond.with, cond, function()
          tokens, given = tokens + 1, given + 1
          if own(4) == 1 then cond:notify_all() else cond:notify() end
          pause(own)
        end)
      elseif way == 5 then
        hurried(own, event.wait, event)
        event:clear()
      elseif i % 2 == 0 then
        event:set()
      else
        hurried(own, function()
          local place = barrier:wait()
          check(place == 1 or place == 2, "place %s of 2", tostring(place))
        end)
      end
      pause(own)
    end
  end)

  check(not lock:locked(), "the lock of the condition was never released")
  check(tokens == given - taken, "%d tokens left of %d given, %d taken", tokens, given, taken)
end

--- One notification per token: whoever is cancelled, nobody sleeps while a token is there.
local function notifications(random)
  local cond, tokens, sleeping, tasks = sync.condition(), 0, 0, {}
  for i = 1, 3 + random(4) do
    local own = generator(random(1 << 30))
    tasks[i] = lull.async(function()
      pause(own)
      hurried(own, cond.with, cond, function()
        sleeping = sleeping + 1
        local _ <close> = setmetatable({}, { __close = function() sleeping = sleeping - 1 end })
        cond:wait_for(function() return tokens > 0 end)
        tokens = tokens - 1
      end)
    end)()
  end
  for _ = 1, #tasks do
    pause(random)
    cond:with(function()
      tokens = tokens + 1
      cond:notify()
      if random(2) == 1 then tasks[random(#tasks)]:cancel("torture") end
      pause(random)
    end)
    testing.settle()
    check(tokens == 0 or sleeping == 0, "%d tasks sleep with %d tokens there", sleeping, tokens)
  end
  for _, task in ipairs(tasks) do task:cancel("end of the round") end
  for i, task in ipairs(tasks) do check(task:join() ~= "failed", "task %d failed", i) end
end

--- A tree of tasks that open scopes, fail and clean up; every failure is an object of its own.
local function scopes(random)
  local thrown, seen, opened, closed = {}, {}, 0, 0

  local function saw(e)
    if not thrown[e] then return end
    check(not seen[e], "error %s was reported twice", tostring(thrown[e]))
    seen[e] = true
  end

  local function fail()
    local e = {}
    thrown[#thrown + 1] = e
    thrown[e] = #thrown
    error(e, 0)
  end

  local function node(own, depth)
    local runs = 0
    opened = opened + 1
    local _ <close> = lull.finally(function()
      runs = runs + 1
      check(runs == 1, "a finalizer ran %d times", runs)
      pause(own)
      closed = closed + 1
    end)
    pause(own)
    if depth > 0 then
      local way, again = own(6), function() return node(own, depth - 1) end
      if way <= 2 then
        lull.group(function(g)
          for _ = 1, own(3) do g:spawn(node, generator(own(1 << 30)), depth - 1) end
          pause(own)
          if own(6) == 1 then g:cancel("enough") end
        end)
      elseif way == 3 then
        lull.move_on_after(own(20) / 10, again)
      elseif way == 4 then
        lull.shield(again)
      elseif way == 5 then
        local a, b = generator(own(1 << 30)), generator(own(1 << 30))
        lull.gather(function() node(a, depth - 1) end, function() node(b, depth - 1) end)
      else
        lull.spawn(node, generator(own(1 << 30)), depth - 1)
      end
    end
    pause(own)
    if own(12) == 1 then fail() end
  end

  local previous = lull.on_error(saw)
  local _ <close> = lull.finally(function() lull.on_error(previous) end)
  local before = #lull.tasks()
  local task = lull.async(function()
    lull.group(function(g)
      for _ = 1, 1 + random(3) do g:spawn(node, generator(random(1 << 30)), random(3)) end
    end)
  end)()
  if random(3) == 1 then
    lull.wait({ task }, { timeout = random(40) / 10 })
    task:cancel("torture")
  end
  if task:join() == "failed" then saw(task:error()) end

  check(#lull.tasks() == before, "%d tasks are left", #lull.tasks() - before)
  check(opened == closed, "%d finalizers opened, %d ran", opened, closed)
  for number, e in ipairs(thrown) do check(seen[e], "error %d of %d was lost", number, #thrown) end
end

local kinds = {
  { "locks and semaphores exclude, and end free", exclusion },
  { "channels and select lose and double nothing", channels },
  { "queues lose and double nothing", queues },
  { "conditions, events and barriers leave nothing behind", wakeups },
  { "notifications reach somebody whoever is cancelled", notifications },
  { "scopes join everything, clean up once and lose no error", scopes },
}

--- Play one round of this kind from its seed.
local function play(round, seed)
  local ok, e = pcall(testing.virtual_time, round, generator(seed))
  if not ok then error(("round with seed %d: %s"):format(seed, tostring(e)), 0) end
end

describe("torture:", function()
  for _, kind in ipairs(kinds) do
    for _, first in ipairs(SEEDS) do
      it(("%s (seeds from %d)"):format(kind[1], first), function()
        for seed = first, first + ROUNDS - 1 do play(kind[2], seed) end
      end)
    end

    it(kind[1] .. " (ready order shuffled)", function()
      local _ <close> = lull.finally(function() testing.seed(nil) end)
      for seed = 1, ROUNDS do
        testing.seed(seed)
        play(kind[2], seed)
      end
    end)
  end
end)

describe("testing.seed", function()
  --- The order in which twelve ready tasks take their steps.
  local function order()
    local log, tasks = {}, {}
    for i = 1, 12 do
      tasks[i] = function()
        log[#log + 1] = i
        lull.yield()
        log[#log + 1] = i
      end
    end
    lull.gather(tasks)
    return table.concat(log, " ")
  end

  local function seeded(n)
    testing.seed(n)
    local _ <close> = setmetatable({}, { __close = function() testing.seed(nil) end })
    return order()
  end

  local fifo <const> = "1 2 3 4 5 6 7 8 9 10 11 12 1 2 3 4 5 6 7 8 9 10 11 12"

  it("is off at first: ready tasks run first-in first-out", function()
    assert.are.equal(fifo, order())
  end)

  it("gives the same order for the same seed", function()
    for seed = 1, 20 do assert.are.equal(seeded(seed), seeded(seed)) end
  end)

  it("gives other orders than first-in first-out", function()
    local different, seen = 0, {}
    for seed = 1, 20 do
      local got = seeded(seed)
      if not seen[got] then different = different + 1 end
      seen[got] = true
    end
    assert.is_true(different > 10)
  end)

  it("goes back to first-in first-out with nil", function()
    seeded(7)
    assert.are.equal(fifo, order())
  end)

  it("keeps waiters in line: hand-over stays in waiting order", function()
    local _ <close> = setmetatable({}, { __close = function() testing.seed(nil) end })
    for seed = 1, 20 do
      testing.seed(seed)
      local ch, got, tasks = sync.channel(), {}, {}
      for i = 1, 5 do
        tasks[i] = lull.async(function() got[i] = ch:recv() end)()
        testing.settle()
      end
      for i = 1, 5 do assert.is_true(ch:try_send(i)) end
      lull.wait(tasks)
      assert.are.same({ 1, 2, 3, 4, 5 }, got)
    end
  end)

  it("refuses what is no integer", function()
    assert.is_false((pcall(testing.seed, "x")))
    assert.is_false((pcall(testing.seed, {})))
  end)
end)
