--- Ownership: who waits for whom, and where tasks go when a scope ends.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started
local virtual = support.virtual

--- A task body that cleans up with waiting and then sets log[1].
local function careful(log)
  return function()
    local _ <close> = lull.finally(function()
      support.turns()
      log[1] = "cleaned"
    end)
    lull.sleep_forever()
  end
end

describe("a task that ends well", function()
  it("waits for the tasks it started", function()
    local child
    local owner <const> = lull.async(function() child = lull.async(support.turns)() end)()
    owner:join()
    assert.equal("done", child:status())
  end)

  it("is pending while it waits for them", function()
    local gate <const> = lull.future()
    local owner <const> = started(function() lull.spawn(gate.await, gate) end)
    support.turns()
    assert.equal("pending", owner:status())
    gate:set()
    assert.equal("done", owner:join())
  end)

  it("keeps its results meanwhile", function()
    local owner <const> = lull.async(function()
      lull.spawn(support.turns)
      return 1, nil, 3
    end)()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(owner:await()))
  end)

  it("waits for its children's children", function()
    local log <const> = {}
    lull.async(function()
      lull.spawn(function()
        lull.spawn(function()
          support.turns()
          log[#log + 1] = "grandchild"
        end)
      end)
    end)():join()
    assert.same({ "grandchild" }, log)
  end)

  it("does not wait for tasks it only awaited or was given", function()
    local gate <const> = lull.future()
    local outside <const> = lull.async(function() gate:await() end)()
    local owner <const> = lull.async(function(task) return task:status() end)(outside)
    assert.equal("pending", owner:await())
    assert.equal("pending", outside:status())
    gate:set()
    outside:join()
  end)
end)

