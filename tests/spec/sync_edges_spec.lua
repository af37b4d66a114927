--- sync_edges_spec.lua: lull.sync where scripts run in the middle of it, fail, or are collected.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("a priority queue", function()
  local function by_key(a, b) return a.key < b.key end

  local function item(key, name) return { key = key, name = name } end

  --- The names of what the queue holds, in the order in which they come out.
  local function names(queue)
    local list = {}
    while not queue:empty() do list[#list + 1] = queue:get().name end
    return table.concat(list)
  end

  it("gives equal items first-in first-out", function()
    local queue = sync.queue(nil, "priority", { less = by_key })
    for i, name in ipairs { "a", "b", "c", "d", "e", "f", "g" } do queue:put(item(i % 2, name)) end
    assert.are.equal("bdfaceg", names(queue))
  end)

  it("keeps that over puts and gets in any order", function()
    local queue, state, number, last = sync.queue(nil, "priority", { less = by_key }), 1, 0, {}
    for _ = 1, 2000 do
      state = state * 75 % 65537
      if state % 5 < 3 then
        number = number + 1
        queue:put { key = state % 4, number = number }
      else
        local got = queue:try_get()
        if got then
          assert.is_true((last[got.key] or 0) < got.number)
          last[got.key] = got.number
        end
      end
    end
  end)

  it("stays as it was when a put cannot be compared", function()
    local queue = sync.queue(nil, "priority")
    queue:put(2)
    queue:put(1)
    assert.is_false((pcall(queue.put, queue, "three")))
    assert.is_false((pcall(queue.try_put, queue, {})))
    assert.are.equal(2, queue:size())
    assert.are.equal(1, queue:get())
    assert.are.equal(2, queue:get())
  end)

  it("stays as it was when a get cannot compare", function()
    local broken = false
    local queue = sync.queue(nil, "priority", {
      less = function(a, b)
        if broken then error("broken", 0) end
        return a < b
      end,
    })
    for i = 8, 1, -1 do queue:put(i) end
    broken = true
    local ok, e = pcall(queue.get, queue)
    assert.is_false(ok)
    assert.are.equal("broken", e)
    assert.are.equal(8, queue:size())
    broken = false
    for i = 1, 8 do assert.are.equal(i, queue:get()) end
  end)

  it("raises in the waiting putter what its item raises, and serves the next one", function()
    local queue = sync.queue(2, "priority")
    queue:put(1)
    queue:put(2)
    local wrong = go(queue.put, queue, "three")
    testing.settle()
    local right = go(queue.put, queue, 3)
    testing.settle()
    assert.are.equal(1, queue:get())
    ends("done", right)
    ends("failed", wrong)
    assert.is_truthy(wrong:error():find("compare", 1, true))
    assert.are.equal(2, queue:get())
    assert.are.equal(3, queue:get())
    assert.is_true(queue:empty())
  end)

  it("refuses to be changed by its comparison", function()
    local queue
    local nested = false
    queue = sync.queue(nil, "priority", {
      less = function(a, b)
        if nested then
          nested = false
          queue:try_get()
        end
        return a < b
      end,
    })
    for i = 1, 4 do queue:put(i) end
    nested = true
    raises("usage", queue.put, queue, 5)
    assert.are.equal(3, queue:size())
    nested = true
    raises("usage", queue.get, queue)
    assert.are.equal(2, queue:size())
    assert.are.equal(3, queue:get())
    assert.are.equal(4, queue:get())
  end)

  it("cannot wait while it compares", function()
    local queue = sync.queue(nil, "priority", {
      less = function(a, b)
        lull.yield()
        return a < b
      end,
    })
    queue:put(1)
    raises("usage", queue.put, queue, 2)
    assert.are.equal(1, queue:get())
  end)

  it("keeps the place of a putter that is cancelled while its item is compared", function()
    local putter
    local queue = sync.queue(2, "priority", {
      less = function(a, b)
        if putter then putter:cancel() end
        return a < b
      end,
    })
    queue:put(1)
    queue:put(2)
    local went_on = false
    local task = go(function()
      queue:put(3)
      went_on = true
      lull.yield()
    end)
    testing.settle()
    putter = task
    assert.are.equal(1, queue:get())
    putter = nil
    ends("cancelled", task)
    assert.is_true(went_on)
    assert.are.equal(2, queue:get())
    assert.are.equal(3, queue:get())
  end)

  it("takes a comparison for priority only", function()
    misuse(sync.queue, nil, "fifo", { less = by_key })
    local callable = setmetatable({}, { __call = function(_, a, b) return a > b end })
    local queue = sync.queue(nil, "priority", { less = callable })
    for i = 1, 3 do queue:put(i) end
    assert.are.equal(3, queue:get())
  end)
end)

describe("a queue", function()
  it("of no room hands over from task to task", function()
    local queue, log = sync.queue(0), {}
    assert.is_false(queue:try_put(1))
    local task = go(function()
      for i = 1, 3 do
        queue:put(i)
        log[i] = i
      end
      queue:close()
    end)
    local got = {}
    for i in queue:items() do got[#got + 1] = i end
    ends("done", task)
    assert.are.same({ 1, 2, 3 }, got)
    assert.are.same({ 1, 2, 3 }, log)
    assert.is_true(queue:full() and queue:empty())
  end)

  it("grows and shrinks around its ends", function()
    for _, order in ipairs { "fifo", "lifo", "priority" } do
      local queue, put, taken = sync.queue(nil, order), 0, 0
      for round = 1, 6 do
        for _ = 1, 50 * round do
          put = put + 1
          queue:put(put)
        end
        for _ = 1, 37 * round do
          queue:get()
          taken = taken + 1
        end
        assert.are.equal(put - taken, queue:size())
      end
      while queue:try_get() do taken = taken + 1 end
      assert.are.equal(put, taken)
      queue:put("again")
      assert.are.equal("again", queue:get())
    end
  end)

  it("lets go of items that were taken", function()
    for _, order in ipairs { "fifo", "lifo", "priority" } do
      local opts = order == "priority" and { less = function() return false end } or nil
      local queue = sync.queue(4, order, opts)
      local weak = setmetatable({}, { __mode = "k" })
      for _ = 1, 4 do
        local value = {}
        weak[value] = true
        queue:put(value)
      end
      for _ = 1, 4 do queue:get() end
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(weak))
    end
  end)

  it("raises usage when more is done than was put", function()
    local queue = sync.queue()
    raises("usage", queue.task_done, queue)
    queue:put(1)
    queue:task_done()
    raises("usage", queue.task_done, queue)
  end)

  it("is joined after close as before", function()
    local queue = sync.queue()
    queue:put(1)
    local task = go(queue.join, queue)
    testing.settle()
    queue:close()
    queue:get()
    testing.settle()
    assert.are.equal("pending", task:status())
    queue:task_done()
    ends("done", task)
  end)
end)

describe("items()", function()
  it("gives an iterator that needs no loop", function()
    local queue = sync.queue()
    queue:put("a")
    queue:close()
    local following = queue:items()
    assert.are.equal("a", following())
    assert.is_nil(following())
    assert.is_nil(following())
  end)
end)

describe("a lock", function()
  it("that is collected while it is held is forgotten", function()
    local task = go(function()
      do
        local lock = sync.lock()
        lock:acquire()
      end
      collectgarbage()
      collectgarbage()
      lull.yield()
    end)
    ends("done", task)
  end)

  it("is not released twice by hold", function()
    local lock = sync.lock()
    do
      local _ <close> = lock:hold()
      lock:release()
      local taker = go(lock.acquire, lock)
      testing.settle()
      assert.are.equal("done", taker:status())
    end
    assert.is_true(lock:locked())
    raises("closed", lock.acquire, lock)
  end)

  it("released inside with raises usage, but does not hide an error", function()
    local lock = sync.lock()
    raises("usage", lock.with, lock, function() lock:release() end)
    local ok, e = pcall(lock.with, lock, function()
      lock:release()
      error("first", 0)
    end)
    assert.is_false(ok)
    assert.are.equal("first", e)
    assert.is_false(lock:locked())
  end)

  it("may be held through waits in coroutines and nested with", function()
    local a, b = sync.lock(), sync.lock()
    local sum = a:with(function(x)
      return b:with(function(y)
        local both = coroutine.wrap(function()
          lull.yield()
          return x + y
        end)
        return both()
      end, 2)
    end, 1)
    assert.are.equal(3, sum)
    assert.is_false(a:locked() or b:locked())
  end)

  it("cannot be released or acquired by the task that breaks it", function()
    local lock = sync.lock()
    local task = go(function()
      lock:acquire()
      error("out", 0)
    end)
    ends("failed", task)
    assert.is_true(lock:locked())
    raises("usage", lock.release, lock)
  end)
end)

describe("a condition", function()
  it("whose lock breaks fails those who wait for a notification", function()
    local lock = sync.lock()
    local first, second = sync.condition(lock), sync.condition(lock)
    local function wait(cond) cond:with(function() cond:wait() end) end
    local tasks = { go(wait, first), go(wait, first), go(wait, second) }
    testing.settle()
    ends("done", go(lock.acquire, lock))
    for _, task in ipairs(tasks) do raises("closed", task.await, task) end
  end)

  it("raises the cancellation, not closed, in who was cancelled before the lock broke", function()
    local lock = sync.lock()
    local cond = sync.condition(lock)
    local task = go(cond.with, cond, cond.wait, cond)
    testing.settle()
    local owner = go(function()
      lock:acquire()
      cond:notify()
      task:cancel()
    end)
    ends("done", owner)
    ends("cancelled", task)
  end)

  it("keeps the line at the lock while one of it is cancelled", function()
    local lock, log = sync.lock(), {}
    local cond = sync.condition(lock)
    local first = go(cond.with, cond, function()
      local _ <close> = lull.finally(function() log[#log + 1] = "first" end)
      cond:wait()
    end)
    testing.settle()
    lock:acquire()
    cond:notify()
    local second = go(lock.with, lock, function() log[#log + 1] = "second" end)
    testing.settle()
    first:cancel()
    testing.settle()
    lock:release()
    ends("cancelled", first)
    ends("done", second)
    assert.are.same({ "first", "second" }, log)
  end)

  it("lets the predicate wait", function()
    local cond, level = sync.condition(), 0
    local task = go(cond.with, cond, function()
      return cond:wait_for(function()
        lull.yield()
        return level > 0 and "level " .. level
      end)
    end)
    testing.settle()
    cond:with(function()
      level = 3
      cond:notify()
    end)
    assert.are.equal("level 3", task:await())
  end)
end)

describe("select", function()
  it("takes a list with n, and only so many of it", function()
    local ch = sync.channel(1)
    ch:send("a")
    assert.are.equal(1, (lull.select { { ch, "recv" }, { ch, "recv" }, n = 1 }))
    assert.is_false((pcall(lull.select, { { ch, "recv" }, n = 2 })))
  end)

  it("refuses to wait for nothing", function()
    misuse(lull.select, {})
    testing.virtual_time(function() assert.is_nil((lull.select { timeout = 1 })) end)
  end)

  it("keeps its channels though the list is changed meanwhile", function()
    local list = { { sync.channel(), "recv" }, { sync.channel(), "send", {} }, timeout = 5 }
    testing.virtual_time(function()
      local task = go(lull.select, list)
      testing.settle()
      list[1], list[2] = nil, nil
      collectgarbage()
      collectgarbage()
      assert.is_nil((task:await()))
    end)
  end)

  it("serves a full channel's line in order, selects among it", function()
    local ch = sync.channel(1)
    ch:send(0)
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = i % 2 == 0 and go(ch.send, ch, i) or go(lull.select, { { ch, "send", i } })
      testing.settle()
    end
    for i = 0, 4 do assert.are.equal(i, ch:try_recv()) end
    for _, task in ipairs(tasks) do ends("done", task) end
  end)

  it("of a thousand alternatives leaves all their lines", function()
    local channels, list = {}, {}
    for i = 1, 1000 do
      channels[i] = sync.channel()
      list[i] = { channels[i], i % 2 == 0 and "recv" or "send", i }
    end
    local task = go(lull.select, list)
    testing.settle()
    assert.are.equal(501, channels[501]:try_recv())
    assert.are.equal(501, (task:await()))
    for i = 1, 1000 do
      assert.is_nil(channels[i]:try_recv())
      assert.is_false(channels[i]:try_send(1))
    end
  end)
end)

describe("a barrier", function()
  it("counts right after many were cancelled", function()
    local barrier, tasks = sync.barrier(5), {}
    for i = 1, 4 do tasks[i] = go(barrier.wait, barrier) end
    testing.settle()
    for i = 1, 4 do tasks[i]:cancel() end
    for i = 1, 4 do tasks[i] = go(barrier.wait, barrier) end
    testing.settle()
    for _, task in ipairs(tasks) do assert.are.equal("pending", task:status()) end
    assert.are.equal(5, barrier:wait())
    for i, task in ipairs(tasks) do assert.are.equal(i, task:await()) end
  end)

  it("raises closed in its waiters on reset, and in newcomers until then", function()
    local barrier = sync.barrier(2)
    local task = go(barrier.wait, barrier)
    testing.settle()
    barrier:reset()
    raises("closed", task.await, task)
    barrier:abort()
    raises("closed", barrier.wait, barrier)
  end)
end)

describe("every object of sync", function()
  it("has a locked metatable and says what it is", function()
    for name, make in pairs(sync) do
      local object = make(name == "barrier" and 1 or name == "semaphore" and 1 or nil)
      assert.are.equal("lull.sync." .. name, getmetatable(object))
      assert.is_truthy(tostring(object):find("^lull%.sync%." .. name))
      assert.is_false((pcall(setmetatable, object, {})))
    end
  end)

  it("refuses to wait outside a task, but not to be used", function()
    local event, queue = sync.event(), sync.queue()
    local waited
    local task = go(function() end)
    task:on_done(function()
      event:set()
      queue:try_put(1)
      waited = table.pack(pcall(event.wait, event))
    end)
    testing.settle()
    assert.is_true(event:is_set())
    assert.are.equal(1, queue:size())
    assert.is_false(waited[1])
  end)
end)
