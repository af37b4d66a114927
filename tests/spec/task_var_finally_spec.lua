--- lull.var and lull.finally.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

describe("lull.var", function()
  it("gives its default at first", function()
    assert.equal("default", lull.var("default"):get())
    assert.is_nil(lull.var():get())
  end)

  it("gives the value inside with, and the old one after", function()
    local v <const> = lull.var "outer"
    v:with("inner", function() assert.equal("inner", v:get()) end)
    assert.equal("outer", v:get())
  end)

  it("passes arguments and results through with, nils included", function()
    local v <const> = lull.var()
    assert.same({ n = 3, "a", nil, "b" },
      table.pack(v:with(1, function(...) return ... end, "a", nil, "b")))
  end)

  it("runs fn in the current task", function()
    assert.equal(lull.current(), (lull.var():with(1, lull.current)))
  end)

  it("may be nested", function()
    local v <const> = lull.var(0)
    v:with(1, function()
      v:with(2, function() assert.equal(2, v:get()) end)
      assert.equal(1, v:get())
    end)
  end)

  it("takes false as a value", function()
    local v <const> = lull.var(true)
    v:with(false, function() assert.is_false(v:get()) end)
  end)

  it("gives the old value back after an error", function()
    local v <const> = lull.var "outer"
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(v.with, v, "inner", raiser(oops))))
    assert.equal("outer", v:get())
  end)

  it("gives the old value back in cleanup after a cancellation", function()
    local v <const> = lull.var "outer"
    local seen
    local task <const> = started(function()
      local _ <close> = support.closing(function() seen = v:get() end)
      v:with("inner", lull.sleep_forever)
    end)
    task:cancel()
    task:join()
    assert.equal("outer", seen)
  end)

  it("keeps its value over waits, apart from other tasks", function()
    local v <const> = lull.var "none"
    local log <const> = {}
    local function keep(value)
      return function()
        v:with(value, function()
          for _ = 1, 3 do
            lull.yield()
            log[#log + 1] = v:get() == value
          end
        end)
      end
    end
    lull.gather(keep "a", keep "b")
    assert.same({ true, true, true, true, true, true }, log)
    assert.equal("none", v:get())
  end)

  it("keeps variables apart", function()
    local a <const>, b <const> = lull.var "a", lull.var "b"
    a:with(1, function()
      assert.equal("b", b:get())
      b:with(2, function() assert.equal(1, a:get()) end)
    end)
  end)

  it("is inherited by children, however they are started", function()
    local v <const> = lull.var "none"
    local got <const> = {}
    local function note() got[#got + 1] = v:get() end
    lull.group(function(g)
      v:with("mine", function()
        lull.spawn(note)
        lull.async(note)()
        g:spawn(note)
        lull.gather(note)
        lull.map({ 1 }, note)
        lull.after(0, note)
        lull.run(note)
      end)
    end)
    assert.same({ "mine", "mine", "mine", "mine", "mine", "mine", "mine" }, got)
  end)

  it("is inherited with the value at the start of the child", function()
    local v <const> = lull.var "none"
    local gate <const> = lull.future()
    local child
    v:with("early", function()
      child = lull.async(function()
        gate:await()
        return v:get()
      end)()
    end)
    v:with("late", function() gate:set() end)
    assert.equal("early", child:await())
  end)

  it("is inherited by children's children", function()
    local v <const> = lull.var "none"
    local got <const> = v:with("mine", function()
      return lull.spawn(function() return lull.spawn(v.get, v):await() end):await()
    end)
    assert.equal("mine", got)
  end)

  it("is not changed for the parent by a child", function()
    local v <const> = lull.var "parent"
    local gate <const> = lull.future()
    local child <const> = started(function() v:with("child", gate.await, gate) end)
    assert.equal("parent", v:get())
    gate:set()
    child:join()
    assert.equal("parent", v:get())
  end)

  it("is seen inside a coroutine of the task", function()
    local v <const> = lull.var "none"
    v:with("mine", function()
      assert.equal("mine", coroutine.wrap(function() return v:get() end)())
    end)
  end)
end)

describe("lull.finally", function()
  it("calls cleanup with nil after a normal end", function()
    local got
    do
      local _ <close> = lull.finally(function(...) got = table.pack(...) end)
      assert.is_nil(got)
    end
    assert.is_nil(got[1])
  end)

  it("calls cleanup with the error after an error, which goes on", function()
    local oops <const>, got = {}, nil
    local err <const> = failure(function()
      local _ <close> = lull.finally(function(e) got = e end)
      error(oops)
    end)
    assert.is_true(rawequal(oops, got))
    assert.is_true(rawequal(oops, err))
  end)

  it("calls cleanup with the cancelled error after a cancellation, which goes on", function()
    local got
    local task <const> = started(function()
      local _ <close> = lull.finally(function(e) got = e end)
      lull.sleep_forever()
    end)
    task:cancel "enough"
    assert.equal("cancelled", task:join())
    assert.is_true(lull.is_error(got, "cancelled"))
    assert.equal("enough", got.reason)
  end)

  it("calls cleanup once", function()
    local count = 0
    for _ = 1, 3 do
      local _ <close> = lull.finally(function() count = count + 1 end)
    end
    assert.equal(3, count)
  end)

  it("lets cleanup wait after a normal end and after an error", function()
    local count = 0
    local function cleanup()
      support.turns()
      count = count + 1
    end
    do
      local _ <close> = lull.finally(cleanup)
    end
    failure(function()
      local _ <close> = lull.finally(cleanup)
      error "oops"
    end)
    assert.equal(2, count)
  end)

  it("lets cleanup wait after a cancellation, under a shield", function()
    local cleaned = false
    local task <const> = started(function()
      local _ <close> = lull.finally(function()
        support.turns()
        lull.spawn(support.turns):join()
        cleaned = true
      end)
      lull.sleep_forever()
    end)
    task:cancel()
    assert.equal("cancelled", task:join())
    assert.is_true(cleaned)
  end)

  it("shields cleanup from a cancellation that comes while it runs", function()
    local gate <const> = lull.future()
    local cleaned = false
    local task <const> = started(function()
      local _ <close> = lull.finally(function()
        gate:await()
        lull.yield()
        cleaned = true
      end)
    end)
    task:cancel()
    support.turns()
    assert.equal("pending", task:status())
    gate:set()
    task:join()
    assert.is_true(cleaned)
  end)

  it("runs several in the opposite order", function()
    local log <const> = {}
    do
      local _ <close> = lull.finally(function() log[#log + 1] = 1 end)
      local _ <close> = lull.finally(function() log[#log + 1] = 2 end)
      local _ <close> = lull.finally(function()
        lull.yield()
        log[#log + 1] = 3
      end)
    end
    assert.same({ 3, 2, 1 }, log)
  end)

  it("raises what cleanup raises", function()
    local oops <const> = {}
    assert.is_true(rawequal(oops, failure(function()
      local _ <close> = lull.finally(raiser(oops))
      lull.yield()
    end)))
  end)

  it("takes anything callable", function()
    local got
    local callable <const> = setmetatable({}, { __call = function(self) got = self end })
    do
      local _ <close> = lull.finally(callable)
    end
    assert.equal(callable, got)
  end)
end)
