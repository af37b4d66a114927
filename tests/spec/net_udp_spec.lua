--- net_udp_spec.lua: datagrams over UDP; net_udp_unix_spec.lua has those of Unix sockets.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- A socket of 127.0.0.1.
local function open(opts)
  opts = opts or {}
  opts.host = opts.host or "127.0.0.1"
  return net.udp(opts)
end

--- These sockets, and a value that closes them.
local function all(...)
  local sockets = { ... }
  sockets[#sockets + 1] = setmetatable({}, { __close = function()
    for i = 1, #sockets - 1 do sockets[i]:close() end
  end })
  return table.unpack(sockets)
end

--- A port of 127.0.0.1 on which nobody receives.
local function free_port()
  local socket <close> = open()
  return socket.port
end

describe("a datagram", function()
  it("arrives whole, with where it came from", function()
    local a, b, _ <close> = all(open(), open())
    a:send("hello", "127.0.0.1", b.port)
    assert.are.same({ "hello", "127.0.0.1", a.port }, { b:recv() })
  end)

  it("may be empty, and is not the end", function()
    local a, b, _ <close> = all(open(), open())
    a:send("", "127.0.0.1", b.port)
    a:send("more", "127.0.0.1", b.port)
    assert.are.same({ "", "127.0.0.1", a.port }, { b:recv() })
    assert.are.equal("more", (b:recv()))
  end)

  it("keeps its bounds and its bytes", function()
    local a, b, _ <close> = all(open(), open())
    local octets = {}
    for i = 0, 255 do octets[i + 1] = string.char(i) end
    local bytes = table.concat(octets)
    for _, size in ipairs { 1, 2, 256 } do a:send(bytes:sub(1, size), "127.0.0.1", b.port) end
    for _, size in ipairs { 1, 2, 256 } do assert.are.equal(bytes:sub(1, size), (b:recv())) end
  end)

  it("may be as long as UDP has them", function()
    local a, b, _ <close> = all(open(), open())
    local longest = ("x"):rep(65507)
    a:send(longest, "127.0.0.1", b.port)
    assert.is_true(b:recv() == longest)
    local e = raises("io", a.send, a, longest .. "x", "127.0.0.1", b.port)
    assert.are.equal("EMSGSIZE", e.code)
    assert.are.equal("udp.send", e.op)
    assert.is_truthy(e.message:find("127.0.0.1:" .. b.port, 1, true))
  end)

  it("goes to a name, which is looked up", function()
    local a, b, _ <close> = all(open(), open())
    a:send("x", "localhost", b.port):send(10, "127.0.0.1", tostring(b.port))
    assert.are.equal("x", (b:recv()))
    assert.are.equal("10", (b:recv()))
    raises("dns", a.send, a, "x", "no-such-host.invalid", 1)
  end)

  it("longer than max_size is lost, and raises limit", function()
    local a, b, _ <close> = all(open(), open { max_size = 4 })
    a:send("12345", "127.0.0.1", b.port)
    a:send("1234", "127.0.0.1", b.port)
    local e = raises("limit", b.recv, b)
    assert.are.equal("udp.recv", e.op)
    assert.is_truthy(e.message:find("4 bytes", 1, true))
    assert.are.equal("1234", (b:recv()))
  end)

  it("of another program is received, and answered", function()
    local found = os.execute("lua5.4 -e 'require [[socket]]' 2>/dev/null")
    if not found then return pending("needs lua-socket") end
    local a <close> = open()
    local temp <close> = support.temp_file(([[
      local socket = require "socket".udp()
      socket:setpeername("127.0.0.1", %d)
      socket:settimeout(5)
      socket:send("ping")
      io.write(socket:receive(), "\n")]]):format(a.port))
    local pipe = assert(io.popen("timeout 50 lua5.4 " .. temp.path))
    local bytes, host, port = a:recv()
    a:send(bytes .. " pong", host, port)
    assert.are.equal("ping pong\n", pipe:read("a"))
    pipe:close()
  end)
end)

