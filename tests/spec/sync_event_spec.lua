--- sync_event_spec.lua: lull.sync.event, a flag that tasks wait for.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, misuse = support.go, support.ends, support.misuse

describe("sync.event", function()
  --- Start a task that waits for the event and then notes its name.
  local function waiter(event, log, name)
    return go(function()
      event:wait()
      log[#log + 1] = name
    end)
  end

  it("starts unset", function()
    assert.is_false(sync.event():is_set())
  end)

  it("is set by set and unset by clear", function()
    local event = sync.event()
    event:set()
    assert.is_true(event:is_set())
    event:clear()
    assert.is_false(event:is_set())
  end)

  it("keeps its state when set or cleared twice", function()
    local event = sync.event()
    event:set()
    event:set()
    assert.is_true(event:is_set())
    event:clear()
    event:clear()
    assert.is_false(event:is_set())
  end)

  it("lets wait return at once while set, as often as asked", function()
    local event = sync.event()
    event:set()
    event:wait()
    event:wait()
    assert.is_true(event:is_set())
  end)

  it("makes wait wait while unset", function()
    local event, log = sync.event(), {}
    local task = waiter(event, log, "woken")
    testing.settle()
    assert.are.equal("pending", task:status())
    event:set()
    ends("done", task)
    assert.are.same({ "woken" }, log)
  end)

  it("makes wait wait again after clear", function()
    local event, log = sync.event(), {}
    event:set()
    event:clear()
    local task = waiter(event, log, "woken")
    testing.settle()
    assert.are.same({}, log)
    event:set()
    ends("done", task)
  end)

  it("wakes every waiter in waiting order", function()
    local event, log, tasks = sync.event(), {}, {}
    for i = 1, 5 do
      tasks[i] = waiter(event, log, i)
      testing.settle()
    end
    event:set()
    lull.wait(tasks)
    assert.are.same({ 1, 2, 3, 4, 5 }, log)
  end)

  it("runs no waiter inside set", function()
    local event, log = sync.event(), {}
    local task = waiter(event, log, "woken")
    testing.settle()
    event:set()
    assert.are.same({}, log)
    ends("done", task)
  end)

  it("wakes those who waited even when cleared in the same step", function()
    local event, log = sync.event(), {}
    local task = waiter(event, log, "woken")
    testing.settle()
    event:set()
    event:clear()
    ends("done", task)
    assert.is_false(event:is_set())
  end)

  it("does not wake a newcomer with a set that was cleared before it came", function()
    local event, log = sync.event(), {}
    local early = waiter(event, log, "early")
    testing.settle()
    event:set()
    event:clear()
    local late = waiter(event, log, "late")
    testing.settle()
    assert.are.same({ "early" }, log)
    event:set()
    ends("done", early)
    ends("done", late)
  end)

  it("wakes the others when one waiter was cancelled", function()
    local event, log = sync.event(), {}
    local tasks = { waiter(event, log, 1), waiter(event, log, 2), waiter(event, log, 3) }
    testing.settle()
    tasks[2]:cancel()
    event:set()
    lull.wait(tasks)
    assert.are.same({ 1, 3 }, log)
    ends("cancelled", tasks[2])
  end)

  it("raises in a wait that was cancelled before, although it is set", function()
    local event = sync.event()
    event:set()
    support.cancelled_before(event.wait, event)
  end)

  it("raises in a wait that is cancelled", function()
    local event = sync.event()
    support.cancelled_waiting(event.wait, event)
  end)

  it("lets a wait return that was woken before it was cancelled", function()
    local event = sync.event()
    support.delivered(function() event:set() end, event.wait, event)
  end)

  it("leaves a wait whose deadline passes", function()
    local event = sync.event()
    support.expires(event.wait, event)
    assert.is_false(event:is_set())
  end)

  it("can be set by a task that ends at once", function()
    local event = sync.event()
    local task = go(function() event:set() end)
    event:wait()
    ends("done", task)
  end)

  it("is one object per call", function()
    local a, b = sync.event(), sync.event()
    a:set()
    assert.is_false(b:is_set())
  end)

  it("refuses another self", function()
    local event = sync.event()
    misuse(event.set, {})
    misuse(event.wait, 1)
    misuse(event.is_set, nil)
    misuse(event.clear, sync.lock())
  end)
end)
