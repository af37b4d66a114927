--- net_connect_spec.lua: connecting by address, name and path.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- A port of 127.0.0.1 on which nobody listens.
local function free_port()
  local listener <close> = net.listen {}
  return listener.port
end

--- Has this machine IPv6 on loopback?
local function has_ipv6()
  local ok, listener = pcall(net.listen, { host = "::1" })
  if ok then listener:close() end
  return ok
end

describe("connect", function()
  it("gives a stream to who listens", function()
    local listener <close> = net.listen {}
    local accepted = go(listener.accept, listener)
    local s <close> = net.connect("127.0.0.1", listener.port)
    local t <close> = accepted:await()
    s:write("hello\n")
    assert.are.equal("hello", t:read())
  end)

  it("takes localhost in any spelling, without a resolver", function()
    local listener <close> = net.listen {}
    for _, name in ipairs { "localhost", "LocalHost", "localhost." } do
      local s <close> = net.connect(name, listener.port)
      assert.are.equal("127.0.0.1", (s:peer()))
    end
  end)

  it("takes IPv6 addresses", function()
    if not has_ipv6() then return end
    local listener <close> = net.listen { host = "::1" }
    local s <close> = net.connect("::1", listener.port)
    assert.are.same({ "::1", listener.port }, { s:peer() })
    assert.are.equal("stream ([::1]:" .. listener.port .. ")", tostring(s))
    local t <close> = net.connect("localhost", listener.port)
    assert.are.equal("::1", (t:peer()))
  end)

  it("takes names", function()
    local listener <close> = net.listen {}
    local hosts = assert(io.open("/etc/hosts")):read("a")
    for name in ("\n" .. hosts):gmatch("\n127%.0%.0%.1%s+([%w.-]+)") do
      local s <close> = net.connect(name, listener.port)
      assert.are.equal("127.0.0.1", (s:peer()))
    end
  end)

  it("takes a port as a string of digits", function()
    local listener <close> = net.listen {}
    local s <close> = net.connect("127.0.0.1", tostring(listener.port))
    assert.are.equal(listener.port, select(2, s:peer()))
  end)

  it("raises io with code, op and the address when refused", function()
    local port = free_port()
    local e = raises("io", net.connect, "127.0.0.1", port)
    assert.are.equal("ECONNREFUSED", e.code)
    assert.are.equal("tcp.connect", e.op)
    assert.is_truthy(e.message:find("127.0.0.1:" .. port, 1, true))
  end)

  it("raises one error for all addresses of a name, with the first as its cause", function()
    local port = free_port()
    local e = raises("io", net.connect, "localhost", port)
    assert.are.equal("ECONNREFUSED", e.code)
    assert.is_truthy(e.message:find("^localhost:" .. port))
    assert.is_truthy(e.message:find("127.0.0.1:" .. port, 1, true))
    assert.is_truthy(e.message:find("[::1]:" .. port, 1, true))
    assert.is_true(lull.is_error(e.cause, "io"))
  end)

  it("raises dns for a name that does not exist", function()
    local e = raises("dns", net.connect, "no-such-host.invalid", 80)
    assert.are.equal("dns.resolve", e.op)
    assert.is_truthy(e.code:find("^EAI_"))
    assert.is_truthy(e.message:find("no-such-host.invalid", 1, true))
  end)

  it("refuses wrong arguments before anything starts, naming them", function()
    for _, arguments in ipairs {
      { nil, 80 }, { 1, 80 }, { "", 80 }, { "a\0b", 80 }, { "127.0.0.1" }, { "127.0.0.1", "x" },
      { "127.0.0.1", -1 }, { "127.0.0.1", 65536 }, { "127.0.0.1", 1.5 }, { "127.0.0.1", 80, 1 },
      { "127.0.0.1", 80, { timeout = -1 } },
    } do
      misuse(net.connect, table.unpack(arguments, 1, 3))
    end
    local _, message = pcall(function()
      local s = net.connect("127.0.0.1", 65536)
      return s
    end)
    assert.is_truthy(message:find("net_connect_spec", 1, true))
    assert.is_truthy(message:find("#2 to 'connect'", 1, true))
  end)
end)

describe("connect_unix", function()
  it("gives a stream to who listens at the path", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local listener <close> = net.listen { path = path }
    local accepted = go(listener.accept, listener)
    local s <close> = net.connect_unix(path)
    local t <close> = accepted:await()
    s:write("hello\n")
    assert.are.equal("hello", t:read())
    assert.are.equal(path, s:peer())
    assert.are.equal(path, t:sockname())
    assert.are.equal("stream (" .. path .. ")", tostring(s))
  end)

  it("raises io when there is nothing, or nobody listens", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local e = raises("io", net.connect_unix, path)
    assert.are.equal("ENOENT", e.code)
    assert.are.equal("unix.connect", e.op)
    assert.is_truthy(e.message:find(path, 1, true))
    local file = assert(io.open(path, "w"))
    file:close()
    assert.are.equal("ECONNREFUSED", raises("io", net.connect_unix, path).code)
  end)

  it("waits while the listener's backlog is full", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local listener <close> = net.listen { path = path, backlog = 1 }
    local clients = {}
    for i = 1, 4 do clients[i] = go(net.connect_unix, path) end
    testing.settle()
    assert.are.equal("pending", clients[4]:status())
    for i = 1, 4 do
      listener:accept():close()
      ends("done", clients[i])
      clients[i]:result():close()
    end
  end)

  it("takes names outside the file system", function()
    local name = "\0lull-" .. tostring({}):match("0x%x+")
    local _ <close> = net.listen { path = name }
    local s <close> = net.connect_unix(name)
    assert.are.equal(name, s:peer())
    assert.are.equal("stream (@" .. name:sub(2) .. ")", tostring(s))
  end)

  it("refuses what cannot be a path", function()
    for _, path in ipairs { "", ("x"):rep(200), "a\0b", 1, {} } do misuse(net.connect_unix, path) end
    misuse(net.connect_unix)
    misuse(net.connect_unix, "/tmp/x", 1)
  end)
end)

describe("numeric addresses", function()
  local numeric = require("lull.net.native").numeric

  it("are told from names", function()
    assert.are.same({ "127.0.0.1", 4 }, { numeric("127.0.0.1") })
    assert.are.same({ "::1", 6 }, { numeric("0:0::1") })
    for _, name in ipairs { "localhost", "1.2.3", "1.2.3.4.5", "::g", "::1%", "", "[::1]" } do
      assert.is_nil((numeric(name)))
    end
  end)

  it("of IPv4 are that in IPv6's clothes, too", function()
    assert.are.same({ "192.0.2.1", 4 }, { numeric("::ffff:192.0.2.1") })
    assert.are.same({ "192.0.2.1", 4 }, { numeric("::ffff:c000:201") })
  end)

  it("may name an interface, by name or number", function()
    assert.are.same({ "fe80::1%lo", 6 }, { numeric("fe80::1%lo") })
    assert.are.same({ "fe80::1%lo", 6 }, { numeric("fe80::1%1") })
    for _, name in ipairs { "fe80::1%nosuch0", "fe80::1%0", "fe80::1%", "127.0.0.1%lo" } do
      assert.is_nil((numeric(name)), name)
    end
  end)
end)
