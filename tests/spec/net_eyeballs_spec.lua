--- net_eyeballs_spec.lua: hosts with several addresses, of which some are dead (RFC 8305).

local connect = require "lull.net.connect"
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_dns.lua")
local go, raises = support.go, support.raises

--- A port of the address on which nobody answers, for its backlog is full, and a value that ends it;
--- `closer.answer()` makes room.
local function silent(host, port)
  local listener = net.listen { host = host, port = port, backlog = 1 }
  local filling = {}
  repeat
    local task = go(net.connect, host, listener.port)
    filling[#filling + 1] = task
    testing.settle()
    lull.sleep(0.002)
  until task:status() == "pending" or #filling == 16
  assert(filling[#filling]:status() == "pending", "the backlog does not fill")
  local closer = {}
  function closer.answer()
    for _ = 1, #filling do listener:accept():close() end
  end
  return listener.port, setmetatable(closer, { __close = function()
    listener:close()
    for _, task in ipairs(filling) do
      task:cancel()
      if task:join() == "done" then task:result():close() end
    end
  end })
end

--- How many sockets this process has open.
local function sockets()
  local stat <close> = assert(io.open("/proc/self/stat"))
  local list <close> = assert(io.popen(("ls -l /proc/%d/fd"):format(stat:read("n"))))
  local count = 0
  for line in list:lines() do count = count + (line:find("socket:", 1, true) and 1 or 0) end
  return count
end

--- A free port of both addresses of loopback that nobody listens on.
local function free_port()
  local listener <close> = net.listen { host = "*" }
  return listener.port
end

describe("addresses", function()
  it("are tried with the families in turn, the best first", function()
    assert.are.same({ "::1", "1.1.1.1", "::2", "2.2.2.2", "::3" },
      connect.interleave { "::1", "::2", "::3", "1.1.1.1", "2.2.2.2" })
    assert.are.same({ "1.1.1.1", "::1", "2.2.2.2" }, connect.interleave { "1.1.1.1", "2.2.2.2", "::1" })
    assert.are.same({ "1.1.1.1" }, connect.interleave { "1.1.1.1" })
  end)

  it("are tried one by one: the first that connects at once is the only one", function()
    local first <close> = net.listen { host = "127.0.0.1" }
    local second <close> = net.listen { host = "127.0.0.2", port = first.port }
    local s <close> = connect.race("name", first.port, { "127.0.0.1", "127.0.0.2" })
    assert.are.equal("127.0.0.1", (s:peer()))
    local accepting = go(second.accept, second)
    testing.settle()
    assert.are.equal("pending", accepting:status())
    accepting:cancel()
  end)

  it("that refuse are passed over at once, in whatever number", function()
    local listener <close> = net.listen { host = "127.0.0.2" }
    local addresses = { "127.0.0.1", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.2" }
    testing.virtual_time(function()
      local start = lull.now()
      local s <close> = connect.race("name", listener.port, addresses)
      assert.are.equal("127.0.0.2", (s:peer()))
      assert.are.equal(start, lull.now()) -- it waited for none that had failed
    end)
  end)

  it("that all refuse make one error, with what each said", function()
    local port = free_port()
    local e = raises("io", connect.race, "name", port, { "127.0.0.1", "127.0.0.2" })
    assert.are.equal("ECONNREFUSED", e.code)
    assert.is_truthy(e.message:find("127.0.0.1:" .. port, 1, true))
    assert.is_truthy(e.message:find("127.0.0.2:" .. port, 1, true))
    assert.is_true(lull.is_error(e.cause, "io"))
  end)
end)

describe("an address that does not answer", function()
  it("is joined after 250 ms by the next, which wins; the loser is closed", function()
    local before = sockets()
    do
      local port, closer = silent("127.0.0.1")
      local _ <close> = closer
      local _ <close> = net.listen { host = "127.0.0.2", port = port }
      local open, tasks = sockets(), #lull.tasks()
      local milliseconds, s = support.timed(connect.race, "name", port, { "127.0.0.1", "127.0.0.2" })
      assert.are.equal("127.0.0.2", (s:peer()))
      assert.are.equal(open + 1, sockets())
      assert.are.equal(tasks, #lull.tasks())
      s:close()
      assert.is_true(milliseconds >= 249, milliseconds .. " ms: the first had no chance")
    end
    assert.are.equal(before, sockets())
  end)

  it("of the other family does not keep a host from being reached", function()
    local ok, port, closer = pcall(silent, "::1")
    if not ok then return pending("needs IPv6") end
    local _ <close> = closer
    local _ <close> = net.listen { port = port }
    local s <close> = connect.race("name", port, connect.interleave { "::1", "127.0.0.1" })
    assert.are.equal("127.0.0.1", (s:peer()))
  end)

  it("wins after all if it answers before the others", function()
    local port, closer = silent("127.0.0.1")
    local _ <close> = closer
    local _, other = silent("127.0.0.2", port)
    local _ <close> = other
    local racing = go(connect.race, "name", port, { "127.0.0.1", "127.0.0.2" })
    lull.sleep(0.3)
    assert.are.equal("pending", racing:status())
    closer.answer()
    local s <close> = racing:await()
    assert.are.equal("127.0.0.1", (s:peer()))
  end)

  it("lets a refusal after it be passed over, too", function()
    local port, closer = silent("127.0.0.1")
    local _ <close> = closer
    local _ <close> = net.listen { host = "127.0.0.3", port = port }
    local s <close> = connect.race("name", port, { "127.0.0.1", "127.0.0.2", "127.0.0.3" })
    assert.are.equal("127.0.0.3", (s:peer()))
  end)

  it("is left with nothing behind when all is cancelled in the middle", function()
    local port, closer = silent("127.0.0.1")
    local _ <close> = closer
    local tasks, open = #lull.tasks(), sockets()
    support.cancelled_waiting(connect.race, "name", port, { "127.0.0.1", "127.0.0.1" })
    assert.are.equal(tasks, #lull.tasks())
    local racing = go(connect.race, "name", port, { "127.0.0.1", "127.0.0.1", "127.0.0.1" })
    while sockets() < open + 2 do lull.sleep(0.01) end -- two, at least, are under way
    racing:cancel()
    support.ends("cancelled", racing)
    assert.are.equal(tasks, #lull.tasks())
    assert.are.equal(open, sockets())
  end)

  it("is given up by a deadline around it all", function()
    local port, closer = silent("127.0.0.1")
    local _ <close> = closer
    local e = raises("timeout", lull.timeout, 0.01, connect.race, "name", port, { "127.0.0.1", "127.0.0.1" })
    assert.is_true(lull.is_error(e, "timeout"))
  end)

  it("times out by itself, as each does", function()
    local port, closer = silent("127.0.0.1")
    local _ <close> = closer
    local e = raises("timeout", connect.race, "name", port, { "127.0.0.1", "127.0.0.1" }, { timeout = 0.02 })
    assert.are.equal("tcp.connect", e.op)
  end)
end)

describe("connect", function()
  it("by a name whose IPv6 is a black hole reaches the host by IPv4", function()
    if not support.has_namespaces() then return pending("needs unshare and ip") end
    local output, status = support.program_with_server [[
      os.execute("ip addr add 2001:db8::2/128 dev lo nodad && ip -6 route add 2001:db8::/32 dev lo")
      server.answers["dual.example"] = { "2001:db8::1", "127.0.0.1" }
      local listener = net.listen {}
      print(table.unpack(dns.resolve("dual.example")))
      local start = lull.now()
      local s = net.connect("dual.example", listener.port)
      print((s:peer()), lull.now() - start >= 0.249)]]
    assert.are.equal("2001:db8::1\t127.0.0.1\n127.0.0.1\ttrue\n", output)
    assert.are.equal(0, status)
  end)
end)
