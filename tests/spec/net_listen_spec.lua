--- net_listen_spec.lua: listeners, and the files of Unix ones.

local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises = support.go, support.ends, support.raises

local function echo(stream)
  for line in stream:lines("L") do stream:write(line) end
end

describe("a listener", function()
  it("gives connections to those who wait, in order", function()
    local listener <close> = net.listen {}
    local order, tasks = {}, {}
    for i = 1, 3 do
      tasks[i] = go(function()
        listener:accept():close()
        order[#order + 1] = i
      end)
    end
    testing.settle()
    for _ = 1, 3 do net.connect("127.0.0.1", listener.port):close() end
    for i = 1, 3 do ends("done", tasks[i]) end
    assert.are.same({ 1, 2, 3 }, order)
  end)

  it("wakes those who wait with closed, and refuses after it", function()
    local listener = net.listen {}
    local first, second = go(listener.accept, listener), go(listener.accept, listener)
    testing.settle()
    listener:close()
    listener:close()
    for _, task in ipairs { first, second } do
      ends("failed", task)
      assert.are.equal("closed", task:error().kind)
      assert.are.equal("listener.accept", task:error().op)
    end
    raises("closed", listener.accept, listener)
    assert.are.equal("listener (closed)", tostring(listener))
    assert.are.equal("integer", math.type(listener.port))
  end)

  it("gives what had come before it was asked", function()
    local listener <close> = net.listen {}
    local s <close> = net.connect("127.0.0.1", listener.port)
    local t <close> = listener:accept()
    t:write("x\n")
    assert.are.equal("x", s:read())
  end)

  it("has a host of its own, or all", function()
    local listener <close> = net.listen { host = "*" }
    for _, host in ipairs { "127.0.0.1", "127.0.0.2" } do
      net.connect(host, listener.port):close()
      listener:accept():close()
    end
    local one <close> = net.listen { host = "localhost", port = 0 }
    assert.are.equal("127.0.0.1", (one:sockname()))
  end)

  it("that is everybody's shows IPv4 addresses as such", function()
    local listener <close> = net.listen { host = "*" }
    local s <close> = net.connect("127.0.0.1", listener.port)
    local t <close> = listener:accept()
    assert.are.same({ "127.0.0.1", select(2, s:sockname()) }, { t:peer() })
    assert.are.equal("127.0.0.1", (t:sockname()))
    assert.is_truthy(tostring(t):find("(127.0.0.1:", 1, true))
  end)

  it("may be link-local, with its interface", function()
    local address
    for line in io.lines("/proc/net/if_inet6") do
      local hex, name = line:match("^(fe80%x+) .* (%S+)$")
      if hex then address = hex:gsub("%x%x%x%x", "%0:"):sub(1, -2) .. "%" .. name end
    end
    if not address then return pending("needs an IPv6 link-local address") end
    local listener <close> = net.listen { host = address }
    local host = listener:sockname()
    assert.are.equal(address:match("%%.*"), host:match("%%.*"))
    local s <close> = net.connect(host, listener.port)
    assert.are.same({ host, listener.port }, { s:peer() })
    raises("io", net.connect, (host:gsub("%%.*", "")), listener.port)
  end)

  it("shares its port only if it says so", function()
    local first <close> = net.listen { reuse_port = true }
    local second <close> = net.listen { port = first.port, reuse_port = true }
    assert.are.equal(first.port, second.port)
    raises("io", net.listen, { port = first.port })
  end)

  it("can listen again on a port that was just served", function()
    local server = net.serve({}, echo)
    local s = net.connect("127.0.0.1", server.port)
    testing.settle()
    server:close() -- this side closes first: its end is in TIME_WAIT
    s:close()
    local again <close> = net.listen { port = server.port }
    assert.are.equal(server.port, again.port)
  end)

  it("raises io for an address that is not of this machine", function()
    assert.are.equal("EADDRNOTAVAIL", raises("io", net.listen, { host = "192.0.2.1" }).code)
  end)
end)

describe("a Unix listener", function()
  local function exists(path)
    return os.rename(path, path) ~= nil
  end

  it("removes its file when it is closed", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local listener = net.listen { path = path }
    assert.is_true(exists(path))
    assert.are.equal(path, listener:sockname())
    listener:close()
    assert.is_false(exists(path))
  end)

  it("takes over a file that nobody listens on", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    support.program(("local net = require 'lull.net'; net.listen { path = %q }; " ..
      "io.popen('kill -9 ' .. tostring(io.open('/proc/self/stat'):read('n'))):read('a')"):format(path))
    assert.is_true(exists(path), "the file of the killed program is gone")
    local _ <close> = net.listen { path = path }
    local s <close> = net.connect_unix(path)
    assert.is_truthy(s:fd())
  end)

  it("leaves alone one that is in use, and other files", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local listener = net.listen { path = path }
    assert.are.equal("EADDRINUSE", raises("io", net.listen, { path = path }).code)
    net.connect_unix(path):close()
    listener:close()
    assert(io.open(path, "w")):write("precious"):close()
    assert.are.equal("EADDRINUSE", raises("io", net.listen, { path = path }).code)
    assert.are.equal("precious", assert(io.open(path)):read("a"))
  end)

  it("leaves alone a file that is no longer its own", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local first = net.listen { path = path }
    os.remove(path)
    local second <close> = net.listen { path = path }
    first:close()
    assert.is_true(exists(path))
    net.connect_unix(path):close()
    assert.is_truthy(second)
  end)
end)
