--- lull.gather: both forms, limit, settle, adoption.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

--- A function that waits for `gate` and then returns `...`.
local function after(gate, ...)
  local values <const> = table.pack(...)
  return function()
    gate:await()
    return table.unpack(values, 1, values.n)
  end
end

describe("lull.gather with arguments", function()
  it("starts functions and returns their results in argument order", function()
    local first <const>, second <const> = lull.future(), lull.future()
    local late <const> = lull.async(function()
      second:set()
      lull.yield()
      first:set()
    end)()
    local a, b = lull.gather(after(first, "a"), after(second, "b"))
    late:join()
    assert.equal("a", a)
    assert.equal("b", b)
  end)

  it("runs its functions at the same time", function()
    local log <const> = {}
    local function talk(name)
      return function()
        log[#log + 1] = name .. "1"
        lull.yield()
        log[#log + 1] = name .. "2"
      end
    end
    lull.gather(talk "a", talk "b")
    assert.same({ "a1", "b1", "a2", "b2" }, log)
  end)

  it("calls its functions without arguments, each in a task of its own", function()
    local count, tasks = 0, {}
    local function note(...)
      count = count + select("#", ...)
      tasks[#tasks + 1] = lull.current()
    end
    lull.gather(note, note)
    assert.equal(0, count)
    assert.is_true(tasks[1] ~= tasks[2])
    assert.is_true(tasks[1] ~= lull.current())
  end)

  it("takes tasks and futures beside functions", function()
    local future <const> = lull.future()
    local task <const> = lull.async(function() return "task" end)()
    lull.async(function() future:set "future" end)()
    local got <const> = table.pack(lull.gather(future, task, function() return "function" end))
    assert.same({ n = 3, "future", "task", "function" }, got)
  end)

  it("takes what has already finished", function()
    local task <const> = started(function() return 1 end)
    local future <const> = lull.future()
    future:set(2)
    assert.same({ n = 2, 1, 2 }, table.pack(lull.gather(task, future)))
  end)

  it("keeps the first result of each", function()
    local function several() return 1, 2, 3 end
    assert.same({ n = 2, 1, 1 }, table.pack(lull.gather(several, several)))
  end)

  it("keeps the place of a result that is nil or missing", function()
    local got <const> = table.pack(lull.gather(
      function() return nil end, function() return 2 end, function() end))
    assert.same({ n = 3, [2] = 2 }, got)
  end)

  it("returns nothing when called without arguments", function()
    assert.equal(0, select("#", lull.gather()))
  end)

  it("takes one task as an argument, not as a list", function()
    local task <const> = lull.async(function() return "one" end)()
    assert.equal("one", lull.gather(task))
  end)

  it("takes one function as an argument", function()
    assert.equal("one", lull.gather(function() return "one" end))
  end)

  it("takes callable tables as functions", function()
    local callable <const> = setmetatable({}, { __call = function() return "called" end })
    local a, b = lull.gather(callable, callable)
    assert.equal("called", a)
    assert.equal("called", b)
  end)

  it("fills both places when given the same handle twice", function()
    local task <const> = lull.async(function() return "x" end)()
    assert.same({ n = 2, "x", "x" }, table.pack(lull.gather(task, task)))
  end)

  it("starts the same function as often as it is given", function()
    local calls = 0
    local function count()
      calls = calls + 1
      return calls
    end
    lull.gather(count, count, count)
    assert.equal(3, calls)
  end)

  it("raises for a wrong argument before any is started", function()
    local started_one = false
    local ok <const> = pcall(lull.gather, function() started_one = true end, 42)
    support.turns()
    assert.is_false(ok)
    assert.is_false(started_one)
  end)
end)

describe("lull.gather with a list", function()
  it("returns an array with n in list order", function()
    local got <const> = lull.gather { function() return "a" end, function() return "b" end }
    assert.same({ n = 2, "a", "b" }, got)
  end)

  it("returns an empty array for an empty list", function()
    assert.same({ n = 0 }, lull.gather {})
  end)

  it("keeps nil results in their places", function()
    local got <const> = lull.gather { function() end, function() return 2 end, function() end }
    assert.same({ n = 3, [2] = 2 }, got)
  end)

  it("takes as many entries as list.n says", function()
    local got <const> = lull.gather { n = 1, function() return 1 end, function() return 2 end }
    assert.same({ n = 1, 1 }, got)
  end)

  it("raises for a hole before any is started", function()
    local started_one = false
    local function note() started_one = true end
    assert.is_false((pcall(lull.gather, { n = 3, note, nil, note })))
    support.turns()
    assert.is_false(started_one)
  end)

  it("raises for a wrong entry before any is started", function()
    local started_one = false
    local function note() started_one = true end
    assert.is_false((pcall(lull.gather, { note, "not a task" })))
    support.turns()
    assert.is_false(started_one)
  end)

  it("leaves the given list alone", function()
    local function fn() return 1 end
    local list <const> = { fn, fn }
    lull.gather(list)
    assert.same({ fn, fn }, list)
  end)

  it("fills both places when a handle stands in the list twice", function()
    local task <const> = lull.async(function() return "x" end)()
    assert.same({ n = 2, "x", "x" }, lull.gather { task, task })
  end)
end)

describe("lull.gather on an error", function()
  it("raises the first error unchanged", function()
    local oops <const> = {}
    local err <const> = failure(lull.gather, raiser(oops), lull.sleep_forever)
    assert.is_true(rawequal(oops, err))
  end)

  it("raises a nil error", function()
    assert.same({ n = 2, false }, table.pack(pcall(lull.gather, raiser(nil), lull.sleep_forever)))
  end)

  it("cancels the unfinished tasks it was given", function()
    local task <const> = started(lull.sleep_forever)
    failure(lull.gather, task, raiser "oops")
    assert.equal("cancelled", task:status())
  end)

  it("joins the cancelled before it raises", function()
    local cleaned = false
    failure(lull.gather, function()
      local _ <close> = lull.finally(function()
        support.turns()
        cleaned = true
      end)
      lull.sleep_forever()
    end, function()
      lull.yield()
      error "oops"
    end)
    assert.is_true(cleaned)
  end)

  it("never cancels futures", function()
    local future <const> = lull.future()
    failure(lull.gather, future, raiser "oops")
    assert.equal("pending", future:status())
    future:set()
  end)

  it("raises the failure of a future", function()
    local future <const> = lull.future()
    local task <const> = started(lull.sleep_forever)
    lull.async(function() future:fail "broken" end)()
    assert.equal("broken", failure(lull.gather, task, future))
    assert.equal("cancelled", task:status())
  end)

  it("sends later errors of the cancelled to the sink", function()
    local late <const> = {}
    local seen <const>, err <const> = support.sink(function()
      return failure(lull.gather, function()
        local _ <close> = support.closing(function() error(late) end)
        lull.sleep_forever()
      end, function()
        lull.yield()
        error("first", 0)
      end)
    end)
    assert.equal("first", err)
    assert.equal(1, #seen)
    assert.is_true(rawequal(late, seen[1].err))
  end)

  it("raises the error that came first in time, not in argument order", function()
    local gate <const> = lull.future()
    local seen <const>, err <const> = support.sink(function()
      local slow <const> = started(function()
        gate:await()
        error("second", 0)
      end)
      local quick <const> = started(raiser "first")
      gate:set()
      support.turns()
      assert.equal("failed", slow:status())
      return failure(lull.gather, slow, quick)
    end)
    assert.equal("first", err)
    assert.equal("second", seen[1] and seen[1].err)
  end)

  it("treats a cancelled child as an ordinary cancelled error", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    local err <const> = failure(lull.gather, victim, lull.sleep_forever)
    assert.is_true(rawequal(victim:error(), err))
    lull.yield()
  end)

  it("receives the errors of the tasks it was given", function()
    local owner <const> = lull.async(function()
      pcall(lull.gather, lull.async(raiser "oops")(), lull.sleep_forever)
      return "fine"
    end)()
    assert.equal("fine", owner:await())
  end)
end)

describe("lull.gather and its caller", function()
  it("cancels and joins its tasks when the caller is cancelled", function()
    local log <const> = {}
    local given <const> = started(lull.sleep_forever)
    local caller <const> = started(function()
      local _ <close> = support.closing(function() log[#log + 1] = "caller left" end)
      lull.gather(given, function()
        local _ <close> = lull.finally(function()
          support.turns()
          log[#log + 1] = "child cleaned"
        end)
        lull.sleep_forever()
      end)
    end)
    lull.yield()
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("cancelled", given:status())
    assert.same({ "child cleaned", "caller left" }, log)
  end)

  it("keeps its futures when the caller is cancelled", function()
    local future <const> = lull.future()
    local caller <const> = started(lull.gather, future)
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("pending", future:status())
    future:set()
  end)

  it("spares a task that is only awaited by a given function", function()
    local gate <const> = lull.future()
    local task <const> = started(function() return gate:await() end)
    failure(lull.gather, function() return task:await() end, function()
      lull.yield()
      error "oops"
    end)
    assert.equal("pending", task:status())
    gate:set "spared"
    assert.equal("spared", task:await())
  end)

  it("leaves a given task with its owner, which can still cancel it", function()
    local handed <const> = lull.future()
    local given
    local gatherer <const> = started(function() return failure(lull.gather, (handed:await())) end)
    lull.group(function(g)
      given = g:spawn(lull.sleep_forever)
      handed:set(given)
      support.turns()
      g:cancel "closing time"
    end)
    assert.equal("cancelled", given:status())
    assert.is_true(rawequal(given:error(), gatherer:await()))
  end)

  it("raises usage for the running task", function()
    assert.is_true(lull.is_error(failure(lull.gather, lull.current()), "usage"))
  end)

  it("raises usage for an owner of the running task", function()
    local owner <const> = lull.current()
    local child <const> = lull.async(function()
      return failure(lull.gather, owner, function() end)
    end)()
    assert.is_true(lull.is_error(child:await(), "usage"))
  end)

  it("raises usage for an owner further up", function()
    local owner <const> = lull.current()
    local child <const> = lull.async(function()
      return lull.async(function() return failure(lull.gather, owner) end)():await()
    end)()
    assert.is_true(lull.is_error(child:await(), "usage"))
  end)

  it("raises usage for a task that waits for the running task", function()
    local me <const> = lull.current()
    local waiter <const> = started(function() me:await() end)
    local err <const> = failure(lull.gather, waiter)
    waiter:cancel()
    waiter:join()
    assert.is_true(lull.is_error(err, "usage"))
  end)
end)
