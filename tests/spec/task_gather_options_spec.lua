--- lull.gather over a list: opts.limit and opts.settle.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

--- A list of `count` functions that record how many run at once.
local function crowd(count)
  local seen <const> = { now = 0, most = 0, started = 0 }
  local list <const> = {}
  for i = 1, count do
    list[i] = function()
      seen.now = seen.now + 1
      seen.started = seen.started + 1
      seen.most = math.max(seen.most, seen.now)
      for _ = 1, i % 3 + 1 do lull.yield() end
      seen.now = seen.now - 1
      return i
    end
  end
  return list, seen
end

describe("gather's limit", function()
  it("runs at most that many functions at once", function()
    local list <const>, seen <const> = crowd(10)
    lull.gather(list, { limit = 3 })
    assert.equal(3, seen.most)
  end)

  it("runs one after the other with a limit of 1", function()
    local list <const>, seen <const> = crowd(5)
    lull.gather(list, { limit = 1 })
    assert.equal(1, seen.most)
  end)

  it("runs all of them", function()
    local list <const>, seen <const> = crowd(10)
    lull.gather(list, { limit = 3 })
    assert.equal(10, seen.started)
  end)

  it("keeps the results in list order", function()
    local list <const> = crowd(7)
    assert.same({ n = 7, 1, 2, 3, 4, 5, 6, 7 }, lull.gather(list, { limit = 2 }))
  end)

  it("may be larger than the list", function()
    local list <const>, seen <const> = crowd(4)
    assert.same({ n = 4, 1, 2, 3, 4 }, lull.gather(list, { limit = 100 }))
    assert.equal(4, seen.most)
  end)

  it("starts the functions in list order", function()
    local order <const> = {}
    local list <const> = {}
    for i = 1, 6 do
      list[i] = function()
        order[#order + 1] = i
        lull.yield()
      end
    end
    lull.gather(list, { limit = 2 })
    assert.same({ 1, 2, 3, 4, 5, 6 }, order)
  end)

  it("starts no further function after an error", function()
    local third = false
    failure(lull.gather, {
      raiser "oops",
      lull.sleep_forever,
      function() third = true end,
    }, { limit = 2 })
    support.turns()
    assert.is_false(third)
  end)

  it("starts no further function when the caller is cancelled", function()
    local third = false
    local caller <const> = started(lull.gather, {
      lull.sleep_forever,
      lull.sleep_forever,
      function() third = true end,
    }, { limit = 2 })
    support.turns()
    caller:cancel()
    caller:join()
    support.turns()
    assert.is_false(third)
  end)

  it("leaves no function out when one place is freed by a failure under settle", function()
    local got <const> = lull.gather({ raiser "a", raiser "b", function() return "c" end },
      { limit = 1, settle = true })
    assert.equal("a", got[1].error)
    assert.equal("b", got[2].error)
    assert.equal("c", got[3][1])
  end)

  for _, bad in ipairs { 0, -1, 0 / 0, "many", {} } do
    it("raises for a limit of " .. (type(bad) == "table" and "{}" or tostring(bad)), function()
      local called = false
      assert.is_false((pcall(lull.gather, { function() called = true end }, { limit = bad })))
      support.turns()
      assert.is_false(called)
    end)
  end
end)

describe("gather's settle", function()
  it("gives {ok=true, value, ...} for a good end", function()
    local got <const> = lull.gather({ function() return 1, nil, 3 end }, { settle = true })
    assert.is_true(got[1].ok)
    assert.equal(1, got[1][1])
    assert.is_nil(got[1][2])
    assert.equal(3, got[1][3])
    assert.is_nil(got[1].error)
  end)

  it("gives {ok=false, error=e} for a failure", function()
    local oops <const> = {}
    local got <const> = lull.gather({ raiser(oops) }, { settle = true })
    assert.is_false(got[1].ok)
    assert.is_true(rawequal(oops, got[1].error))
  end)

  it("gives ok=false for a nil error", function()
    local got <const> = lull.gather({ raiser(nil) }, { settle = true })
    assert.is_false(got[1].ok)
    assert.is_nil(got[1].error)
  end)

  it("gives the cancelled error of a cancelled child", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel "gone"
    local got <const> = lull.gather({ victim }, { settle = true })
    assert.is_false(got[1].ok)
    assert.is_true(lull.is_error(got[1].error, "cancelled"))
    assert.equal("gone", got[1].error.reason)
  end)

  it("never raises for a child and cancels nobody", function()
    local gate <const> = lull.future()
    local got <const> = lull.gather({
      raiser "first",
      function()
        gate:await()
        return "whole"
      end,
      function()
        support.turns()
        gate:set()
        error("last", 0)
      end,
    }, { settle = true })
    assert.equal(3, got.n)
    assert.equal("first", got[1].error)
    assert.equal("whole", got[2][1])
    assert.equal("last", got[3].error)
  end)

  it("keeps the entries in list order", function()
    local future <const> = lull.future()
    lull.async(function()
      support.turns()
      future:set "late"
    end)()
    local got <const> = lull.gather({ future, function() return "early" end }, { settle = true })
    assert.equal("late", got[1][1])
    assert.equal("early", got[2][1])
  end)

  it("gives the failure of a future", function()
    local future <const> = lull.future()
    future:fail "broken"
    local got <const> = lull.gather({ future }, { settle = true })
    assert.is_false(got[1].ok)
    assert.equal("broken", got[1].error)
  end)

  it("gives an empty array for an empty list", function()
    assert.same({ n = 0 }, lull.gather({}, { settle = true }))
  end)

  it("receives the errors of given tasks", function()
    local owner <const> = lull.async(function()
      lull.gather({ lull.async(raiser "oops")() }, { settle = true })
    end)()
    assert.equal("done", owner:join())
  end)

  it("still raises for a wrong entry before any is started", function()
    local called = false
    assert.is_false((pcall(lull.gather, { function() called = true end, 1 }, { settle = true })))
    support.turns()
    assert.is_false(called)
  end)

  it("still cancels its tasks when the caller is cancelled", function()
    local given <const> = started(lull.sleep_forever)
    local caller <const> = started(lull.gather, { given }, { settle = true })
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("cancelled", given:status())
  end)
end)