describe("recv", function()
  it("waits", function()
    local a, b, _ <close> = all(open(), open())
    local waiting = go(b.recv, b)
    testing.settle()
    assert.are.equal("pending", waiting:status())
    a:send("x", "127.0.0.1", b.port)
    assert.are.equal("x", (waiting:await()))
  end)

  it("serves several in the order in which they came", function()
    local a, b, _ <close> = all(open(), open())
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = go(b.recv, b)
      testing.settle()
    end
    for i = 1, 3 do a:send(i, "127.0.0.1", b.port) end
    for i = 1, 3 do assert.are.equal(tostring(i), (tasks[i]:await())) end
  end)

  it("of a newcomer does not overtake those who wait", function()
    local a, b, _ <close> = all(open(), open())
    local first = go(b.recv, b)
    testing.settle()
    a:send("1", "127.0.0.1", b.port)
    a:send("2", "127.0.0.1", b.port)
    assert.is_nil(b:try_recv())
    assert.are.equal("2", (b:recv()))
    assert.are.equal("1", (first:await()))
  end)

  it("times out after set_timeout, and goes on", function()
    local a, b, _ <close> = all(open(), open { timeout = 0.01 })
    local e = raises("timeout", b.recv, b)
    assert.are.equal("udp.recv", e.op)
    a:send("x", "127.0.0.1", b.port)
    assert.are.equal("x", (b:recv()))
    testing.virtual_time(function()
      assert.are.equal(b, b:set_timeout(3))
      local start = lull.now()
      raises("timeout", b.recv, b)
      assert.is_true(lull.now() - start >= 3)
    end)
  end)

  it("raises closed when the socket is closed under it, and after", function()
    local b = open()
    local first, second = go(b.recv, b), go(b.recv, b)
    testing.settle()
    b:close()
    b:close()
    for _, task in ipairs { first, second } do
      ends("failed", task)
      assert.are.equal("closed", task:error().kind)
    end
    assert.are.equal("udp.recv", raises("closed", b.recv, b).op)
    raises("closed", b.try_recv, b)
    raises("closed", b.send, b, "x", "127.0.0.1", 1)
    raises("closed", b.connect, b, "127.0.0.1", 1)
    assert.is_nil(b:fd())
    assert.are.equal("integer", math.type(b.port))
    assert.are.same({ "127.0.0.1", b.port }, { b:sockname() })
    assert.are.equal("udp (closed)", tostring(b))
  end)

  it("gives others their turns while much is coming", function()
    local a, b, _ <close> = all(open(), open())
    local ticks, over = 0, false
    local ticker = go(function()
      while not over do
        lull.yield()
        ticks = ticks + 1
      end
    end)
    for _ = 1, 500 do
      a:send("x", "127.0.0.1", b.port)
      b:recv()
    end
    over = true
    ends("done", ticker)
    assert.is_true(ticks > 3)
  end)
end)

describe("try_recv", function()
  it("gives what is there, or nil", function()
    local a, b, _ <close> = all(open(), open())
    assert.is_nil(b:try_recv())
    a:send("x", "127.0.0.1", b.port)
    net.wait_readable(b:fd())
    assert.are.same({ "x", "127.0.0.1", a.port }, { b:try_recv() })
    assert.is_nil(b:try_recv())
  end)
end)

