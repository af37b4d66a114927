--- lull.future: settling, waiting, cancelling, and failures nobody received.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, started = support.failure, support.started

--- Collect garbage thoroughly, letting the loop see what came of it.
local function collect()
  for _ = 1, 4 do
    collectgarbage()
    support.turns()
  end
end

describe("a future", function()
  it("is pending at first", function()
    assert.equal("pending", lull.future():status())
  end)

  it("is done after set", function()
    local future <const> = lull.future()
    future:set()
    assert.equal("done", future:status())
  end)

  it("is failed after fail", function()
    local future <const> = lull.future()
    future:fail "oops"
    assert.equal("failed", future:status())
    failure(future.await, future)
  end)

  it("is cancelled after cancel", function()
    local future <const> = lull.future()
    future:cancel()
    assert.equal("cancelled", future:status())
  end)

  it("gives the values it was set to, nils included", function()
    local future <const> = lull.future()
    future:set(nil, 2, nil)
    assert.same({ n = 3, [2] = 2 }, table.pack(future:await()))
  end)

  it("gives nothing when set to nothing", function()
    local future <const> = lull.future()
    future:set()
    assert.equal(0, select("#", future:await()))
  end)

  it("gives its values to every waiter, as often as asked", function()
    local future <const> = lull.future()
    local first <const>, second <const> = started(future.await, future), started(future.await, future)
    future:set("a", "b")
    assert.same({ n = 2, "a", "b" }, table.pack(first:await()))
    assert.same({ n = 2, "a", "b" }, table.pack(second:await()))
    assert.same({ n = 2, "a", "b" }, table.pack(future:await()))
  end)

  it("raises the error it failed with, unchanged", function()
    local oops <const> = {}
    local future <const> = lull.future()
    future:fail(oops)
    assert.is_true(rawequal(oops, failure(future.await, future)))
  end)

  it("raises a string it failed with without adding a position", function()
    local future <const> = lull.future()
    future:fail "plain"
    assert.equal("plain", failure(future.await, future))
  end)

  it("raises nil when failed with nil", function()
    local future <const> = lull.future()
    future:fail(nil)
    assert.same({ n = 2, false }, table.pack(pcall(future.await, future)))
  end)

  it("raises its failure in every waiter", function()
    local oops <const> = {}
    local future <const> = lull.future()
    local first <const>, second <const> = started(failure, future.await, future),
      started(failure, future.await, future)
    future:fail(oops)
    assert.is_true(rawequal(oops, first:await()))
    assert.is_true(rawequal(oops, second:await()))
  end)

  it("may hold a task or a future as a plain value", function()
    local inner <const>, outer <const> = lull.future(), lull.future()
    outer:set(inner)
    assert.is_true(rawequal(inner, outer:await()))
    inner:set()
  end)
end)

