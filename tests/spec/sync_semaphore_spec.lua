--- sync_semaphore_spec.lua: lull.sync.semaphore, a number of places.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, misuse = support.go, support.ends, support.misuse

describe("sync.semaphore", function()
  --- Start a task that takes a place and notes its name.
  local function taker(sem, log, name)
    return go(function()
      sem:acquire()
      log[#log + 1] = name
    end)
  end

  it("starts with n places", function()
    assert.are.equal(3, sync.semaphore(3):value())
    assert.are.equal(0, sync.semaphore(0):value())
  end)

  it("loses a place by acquire and gains one by release", function()
    local sem = sync.semaphore(2)
    sem:acquire()
    assert.are.equal(1, sem:value())
    sem:acquire()
    assert.are.equal(0, sem:value())
    sem:release()
    assert.are.equal(1, sem:value())
  end)

  it("makes acquire wait when no place is left", function()
    local sem, log = sync.semaphore(0), {}
    local task = taker(sem, log, "taken")
    testing.settle()
    assert.are.same({}, log)
    sem:release()
    ends("done", task)
    assert.are.same({ "taken" }, log)
    assert.are.equal(0, sem:value())
  end)

  it("answers try_acquire with true or false, never waiting", function()
    local sem = sync.semaphore(1)
    assert.is_true(sem:try_acquire())
    assert.is_false(sem:try_acquire())
    assert.are.equal(0, sem:value())
  end)

  it("hands places over in waiting order", function()
    local sem, log, tasks = sync.semaphore(0), {}, {}
    for i = 1, 4 do
      tasks[i] = taker(sem, log, i)
      testing.settle()
    end
    for _ = 1, 4 do sem:release() end
    lull.wait(tasks)
    assert.are.same({ 1, 2, 3, 4 }, log)
  end)

  it("wakes one waiter per release", function()
    local sem, log = sync.semaphore(0), {}
    local tasks = { taker(sem, log, 1), taker(sem, log, 2) }
    testing.settle()
    sem:release()
    testing.settle()
    assert.are.same({ 1 }, log)
    sem:release()
    lull.wait(tasks)
    assert.are.same({ 1, 2 }, log)
  end)

  it("gives a released place to the waiter, not to a newcomer", function()
    local sem = sync.semaphore(0)
    local task = taker(sem, {}, "waiter")
    testing.settle()
    sem:release()
    assert.are.equal(0, sem:value())
    assert.is_false(sem:try_acquire())
    ends("done", task)
  end)

  it("queues the releaser behind the waiter", function()
    local sem, log = sync.semaphore(1), {}
    sem:acquire()
    local task = go(function()
      sem:acquire()
      log[#log + 1] = "waiter"
      sem:release()
    end)
    testing.settle()
    sem:release()
    sem:acquire()
    log[#log + 1] = "releaser"
    ends("done", task)
    assert.are.same({ "waiter", "releaser" }, log)
  end)

  it("may be released by any task", function()
    local sem = sync.semaphore(1)
    sem:acquire()
    ends("done", go(sem.release, sem))
    assert.are.equal(1, sem:value())
  end)

  it("is not given back by a task that ends", function()
    local sem = sync.semaphore(1)
    ends("done", go(sem.acquire, sem))
    assert.are.equal(0, sem:value())
  end)

  it("may be acquired several times by one task", function()
    local sem = sync.semaphore(2)
    sem:acquire()
    sem:acquire()
    assert.is_false(sem:try_acquire())
  end)

  it("grows past n when it has no max", function()
    local sem = sync.semaphore(1)
    sem:release()
    assert.are.equal(2, sem:value())
  end)

  it("raises when released over max, and keeps its value", function()
    local sem = sync.semaphore(1, 2)
    sem:release()
    assert.is_false((pcall(sem.release, sem)))
    assert.are.equal(2, sem:value())
  end)

  it("never lets more than n tasks in", function()
    local sem, inside, most, tasks = sync.semaphore(3), 0, 0, {}
    for i = 1, 10 do
      tasks[i] = function()
        sem:with(function()
          inside = inside + 1
          most = math.max(most, inside)
          lull.yield()
          inside = inside - 1
        end)
      end
    end
    lull.gather(tasks)
    assert.are.equal(3, most)
    assert.are.equal(3, sem:value())
  end)

  describe("with", function()
    it("passes arguments and results and gives the place back", function()
      local sem = sync.semaphore(1)
      local got = table.pack(sem:with(function(a, b) return b, sem:value(), a, nil end, 1, 2))
      assert.are.same({ 2, 0, 1, n = 4 }, got)
      assert.are.equal(1, sem:value())
    end)

    it("gives the place back and raises the error unchanged", function()
      local sem, e = sync.semaphore(1), {}
      local ok, got = pcall(sem.with, sem, error, e)
      assert.is_false(ok)
      assert.is_true(rawequal(e, got))
      assert.are.equal(1, sem:value())
    end)

    it("gives the place back when its task is cancelled inside", function()
      local sem = sync.semaphore(1)
      local task = go(sem.with, sem, lull.sleep_forever)
      testing.settle()
      assert.are.equal(0, sem:value())
      task:cancel()
      ends("cancelled", task)
      assert.are.equal(1, sem:value())
    end)

    it("refuses what cannot be called, and takes nothing", function()
      local sem = sync.semaphore(1)
      misuse(sem.with, sem)
      misuse(sem.with, sem, "fn")
      assert.are.equal(1, sem:value())
    end)
  end)

  describe("cancellation", function()
    it("before acquire takes nothing", function()
      local sem = sync.semaphore(1)
      support.cancelled_before(sem.acquire, sem)
      assert.are.equal(1, sem:value())
    end)

    it("while waiting takes nothing", function()
      local sem = sync.semaphore(0)
      support.cancelled_waiting(sem.acquire, sem)
      sem:release()
      assert.are.equal(1, sem:value())
    end)

    it("of a waiter does not cost the next one its turn", function()
      local sem, log = sync.semaphore(0), {}
      local tasks = { taker(sem, log, 1), taker(sem, log, 2) }
      testing.settle()
      tasks[1]:cancel()
      sem:release()
      lull.wait(tasks)
      assert.are.same({ 2 }, log)
    end)

    it("of the only waiter leaves the place to the next newcomer", function()
      local sem = sync.semaphore(0)
      local task = taker(sem, {}, "waiter")
      testing.settle()
      task:cancel()
      sem:release()
      assert.is_true(sem:try_acquire())
      ends("cancelled", task)
    end)

    it("after the hand-over lets acquire return with the place", function()
      local sem = sync.semaphore(0)
      support.delivered(function() sem:release() end, sem.acquire, sem)
      assert.are.equal(0, sem:value())
    end)

    it("after the hand-over to with still gives the place back", function()
      local sem, called = sync.semaphore(0), false
      support.delivered(function() sem:release() end, sem.with, sem, function() called = true end)
      assert.is_true(called)
      assert.are.equal(1, sem:value())
    end)

    it("by a deadline takes nothing", function()
      local sem = sync.semaphore(0)
      support.expires(sem.acquire, sem)
      sem:release()
      assert.are.equal(1, sem:value())
    end)
  end)

  describe("refuses", function()
    it("a missing or wrong count", function()
      misuse(sync.semaphore)
      misuse(sync.semaphore, "many")
      misuse(sync.semaphore, 1.5)
      misuse(sync.semaphore, -1)
    end)

    it("a wrong max", function()
      misuse(sync.semaphore, 1, "many")
      misuse(sync.semaphore, 3, 2)
    end)

    it("another self", function()
      local sem = sync.semaphore(1)
      misuse(sem.acquire, {})
      misuse(sem.release, sync.lock())
      misuse(sem.value, nil)
      misuse(sem.try_acquire, 1)
    end)
  end)
end)
