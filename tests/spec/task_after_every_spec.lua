--- lull.sleep and its family, lull.after and lull.every, on the virtual clock.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started
local virtual = support.virtual

describe("lull.sleep", function()
  it("suspends for at least the time given", virtual(function()
    local start <const> = lull.now()
    lull.sleep(2.5)
    assert.is_true(lull.now() - start >= 2.5)
    assert.is_near(2.5, lull.now() - start, 0.01)
  end))

  it("returns the extra values, nils included", virtual(function()
    assert.same({ n = 3, "a", nil, "b" }, table.pack(lull.sleep(1, "a", nil, "b")))
  end))

  it("returns nothing without extra values", virtual(function()
    assert.equal(0, select("#", lull.sleep(1)))
  end))

  it("suspends only the calling task", virtual(function()
    local start <const> = lull.now()
    lull.gather(function() lull.sleep(3) end, function() lull.sleep(3) end, function() lull.sleep(2) end)
    assert.is_near(3, lull.now() - start, 0.01)
  end))

  for _, seconds in ipairs { 0, -0.0, -1, -math.huge } do
    it("yields one turn for " .. seconds, function()
      local log <const> = {}
      local other <const> = lull.async(function()
        log[#log + 1] = "other"
      end)()
      assert.equal("extra", (lull.sleep(seconds, "extra")))
      log[#log + 1] = "slept"
      other:join()
      assert.same({ "other", "slept" }, log)
    end)
  end

  it("wakes sleepers in the order of their deadlines", virtual(function()
    local log <const> = {}
    lull.map({ 3, 1, 2 }, function(seconds)
      lull.sleep(seconds)
      log[#log + 1] = seconds
    end)
    assert.same({ 1, 2, 3 }, log)
  end))

  it("wakes sleepers with one deadline in the order they began", virtual(function()
    local log <const> = {}
    local deadline <const> = lull.now() + 1
    lull.map({ "a", "b", "c", "d" }, function(name)
      lull.sleep_until(deadline)
      log[#log + 1] = name
    end)
    assert.same({ "a", "b", "c", "d" }, log)
  end))

  it("can be cancelled", virtual(function()
    local start <const> = lull.now()
    local task <const> = started(lull.sleep, 100)
    task:cancel()
    task:join()
    assert.is_near(0, lull.now() - start, 0.01)
  end))
end)

describe("lull.sleep_until", function()
  it("suspends until now() has reached the time given", virtual(function()
    local deadline <const> = lull.now() + 4
    lull.sleep_until(deadline)
    assert.is_true(lull.now() >= deadline)
    assert.is_near(deadline, lull.now(), 0.01)
  end))

  it("never wakes before its time, however numbers are rounded", virtual(function()
    for i = 1, 1000 do
      local deadline <const> = lull.now() + i / 7
      lull.sleep_until(deadline)
      assert.is_true(lull.now() >= deadline)
    end
  end))

  it("returns soon for a time that has passed", virtual(function()
    local start <const> = lull.now()
    lull.sleep_until(start - 10)
    assert.is_near(start, lull.now(), 0.01)
  end))
end)

describe("lull.sleep_forever", function()
  it("suspends until cancelled", virtual(function()
    local task <const> = started(lull.sleep_forever)
    lull.sleep(1e6)
    assert.equal("pending", task:status())
    task:cancel()
    assert.equal("cancelled", task:join())
  end))
end)

describe("lull.now", function()
  it("never goes back", function()
    local last = lull.now()
    for _ = 1, 100 do
      lull.yield()
      local now <const> = lull.now()
      assert.is_true(now >= last)
      last = now
    end
  end)

  it("stands still while a task runs on the virtual clock", virtual(function()
    local start <const> = lull.now()
    for _ = 1, 1000 do lull.yield() end
    assert.equal(start, lull.now())
  end))
end)

describe("lull.after", function()
  it("runs fn later, with its arguments", virtual(function()
    local start <const> = lull.now()
    local got, at
    lull.after(2, function(...)
      got = table.pack(...)
      at = lull.now() - start
    end, 1, nil, 3)
    assert.is_nil(got)
    lull.sleep(5)
    assert.same({ n = 3, 1, nil, 3 }, got)
    assert.is_near(2, at, 0.01)
  end))

  it("does not suspend", function()
    local other_ran = false
    local other <const> = lull.async(function() other_ran = true end)()
    local handle <const> = lull.after(5, print)
    assert.is_false(other_ran)
    handle:cancel()
    other:join()
  end)

  it("runs fn as a task, which may wait", virtual(function()
    local task
    lull.after(1, function()
      task = lull.current()
      lull.sleep(1)
    end)
    lull.sleep(1.5)
    assert.equal("pending", task:status())
    assert.is_true(task ~= lull.current())
    lull.sleep(5)
    assert.equal("done", task:status())
  end))

  it("is waited for by its owner", virtual(function()
    local log <const> = {}
    lull.group(function()
      lull.after(3, function() log[#log + 1] = "ran" end)
    end)
    assert.same({ "ran" }, log)
  end))

  it("is waited for by its owner while it runs", virtual(function()
    local log <const> = {}
    lull.group(function()
      lull.after(3, function()
        lull.sleep(3)
        log[#log + 1] = "ran"
      end)
    end)
    assert.same({ "ran" }, log)
  end))

  it("fails its owner as spawn does", virtual(function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function()
      lull.after(1, raiser(oops))
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end))

  it("never runs when its owner fails first", virtual(function()
    local ran = false
    failure(lull.group, function()
      lull.after(1, function() ran = true end)
      error "oops"
    end)
    lull.sleep(5)
    assert.is_false(ran)
  end))

  it("never runs when cancelled before", virtual(function()
    local ran = false
    local handle <const> = lull.after(1, function() ran = true end)
    handle:cancel()
    lull.sleep(5)
    assert.is_false(ran)
  end))

  it("no longer holds up its owner when cancelled", virtual(function()
    local start <const> = lull.now()
    lull.group(function() lull.after(100, print):cancel() end)
    assert.is_near(0, lull.now() - start, 0.01)
  end))

  it("has a started run cancelled by its handle", virtual(function()
    local task
    local handle <const> = lull.after(1, function()
      task = lull.current()
      lull.sleep_forever()
    end)
    lull.sleep(2)
    handle:cancel()
    assert.equal("cancelled", task:join())
  end))

  it("may be cancelled after it has run", virtual(function()
    local handle <const> = lull.after(1, function() end)
    lull.sleep(2)
    handle:cancel()
  end))

  it("runs in the order of deadlines", virtual(function()
    local log <const> = {}
    lull.group(function()
      for _, seconds in ipairs { 3, 1, 2 } do
        lull.after(seconds, function() log[#log + 1] = seconds end)
      end
    end)
    assert.same({ 1, 2, 3 }, log)
  end))

  it("runs at the next turn, first-in first-out, with negative delays", function()
    local log <const> = {}
    lull.group(function()
      for i, seconds in ipairs { -1, -5, -math.huge, -2 } do
        lull.after(seconds, function() log[#log + 1] = i end)
      end
      assert.same({}, log)
    end)
    assert.same({ 1, 2, 3, 4 }, log)
  end)
end)

describe("lull.every", function()
  it("runs fn again and again until cancelled", virtual(function()
    local count = 0
    local handle <const> = lull.every(1, function() count = count + 1 end)
    lull.sleep(5.5)
    handle:cancel()
    assert.equal(5, count)
    lull.sleep(10)
    assert.equal(5, count)
  end))

  it("runs first after one period", virtual(function()
    local start <const> = lull.now()
    local first
    local handle <const> = lull.every(2, function() first = first or lull.now() - start end)
    lull.sleep(5)
    handle:cancel()
    assert.is_near(2, first, 0.01)
  end))

  it("does not drift when fn takes time", virtual(function()
    local start <const> = lull.now()
    local times <const> = {}
    local handle <const> = lull.every(1, function()
      times[#times + 1] = lull.now() - start
      lull.sleep(0.3)
    end)
    lull.sleep(100.5)
    handle:cancel()
    assert.equal(100, #times)
    for i, time in ipairs(times) do assert.is_near(i, time, 0.01) end
  end))

  it("is owned by the scope it was called in, which waits for it", virtual(function()
    local start <const> = lull.now()
    lull.group(function()
      local handle <const> = lull.every(1, function() end)
      lull.after(7.5, function() handle:cancel() end)
    end)
    assert.is_near(7.5, lull.now() - start, 0.01)
  end))

  it("stops when its owner is cancelled", virtual(function()
    local count = 0
    lull.move_on_after(3.5, function()
      lull.every(1, function() count = count + 1 end)
      lull.sleep_forever()
    end)
    lull.sleep(10)
    assert.equal(3, count)
  end))

  it("fails its owner as spawn does", virtual(function()
    local oops <const> = {}
    local err <const> = failure(lull.group, function()
      lull.every(1, raiser(oops))
      lull.sleep_forever()
    end)
    assert.is_true(rawequal(oops, err))
  end))

  it("may be cancelled from inside fn", virtual(function()
    local count, handle = 0, nil
    lull.group(function()
      handle = lull.every(1, function()
        count = count + 1
        if count == 3 then handle:cancel() end
      end)
    end)
    assert.equal(3, count)
  end))

  it("has a started run cancelled by its handle", virtual(function()
    local task
    local handle <const> = lull.every(1, function()
      task = lull.current()
      lull.sleep_forever()
    end)
    lull.sleep(1.5)
    handle:cancel()
    assert.equal("cancelled", task:join())
  end))
end)
