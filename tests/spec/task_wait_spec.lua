--- lull.wait and lull.as_completed.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, raiser, started = support.failure, support.raiser, support.started
local virtual = support.virtual

--- The set of a list's entries, and how many there are.
local function set_of(list)
  local set = {}
  for _, entry in ipairs(list) do set[entry] = true end
  return set, #list
end

--- Cancel and join tasks that a test leaves behind.
local function stop(...)
  for _, task in ipairs { ... } do
    task:cancel()
    task:join()
  end
end

describe("lull.wait", function()
  it("waits for all by default", function()
    local a <const> = lull.async(function() lull.yield() end)()
    local b <const> = lull.async(function() support.turns() end)()
    local done <const>, pending <const> = lull.wait { a, b }
    local set <const>, count <const> = set_of(done)
    assert.equal(2, count)
    assert.is_true(set[a] and set[b])
    assert.same({}, { table.unpack(pending) })
  end)

  it("waits for all with when = 'all'", function()
    local a <const> = lull.async(support.turns)()
    lull.wait({ a }, { when = "all" })
    assert.equal("done", a:status())
  end)

  it("returns with when = 'first' as soon as one has ended", function()
    local a <const>, b <const> = lull.async(function() end)(), lull.async(lull.sleep_forever)()
    local done <const>, pending <const> = lull.wait({ a, b }, { when = "first" })
    assert.equal(1, #done)
    assert.equal(a, done[1])
    assert.equal(1, #pending)
    assert.equal(b, pending[1])
    stop(b)
  end)

  it("returns with when = 'error' as soon as one has failed", function()
    local good <const>, bad <const> = lull.async(function() end)(), lull.async(raiser "oops")()
    local slow <const> = lull.async(lull.sleep_forever)()
    local done <const>, pending <const> = lull.wait({ slow, bad, good }, { when = "error" })
    local set <const> = set_of(done)
    assert.is_true(set[bad])
    assert.equal(1, #pending)
    assert.equal(slow, pending[1])
    stop(slow)
  end)

  it("waits with when = 'error' for all that end well", function()
    local a <const>, b <const> = lull.async(function() end)(), lull.async(support.turns)()
    local done <const>, pending <const> = lull.wait({ a, b }, { when = "error" })
    assert.equal(2, #done)
    assert.equal(0, #pending)
  end)

  it("raises no child error", function()
    local bad <const> = lull.async(raiser "oops")()
    local done <const> = lull.wait { bad }
    assert.equal(bad, done[1])
    assert.equal("failed", bad:status())
  end)

  it("receives the errors of its done list", function()
    local owner <const> = lull.async(function() lull.wait { lull.async(raiser "oops")() } end)()
    assert.equal("done", owner:join())
  end)

  it("does not receive what its pending list raises later", function()
    local oops <const>, gate <const> = {}, lull.future()
    local owner <const> = lull.async(function()
      local bad <const> = lull.async(function()
        gate:await()
        error(oops)
      end)()
      local done <const>, pending <const> = lull.wait({ bad }, { timeout = 0 })
      gate:set()
      return #done, #pending
    end)()
    assert.equal("failed", owner:join())
    assert.is_true(rawequal(oops, owner:error()))
  end)

  it("takes futures", function()
    local settled <const>, open <const> = lull.future(), lull.future()
    settled:set(1)
    local done <const>, pending <const> = lull.wait({ open, settled }, { when = "first" })
    assert.equal(settled, done[1])
    assert.equal(open, pending[1])
    assert.equal("pending", open:status())
    open:set()
  end)

  it("counts duplicates once", function()
    local a <const>, b <const> = lull.async(function() end)(), lull.async(lull.sleep_forever)()
    local done <const>, pending <const> = lull.wait({ a, b, a, b }, { when = "first" })
    assert.equal(1, #done)
    assert.equal(1, #pending)
    stop(b)
  end)

  it("returns two empty arrays for an empty list", function()
    local done <const>, pending <const> = lull.wait {}
    assert.equal(0, #done)
    assert.equal(0, #pending)
  end)

  it("returns at once when all have ended before", function()
    local a <const> = started(function() end)
    local done <const>, pending <const> = lull.wait { a }
    assert.equal(1, #done)
    assert.equal(0, #pending)
  end)

  it("puts every task in exactly one of the two arrays", function()
    local tasks <const> = {}
    for i = 1, 6 do tasks[i] = lull.async(i % 2 == 0 and function() end or lull.sleep_forever)() end
    support.turns()
    local done <const>, pending <const> = lull.wait(tasks, { when = "first" })
    assert.equal(3, #done)
    assert.equal(3, #pending)
    local finished <const>, open <const> = set_of(done), set_of(pending)
    for i, task in ipairs(tasks) do
      assert.equal(i % 2 == 0, finished[task] == true)
      assert.equal(i % 2 == 1, open[task] == true)
    end
    stop(table.unpack(pending))
  end)

  it("cancels nothing when its timeout passes", virtual(function()
    local gate <const> = lull.future()
    local task <const> = lull.async(function() return gate:await() end)()
    local done <const>, pending <const> = lull.wait({ task }, { timeout = 3 })
    assert.equal(0, #done)
    assert.equal(task, pending[1])
    assert.equal("pending", task:status())
    gate:set "whole"
    assert.equal("whole", task:await())
  end))

  it("waits no longer than its timeout", virtual(function()
    local start <const> = lull.now()
    local task <const> = lull.async(lull.sleep)(100)
    lull.wait({ task }, { timeout = 3 })
    assert.is_near(3, lull.now() - start, 0.01)
    stop(task)
  end))

  it("returns before its timeout when its condition is met", virtual(function()
    local start <const> = lull.now()
    local done <const> = lull.wait({ lull.async(lull.sleep)(1) }, { timeout = 3 })
    assert.equal(1, #done)
    assert.is_near(1, lull.now() - start, 0.01)
  end))

  it("cancels nothing when the caller is cancelled", function()
    local gate <const> = lull.future()
    local task <const> = lull.async(function() return gate:await() end)()
    local caller <const> = started(lull.wait, { task })
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("pending", task:status())
    gate:set "whole"
    assert.equal("whole", task:await())
  end)

  it("refuses functions", function()
    local called = false
    assert.is_string(failure(lull.wait, { function() called = true end }))
    support.turns()
    assert.is_false(called)
  end)

  it("refuses an unknown opts.when", function()
    assert.is_string(failure(lull.wait, {}, { when = "never" }))
  end)

  it("refuses a NaN timeout", function()
    assert.is_string(failure(lull.wait, {}, { timeout = 0 / 0 }))
  end)

  it("refuses a hole", function()
    local task <const> = started(function() end)
    assert.is_string(failure(lull.wait, { n = 3, task, nil, task }))
  end)
end)

describe("lull.as_completed", function()
  it("gives tasks in completion order", virtual(function()
    local slow <const> = lull.async(lull.sleep)(3)
    local quick <const> = lull.async(lull.sleep)(1)
    local middle <const> = lull.async(lull.sleep)(2)
    local order <const> = {}
    for task in lull.as_completed { slow, quick, middle } do order[#order + 1] = task end
    assert.equal(3, #order)
    assert.equal(quick, order[1])
    assert.equal(middle, order[2])
    assert.equal(slow, order[3])
  end))

  it("gives each task as soon as it has ended", virtual(function()
    local start <const> = lull.now()
    local times <const> = {}
    for _ in lull.as_completed { lull.async(lull.sleep)(2), lull.async(lull.sleep)(1) } do
      times[#times + 1] = lull.now() - start
    end
    assert.is_near(1, times[1], 0.01)
    assert.is_near(2, times[2], 0.01)
  end))

  it("gives tasks that had ended before", function()
    local first <const>, second <const> = started(function() end), started(function() end)
    local set <const> = {}
    for task in lull.as_completed { first, second } do set[task] = true end
    assert.is_true(set[first] and set[second])
  end)

  it("gives tasks that ended before in the order of their ends", function()
    local first <const>, second <const> = started(function() end), started(function() end)
    local order <const> = {}
    for task in lull.as_completed { second, first } do order[#order + 1] = task end
    assert.equal(first, order[1])
    assert.equal(second, order[2])
  end)

  it("gives nothing for an empty list", function()
    for _ in lull.as_completed {} do error "nothing was to come" end
  end)

  it("raises no child error and receives it", function()
    local owner <const> = lull.async(function()
      local statuses = {}
      for task in lull.as_completed { lull.async(raiser "oops")(), lull.async(function() end)() } do
        statuses[#statuses + 1] = task:status()
      end
      table.sort(statuses)
      return table.concat(statuses, " ")
    end)()
    assert.equal("done failed", owner:await())
  end)

  it("gives cancelled tasks too", function()
    local victim <const> = started(lull.sleep_forever)
    victim:cancel()
    local count = 0
    for task in lull.as_completed { victim } do
      count = count + 1
      assert.equal("cancelled", task:status())
    end
    assert.equal(1, count)
  end)

  it("lets its loop body wait", function()
    local tasks, count = {}, 0
    for i = 1, 5 do tasks[i] = lull.async(function() end)() end
    for _ in lull.as_completed(tasks) do
      lull.yield()
      count = count + 1
    end
    assert.equal(5, count)
  end)

  it("cancels nothing when the loop is left early", function()
    local gate <const> = lull.future()
    local quick <const> = lull.async(function() end)()
    local slow <const> = lull.async(function() return gate:await() end)()
    for task in lull.as_completed { quick, slow } do
      if task == quick then break end
    end
    support.turns()
    assert.equal("pending", slow:status())
    gate:set "whole"
    assert.equal("whole", slow:await())
  end)

  it("cancels nothing when the caller is cancelled", function()
    local gate <const> = lull.future()
    local slow <const> = lull.async(function() return gate:await() end)()
    local caller <const> = started(function()
      for _ in lull.as_completed { slow } do error "nothing has ended" end
    end)
    caller:cancel()
    assert.equal("cancelled", caller:join())
    assert.equal("pending", slow:status())
    gate:set()
    slow:join()
  end)

  it("refuses what is not a list", function()
    assert.is_string(failure(lull.as_completed, 1))
  end)
end)
