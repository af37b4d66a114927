--- lull.on_error, the sink of errors nobody received, and t:detach().
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started

describe("t:detach", function()
  it("no longer holds up the owner", function()
    local gate <const> = lull.future()
    local child
    lull.run(function()
      local owner <const> = lull.async(function()
        child = lull.async(function() gate:await() end)()
        child:detach()
      end)()
      assert.equal("done", owner:join())
      assert.equal("pending", child:status())
      gate:set()
      child:join()
    end)
  end)

  it("leaves the task running when its former owner fails", function()
    local gate <const> = lull.future()
    lull.run(function()
      local child
      failure(lull.group, function(g)
        child = g:spawn(function() return gate:await() end)
        child:detach()
        error "oops"
      end)
      assert.equal("pending", child:status())
      gate:set "whole"
      assert.equal("whole", child:await())
    end)
  end)

  it("has the task cancelled and joined when the innermost run ends", function()
    local child
    local cleaned = false
    lull.run(function()
      child = lull.async(function()
        local _ <close> = lull.finally(function()
          support.turns()
          cleaned = true
        end)
        lull.sleep_forever()
      end)()
      child:detach()
      lull.yield()
    end)
    assert.equal("cancelled", child:status())
    assert.is_true(cleaned)
  end)

  it("sends the task's error to the sink, not to an owner", function()
    local seen <const>, result <const> = support.sink(lull.run, function()
      local child <const> = lull.spawn(raiser "oops")
      child:detach()
      support.turns()
      return "fine"
    end)
    assert.equal("fine", result)
    assert.equal(1, #seen)
    assert.equal("oops", seen[1].err)
  end)

  it("leaves the task to be awaited as before", function()
    local seen <const>, result <const> = support.sink(lull.run, function()
      local child <const> = lull.async(raiser "oops")()
      child:detach()
      return failure(lull.await, child)
    end)
    assert.equal("oops", result)
    assert.same({}, seen)
  end)

  it("leaves the task to be cancelled through its handle", function()
    lull.run(function()
      local child <const> = started(lull.sleep_forever)
      child:detach()
      assert.is_true(child:cancel())
      assert.equal("cancelled", child:join())
    end)
  end)

  it("may be called by the task itself", function()
    local gate <const> = lull.future()
    lull.run(function()
      local child
      local owner <const> = lull.async(function()
        child = lull.async(function()
          lull.current():detach()
          gate:await()
        end)()
        lull.yield()
      end)()
      assert.equal("done", owner:join())
      assert.equal("pending", child:status())
      gate:set()
      child:join()
    end)
  end)

  it("is cancelled at the end of the program's main task", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      lull.async(function()
        local _ <close> = lull.finally(function(err) print("cleaned", err.kind) end)
        lull.sleep_forever()
      end)():detach()
      lull.yield()
      print "main ends"
    ]]
    assert.is_truthy(output:find("main ends\ncleaned\tcancelled", 1, true))
    assert.equal(0, code)
  end)
end)

describe("lull.on_error", function()
  --- Let a detached task fail with `value` under the present sink.
  local function lose(value)
    lull.run(function()
      lull.async(raiser(value))():detach()
      support.turns()
    end)
  end

  it("returns the previous sink", function()
    local function one() end
    local function two() end
    local original <const> = lull.on_error(one)
    local first <const> = lull.on_error(two)
    local second <const> = lull.on_error(original)
    assert.equal(one, first)
    assert.equal(two, second)
  end)

  it("gives the sink the error unchanged", function()
    local oops <const> = {}
    local seen <const> = support.sink(lose, oops)
    assert.equal(1, #seen)
    assert.is_true(rawequal(oops, seen[1].err))
  end)

  it("gives the sink a nil error as nil", function()
    local seen <const> = support.sink(lose, nil)
    assert.equal(1, #seen)
    assert.is_nil(seen[1].err)
  end)

  it("gives the sink the task and a traceback", function()
    local task
    local seen <const> = support.sink(lull.run, function()
      task = lull.async(function() error "oops" end)()
      task:detach()
      support.turns()
    end)
    assert.is_true(rawequal(task, seen[1].task))
    assert.is_string(seen[1].traceback)
    assert.is_truthy(seen[1].traceback:find("task_sink_spec", 1, true))
  end)

  it("calls the sink once per error", function()
    local seen <const> = support.sink(function()
      for i = 1, 3 do lose(i) end
    end)
    assert.equal(3, #seen)
  end)

  it("does not let the sink suspend", function()
    local ok
    local previous <const> = lull.on_error(function() ok = pcall(lull.sleep, 0) end)
    lose "oops"
    lull.on_error(previous)
    assert.is_false(ok)
  end)

  it("hears nothing of cancellations", function()
    local seen <const> = support.sink(lull.run, function()
      local child <const> = started(lull.sleep_forever)
      child:detach()
    end)
    assert.same({}, seen)
  end)

  it("prints to stderr by default", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      lull.async(error)("nobody wants me", 0):detach()
      for _ = 1, 5 do lull.yield() end
      print "main went on"
    ]]
    assert.is_truthy(output:find("nobody wants me", 1, true))
    assert.is_truthy(output:find("main went on", 1, true))
    assert.equal(0, code)
  end)

  it("restores the default with nil", function()
    local output <const> = support.program [[
      local lull = require "lull"
      lull.on_error(function() print "never called" end)
      lull.on_error(nil)
      lull.async(error)("nobody wants me", 0):detach()
      for _ = 1, 5 do lull.yield() end
    ]]
    assert.is_truthy(output:find("nobody wants me", 1, true))
    assert.is_nil(output:find("never called", 1, true))
  end)

  it("has both errors printed when the sink raises", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      lull.on_error(function() error("the sink broke", 0) end)
      lull.async(error)("nobody wants me", 0):detach()
      for _ = 1, 5 do lull.yield() end
      print "main went on"
    ]]
    assert.is_truthy(output:find("nobody wants me", 1, true))
    assert.is_truthy(output:find("the sink broke", 1, true))
    assert.is_truthy(output:find("main went on", 1, true))
    assert.equal(0, code)
  end)
end)
