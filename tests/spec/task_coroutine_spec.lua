--- Waiting inside coroutines.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, started, closing = support.failure, support.started, support.closing

describe("at task level", function()
  it("coroutine.running answers as in a main coroutine", function()
    local co <const>, main <const> = coroutine.running()
    assert.equal("thread", type(co))
    assert.is_true(main)
  end)

  it("coroutine.isyieldable is false", function()
    assert.is_false(coroutine.isyieldable())
  end)

  it("a plain coroutine.yield raises, and the task goes on", function()
    assert.is_false((pcall(coroutine.yield, 1)))
    lull.yield()
  end)

  it("the same holds in every task and after a wait", function()
    local task <const> = lull.async(function()
      lull.yield()
      local _, main = coroutine.running()
      return main, coroutine.isyieldable(), (pcall(coroutine.yield))
    end)()
    assert.same({ n = 3, true, false, false }, table.pack(task:await()))
  end)
end)

describe("inside a user's coroutine", function()
  it("running and isyieldable answer as in stock Lua", function()
    local co
    co = coroutine.create(function()
      local current, main = coroutine.running()
      return current == co, main, coroutine.isyieldable()
    end)
    assert.same({ n = 4, true, true, false, true }, table.pack(coroutine.resume(co)))
  end)

  it("a wait suspends the whole task, not the generator", function()
    local gate <const> = lull.future()
    local resumed = false
    local task <const> = started(function()
      local co <const> = coroutine.create(function() return "value", gate:await() end)
      local ok, value, opened = coroutine.resume(co)
      resumed = true
      return ok, value, opened, coroutine.status(co)
    end)
    support.turns()
    assert.is_false(resumed)
    gate:set "opened"
    assert.same({ n = 4, true, "value", "opened", "dead" }, table.pack(task:await()))
  end)

  it("other tasks run while a generator waits", function()
    local log <const> = {}
    local task <const> = started(function()
      for i in coroutine.wrap(function()
        for i = 1, 3 do
          lull.yield()
          coroutine.yield(i)
        end
      end) do
        log[#log + 1] = i
      end
    end)
    for _ = 1, 2 do
      log[#log + 1] = "other"
      lull.yield()
    end
    task:join()
    assert.same({ "other", 1, "other", 2, 3 }, log)
  end)

  it("values pass both ways around waits", function()
    local co <const> = coroutine.create(function(a, ...)
      lull.yield()
      local b, c = coroutine.yield(a, ...)
      lull.yield()
      return b, c, nil
    end)
    assert.same({ n = 4, true, 1, nil, 3 }, table.pack(coroutine.resume(co, 1, nil, 3)))
    assert.equal("suspended", coroutine.status(co))
    assert.same({ n = 4, true, "b", "c" }, table.pack(coroutine.resume(co, "b", "c")))
    assert.equal("dead", coroutine.status(co))
  end)

  it("a plain yield stays the user's", function()
    local log <const> = {}
    local other <const> = lull.async(function() log[#log + 1] = "other" end)()
    local next_value <const> = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
    for _ = 1, 3 do log[#log + 1] = next_value() end
    other:join()
    assert.same({ 1, 2, 3, "other" }, log)
  end)

  it("a wait passes through generators in generators", function()
    local function nest(depth)
      if depth == 0 then
        lull.yield()
        return "bottom"
      end
      local value <const> = coroutine.wrap(nest)(depth - 1)
      lull.yield()
      return value
    end
    assert.equal("bottom", nest(30))
  end)

  it("a wait may return an error through resume", function()
    local future <const> = lull.future()
    local oops <const> = {}
    lull.async(function() future:fail(oops) end)()
    local co <const> = coroutine.create(function() future:await() end)
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.is_true(rawequal(oops, err))
    assert.equal("dead", coroutine.status(co))
  end)

  it("a wait may return an error through wrap", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(coroutine.wrap(function()
      lull.yield()
      error(oops)
    end))))
  end)

  it("current() is the task", function()
    local me <const> = lull.current()
    assert.equal(me, coroutine.wrap(function()
      lull.yield()
      return lull.current()
    end)())
  end)

  it("pcall around a wait works", function()
    local ok, err = coroutine.wrap(function()
      return pcall(function()
        lull.yield()
        error("oops", 0)
      end)
    end)()
    assert.is_false(ok)
    assert.equal("oops", err)
  end)

  it("a wait works after the coroutine was handed to another task", function()
    local co <const> = coroutine.wrap(function()
      lull.yield()
      coroutine.yield(lull.current())
      lull.yield()
      return lull.current()
    end)
    assert.equal(lull.current(), co())
    local other <const> = lull.async(function() return co() == lull.current() end)()
    assert.is_true(other:await())
  end)
end)

describe("a generator that waits for its task", function()
  --- A task whose generator waits on `gate`, and the generator.
  local function waiting(gate)
    local co <const> = coroutine.create(function() return gate:await() end)
    local task <const> = started(function() return coroutine.resume(co) end)
    return co, task
  end

  it("has status normal", function()
    local gate <const> = lull.future()
    local co <const>, task <const> = waiting(gate)
    assert.equal("normal", coroutine.status(co))
    gate:set()
    task:join()
    assert.equal("dead", coroutine.status(co))
  end)

  it("cannot be resumed by others", function()
    local gate <const> = lull.future()
    local co <const>, task <const> = waiting(gate)
    local ok, err = coroutine.resume(co, "intruder")
    assert.is_false(ok)
    assert.is_string(err)
    gate:set "value"
    assert.same({ n = 2, true, "value" }, table.pack(task:await()))
  end)

  it("cannot be closed by others", function()
    local gate <const> = lull.future()
    local co <const>, task <const> = waiting(gate)
    assert.is_false((pcall(coroutine.close, co)))
    gate:set "value"
    assert.same({ n = 2, true, "value" }, table.pack(task:await()))
  end)

  it("cannot be resumed by others through wrap", function()
    local gate <const> = lull.future()
    local co <const> = coroutine.wrap(function() return gate:await() end)
    local task <const> = started(co)
    assert.is_false((pcall(co)))
    gate:set "value"
    assert.equal("value", task:await())
  end)
end)

describe("a cancellation inside a generator", function()
  it("unwinds the generator and then its task", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function() log[#log + 1] = "task" end)
      local co <const> = coroutine.wrap(function()
        local _ <close> = closing(function() log[#log + 1] = "generator" end)
        lull.sleep_forever()
      end)
      co()
      log[#log + 1] = "after"
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.same({ "generator", "task" }, log)
  end)

  it("unwinds nested generators innermost first", function()
    local log <const> = {}
    local function nest(depth)
      local _ <close> = closing(function() log[#log + 1] = depth end)
      if depth == 3 then lull.sleep_forever() end
      coroutine.resume(coroutine.create(nest), depth + 1)
      log[#log + 1] = "after"
    end
    local task <const> = started(nest, 1)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.same({ 3, 2, 1 }, log)
  end)

  it("runs close values that wait under a shield before resume passes it on", function()
    local log <const> = {}
    local task <const> = started(function()
      local _ <close> = closing(function() log[#log + 1] = "task" end)
      coroutine.resume(coroutine.create(function()
        local _ <close> = lull.finally(function()
          support.turns()
          log[#log + 1] = "generator"
        end)
        lull.sleep_forever()
      end))
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.same({ "generator", "task" }, log)
  end)

  it("leaves the generator dead", function()
    local co <const> = coroutine.create(lull.sleep_forever)
    local task <const> = started(coroutine.resume, co)
    task:cancel()
    task:join()
    assert.equal("dead", coroutine.status(co))
  end)

  it("of a timeout around the generator raises the timeout", support.virtual(function()
    local err <const> = failure(lull.timeout, 1, function()
      for _ in coroutine.wrap(lull.sleep_forever) do error "nothing was to come" end
    end)
    assert.is_true(lull.is_error(err, "timeout"))
  end))
end)

describe("coroutine.close", function()
  --- A suspended coroutine that has close values to run.
  local function suspended(...)
    local cleanups <const> = { ... }
    local co <const> = coroutine.create(function()
      local _ <close> = closing(cleanups[1])
      local _ <close> = closing(cleanups[2] or function() end)
      coroutine.yield()
    end)
    coroutine.resume(co)
    return co
  end

  it("runs close values that wait", function()
    local closed = false
    local co <const> = suspended(function()
      support.turns()
      closed = true
    end)
    assert.is_true(coroutine.close(co))
    assert.is_true(closed)
    assert.equal("dead", coroutine.status(co))
  end)

  it("runs several that wait in the opposite order", function()
    local log <const> = {}
    local function note(n)
      return function()
        lull.yield()
        log[#log + 1] = n
      end
    end
    coroutine.close(suspended(note(1), note(2)))
    assert.same({ 2, 1 }, log)
  end)

  it("returns false and the error of a close value that waited", function()
    local oops <const> = {}
    local ok, err = coroutine.close(suspended(function()
      lull.yield()
      error(oops)
    end))
    assert.is_false(ok)
    assert.is_true(rawequal(oops, err))
  end)

  it("hands an earlier error to the next close value", function()
    local got
    coroutine.close(suspended(function(err) got = err end, function()
      lull.yield()
      error("inner", 0)
    end))
    assert.equal("inner", got)
  end)

  it("lets other tasks run meanwhile", function()
    local log <const> = {}
    local other <const> = lull.async(function() log[#log + 1] = "other" end)()
    coroutine.close(suspended(lull.yield))
    log[#log + 1] = "closed"
    other:join()
    assert.same({ "other", "closed" }, log)
  end)
end)

describe("an error leaving wrap", function()
  it("runs close values that wait", function()
    local closed = false
    local err <const> = failure(coroutine.wrap(function()
      local _ <close> = closing(function()
        support.turns()
        closed = true
      end)
      error("oops", 0)
    end))
    assert.equal("oops", err)
    assert.is_true(closed)
  end)
end)

describe("a plain coroutine.yield out of a scope entered in the same coroutine raises usage:", function()
  local scopes <const> = {
    group = function(fn) return lull.group(fn) end,
    timeout = function(fn) return lull.timeout(100, fn) end,
    move_on_after = function(fn) return select(2, lull.move_on_after(100, fn)) end,
    shield = function(fn) return lull.shield(fn) end,
    run = function(fn) return lull.run(fn) end,
    with = function(fn) return lull.var():with(1, fn) end,
  }

  for name, enter in pairs(scopes) do
    it(name, function()
      local next_value <const> = coroutine.wrap(function()
        return "ended", enter(function() return failure(coroutine.yield, "escaped") end)
      end)
      local how, err = next_value()
      assert.equal("ended", how)
      assert.is_true(lull.is_error(err, "usage"))
    end)
  end

  for name, enter in pairs(scopes) do
    it(name .. ", but not when the scope is around the coroutine", function()
      local got <const> = enter(function()
        local next_value <const> = coroutine.wrap(function()
          lull.yield()
          coroutine.yield "fine"
        end)
        return next_value()
      end)
      assert.equal("fine", got)
    end)

    it(name .. ", but not after the scope was left", function()
      local next_value <const> = coroutine.wrap(function()
        enter(function() lull.yield() end)
        coroutine.yield "fine"
      end)
      assert.equal("fine", next_value())
    end)
  end
end)
