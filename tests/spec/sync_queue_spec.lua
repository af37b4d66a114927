--- sync_queue_spec.lua: lull.sync.queue, items waiting for tasks or tasks waiting for items.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("sync.queue", function()
  --- Put every item into the queue.
  local function fill(queue, ...)
    for i = 1, select("#", ...) do queue:put((select(i, ...))) end
    return queue
  end

  --- Take what the queue holds.
  local function drain(queue)
    local items = {}
    while not queue:empty() do items[#items + 1] = queue:get() end
    return items
  end

  --- Start a task that gets an item and notes it behind its name.
  local function getter(queue, log, name)
    return go(function()
      local item = queue:get()
      log[#log + 1] = name .. item
    end)
  end

  --- Start a task that puts an item and notes it once it is accepted.
  local function putter(queue, log, item)
    return go(function()
      queue:put(item)
      log[#log + 1] = item
    end)
  end

  describe("order", function()
    it("is first in, first out by default", function()
      assert.are.same({ 3, 1, 2 }, drain(fill(sync.queue(), 3, 1, 2)))
      assert.are.same({ 3, 1, 2 }, drain(fill(sync.queue(nil, "fifo"), 3, 1, 2)))
    end)

    it("lifo gives the last item first", function()
      assert.are.same({ 2, 1, 3 }, drain(fill(sync.queue(nil, "lifo"), 3, 1, 2)))
    end)

    it("priority gives the smallest item first", function()
      assert.are.same({ 1, 2, 3, 5, 9 }, drain(fill(sync.queue(nil, "priority"), 3, 9, 1, 5, 2)))
      assert.are.same({ "a", "b", "c" }, drain(fill(sync.queue(nil, "priority"), "b", "c", "a")))
    end)

    it("priority compares with the __lt of the items", function()
      local meta = { __lt = function(a, b) return a.at < b.at end }
      local function item(at) return setmetatable({ at = at }, meta) end
      local queue = fill(sync.queue(nil, "priority"), item(2), item(3), item(1))
      assert.are.equal(1, queue:get().at)
      assert.are.equal(2, queue:get().at)
      assert.are.equal(3, queue:get().at)
    end)

    it("priority compares with opts.less", function()
      local queue = sync.queue(nil, "priority", { less = function(a, b) return a.key > b.key end })
      fill(queue, { key = 1 }, { key = 3 }, { key = 2 })
      assert.are.equal(3, queue:get().key)
      assert.are.equal(2, queue:get().key)
      assert.are.equal(1, queue:get().key)
    end)

    it("priority holds over many puts and gets", function()
      local queue, state, held = sync.queue(nil, "priority"), 7, {}
      for _ = 1, 300 do
        state = state * 75 % 65537
        queue:put(state)
        held[#held + 1] = state
        if state % 3 == 0 then
          table.sort(held)
          assert.are.equal(table.remove(held, 1), queue:get())
        end
      end
      table.sort(held)
      assert.are.same(held, drain(queue))
    end)
  end)

  describe("size, full and empty", function()
    it("follow the items", function()
      local queue = sync.queue(2)
      assert.are.equal(0, queue:size())
      assert.is_true(queue:empty())
      assert.is_false(queue:full())
      queue:put("a")
      assert.are.equal(1, queue:size())
      assert.is_false(queue:empty())
      assert.is_false(queue:full())
      queue:put("b")
      assert.are.equal(2, queue:size())
      assert.is_true(queue:full())
    end)

    it("know no limit without max", function()
      local queue = sync.queue()
      for i = 1, 1000 do queue:put(i) end
      assert.are.equal(1000, queue:size())
      assert.is_false(queue:full())
    end)
  end)

  describe("try_get and try_put", function()
    it("answer nil and false instead of waiting", function()
      local queue = sync.queue(1)
      assert.is_nil(queue:try_get())
      assert.is_true(queue:try_put("a"))
      assert.is_false(queue:try_put("b"))
      assert.are.equal("a", queue:try_get())
      assert.is_nil(queue:try_get())
    end)

    it("carry false like any item", function()
      local queue = sync.queue()
      assert.is_true(queue:try_put(false))
      assert.is_false(queue:try_get())
      queue:put(false)
      assert.is_false(queue:get())
    end)
  end)

  it("refuses nil and puts nothing", function()
    local queue = sync.queue()
    misuse(queue.put, queue, nil)
    misuse(queue.put, queue)
    misuse(queue.try_put, queue, nil)
    assert.are.equal(0, queue:size())
  end)

  describe("waiting", function()
    it("get waits for an item", function()
      local queue, log = sync.queue(), {}
      local task = getter(queue, log, "got ")
      testing.settle()
      assert.are.same({}, log)
      queue:put("a")
      ends("done", task)
      assert.are.same({ "got a" }, log)
    end)

    it("put waits for room", function()
      local queue, log = fill(sync.queue(1), "a"), {}
      local task = putter(queue, log, "b")
      testing.settle()
      assert.are.same({}, log)
      assert.are.equal("a", queue:get())
      ends("done", task)
      assert.are.equal("b", queue:get())
    end)

    it("getters are served in waiting order", function()
      local queue, log, tasks = sync.queue(), {}, {}
      for i = 1, 3 do
        tasks[i] = getter(queue, log, i)
        testing.settle()
      end
      fill(queue, "a", "b", "c")
      lull.wait(tasks)
      assert.are.same({ "1a", "2b", "3c" }, log)
    end)

    it("putters are served in waiting order", function()
      local queue, log, tasks = fill(sync.queue(1), "first"), {}, {}
      for i, item in ipairs { "a", "b", "c" } do
        tasks[i] = putter(queue, log, item)
        testing.settle()
      end
      local got = {}
      for i = 1, 4 do got[i] = queue:get() end
      lull.wait(tasks)
      assert.are.same({ "first", "a", "b", "c" }, got)
      assert.are.same({ "a", "b", "c" }, log)
    end)

    it("putters enter in waiting order whatever their priority", function()
      local queue, log = fill(sync.queue(1, "priority"), 5), {}
      local nine = putter(queue, log, 9)
      testing.settle()
      local one = putter(queue, log, 1)
      testing.settle()
      assert.are.equal(5, queue:get())
      assert.are.equal(9, queue:get())
      assert.are.equal(1, queue:get())
      ends("done", nine)
      ends("done", one)
    end)

    it("an item goes to the waiting getter, not to a newcomer", function()
      local queue, log = sync.queue(), {}
      local task = getter(queue, log, "waiter ")
      testing.settle()
      assert.is_true(queue:try_put("a"))
      assert.is_nil(queue:try_get())
      ends("done", task)
      assert.are.same({ "waiter a" }, log)
    end)

    it("room goes to the waiting putter, not to a newcomer", function()
      local queue, log = fill(sync.queue(1), "a"), {}
      local task = putter(queue, log, "waiter")
      testing.settle()
      assert.are.equal("a", queue:try_get())
      assert.is_false(queue:try_put("newcomer"))
      ends("done", task)
      assert.are.equal("waiter", queue:get())
    end)
  end)

  describe("join", function()
    it("returns at once when nothing was put", function()
      sync.queue():join()
    end)

    it("waits until every item put is done", function()
      local queue = fill(sync.queue(), "a", "b")
      local task = go(queue.join, queue)
      for _ = 1, 2 do
        testing.settle()
        assert.are.equal("pending", task:status())
        queue:get()
        testing.settle()
        assert.are.equal("pending", task:status())
        queue:task_done()
      end
      ends("done", task)
    end)

    it("counts an item handed to a waiting getter", function()
      local queue = sync.queue()
      local worker = go(queue.get, queue)
      testing.settle()
      queue:put("a")
      ends("done", worker)
      local task = go(queue.join, queue)
      testing.settle()
      assert.are.equal("pending", task:status())
      queue:task_done()
      ends("done", task)
    end)

    it("wakes everyone who joins", function()
      local queue = fill(sync.queue(), "a")
      local tasks = { go(queue.join, queue), go(queue.join, queue) }
      testing.settle()
      queue:get()
      queue:task_done()
      ends("done", tasks[1])
      ends("done", tasks[2])
    end)

    it("is a checkpoint and can be cancelled", function()
      local queue = sync.queue()
      support.cancelled_before(queue.join, queue)
      queue:put("a")
      support.cancelled_waiting(queue.join, queue)
      support.expires(queue.join, queue)
    end)
  end)

  describe("items", function()
    it("gives what is there and waits for more until closed", function()
      local queue, got = fill(sync.queue(), 1, 2), {}
      local task = go(function()
        for item in queue:items() do got[#got + 1] = item end
      end)
      testing.settle()
      assert.are.same({ 1, 2 }, got)
      queue:put(3)
      testing.settle()
      assert.are.same({ 1, 2, 3 }, got)
      queue:close()
      ends("done", task)
    end)

    it("gives the rest of a closed queue, then ends", function()
      local queue, got = fill(sync.queue(), 1, 2), {}
      queue:close()
      for item in queue:items() do got[#got + 1] = item end
      assert.are.same({ 1, 2 }, got)
    end)

    it("shared by several tasks gives each item once", function()
      local queue, got, tasks = sync.queue(3), {}, {}
      for i = 1, 4 do
        tasks[i] = go(function()
          for item in queue:items() do
            got[#got + 1] = item
            lull.yield()
          end
        end)
      end
      for i = 1, 40 do queue:put(i) end
      queue:close()
      lull.gather(tasks)
      table.sort(got)
      assert.are.equal(40, #got)
      for i = 1, 40 do assert.are.equal(i, got[i]) end
    end)

    it("leaves the queue open and the rest in it when the loop is left", function()
      local queue = fill(sync.queue(), 1, 2, 3)
      for item in queue:items() do
        if item == 2 then break end
      end
      assert.are.equal(3, queue:get())
      queue:put(4)
      assert.are.equal(4, queue:get())
    end)
  end)

  describe("close", function()
    it("refuses puts", function()
      local queue = sync.queue()
      queue:close()
      raises("closed", queue.put, queue, "a")
      assert.are.equal(0, queue:size())
    end)

    it("never accepts an item by try_put", function()
      local queue = sync.queue()
      queue:close()
      local ok, answer = pcall(queue.try_put, queue, "a")
      assert.is_false(ok and answer)
      assert.are.equal(0, queue:size())
    end)

    it("lets items be taken, then raises closed", function()
      local queue = fill(sync.queue(), "a", "b")
      queue:close()
      assert.are.equal("a", queue:get())
      assert.are.equal("b", queue:try_get())
      raises("closed", queue.get, queue)
    end)

    it("wakes every waiting getter with closed", function()
      local queue = sync.queue()
      local tasks = { go(queue.get, queue), go(queue.get, queue) }
      testing.settle()
      queue:close()
      for _, task in ipairs(tasks) do raises("closed", task.await, task) end
    end)

    it("wakes every waiting putter with closed, its item not put", function()
      local queue = fill(sync.queue(1), "a")
      local tasks = { go(queue.put, queue, "b"), go(queue.put, queue, "c") }
      testing.settle()
      queue:close()
      for _, task in ipairs(tasks) do raises("closed", task.await, task) end
      assert.are.equal("a", queue:get())
      raises("closed", queue.get, queue)
    end)

    it("does not take back an item that was handed over", function()
      local queue = sync.queue()
      local task = go(queue.get, queue)
      testing.settle()
      queue:try_put("a")
      queue:close()
      assert.are.equal("a", task:await())
    end)

    it("may be called twice", function()
      local queue = fill(sync.queue(), "a")
      queue:close()
      queue:close()
      assert.are.equal("a", queue:get())
    end)
  end)

  describe("cancellation", function()
    it("before get takes nothing", function()
      local queue = fill(sync.queue(), "a")
      support.cancelled_before(queue.get, queue)
      assert.are.equal("a", queue:get())
    end)

    it("before put puts nothing", function()
      local queue = sync.queue()
      support.cancelled_before(queue.put, queue, "a")
      assert.are.equal(0, queue:size())
    end)

    it("of a waiting get takes nothing", function()
      local queue = sync.queue()
      support.cancelled_waiting(queue.get, queue)
      queue:put("a")
      assert.are.equal(1, queue:size())
    end)

    it("of a waiting put puts nothing", function()
      local queue = fill(sync.queue(1), "a")
      support.cancelled_waiting(queue.put, queue, "b")
      assert.are.equal("a", queue:get())
      assert.are.equal(0, queue:size())
    end)

    it("of a getter does not cost the next one its turn", function()
      local queue, log, tasks = sync.queue(), {}, {}
      for i = 1, 3 do tasks[i] = getter(queue, log, i) end
      testing.settle()
      tasks[2]:cancel()
      queue:try_put("a")
      queue:try_put("b")
      lull.wait(tasks)
      assert.are.same({ "1a", "3b" }, log)
      assert.is_true(queue:empty())
    end)

    it("of a putter does not cost the next one its turn", function()
      local queue, log, tasks = fill(sync.queue(1), "first"), {}, {}
      for i, item in ipairs { "a", "b" } do
        tasks[i] = putter(queue, log, item)
        testing.settle()
      end
      tasks[1]:cancel()
      assert.are.equal("first", queue:get())
      assert.are.equal("b", queue:get())
      lull.wait(tasks)
      assert.are.same({ "b" }, log)
    end)

    it("after an item was handed over lets get return it", function()
      local queue = sync.queue()
      local item = support.delivered(function() queue:try_put("a") end, queue.get, queue)
      assert.are.equal("a", item)
      assert.are.equal(0, queue:size())
    end)

    it("after an item was accepted lets put return", function()
      local queue, first = fill(sync.queue(1), "a"), nil
      support.delivered(function() first = queue:try_get() end, queue.put, queue, "b")
      assert.are.equal("a", first)
      assert.are.equal("b", queue:get())
    end)

    it("by a deadline takes and puts nothing", function()
      local queue = sync.queue(1)
      support.expires(queue.get, queue)
      queue:put("a")
      support.expires(queue.put, queue, "b")
      assert.are.equal("a", queue:get())
      assert.are.equal(0, queue:size())
    end)
  end)

  describe("refuses", function()
    it("a wrong max, order or less", function()
      misuse(sync.queue, "big")
      misuse(sync.queue, 1.5)
      misuse(sync.queue, nil, "sorted")
      misuse(sync.queue, nil, "priority", 42)
      assert.is_false((pcall(sync.queue, nil, "priority", { less = 42 })))
    end)

    it("another self", function()
      local queue = sync.queue()
      misuse(queue.get, {})
      misuse(queue.put, sync.channel(), 1)
      misuse(queue.items, nil)
      misuse(queue.close, 1)
    end)
  end)
end)