describe("messages", function()
  it("iterates until the socket is closed", function()
    local a, b, _ <close> = all(open(), open())
    local seen = {}
    local task = go(function()
      for bytes, host, port in b:messages() do
        seen[#seen + 1] = bytes .. " " .. host
        if bytes == "last" then b:close() end
        assert.are.equal(a.port, port)
      end
    end)
    for _, bytes in ipairs { "one", "", "last" } do a:send(bytes, "127.0.0.1", b.port) end
    ends("done", task)
    assert.are.same({ "one 127.0.0.1", " 127.0.0.1", "last 127.0.0.1" }, seen)
    for _ in b:messages() do error("a closed socket has messages") end
  end)

  it("is ended by another task that closes the socket", function()
    local b = open()
    local task = go(function()
      for _ in b:messages() do error("nothing was sent") end
    end)
    testing.settle()
    b:close()
    ends("done", task)
  end)

  it("passes over what is too long", function()
    local a, b, _ <close> = all(open(), open { max_size = 3 })
    for _, bytes in ipairs { "long", "longer", "end" } do a:send(bytes, "127.0.0.1", b.port) end
    assert.are.equal("end", (b:messages()()))
  end)

  it("is left by a cancellation", function()
    local b <close> = open()
    local task = go(function()
      for _ in b:messages() do error("nothing was sent") end
    end)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
  end)
end)

describe("a connected socket", function()
  it("sends without a destination, and receives from its peer only", function()
    local a, b, stranger, _ <close> = all(open(), open(), open())
    assert.are.equal(a, a:connect("127.0.0.1", b.port))
    assert.are.same({ "127.0.0.1", b.port }, { a:peer() })
    assert.is_nil(b:peer())
    a:send("x")
    local _, host, port = b:recv()
    stranger:send("no", "127.0.0.1", a.port)
    b:send("y", host, port)
    assert.are.same({ "y", "127.0.0.1", b.port }, { a:recv() })
  end)

  it("is opened as one by an option, and may name its peer", function()
    local b <close> = open()
    local a <close> = net.udp { connect = { "localhost", b.port } }
    assert.are.same({ "127.0.0.1", b.port }, { a:peer() })
    assert.are.equal("127.0.0.1", (a:sockname()))
    a:send("x")
    assert.are.equal(a.port, select(3, b:recv()))
  end)

  it("learns that nobody receives there", function()
    local a <close> = net.udp { connect = { "127.0.0.1", free_port() } }
    a:send("x")
    local e = raises("io", a.recv, a)
    assert.are.equal("ECONNREFUSED", e.code)
    assert.are.equal("udp.recv", e.op)
  end)

  it("learns that while it waits, too", function()
    local port = free_port()
    local a <close> = net.udp { connect = { "127.0.0.1", port } }
    local waiting = go(a.recv, a)
    testing.settle()
    a:send("x")
    ends("failed", waiting)
    assert.are.equal("ECONNREFUSED", waiting:error().code)
  end)

  it("is needed to send without a destination", function()
    local a <close> = open()
    local e = raises("usage", a.send, a, "x")
    assert.are.equal("udp.send", e.op)
  end)

  it("that is not, does not learn what became of what it sent", function()
    local a, b, _ <close> = all(open(), open())
    a:send("x", "127.0.0.1", free_port())
    b:send("y", "127.0.0.1", a.port)
    assert.are.equal("y", (a:recv()))
  end)
end)

describe("options of a socket", function()
  it("let it broadcast", function()
    local a <close> = net.udp { host = "0.0.0.0" }
    local e = raises("io", a.send, a, "x", "255.255.255.255", 9)
    assert.are.equal("EACCES", e.code)
    a:set_options { broadcast = true }
    local ok, err = pcall(a.send, a, "x", "127.255.255.255", 9)
    assert.is_true(ok or err.code ~= "EACCES", tostring(err))
  end)

  it("change while it is open", function()
    local a <close> = open { ttl = 3 }
    assert.are.equal(a, a:set_options { ttl = 7, timeout = 0.01, multicast_ttl = 0 })
    raises("timeout", a.recv, a)
  end)

  it("may allow long datagrams", function()
    local a, b, _ <close> = all(open { max_size = 1 << 20 }, open { max_size = 1 << 20 })
    a:send("x", "127.0.0.1", b.port)
    assert.are.equal("x", (b:recv()))
  end)

  it("are refused when wrong, naming them, and when unknown", function()
    for _, opts in ipairs {
      1, { prt = 1 }, { port = -1 }, { port = "x" }, { host = 1 }, { host = "" }, { host = "a\nb" },
      { path = 1 }, { path = "a\0b" }, { path = ("x"):rep(200) }, { max_size = 0 }, { timeout = -1 },
      { ttl = 0 }, { ttl = 256 }, { multicast_ttl = -1 }, { multicast_ttl = "x" }, { broadcast = 1 },
      { connect = 1 }, { connect = {} }, { connect = { "h", "x" } }, { connect = { 1, 2 } },
      { path = "/nowhere/x", port = 0 }, { path = "", host = "*" },
    } do
      misuse(net.udp, opts)
    end
    local a <close> = open()
    misuse(a.set_options, a)
    misuse(a.set_options, a, { port = 1 })
    misuse(a.set_timeout, a, -1)
    local _, message = pcall(net.udp, { prt = 1 })
    assert.is_truthy(message:find("unknown option 'prt'", 1, true))
  end)

  it("and arguments point at the caller", function()
    local a <close> = open()
    a:send("x", "127.0.0.1", a.port) -- a host that is known from now on
    for _, arguments in ipairs {
      { "x", "127.0.0.1\0b", 1 }, { "x", "127.0.0.1" }, { "x", "127.0.0.1", 65536 }, { {}, "127.0.0.1", 1 }, { "x", 1, 1 },
      { "x", "", 1 }, { "x", "a\0b", 1 }, { "x", "127.0.0.1", 1.5 }, { nil, "127.0.0.1", 1 },
    } do
      local _, message = pcall(function()
        local sent = a:send(table.unpack(arguments, 1, 3))
        return sent
      end)
      assert.is_truthy(tostring(message):find("^%S*net_udp_spec%.lua:%d+: bad argument"), message)
    end
  end)
end)

describe("a socket that is waited for by number", function()
  it("gives closed when it is closed", function()
    local a = open()
    local waiting = go(net.wait_readable, a:fd())
    testing.settle()
    a:close()
    ends("failed", waiting)
    assert.are.equal("closed", waiting:error().kind)
  end)
end)

describe("freeing the runtime", function()
  it("under every wait leaves nothing behind", function()
    local output, code = support.program [[
      local lull = require "lull"
      local net = require "lull.net"
      local a = net.udp { host = "127.0.0.1", max_size = 1 << 20 }
      local b = net.udp { path = "" }
      local c = net.udp { path = "" }
      for _ = 1, 3 do
        lull.spawn(a.recv, a)
        lull.spawn(function() while true do c:send("x", (b:sockname())) end end)
      end
      require("lull.testing").settle()
      os.exit(7)]]
    assert.are.equal("", output)
    assert.are.equal(7, code)
  end)
end)