describe("a task that fails", function()
  it("cancels and joins the tasks it started", function()
    local log <const> = {}
    local owner <const> = lull.async(function()
      lull.spawn(careful(log))
      lull.yield()
      error("oops", 0)
    end)()
    assert.equal("failed", owner:join())
    assert.same({ "cleaned" }, log)
  end)

  it("keeps its own error when children fail too, which goes to the sink", function()
    local seen <const>, err <const> = support.sink(function()
      return failure(lull.await, lull.async(function()
        lull.async(raiser "child")()
        lull.yield()
        error("body", 0)
      end)())
    end)
    assert.equal("body", err)
    assert.equal(1, #seen)
    assert.equal("child", seen[1].err)
  end)
end)

describe("a spawned task that fails while nobody waits for it", function()
  it("cancels its owner, which ends with that error", function()
    local oops <const> = {}
    local inside
    local owner <const> = lull.async(function()
      lull.spawn(raiser(oops))
      local _ <close> = support.closing(function(err) inside = err end)
      lull.sleep_forever()
    end)()
    assert.equal("failed", owner:join())
    assert.is_true(rawequal(oops, owner:error()))
    assert.is_true(lull.is_error(inside, "cancelled"))
  end)

  it("fails its owner even with a nil error", function()
    local owner <const> = lull.async(function()
      lull.spawn(raiser(nil))
      lull.sleep_forever()
    end)()
    assert.equal("failed", owner:join())
    assert.is_nil(owner:error())
  end)

  it("fails its owner while that waits at its end", function()
    local owner <const> = lull.async(function() lull.spawn(raiser "oops") end)()
    assert.equal("failed", owner:join())
    assert.equal("oops", owner:error())
  end)

  it("cancels and joins its siblings", function()
    local log <const> = {}
    failure(lull.await, lull.async(function()
      lull.spawn(careful(log))
      lull.spawn(function()
        lull.yield()
        error "oops"
      end)
    end)())
    assert.same({ "cleaned" }, log)
  end)

  it("fails its owner when the only one waiting was cancelled before", function()
    local gate <const> = lull.future()
    local err <const> = failure(lull.group, function(g)
      local child <const> = g:spawn(function()
        gate:await()
        error("oops", 0)
      end)
      local waiter <const> = g:spawn(lull.await, child)
      support.turns()
      gate:set()
      waiter:cancel()
      lull.sleep_forever()
    end)
    assert.equal("oops", err)
  end)

  it("does not fail its owner when it was cancelled through its handle", function()
    local owner <const> = lull.async(function()
      local child <const> = lull.spawn(lull.sleep_forever)
      lull.yield()
      child:cancel()
      support.turns()
      return "fine"
    end)()
    assert.equal("fine", owner:await())
  end)

  it("fails its owner with what its cleanup raises after a cancellation", function()
    local owner <const> = lull.async(function()
      local child <const> = lull.spawn(function()
        local _ <close> = support.closing(function() error("cleanup", 0) end)
        lull.sleep_forever()
      end)
      lull.yield()
      child:cancel()
      lull.sleep_forever()
    end)()
    assert.equal("cleanup", failure(lull.await, owner))
  end)
end)

describe("a spawned task that fails while somebody waits for it", function()
  --- Fail a task while `wait(task)` waits for it; the owner must go on.
  local function received(wait)
    local owner <const> = lull.async(function()
      local gate <const> = lull.future()
      local child <const> = lull.spawn(function()
        gate:await()
        error("oops", 0)
      end)
      local waiter <const> = started(wait, child)
      support.turns()
      gate:set()
      waiter:await()
      lull.yield()
      return "fine"
    end)()
    assert.equal("fine", owner:await())
  end

  it("hands its error to await", function()
    received(function(child) assert.equal("oops", failure(lull.await, child)) end)
  end)

  it("hands its error to join", function()
    received(function(child) assert.equal("failed", child:join()) end)
  end)

  it("hands its error to gather", function()
    received(function(child) assert.equal("oops", failure(lull.gather, child)) end)
  end)

  it("hands its error to gather with settle", function()
    received(function(child) assert.equal("oops", lull.gather({ child }, { settle = true })[1].error) end)
  end)

  it("hands its error to race", function()
    received(function(child) assert.equal("oops", failure(lull.race, child, lull.sleep_forever)) end)
  end)

  it("hands its error to wait", function()
    received(function(child) assert.equal(child, lull.wait({ child })[1]) end)
  end)

  it("hands its error to as_completed", function()
    received(function(child)
      for task in lull.as_completed { child } do assert.equal(child, task) end
    end)
  end)

  it("hands its error to all of several", function()
    received(function(child)
      local second <const> = started(failure, lull.await, child)
      assert.equal("oops", failure(lull.await, child))
      assert.equal("oops", second:await())
    end)
  end)

  it("reports nothing to the sink", function()
    local seen <const> = support.sink(function() pcall(lull.await, lull.spawn(raiser "oops")) end)
    assert.same({}, seen)
  end)
end)

describe("the error of an async task", function()
  --- Run an owner whose child fails and is then treated by `receive`.
  local function status_after(receive)
    local owner <const> = lull.async(function()
      local child <const> = started(raiser "oops")
      receive(child)
    end)()
    return owner:join(), owner:error()
  end

  local receivers <const> = {
    await = function(t) pcall(lull.await, t) end,
    gather = function(t) pcall(lull.gather, t) end,
    race = function(t) pcall(lull.race, t) end,
    result = function(t) pcall(t.result, t) end,
    error = function(t) t:error() end,
    join = function(t) t:join() end,
    wait = function(t) lull.wait { t } end,
    as_completed = function(t) for _ in lull.as_completed { t } do lull.yield() end end,
  }
  for name, receive in pairs(receivers) do
    it("is received by " .. name, function() assert.equal("done", (status_after(receive))) end)
  end

  it("is raised in the owner at its end when nobody received it", function()
    local status <const>, err <const> = status_after(function() end)
    assert.equal("failed", status)
    assert.equal("oops", err)
  end)

  it("is not received by status", function()
    local status <const>, err <const> = status_after(function(t) t:status() end)
    assert.equal("failed", status)
    assert.equal("oops", err)
  end)

  it("is raised in the owner unchanged", function()
    local oops <const> = {}
    local owner <const> = lull.async(function() lull.async(raiser(oops))() end)()
    assert.is_true(rawequal(oops, failure(lull.await, owner)))
  end)

  it("is not lost when no handle was kept", function()
    local owner <const> = lull.async(function()
      lull.async(raiser "oops")()
      lull.yield()
      collectgarbage()
      collectgarbage()
    end)()
    assert.equal("oops", failure(lull.await, owner))
  end)

  it("is raised in the owner for the first in time, the others go to the sink", function()
    local seen <const>, err <const> = support.sink(function()
      return failure(lull.await, lull.async(function()
        lull.async(function()
          support.turns()
          error("second", 0)
        end)()
        lull.async(raiser "first")()
      end)())
    end)
    assert.equal("first", err)
    assert.is_true(#seen <= 1)
  end)

  it("is no error when the task was cancelled through its handle", function()
    local owner <const> = lull.async(function()
      started(lull.sleep_forever):cancel()
      return "fine"
    end)()
    assert.equal("fine", owner:await())
  end)
end)

describe("a running task", function()
  it("is not collected while it could still run", function()
    local gate <const> = lull.future()
    local done = false
    lull.async(function()
      gate:await()
      done = true
    end)()
    lull.yield()
    for _ = 1, 3 do collectgarbage() end
    gate:set()
    support.turns()
    assert.is_true(done)
  end)

  it("is not collected when it waits for something only it knows", virtual(function()
    local done = false
    lull.group(function(g)
      g:spawn(function()
        local private <const> = lull.future()
        lull.after(1, private.set, private)
        private:await()
        done = true
      end)
      lull.yield()
      for _ = 1, 3 do collectgarbage() end
    end)
    assert.is_true(done)
  end))
end)

describe("lull.run inside a task", function()
  it("runs fn as a nested task with its arguments and returns its results", function()
    local got <const> = table.pack(lull.run(function(...) return lull.current(), ... end, 1, nil, 3))
    assert.equal(4, got.n)
    assert.is_true(got[1] ~= lull.current())
    assert.equal(1, got[2])
    assert.equal(3, got[4])
  end)

  it("raises the error of fn unchanged", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(lull.run, raiser(oops))))
  end)

  it("joins what fn owns", function()
    local child
    lull.run(function() child = lull.spawn(support.turns) end)
    assert.equal("done", child:status())
  end)

  it("cancels and joins what fn owns when fn fails", function()
    local log <const> = {}
    failure(lull.run, function()
      lull.spawn(careful(log))
      lull.yield()
      error "oops"
    end)
    assert.same({ "cleaned" }, log)
  end)

  it("lets other tasks run meanwhile", function()
    local log <const> = {}
    local other <const> = lull.async(function() log[#log + 1] = "other" end)()
    lull.run(lull.yield)
    log[#log + 1] = "after"
    other:join()
    assert.same({ "other", "after" }, log)
  end)
end)

describe("a scope that does not wait hands its tasks over", function()
  for _, name in ipairs { "timeout", "move_on_after" } do
    it("from " .. name .. " to the task body around it", virtual(function()
      local child
      local owner <const> = started(function()
        lull[name](100, function() child = lull.async(lull.sleep)(5) end)
      end)
      assert.equal("pending", child:status())
      assert.equal("done", owner:join())
      assert.equal("done", child:status())
    end))

    it("from " .. name .. " to the group around it, which can cancel them", virtual(function()
      local child
      lull.group(function(g)
        lull[name](100, function() child = lull.async(lull.sleep_forever)() end)
        lull.yield()
        g:cancel()
      end)
      assert.equal("cancelled", child:status())
    end))

    it("from " .. name .. " so that their errors reach the scope around it", virtual(function()
      local oops <const> = {}
      local err <const> = failure(lull.group, function()
        lull[name](100, function()
          lull.spawn(function()
            lull.sleep(5)
            error(oops)
          end)
        end)
        lull.sleep_forever()
      end)
      assert.is_true(rawequal(oops, err))
    end))

    it("from " .. name .. " so that its deadline no longer reaches them", virtual(function()
      local child
      lull[name](2, function() child = lull.async(lull.sleep)(5) end)
      lull.sleep(10)
      assert.equal("done", child:status())
    end))
  end

  it("from a shield to the task body around it", function()
    local gate <const> = lull.future()
    local owner <const> = started(function()
      lull.shield(function() lull.async(gate.await)(gate) end)
      return "body ended"
    end)
    support.turns()
    assert.equal("pending", owner:status())
    gate:set()
    assert.equal("body ended", owner:await())
  end)

  it("through several of them outward", virtual(function()
    local child
    lull.group(function()
      lull.shield(function()
        lull.timeout(100, function()
          lull.move_on_after(100, function() child = lull.async(lull.sleep)(5) end)
        end)
      end)
      assert.equal("pending", child:status())
    end)
    assert.equal("done", child:status())
  end))
end)
