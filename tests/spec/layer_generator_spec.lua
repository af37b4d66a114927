--- layer_generator_spec.lua: waits inside a user's coroutines, and their end.
---
--- A wait inside a user's coroutine suspends the whole task, not the coroutine.

local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises = support.go, support.ends, support.raises

--- Wait so that another task runs in between; returns what it is given.
local function wait(...)
  local ran = false
  local other = go(function() ran = true end)
  lull.yield()
  assert(ran, "the wait let nobody else run")
  ends("done", other)
  return ...
end

describe("a wait inside a coroutine", function()
  it("suspends the task, not the coroutine", function()
    local co = coroutine.create(function(a)
      local b = coroutine.yield(wait(a + 1))
      return wait(b * 2)
    end)
    assert.are.same({ true, 2 }, { coroutine.resume(co, 1) })
    assert.are.equal("suspended", coroutine.status(co))
    assert.are.same({ true, 20 }, { coroutine.resume(co, 10) })
    assert.are.equal("dead", coroutine.status(co))
  end)

  it("returns the results of the call that waited", function()
    local future = lull.future()
    local task = go(function()
      return coroutine.wrap(function() return future:await() end)()
    end)
    testing.settle()
    future:set(1, nil, 3)
    assert.are.same({ 1, nil, 3, n = 3 }, table.pack(task:await()))
  end)

  it("works in a wrap iterator", function()
    local got = {}
    for i in coroutine.wrap(function()
      for i = 1, 3 do
        wait()
        coroutine.yield(wait(i))
      end
    end) do got[#got + 1] = wait(i) end
    assert.are.same({ 1, 2, 3 }, got)
  end)

  it("works in an iterator function of a generic for", function()
    local got = {}
    for i in function(_, i) return i < 3 and wait(i + 1) or nil end, nil, 0 do got[#got + 1] = i end
    assert.are.same({ 1, 2, 3 }, got)
  end)

  it("works three generators deep, through pcall in each", function()
    local function level(n)
      return coroutine.wrap(function()
        if n == 0 then
          for i = 1, 3 do coroutine.yield(wait(i)) end
        else
          local ok, e = pcall(function()
            for v in level(n - 1) do coroutine.yield(wait(v * 10)) end
          end)
          assert(ok, e)
        end
      end)
    end
    local got = {}
    for v in level(2) do got[#got + 1] = v end
    assert.are.same({ 100, 200, 300 }, got)
  end)

  it("raises the error of the awaited in the coroutine", function()
    local e = {}
    local failing = go(function() error(e) end)
    local caught = coroutine.wrap(function()
      local _, got = pcall(failing.await, failing)
      return got
    end)()
    assert.is_true(rawequal(e, caught))
  end)

  it("passes an error on to resume", function()
    local co = coroutine.create(function()
      wait()
      error("late", 0)
    end)
    assert.are.same({ false, "late" }, { coroutine.resume(co) })
  end)

  it("lets coroutines of several tasks interleave", function()
    local log, tasks = {}, {}
    for name = 1, 3 do
      tasks[name] = function()
        for i in coroutine.wrap(function()
          for i = 1, 3 do
            lull.yield()
            coroutine.yield(i)
          end
        end) do log[#log + 1] = i end
      end
    end
    lull.gather(tasks)
    assert.are.same({ 1, 1, 1, 2, 2, 2, 3, 3, 3 }, log)
  end)

  it("may be taken up by another task between two waits", function()
    local gen = coroutine.wrap(function()
      for i = 1, 2 do coroutine.yield(wait(i)) end
    end)
    assert.are.equal(1, gen())
    assert.are.equal(2, go(gen):await())
  end)

  it("makes its status normal and keeps others from resuming or closing it", function()
    local future = lull.future()
    local co = coroutine.create(function() return future:await() end)
    local task = go(coroutine.resume, co)
    testing.settle()
    assert.are.equal("normal", coroutine.status(co))
    assert.is_false((coroutine.resume(co)))
    assert.is_false((pcall(coroutine.close, co)))
    future:set("x")
    assert.are.same({ true, "x" }, { task:await() })
    assert.are.equal("dead", coroutine.status(co))
  end)

  it("sees the same current task", function()
    local task = lull.current()
    assert.is_true(coroutine.wrap(function()
      wait()
      return lull.current() == task
    end)())
  end)

  it("is ended by the cancellation of the task, which resume does not keep", function()
    local log = {}
    local task = go(function()
      coroutine.resume(coroutine.create(function() pcall(lull.sleep_forever) end))
      log[#log + 1] = "swallowed"
    end)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
    assert.are.same({}, log)
  end)

  it("runs its <close> values when the task is cancelled, shielded ones may wait", function()
    local log = {}
    local task = go(function()
      local _ <close> = lull.finally(function() log[#log + 1] = wait("task") end)
      coroutine.wrap(function()
        local _ <close> = lull.finally(function() log[#log + 1] = wait("outer") end)
        coroutine.wrap(function()
          local _ <close> = lull.finally(function() log[#log + 1] = wait("inner") end)
          lull.sleep_forever()
        end)()
      end)()
    end)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
    assert.are.same({ "inner", "outer", "task" }, log)
  end)

  it("is ended by a deadline around it", function()
    testing.virtual_time(function()
      local co = coroutine.create(function() lull.sleep(10) end)
      raises("timeout", lull.timeout, 1, coroutine.resume, co)
      assert.are.equal("dead", coroutine.status(co))
    end)
  end)
end)

describe("closing a coroutine whose <close> values wait", function()
  --- A coroutine that has yielded with two such values open.
  local function suspended(log, fail)
    local function closing(name, message)
      return setmetatable({}, { __close = function(_, e)
        log[#log + 1] = wait(name .. tostring(e))
        if message then error(message, 0) end
      end })
    end
    local co = coroutine.create(function()
      local _ <close> = closing("a ")
      local _ <close> = closing("b ", fail)
      coroutine.yield()
    end)
    coroutine.resume(co)
    return co
  end

  it("works for coroutine.close", function()
    local log = {}
    local co = suspended(log)
    assert.are.same({ true }, { coroutine.close(co) })
    assert.are.same({ "b nil", "a nil" }, log)
    assert.are.equal("dead", coroutine.status(co))
  end)

  it("hands a later error on and returns it", function()
    local log = {}
    assert.are.same({ false, "broken" }, { coroutine.close(suspended(log, "broken")) })
    assert.are.same({ "b nil", "a broken" }, log)
  end)

  it("works for an error that leaves wrap", function()
    local log, e = {}, {}
    local ok, got = pcall(coroutine.wrap(function()
      local _ <close> = setmetatable({}, { __close = function(_, err) log[1] = wait(rawequal(err, e)) end })
      error(e)
    end))
    assert.is_false(ok)
    assert.is_true(rawequal(e, got))
    assert.are.same({ true }, log)
  end)
end)

describe("a plain yield out of", function()
  --- fn is entered in a coroutine and yields from inside it.
  local function refused(name, enter)
    it(name .. " raises usage", function()
      local co = coroutine.create(function()
        return enter(function() coroutine.yield() end)
      end)
      local ok, e = coroutine.resume(co)
      assert.is_false(ok)
      assert.is_true(lull.is_error(e, "usage"))
    end)
  end

  refused("group", lull.group)
  refused("timeout", function(fn) return lull.timeout(60, fn) end)
  refused("move_on_after", function(fn) return lull.move_on_after(60, fn) end)
  refused("shield", lull.shield)
  refused("var:with", function(fn) return lull.var():with(1, fn) end)
end)
