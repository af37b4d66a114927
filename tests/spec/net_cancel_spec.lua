--- net_cancel_spec.lua: every wait of lull.net, cancelled and timed out in every state.
---
--- Also the cancel matrix's rows of these operations: before, during, after; closed under it is in
--- net_close_spec.lua, freed under it at the end of this file.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- An address on which nobody answers: a listener with its backlog full.  Returns its port, a value
--- that ends it.
local function silent_port(host)
  local listener = net.listen { host = host or "127.0.0.1", backlog = 1 }
  local filling = {}
  for _ = 1, 16 do
    local task = go(net.connect, host or "127.0.0.1", listener.port)
    testing.settle()
    filling[#filling + 1] = task
    if task:status() == "pending" then break end
  end
  assert(filling[#filling]:status() == "pending", "the backlog does not fill")
  return listener.port, setmetatable({}, { __close = function()
    listener:close()
    for _, task in ipairs(filling) do
      task:cancel()
      if task:join() == "done" then task:result():close() end
    end
  end })
end

--- The operations: each a function that makes { call, deliver?, ... , close }.
local operations = {
  { "read", function()
    local s, t, closer = support.pair()
    return { call = function() return s:read() end, deliver = function() t:write("line\n") end, closer,
      after = function() assert.are.equal("line", (t:write("line\n") and s:read())) end }
  end },
  { "read_some", function()
    local s, t, closer = support.tcp_pair()
    return { call = function() return s:read_some() end, deliver = function() t:write("x") end, closer,
      after = function() assert.are.equal("x", (t:write("x") and s:read_some())) end }
  end },
  { "write", function()
    local s, t, closer = support.pair()
    local writing = support.stuffed(s)
    writing:cancel()
    writing:join()
    return { call = function() return s:write("x") end, closer,
      after = function()
        assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
        s:write("y"):shutdown()
        assert.are.equal("y", t:read("a"))
      end }
  end },
  { "flush", function()
    local s, t, closer = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD)
    return { call = function() return s:flush() end, closer,
      after = function() assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD)) end }
  end },
  { "shutdown", function()
    local s, t, closer = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD)
    return { call = function() return s:shutdown() end, closer,
      after = function()
        assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
        s:write("y"):shutdown()
        assert.are.equal("y", t:read("a"))
      end }
  end },
  { "accept", function()
    local listener = net.listen {}
    return { call = function() return listener:accept() end, listener,
      after = function()
        local waiting = go(listener.accept, listener)
        local s <close> = net.connect("127.0.0.1", listener.port)
        assert.are.equal(select(2, s:sockname()), select(2, waiting:await():peer()))
        waiting:result():close()
      end }
  end },
  { "connect", function()
    local port, closer = silent_port()
    return { call = function() return net.connect("127.0.0.1", port) end, closer }
  end },
  { "wait_readable", function()
    local s, t, closer = support.pair()
    return { call = function() return net.wait_readable(s:fd()) end,
      deliver = function() t:write("x") end, closer,
      after = function() t:write("x") net.wait_readable(s:fd()) end }
  end },
  { "wait_writable", function()
    local s, t, closer = support.pair()
    local writing = support.stuffed(s)
    writing:cancel()
    writing:join()
    return { call = function() return net.wait_writable(s:fd()) end, closer,
      after = function()
        local reading = support.drained(t)
        net.wait_writable(s:fd())
        s:abort()
        reading:await()
      end }
  end },
}

for _, operation in ipairs(operations) do
  local name, make = table.unpack(operation)
  describe(name, function()
    local function with_one(fn)
      local one = make()
      local _ <close> = one[1]
      fn(one)
    end

    it("of a cancelled task does not happen", function()
      with_one(function(one)
        support.cancelled_before(one.call)
        if one.after then one.after() end
      end)
    end)

    it("that is cancelled while it waits does not happen", function()
      with_one(function(one)
        support.cancelled_waiting(one.call)
        if one.after then one.after() end
      end)
    end)

    it("that is cancelled lets another begin before it has seen that", function()
      with_one(function(one)
        local first = go(one.call)
        testing.settle()
        first:cancel()
        local second = go(one.call)
        lull.yield()
        lull.yield()
        second:cancel()
        ends("cancelled", first)
        ends("cancelled", second)
        if one.after then one.after() end
      end)
    end)

    it("is left by a deadline", function()
      with_one(function(one)
        assert.is_false((lull.move_on_after(0.02, one.call)))
        if one.after then one.after() end
      end)
    end)

    it("that was woken keeps its result; the cancellation comes next", function()
      with_one(function(one)
        if not one.deliver then return end
        local result, went_on
        local task = go(function()
          result = table.pack(one.call())
          lull.yield()
          went_on = true
        end)
        testing.settle()
        -- one poll finds both ready, the descriptor that this task waits for first
        local p, q, _ <close> = support.pair()
        go(function()
          q:write("x")
          one.deliver()
        end)
        net.wait_readable(p:fd())
        assert.is_nil(result)
        task:cancel()
        ends("cancelled", task)
        assert.is_truthy(result)
        assert.is_nil(went_on)
      end)
    end)
  end)
