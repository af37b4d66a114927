--- lull.timeout and lull.move_on_after.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser = support.failure, support.raiser
local virtual = support.virtual

describe("lull.timeout", function()
  it("returns all results in time, nils included", virtual(function()
    local got <const> = table.pack(lull.timeout(5, function() return 1, nil, 3, nil end))
    assert.same({ n = 4, 1, nil, 3 }, got)
  end))

  it("passes its arguments to fn, nils included", virtual(function()
    local got
    lull.timeout(5, function(...) got = table.pack(...) end, nil, "x", nil)
    assert.same({ n = 3, [2] = "x" }, got)
  end))

  it("runs fn in the current task", virtual(function()
    assert.equal(lull.current(), lull.timeout(5, lull.current))
  end))

  it("calls fn at once, before it suspends", function()
    local log <const> = {}
    local other <const> = lull.async(function() log[#log + 1] = "other" end)()
    lull.timeout(5, function() log[#log + 1] = "body" end)
    other:join()
    assert.same({ "body", "other" }, log)
  end)

  it("takes anything callable", function()
    local callable <const> = setmetatable({}, { __call = function(_, x) return x end })
    assert.equal("x", lull.timeout(5, callable, "x"))
  end)

  it("raises a timeout error past the deadline", virtual(function()
    local err <const> = failure(lull.timeout, 2, lull.sleep_forever)
    assert.is_true(lull.is_error(err, "timeout"))
    assert.is_string(err.message)
  end))

  it("raises it at the deadline", virtual(function()
    local start <const> = lull.now()
    failure(lull.timeout, 2, lull.sleep, 100)
    assert.is_near(2, lull.now() - start, 0.01)
  end))

  it("cancels inside with kind cancelled and reason timeout", virtual(function()
    local inside
    failure(lull.timeout, 2, function()
      local _ <close> = support.closing(function(err) inside = err end)
      lull.sleep_forever()
    end)
    assert.is_true(lull.is_error(inside, "cancelled"))
    assert.equal("timeout", inside.reason)
  end))

  it("lets fn clean up before it raises", virtual(function()
    local log <const> = {}
    local ok <const> = pcall(lull.timeout, 2, function()
      local _ <close> = lull.finally(function()
        lull.sleep(10)
        log[#log + 1] = "cleaned"
      end)
      lull.sleep_forever()
    end)
    log[#log + 1] = "raised"
    assert.is_false(ok)
    assert.same({ "cleaned", "raised" }, log)
  end))

  it("never fires with nil", virtual(function()
    assert.equal("done", lull.timeout(nil, function() return (lull.sleep(1e6, "done")) end))
  end))

  it("never fires with math.huge", virtual(function()
    assert.equal("done", lull.timeout(math.huge, function() return (lull.sleep(1e6, "done")) end))
  end))

  it("raises at the first checkpoint with a deadline that has passed", function()
    for _, seconds in ipairs { 0, -1 } do
      assert.is_true(lull.is_error(failure(lull.timeout, seconds, lull.yield), "timeout"))
    end
  end)

  it("returns work that was finished without a further checkpoint", function()
    assert.same({ n = 2, 1, 2 }, table.pack(lull.timeout(0, function() return 1, 2 end)))
  end)

  it("returns what a shield finished past the deadline", virtual(function()
    local got <const> = lull.timeout(2, function()
      return lull.shield(function() return (lull.sleep(10, "late but whole")) end)
    end)
    assert.equal("late but whole", got)
  end))

  it("raises the body's error unchanged", virtual(function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.timeout, 5, raiser(oops))))
    assert.same({ n = 2, false }, table.pack(pcall(lull.timeout, 5, raiser(nil))))
  end))

  it("cannot be held up by pcall inside", virtual(function()
    local after = false
    failure(lull.timeout, 2, function()
      pcall(lull.sleep_forever)
      after = true
    end)
    assert.is_false(after)
  end))

  it("stays cancelled at every further checkpoint inside", virtual(function()
    local again
    failure(lull.timeout, 2, function()
      local _ <close> = support.closing(function()
        local _ <close> = support.closing(function(err) again = err end)
        lull.yield()
      end)
      lull.sleep_forever()
    end)
    assert.is_true(lull.is_error(again, "cancelled"))
  end))

  it("leaves the task free once the scope has been left", virtual(function()
    failure(lull.timeout, 2, lull.sleep_forever)
    lull.yield()
    assert.equal("fine", (lull.sleep(1, "fine")))
  end))

  it("raises an ordinary error to the code around it", virtual(function()
    local task <const> = lull.async(function() lull.timeout(2, lull.sleep_forever) end)()
    assert.equal("failed", task:join())
    assert.is_true(lull.is_error(task:error(), "timeout"))
  end))

  it("does not fire after fn has returned", virtual(function()
    lull.timeout(2, function() lull.sleep(1) end)
    lull.sleep(10)
  end))

  it("fires at the inner deadline when that comes first", virtual(function()
    local start <const> = lull.now()
    local inner
    lull.timeout(10, function() inner = failure(lull.timeout, 2, lull.sleep_forever) end)
    assert.is_true(lull.is_error(inner, "timeout"))
    assert.is_near(2, lull.now() - start, 0.01)
  end))

  it("fires through an inner timeout when the outer deadline comes first", virtual(function()
    local start <const> = lull.now()
    local inner_done = false
    local err <const> = failure(lull.timeout, 2, function()
      pcall(lull.timeout, 10, lull.sleep_forever)
      inner_done = true
    end)
    assert.is_true(lull.is_error(err, "timeout"))
    assert.is_false(inner_done)
    assert.is_near(2, lull.now() - start, 0.01)
  end))

  it("does not touch tasks started elsewhere and only awaited inside", virtual(function()
    local task <const> = lull.async(function() return (lull.sleep(5, "whole")) end)()
    failure(lull.timeout, 2, function() task:await() end)
    assert.equal("pending", task:status())
    assert.equal("whole", task:await())
  end))

  it("cancels and joins the tasks started inside when it expires", virtual(function()
    local child
    local cleaned = false
    failure(lull.timeout, 2, function()
      child = lull.async(function()
        local _ <close> = lull.finally(function()
          lull.sleep(1)
          cleaned = true
        end)
        lull.sleep_forever()
      end)()
      lull.sleep_forever()
    end)
    assert.equal("cancelled", child:status())
    assert.is_true(cleaned)
  end))

  it("cancels and joins the tasks started inside when fn fails", virtual(function()
    local child
    assert.equal("oops", failure(lull.timeout, 2, function()
      child = lull.async(lull.sleep_forever)()
      lull.yield()
      error("oops", 0)
    end))
    assert.equal("cancelled", child:status())
  end))

  it("does not wait for the tasks started inside when fn ends well", virtual(function()
    local start <const> = lull.now()
    local child
    lull.timeout(20, function() child = lull.async(lull.sleep)(5) end)
    assert.is_near(0, lull.now() - start, 0.01)
    assert.equal("pending", child:status())
    assert.equal("done", child:join())
  end))

  it("cancels what it owns before it returns results found after the deadline", virtual(function()
    local got <const>, child <const> = lull.timeout(2, function()
      local inner <const> = lull.async(lull.sleep_forever)()
      lull.shield(lull.sleep, 10)
      return "kept", inner
    end)
    assert.equal("kept", got)
    assert.equal("cancelled", child:status())
  end))

  it("ends with the error of a spawned child that nobody awaits", virtual(function()
    local oops <const> = {}
    local err <const> = failure(lull.timeout, 20, function()
      lull.spawn(raiser(oops))
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end))

  it("passes a cancellation from outside through as such", virtual(function()
    local task <const> = support.started(lull.timeout, 100, lull.sleep_forever)
    task:cancel "outside"
    assert.equal("cancelled", task:join())
    assert.equal("outside", task:error().reason)
  end))

  it("makes its stored cancellation an ordinary error once the scope is left", virtual(function()
    local stored
    failure(lull.timeout, 2, function()
      local _ <close> = support.closing(function(err) stored = err end)
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(stored, failure(error, stored)))
    lull.yield()
  end))
end)

describe("lull.move_on_after", function()
  it("returns true and all results in time", virtual(function()
    local got <const> = table.pack(lull.move_on_after(5, function() return 1, nil, 3 end))
    assert.same({ n = 4, true, 1, nil, 3 }, got)
  end))

  it("passes its arguments to fn", virtual(function()
    local _, a, b = lull.move_on_after(5, function(...) return ... end, "a", "b")
    assert.equal("a", a)
    assert.equal("b", b)
  end))

  it("runs fn in the current task", virtual(function()
    local _, inside = lull.move_on_after(5, lull.current)
    assert.equal(lull.current(), inside)
  end))

  it("returns false past the deadline", virtual(function()
    assert.is_false((lull.move_on_after(2, lull.sleep_forever)))
  end))

  it("returns at the deadline", virtual(function()
    local start <const> = lull.now()
    lull.move_on_after(2, lull.sleep, 100)
    assert.is_near(2, lull.now() - start, 0.01)
  end))

  it("lets fn clean up first", virtual(function()
    local cleaned = false
    lull.move_on_after(2, function()
      local _ <close> = lull.finally(function()
        lull.sleep(1)
        cleaned = true
      end)
      lull.sleep_forever()
    end)
    assert.is_true(cleaned)
  end))

  it("cancels inside with reason timeout", virtual(function()
    local inside
    lull.move_on_after(2, function()
      local _ <close> = support.closing(function(err) inside = err end)
      lull.sleep_forever()
    end)
    assert.is_true(lull.is_error(inside, "cancelled"))
    assert.equal("timeout", inside.reason)
  end))

  it("raises the body's error unchanged", virtual(function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.move_on_after, 5, raiser(oops))))
  end))

  it("never fires with nil or math.huge", virtual(function()
    assert.is_true((lull.move_on_after(nil, lull.sleep, 1e6)))
    assert.is_true((lull.move_on_after(math.huge, lull.sleep, 1e6)))
  end))

  it("returns work that was finished without a further checkpoint", function()
    local ok, value = lull.move_on_after(0, function() return "whole" end)
    assert.is_true(ok)
    assert.equal("whole", value)
  end)

  it("returns false for a deadline that has passed at the first checkpoint", function()
    assert.is_false((lull.move_on_after(0, lull.yield)))
  end)

  it("cancels and joins the tasks started inside when it expires", virtual(function()
    local child
    lull.move_on_after(2, function()
      child = lull.async(lull.sleep_forever)()
      lull.sleep_forever()
    end)
    assert.equal("cancelled", child:status())
  end))

  it("does not wait for the tasks started inside when fn ends well", virtual(function()
    local child
    lull.move_on_after(20, function() child = lull.async(lull.sleep)(5) end)
    assert.equal("pending", child:status())
    child:join()
  end))

  it("leaves the outer timeout to raise when both deadlines have passed", virtual(function()
    local err <const> = failure(lull.timeout, 2, function()
      lull.move_on_after(1, function()
        local _ <close> = lull.finally(function() lull.sleep(10) end)
        lull.sleep_forever()
      end)
      lull.yield()
    end)
    assert.is_true(lull.is_error(err, "timeout"))
  end))
end)
