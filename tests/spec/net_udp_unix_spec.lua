--- net_udp_unix_spec.lua: datagrams over Unix sockets.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

local function exists(path)
  return os.rename(path, path) ~= nil
end

--- A socket with a path, the path, and a value that closes it.
local function open(opts)
  local path = support.socket_path()
  opts = opts or {}
  opts.path = path
  local socket = net.udp(opts)
  return socket, path, setmetatable({}, { __close = function() socket:close() end })
end

--- Send until a send waits; returns the task that does, and how many were sent before.
local function stuffed(socket, path)
  for sent = 0, 100000 do
    local task = go(socket.send, socket, "filling", path)
    testing.settle()
    if task:status() == "pending" then return task, sent end
    task:await()
  end
  error("a socket that nobody reads takes everything")
end

describe("a Unix datagram", function()
  it("goes to a path, and its sender's comes with it", function()
    local a, from, _ <close> = open()
    local b, to, _ <close> = open()
    a:send("hello", to)
    assert.are.same({ "hello", from }, { b:recv() })
    a:send("", to)
    assert.are.same({ "", from }, { b:recv() })
    assert.is_nil(a.port)
    assert.are.equal(from, a:sockname())
    assert.are.equal("udp (" .. from .. ")", tostring(a))
  end)

  it("of an unnamed socket comes from nowhere", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { connect = { to } }
    a:send("x")
    assert.are.same({ n = 2, "x", nil }, table.pack(b:recv()))
    assert.are.equal(to, a:peer())
    assert.is_nil(a:sockname())
    assert.are.equal("udp (unnamed)", tostring(a))
  end)

  it("of a socket with a name that the system found can be answered", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { path = "" }
    a:send("x", to)
    local _, from = b:recv()
    assert.are.equal("\0", from:sub(1, 1))
    assert.are.equal(from, a:sockname())
    b:send("y", from)
    assert.are.same({ "y", to }, { a:recv() })
  end)

  it("goes to a name outside the file system", function()
    local name = "\0lull-udp-" .. tostring({}):match("0x%x+")
    local a <close> = net.udp { path = name }
    local b <close> = net.udp { path = "" }
    b:send("x", name)
    assert.are.equal("x", (a:recv()))
    assert.are.equal("udp (@" .. name:sub(2) .. ")", tostring(a))
  end)

  it("raises io when nobody is there", function()
    local a <close> = net.udp { path = "" }
    local path = support.socket_path()
    local e = raises("io", a.send, a, "x", path)
    assert.are.equal("ENOENT", e.code)
    assert.is_truthy(e.message:find(path, 1, true))
    assert.are.equal("ENOENT", raises("io", net.udp, { connect = { path } }).code)
  end)

  it("needs a path that can be one", function()
    local a <close> = net.udp { path = "" }
    for _, path in ipairs { "", ("x"):rep(108), "a\0b", 1, {} } do
      misuse(a.send, a, "x", path)
      misuse(a.connect, a, path)
    end
    raises("usage", a.send, a, "x")
    raises("io", a.join, a, "239.255.77.1", "lo")
    raises("io", a.set_options, a, { ttl = 3 })
  end)

  it("longer than max_size is lost, and raises limit", function()
    local b, to, _ <close> = open { max_size = 200000 }
    local a <close> = net.udp { connect = { to } }
    a:send(("x"):rep(150000))
    assert.are.equal(150000, #b:recv())
    local c, short, _ <close> = open()
    a:send(("x"):rep(65537), short):send("y", short)
    raises("limit", c.recv, c)
    assert.are.equal("y", (c:recv()))
  end)
end)

describe("a receiver that has no room", function()
  it("makes its senders wait, in order", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { path = "" }
    local first, sent = stuffed(a, to)
    local second = go(a.send, a, "second", to)
    testing.settle()
    assert.are.equal("pending", second:status())
    for _ = 1, sent + 1 do assert.are.equal("filling", (b:recv())) end
    ends("done", first)
    assert.are.equal("second", (b:recv()))
    ends("done", second)
  end)

  it("makes a connected sender wait, too", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { connect = { to } }
    local first, sent = stuffed(a)
    local second = go(a.send, a, "second")
    testing.settle()
    for _ = 1, sent + 1 do assert.are.equal("filling", (b:recv())) end
    assert.are.equal("second", (b:recv()))
    ends("done", first)
    ends("done", second)
  end)

  it("does not keep others from being sent to", function()
    local _, full, _ <close> = open()
    local c, to, _ <close> = open()
    local a <close> = net.udp { path = "" }
    local waiting = stuffed(a, full)
    a:send("x", to)
    assert.are.equal("x", (c:recv()))
    waiting:cancel()
    ends("cancelled", waiting)
  end)

  it("lets a sender time out", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { path = "", timeout = 0.02 }
    local task, sent
    repeat
      task, sent = go(a.send, a, "x", to), (sent or 0) + 1
    until task:join() == "failed"
    assert.is_true(lull.is_error(task:error(), "timeout"), tostring(task:error()))
    assert.are.equal("udp.send", task:error().op)
    for _ = 1, sent - 1 do b:recv() end
    assert.is_nil(b:try_recv())
  end)

  it("and goes away tells those who wait", function()
    local b, to, _ <close> = open()
    local a <close> = net.udp { path = "" }
    local waiting = stuffed(a, to)
    b:close()
    ends("failed", waiting)
    assert.are.equal("io", waiting:error().kind)
  end)

  it("does not hold up the closing of the sender", function()
    local b, to, _ <close> = open()
    local a = net.udp { path = "" }
    local waiting = stuffed(a, to)
    a:close()
    ends("failed", waiting)
    assert.are.equal("closed", waiting:error().kind)
    assert.are.equal("filling", (b:recv()))
  end)
end)

describe("the file of a Unix datagram socket", function()
  it("is removed when the socket is closed", function()
    local a, path = open()
    assert.is_true(exists(path))
    a:close()
    assert.is_false(exists(path))
    assert.are.equal(path, a:sockname())
  end)

  it("that nobody receives at is taken over", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    support.program(("local net = require 'lull.net'; net.udp { path = %q }; " ..
      "io.popen('kill -9 ' .. tostring(io.open('/proc/self/stat'):read('n'))):read('a')"):format(path))
    assert.is_true(exists(path), "the file of the killed program is gone")
    local a <close> = net.udp { path = path }
    local b <close> = net.udp { connect = { path } }
    b:send("x")
    assert.are.equal("x", (a:recv()))
  end)

  it("is left alone when it is in use, by whatever, or another's", function()
    local a, path, _ <close> = open()
    assert.are.equal("EADDRINUSE", raises("io", net.udp, { path = path }).code)
    assert.are.equal("EADDRINUSE", raises("io", net.listen, { path = path }).code)
    assert.is_true(exists(path))
    local other = support.socket_path()
    local listener <close> = net.listen { path = other }
    assert.are.equal("EADDRINUSE", raises("io", net.udp, { path = other }).code)
    assert.are.equal(other, listener:sockname())
    os.remove(path)
    local again <close> = net.udp { path = path }
    a:close()
    assert.is_true(exists(path))
    assert.are.equal(path, again:sockname())
  end)
end)