end

describe("set_timeout", function()
  local function check(e, op)
    assert.is_true(lull.is_error(e, "timeout"), tostring(e))
    assert.are.equal(op, e.op)
  end

  it("returns the stream and refuses nonsense", function()
    local s, _, _ <close> = support.pair()
    assert.are.equal(s, s:set_timeout(1):set_timeout(nil):set_timeout(math.huge))
    for _, seconds in ipairs { -1, 0 / 0, "x", {} } do misuse(s.set_timeout, s, seconds) end
  end)

  it("makes a read that waits longer raise timeout, and nothing is lost", function()
    local s, t, _ <close> = support.pair { timeout = 0.02 }
    t:write("par")
    local milliseconds, e = support.timed(function() return raises("timeout", s.read, s) end)
    check(e, "stream.read")
    assert.is_true(milliseconds >= 20)
    t:write("t\n")
    assert.are.equal("part", s:read())
  end)

  it("counts each wait by itself", function()
    testing.virtual_time(function()
      local s, t, _ <close> = support.pair { timeout = 1 }
      local writing = go(function()
        for _ = 1, 5 do
          t:write("x")
          lull.sleep(0.9)
        end
        t:write("\n")
      end)
      assert.are.equal("xxxxx", s:read())
      ends("done", writing)
    end)
  end)

  it("concerns writing, flushing and shutting down", function()
    local s, t, _ <close> = support.pair { timeout = 0.02 }
    check(raises("timeout", s.write, s, support.FLOOD), "stream.write")
    check(raises("timeout", s.write, s, "never"), "stream.write")
    check(raises("timeout", s.flush, s), "stream.flush")
    check(raises("timeout", s.shutdown, s), "stream.shutdown")
    s:set_timeout(nil)
    t:set_timeout(nil)
    local reading = go(t.read, t, "a")
    s:shutdown()
    assert.are.equal(support.FLOOD, reading:await())
  end)

  it("concerns writers in line", function()
    local s, t, _ <close> = support.pair()
    local writing = support.stuffed(s)
    s:set_timeout(0.02)
    check(raises("timeout", s.write, s, "never"), "stream.write")
    check(raises("timeout", s.shutdown, s), "stream.shutdown")
    local reading = go(t.read, t, "a")
    ends("done", writing)
    s:set_timeout(nil):write("end"):shutdown()
    assert.is_true(reading:await() == support.FLOOD .. "end")
  end)

  it("concerns connecting, as an option", function()
    local port, closer = silent_port()
    local _ <close> = closer
    local e = raises("timeout", net.connect, "127.0.0.1", port, { timeout = 0.02 })
    check(e, "tcp.connect")
    assert.is_truthy(e.message:find("127.0.0.1:" .. port, 1, true))
  end)

  it("of zero lets through only what need not wait", function()
    local s, t, _ <close> = support.pair { timeout = 0 }
    t:write("x\n")
    assert.are.equal("x", s:read())
    raises("timeout", s.read, s)
  end)
end)

describe("virtual time", function()
  it("does not jump while a name is looked up or a connection is made", function()
    testing.virtual_time(function()
      local dns = require "lull.dns"
      local name = assert(io.open("/etc/hosts")):read("a"):match("\n127%.0%.0%.1%s+(%S+)")
      local ok, e = pcall(lull.timeout, 0.001, dns.resolve, name or "host.invalid", { fresh = true })
      assert.is_true(ok or lull.is_error(e, "dns"), tostring(e))
      local listener <close> = net.listen {}
      lull.timeout(0.001, net.connect, "localhost", listener.port):close()
    end)
  end)

  it("jumps while a descriptor is waited for", function()
    local s, _, _ <close> = support.pair()
    support.expires(s.read, s)
  end)
end)

describe("freeing the runtime", function()
  it("under every wait leaves nothing behind", function()
    local output, code = support.program [[
      local lull = require "lull"
      local net = require "lull.net"
      local flood = ("x"):rep(1 << 24)
      local s, t = net.pair()
      local u, v = net.pair { high_water = 1 << 30 }
      u:write(flood)
      local listener = net.listen {}
      local server = net.serve({}, function(stream) stream:read() end)
      local client = net.connect("127.0.0.1", server.port)
      for _, wait in ipairs {
        function() s:read() end, function() s:write(flood) end, function() s:write("in line") end,
        function() s:shutdown() end, function() u:flush() end, function() u:shutdown() end,
        function() listener:accept() end, function() listener:accept() end,
        function() client:read() end, function() net.wait_readable(t:fd()) end,
        function() net.connect("host.invalid", 1) end,
      } do
        lull.spawn(wait)
      end
      require("lull.testing").settle()
      os.exit(7)]]
    assert.are.equal("", output)
    assert.are.equal(7, code)
  end)
end)
