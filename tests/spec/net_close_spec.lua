--- net_close_spec.lua: how streams end, and what a stream is.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises = support.go, support.ends, support.raises

--- The stream's methods that suspend, each called so that it would wait.
local waiting_calls = {
  read = function(s) return s:read("l") end,
  read_some = function(s) return s:read_some() end,
  read_exact = function(s) return s:read_exact(10) end,
  read_until = function(s) return s:read_until("\n") end,
  lines = function(s) return s:lines()() end,
  write = function(s) return s:write(support.FLOOD) end,
  flush = function(s) return s:flush() end,
  shutdown = function(s) return s:shutdown() end,
}

--- The same in a fixed order: name, call, what must be unsent before it waits.
local function each_call(fn)
  for _, name in ipairs {
    "read", "read_some", "read_exact", "read_until", "lines", "write", "flush", "shutdown",
  } do
    fn(name, waiting_calls[name], name == "flush" or name == "shutdown")
  end
end

describe("close", function()
  it("may be called again", function()
    local s, t, _ <close> = support.pair()
    assert.are.equal(0, select("#", s:close()))
    s:close()
    s:abort()
    assert.is_nil(t:read())
  end)

  it("wakes whoever waits with closed", function()
    each_call(function(name, call, unsent)
      local s, _, _ <close> = support.pair { high_water = 4 * #support.FLOOD, low_water = 1 }
      if unsent then s:write(support.FLOOD) end
      if name == "write" then s:set_options { high_water = 2, low_water = 1 } end
      local task = go(call, s)
      testing.settle()
      assert.are.equal("pending", task:status(), name)
      s:close()
      ends("failed", task)
      local e = task:error()
      assert.is_true(lull.is_error(e, "closed"), name .. ": " .. tostring(e))
      assert.are.equal(name:find("^[wfs]") and "stream." .. name or "stream.read", e.op)
    end)
  end)

  it("wakes a line of writers, every one", function()
    local s, _, _ <close> = support.pair()
    local writers = { support.stuffed(s), go(s.write, s, "a"), go(s.write, s, "b"), go(s.shutdown, s) }
    testing.settle()
    s:close()
    for _, writer in ipairs(writers) do
      ends("failed", writer)
      assert.are.equal("closed", writer:error().kind)
    end
  end)

  it("makes every later call raise closed", function()
    local s, _, _ <close> = support.pair()
    s:close()
    each_call(function(_, call) raises("closed", call, s) end)
    assert.is_nil(s:fd())
    assert.is_nil((s:sockname()))
  end)

  it("drops what was not read", function()
    local s, t, _ <close> = support.pair()
    t:write("line\nrest")
    s:read()
    s:close()
    raises("closed", s.read, s)
  end)

  it("while a reader has its result, but not yet run, is closed for it", function()
    local s, t, _ <close> = support.pair()
    local reading = go(s.read, s)
    testing.settle()
    t:write("line\n")
    s:close()
    ends("failed", reading)
    assert.are.equal("closed", reading:error().kind)
  end)

  it("sends on in the background what was written", function()
    support.on_both_kinds(function(one, other)
      one:write(support.FLOOD):write("end")
      one:close()
      assert.are.equal(support.FLOOD .. "end", other:read("a"))
    end, { high_water = 4 * #support.FLOOD })
  end)

  it("does not hold up the script, whatever is unsent", function()
    local milliseconds = support.timed(function()
      local output, code = support.program [[
        local net = require "lull.net"
        local s, t = net.pair { high_water = 1 << 30 }
        s:write(("x"):rep(1 << 24)):close()
        print(#t:read_some() > 0)]]
      assert.are.equal("true\n", output)
      assert.are.equal(0, code)
    end)
    assert.is_true(milliseconds < 40000)
  end)

  it("comes at the end of a block", function()
    local reader, writer = net.pair()
    do
      local _ <close> = writer
      writer:write("x")
    end
    assert.are.equal("x", reader:read("a"))
    reader:close()
  end)

  it("comes with the collector for what nobody holds", function()
    local reader = net.pair()
    collectgarbage()
    collectgarbage()
    assert.is_nil(reader:read())
    reader:close()
  end)

  it("comes not with the collector to a stream that a task waits on", function()
    local other
    local task = go(function()
      local s, t = net.pair()
      other = t
      return s:read()
    end)
    testing.settle()
    collectgarbage()
    collectgarbage()
    other:write("line\n"):close()
    assert.are.equal("line", task:await())
  end)
end)

describe("abort", function()
  it("resets a TCP connection and drops what was unsent", function()
    local s, t, _ <close> = support.tcp_pair()
    local writing = support.stuffed(s)
    s:abort()
    ends("failed", writing)
    assert.are.equal("closed", writing:error().kind)
    local e = raises("io", function()
      while t:read_some() do end
    end)
    assert.are.equal("ECONNRESET", e.code)
    assert.are.equal("stream.read", e.op)
  end)

  it("ends other streams, too", function()
    local s, t, _ <close> = support.pair()
    s:abort()
    assert.is_nil(t:read())
  end)
end)

describe("peer and sockname", function()
  it("are host and port", function()
    local s, t, _ <close> = support.tcp_pair()
    local host, port = s:peer()
    assert.are.equal("127.0.0.1", host)
    assert.are.same({ t:sockname() }, { host, port })
    assert.are.same({ s:sockname() }, { t:peer() })
  end)

  it("peer is known after the end", function()
    local s, t, _ <close> = support.tcp_pair()
    local port = select(2, t:sockname())
    t:abort()
    s:close()
    assert.are.same({ "127.0.0.1", port }, { s:peer() })
  end)

  it("are nil where there is none", function()
    local s, _, _ <close> = support.pair()
    assert.is_nil((s:peer()))
    assert.is_nil((s:sockname()))
    local reader, writer = net.pipe()
    assert.is_nil((reader:peer()))
    assert.is_nil((writer:sockname()))
    reader:close()
    writer:close()
  end)
end)

describe("a stream", function()
  it("has a descriptor that is not inherited and does not block", function()
    local s, _, _ <close> = support.tcp_pair()
    assert.are.equal("integer", math.type(s:fd()))
    local flags = assert(io.open("/proc/self/fdinfo/" .. s:fd())):read("a"):match("flags:%s*(%d+)")
    assert.are.equal(1, tonumber(flags, 8) >> 19 & 1, "O_CLOEXEC")
    assert.are.equal(1, tonumber(flags, 8) >> 11 & 1, "O_NONBLOCK")
  end)

  it("has a readable name", function()
    local s, t, _ <close> = support.tcp_pair()
    assert.are.equal("stream (127.0.0.1:" .. select(2, t:sockname()) .. ")", tostring(s))
    s:close()
    assert.are.equal("stream (closed)", tostring(s))
    local reader, writer = net.pipe()
    assert.are.equal("stream (fd " .. reader:fd() .. ")", tostring(reader))
    reader:close()
    writer:close()
  end)

  it("hides its metatable", function()
    local s, _, _ <close> = support.pair()
    assert.is_not.equal("table", type(getmetatable(s)))
  end)

  it("waits only inside a task", function()
    local output, code = support.program [[
      local net = require "lull.net"
      local s, t = net.pair()
      setmetatable({}, { __gc = function() print(select(2, pcall(s.read, s)).kind) end })
      collectgarbage()
      t:write("x\n")
      print(s:read())]]
    assert.are.equal("usage\nx\n", output)
    assert.are.equal(0, code)
  end)
end)
