--- lull.shield: cancellation from outside is held back.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started
local virtual = support.virtual

describe("lull.shield", function()
  it("returns all results, nils included", function()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(lull.shield(function() return 1, nil, 3 end)))
  end)

  it("passes its arguments to fn", function()
    local got <const> = table.pack(lull.shield(function(...) return ... end, "a", nil, "b"))
    assert.same({ n = 3, "a", nil, "b" }, got)
  end)

  it("runs fn in the current task", function()
    assert.equal(lull.current(), (lull.shield(lull.current)))
  end)

  it("takes anything callable", function()
    local callable <const> = setmetatable({}, { __call = function(_, x) return x end })
    assert.equal("x", lull.shield(callable, "x"))
  end)

  it("raises the error of fn unchanged", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.shield, raiser(oops))))
  end)

  it("holds back a cancellation while fn runs", function()
    local gate <const> = lull.future()
    local got
    local task <const> = started(function()
      lull.shield(function()
        got = gate:await()
        lull.yield()
        got = got .. " and more"
      end)
    end)
    task:cancel()
    support.turns()
    assert.equal("pending", task:status())
    gate:set "whole"
    task:join()
    assert.equal("whole and more", got)
  end)

  it("lets the cancellation out at the first checkpoint after", function()
    local gate <const> = lull.future()
    local log <const> = {}
    local task <const> = started(function()
      lull.shield(function() gate:await() end)
      log[#log + 1] = "after the shield"
      lull.yield()
      log[#log + 1] = "after the checkpoint"
    end)
    task:cancel "enough"
    gate:set()
    assert.equal("cancelled", task:join())
    assert.equal("enough", task:error().reason)
    assert.same({ "after the shield" }, log)
  end)

  it("keeps the result of a task that meets no checkpoint after", function()
    local gate <const> = lull.future()
    local task <const> = started(function() return lull.shield(function() return gate:await() end) end)
    task:cancel()
    gate:set "kept"
    assert.equal("done", task:join())
    assert.equal("kept", task:result())
  end)

  it("can be entered while the task is cancelled", function()
    local cleaned = false
    local task <const> = started(function()
      local _ <close> = support.closing(function()
        lull.shield(function()
          support.turns()
          cleaned = true
        end)
      end)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.is_true(cleaned)
  end)

  it("holds the cancellation back in nested shields until the outermost ends", function()
    local gate <const> = lull.future()
    local log <const> = {}
    local task <const> = started(function()
      lull.shield(function()
        lull.shield(function() gate:await() end)
        lull.yield()
        log[#log + 1] = "still shielded"
      end)
      lull.yield()
      log[#log + 1] = "too far"
    end)
    task:cancel()
    gate:set()
    assert.equal("cancelled", task:join())
    assert.same({ "still shielded" }, log)
  end)

  it("holds back the deadline of a timeout around it", virtual(function()
    local finished = false
    local err <const> = failure(lull.timeout, 2, function()
      lull.shield(function()
        lull.sleep(10)
        finished = true
      end)
      lull.yield()
    end)
    assert.is_true(finished)
    assert.is_true(lull.is_error(err, "timeout"))
  end))

  it("does not hold back the deadline of a timeout inside it", virtual(function()
    local start <const> = lull.now()
    local err <const> = lull.shield(function() return failure(lull.timeout, 2, lull.sleep_forever) end)
    assert.is_true(lull.is_error(err, "timeout"))
    assert.is_near(2, lull.now() - start, 0.01)
  end))

  it("lets a timeout inside it work in a cancelled task", virtual(function()
    local err
    local task <const> = started(function()
      local _ <close> = lull.finally(function() err = failure(lull.timeout, 2, lull.sleep_forever) end)
      lull.sleep_forever()
    end)
    task:cancel()
    task:join()
    assert.is_true(lull.is_error(err, "timeout"))
  end))

  it("holds back the cancellation of a group around it", function()
    local gate <const> = lull.future()
    local finished = false
    lull.group(function(g)
      g:spawn(function()
        lull.shield(function()
          gate:await()
          lull.yield()
          finished = true
        end)
      end)
      lull.yield()
      g:cancel()
      gate:set()
    end)
    assert.is_true(finished)
  end)

  it("protects what it owns until it ends", function()
    local gate <const> = lull.future()
    local child
    local task <const> = started(function()
      lull.shield(function()
        child = lull.async(function() return gate:await() end)()
        child:await()
      end)
    end)
    lull.yield()
    task:cancel()
    support.turns()
    assert.equal("pending", child:status())
    gate:set "whole"
    task:join()
    assert.equal("whole", child:result())
  end)

  it("protects tasks further down in what it owns", function()
    local gate <const> = lull.future()
    local grandchild
    local task <const> = started(function()
      lull.shield(function()
        lull.async(function()
          grandchild = lull.async(function() return gate:await() end)()
          grandchild:await()
        end)():await()
      end)
    end)
    support.turns()
    task:cancel()
    support.turns()
    assert.equal("pending", grandchild:status())
    gate:set "whole"
    task:join()
    assert.equal("whole", grandchild:result())
  end)

  it("does not wait for what it owns when fn ends well", function()
    local gate <const> = lull.future()
    local child <const> = lull.shield(function() return lull.async(function() gate:await() end)() end)
    assert.equal("pending", child:status())
    gate:set()
    child:join()
  end)

  it("passes what still runs to a cancelled scope around it, which cancels it", function()
    local gate <const> = lull.future()
    local child
    local task <const> = started(function()
      lull.shield(function()
        child = lull.async(lull.sleep_forever)()
        gate:await()
      end)
      lull.yield()
    end)
    task:cancel()
    gate:set()
    assert.equal("cancelled", task:join())
    assert.equal("cancelled", child:status())
  end)

  it("cancels and joins what it owns when fn fails", function()
    local child
    local cleaned = false
    failure(lull.shield, function()
      child = lull.async(function()
        local _ <close> = lull.finally(function()
          support.turns()
          cleaned = true
        end)
        lull.sleep_forever()
      end)()
      lull.yield()
      error "oops"
    end)
    assert.equal("cancelled", child:status())
    assert.is_true(cleaned)
  end)

  it("ends with the error of a spawned child that nobody awaits", function()
    local oops <const> = {}
    local err <const> = failure(lull.shield, function()
      lull.spawn(raiser(oops))
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end)
end)
