--- lull.await: results, errors, other values, and what cancellation does to it.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

describe("lull.await on a task", function()
  it("returns all results, nils included", function()
    local task <const> = lull.async(function() return nil, 2, nil, nil end)()
    assert.same({ n = 4, [2] = 2 }, table.pack(lull.await(task)))
  end)

  it("returns nothing for a task that returns nothing", function()
    assert.equal(0, select("#", lull.await(lull.async(function() end)())))
  end)

  it("is the same as t:await()", function()
    local task <const> = lull.async(function() return 1, 2 end)()
    assert.same({ n = 2, 1, 2 }, table.pack(task:await()))
  end)

  it("gives the results again each time it is called", function()
    local task <const> = lull.async(function() return "x", "y" end)()
    for _ = 1, 3 do assert.same({ n = 2, "x", "y" }, table.pack(lull.await(task))) end
  end)

  it("suspends only the calling task", function()
    local log <const> = {}
    local gate <const> = lull.future()
    local other <const> = lull.async(function()
      log[#log + 1] = "other"
      gate:set()
    end)()
    local task <const> = lull.async(function() gate:await() end)()
    log[#log + 1] = "before"
    lull.await(task)
    log[#log + 1] = "after"
    other:join()
    assert.same({ "before", "other", "after" }, log)
  end)

  it("may be called from any function, however deep", function()
    local task <const> = lull.async(function() return "deep" end)()
    local function level(n)
      if n == 0 then return (lull.await(task)) end
      local value <const> = level(n - 1)
      return value
    end
    assert.equal("deep", level(150))
  end)

  it("raises a table error raw-equal", function()
    local oops <const> = setmetatable({}, { __eq = function() return true end })
    local task <const> = lull.async(raiser(oops))()
    assert.is_true(rawequal(oops, failure(lull.await, task)))
  end)

  it("raises a string error unchanged, with no position added", function()
    local task <const> = lull.async(raiser "plain text")()
    assert.equal("plain text", failure(lull.await, task))
  end)

  it("raises a nil error as nil", function()
    local task <const> = lull.async(raiser(nil))()
    assert.same({ n = 2, false }, table.pack(pcall(lull.await, task)))
  end)

  it("raises false, numbers and functions unchanged", function()
    for _, value in ipairs { false, 42, print } do
      local task <const> = lull.async(raiser(value))()
      assert.equal(value, failure(lull.await, task))
    end
  end)

  it("raises a runtime error of the task with its own position", function()
    local task <const> = lull.async(function()
      local nothing <const> = nil
      return nothing.field
    end)()
    local err <const> = failure(lull.await, task)
    assert.is_string(err)
    assert.is_truthy(err:find("task_await_spec", 1, true))
  end)

  it("raises the same error in every awaiter", function()
    local oops <const> = {}
    local gate <const> = lull.future()
    local task <const> = lull.async(function()
      gate:await()
      error(oops)
    end)()
    local first <const> = started(function() return failure(lull.await, task) end)
    local second <const> = started(function() return failure(lull.await, task) end)
    gate:set()
    assert.is_true(rawequal(oops, first:await()))
    assert.is_true(rawequal(oops, second:await()))
  end)

  it("wakes awaiters in waiting order", function()
    local log <const> = {}
    local gate <const> = lull.future()
    local task <const> = lull.async(function() gate:await() end)()
    local waiters <const> = {}
    for i = 1, 4 do
      waiters[i] = started(function()
        lull.await(task)
        log[#log + 1] = i
      end)
    end
    gate:set()
    lull.gather(waiters)
    assert.same({ 1, 2, 3, 4 }, log)
  end)

  it("raises when a task awaits itself", function()
    assert.is_false((pcall(lull.await, lull.current())))
  end)

  it("leaves a task that tried to await itself able to go on", function()
    local task <const> = lull.async(function()
      local ok <const> = pcall(function() lull.current():await() end)
      lull.yield()
      return ok
    end)()
    assert.is_false(task:await())
  end)
end)

describe("lull.await on other things", function()
  it("waits for a future", function()
    local future <const> = lull.future()
    lull.async(function() future:set(1, nil) end)()
    assert.same({ n = 2, 1 }, table.pack(lull.await(future)))
  end)

  it("raises the error of a failed future unchanged", function()
    local oops <const> = {}
    local future <const> = lull.future()
    future:fail(oops)
    assert.is_true(rawequal(oops, failure(lull.await, future)))
  end)

  it("calls __await with the value and returns its results", function()
    local self
    local thing <const> = setmetatable({}, { __await = function(x)
      self = x
      return 1, nil, 3
    end })
    assert.same({ n = 3, 1, nil, 3 }, table.pack(lull.await(thing)))
    assert.is_true(rawequal(thing, self))
  end)

  it("lets __await suspend", function()
    local gate <const> = lull.future()
    local thing <const> = setmetatable({}, { __await = function() return gate:await() end })
    lull.async(function() gate:set "opened" end)()
    assert.equal("opened", lull.await(thing))
  end)

  it("raises the error of __await", function()
    local oops <const> = {}
    local thing <const> = setmetatable({}, { __await = raiser(oops) })
    assert.is_true(rawequal(oops, failure(lull.await, thing)))
  end)

  it("returns any other value as it is", function()
    local plain <const>, fn <const> = {}, function() end
    assert.is_true(rawequal(plain, lull.await(plain)))
    assert.equal(fn, lull.await(fn))
    assert.equal(5, lull.await(5))
    assert.equal("text", lull.await "text")
    assert.is_false(lull.await(false))
    assert.equal(io.stdout, lull.await(io.stdout))
  end)

  it("returns nil as it is", function()
    assert.same({ n = 1 }, table.pack(lull.await(nil)))
  end)

  it("returns a table with a metatable but no __await as it is", function()
    local thing <const> = setmetatable({}, { __index = function() error "not to be asked" end })
    assert.is_true(rawequal(thing, lull.await(thing)))
  end)

  it("returns several other values as they are", function()
    assert.same({ n = 4, 1, nil, "x" }, table.pack(lull.await(1, nil, "x", nil)))
  end)
end)

describe("lull.await and cancellation", function()
  it("never cancels the awaited task when the awaiter is cancelled", function()
    local gate <const> = lull.future()
    local task <const> = lull.async(function() return gate:await() end)()
    local awaiter <const> = started(lull.await, task)
    awaiter:cancel()
    awaiter:join()
    assert.equal("cancelled", awaiter:status())
    assert.equal("pending", task:status())
    gate:set "still here"
    assert.equal("still here", task:await())
  end)

  it("raises a cancelled error with the reason for a cancelled task", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel "not needed"
    local err <const> = failure(lull.await, task)
    assert.is_true(lull.is_error(err, "cancelled"))
    assert.equal("not needed", err.reason)
  end)

  it("raises one object per cancelled task", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    local first <const> = failure(lull.await, task)
    assert.is_true(rawequal(first, failure(lull.await, task)))
    assert.is_true(rawequal(first, task:error()))
  end)

  it("raises different objects for different tasks", function()
    local one <const>, two <const> = started(lull.sleep_forever), started(lull.sleep_forever)
    one:cancel()
    two:cancel()
    assert.is_false(rawequal(failure(lull.await, one), failure(lull.await, two)))
  end)

  it("treats the cancellation of the awaited as an ordinary error for the awaiter", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    local awaiter <const> = lull.async(function()
      local ok <const> = pcall(lull.await, victim)
      lull.yield()
      return ok and "no error" or "went on"
    end)()
    assert.equal("went on", awaiter:await())
  end)

  it("fails a task that lets the cancellation of the awaited through", function()
    local victim <const> = started(lull.sleep_forever)
    local awaiter <const> = started(lull.await, victim)
    victim:cancel()
    assert.equal("failed", awaiter:join())
    assert.is_true(rawequal(victim:error(), awaiter:error()))
  end)

  it("works on a task that was cancelled before its first step", function()
    local task <const> = lull.async(function() end)()
    task:cancel "early"
    assert.equal("early", failure(lull.await, task).reason)
  end)

  it("returns a result that arrived before the cancellation", function()
    local future <const> = lull.future()
    local got
    local awaiter <const> = started(function()
      got = lull.await(future)
      lull.yield()
      got = "too far"
    end)
    future:set "arrived"
    awaiter:cancel()
    assert.equal("cancelled", awaiter:join())
    assert.equal("arrived", got)
  end)

  it("raises a failure that arrived before the cancellation", function()
    local future <const> = lull.future()
    local oops <const> = {}
    local caught
    local awaiter <const> = started(function()
      caught = failure(lull.await, future)
      lull.yield()
      caught = "too far"
    end)
    future:fail(oops)
    awaiter:cancel()
    assert.equal("cancelled", awaiter:join())
    assert.is_true(rawequal(oops, caught))
  end)

  it("is a checkpoint even on a finished task", function()
    local finished <const> = started(function() return 1 end)
    local reached = false
    local task <const> = lull.async(function()
      lull.current():cancel()
      finished:await()
      reached = true
    end)()
    assert.equal("cancelled", task:join())
    assert.is_false(reached)
  end)
end)
