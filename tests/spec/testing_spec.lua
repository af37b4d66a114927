--- lull.testing: virtual time, the seed, settle.
local lull = require "lull"
local support = require "tests.spec.support"
local testing = require "lull.testing"

local failure, raiser, started = support.failure, support.raiser, support.started

--- How many real seconds a call takes.
local function real_seconds(fn, ...)
  local before <const> = lull.now()
  fn(...)
  return lull.now() - before
end

describe("virtual_time", function()
  it("jumps to the next deadline when all are blocked", function()
    local took
    local real <const> = real_seconds(testing.virtual_time, function()
      local before <const> = lull.now()
      lull.sleep(3600)
      took = lull.now() - before
    end)
    assert.is_near(3600, took, 1e-6)
    assert.is_true(real < 5)
  end)

  it("stands still while anything can run", function()
    testing.virtual_time(function()
      local before <const> = lull.now()
      local sleeper <const> = started(lull.sleep, 1)
      for _ = 1, 1000 do lull.yield() end
      assert.equal(before, lull.now())
      assert.equal("pending", sleeper:status())
    end)
  end)

  it("goes on from the time outside", function()
    local before <const> = lull.now()
    testing.virtual_time(function()
      assert.is_true(lull.now() >= before)
      assert.is_true(lull.now() < before + 1000)
    end)
  end)

  it("is over at its end", function()
    local before <const> = lull.now()
    testing.virtual_time(lull.sleep, 1e6)
    assert.is_true(lull.now() < before + 1000)
    lull.sleep(0.001)
    assert.is_true(lull.now() < before + 1000)
  end)

  it("visits deadlines in order of time, equal ones in order of starting", function()
    local log <const> = {}
    testing.virtual_time(function()
      lull.group(function(g)
        for _, entry in ipairs { { "d", 3 }, { "b", 2 }, { "c", 2 }, { "a", 1 } } do
          g:spawn(function()
            lull.sleep(entry[2])
            log[#log + 1] = entry[1]
          end)
        end
      end)
    end)
    assert.same({ "a", "b", "c", "d" }, log)
  end)

  it("drives sleep_until, after and every", function()
    local log <const> = {}
    testing.virtual_time(function()
      local start <const> = lull.now()
      local function note() log[#log + 1] = math.floor(lull.now() - start + 0.5) end
      local beat <const> = lull.every(10, note)
      lull.after(25, note)
      lull.sleep_until(start + 35)
      note()
      beat:cancel()
    end)
    assert.same({ 10, 20, 25, 30, 35 }, log)
  end)

  it("passes arguments and all results", function()
    assert.same({ n = 4, 1, nil, 3, nil },
      table.pack(testing.virtual_time(function(...) return ... end, 1, nil, 3, nil)))
  end)

  it("joins what was started inside", function()
    local ended = false
    testing.virtual_time(function()
      lull.spawn(function()
        lull.sleep(100)
        ended = true
      end)
    end)
    assert.is_true(ended)
  end)

  it("refuses what cannot be called", function()
    assert.is_string(failure(testing.virtual_time, 42))
    assert.is_string(failure(testing.virtual_time))
  end)

  it("polls the loop before it jumps", function()
    local found
    testing.virtual_time(function()
      local sleeper <const> = started(lull.sleep, 100)
      for _ = 1, 10 do lull.yield() end
      found = sleeper:status()
    end)
    assert.equal("pending", found)
  end)

  describe("timeouts inside", function()
    it("fire on the virtual clock", function()
      local real <const> = real_seconds(testing.virtual_time, function()
        local err <const> = failure(lull.timeout, 500, lull.sleep_forever)
        assert.is_true(lull.is_error(err, "timeout"))
      end)
      assert.is_true(real < 5)
    end)

    it("do not fire for what is faster", function()
      testing.virtual_time(function()
        assert.equal("done", lull.timeout(500, lull.sleep, 499, "done"))
        assert.is_false(lull.move_on_after(500, lull.sleep, 501))
      end)
    end)

    it("limit lull.wait", function()
      testing.virtual_time(function()
        local task <const> = started(lull.sleep_forever)
        local before <const> = lull.now()
        local done <const>, pending <const> = lull.wait({ task }, { timeout = 60 })
        assert.is_near(60, lull.now() - before, 1e-6)
        assert.same({ 0, 1 }, { #done, #pending })
        task:cancel()
      end)
    end)
  end)

  describe("nested", function()
    it("starts from the virtual time around it and goes back to it", function()
      testing.virtual_time(function()
        lull.sleep(1000)
        local outer <const> = lull.now()
        testing.virtual_time(function()
          assert.equal(outer, lull.now())
          lull.sleep(5000)
          assert.is_near(outer + 5000, lull.now(), 1e-6)
        end)
        assert.equal(outer, lull.now())
        lull.sleep(1)
        assert.is_near(outer + 1, lull.now(), 1e-6)
      end)
    end)

    it("freezes the tasks of the virtual time around it", function()
      local log <const> = {}
      testing.virtual_time(function()
        local sleeper <const> = started(function()
          lull.sleep(10)
          log[#log + 1] = "outer"
        end)
        testing.virtual_time(function()
          lull.sleep(100)
          log[#log + 1] = "inner"
        end)
        sleeper:join()
      end)
      assert.same({ "inner", "outer" }, log)
    end)
  end)

  describe("tasks outside", function()
    it("are frozen, and go on after", function()
      local steps = 0
      local ticker <const> = started(function()
        while true do
          steps = steps + 1
          lull.yield()
        end
      end)
      local during
      testing.virtual_time(function()
        local before <const> = steps
        lull.sleep(100)
        for _ = 1, 100 do lull.yield() end
        during = steps - before
      end)
      assert.equal(0, during)
      local before <const> = steps
      support.turns()
      assert.is_true(steps > before)
      ticker:cancel()
      ticker:join()
    end)

    it("keep the deadlines of their own clock", function()
      local woken, before <const> = false, lull.now()
      local sleeper <const> = started(function()
        lull.sleep(0.02)
        woken = true
      end)
      testing.virtual_time(lull.sleep, 1000)
      assert.is_true(not woken or lull.now() - before >= 0.02)
      sleeper:join()
      assert.is_true(woken)
    end)

    it("that a task inside wakes run only after", function()
      local gate <const> = lull.future()
      local seen = false
      local waiter <const> = started(function()
        gate:await()
        seen = true
      end)
      testing.virtual_time(function()
        gate:set()
        lull.sleep(10)
        assert.is_false(seen)
      end)
      waiter:join()
      assert.is_true(seen)
    end)

    it("that a task inside cancels end only after", function()
      local sleeper <const> = started(lull.sleep_forever)
      testing.virtual_time(function()
        sleeper:cancel()
        lull.sleep(10)
        assert.equal("pending", sleeper:status())
      end)
      assert.equal("cancelled", sleeper:join())
    end)

    it("may be in another virtual time, one after the other", function()
      local function nap()
        return testing.virtual_time(function()
          local before <const> = lull.now()
          lull.sleep(100)
          return lull.now() - before
        end)
      end
      local first <const>, second <const> = lull.gather(nap, nap)
      assert.is_near(100, first, 1e-6)
      assert.is_near(100, second, 1e-6)
    end)

    it("get what was started for them inside", function()
      local ended = false
      lull.group(function(g)
        testing.virtual_time(function()
          g:spawn(function()
            lull.sleep(0.01)
            ended = true
          end)
          lull.sleep(0.001)
        end)
      end)
      assert.is_true(ended)
    end)
  end)

  describe("left by an error", function()
    it("raises it unchanged", function()
      local err <const> = {}
      assert.is_true(rawequal(err, failure(testing.virtual_time, raiser(err))))
    end)

    it("is over", function()
      local before <const> = lull.now()
      failure(testing.virtual_time, function()
        lull.sleep(1e6)
        error "oops"
      end)
      assert.is_true(lull.now() < before + 1000)
      lull.sleep(0.001)
    end)

    it("cancels and joins what was started inside", function()
      local child
      failure(testing.virtual_time, function()
        child = started(lull.sleep_forever)
        error "oops"
      end)
      assert.equal("cancelled", child:status())
    end)

    it("lets cleanup wait in virtual time", function()
      local took
      failure(testing.virtual_time, function()
        local _ <close> = lull.finally(function()
          local before <const> = lull.now()
          lull.sleep(50)
          took = lull.now() - before
        end)
        error "oops"
      end)
      assert.is_near(50, took, 1e-6)
    end)
  end)

  describe("of a cancelled task", function()
    it("is not entered", function()
      local called = false
      local task <const> = lull.async(function()
        lull.current():cancel()
        testing.virtual_time(function() called = true end)
      end)()
      assert.equal("cancelled", task:join())
      assert.is_false(called)
    end)

    it("is left when the task is cancelled from inside", function()
      local before <const> = lull.now()
      local task
      task = lull.async(function()
        testing.virtual_time(function()
          lull.sleep(1e6)
          task:cancel "enough"
          lull.sleep(1)
        end)
      end)()
      assert.equal("cancelled", task:join())
      assert.equal("enough", task:error().reason)
      assert.is_true(lull.now() < before + 1000)
    end)
  end)
end)

describe("seed", function()
  --- The order in which ten ready tasks take their steps.
  local function order()
    local log <const> = {}
    lull.group(function(g)
      for i = 1, 10 do
        g:spawn(function()
          log[#log + 1] = i
          lull.yield()
          log[#log + 1] = i
        end)
      end
    end)
    return table.concat(log, " ")
  end

  local function seeded(n)
    testing.seed(n)
    local found <const> = order()
    testing.seed(nil)
    return found
  end

  local fifo <const> = "1 2 3 4 5 6 7 8 9 10 1 2 3 4 5 6 7 8 9 10"

  it("shuffles the order of ready tasks", function()
    local different = 0
    for n = 1, 10 do
      if seeded(n) ~= fifo then different = different + 1 end
    end
    assert.is_true(different >= 9)
  end)

  it("means the same order every time", function()
    for n = -1, 20 do assert.equal(seeded(n), seeded(n)) end
  end)

  it("makes other orders with other numbers", function()
    assert.not_equal(seeded(1), seeded(2))
  end)

  it("lets every ready task take one step per round", function()
    for n = 1, 20 do
      local log <const>, seen <const> = {}, {}
      for i in seeded(n):gmatch "%d+" do log[#log + 1] = tonumber(i) end
      for i = 1, 10 do seen[log[i]] = true end
      assert.equal(20, #log)
      assert.equal(10, #seen)
    end
  end)

  it("nil is first-in first-out again", function()
    seeded(7)
    assert.equal(fifo, order())
  end)

  it("refuses what is no integer", function()
    assert.is_string(failure(testing.seed, "x"))
    assert.is_string(failure(testing.seed, 1.5))
    assert.equal(fifo, order())
  end)
end)

describe("settle", function()
  it("waits until every other task is blocked", function()
    local steps = 0
    local task <const> = lull.async(function()
      for _ = 1, 200 do
        steps = steps + 1
        lull.yield()
      end
      lull.sleep_forever()
    end)()
    testing.settle()
    assert.equal(200, steps)
    task:cancel()
    task:join()
  end)

  it("returns at once when there is nobody else", function()
    local before <const> = lull.now()
    testing.settle()
    assert.is_true(lull.now() < before + 1000)
  end)

  it("does not wait for deadlines", function()
    local sleeper <const> = started(lull.sleep, 3600)
    testing.settle()
    assert.equal("pending", sleeper:status())
    sleeper:cancel()
    sleeper:join()
  end)

  it("does not let virtual time jump", function()
    testing.virtual_time(function()
      local before <const> = lull.now()
      local sleeper <const> = started(lull.sleep, 100)
      testing.settle()
      assert.equal(before, lull.now())
      assert.equal("pending", sleeper:status())
    end)
  end)

  it("sees chains of tasks that wake each other", function()
    local gates <const>, log <const> = {}, {}
    for i = 1, 20 do gates[i] = lull.future() end
    for i = 1, 20 do
      started(function()
        gates[i]:await()
        log[#log + 1] = i
        if gates[i + 1] then gates[i + 1]:set() end
      end)
    end
    gates[1]:set()
    testing.settle()
    assert.equal(20, #log)
  end)

  it("wakes all who wait for it", function()
    local first <const> = started(testing.settle)
    local second <const> = started(testing.settle)
    testing.settle()
    support.turns()
    assert.equal("done", first:status())
    assert.equal("done", second:status())
  end)

  it("can be cancelled", function()
    local gate <const> = lull.future()
    local ticker <const> = started(function()
      while gate:status() == "pending" do lull.yield() end
    end)
    local settler <const> = started(testing.settle)
    assert.equal("pending", settler:status())
    settler:cancel()
    assert.equal("cancelled", settler:join())
    gate:set()
    ticker:join()
  end)

  it("raises in a cancelled task", function()
    local task <const> = lull.async(function()
      lull.current():cancel()
      testing.settle()
    end)()
    assert.equal("cancelled", task:join())
  end)
end)
