--- lull.group: spawn, start, cancel, and how a group ends.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

--- A function that cleans up with waiting and then adds `word` to `log`.
local function careful(log, word)
  return function()
    local _ <close> = lull.finally(function()
      support.turns()
      log[#log + 1] = word
    end)
    lull.sleep_forever()
  end
end

describe("a group that ends well", function()
  it("returns all results of its body, nils included", function()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(lull.group(function() return 1, nil, 3 end)))
  end)

  it("runs its body in the current task", function()
    assert.equal(lull.current(), (lull.group(function() return lull.current() end)))
  end)

  it("returns only after all children have ended", function()
    local child
    lull.group(function(g) child = g:spawn(support.turns) end)
    assert.equal("done", child:status())
  end)

  it("waits for children that its children add", function()
    local log <const> = {}
    lull.group(function(g)
      g:spawn(function()
        lull.yield()
        g:spawn(function()
          lull.yield()
          log[#log + 1] = "grandchild"
        end)
      end)
    end)
    assert.same({ "grandchild" }, log)
  end)

  it("owns tasks started in its body with lull.spawn and lull.async", function()
    local a, b
    lull.group(function()
      a = lull.spawn(support.turns)
      b = lull.async(support.turns)()
    end)
    assert.equal("done", a:status())
    assert.equal("done", b:status())
  end)

  it("does not own tasks started before it", function()
    local gate <const> = lull.future()
    local outside <const> = lull.async(function() gate:await() end)()
    lull.group(function() lull.yield() end)
    assert.equal("pending", outside:status())
    gate:set()
    outside:join()
  end)

  it("may be nested", function()
    local log <const> = {}
    lull.group(function(outer)
      outer:spawn(function() support.turns() log[#log + 1] = "outer child" end)
      lull.group(function(inner) inner:spawn(function() log[#log + 1] = "inner child" end) end)
      log[#log + 1] = "inner ended"
    end)
    assert.same({ "inner child", "inner ended", "outer child" }, log)
  end)
end)

describe("g:spawn", function()
  it("returns a task and passes arguments and results", function()
    local got
    lull.group(function(g)
      got = table.pack(g:spawn(function(...) return ... end, 1, nil, 3):await())
    end)
    assert.same({ n = 3, 1, nil, 3 }, got)
  end)

  it("starts the task at the next turn", function()
    lull.group(function(g)
      local called = false
      g:spawn(function() called = true end)
      assert.is_false(called)
      lull.yield()
      assert.is_true(called)
    end)
  end)

  it("may be called from another task", function()
    local handed <const> = lull.future()
    local child
    local other <const> = lull.async(function()
      local g <const> = handed:await()
      child = g:spawn(function() return "from outside" end)
    end)()
    lull.group(function(g)
      handed:set(g)
      other:join()
    end)
    assert.equal("from outside", child:result())
  end)

  it("puts the task into the group, whichever scope calls it", function()
    local child
    local handed <const> = lull.future()
    local gate <const> = lull.future()
    local other <const> = started(function()
      handed:await():spawn(function() gate:await() end)
      return "ended without waiting"
    end)
    lull.group(function(g)
      handed:set(g)
      assert.equal("ended without waiting", other:await())
      child = g:spawn(function() gate:set() end)
    end)
    assert.equal("done", child:status())
  end)

  it("hands the error to those waiting for the child", function()
    local oops <const> = {}
    local after <const> = lull.group(function(g)
      local bad <const> = g:spawn(raiser(oops))
      assert.is_true(rawequal(oops, failure(lull.await, bad)))
      lull.yield()
      return "went on"
    end)
    assert.equal("went on", after)
  end)

  it("gives a cancelled, uncalled task in a cancelled group", function()
    local called = false
    local child
    lull.group(function(g)
      g:cancel()
      child = g:spawn(function() called = true end)
    end)
    assert.equal("cancelled", child:status())
    assert.is_false(called)
  end)

  it("raises after the group's end", function()
    local kept
    lull.group(function(g) kept = g end)
    local called = false
    assert.is_false((pcall(kept.spawn, kept, function() called = true end)))
    support.turns()
    assert.is_false(called)
  end)
end)

describe("g:start", function()
  it("waits until ready is called and returns its value", function()
    local log <const> = {}
    lull.group(function(g)
      local value <const> = g:start(function(ready)
        support.turns()
        log[#log + 1] = "ready"
        ready "port 80"
      end)
      log[#log + 1] = value
    end)
    assert.same({ "ready", "port 80" }, log)
  end)

  it("passes further arguments after ready", function()
    lull.group(function(g)
      assert.equal("a-b", g:start(function(ready, a, b) ready(a .. "-" .. b) end, "a", "b"))
    end)
  end)

  it("leaves the task running in the group after ready", function()
    local log <const> = {}
    lull.group(function(g)
      g:start(function(ready)
        ready()
        support.turns()
        log[#log + 1] = "child"
      end)
      log[#log + 1] = "body"
    end)
    assert.same({ "body", "child" }, log)
  end)

  it("ends the group with the error of a task that fails before ready", function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function(g) g:start(raiser(oops)) end)
    assert.is_true(rawequal(oops, err))
  end)

  it("ends the group with the error of a task that fails after ready", function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function(g)
      g:start(function(ready)
        ready()
        lull.yield()
        error(oops)
      end)
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end)
end)

describe("a group with a failing child", function()
  it("raises the child's error as it is", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.group, function(g) g:spawn(raiser(oops)) end)))
  end)

  it("raises a nil error as nil", function()
    assert.same({ n = 2, false }, table.pack(pcall(lull.group, function(g) g:spawn(raiser(nil)) end)))
  end)

  it("cancels its body where it waits", function()
    local inside
    failure(lull.group, function(g)
      g:spawn(raiser "oops")
      local _ <close> = support.closing(function(err) inside = err end)
      lull.sleep_forever()
    end)
    assert.is_true(lull.is_error(inside, "cancelled"))
  end)

  it("cannot be held up by pcall in its body", function()
    local after = false
    assert.equal("oops", failure(lull.group, function(g)
      g:spawn(raiser "oops")
      pcall(lull.sleep_forever)
      after = true
    end))
    assert.is_false(after)
  end)

  it("cancels and joins the other children before it raises", function()
    local log <const> = {}
    failure(lull.group, function(g)
      g:spawn(careful(log, "cleaned"))
      g:spawn(function()
        lull.yield()
        error "oops"
      end)
    end)
    assert.same({ "cleaned" }, log)
  end)

  it("treats a wait of its own at its end as no one waiting", function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function(g)
      g:spawn(function()
        support.turns()
        error(oops)
      end)
    end)
    assert.is_true(rawequal(oops, err))
  end)

  it("raises the first error and sends the others to the sink", function()
    local seen <const>, err <const> = support.sink(failure, lull.group, function(g)
      g:spawn(function()
        local _ <close> = support.closing(function() error("second", 0) end)
        lull.sleep_forever()
      end)
      g:spawn(function()
        lull.yield()
        error("first", 0)
      end)
    end)
    assert.equal("first", err)
    assert.equal(1, #seen)
    assert.equal("second", seen[1].err)
  end)

  it("leaves the task free after it has raised", function()
    failure(lull.group, function(g) g:spawn(raiser "oops") end)
    lull.yield()
  end)

  it("fails through nested groups with the same error", function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function(outer)
      outer:spawn(function() lull.group(function(inner) inner:spawn(raiser(oops)) end) end)
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end)

  it("is not failed by a child cancelled through its handle", function()
    local result <const> = lull.group(function(g)
      local child <const> = g:spawn(lull.sleep_forever)
      lull.yield()
      child:cancel()
      lull.yield()
      return "fine"
    end)
    assert.equal("fine", result)
  end)

  it("is failed by an async child at its end only", function()
    local oops <const> = {}
    local reached = false
    local err <const> = failure(lull.group, function()
      lull.async(raiser(oops))()
      support.turns()
      reached = true
    end)
    assert.is_true(reached)
    assert.is_true(rawequal(oops, err))
  end)
end)

describe("a group with a failing body", function()
  it("raises the body's error as it is", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.group, raiser(oops))))
  end)

  it("cancels and joins its children first", function()
    local log <const> = {}
    failure(lull.group, function(g)
      g:spawn(careful(log, "cleaned"))
      lull.yield()
      error "oops"
    end)
    assert.same({ "cleaned" }, log)
  end)

  it("never calls a child that had not begun", function()
    local called = false
    failure(lull.group, function(g)
      g:spawn(function() called = true end)
      error "oops"
    end)
    assert.is_false(called)
  end)

  it("raises the body's error before errors found at the end", function()
    local seen <const>, err <const> = support.sink(failure, lull.group, function()
      lull.async(raiser "child")()
      lull.yield()
      error("body", 0)
    end)
    assert.equal("body", err)
    assert.equal(1, #seen)
    assert.equal("child", seen[1].err)
  end)
end)

describe("g:cancel", function()
  it("ends the group without error", function()
    lull.group(function(g)
      g:cancel()
      lull.yield()
    end)
  end)

  it("returns the body's results if it returned", function()
    local got <const> = table.pack(lull.group(function(g)
      g:spawn(lull.sleep_forever)
      g:cancel()
      return "kept", nil
    end))
    assert.same({ n = 2, "kept" }, got)
  end)

  it("returns nothing if the body was cancelled", function()
    assert.equal(0, select("#", lull.group(function(g)
      g:cancel()
      lull.yield()
      return "never"
    end)))
  end)

  it("cancels the body at its next checkpoint", function()
    local reached, inside = false, nil
    lull.group(function(g)
      local _ <close> = support.closing(function(err) inside = err end)
      g:cancel "enough"
      lull.yield()
      reached = true
    end)
    assert.is_false(reached)
    assert.is_true(lull.is_error(inside, "cancelled"))
    assert.equal("enough", inside.reason)
  end)

  it("cancels and joins the children, with the reason", function()
    local log <const>, child = {}, nil
    lull.group(function(g)
      child = g:spawn(careful(log, "cleaned"))
      lull.yield()
      g:cancel "enough"
    end)
    assert.same({ "cleaned" }, log)
    assert.equal("cancelled", child:status())
    assert.equal("enough", child:error().reason)
  end)

  it("may be called from a child", function()
    lull.group(function(g)
      g:spawn(function() g:cancel() end)
      lull.sleep_forever()
    end)
  end)

  it("may be called from outside the group", function()
    local group
    local task <const> = started(function()
      lull.group(function(g)
        group = g
        lull.sleep_forever()
      end)
      lull.yield()
      return "went on"
    end)
    group:cancel()
    assert.equal("went on", task:await())
  end)

  it("still raises an error of a child's cleanup to somebody", function()
    local seen <const>, ok <const>, err <const> = support.sink(pcall, lull.group, function(g)
      g:spawn(function()
        local _ <close> = support.closing(function() error("cleanup", 0) end)
        lull.sleep_forever()
      end)
      lull.yield()
      g:cancel()
    end)
    assert.equal("cleanup", ok and seen[1] and seen[1].err or err)
  end)
end)

describe("a group in a cancelled task", function()
  it("cancels and joins its children, then passes the cancellation on", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = support.closing(function() log[#log + 1] = "left" end)
      lull.group(function(g)
        g:spawn(careful(log, "cleaned"))
        lull.sleep_forever()
      end)
    end)
    lull.yield()
    task:cancel "outside"
    assert.equal("cancelled", task:join())
    assert.equal("outside", task:error().reason)
    assert.same({ "cleaned", "left" }, log)
  end)

  it("cancels its children when cancelled during its final wait", function()
    local child
    local task <const> = started(function()
      lull.group(function(g) child = g:spawn(lull.sleep_forever) end)
    end)
    support.turns()
    task:cancel()
    task:join()
    assert.equal("cancelled", child:status())
  end)
end)
