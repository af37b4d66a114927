--- sync_barrier_spec.lua: lull.sync.barrier, where n tasks wait for each other.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("sync.barrier", function()
  --- n tasks that arrive in this order.
  local function arrivals(barrier, n)
    local tasks = {}
    for i = 1, n do
      tasks[i] = go(barrier.wait, barrier)
      testing.settle()
    end
    return tasks
  end

  it("holds everyone until the last arrives", function()
    local barrier = sync.barrier(3)
    local tasks = arrivals(barrier, 2)
    assert.are.equal("pending", tasks[1]:status())
    assert.are.equal("pending", tasks[2]:status())
    barrier:wait()
    ends("done", tasks[1])
    ends("done", tasks[2])
  end)

  it("returns 1..n in order of arrival", function()
    local barrier = sync.barrier(4)
    local tasks = arrivals(barrier, 3)
    assert.are.equal(4, barrier:wait())
    for i, task in ipairs(tasks) do assert.are.equal(i, task:await()) end
  end)

  it("of one lets everyone through", function()
    local barrier = sync.barrier(1)
    assert.are.equal(1, barrier:wait())
    assert.are.equal(1, barrier:wait())
  end)

  it("serves round after round", function()
    local barrier = sync.barrier(2)
    for _ = 1, 3 do
      local tasks = arrivals(barrier, 1)
      assert.are.equal(2, barrier:wait())
      assert.are.equal(1, tasks[1]:await())
    end
  end)

  it("keeps tasks in step over many rounds", function()
    local barrier, at, tasks = sync.barrier(4), {}, {}
    for i = 1, 4 do
      at[i] = 0
      tasks[i] = function()
        for round = 1, 20 do
          at[i] = round
          barrier:wait()
          for k = 1, 4 do
            assert.is_true(at[k] == round or at[k] == round + 1)
          end
        end
      end
    end
    lull.gather(tasks)
  end)

  it("does not count a newcomer into the round that is complete", function()
    local barrier = sync.barrier(2)
    local first = arrivals(barrier, 1)
    assert.are.equal(2, barrier:wait())
    local newcomer = go(barrier.wait, barrier)
    testing.settle()
    assert.are.equal("pending", newcomer:status())
    assert.are.equal(1, first[1]:await())
    assert.are.equal(2, barrier:wait())
    assert.are.equal(1, newcomer:await())
  end)

  it("raises closed in its waiters on abort", function()
    local barrier = sync.barrier(3)
    local tasks = arrivals(barrier, 2)
    barrier:abort()
    for _, task in ipairs(tasks) do raises("closed", task.await, task) end
  end)

  it("works again after abort and reset", function()
    local barrier = sync.barrier(2)
    local aborted = arrivals(barrier, 1)
    barrier:abort()
    raises("closed", aborted[1].await, aborted[1])
    barrier:reset()
    local tasks = arrivals(barrier, 1)
    assert.are.equal(2, barrier:wait())
    assert.are.equal(1, tasks[1]:await())
  end)

  it("lets reset be called when nobody waits", function()
    local barrier = sync.barrier(2)
    barrier:reset()
    local tasks = arrivals(barrier, 1)
    assert.are.equal(2, barrier:wait())
    assert.are.equal(1, tasks[1]:await())
  end)

  describe("cancellation", function()
    it("before wait does not arrive", function()
      local barrier = sync.barrier(2)
      support.cancelled_before(barrier.wait, barrier)
      local tasks = arrivals(barrier, 1)
      assert.are.equal("pending", tasks[1]:status())
      assert.are.equal(2, barrier:wait())
      assert.are.equal(1, tasks[1]:await())
    end)

    it("before wait raises although it would be the last to arrive", function()
      local barrier = sync.barrier(2)
      local tasks = arrivals(barrier, 1)
      support.cancelled_before(barrier.wait, barrier)
      assert.are.equal("pending", tasks[1]:status())
      assert.are.equal(2, barrier:wait())
      ends("done", tasks[1])
    end)

    it("while waiting gives the place back", function()
      local barrier = sync.barrier(2)
      support.cancelled_waiting(barrier.wait, barrier)
      local tasks = arrivals(barrier, 1)
      assert.are.equal("pending", tasks[1]:status())
      assert.are.equal(2, barrier:wait())
      assert.are.equal(1, tasks[1]:await())
    end)

    it("of one waiter moves those behind it up", function()
      local barrier = sync.barrier(3)
      local tasks = arrivals(barrier, 2)
      tasks[1]:cancel()
      ends("cancelled", tasks[1])
      local third = go(barrier.wait, barrier)
      testing.settle()
      assert.are.equal("pending", third:status())
      assert.are.equal(3, barrier:wait())
      assert.are.equal(1, tasks[2]:await())
      assert.are.equal(2, third:await())
    end)

    it("after the last arrived lets wait return", function()
      local barrier = sync.barrier(2)
      local place = support.delivered(function() barrier:wait() end, barrier.wait, barrier)
      assert.are.equal(1, place)
    end)

    it("by a deadline gives the place back", function()
      local barrier = sync.barrier(2)
      support.expires(barrier.wait, barrier)
      local tasks = arrivals(barrier, 1)
      assert.are.equal("pending", tasks[1]:status())
      assert.are.equal(2, barrier:wait())
      ends("done", tasks[1])
    end)
  end)

  describe("refuses", function()
    it("a missing or wrong number", function()
      misuse(sync.barrier)
      misuse(sync.barrier, 0)
      misuse(sync.barrier, -1)
      misuse(sync.barrier, 1.5)
      misuse(sync.barrier, "two")
    end)

    it("another self", function()
      local barrier = sync.barrier(2)
      misuse(barrier.wait, {})
      misuse(barrier.reset, nil)
      misuse(barrier.abort, sync.event())
    end)
  end)
end)
