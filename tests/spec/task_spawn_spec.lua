--- Starting tasks: lull.async, lull.spawn, and what a Task handle tells.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started, turns = support.failure, support.raiser, support.started, support.turns

describe("lull.async", function()
  it("returns a pending task and calls nothing yet", function()
    local called = false
    local task <const> = lull.async(function() called = true end)()
    assert.is_false(called)
    assert.equal("pending", task:status())
    task:join()
    assert.is_true(called)
  end)

  it("starts the task at the next turn", function()
    local called = false
    lull.async(function() called = true end)()
    lull.yield()
    assert.is_true(called)
  end)

  it("passes all arguments, nils included", function()
    local got
    lull.async(function(...) got = table.pack(...) end)(nil, 2, nil):join()
    assert.same({ n = 3, [2] = 2 }, got)
  end)

  it("starts a new task at every call", function()
    local start <const> = lull.async(function(x) return x end)
    local first <const>, second <const> = start(1), start(2)
    assert.is_true(first ~= second)
    assert.equal(1, first:await())
    assert.equal(2, second:await())
  end)

  it("starts tasks in the order of the calls", function()
    local log <const> = {}
    local start <const> = lull.async(function(name) log[#log + 1] = name end)
    start "a"
    start "b"
    start "c"
    lull.yield()
    assert.same({ "a", "b", "c" }, log)
  end)

  it("takes anything callable", function()
    local callable <const> = setmetatable({}, { __call = function(self, x) return self, x end })
    local self, x = lull.async(callable)(5):await()
    assert.equal(callable, self)
    assert.equal(5, x)
  end)

  it("takes a C function", function()
    assert.equal(7, lull.async(math.max)(3, 7, 5):await())
  end)

  it("keeps the error for whoever receives it", function()
    local oops <const> = {}
    local task <const> = started(raiser(oops))
    assert.equal("failed", task:status())
    lull.yield()
    assert.equal(oops, failure(lull.await, task))
  end)

  it("does not cancel its owner when it fails", function()
    local reached = false
    local task
    local owner <const> = lull.async(function()
      task = lull.async(raiser "oops")()
      lull.yield()
      lull.yield()
      reached = true
      return task:error()
    end)()
    assert.equal("oops", owner:await())
    assert.is_true(reached)
  end)
end)

describe("lull.spawn", function()
  it("returns a pending task and calls nothing yet", function()
    local called = false
    local task <const> = lull.spawn(function() called = true end)
    assert.is_false(called)
    assert.equal("pending", task:status())
    task:join()
    assert.is_true(called)
  end)

  it("passes all arguments, nils included", function()
    local got
    lull.spawn(function(...) got = table.pack(...) end, nil, "x", nil):join()
    assert.same({ n = 3, [2] = "x" }, got)
  end)

  it("passes all results to its awaiter, nils included", function()
    local got <const> = table.pack(lull.spawn(function() return 1, nil, 3, nil end):await())
    assert.same({ n = 4, 1, nil, 3 }, got)
  end)

  it("takes anything callable", function()
    local callable <const> = setmetatable({}, { __call = function(_, x) return x end })
    assert.equal("x", lull.spawn(callable, "x"):await())
  end)

  it("runs in the background while its owner goes on", function()
    local log <const> = {}
    local task <const> = lull.spawn(function()
      log[#log + 1] = "child"
      lull.yield()
      log[#log + 1] = "child again"
    end)
    log[#log + 1] = "owner"
    lull.yield()
    log[#log + 1] = "owner again"
    task:join()
    assert.same({ "owner", "child", "owner again", "child again" }, log)
  end)

  it("allows a deep chain of tasks that each spawn the next", function()
    local function chain(depth)
      if depth == 0 then return "bottom" end
      return lull.spawn(chain, depth - 1):await()
    end
    assert.equal("bottom", chain(1000))
  end)

  it("allows many tasks at once", function()
    local sum, tasks = 0, {}
    for i = 1, 2000 do
      tasks[i] = lull.spawn(function()
        lull.yield()
        sum = sum + i
      end)
    end
    lull.gather(tasks)
    assert.equal(2001000, sum)
  end)
end)

describe("a task handle", function()
  it("is one object per task", function()
    local inside
    local task <const> = lull.async(function() inside = lull.current() end)()
    task:join()
    assert.is_true(rawequal(task, inside))
  end)

  it("works as a table key", function()
    local inside
    local task <const> = lull.spawn(function() inside = lull.current() end)
    local known <const> = { [task] = "mine" }
    task:join()
    assert.equal("mine", known[inside])
  end)

  it("has status pending until the task has ended", function()
    local gate <const> = lull.future()
    local task <const> = started(function() gate:await() end)
    assert.equal("pending", task:status())
    gate:set()
    task:join()
    assert.equal("done", task:status())
  end)

  it("has status failed after an error", function()
    local task <const> = started(raiser "oops")
    assert.equal("failed", task:status())
    assert.equal("oops", task:error())
  end)

  it("has status failed after a nil error", function()
    local task <const> = started(raiser(nil))
    assert.equal("failed", task:join())
  end)

  it("has status cancelled after a cancellation", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    task:join()
    assert.equal("cancelled", task:status())
  end)

  it("gives all results by result()", function()
    local task <const> = started(function() return nil, 2, nil end)
    assert.same({ n = 3, [2] = 2 }, table.pack(task:result()))
  end)

  it("raises the task's error unchanged by result()", function()
    local oops <const> = {}
    local task <const> = started(raiser(oops))
    assert.is_true(rawequal(oops, failure(task.result, task)))
  end)

  it("raises the cancellation by result()", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    task:join()
    assert.is_true(lull.is_error(failure(task.result, task), "cancelled"))
  end)

  it("raises usage by result() while pending", function()
    local task <const> = lull.async(function() end)()
    assert.is_true(lull.is_error(failure(task.result, task), "usage"))
    task:join()
  end)

  it("returns the task's error by error()", function()
    local oops <const> = {}
    local task <const> = started(raiser(oops))
    assert.is_true(rawequal(oops, task:error()))
  end)

  it("returns the cancellation by error()", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel "enough"
    task:join()
    assert.is_true(lull.is_error(task:error(), "cancelled"))
    assert.equal("enough", task:error().reason)
  end)

  it("returns nil by error() after a good end", function()
    local task <const> = started(function() return 1 end)
    assert.is_nil(task:error())
  end)

  it("raises usage by error() while pending", function()
    local task <const> = lull.async(function() end)()
    assert.is_true(lull.is_error(failure(task.error, task), "usage"))
    task:join()
  end)

  it("waits by join() and returns the status", function()
    local gate <const> = lull.future()
    local task <const> = lull.async(function() gate:await() end)()
    lull.async(function() gate:set() end)()
    assert.equal("done", task:join())
  end)

  it("never raises the child's error by join()", function()
    assert.equal("failed", lull.async(raiser "oops")():join())
  end)

  it("returns cancelled by join() on a cancelled task", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    assert.equal("cancelled", task:join())
  end)

  it("may be joined again after the end", function()
    local task <const> = started(function() end)
    assert.equal("done", task:join())
    assert.equal("done", task:join())
  end)

  it("has a default name that is a string of its own", function()
    local start <const> = lull.async(function() end)
    local first <const>, second <const> = start(), start()
    assert.is_string(first.name)
    assert.is_true(#first.name > 0)
    assert.is_true(first.name ~= second.name)
    lull.gather(first, second)
  end)

  it("has a name that can be set", function()
    local task <const> = lull.async(function() return lull.current().name end)()
    task.name = "collector"
    assert.equal("collector", task.name)
    assert.equal("collector", task:await())
  end)

  it("gives its traceback as text", function()
    local gate <const> = lull.future()
    local task <const> = started(function() gate:await() end)
    assert.is_string(task:traceback())
    gate:set()
    task:join()
    assert.is_string(task:traceback())
  end)

  it("shows where the task failed in its traceback", function()
    local task <const> = started(function() error "oops" end)
    assert.equal("failed", task:join())
    assert.is_truthy(task:traceback():find("task_spawn_spec", 1, true))
  end)
end)

describe("on_done", function()
  it("is called with the task after its end", function()
    local got, status
    local task <const> = lull.async(function() end)()
    task:on_done(function(t)
      got = t
      status = t:status()
    end)
    assert.is_nil(got)
    task:join()
    turns()
    assert.is_true(rawequal(task, got))
    assert.equal("done", status)
  end)

  it("is called in a turn of its own, not inside the task", function()
    local running
    local task <const> = lull.async(function() end)()
    task:on_done(function() running = lull.current() end)
    task:join()
    turns()
    assert.is_true(running ~= task)
  end)

  it("is called once per registration", function()
    local calls = 0
    local task <const> = lull.async(function() end)()
    for _ = 1, 3 do task:on_done(function() calls = calls + 1 end) end
    task:join()
    turns()
    assert.equal(3, calls)
  end)

  it("is called after a failure and after a cancellation", function()
    local log <const> = {}
    local function note(t) log[#log + 1] = t:status() end
    local bad <const> = lull.async(raiser "oops")()
    bad:on_done(note)
    bad:join()
    turns()
    local stopped <const> = started(lull.sleep_forever)
    stopped:on_done(note)
    stopped:cancel()
    stopped:join()
    turns()
    assert.same({ "failed", "cancelled" }, log)
  end)

  it("may not suspend", function()
    local ok, err
    local task <const> = lull.async(function() end)()
    task:on_done(function() ok, err = pcall(lull.sleep, 0) end)
    task:join()
    turns()
    assert.is_false(ok)
    assert.is_true(#tostring(err) > 0)
  end)

  it("may not start a run", function()
    local ok
    local task <const> = lull.async(function() end)()
    task:on_done(function() ok = pcall(lull.run, function() end) end)
    task:join()
    turns()
    assert.is_false(ok)
  end)
end)

describe("looking at tasks", function()
  it("gives the running task by current()", function()
    local inside
    local task <const> = lull.async(function()
      lull.yield()
      inside = lull.current()
    end)()
    local outside <const> = lull.current()
    task:join()
    assert.equal(task, inside)
    assert.is_true(outside ~= task)
    assert.is_true(rawequal(outside, lull.current()))
  end)

  it("lists the running task in tasks()", function()
    local found = false
    for _, task in ipairs(lull.tasks()) do found = found or task == lull.current() end
    assert.is_true(found)
  end)

  it("lists unfinished tasks and no finished ones in tasks()", function()
    local finished <const> = started(function() end)
    local waiting <const> = started(lull.sleep_forever)
    local set <const> = {}
    for _, task in ipairs(lull.tasks()) do set[task] = true end
    assert.is_true(set[waiting])
    assert.is_nil(set[finished])
    waiting:cancel()
    waiting:join()
  end)

  it("shows every unfinished task by name in tree()", function()
    local waiting <const> = started(function()
      local inner <const> = lull.async(lull.sleep_forever)()
      inner.name = "inner-sleeper"
      inner:await()
    end)
    waiting.name = "outer-waiter"
    lull.yield()
    local text <const> = lull.tree()
    local outer_at <const> = text:find("outer-waiter", 1, true)
    local inner_at <const> = text:find("inner-sleeper", 1, true)
    waiting:cancel()
    waiting:join()
    assert.is_number(outer_at)
    assert.is_number(inner_at)
    assert.is_true(outer_at < inner_at)
  end)

  it("shows where in the script a task waits in tree()", function()
    local waiting <const> = started(function() lull.sleep_forever() end)
    local text <const> = lull.tree()
    waiting:cancel()
    waiting:join()
    assert.is_truthy(text:find("task_spawn_spec", 1, true))
  end)

  it("has a version of three numbers", function()
    assert.is_truthy(lull.version:match "^%d+%.%d+%.%d+$")
  end)
end)
