--- sync_condition_spec.lua: lull.sync.condition, waiting under a lock for something to become true.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("sync.condition", function()
  --- Start a task that waits for a notification and then notes its name.
  local function waiter(cond, log, name)
    return go(function()
      cond:with(function()
        cond:wait()
        log[#log + 1] = name
      end)
    end)
  end

  --- n such tasks, named 1..n, waiting in this order.
  local function waiters(cond, log, n)
    local tasks = {}
    for i = 1, n do
      tasks[i] = waiter(cond, log, i)
      testing.settle()
    end
    return tasks
  end

  local function notify(cond, n)
    cond:with(function() cond:notify(n) end)
  end

  it("holds the given lock inside with", function()
    local lock = sync.lock()
    local cond = sync.condition(lock)
    cond:with(function() assert.is_true(lock:locked()) end)
    assert.is_false(lock:locked())
  end)

  it("has a lock of its own when none is given", function()
    local cond, log = sync.condition(), {}
    local inside = go(cond.with, cond, function()
      lull.yield()
      log[#log + 1] = "first"
    end)
    local second = go(cond.with, cond, function() log[#log + 1] = "second" end)
    lull.wait { inside, second }
    assert.are.same({ "first", "second" }, log)
  end)

  it("passes arguments, results and errors through with", function()
    local cond, e = sync.condition(), {}
    local got = table.pack(cond:with(function(a, b) return b, nil, a, nil end, 1, 2))
    assert.are.same({ 2, nil, 1, n = 4 }, got)
    local ok, raised = pcall(cond.with, cond, error, e)
    assert.is_false(ok)
    assert.is_true(rawequal(e, raised))
    assert.are.equal("free", cond:with(function() return "free" end))
  end)

  it("releases the lock while waiting and holds it again after", function()
    local lock = sync.lock()
    local cond = sync.condition(lock)
    local held
    local task = go(function()
      lock:acquire()
      cond:wait()
      held = lock:locked()
      lock:release()
    end)
    testing.settle()
    assert.is_false(lock:locked())
    notify(cond)
    ends("done", task)
    assert.is_true(held)
  end)

  it("works with a lock acquired by hand", function()
    local lock = sync.lock()
    local cond, log = sync.condition(lock), {}
    local task = waiter(cond, log, "woken")
    testing.settle()
    lock:acquire()
    cond:notify()
    lock:release()
    ends("done", task)
    assert.are.same({ "woken" }, log)
  end)

  it("lets two conditions share a lock and keeps their waiters apart", function()
    local lock = sync.lock()
    local a, b, log = sync.condition(lock), sync.condition(lock), {}
    local on_a, on_b = waiter(a, log, "a"), waiter(b, log, "b")
    testing.settle()
    notify(b)
    testing.settle()
    assert.are.same({ "b" }, log)
    notify(a)
    ends("done", on_a)
    ends("done", on_b)
  end)

  describe("without the lock", function()
    it("raises usage in wait, notify and notify_all", function()
      local cond = sync.condition()
      raises("usage", cond.wait, cond)
      raises("usage", cond.wait_for, cond, function() return false end)
      raises("usage", cond.notify, cond)
      raises("usage", cond.notify_all, cond)
    end)

    it("raises usage too when another task holds it", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      lock:acquire()
      local task = go(function()
        raises("usage", cond.wait, cond)
        raises("usage", cond.notify, cond)
        raises("usage", cond.notify_all, cond)
      end)
      ends("done", task)
      lock:release()
    end)
  end)

  describe("notify", function()
    it("wakes the longest waiting one", function()
      local cond, log = sync.condition(), {}
      local tasks = waiters(cond, log, 3)
      for i = 1, 3 do
        notify(cond)
        testing.settle()
        assert.are.equal(i, #log)
      end
      lull.wait(tasks)
      assert.are.same({ 1, 2, 3 }, log)
    end)

    it("wakes n of them in waiting order", function()
      local cond, log = sync.condition(), {}
      local tasks = waiters(cond, log, 4)
      notify(cond, 3)
      testing.settle()
      assert.are.same({ 1, 2, 3 }, log)
      notify(cond, 3)
      lull.wait(tasks)
      assert.are.same({ 1, 2, 3, 4 }, log)
    end)

    it("is not remembered when nobody waits", function()
      local cond, log = sync.condition(), {}
      notify(cond, 5)
      local tasks = waiters(cond, log, 1)
      assert.are.same({}, log)
      notify(cond)
      lull.wait(tasks)
      assert.are.same({ 1 }, log)
    end)

    it("lets no waiter on before the lock is released", function()
      local lock = sync.lock()
      local cond, log = sync.condition(lock), {}
      local tasks = waiters(cond, log, 2)
      lock:acquire()
      cond:notify_all()
      testing.settle()
      assert.are.same({}, log)
      lock:release()
      lull.wait(tasks)
      assert.are.same({ 1, 2 }, log)
    end)

    it("refuses a wrong count", function()
      local cond = sync.condition()
      cond:with(function() misuse(cond.notify, cond, "all") end)
    end)
  end)

  describe("notify_all", function()
    it("wakes everyone in waiting order", function()
      local cond, log = sync.condition(), {}
      local tasks = waiters(cond, log, 4)
      cond:with(function() cond:notify_all() end)
      lull.wait(tasks)
      assert.are.same({ 1, 2, 3, 4 }, log)
    end)

    it("does not wake who waits later", function()
      local cond, log = sync.condition(), {}
      local first = waiter(cond, log, "first")
      testing.settle()
      cond:with(function() cond:notify_all() end)
      ends("done", first)
      local second = waiter(cond, log, "second")
      testing.settle()
      assert.are.same({ "first" }, log)
      notify(cond)
      ends("done", second)
    end)
  end)

  describe("wait_for", function()
    it("returns at once when the predicate holds", function()
      local cond, calls = sync.condition(), 0
      cond:with(function()
        cond:wait_for(function()
          calls = calls + 1
          return true
        end)
      end)
      assert.are.equal(1, calls)
    end)

    it("waits on through notifications until the predicate holds", function()
      local cond, level, passed = sync.condition(), 0, false
      local task = go(cond.with, cond, function()
        cond:wait_for(function() return level >= 3 end)
        passed = level
      end)
      for i = 1, 3 do
        testing.settle()
        assert.is_false(passed)
        cond:with(function()
          level = i
          cond:notify()
        end)
      end
      ends("done", task)
      assert.are.equal(3, passed)
    end)

    it("calls the predicate with the lock held", function()
      local lock = sync.lock()
      local cond, ready, held = sync.condition(lock), false, {}
      local task = go(cond.with, cond, function()
        cond:wait_for(function()
          held[#held + 1] = lock:locked()
          return ready
        end)
      end)
      testing.settle()
      ready = true
      notify(cond)
      ends("done", task)
      assert.are.same({ true, true }, held)
    end)

    it("raises the predicate's error unchanged, with the lock held", function()
      local lock, e = sync.lock(), {}
      local cond = sync.condition(lock)
      lock:acquire()
      local ok, raised = pcall(cond.wait_for, cond, function() error(e) end)
      assert.is_false(ok)
      assert.is_true(rawequal(e, raised))
      assert.is_true(lock:locked())
      lock:release()
    end)

    it("refuses what cannot be called", function()
      local cond = sync.condition()
      cond:with(function()
        misuse(cond.wait_for, cond)
        misuse(cond.wait_for, cond, true)
      end)
    end)
  end)

  describe("cancellation", function()
    it("before wait keeps the lock", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      support.cancelled_before(function()
        lock:acquire()
        local _ <close> = lull.finally(function() lock:release() end)
        cond:wait()
      end)
      assert.is_false(lock:locked())
    end)

    it("before wait_for raises although the predicate holds", function()
      local cond = sync.condition()
      local task = go(cond.with, cond, function()
        lull.current():cancel()
        cond:wait_for(function() return true end)
        error("wait_for returned")
      end)
      ends("cancelled", task)
    end)

    it("while waiting holds the lock again before it is raised", function()
      local lock = sync.lock()
      local cond, held = sync.condition(lock), nil
      local task = go(function()
        lock:acquire()
        local _ <close> = lull.finally(function()
          held = lock:locked()
          lock:release()
        end)
        cond:wait()
      end)
      testing.settle()
      task:cancel()
      ends("cancelled", task)
      assert.is_true(held)
      assert.is_false(lock:locked())
    end)

    it("while waiting lets with release", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      support.cancelled_waiting(cond.with, cond, cond.wait, cond)
      assert.is_false(lock:locked())
    end)

    it("while waiting waits for the lock when another has it", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      local task = go(cond.with, cond, cond.wait, cond)
      testing.settle()
      lock:acquire()
      task:cancel()
      testing.settle()
      assert.are.equal("pending", task:status())
      lock:release()
      ends("cancelled", task)
      assert.is_false(lock:locked())
    end)

    it("of a waiter does not cost the next one its turn", function()
      local cond, log = sync.condition(), {}
      local tasks = waiters(cond, log, 3)
      tasks[1]:cancel()
      ends("cancelled", tasks[1])
      notify(cond)
      ends("done", tasks[2])
      assert.are.same({ 2 }, log)
      notify(cond)
      ends("done", tasks[3])
    end)

    it("of a notified waiter that has no lock yet passes the notification on", function()
      local lock = sync.lock()
      local cond, log = sync.condition(lock), {}
      local tasks = waiters(cond, log, 3)
      lock:acquire()
      cond:notify()
      tasks[1]:cancel()
      lock:release()
      ends("cancelled", tasks[1])
      ends("done", tasks[2])
      assert.are.same({ 2 }, log)
      assert.are.equal("pending", tasks[3]:status())
      notify(cond)
      ends("done", tasks[3])
    end)

    it("of a notified waiter that was handed the lock lets wait return", function()
      local lock = sync.lock()
      local cond, log = sync.condition(lock), {}
      local first = go(cond.with, cond, function()
        cond:wait()
        log[#log + 1] = "woken"
        lull.yield()
        log[#log + 1] = "went on"
      end)
      testing.settle()
      local second = waiter(cond, log, "second")
      testing.settle()
      lock:acquire()
      cond:notify()
      lock:release()
      first:cancel()
      ends("cancelled", first)
      testing.settle()
      assert.are.same({ "woken" }, log)
      notify(cond)
      ends("done", second)
      assert.is_false(lock:locked())
    end)

    it("by a deadline leaves the wait with the lock held", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      testing.virtual_time(function() -- a task of its own: it is the owner
        lock:acquire()
        assert.is_false((lull.move_on_after(5, cond.wait, cond)))
        assert.is_true(lock:locked())
        lock:release()
      end)
    end)
  end)

  it("raises closed in a notified waiter whose lock is broken", function()
    local lock = sync.lock()
    local cond = sync.condition(lock)
    local task = go(cond.with, cond, cond.wait, cond)
    testing.settle()
    local owner = go(function()
      lock:acquire()
      cond:notify_all()
    end)
    ends("done", owner)
    raises("closed", task.await, task)
  end)

  describe("refuses", function()
    it("what is no lock", function()
      misuse(sync.condition, 42)
      misuse(sync.condition, {})
      misuse(sync.condition, sync.event())
    end)

    it("another self", function()
      local cond = sync.condition()
      misuse(cond.wait, {})
      misuse(cond.notify, sync.lock())
      misuse(cond.notify_all, nil)
      misuse(cond.with, 1, function() end)
    end)
  end)
end)
