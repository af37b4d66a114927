--- Cancellation: where it is raised, that it sticks, and that nothing keeps it.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, started = support.failure, support.started
local closing, virtual = support.closing, support.virtual

describe("t:cancel", function()
  it("returns true if the task was unfinished", function()
    local task <const> = started(lull.sleep_forever)
    assert.is_true(task:cancel())
    task:join()
  end)

  it("returns false if the task has ended", function()
    local task <const> = started(function() end)
    assert.is_false(task:cancel())
    assert.equal("done", task:status())
  end)

  it("returns false after a cancelled end", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    task:join()
    assert.is_false(task:cancel())
  end)

  it("never resumes the task inside the call", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function() log[#log + 1] = "task" end)
      lull.sleep_forever()
    end)
    task:cancel()
    log[#log + 1] = "canceller"
    task:join()
    assert.same({ "canceller", "task" }, log)
  end)

  it("before the first step means the function is never called", function()
    local called = false
    local task <const> = lull.async(function() called = true end)()
    assert.is_true(task:cancel "early")
    assert.equal("cancelled", task:join())
    assert.is_false(called)
    assert.equal("early", task:error().reason)
  end)

  it("raises a cancelled error with the reason at the current suspension", function()
    local inside
    local task <const> = started(function()
      local _ <close> = closing(function(err) inside = err end)
      lull.sleep_forever()
    end)
    local reason <const> = {}
    task:cancel(reason)
    task:join()
    assert.is_true(lull.is_error(inside, "cancelled"))
    assert.is_true(rawequal(reason, inside.reason))
  end)

  it("unwinds innermost first", function()
    local log <const> = {}
    local function level(n)
      local _ <close> = closing(function() log[#log + 1] = n end)
      if n == 3 then lull.sleep_forever() end
      level(n + 1)
      log[#log + 1] = "returned"
    end
    local task <const> = started(level, 1)
    task:cancel()
    task:join()
    assert.same({ 3, 2, 1 }, log)
  end)

  it("lets a task that meets no further checkpoint keep its result", function()
    local task <const> = lull.async(function()
      lull.current():cancel()
      return "kept"
    end)()
    assert.equal("done", task:join())
    assert.equal("kept", task:result())
  end)

  it("on the running task takes effect at its next checkpoint", function()
    local log <const> = {}
    local task <const> = lull.async(function()
      assert.is_true(lull.current():cancel())
      log[#log + 1] = "still here"
      lull.yield()
      log[#log + 1] = "too far"
    end)()
    assert.equal("cancelled", task:join())
    assert.same({ "still here" }, log)
  end)

  it("raises the task's own error to those who await it", function()
    local task <const> = started(lull.sleep_forever)
    local waiter <const> = started(failure, lull.await, task)
    task:cancel()
    local err <const> = waiter:await()
    assert.is_true(rawequal(task:error(), err))
  end)

  it("cancels and joins what the task owns", function()
    local log <const> = {}
    local task <const> = started(function()
      lull.async(function()
        local _ <close> = lull.finally(function()
          support.turns()
          log[#log + 1] = "child cleaned"
        end)
        lull.sleep_forever()
      end)()
      lull.sleep_forever()
    end)
    lull.yield()
    task:cancel()
    task:join()
    assert.same({ "child cleaned" }, log)
  end)

  it("reaches a task that only waits for what it owns", function()
    local child
    local task <const> = started(function() child = lull.async(lull.sleep_forever)() end)
    support.turns()
    assert.equal("pending", task:status())
    task:cancel()
    task:join()
    assert.equal("cancelled", child:status())
  end)
end)

describe("a cancellation is sticky", function()
  it("at every further checkpoint of the task", function()
    local count = 0
    local function again()
      local _ <close> = closing(function(err)
        if lull.is_error(err, "cancelled") then count = count + 1 end
      end)
      lull.yield()
    end
    local task <const> = started(function()
      local _ <close> = closing(again)
      local _ <close> = closing(again)
      local _ <close> = closing(again)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.equal(3, count)
  end)

  it("in loops that retry under pcall", function()
    local rounds = 0
    local task <const> = started(function()
      repeat
        rounds = rounds + 1
        local ok <const> = pcall(lull.sleep_forever)
      until ok or rounds > 5
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.equal(1, rounds)
  end)

  it("after a different error raised while cancelled, which pcall keeps", function()
    local kept, reached
    local task <const> = started(function()
      local ok, err = pcall(function()
        local _ <close> = closing(function() error("different", 0) end)
        lull.sleep_forever()
      end)
      kept = not ok and err
      lull.yield()
      reached = true
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.equal("different", kept)
    assert.is_nil(reached)
  end)
end)

describe("nothing keeps a task's own cancellation:", function()
  --- Cancel a task that waits inside `wrap(wait)`; it must end there.
  local function passes(wrap)
    local after = false
    local task <const> = started(function()
      wrap(lull.sleep_forever)
      after = true
    end)
    task:cancel "mine"
    assert.equal("cancelled", task:join())
    assert.equal("mine", task:error().reason)
    assert.is_false(after)
  end

  it("not pcall", function() passes(pcall) end)

  it("not nested pcalls", function()
    passes(function(wait) pcall(pcall, pcall, wait) end)
  end)

  it("not xpcall, whose handler is not called", function()
    local handled = false
    passes(function(wait) xpcall(wait, function() handled = true end) end)
    assert.is_false(handled)
  end)

  it("not xpcall around pcall", function()
    local handled = false
    passes(function(wait) xpcall(pcall, function() handled = true end, wait) end)
    assert.is_false(handled)
  end)

  it("not coroutine.resume", function()
    passes(function(wait) coroutine.resume(coroutine.create(wait)) end)
  end)

  it("not coroutine.wrap", function()
    passes(function(wait) pcall(coroutine.wrap(wait)) end)
  end)

  it("not coroutine.close of a coroutine whose cleanup meets it", function()
    local after = false
    local task <const> = lull.async(function()
      local co <const> = coroutine.create(function()
        local _ <close> = closing(function() lull.yield() end)
        coroutine.yield()
      end)
      coroutine.resume(co)
      lull.current():cancel()
      coroutine.close(co)
      after = true
    end)()
    assert.equal("cancelled", task:join())
    assert.is_false(after)
  end)

  it("not an inner timeout", function()
    passes(function(wait) pcall(lull.timeout, 1000, wait) end)
  end)

  it("not an inner move_on_after", function()
    passes(function(wait) lull.move_on_after(1000, wait) end)
  end)

  it("not an inner group", function()
    passes(function(wait) pcall(lull.group, function() wait() end) end)
  end)

  it("not a nested run", function()
    passes(function(wait) pcall(lull.run, wait) end)
  end)

  it("not gather", function()
    passes(function(wait) pcall(lull.gather, wait) end)
  end)
end)

describe("to-be-closed values", function()
  it("may wait after a normal end", function()
    local log <const> = {}
    do
      local _ <close> = closing(function()
        support.turns()
        log[#log + 1] = "closed"
      end)
    end
    log[#log + 1] = "after"
    assert.same({ "closed", "after" }, log)
  end)

  it("may wait after an error", function()
    local closed = false
    assert.equal("oops", failure(function()
      local _ <close> = closing(function()
        support.turns()
        closed = true
      end)
      error("oops", 0)
    end))
    assert.is_true(closed)
  end)

  it("may wait after break, return and goto", function()
    local count = 0
    local function wait()
      lull.yield()
      count = count + 1
    end
    local function returning()
      local _ <close> = closing(wait)
      return "value"
    end
    assert.equal("value", returning())
    for i = 1, 2 do
      local _ <close> = closing(wait)
      if i == 2 then break end
    end
    assert.equal(3, count)
  end)

  it("raise the cancellation again when they wait while the task is cancelled", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function()
        log[#log + 1] = "begun"
        lull.yield()
        log[#log + 1] = "waited"
      end)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.same({ "begun" }, log)
  end)

  it("may wait under a shield while the task is cancelled", function()
    local closed = false
    local task <const> = started(function()
      local _ <close> = closing(function()
        lull.shield(support.turns)
        closed = true
      end)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.is_true(closed)
  end)

  it("fail a cancelled task with what they raise instead", function()
    local oops <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function() error(oops) end)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("failed", task:join())
    assert.is_true(rawequal(oops, task:error()))
  end)
end)

describe("a cancellation belongs to one scope of one task", function()
  it("and is an ordinary error in another task", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    victim:join()
    local other <const> = lull.async(function()
      local ok, err = pcall(error, victim:error())
      lull.yield()
      return ok, err
    end)()
    local ok, err = other:await()
    assert.is_false(ok)
    assert.is_true(rawequal(victim:error(), err))
  end)

  it("and calls xpcall's handler in another task", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    victim:join()
    local ok, err = xpcall(error, function() return "handled" end, victim:error())
    assert.is_false(ok)
    assert.equal("handled", err)
  end)

  it("and fails another task that it is raised in", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    victim:join()
    local other <const> = started(error, victim:error())
    assert.equal("failed", other:status())
    assert.is_true(rawequal(victim:error(), other:error()))
  end)

  it("and is an ordinary error in its task once the scope was left", virtual(function()
    local stored
    lull.move_on_after(1, function()
      local _ <close> = closing(function(err) stored = err end)
      lull.sleep_forever()
    end)
    local ok, err = pcall(error, stored)
    assert.is_false(ok)
    assert.is_true(rawequal(stored, err))
  end))

  it("and gives way to an outer one when its own scope is left", virtual(function()
    local after = false
    local task <const> = started(function()
      pcall(lull.timeout, 1, function()
        local _ <close> = lull.finally(function() lull.sleep(10) end)
        lull.sleep_forever()
      end)
      after = true
    end)
    lull.sleep(5)
    task:cancel "outer"
    assert.equal("cancelled", task:join())
    assert.equal("outer", task:error().reason)
    assert.is_false(after)
  end))
end)

describe("cancelling the caller of a nested run", function()
  it("cancels and joins the nested task", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function() log[#log + 1] = "caller left" end)
      lull.run(function()
        local _ <close> = lull.finally(function()
          support.turns()
          log[#log + 1] = "nested cleaned"
        end)
        lull.sleep_forever()
      end)
    end)
    support.turns()
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.same({ "nested cleaned", "caller left" }, log)
  end)
end)
