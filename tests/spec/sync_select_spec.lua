--- sync_select_spec.lua: lull.select, the first of several sends and receives that can happen.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("select", function()
  --- A channel that holds these values.
  local function holding(...)
    local ch = sync.channel(math.max(1, select("#", ...)))
    for i = 1, select("#", ...) do ch:send((select(i, ...))) end
    return ch
  end

  --- Start a task that selects and returns index and value.
  local function selecting(alternatives)
    local task = go(lull.select, alternatives)
    testing.settle()
    return task
  end

  describe("that can go on at once", function()
    it("returns index and value of a receive", function()
      local index, value = lull.select { { sync.channel(), "recv" }, { holding("a"), "recv" } }
      assert.are.equal(2, index)
      assert.are.equal("a", value)
    end)

    it("returns the index of a send", function()
      local ch = sync.channel(1)
      assert.are.equal(1, (lull.select { { ch, "send", "a" } }))
      assert.are.equal("a", ch:recv())
    end)

    it("tries the alternatives in list order", function()
      local a, b = holding("a1", "a2"), holding("b1", "b2")
      local index, value = lull.select { { a, "recv" }, { b, "recv" } }
      assert.are.equal(1, index)
      assert.are.equal("a1", value)
      index, value = lull.select { { b, "recv" }, { a, "recv" } }
      assert.are.equal(1, index)
      assert.are.equal("b1", value)
    end)

    it("does only one of the alternatives", function()
      local a, b, c = holding("a"), holding("b"), sync.channel(1)
      lull.select { { a, "recv" }, { b, "recv" }, { c, "send", "c" } }
      assert.is_nil(a:try_recv())
      assert.are.equal("b", b:try_recv())
      assert.is_nil(c:try_recv())
    end)

    it("tries sends and receives alike in list order", function()
      local full, room = holding("a"), sync.channel(1)
      assert.are.equal(1, (lull.select { { room, "send", "x" }, { full, "recv" } }))
      assert.are.equal(2, (lull.select { { room, "send", "y" }, { full, "recv" } }))
    end)

    it("takes from a waiting sender", function()
      local ch = sync.channel()
      local task = go(ch.send, ch, "a")
      testing.settle()
      local index, value = lull.select { { ch, "recv" } }
      assert.are.equal(1, index)
      assert.are.equal("a", value)
      ends("done", task)
    end)

    it("sends to a waiting receiver", function()
      local ch = sync.channel()
      local task = go(ch.recv, ch)
      testing.settle()
      assert.are.equal(1, (lull.select { { ch, "send", "a" } }))
      assert.are.equal("a", task:await())
    end)

    it("receives false", function()
      local index, value = lull.select { { holding(false), "recv" } }
      assert.are.equal(1, index)
      assert.is_false(value)
    end)
  end)

  describe("that has to wait", function()
    it("goes on with the first alternative that becomes possible", function()
      local a, b = sync.channel(), sync.channel()
      local task = selecting { { a, "recv" }, { b, "recv" } }
      assert.are.equal("pending", task:status())
      assert.is_true(b:try_send("b"))
      local index, value = task:await()
      assert.are.equal(2, index)
      assert.are.equal("b", value)
    end)

    it("takes the other alternatives back", function()
      local a, b = sync.channel(), sync.channel()
      local task = selecting { { a, "recv" }, { b, "recv" } }
      assert.is_true(b:try_send("b"))
      assert.is_false(a:try_send("a"))
      assert.is_false(b:try_send("again"))
      assert.are.equal(2, (task:await()))
    end)

    it("sends its value when a receiver comes, once", function()
      local a, b = sync.channel(), sync.channel()
      local task = selecting { { a, "send", "to a" }, { b, "send", "to b" } }
      assert.are.equal("to b", b:try_recv())
      assert.is_nil(a:try_recv())
      assert.is_nil(b:try_recv())
      assert.are.equal(2, (task:await()))
    end)

    it("sends its value when room comes", function()
      local ch = holding("a")
      local task = selecting { { ch, "send", "b" } }
      assert.are.equal("a", ch:try_recv())
      assert.are.equal(1, (task:await()))
      assert.are.equal("b", ch:recv())
    end)

    it("meets another select", function()
      local ch, other = sync.channel(), sync.channel()
      local taker = selecting { { other, "recv" }, { ch, "recv" } }
      local giver = selecting { { other, "recv" }, { ch, "send", "a" } }
      local index, value = taker:await()
      assert.are.equal(2, index)
      assert.are.equal("a", value)
      assert.are.equal(2, (giver:await()))
      assert.is_false(other:try_send("nobody"))
    end)

    it("never meets itself", function()
      local ch = sync.channel()
      local task = selecting { { ch, "send", "a" }, { ch, "recv" } }
      assert.are.equal("pending", task:status())
      assert.are.equal("a", ch:try_recv())
      assert.are.equal(1, (task:await()))
      assert.is_false(ch:try_send("b"))
    end)

    it("listens on one channel twice as the first of the two", function()
      local ch = sync.channel()
      local task = selecting { { ch, "recv" }, { ch, "recv" } }
      assert.is_true(ch:try_send("a"))
      assert.is_false(ch:try_send("b"))
      local index, value = task:await()
      assert.are.equal(1, index)
      assert.are.equal("a", value)
    end)

    it("stands in line with plain receivers", function()
      local ch, log = sync.channel(), {}
      local function receive()
        local value = ch:recv()
        log[#log + 1] = "recv " .. value
      end
      local first = go(receive)
      testing.settle()
      local second = go(function()
        local _, value = lull.select { { sync.channel(), "recv" }, { ch, "recv" } }
        log[#log + 1] = "select " .. value
      end)
      testing.settle()
      local third = go(receive)
      testing.settle()
      for _, value in ipairs { "a", "b", "c" } do assert.is_true(ch:try_send(value)) end
      lull.wait { first, second, third }
      assert.are.same({ "recv a", "select b", "recv c" }, log)
    end)

    it("stands in line with plain senders", function()
      local ch = sync.channel()
      local tasks = { go(ch.send, ch, "a") }
      testing.settle()
      tasks[2] = selecting { { ch, "send", "b" } }
      tasks[3] = go(ch.send, ch, "c")
      testing.settle()
      assert.are.equal("a", ch:try_recv())
      assert.are.equal("b", ch:try_recv())
      assert.are.equal("c", ch:try_recv())
      for _, task in ipairs(tasks) do ends("done", task) end
    end)

    it("leaves no trace in the line once it went on elsewhere", function()
      local a, b = sync.channel(), sync.channel()
      local first = selecting { { a, "recv" }, { b, "recv" } }
      local second = go(a.recv, a)
      testing.settle()
      assert.is_true(b:try_send("b"))
      assert.is_true(a:try_send("a"))
      assert.are.equal(2, (first:await()))
      assert.are.equal("a", second:await())
    end)
  end)

  describe("with a closed channel", function()
    it("raises closed for a receive and for a send", function()
      local ch = sync.channel()
      ch:close()
      raises("closed", lull.select, { { ch, "recv" } })
      raises("closed", lull.select, { { ch, "send", "a" } })
    end)

    it("keeps to the list order", function()
      local closed, ready = sync.channel(), holding("a", "b")
      closed:close()
      local index, value = lull.select { { ready, "recv" }, { closed, "recv" } }
      assert.are.equal(1, index)
      assert.are.equal("a", value)
      raises("closed", lull.select, { { closed, "recv" }, { ready, "recv" } })
      assert.are.equal("b", ready:try_recv())
    end)

    it("still receives what the channel holds", function()
      local ch = holding("a")
      ch:close()
      local index, value = lull.select { { ch, "recv" } }
      assert.are.equal(1, index)
      assert.are.equal("a", value)
      raises("closed", lull.select, { { ch, "recv" } })
    end)

    it("does not wait for the open ones", function()
      local closed = sync.channel()
      closed:close()
      raises("closed", lull.select, { { sync.channel(), "recv" }, { closed, "recv" } })
    end)

    it("raises when one is closed while it waits, and leaves the others", function()
      local a, b = sync.channel(), sync.channel()
      local task = selecting { { a, "recv" }, { b, "recv" } }
      b:close()
      assert.is_false(a:try_send("a"))
      raises("closed", task.await, task)
    end)
  end)

  describe("with a timeout", function()
    it("returns nil when it passes", function()
      local ch = sync.channel()
      testing.virtual_time(function()
        local started = lull.now()
        assert.is_nil((lull.select { { ch, "recv" }, timeout = 3 }))
        assert.is_true(lull.now() - started >= 3)
      end)
      assert.is_false(ch:try_send("a"))
    end)

    it("returns the alternative that comes before it", function()
      testing.virtual_time(function()
        local ch = sync.channel()
        local task = go(function()
          lull.sleep(2)
          ch:send("a")
        end)
        local index, value = lull.select { { ch, "recv" }, timeout = 3 }
        assert.are.equal(1, index)
        assert.are.equal("a", value)
        ends("done", task)
      end)
    end)

    it("sends nothing once it passed", function()
      local ch = sync.channel()
      testing.virtual_time(function()
        assert.is_nil((lull.select { { ch, "send", "a" }, timeout = 3 }))
      end)
      assert.is_nil(ch:try_recv())
    end)

    it("of zero takes what is ready and waits for nothing", function()
      testing.virtual_time(function()
        local index, value = lull.select { { holding("a"), "recv" }, timeout = 0 }
        assert.are.equal(1, index)
        assert.are.equal("a", value)
        assert.is_nil((lull.select { { sync.channel(), "recv" }, timeout = 0 }))
      end)
    end)
  end)

  describe("cancellation", function()
    it("before it takes and sends nothing", function()
      local a, b = holding("a"), sync.channel(1)
      support.cancelled_before(lull.select, { { a, "recv" }, { b, "send", "b" } })
      assert.are.equal("a", a:try_recv())
      assert.is_nil(b:try_recv())
    end)

    it("while it waits takes and sends nothing", function()
      local a, b = sync.channel(), sync.channel()
      support.cancelled_waiting(lull.select, { { a, "recv" }, { b, "send", "b" } })
      assert.is_false(a:try_send("a"))
      assert.is_nil(b:try_recv())
    end)

    it("takes it out of every line at once, before it has run", function()
      local a, b = sync.channel(), sync.channel()
      local task = selecting { { a, "recv" }, { b, "send", "b" } }
      task:cancel()
      assert.is_false(a:try_send("a"))
      assert.is_nil(b:try_recv())
      ends("cancelled", task)
    end)

    it("does not cost the next one its turn", function()
      local ch = sync.channel()
      local first = selecting { { ch, "recv" } }
      local second = selecting { { ch, "recv" } }
      first:cancel()
      assert.is_true(ch:try_send("a"))
      local _, value = second:await()
      assert.are.equal("a", value)
      ends("cancelled", first)
    end)

    it("after a value was handed over lets it return", function()
      local ch = sync.channel()
      local alternatives = { { sync.channel(), "recv" }, { ch, "recv" } }
      local index, value = support.delivered(function() ch:try_send("a") end, lull.select, alternatives)
      assert.are.equal(2, index)
      assert.are.equal("a", value)
    end)

    it("after its value was taken lets it return", function()
      local ch, taken = sync.channel(), nil
      local function take() taken = ch:try_recv() end
      local index = support.delivered(take, lull.select, { { ch, "send", "a" } })
      assert.are.equal(1, index)
      assert.are.equal("a", taken)
    end)

    it("by a deadline takes and sends nothing", function()
      local a, b = sync.channel(), sync.channel()
      support.expires(lull.select, { { a, "recv" }, { b, "send", "b" } })
      assert.is_false(a:try_send("a"))
      assert.is_nil(b:try_recv())
    end)
  end)

  describe("refuses", function()
    it("what is no list", function()
      misuse(lull.select)
      misuse(lull.select, 42)
    end)

    it("a wrong alternative, before anything is taken", function()
      local ch = holding("a")
      local function refused(alternative)
        assert.is_false((pcall(lull.select, { { ch, "recv" }, alternative })))
        assert.are.equal("a", ch:try_recv())
        ch:send("a")
      end
      refused { ch, "peek" }
      refused { ch }
      refused { "channel", "recv" }
      refused { sync.lock(), "recv" }
      refused(42)
    end)

    it("nil as a value to send", function()
      local ch = sync.channel(1)
      assert.is_false((pcall(lull.select, { { ch, "send" } })))
      assert.is_nil(ch:try_recv())
    end)

    it("a wrong timeout", function()
      local ch = holding("a")
      assert.is_false((pcall(lull.select, { { ch, "recv" }, timeout = "soon" })))
      assert.is_false((pcall(lull.select, { { ch, "recv" }, timeout = 0 / 0 })))
      assert.are.equal("a", ch:try_recv())
    end)
  end)
end)
