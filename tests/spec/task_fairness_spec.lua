--- Order and fairness: first-in first-out, one step per round, nobody starves.
local lull = require "lull"
local support = require "tests.spec.support"

--- Far more steps than any fair scheduler needs.
local enough <const> = 5000000

--- Tasks that each add their name to `log` at every one of `steps` steps.
local function talkers(log, names, steps)
  local list <const> = {}
  for i, name in ipairs(names) do
    list[i] = function()
      for _ = 1, steps do
        log[#log + 1] = name
        lull.yield()
      end
    end
  end
  return list
end

describe("ready tasks", function()
  it("run first-in first-out, one step each per round", function()
    local log <const> = {}
    lull.gather(talkers(log, { "a", "b", "c" }, 3))
    assert.same({ "a", "b", "c", "a", "b", "c", "a", "b", "c" }, log)
  end)

  it("keep that order when there are more than a turn can run", function()
    local log <const>, names <const> = {}, {}
    for i = 1, 200 do names[i] = i end
    lull.gather(talkers(log, names, 3))
    assert.equal(600, #log)
    for i, name in ipairs(log) do assert.equal((i - 1) % 200 + 1, name) end
  end)

  it("that were started later wait for the next round", function()
    local log <const> = {}
    lull.group(function(g)
      g:spawn(function()
        g:spawn(function() log[#log + 1] = "late" end)
        log[#log + 1] = "first"
      end)
      g:spawn(function() log[#log + 1] = "second" end)
    end)
    assert.same({ "first", "second", "late" }, log)
  end)

  it("woken by one setter run in the order they were woken", function()
    local log, futures, tasks = {}, {}, {}
    for i = 1, 5 do
      futures[i] = lull.future()
      tasks[i] = support.started(function()
        futures[i]:await()
        log[#log + 1] = i
      end)
    end
    for _, i in ipairs { 3, 1, 5, 2, 4 } do futures[i]:set() end
    lull.gather(tasks)
    assert.same({ 3, 1, 5, 2, 4 }, log)
  end)
end)

describe("lull.yield", function()
  it("lets every other ready task take a step", function()
    local steps = {}
    lull.group(function(g)
      for i = 1, 100 do
        g:spawn(function()
          steps[i] = true
          lull.sleep(0)
        end)
      end
      lull.yield()
      for i = 1, 100 do assert.is_true(steps[i]) end
    end)
  end)

  it("returns at once when nobody else is ready", function()
    for _ = 1, 1000 do lull.yield() end
  end)
end)

describe("a wait that finds its result ready", function()
  --- Call `wait` again and again until another ready task has run.
  local function yields_in_time(wait)
    local ran = false
    local other <const> = lull.async(function() ran = true end)()
    local count = 0
    while not ran and count < enough do
      wait()
      count = count + 1
    end
    assert.is_true(ran)
    other:join()
  end

  it("yields in time: await of a finished task", function()
    local task <const> = support.started(function() end)
    yields_in_time(function() lull.await(task) end)
  end)

  it("yields in time: await of a settled future", function()
    local future <const> = lull.future()
    future:set(1)
    yields_in_time(function() future:await() end)
  end)

  it("yields in time: join of a finished task", function()
    local task <const> = support.started(function() end)
    yields_in_time(function() task:join() end)
  end)

  it("yields in time: gather of finished tasks", function()
    local task <const> = support.started(function() end)
    yields_in_time(function() lull.gather(task, task) end)
  end)

  it("yields in time: wait on finished tasks", function()
    local list <const> = { support.started(function() end) }
    yields_in_time(function() lull.wait(list) end)
  end)
end)

describe("timers are polled", function()
  --- Run `busy` steps until a short real timer has fired.
  local function fires_beside(busy)
    local fired = false
    lull.group(function()
      lull.after(0.001, function() fired = true end)
      local count = 0
      while not fired and count < enough do
        busy()
        count = count + 1
      end
      assert.is_true(fired)
    end)
  end

  it("while one task is always ready", function() fires_beside(lull.yield) end)

  it("while many tasks are always ready", function()
    local stop = false
    local tasks <const> = {}
    for i = 1, 200 do
      tasks[i] = lull.async(function() while not stop do lull.yield() end end)()
    end
    fires_beside(lull.yield)
    stop = true
    lull.gather(tasks)
  end)

  it("while a task waits only for what is ready", function()
    local future <const> = lull.future()
    future:set()
    fires_beside(function() future:await() end)
  end)

  it("while tasks keep waking each other", function()
    local stop = false
    local there, back = lull.future(), lull.future()
    local ping <const> = lull.async(function()
      while not stop do
        there:set()
        back:await()
        back = lull.future()
      end
      there:try_set()
    end)()
    local pong <const> = lull.async(function()
      while not stop do
        there:await()
        there = lull.future()
        back:try_set()
      end
      back:try_set()
    end)()
    fires_beside(lull.yield)
    stop = true
    ping:join()
    pong:join()
  end)

  it("while tasks keep starting tasks", function()
    local stop = false
    local chain <const> = lull.async(function()
      while not stop do lull.spawn(function() end):join() end
    end)()
    fires_beside(lull.yield)
    stop = true
    assert.equal("done", chain:join())
  end)
end)
