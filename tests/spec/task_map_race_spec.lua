--- lull.map and lull.race.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

describe("lull.map", function()
  it("calls fn(item, index) for each item", function()
    local seen <const> = {}
    lull.map({ "a", "b" }, function(...) seen[#seen + 1] = table.pack(...) end)
    assert.same({ { n = 2, "a", 1 }, { n = 2, "b", 2 } }, seen)
  end)

  it("returns an array with n in list order", function()
    local gate <const> = lull.future()
    local got <const> = lull.map({ "slow", "quick" }, function(item)
      if item == "slow" then gate:await() else gate:set() end
      return item:upper()
    end)
    assert.same({ n = 2, "SLOW", "QUICK" }, got)
  end)

  it("keeps the first result of each call", function()
    assert.same({ n = 2, 1, 2 }, lull.map({ 1, 2 }, function(x) return x, "more" end))
  end)

  it("keeps nil results in their places", function()
    local got <const> = lull.map({ 1, 2, 3 }, function(x) return x ~= 2 and x or nil end)
    assert.same({ n = 3, 1, nil, 3 }, got)
  end)

  it("returns an empty array for an empty list", function()
    assert.same({ n = 0 }, lull.map({}, print))
  end)

  it("takes items that are false", function()
    assert.same({ n = 1, true }, lull.map({ false }, function(x) return not x end))
  end)

  it("passes tasks and functions among the items on as values", function()
    local task <const> = started(function() end)
    local got <const> = lull.map({ task, print }, function(item) return item end)
    assert.is_true(rawequal(task, got[1]))
    assert.equal(print, got[2])
  end)

  it("runs each call in a task of its own, at the same time", function()
    local log <const> = {}
    lull.map({ "a", "b" }, function(name)
      log[#log + 1] = name
      lull.yield()
      log[#log + 1] = name
    end)
    assert.same({ "a", "b", "a", "b" }, log)
  end)

  it("takes as many items as list.n says", function()
    assert.same({ n = 1, 10 }, lull.map({ n = 1, 10, 20 }, function(x) return x end))
  end)

  it("raises for a hole before any is started", function()
    local called = false
    assert.is_false((pcall(lull.map, { n = 3, 1, nil, 3 }, function() called = true end)))
    support.turns()
    assert.is_false(called)
  end)

  it("takes a callable table", function()
    local double <const> = setmetatable({}, { __call = function(_, x) return x * 2 end })
    assert.same({ n = 2, 2, 4 }, lull.map({ 1, 2 }, double))
  end)

  it("raises the first error after cancelling and joining the others", function()
    local oops <const>, log <const> = {}, {}
    local err <const> = failure(lull.map, { 1, 2 }, function(i)
      if i == 2 then
        lull.yield()
        error(oops)
      end
      local _ <close> = lull.finally(function()
        support.turns()
        log[#log + 1] = "cleaned"
      end)
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
    assert.same({ "cleaned" }, log)
  end)

  it("obeys opts.limit", function()
    local now, most = 0, 0
    lull.map({ 1, 2, 3, 4, 5 }, function()
      now = now + 1
      most = math.max(most, now)
      support.turns()
      now = now - 1
    end, { limit = 2 })
    assert.equal(2, most)
  end)

  it("obeys opts.settle", function()
    local got <const> = lull.map({ 1, 2 }, function(x)
      if x == 2 then error("odd", 0) end
      return x
    end, { settle = true })
    assert.is_true(got[1].ok)
    assert.equal(1, got[1][1])
    assert.is_false(got[2].ok)
    assert.equal("odd", got[2].error)
  end)

  it("cancels and joins its tasks when the caller is cancelled", function()
    local cleaned = 0
    local caller <const> = started(lull.map, { 1, 2 }, function()
      local _ <close> = support.closing(function() cleaned = cleaned + 1 end)
      lull.sleep_forever()
    end)
    lull.yield()
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal(2, cleaned)
  end)
end)

describe("lull.race", function()
  it("returns all results of the first to finish", function()
    local got <const> = table.pack(lull.race(lull.sleep_forever, function() return 1, nil, 3 end))
    assert.same({ n = 3, 1, nil, 3 }, got)
  end)

  it("takes a list", function()
    assert.equal("won", lull.race { lull.sleep_forever, function() return "won" end })
  end)

  it("raises the error of the first to finish", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.race, lull.sleep_forever, raiser(oops))))
  end)

  it("cancels and joins the losers before it returns", function()
    local log <const> = {}
    lull.race(function()
      local _ <close> = lull.finally(function()
        support.turns()
        log[#log + 1] = "loser cleaned"
      end)
      lull.sleep_forever()
    end, function() lull.yield() end)
    log[#log + 1] = "returned"
    assert.same({ "loser cleaned", "returned" }, log)
  end)

  it("cancels given tasks that lose", function()
    local task <const> = started(lull.sleep_forever)
    lull.race(task, function() end)
    assert.equal("cancelled", task:status())
  end)

  it("does not let a function run on when another entrant had already finished", function()
    local finished <const> = started(function() return "won" end)
    local called = false
    assert.equal("won", lull.race(finished, function()
      lull.yield()
      called = true
    end))
    assert.is_false(called)
  end)

  it("takes futures and never cancels them", function()
    local loser <const>, winner <const> = lull.future(), lull.future()
    lull.async(function() winner:set "future" end)()
    assert.equal("future", lull.race(loser, winner))
    assert.equal("pending", loser:status())
    loser:set()
  end)

  it("gives the win to the one that ended first, not to the first argument", function()
    local gate <const> = lull.future()
    local slow <const> = started(function()
      gate:await()
      return "slow"
    end)
    local quick <const> = started(function() return "quick" end)
    gate:set()
    slow:join()
    assert.equal("quick", lull.race(slow, quick))
  end)

  it("takes a single entrant", function()
    assert.equal(1, lull.race(function() return 1 end))
  end)

  it("takes the same handle twice", function()
    local task <const> = lull.async(function() return "x" end)()
    assert.equal("x", lull.race(task, task))
  end)

  it("raises an argument error without entrants", function()
    assert.is_string(failure(lull.race))
    assert.is_string(failure(lull.race, {}))
  end)

  it("raises for a wrong entrant before any is started", function()
    local called = false
    assert.is_false((pcall(lull.race, function() called = true end, "nobody")))
    support.turns()
    assert.is_false(called)
  end)

  it("raises for a hole in the list", function()
    assert.is_false((pcall(lull.race, { n = 3, print, nil, print })))
  end)

  it("sends errors of losers to the sink", function()
    local late <const> = {}
    local seen <const>, winner <const> = support.sink(lull.race, function()
      local _ <close> = support.closing(function() error(late) end)
      lull.sleep_forever()
    end, function()
      lull.yield()
      return "won"
    end)
    assert.equal("won", winner)
    assert.equal(1, #seen)
    assert.is_true(rawequal(late, seen[1].err))
  end)

  it("does not report the cancellation of losers", function()
    local seen <const> = support.sink(lull.race, lull.sleep_forever, function() end)
    assert.same({}, seen)
  end)

  it("lets a cancelled entrant win with its cancelled error", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    local err <const> = failure(lull.race, lull.sleep_forever, victim)
    assert.is_true(rawequal(victim:error(), err))
  end)

  it("cancels and joins all when the caller is cancelled", function()
    local log <const> = {}
    local given <const> = started(lull.sleep_forever)
    local caller <const> = started(function()
      local _ <close> = support.closing(function() log[#log + 1] = "caller left" end)
      lull.race(given, function()
        local _ <close> = lull.finally(function()
          support.turns()
          log[#log + 1] = "entrant cleaned"
        end)
        lull.sleep_forever()
      end)
    end)
    lull.yield()
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("cancelled", given:status())
    assert.same({ "entrant cleaned", "caller left" }, log)
  end)

  it("raises usage for the running task", function()
    assert.is_true(lull.is_error(failure(lull.race, lull.current()), "usage"))
  end)

  it("raises usage for an owner of the running task", function()
    local owner <const> = lull.current()
    local child <const> = lull.async(function() return failure(lull.race, owner) end)()
    assert.is_true(lull.is_error(child:await(), "usage"))
  end)

  it("raises usage for a task that waits for the running task", function()
    local me <const> = lull.current()
    local waiter <const> = started(function() me:await() end)
    local err <const> = failure(lull.race, waiter)
    waiter:cancel()
    waiter:join()
    assert.is_true(lull.is_error(err, "usage"))
  end)
end)
