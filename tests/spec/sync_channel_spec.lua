--- sync_channel_spec.lua: lull.sync.channel, values handed from task to task.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("sync.channel", function()
  --- Start a task that receives a value and notes it behind its name.
  local function receiver(ch, log, name)
    return go(function()
      local value = ch:recv()
      log[#log + 1] = name .. value
    end)
  end

  --- Start a task that sends a value and notes it once it is taken.
  local function sender(ch, log, value)
    return go(function()
      ch:send(value)
      log[#log + 1] = value
    end)
  end

  describe("without capacity", function()
    it("is what channel() makes", function()
      assert.is_false(sync.channel():try_send("a"))
      assert.is_false(sync.channel(0):try_send("a"))
    end)

    it("makes send wait for a receiver", function()
      local ch, log = sync.channel(), {}
      local task = sender(ch, log, "a")
      testing.settle()
      assert.are.same({}, log)
      assert.are.equal("a", ch:recv())
      ends("done", task)
      assert.are.same({ "a" }, log)
    end)

    it("makes recv wait for a sender", function()
      local ch, log = sync.channel(), {}
      local task = receiver(ch, log, "got ")
      testing.settle()
      assert.are.same({}, log)
      ch:send("a")
      ends("done", task)
      assert.are.same({ "got a" }, log)
    end)

    it("try_send reaches only a waiting receiver", function()
      local ch, log = sync.channel(), {}
      assert.is_false(ch:try_send("lost"))
      local task = receiver(ch, log, "got ")
      testing.settle()
      assert.is_true(ch:try_send("a"))
      assert.is_false(ch:try_send("b"))
      ends("done", task)
      assert.are.same({ "got a" }, log)
    end)

    it("try_recv takes only from a waiting sender", function()
      local ch, log = sync.channel(), {}
      assert.is_nil(ch:try_recv())
      local task = sender(ch, log, "a")
      testing.settle()
      assert.are.equal("a", ch:try_recv())
      assert.is_nil(ch:try_recv())
      ends("done", task)
    end)

    it("carries a conversation both ways", function()
      local ask, answer = sync.channel(), sync.channel()
      local task = go(function()
        for n in ask:items() do answer:send(n * n) end
      end)
      for n = 1, 20 do
        ask:send(n)
        assert.are.equal(n * n, answer:recv())
      end
      ask:close()
      ends("done", task)
    end)
  end)

  describe("with capacity", function()
    it("lets send return until it is full", function()
      local ch = sync.channel(2)
      ch:send("a")
      assert.is_true(ch:try_send("b"))
      assert.is_false(ch:try_send("c"))
    end)

    it("gives values in the order they were sent", function()
      local ch = sync.channel(3)
      for i = 1, 3 do ch:send(i) end
      assert.are.equal(1, ch:recv())
      assert.are.equal(2, ch:try_recv())
      ch:send(4)
      assert.are.equal(3, ch:recv())
      assert.are.equal(4, ch:recv())
      assert.is_nil(ch:try_recv())
    end)

    it("makes send wait when full", function()
      local ch, log = sync.channel(1), {}
      ch:send("a")
      local task = sender(ch, log, "b")
      testing.settle()
      assert.are.same({}, log)
      assert.are.equal("a", ch:recv())
      ends("done", task)
      assert.are.equal("b", ch:recv())
    end)

    it("gives freed room to the waiting sender, not to a newcomer", function()
      local ch, log = sync.channel(1), {}
      ch:send("a")
      local task = sender(ch, log, "waiter")
      testing.settle()
      assert.are.equal("a", ch:try_recv())
      assert.is_false(ch:try_send("newcomer"))
      ends("done", task)
      assert.are.equal("waiter", ch:recv())
    end)

    it("gives a value to the waiting receiver, not to a newcomer", function()
      local ch, log = sync.channel(1), {}
      local task = receiver(ch, log, "waiter ")
      testing.settle()
      assert.is_true(ch:try_send("a"))
      assert.is_nil(ch:try_recv())
      ends("done", task)
      assert.are.same({ "waiter a" }, log)
    end)

    it("keeps the order across the buffer and waiting senders", function()
      local ch, tasks, got = sync.channel(2), {}, {}
      for i = 1, 5 do
        tasks[i] = go(ch.send, ch, i)
        testing.settle()
      end
      for i = 1, 5 do got[i] = ch:recv() end
      lull.wait(tasks)
      assert.are.same({ 1, 2, 3, 4, 5 }, got)
    end)
  end)

  it("serves receivers in waiting order", function()
    for _, cap in ipairs { 0, 2 } do
      local ch, log, tasks = sync.channel(cap), {}, {}
      for i = 1, 3 do
        tasks[i] = receiver(ch, log, i)
        testing.settle()
      end
      for _, value in ipairs { "a", "b", "c" } do ch:send(value) end
      lull.wait(tasks)
      assert.are.same({ "1a", "2b", "3c" }, log)
    end
  end)

  it("serves senders in waiting order", function()
    local ch, log, tasks = sync.channel(), {}, {}
    for i, value in ipairs { "a", "b", "c" } do
      tasks[i] = sender(ch, log, value)
      testing.settle()
    end
    for _, value in ipairs { "a", "b", "c" } do assert.are.equal(value, ch:recv()) end
    lull.wait(tasks)
    assert.are.same({ "a", "b", "c" }, log)
  end)

  it("runs nobody inside send or try_recv", function()
    local ch, log = sync.channel(), {}
    local task = receiver(ch, log, "got ")
    testing.settle()
    ch:try_send("a")
    assert.are.same({}, log)
    ends("done", task)
    task = sender(ch, log, "b")
    testing.settle()
    ch:try_recv()
    assert.are.same({ "got a" }, log)
    ends("done", task)
  end)

  it("carries any value but nil, tables by reference", function()
    local ch, t = sync.channel(4), {}
    ch:send(false)
    ch:send(t)
    ch:send(print)
    assert.is_true(ch:try_send(0))
    assert.is_false(ch:recv())
    assert.is_true(rawequal(t, ch:recv()))
    assert.are.equal(print, ch:recv())
    assert.are.equal(0, ch:recv())
  end)

  it("refuses nil and sends nothing", function()
    local ch = sync.channel(1)
    misuse(ch.send, ch, nil)
    misuse(ch.send, ch)
    misuse(ch.try_send, ch, nil)
    assert.is_nil(ch:try_recv())
  end)

  describe("items", function()
    it("gives value after value until the channel is closed", function()
      local ch, got = sync.channel(), {}
      local task = go(function()
        for value in ch:items() do got[#got + 1] = value end
      end)
      for i = 1, 3 do ch:send(i) end
      testing.settle()
      assert.are.same({ 1, 2, 3 }, got)
      ch:close()
      ends("done", task)
    end)

    it("gives what a closed channel still holds, then ends", function()
      local ch, got = sync.channel(2), {}
      ch:send("a")
      ch:send("b")
      ch:close()
      for value in ch:items() do got[#got + 1] = value end
      assert.are.same({ "a", "b" }, got)
    end)

    it("goes on past a false value", function()
      local ch, got = sync.channel(2), {}
      ch:send(false)
      ch:send("after")
      ch:close()
      for value in ch:items() do got[#got + 1] = value end
      assert.are.same({ false, "after" }, got)
    end)

    it("leaves the channel open and the rest in it when the loop is left", function()
      local ch = sync.channel(3)
      for i = 1, 3 do ch:send(i) end
      for value in ch:items() do
        if value == 2 then break end
      end
      assert.are.equal(3, ch:recv())
      assert.is_true(ch:try_send(4))
      assert.are.equal(4, ch:recv())
    end)

    it("ends by the cancellation of its task, taking nothing", function()
      local ch = sync.channel(1)
      local task = go(function()
        for _ in ch:items() do error("took a value") end
      end)
      testing.settle()
      task:cancel()
      ch:try_send("a")
      ends("cancelled", task)
      assert.are.equal("a", ch:recv())
    end)
  end)

  describe("close", function()
    it("makes send raise closed", function()
      for _, cap in ipairs { 0, 1 } do
        local ch = sync.channel(cap)
        ch:close()
        raises("closed", ch.send, ch, "a")
      end
    end)

    it("never accepts a value by try_send", function()
      local ch = sync.channel(1)
      ch:close()
      local ok, answer = pcall(ch.try_send, ch, "a")
      assert.is_false(ok and answer)
      raises("closed", ch.recv, ch)
    end)

    it("lets the rest be received, then raises closed", function()
      local ch = sync.channel(2)
      ch:send("a")
      ch:send("b")
      ch:close()
      assert.are.equal("a", ch:recv())
      assert.are.equal("b", ch:try_recv())
      raises("closed", ch.recv, ch)
    end)

    it("wakes every waiting receiver with closed", function()
      local ch = sync.channel()
      local tasks = { go(ch.recv, ch), go(ch.recv, ch), go(ch.recv, ch) }
      testing.settle()
      ch:close()
      for _, task in ipairs(tasks) do raises("closed", task.await, task) end
    end)

    it("wakes every waiting sender with closed, its value not sent", function()
      local ch = sync.channel(1)
      ch:send("a")
      local tasks = { go(ch.send, ch, "b"), go(ch.send, ch, "c") }
      testing.settle()
      ch:close()
      for _, task in ipairs(tasks) do raises("closed", task.await, task) end
      assert.are.equal("a", ch:recv())
      raises("closed", ch.recv, ch)
    end)

    it("does not take back a value that was handed over", function()
      local ch = sync.channel()
      local task = go(ch.recv, ch)
      testing.settle()
      ch:try_send("a")
      ch:close()
      assert.are.equal("a", task:await())
    end)

    it("does not fail a sender whose value was taken", function()
      local ch = sync.channel()
      local task = go(ch.send, ch, "a")
      testing.settle()
      assert.are.equal("a", ch:try_recv())
      ch:close()
      ends("done", task)
    end)

    it("may be called twice", function()
      local ch = sync.channel(1)
      ch:send("a")
      ch:close()
      ch:close()
      assert.are.equal("a", ch:recv())
    end)
  end)

  describe("cancellation", function()
    it("before recv takes nothing", function()
      local ch = sync.channel(1)
      ch:send("a")
      support.cancelled_before(ch.recv, ch)
      assert.are.equal("a", ch:recv())
    end)

    it("before send sends nothing", function()
      local ch = sync.channel(1)
      support.cancelled_before(ch.send, ch, "a")
      assert.is_nil(ch:try_recv())
    end)

    it("before send leaves a waiting receiver waiting", function()
      local ch, log = sync.channel(), {}
      local task = receiver(ch, log, "got ")
      testing.settle()
      support.cancelled_before(ch.send, ch, "a")
      assert.are.equal("pending", task:status())
      ch:send("b")
      ends("done", task)
      assert.are.same({ "got b" }, log)
    end)

    it("before recv leaves a waiting sender waiting", function()
      local ch = sync.channel()
      local task = go(ch.send, ch, "a")
      testing.settle()
      support.cancelled_before(ch.recv, ch)
      assert.are.equal("pending", task:status())
      assert.are.equal("a", ch:recv())
      ends("done", task)
    end)

    it("of a waiting recv takes nothing", function()
      local ch = sync.channel(1)
      support.cancelled_waiting(ch.recv, ch)
      ch:send("a")
      assert.are.equal("a", ch:try_recv())
    end)

    it("of a waiting send sends nothing", function()
      local ch = sync.channel()
      support.cancelled_waiting(ch.send, ch, "a")
      assert.is_nil(ch:try_recv())
    end)

    it("takes a waiter out at once, before it has run", function()
      local ch = sync.channel()
      local taker = go(ch.recv, ch)
      testing.settle()
      taker:cancel()
      assert.is_false(ch:try_send("a"))
      local giver = go(ch.send, ch, "b")
      testing.settle()
      giver:cancel()
      assert.is_nil(ch:try_recv())
      ends("cancelled", taker)
      ends("cancelled", giver)
    end)

    it("of a receiver does not cost the next one its turn", function()
      local ch, log, tasks = sync.channel(), {}, {}
      for i = 1, 3 do tasks[i] = receiver(ch, log, i) end
      testing.settle()
      tasks[2]:cancel()
      assert.is_true(ch:try_send("a"))
      assert.is_true(ch:try_send("b"))
      assert.is_false(ch:try_send("c"))
      lull.wait(tasks)
      assert.are.same({ "1a", "3b" }, log)
    end)

    it("of a sender does not cost the next one its turn", function()
      local ch, log, tasks = sync.channel(), {}, {}
      for i, value in ipairs { "a", "b", "c" } do
        tasks[i] = sender(ch, log, value)
        testing.settle()
      end
      tasks[2]:cancel()
      assert.are.equal("a", ch:try_recv())
      assert.are.equal("c", ch:try_recv())
      assert.is_nil(ch:try_recv())
      lull.wait(tasks)
      assert.are.same({ "a", "c" }, log)
    end)

    it("after a value was handed over lets recv return it", function()
      local ch = sync.channel()
      local value = support.delivered(function() ch:try_send("a") end, ch.recv, ch)
      assert.are.equal("a", value)
    end)

    it("after a value was taken lets send return", function()
      local ch, taken = sync.channel(), nil
      support.delivered(function() taken = ch:try_recv() end, ch.send, ch, "a")
      assert.are.equal("a", taken)
    end)

    it("after a value was buffered lets send return", function()
      local ch, taken = sync.channel(1), nil
      ch:send("a")
      support.delivered(function() taken = ch:try_recv() end, ch.send, ch, "b")
      assert.are.equal("a", taken)
      assert.are.equal("b", ch:recv())
    end)

    it("by a deadline takes and sends nothing", function()
      local ch = sync.channel()
      support.expires(ch.recv, ch)
      assert.is_false(ch:try_send("a"))
      support.expires(ch.send, ch, "b")
      assert.is_nil(ch:try_recv())
    end)
  end)

  describe("refuses", function()
    it("a wrong capacity", function()
      misuse(sync.channel, -1)
      misuse(sync.channel, 1.5)
      misuse(sync.channel, "one")
    end)

    it("another self", function()
      local ch = sync.channel()
      misuse(ch.recv, {})
      misuse(ch.send, sync.queue(), 1)
      misuse(ch.items, nil)
      misuse(ch.close, 1)
    end)
  end)
end)