describe("a future's waiters", function()
  it("wake in waiting order", function()
    local future <const> = lull.future()
    local log, tasks = {}, {}
    for i = 1, 4 do
      tasks[i] = started(function()
        future:await()
        log[#log + 1] = i
      end)
    end
    future:set()
    lull.gather(tasks)
    assert.same({ 1, 2, 3, 4 }, log)
  end)

  it("wake after the setter's step", function()
    local future <const> = lull.future()
    local log <const> = {}
    local waiter <const> = started(function()
      future:await()
      log[#log + 1] = "waiter"
    end)
    future:set()
    log[#log + 1] = "setter goes on"
    waiter:join()
    assert.same({ "setter goes on", "waiter" }, log)
  end)

  it("wake after the step of the one that fails it", function()
    local future <const> = lull.future()
    local log <const> = {}
    local waiter <const> = started(function()
      pcall(future.await, future)
      log[#log + 1] = "waiter"
    end)
    future:fail "oops"
    log[#log + 1] = "setter goes on"
    waiter:join()
    assert.same({ "setter goes on", "waiter" }, log)
  end)

  it("skip a cancelled one without losing the value for the others", function()
    local future <const> = lull.future()
    local first <const>, second <const> = started(future.await, future), started(future.await, future)
    first:cancel()
    future:set "value"
    assert.equal("value", second:await())
    assert.equal("cancelled", first:join())
  end)

  it("leave the future as it is when cancelled", function()
    local future <const> = lull.future()
    local waiter <const> = started(future.await, future)
    waiter:cancel()
    waiter:join()
    assert.equal("pending", future:status())
    assert.is_true(future:try_set(1))
  end)

  it("keep a value that arrived before they were cancelled", function()
    local future <const> = lull.future()
    local got
    local waiter <const> = started(function() got = future:await() end)
    future:set "value"
    waiter:cancel()
    assert.equal("done", waiter:join())
    assert.equal("value", got)
  end)
end)

describe("settling a future twice", function()
  local settle <const> = {
    set = function(future) future:set(1) end,
    fail = function(future) future:fail(1) end,
    cancel = function(future) future:cancel() end,
  }

  for _, first in ipairs { "set", "fail", "cancel" } do
    for _, second in ipairs { "set", "fail" } do
      it("raises usage: " .. second .. " after " .. first, function()
        local future <const> = lull.future()
        settle[first](future)
        assert.is_true(lull.is_error(failure(settle[second], future), "usage"))
        pcall(future.await, future)
      end)
    end

    it("returns false from try_set after " .. first, function()
      local future <const> = lull.future()
      settle[first](future)
      assert.is_false(future:try_set(2))
      pcall(future.await, future)
    end)

    it("returns false from cancel after " .. first, function()
      local future <const> = lull.future()
      settle[first](future)
      assert.is_false(future:cancel())
      pcall(future.await, future)
    end)
  end

  it("keeps the first values", function()
    local future <const> = lull.future()
    future:set "first"
    pcall(future.set, future, "second")
    future:try_set "third"
    future:cancel()
    assert.equal("first", future:await())
    assert.equal("done", future:status())
  end)
end)

describe("f:try_set and f:cancel", function()
  it("settle a pending future", function()
    local future <const> = lull.future()
    assert.is_true(future:try_set("a", nil))
    assert.same({ n = 2, "a" }, table.pack(future:await()))
  end)

  it("raise cancelled with the reason in waiters", function()
    local future <const> = lull.future()
    local waiter <const> = started(failure, future.await, future)
    future:cancel "withdrawn"
    local err <const> = waiter:await()
    assert.is_true(lull.is_error(err, "cancelled"))
    assert.equal("withdrawn", err.reason)
  end)

  it("raise cancelled in later waiters too", function()
    local future <const> = lull.future()
    future:cancel()
    assert.is_true(lull.is_error(failure(future.await, future), "cancelled"))
  end)

  it("raise an ordinary error, which does not cancel the waiter", function()
    local future <const> = lull.future()
    local waiter <const> = started(function()
      pcall(future.await, future)
      lull.yield()
      return "went on"
    end)
    future:cancel()
    assert.equal("went on", waiter:await())
  end)

  it("fail a waiter that lets the cancellation through", function()
    local future <const> = lull.future()
    local waiter <const> = started(future.await, future)
    future:cancel()
    assert.equal("failed", waiter:join())
  end)
end)

describe("a failure of a future", function()
  it("goes to the sink when nobody received it and the future is collected", function()
    local oops <const> = {}
    local seen <const> = support.sink(function()
      local function drop() lull.future():fail(oops) end
      drop()
      collect()
    end)
    assert.equal(1, #seen)
    assert.is_true(rawequal(oops, seen[1].err))
  end)

  it("goes to the sink once", function()
    local seen <const> = support.sink(function()
      for _ = 1, 3 do (function() lull.future():fail "oops" end)() end
      collect()
      collect()
    end)
    assert.equal(3, #seen)
  end)

  it("does not go to the sink when somebody received it", function()
    local seen <const> = support.sink(function()
      local function drop()
        local future <const> = lull.future()
        future:fail "oops"
        pcall(future.await, future)
      end
      drop()
      collect()
    end)
    assert.same({}, seen)
  end)

  it("does not go to the sink for a value or for a cancellation", function()
    local seen <const> = support.sink(function()
      local function drop()
        lull.future():set(1)
        lull.future():cancel()
      end
      drop()
      collect()
    end)
    assert.same({}, seen)
  end)

  it("goes to the sink at the end of the run when the future is still held", function()
    local output <const> = support.program [[
      local lull = require "lull"
      held = lull.future()
      held:fail "nobody asked for this"
      print "main ends"
    ]]
    assert.is_truthy(output:find("main ends", 1, true))
    assert.is_truthy(output:find("nobody asked for this", 1, true))
  end)

  it("does not cancel or fail anybody by itself", function()
    local _, got = support.sink(function()
      local owner <const> = lull.async(function()
        local future <const> = lull.future()
        future:fail "oops"
        lull.yield()
        return "fine"
      end)()
      local result <const> = owner:await()
      collect()
      return result
    end)
    assert.equal("fine", got)
  end)
end)
